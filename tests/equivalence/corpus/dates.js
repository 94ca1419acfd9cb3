// Dates: in the worker it is always UTC; parsing, overflow, the edges of time, arithmetic over every day of a century.
const zone = [new Date(2024, 6, 1).getTimezoneOffset(), new Date(2024, 0, 1).getHours(), Intl.DateTimeFormat().resolvedOptions().timeZone];
let hash = 0, leaps = 0;
for (let day = Date.UTC(1970, 0, 1); day < Date.UTC(2070, 0, 1); day += 86_400_000) {
  const date = new Date(day);
  hash = (Math.imul(hash, 31) + date.getFullYear() * 400 + date.getMonth() * 31 + date.getDate() + date.getDay()) | 0;
  if (date.getMonth() === 1 && date.getDate() === 29) leaps++;
}
const parsed = ['2024-02-29', '2024-02-29T12:00', '2024-02-29T12:00:00.5+05:30', 'Thu, 29 Feb 2024 12:00:00 GMT', '29 Feb 2024', '+275760-09-13', '2024-13-01', 'nonsense'].map((text) => Date.parse(text));
const over = [new Date(2024, 12, 32), new Date(2024, 0, 0), new Date(99, 0), new Date(8.64e15)].map((date) => date.toISOString());
const local = new Date(0), shown = [local.toString(), local.toUTCString(), local.toLocaleDateString(), local.toLocaleTimeString(), local.toJSON()];
let invalid = '';
try { new Date(NaN).toISOString(); } catch (error) { invalid = error.name; }
return [zone, hash, leaps, parsed, over, shown, invalid, new Date(2024, 0, 31).setMonth(1), typeof (new Date() + 1), Math.abs(Date.now() - new Date()) < 1000].join();
