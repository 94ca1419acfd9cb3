// Dates in many locales, calendars and time zones, with daylight saving; relative times, durations, lists of names.
const times = [0, 86_400_000 * 365, Date.UTC(2024, 1, 29, 23, 30), Date.UTC(2024, 2, 31, 1, 0), Date.UTC(1900, 0, 1), Date.UTC(2038, 0, 19, 3, 14, 8)];
const shown = [];
for (const locale of ['en-US', 'en-GB', 'de', 'fr', 'ja-JP-u-ca-japanese', 'ar-SA-u-ca-islamic', 'he-u-ca-hebrew', 'th']) {
  for (const timeZone of ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Apia']) {
    const format = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'long', timeZone });
    for (const time of times) shown.push(format.format(time));
  }
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  for (const unit of ['day', 'week', 'month', 'year']) shown.push(relative.format(-1, unit), relative.format(5, unit));
}
shown.push(new Intl.DateTimeFormat('en', { year: 'numeric', month: 'short' }).formatRange(times[0], times[1]));
shown.push(new Intl.DisplayNames('de', { type: 'region' }).of('JP'), Intl.supportedValuesOf('timeZone').length);
let hash = 0;
for (const char of shown.join('|')) hash = (Math.imul(hash, 31) + char.codePointAt(0)) | 0;
return [hash, shown[0], shown[13], shown.at(-2), shown.at(-1)].join(' ');
