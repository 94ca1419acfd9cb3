// URLs, their queries and patterns: parsing, relative ones, special schemes, percent-encoding, international hosts.
const texts = ['http://user:p%40ss@EXAMPLE.com:80/a/../b/./c?x=1&y=ä#frag', 'https://münchen.de/straße', 'http://[::1]:8080/', 'http://0x7f.1/', 'file:///C|/x/../y', 'mailto:a@b.c', 'data:text/plain,hi', 'http://a b/', '//x', 'javascript:1'];
const parsed = texts.map((text) => { const url = URL.parse(text); return url === null ? 'none' : url.href + ' ' + url.origin; });
const relative = ['../x', '?q', '#h', '//host/p', 'y z', ''].map((text) => new URL(text, 'https://base.test/a/b/c?d#e').href);
const query = new URLSearchParams('a=1&b=2&a=3&c=%20+x');
query.append('ü', '&='); query.delete('b'); query.sort();
const url = new URL('https://x.test/');
for (let i = 0; i < 1500; i++) url.searchParams.append('k' + (i % 100), 'v' + i);
url.port = '99999'; url.port = '8443'; url.pathname = '/p q'; url.hash = 'ö'; url.host = 'y.test';
const pattern = new URLPattern({ pathname: '/books/:id(\\d+)/*' });
const match = pattern.exec('https://x.test/books/12/pages/3')?.pathname.groups;
const coded = [encodeURIComponent('ä/?'), encodeURI('ä/?'), decodeURIComponent('%E2%82%AC'), escape('ä'), unescape('%u20AC')];
let refused = '';
try { decodeURIComponent('%E2%82'); } catch (error) { refused = error.name; }
return [parsed, relative, query, query.getAll('a'), url.searchParams.size, url.href.length, url.href.slice(0, 40), JSON.stringify(match), pattern.test('https://x.test/books/x/'), coded, refused].join();
