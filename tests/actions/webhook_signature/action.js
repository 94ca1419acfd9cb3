// Signs a payload for somebody's webhook with the secret of the environment.
exports.main = async (event, callback) => {
  const bytes = (text) => new TextEncoder().encode(text);
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', bytes(process.env.WEBHOOK_SECRET), algorithm, false, ['sign']);
  const body = JSON.stringify({ id: event.object.objectId, ...event.inputFields });
  const signature = await crypto.subtle.sign('HMAC', key, bytes(body));
  callback({ outputFields: { body, signature: Buffer.from(signature).toString('hex') } });
};
