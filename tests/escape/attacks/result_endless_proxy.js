// expect: timeout,memory_limit,error,output_limit
// a proxy as result: an array of ever more items
return new Proxy([], { get(t, k) { return k === "length" ? 2 ** 53 - 1 : k === "toJSON" ? undefined : "xxxxxxxx"; } });
