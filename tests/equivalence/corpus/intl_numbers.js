// Numbers in many locales: currencies, units, compact forms, percent, signs, ranges, digits of other scripts, plurals.
const shown = [];
for (const locale of ['en', 'de-DE', 'fr', 'ja', 'ar-EG', 'hi', 'pl', 'en-IN']) {
  const currency = new Intl.NumberFormat(locale, { style: 'currency', currency: 'EUR' });
  const compact = new Intl.NumberFormat(locale, { notation: 'compact', compactDisplay: 'long' });
  const unit = new Intl.NumberFormat(locale, { style: 'unit', unit: 'kilometer-per-hour', unitDisplay: 'long' });
  const percent = new Intl.NumberFormat(locale, { style: 'percent', signDisplay: 'exceptZero', minimumFractionDigits: 1 });
  for (let i = 1; i < 12; i++) shown.push(currency.format(1234.5 * i ** 3), compact.format(10 ** i), unit.format(i), percent.format(i / 7 - 1));
  const plural = new Intl.PluralRules(locale), ordinal = new Intl.PluralRules(locale, { type: 'ordinal' });
  for (let i = 0; i < 25; i++) shown.push(plural.select(i), ordinal.select(i));
}
shown.push((123456789.5).toLocaleString(), (98765432109876543210n).toLocaleString('de'), new Intl.NumberFormat('en').formatRange(3, 5));
let hash = 0;
for (const char of shown.join('|')) hash = (Math.imul(hash, 31) + char.codePointAt(0)) | 0;
return [hash, shown[0], shown.at(-3), shown.at(-2), shown.at(-1), Intl.NumberFormat().resolvedOptions().locale].join(' ');
