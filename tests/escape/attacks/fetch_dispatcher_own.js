// expect: success,error
// A network of one's own: undici's option for it gets no further than the code itself
const dispatcher = { isMockActive: true, dispatch(options, handler) { handler.onConnect(() => {}); handler.onHeaders(200, [], () => {}, "mine"); handler.onComplete([]); return true; } };
const response = await fetch("http://169.254.169.254/", { dispatcher });
const found = [response.constructor, dispatcher, Object.getPrototypeOf(response.body)].filter((object) => object.process || object.require || object.mainModule);
return found.length === 0 ? "contained" : "ESCAPED: " + found.length;
