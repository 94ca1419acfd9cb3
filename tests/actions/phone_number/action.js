// Writes a phone number in one way: +CC and digits. Without a country code it is a German one.
exports.main = async (event) => {
  const { phone = '' } = event.inputFields;
  const digits = phone.replace(/[^\d+]/g, '').replace(/^00/, '+');
  const normal = digits.startsWith('+') ? digits : `+49${digits.replace(/^0/, '')}`;
  const valid = /^\+\d{7,15}$/.test(normal);
  if (!valid) console.warn('not a phone number:', phone);
  return { outputFields: { phone: valid ? normal : null, valid } };
};
