// A year, upgrades to the cent, dunning and trials on a test clock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY, HOUR, Shop, at, day, refused } from './shop.mjs';

const START = at('2026-04-01');
const CHANGE = at('2026-04-11');
const END = at('2026-05-01');

async function subscribed(shop, amount, quantity = 1, more = {}) {
  const customer = await shop.customer();
  const subscription = await shop.stripe.subscriptions.create({
    customer: customer.id, items: [{ price: (await shop.price(amount)).id, quantity }], ...more });
  assert.equal(subscription.status, 'active');
  return { customer, subscription, item: subscription.items.data[0].id };
}

test('a year of renewals, each paid, each month as long as it is', async () => {
  const shop = await Shop.open('2026-01-31');
  const { customer, subscription } = await subscribed(shop, 1000);
  const ends = [];
  for (let month = 0; month < 12; month += 1) {
    const now = await shop.stripe.subscriptions.retrieve(subscription.id);
    ends.push(day(now.items.data[0].current_period_end));
    await shop.to(now.items.data[0].current_period_end + 2 * HOUR);
  }
  assert.deepEqual(ends, ['2026-02-28', '2026-03-31', '2026-04-30', '2026-05-31', '2026-06-30', '2026-07-31', '2026-08-31',
    '2026-09-30', '2026-10-31', '2026-11-30', '2026-12-31', '2027-01-31']);
  const invoices = await shop.invoices({ customer: customer.id });
  assert.equal(invoices.length, 13);
  assert.ok(invoices.every((invoice) => invoice.status === 'paid' && invoice.amount_paid === 1000));
  assert.deepEqual(invoices.map((invoice) => invoice.number.slice(-4)),
    Array.from({ length: 13 }, (_, index) => String(index + 1).padStart(4, '0')));
});

// 30 days, 20 of them left: price * 20/30 to the nearest cent.
for (const [title, from, to, quantities, lines, total] of [
  ['upgrade', 1000, 2000, [1, 1], [-667, 1333], 666],
  ['downgrade', 2000, 1000, [1, 1], [-1333, 667], -666],
  ['one seat more', 999, 999, [2, 3], [-1332, 1998], 666],
]) {
  test(`${title}: what it costs, previewed and done`, async () => {
    const shop = await Shop.open();
    const { customer, subscription, item } = await subscribed(shop, from, quantities[0]);
    const price = from === to ? undefined : (await shop.price(to)).id;
    await shop.to(CHANGE);
    const items = [{ id: item, quantity: quantities[1], ...(price && { price }) }];
    const preview = await shop.stripe.invoices.createPreview({
      customer: customer.id, subscription: subscription.id,
      subscription_details: { items, proration_behavior: 'always_invoice', proration_date: CHANGE } });
    const changed = await shop.stripe.subscriptions.update(subscription.id, {
      items, proration_behavior: 'always_invoice', expand: ['latest_invoice'] });
    for (const invoice of [preview, changed.latest_invoice]) {
      assert.deepEqual(invoice.lines.data.map((line) => line.amount), lines);
      assert.equal(invoice.total, total);
      assert.equal(invoice.billing_reason, invoice === preview ? preview.billing_reason : 'subscription_update');
    }
    assert.equal(changed.latest_invoice.status, 'paid');
    assert.equal(changed.latest_invoice.amount_paid, Math.max(0, total));
    assert.equal((await shop.stripe.customers.retrieve(customer.id)).balance, Math.min(0, total));
    assert.deepEqual(changed.latest_invoice.lines.data.map((line) => [line.period.start, line.period.end]),
      [[CHANGE, END], [CHANGE, END]]);
  });
}

