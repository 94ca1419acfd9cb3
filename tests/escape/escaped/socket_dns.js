// expect: success,crashed
// a question is a message: asked of a resolver outside, and of the machine's own
const dns = require('dns');
const NONE = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_SYSTEM', 'ECONNREFUSED', 'ETIMEOUT', 'EPERM', 'ENODATA', 'ESERVFAIL', 'EUNKNOWN', 'ECANCELLED', 'EBADRESP', 'EREFUSED'];
await refused('lookup', () => dns.promises.lookup('escaped.example.org'), ...NONE);
await refused('lookupService', () => dns.promises.lookupService('127.0.0.1', 80), ...NONE);
const resolver = new dns.promises.Resolver({ timeout: 200, tries: 1 });
resolver.setServers([`127.0.0.1:${target.udp}`]);
await refused('resolve', () => resolver.resolve4('escaped.example.org'), ...NONE);
await refused('reverse', () => resolver.reverse('127.0.0.1'), ...NONE);
return 'contained';
