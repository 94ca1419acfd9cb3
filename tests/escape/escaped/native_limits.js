// expect: success
// no limit rises, and none but that of data can be touched
for (let which = 0; which < 16; which++) for (const most of [0, 1, 2 ** 40, 2 ** 52]) {
  if (which === 2 && most < 2 ** 40) continue; // its own memory it may lower
  let gave = 'done';
  try { native.setLimit(which, most); } catch (e) { gave = e.message; }
  if (gave !== 'setrlimit: Operation not permitted') escaped(`limit ${which} at ${most}: ${gave}`);
}
return 'contained';