test('without always_invoice the prorations wait for the renewal', async () => {
  const shop = await Shop.open();
  const { customer, subscription, item } = await subscribed(shop, 1000);
  await shop.to(CHANGE);
  await shop.stripe.subscriptions.update(subscription.id, { items: [{ id: item, price: (await shop.price(2000)).id }] });
  assert.equal((await shop.invoices({ customer: customer.id })).length, 1);
  await shop.to(END + 2 * HOUR);
  const renewal = (await shop.invoices({ customer: customer.id })).at(-1);
  assert.deepEqual(renewal.lines.data.map((line) => line.amount), [-667, 1333, 2000]);
  assert.equal(renewal.amount_paid, 2666);
});

test('a month becomes a year', async () => {
  const shop = await Shop.open();
  const { subscription, item } = await subscribed(shop, 2500);
  const yearly = await shop.price(25000, { interval: 'year' });
  await shop.later(4);
  const changed = await shop.stripe.subscriptions.update(subscription.id, {
    items: [{ id: item, price: yearly.id }], expand: ['latest_invoice'] });
  assert.deepEqual(changed.latest_invoice.lines.data.map((line) => line.amount), [-2500, 25000]);
  assert.equal(changed.latest_invoice.amount_paid, 22500);
});

test('a failed renewal, its retries, and the end', async () => {
  const shop = await Shop.open();
  const { customer, subscription } = await subscribed(shop, 1000);
  await shop.giveCard(customer.id, 'pm_card_chargeCustomerFail');
  await shop.to(END + 2 * HOUR);
  assert.equal((await shop.stripe.subscriptions.retrieve(subscription.id)).status, 'past_due');
  const invoice = (await shop.invoices({ customer: customer.id })).at(-1);
  assert.deepEqual([invoice.status, invoice.attempt_count, invoice.amount_remaining], ['open', 1, 1000]);
  assert.equal((await shop.stripe.customers.retrieve(customer.id)).delinquent, true);
  await shop.later(16 * DAY);
  const ended = await shop.stripe.subscriptions.retrieve(subscription.id);
  assert.deepEqual([ended.status, ended.cancellation_details.reason], ['canceled', 'payment_failed']);
  assert.equal((await shop.events('customer.subscription.deleted')).length, 1);
});

test('a failed renewal is paid with a new card', async () => {
  const shop = await Shop.open();
  const { customer, subscription } = await subscribed(shop, 1000);
  await shop.giveCard(customer.id, 'pm_card_chargeCustomerFail');
  await shop.to(END + 2 * HOUR);
  const good = await shop.giveCard(customer.id, 'pm_card_visa');
  const { latest_invoice } = await shop.stripe.subscriptions.retrieve(subscription.id);
  const paid = await shop.stripe.invoices.pay(latest_invoice, { payment_method: good.id });
  assert.deepEqual([paid.status, paid.amount_paid], ['paid', 1000]);
  assert.equal((await shop.stripe.subscriptions.retrieve(subscription.id)).status, 'active');
});

test('trials end with and without a card', async () => {
  const shop = await Shop.open();
  const price = (await shop.price(1000)).id;
  const made = {};
  for (const end of ['cancel', 'pause', 'create_invoice']) {
    made[end] = await shop.stripe.subscriptions.create({
      customer: (await shop.customer(null)).id, items: [{ price }], trial_period_days: 14,
      trial_settings: { end_behavior: { missing_payment_method: end } } });
    assert.equal(made[end].status, 'trialing');
  }
  await shop.later(14 * DAY + 2 * HOUR);
  const statuses = {};
  for (const [end, { id }] of Object.entries(made)) statuses[end] = (await shop.stripe.subscriptions.retrieve(id)).status;
  assert.deepEqual(statuses, { cancel: 'canceled', pause: 'paused', create_invoice: 'past_due' });
  assert.equal((await shop.events('customer.subscription.trial_will_end')).length, 3);
  assert.equal((await shop.events('customer.subscription.paused')).length, 1);
});

