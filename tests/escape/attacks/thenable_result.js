// expect: error,success,timeout
// a returned thenable that settles never, twice, or with itself
return { get then() { console.log("asked"); return (ok, no) => { ok({ then(a, b) { a(1); b(2); a(results); } }); no(new Error("late")); for (const f of [ok, no]) f(f); }; } };
