// expect: success,error
// Promise, Headers, Request, Response, URL, Map and Array replaced before the call: whatever is asked for then is judged as ever
const asked = [];
for (const [holder, names] of [[Promise.prototype, ["then", "catch"]], [Headers.prototype, ["append", "get", "entries"]], [Response.prototype, ["text", "json"]], [Map.prototype, ["get", "set", "delete"]], [Array.prototype, ["push", "map", "join"]], [String.prototype, ["toString", "replace", "toLowerCase"]]]) {
  for (const name of names) { const before = holder[name]; Object.defineProperty(holder, name, { __proto__: null, configurable: true, writable: true, value(...args) { asked[asked.length] = name; return Reflect.apply(before, this, args); } }); }
}
for (const name of ["origin", "pathname", "href", "protocol"]) Object.defineProperty(URL.prototype, name, { __proto__: null, configurable: true, get() { return name === "pathname" ? "/ HTTP/1.1\r\nHost: evil\r\n\r\n" : "http://169.254.169.254"; } });
for (const name of ["capability", "method", "args", "answered", "error", "value", "size", "rule", "dispatcher", "status"]) Object.defineProperty(Object.prototype, name, { __proto__: null, configurable: true, get() { return "ESCAPED: " + name; }, set(value) { Object.defineProperty(this, name, { __proto__: null, value, writable: true, configurable: true, enumerable: true }); } });
const end = await fetch("http://127.0.0.1:8/").then((response) => response.status, (error) => error.name);
return end === "TypeError" ? "contained" : "ESCAPED: " + end;
