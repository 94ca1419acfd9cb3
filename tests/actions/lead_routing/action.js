// Who gets a lead: by country, then by size, from a table in the environment. An ES module.
const owners = JSON.parse(process.env.OWNERS);

export const main = async ({ inputFields, object }) => {
  const { country = '', employees = 0 } = inputFields;
  const team = owners[country.toUpperCase()] ?? owners.rest;
  const owner = Number(employees) >= 250 ? team.large : team.small;
  return { outputFields: { owner, note: `contact ${object.objectId} goes to ${owner}` } };
};
