// Meters, events, summaries; features and who has them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newClient } from './sandbox.mjs';

const refused = async (promise) => {
  try { await promise; } catch (error) { return error; }
  return assert.fail('not refused');
};
const DAY = 86_400;
const HOUR = 3_600;

const meter = (stripe, event_name, formula = 'sum') =>
  stripe.billing.meters.create({ display_name: 'Calls', event_name, default_aggregation: { formula } });

test('a meter lives', async () => {
  const stripe = newClient();
  const made = await meter(stripe, 'calls');
  assert.match(made.id, /^mtr_test_61/);
  assert.equal(made.status, 'active');
  assert.equal((await stripe.billing.meters.update(made.id, { display_name: 'API' })).display_name, 'API');
  assert.equal((await stripe.billing.meters.deactivate(made.id)).status, 'inactive');
  assert.equal((await stripe.billing.meters.reactivate(made.id)).status, 'active');
  assert.equal((await refused(meter(stripe, 'calls'))).statusCode, 400);
  assert.deepEqual((await stripe.billing.meters.list({ status: 'active' })).data.map((row) => row.id), [made.id]);
});

for (const [formula, wanted] of [['sum', 12], ['count', 3], ['last', 2]]) {
  test(`values add up by ${formula}`, async () => {
    const stripe = newClient();
    const calls = await meter(stripe, 'calls', formula);
    const { id: customer } = await stripe.customers.create({});
    const now = Math.floor(Date.now() / 1000);
    for (const [timestamp, value] of [[now - 300, '4'], [now - 100, '2'], [now - 200, '6']]) {
      await stripe.billing.meterEvents.create({ event_name: 'calls', payload: { stripe_customer_id: customer, value }, timestamp });
    }
    const start_time = Math.floor(now / DAY) * DAY - DAY;
    const { data } = await stripe.billing.meters.listEventSummaries(calls.id, { customer, start_time, end_time: start_time + 2 * DAY });
    assert.deepEqual(data.map((row) => row.aggregated_value), [wanted]);
  });
}

test('summaries by the hour', async () => {
  const stripe = newClient();
  const calls = await meter(stripe, 'calls');
  const { id: customer } = await stripe.customers.create({});
  const day = Math.floor(Date.now() / 1000 / DAY) * DAY - DAY;
  for (const [timestamp, value] of [[day + 60, '1'], [day + HOUR - 1, '2'], [day + HOUR, '4']]) {
    await stripe.billing.meterEvents.create({ event_name: 'calls', payload: { stripe_customer_id: customer, value }, timestamp });
  }
  const { data } = await stripe.billing.meters.listEventSummaries(calls.id, {
    customer, start_time: day, end_time: day + DAY, value_grouping_window: 'hour',
  });
  assert.deepEqual(data.map((row) => [(row.start_time - day) / HOUR, row.aggregated_value]), [[1, 4], [0, 3]]);
});

test('an event is counted once, and may be taken back', async () => {
  const stripe = newClient();
  await meter(stripe, 'calls');
  const { id: customer } = await stripe.customers.create({});
  const send = () => stripe.billing.meterEvents.create({
    event_name: 'calls', payload: { stripe_customer_id: customer, value: '7' }, identifier: 'one',
  });
  await send();
  assert.equal((await refused(send())).message, 'An event already exists with identifier one.');
  const taken = await stripe.billing.meterEventAdjustments.create({ event_name: 'calls', type: 'cancel', cancel: { identifier: 'one' } });
  assert.deepEqual([taken.status, taken.cancel.identifier], ['pending', 'one']);
  assert.match((await refused(stripe.billing.meterEvents.create({ event_name: 'none', payload: { value: '1' } }))).message,
    /^No active meter found with/);
});

test('features follow the subscription', async () => {
  const stripe = newClient();
  const feature = await stripe.entitlements.features.create({ name: 'API', lookup_key: 'api' });
  const product = await stripe.products.create({ name: 'Pro' });
  const attached = await stripe.products.createFeature(product.id, { entitlement_feature: feature.id });
  assert.equal(attached.entitlement_feature.lookup_key, 'api');
  const price = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 1000, recurring: { interval: 'month' } });
  const { id: customer } = await stripe.customers.create({});
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], default_payment_method: card.id });
  const held = async () => (await stripe.entitlements.activeEntitlements.list({ customer })).data.map((row) => row.lookup_key);
  assert.deepEqual(await held(), ['api']);
  await stripe.subscriptions.cancel(subscription.id);
  assert.deepEqual(await held(), []);
  const { data } = await stripe.events.list({ type: 'entitlements.active_entitlement_summary.updated' });
  assert.deepEqual(data.map((event) => event.data.object.entitlements.data.length), [0, 1]);
  assert.equal((await stripe.entitlements.features.update(feature.id, { active: false })).active, false);
});

test('events by the second api', async () => {
  const stripe = newClient();
  const calls = await meter(stripe, 'calls');
  const { id: customer } = await stripe.customers.create({});
  const sent = await stripe.v2.billing.meterEvents.create({
    event_name: 'calls', identifier: 'v2', payload: { stripe_customer_id: customer, value: '9' },
  });
  assert.deepEqual([sent.object, sent.identifier], ['v2.billing.meter_event', 'v2']);
  const error = await refused(stripe.v2.billing.meterEvents.create({ event_name: 'none', payload: { value: '1' } }));
  assert.deepEqual([error.statusCode, error.code], [400, 'no_meter']);
  const start_time = Math.floor(Date.now() / 1000 / DAY) * DAY;
  const { data } = await stripe.billing.meters.listEventSummaries(calls.id, { customer, start_time, end_time: start_time + DAY });
  assert.deepEqual(data.map((row) => row.aggregated_value), [9]);
});
