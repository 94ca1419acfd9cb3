// expect: error,timeout,memory_limit,output_limit
// a proxy whose list of keys is huge and each value a proxy again
const keys = Array.from({ length: 1e4 }, (_, i) => "k" + i); const make = () => new Proxy({}, { ownKeys: () => keys, getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }), get: (t, k) => (k === "toJSON" ? undefined : make()) });
return make();
