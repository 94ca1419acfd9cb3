/* Code from strings, as bundled libraries make it. */
const global = Function('return this')();
const compile = (text) => new Function('data', `with (data) return \`${text}\``);
const render = compile('${name} has ${items.map((x) => `<${x}>`).join("")}');
const schema = { type: 'object', required: ['a', 'b'] };
const validate = new Function('value', schema.required.map((key) => `if (!(${JSON.stringify(key)} in value)) return ${JSON.stringify(key)};`).join('\n') + 'return true');
let local = 1;
eval('local = 2; var inner = 3');
export default [global === globalThis, render({ name: 'é', items: [1, 2] }), validate({ a: 1, b: 2 }), validate({ a: 1 }), local, typeof inner, (0, eval)('var outer = 4; outer'), typeof outer].join();
