// name: Data Validation
// description: Check e-mail addresses and phone numbers and report each one
// category: data
// difficulty: intermediate

// Send {"emails": [...], "phones": [...]} to check your own.
const {
  emails = ['ada@example.com', 'grace.hopper@navy.example', 'no-at-sign.example.com', 'two@@example.com'],
  phones = ['+49 30 901820', '(555) 010-9999', '12345', 'call me'],
} = input ?? {};

// One @, something before it, a dot in what follows. Whether the mailbox exists only a mail can tell.
const isEmail = (text) => text.length <= 254 && /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text);

// Take away how people write phone numbers, then count: international numbers have 7 to 15 digits.
const isPhone = (text) => /^\+?\d{7,15}$/.test(text.replace(/[\s().-]/g, ''));

results.emails = emails.map((email) => ({ email, valid: isEmail(String(email)) }));
results.phones = phones.map((phone) => ({ phone, valid: isPhone(String(phone)) }));

for (const { email, valid } of results.emails) {
  console.log(`${valid ? 'ok ' : 'bad'} ${email}`);
}
for (const { phone, valid } of results.phones) {
  console.log(`${valid ? 'ok ' : 'bad'} ${phone}`);
}
