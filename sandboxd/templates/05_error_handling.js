// name: Error Handling
// description: Catch a failure, tell one kind from another and carry on
// category: basics
// difficulty: intermediate

// Send {"text": "..."} to try a text of your own; this one is JSON with its end cut off.
const text = input?.text ?? '{"name": "Ada", "skills": ["math"';

function parseProfile(json) {
  const profile = JSON.parse(json);
  if (typeof profile?.name !== 'string') {
    throw new TypeError('A profile needs a name');
  }
  return profile;
}

let profile = { name: 'anonymous' };
try {
  profile = parseProfile(text);
  console.log('Parsed:', profile.name);
} catch (error) {
  // Handle what you expect; anything else is a bug and should stay visible.
  if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
  console.error(`${error.name}:`, error.message);
  results.error = error.message;
  results.errorName = error.name;
} finally {
  // Runs either way: the place to tidy up.
  console.log('Done, continuing as', profile.name);
}

results.profile = profile;
