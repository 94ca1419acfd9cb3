// expect: success
// says: "contained"
// a host call that comes after the result is nobody's
raw(frame('{"type":"done","value":"contained"}'), frame('{"type":"host_call","id":1,"capability":"fetch","method":"abort","args":{"id":1}}'));
forever();
