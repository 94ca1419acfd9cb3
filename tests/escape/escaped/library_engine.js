// expect: success
// OpenSSL loads engines and providers by path
const crypto = require('crypto');
await refused('engine', () => crypto.setEngine(target.library), 'ERR_CRYPTO_ENGINE_UNKNOWN', 'ERR_CRYPTO_CUSTOM_ENGINE_NOT_SUPPORTED', 'ERR_OSSL_DSO_COULD_NOT_LOAD_THE_SHARED_LIBRARY');
return 'contained';
