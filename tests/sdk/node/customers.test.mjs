// Customers: pages, search, balance, tax ids, and the end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newClient } from './sandbox.mjs';

const refused = async (promise) => {
  try { await promise; } catch (error) { return error; }
  return assert.fail('not refused');
};

test('a customer is created, changed and retrieved', async () => {
  const stripe = newClient();
  const made = await stripe.customers.create({
    name: 'Jenny', email: 'jenny@example.com', address: { city: 'Berlin' }, metadata: { a: '1', b: '2' },
    preferred_locales: ['de'], shipping: { name: 'Jenny', address: { line1: 'x' } },
  });
  assert.match(made.id, /^cus_[A-Za-z0-9]{14}$/);
  assert.deepEqual({ ...made.address }, { city: 'Berlin', country: null, line1: null, line2: null, postal_code: null, state: null });
  assert.equal(made.shipping.phone, null);
  const changed = await stripe.customers.update(made.id, { name: 'J', metadata: { b: '', c: '3' }, address: { country: 'DE' } });
  assert.deepEqual([changed.name, { ...changed.metadata }], ['J', { a: '1', c: '3' }]);
  assert.deepEqual([changed.address.city, changed.address.country], ['Berlin', 'DE']);
  assert.equal((await stripe.customers.retrieve(made.id)).name, 'J');
});

test('pages go by themselves', async () => {
  const stripe = newClient();
  for (let index = 0; index < 12; index += 1) await stripe.customers.create({ name: `c${index}` });
  const first = await stripe.customers.list();
  assert.deepEqual([first.data.length, first.has_more, first.data[0].name], [10, true, 'c11']);
  const names = [];
  for await (const customer of stripe.customers.list({ limit: 5 })) names.push(customer.name);
  assert.equal(names.length, 12);
  assert.equal(names.at(-1), 'c0');
  const older = await stripe.customers.list({ limit: 2, starting_after: first.data[9].id });
  assert.deepEqual(older.data.map((row) => row.name), ['c1', 'c0']);
  const newer = await stripe.customers.list({ limit: 2, ending_before: first.data[2].id });
  assert.deepEqual([newer.data.map((row) => row.name), newer.has_more], [['c11', 'c10'], false]);
});

test('customers are searched', async () => {
  const stripe = newClient();
  for (const [name, plan] of [['Ann Lee', 'pro'], ['Bob Lee', 'free'], ['Cleo Roth', 'pro']]) {
    await stripe.customers.create({ name, metadata: { plan } });
  }
  const found = async (query) => (await stripe.customers.search({ query })).data.map((row) => row.name);
  assert.deepEqual(await found('metadata["plan"]:"pro"'), ['Cleo Roth', 'Ann Lee']);
  assert.deepEqual(await found('name~"lee" AND -metadata["plan"]:"pro"'), ['Bob Lee']);
  assert.deepEqual(await found("name:'ann lee' OR name:'bob lee'"), ['Bob Lee', 'Ann Lee']);
  const all = await stripe.customers.search({ query: 'created>0', limit: 2 }).autoPagingToArray({ limit: 10 });
  assert.equal(all.length, 3);
  const error = await refused(stripe.customers.search({ query: 'shoe:"x"' }));
  assert.match(error.message, /Field `shoe` is an unsupported search field for resource `customers`/);
});

test('the balance has entries', async () => {
  const stripe = newClient();
  const { id } = await stripe.customers.create({ balance: -500 });
  const entry = await stripe.customers.createBalanceTransaction(id, { amount: 200, currency: 'usd' });
  assert.deepEqual([entry.type, entry.ending_balance], ['adjustment', -300]);
  assert.equal((await stripe.customers.retrieve(id)).balance, -300);
  const { data } = await stripe.customers.listBalanceTransactions(id);
  assert.deepEqual(data.map((row) => [row.type, row.amount]), [['adjustment', 200], ['initial', -500]]);
  const changed = await stripe.customers.updateBalanceTransaction(id, entry.id, { description: 'Noted' });
  assert.equal(changed.description, 'Noted');
});

test('tax ids come and go', async () => {
  const stripe = newClient();
  const { id } = await stripe.customers.create({ tax_id_data: [{ type: 'eu_vat', value: 'DE123456789' }] });
  const { data } = await stripe.customers.listTaxIds(id);
  assert.deepEqual(data.map((row) => [row.type, row.country, row.verification.status]), [['eu_vat', 'DE', 'pending']]);
  const error = await refused(stripe.customers.createTaxId(id, { type: 'eu_vat', value: '12' }));
  assert.deepEqual([error.code, error.param, error.message], ['tax_id_invalid', 'value', 'Invalid value for eu_vat.']);
  assert.equal((await stripe.customers.deleteTaxId(id, data[0].id)).deleted, true);
  assert.equal((await stripe.customers.listTaxIds(id)).data.length, 0);
});

test('a deleted customer leaves a tombstone', async () => {
  const stripe = newClient();
  const { id } = await stripe.customers.create({});
  assert.deepEqual({ ...(await stripe.customers.del(id)) }.deleted, true);
  assert.equal((await stripe.customers.retrieve(id)).deleted, true);
  const error = await refused(stripe.customers.update(id, { name: 'x' }));
  assert.deepEqual([error.statusCode, error.code, error.param], [404, 'resource_missing', 'id']);
});
