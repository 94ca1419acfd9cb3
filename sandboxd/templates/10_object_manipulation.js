// name: Object Manipulation
// description: Copy, merge, pick and reshape objects without changing the original
// category: data
// difficulty: intermediate

// Send {"user": {...}} to work on your own.
const user = input?.user ?? {
  id: 7,
  name: 'Ada Lovelace',
  password: 'hunter2',
  address: { city: 'London', country: 'UK' },
};

// Destructuring takes a field out; the rest of them land in `profile`.
const { password, ...profile } = user;
console.log(password === undefined ? 'No password to drop' : 'Dropped the password');

// Spread copies one level; later fields win. Nested objects need a spread of their own.
const updated = { ...profile, active: true, address: { ...profile.address, city: 'Paris' } };
console.log('Moved from', user.address?.city, 'to', updated.address.city);

// entries and fromEntries turn an object into a list and back.
const lengths = Object.fromEntries(
  Object.entries(profile)
    .filter(([, value]) => typeof value === 'string')
    .map(([key, value]) => [key, value.length]),
);
console.log('Keys:', Object.keys(updated));

// structuredClone copies all levels.
const clone = structuredClone(user);
clone.address = { ...clone.address, city: 'Rome' };

results.updated = updated;
results.lengths = lengths;
results.cloneCity = clone.address.city;
results.originalCity = user.address?.city ?? null;
