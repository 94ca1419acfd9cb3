// expect: success
// to serve as a fork server does: no stock is taken behind the last filter, and without one nobody serves
for (const control of [3, 0, 4, -1]) {
  let gave = [];
  for (const name of ['takeStock', 'serve']) try { native[name](control); gave.push('done'); } catch (e) { gave.push(e.message); }
  if (gave.includes('done')) escaped(`control ${control}: ${gave}`);
}
return 'contained';