test('a trial with a card becomes a payment', async () => {
  const shop = await Shop.open();
  const customer = await shop.customer();
  const subscription = await shop.stripe.subscriptions.create({
    customer: customer.id, items: [{ price: (await shop.price(1000)).id }], trial_period_days: 14 });
  await shop.later(14 * DAY + 2 * HOUR);
  assert.equal((await shop.stripe.subscriptions.retrieve(subscription.id)).status, 'active');
  assert.deepEqual((await shop.invoices({ customer: customer.id })).map((invoice) => invoice.total), [0, 1000]);
});

test('cancelled now, at the end, and on a date', async () => {
  const shop = await Shop.open();
  const now = (await subscribed(shop, 1000)).subscription;
  const atEnd = (await subscribed(shop, 1000)).subscription;
  const onDate = (await subscribed(shop, 1000)).subscription;
  assert.equal((await shop.stripe.subscriptions.cancel(now.id)).status, 'canceled');
  const asked = await shop.stripe.subscriptions.update(atEnd.id, { cancel_at_period_end: true });
  assert.deepEqual([asked.cancel_at, asked.cancel_at_period_end], [END, true]);
  await shop.stripe.subscriptions.update(onDate.id, { cancel_at: CHANGE, proration_behavior: 'none' });
  await shop.to(END + 2 * HOUR);
  const ended = [];
  for (const { id } of [now, atEnd, onDate]) ended.push(day((await shop.stripe.subscriptions.retrieve(id)).ended_at));
  assert.deepEqual(ended, ['2026-04-01', '2026-05-01', '2026-04-11']);
  const error = await refused(shop.stripe.subscriptions.cancel(now.id), 404);
  assert.equal(error.message, `No such subscription: '${now.id}'`);
  assert.equal((await shop.invoices()).length, 3);
});

test('paused, resumed, and paused for good', async () => {
  const shop = await Shop.open();
  const { customer, subscription } = await subscribed(shop, 1000);
  await shop.stripe.subscriptions.update(subscription.id, { pause_collection: { behavior: 'void' } });
  await shop.to(END + 2 * HOUR);
  assert.equal((await shop.invoices({ customer: customer.id })).at(-1).status, 'void');
  const resumed = await shop.stripe.subscriptions.update(subscription.id, { pause_collection: '' });
  assert.equal(resumed.pause_collection, null);
  const paused = await shop.stripe.subscriptions.pause(subscription.id, {
    bill_for: { outstanding_usage_through: { type: 'none' }, unused_time_from: { type: 'none' } } });
  assert.equal(paused.status, 'paused');
  const again = await shop.stripe.subscriptions.resume(subscription.id, { billing_cycle_anchor: { type: 'now' } });
  assert.ok(['active', 'paused'].includes(again.status));
});

test('a coupon for three months', async () => {
  const shop = await Shop.open('2026-01-01');
  const coupon = await shop.stripe.coupons.create({ percent_off: 25, duration: 'repeating', duration_in_months: 3 });
  const { customer } = await subscribed(shop, 1000, 1, { discounts: [{ coupon: coupon.id }] });
  for (const month of ['02', '03', '04', '05']) await shop.to(at(`2026-${month}-01`) + 2 * HOUR);
  assert.deepEqual((await shop.invoices({ customer: customer.id })).map((invoice) => invoice.total), [750, 750, 750, 1000, 1000]);
});

test('usage is metered, summed up and invoiced', async () => {
  const shop = await Shop.open();
  const meter = await shop.stripe.billing.meters.create({
    display_name: 'Calls', event_name: 'calls', default_aggregation: { formula: 'sum' } });
  const price = await shop.price(5, { interval: 'month', usage_type: 'metered', meter: meter.id });
  const customer = await shop.customer();
  await shop.stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
  await shop.to(CHANGE);
  for (const [identifier, value] of [['a', '40'], ['b', '60']]) {
    await shop.stripe.billing.meterEvents.create({
      event_name: 'calls', identifier, payload: { stripe_customer_id: customer.id, value }, timestamp: CHANGE - 60 });
  }
  const summaries = await shop.stripe.billing.meters.listEventSummaries(meter.id, {
    customer: customer.id, start_time: START, end_time: END });
  assert.deepEqual(summaries.data.map((summary) => summary.aggregated_value), [100]);
  await shop.to(END + 2 * HOUR);
  assert.equal((await shop.invoices({ customer: customer.id })).at(-1).amount_paid, 500);
});

