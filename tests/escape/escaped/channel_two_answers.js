// expect: success
// says: "contained"
// the first answer counts; the second comes from the dead
raw(frame('{"type":"done","value":"contained"}'), frame('{"type":"done","value":"ESCAPED: a second answer"}'));
forever();
