// Sums the line items of a deal, with its discount and the tax of its country.
const TAX = { DE: 0.19, FR: 0.2, US: 0 };

exports.main = async (event) => {
  const { items, discount_percent: discount = 0, country } = event.inputFields;
  const lines = JSON.parse(items).map(({ price, quantity = 1 }) => Math.round(price * 100) * quantity);
  const net = Math.round(lines.reduce((sum, cents) => sum + cents, 0) * (1 - discount / 100));
  const tax = Math.round(net * (TAX[country] ?? 0));
  console.log('lines: %d, net: %d cents', lines.length, net);
  return { outputFields: { net: net / 100, tax: tax / 100, total: (net + tax) / 100, is_large: net > 100000 } };
};
