// expect: success,crashed
// bare: escapes
// the diagnostic report goes where it is told to, and tells of the machine
process.report.directory = target.folder;
process.report.filename = 'escaped-report.json';
process.report.writeReport();
process.report.writeReport(`${target.folder}/escaped-report-2.json`);
if (fs.existsSync(`${target.folder}/escaped-report.json`)) escaped('a report');
return 'contained';
