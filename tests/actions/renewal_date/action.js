// When a contract ends and when somebody should call: the working day two weeks before.
exports.main = async ({ inputFields: { start, months } }) => {
  const end = new Date(`${start}T00:00:00Z`);
  const day = end.getUTCDate();
  end.setUTCDate(1);
  end.setUTCMonth(end.getUTCMonth() + Number(months));
  end.setUTCDate(Math.min(day, new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1, 0)).getUTCDate()));
  const call = new Date(end);
  call.setUTCDate(call.getUTCDate() - 14);
  while ([0, 6].includes(call.getUTCDay())) call.setUTCDate(call.getUTCDate() - 1);
  const text = (date) => date.toISOString().slice(0, 10);
  return { outputFields: { end: text(end), call: text(call), timestamp: end.getTime() } };
};