test('features follow the subscription', async () => {
  const shop = await Shop.open();
  const product = await shop.stripe.products.create({ name: 'Pro' });
  const feature = await shop.stripe.entitlements.features.create({ name: 'API', lookup_key: 'api' });
  await shop.stripe.products.createFeature(product.id, { entitlement_feature: feature.id });
  const customer = await shop.customer();
  const price = await shop.price(1000, { interval: 'month' }, { product: product.id });
  const subscription = await shop.stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
  const active = async () => (await shop.stripe.entitlements.activeEntitlements.list({ customer: customer.id })).data
    .map((each) => each.lookup_key);
  assert.deepEqual(await active(), ['api']);
  await shop.stripe.subscriptions.cancel(subscription.id);
  assert.deepEqual(await active(), []);
  assert.equal((await shop.events('entitlements.active_entitlement_summary.updated')).length, 2);
});

test('a schedule in phases', async () => {
  const shop = await Shop.open('2026-01-01');
  const customer = await shop.customer();
  const schedule = await shop.stripe.subscriptionSchedules.create({
    customer: customer.id, start_date: 'now', end_behavior: 'cancel',
    phases: [
      { items: [{ price: (await shop.price(500)).id }], duration: { interval: 'month', interval_count: 1 } },
      { items: [{ price: (await shop.price(1000)).id }], duration: { interval: 'month', interval_count: 1 } },
    ] });
  await shop.to(at('2026-02-01') + 2 * HOUR);
  await shop.to(at('2026-03-01') + 2 * HOUR);
  assert.deepEqual((await shop.invoices({ customer: customer.id })).map((invoice) => invoice.total), [500, 1000]);
  assert.equal((await shop.stripe.subscriptionSchedules.retrieve(schedule.id)).status, 'completed');
  assert.equal((await shop.stripe.subscriptions.retrieve(schedule.subscription)).status, 'canceled');
});

test('invoices by hand: preview, pay, void, and notes', async () => {
  const shop = await Shop.open();
  const { stripe } = shop;
  const customer = await shop.customer();
  const drafted = async (...amounts) => {
    const invoice = await stripe.invoices.create({ customer: customer.id });
    for (const amount of amounts) {
      await stripe.invoiceItems.create({ customer: customer.id, invoice: invoice.id, amount, currency: 'usd' });
    }
    return invoice.id;
  };
  const first = await drafted(1500, 500);
  const opened = await stripe.invoices.finalizeInvoice(first);
  assert.deepEqual([opened.status, opened.amount_due, opened.number.slice(-5)], ['open', 2000, '-0001']);
  const paid = await stripe.invoices.pay(first);
  assert.deepEqual([paid.status, paid.amount_paid, paid.attempt_count], ['paid', 2000, 1]);
  assert.equal((await refused(stripe.invoices.pay(first))).message, 'Invoice is already paid');
  assert.equal((await refused(stripe.invoices.voidInvoice(first))).message, 'Invoices with `paid` payments cannot be voided.');
  const second = await drafted(700);
  await stripe.invoices.finalizeInvoice(second);
  assert.equal((await stripe.invoices.voidInvoice(second)).status, 'void');
  const note = await stripe.creditNotes.create({ invoice: first, amount: 300, refund_amount: 300 });
  assert.deepEqual([note.type, note.number], ['post_payment', `${paid.number}-CN-01`]);
  const nobody = await stripe.customers.create();
  assert.equal((await refused(stripe.invoices.createPreview({ customer: nobody.id }))).message, 'Nothing to invoice for customer');
});
