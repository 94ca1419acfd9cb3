// Text by the rules of languages: collation, segmentation, case, normal forms, lists.
const words = ['zebra', 'Äpfel', 'apple', 'Öl', 'éclair', 'eclair', 'ångström', 'cote', 'côte', 'coté', 'côté', 'a10', 'a2', 'ß', 'ss', 'ch', 'cz', 'ñu', 'nz'];
const orders = ['de', 'sv', 'fr-CA', 'cs', 'es', 'en-u-kn-true'].map((locale) => words.toSorted(new Intl.Collator(locale).compare).join());
const equal = new Intl.Collator('en', { sensitivity: 'base', ignorePunctuation: true }).compare('a-É', 'AE');
const prose = 'Dr. Müller kam. 「今日は良い天気ですね。」 ไทยเป็นภาษา 👩‍👩‍👧‍👦🇩🇪 e\u0301 '.repeat(20);
const counts = ['grapheme', 'word', 'sentence'].map((granularity) => [...new Intl.Segmenter('ja', { granularity }).segment(prose)].length);
const forms = ['NFC', 'NFD', 'NFKC', 'NFKD'].map((form) => 'ﬁ Å e\u0301 ① ｶﾞ'.normalize(form).length);
const cases = ['istanbul'.toLocaleUpperCase('tr'), 'ΑΣΟΣ'.toLocaleLowerCase('el'), 'straße'.toUpperCase(), 'İ'.toLowerCase().length];
const lists = ['en', 'de', 'ja'].map((locale) => new Intl.ListFormat(locale, { type: 'disjunction' }).format(['a', 'b', 'c']));
return [...orders, equal, ...counts, ...forms, ...cases, ...lists, 'a'.localeCompare('B'), Intl.getCanonicalLocales('EN-us')].join('|');
