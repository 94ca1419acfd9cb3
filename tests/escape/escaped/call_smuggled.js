// expect: success
// says: "contained"
// what no harness would ask: each is answered by an error, and no byte of it goes out
const url = `http://127.0.0.1:${target.tcp}/`, request = { url, method: 'GET', headers: [], body: null };
const asks = [
  ['fetch', 'request', { ...request, headers: [['a', 'b\r\nHost: evil']] }],
  ['fetch', 'request', { ...request, headers: [['a\r\nb', 'c']] }],
  ['fetch', 'request', { ...request, headers: [['a:', 'c']] }],
  ['fetch', 'request', { ...request, headers: [['é', 'c']] }],
  ['fetch', 'request', { ...request, headers: [['a', '€']] }],
  ['fetch', 'request', { ...request, headers: [['a', '\0']] }],
  ['fetch', 'request', { ...request, headers: { a: 'b' } }],
  ['fetch', 'request', { ...request, method: 'GET / HTTP/1.1\r\nHost: evil\r\n\r\nGET' }],
  ['fetch', 'request', { ...request, method: 'CONNECT' }],
  ['fetch', 'request', { ...request, method: 'TRACE' }],
  ['fetch', 'request', { ...request, method: '' }],
  ['fetch', 'request', { ...request, body: 'not base64!' }],
  ['fetch', 'request', { ...request, body: 5 }],
  ['fetch', 'request', { ...request, redirect: 'follow' }],
  ['fetch', 'request', { ...request, further: 1 }],
  ['fetch', 'request', { url }],
  ['fetch', 'request', null],
  ...[
    'file:///etc/passwd', 'unix:/run/x', `http://127.0.0.1:${target.tcp}/a b`, `http://127.0.0.1:${target.tcp}/\r\nX: y`, `http://u:p@127.0.0.1:${target.tcp}/`, `http://127.0.0.1:${target.tcp}#x`,
    `http:/127.0.0.1:${target.tcp}/`, `http://2130706433:${target.tcp}/`, `http://0x7f.1:${target.tcp}/`, `http://127.0.0.1.:${target.tcp}/`, `http://[::ffff:127.0.0.1]:${target.tcp}/`, `http://0:${target.tcp}/`,
    `http://[::1%25lo]:${target.tcp}/`, 'http://169.254.169.254/latest/meta-data/', 'http://127.0.0.1:22/', 'http://localhost:99999/', '', '/', 5,
  ].map((bad) => ['fetch', 'request', { ...request, url: bad }]),
  ['fetch', '__proto__', {}], ['fetch', 'constructor', {}], ['fetch', 'Request', request], ['fetch', 'request\0', request], ['__class__', 'request', request], ['db', 'query', { sql: 'select 1' }], ['Fetch', 'request', request],
  ['fetch', 'abort', { id: 'x' }], ['fetch', 'abort', { id: -1, further: 1 }],
];
const wrong = [];
asks.forEach(([capability, method, args], i) => {
  raw(frame(JSON.stringify({ type: 'host_call', id: i + 1, capability, method, args })));
  const said = native.readFrame(3, 1 << 20), { error } = JSON.parse(said);
  if (error === undefined) wrong.push(`${JSON.stringify([capability, method, args])} gave ${said}`);
  else if (/Traceback|sandboxd|\.py\b/.test(said)) wrong.push(said);
});
if (wrong.length) escaped(wrong.join('\n'));
return 'contained';
