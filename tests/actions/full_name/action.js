// Splits a name, in the callback style.
exports.main = (event, callback) => {
  const words = event.inputFields.name.trim().split(/\s+/);
  const particles = new Set(['von', 'van', 'de', 'der', 'la']);
  let at = words.length - 1;
  while (at > 1 && particles.has(words[at - 1].toLowerCase())) at--;
  callback({
    outputFields: { firstname: words.slice(0, at).join(' ') || words[0], lastname: at > 0 ? words.slice(at).join(' ') : '' },
  });
};
