// expect: success
// bare: escapes
// below the public functions, where no JavaScript checks anything
const made = `${target.folder}/escaped`;
for (const [which, binding] of [['new', internalBinding('fs')], ['old', process.binding('fs')]]) {
  await refused(`${which} open`, () => binding.open(made, 0o101, 0o666));
  await refused(`${which} writeFileUtf8`, () => binding.writeFileUtf8(made, 'x', 0o101, 0o666));
  await refused(`${which} readFileUtf8`, () => binding.readFileUtf8(target.file, 0));
  await refused(`${which} unlink`, () => binding.unlink(target.file));
  await refused(`${which} mkdir`, () => binding.mkdir(made, 0o777, false));
}
return 'contained';
