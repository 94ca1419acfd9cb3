// name: Fetch Data from API
// description: Fetch data from an API endpoint and process it
// category: network
// difficulty: intermediate

// A relative address stands for one on the API's own host.
const path = input?.path ?? '/api/data';

const response = await fetch(path, { headers: { Accept: 'application/json' } });

// fetch only rejects when there is no answer at all: a 404 or a 500 is an answer.
if (!response.ok) {
  throw new Error(`GET ${path} answered ${response.status}`);
}

const data = await response.json();
const count = Array.isArray(data) ? data.length : Object.keys(data ?? {}).length;

console.log(`GET ${path}: status ${response.status}, ${count} ${Array.isArray(data) ? 'items' : 'fields'}`);

results.data = data;
results.count = count;
