'use strict';
/* The HTTP front of every peer on Node: POST {"code"} to any path, {"results", "logs"} back. */
const http = require('node:http');

/** Listens on a free port of the loopback and prints it. `run` takes code and promises the answer as JSON text. */
exports.serve = (run) => {
  const answer = async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    let status = 200, text;
    try {
      text = await run(JSON.parse(Buffer.concat(chunks)).code);
    } catch (error) {
      status = 500;
      text = JSON.stringify({ error: String(error?.message ?? error) });
    }
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.end(text);
  };
  const server = http.createServer(answer);
  server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
};
