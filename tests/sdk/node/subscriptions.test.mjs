// Subscriptions with the Node SDK: beginnings, changes, pauses, ends, schedules, clocks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advance, eventTypes, refused } from './control.mjs';
import { newClient } from './sandbox.mjs';

const DAY = 86_400;

async function open() {
  const stripe = newClient();
  const product = await stripe.products.create({ name: 'Pro' });
  const price = async (amount, interval = 'month') => (await stripe.prices.create({
    product: product.id, currency: 'usd', unit_amount: amount, recurring: { interval } })).id;
  const customer = async (card = 'pm_card_visa', more = {}) => {
    const made = await stripe.customers.create({ email: 'jenny@example.com', ...more });
    if (card) {
      const method = await stripe.paymentMethods.attach(card, { customer: made.id });
      await stripe.customers.update(made.id, { invoice_settings: { default_payment_method: method.id } });
    }
    return made.id;
  };
  const monthly = await price(1000);
  const subscribe = async (who, more = {}) => stripe.subscriptions.create({
    customer: who ?? await customer(), items: [{ price: monthly }], ...more });
  return { stripe, price, customer, monthly, subscribe };
}

test('a subscription begins active, with its first invoice paid', async () => {
  const { stripe, subscribe } = await open();
  const made = await subscribe(undefined, { expand: ['latest_invoice'], metadata: { plan: 'pro' } });
  assert.equal(made.status, 'active');
  assert.equal(made.latest_invoice.amount_paid, 1000);
  assert.equal(made.latest_invoice.billing_reason, 'subscription_create');
  assert.equal(made.items.data[0].current_period_start, made.created);
  assert.ok((await eventTypes(stripe)).includes('customer.subscription.created'));
});

test('each payment behaviour of a failing card', async () => {
  const { stripe, customer, subscribe } = await open();
  const bad = await customer('pm_card_chargeCustomerFail');
  assert.equal((await subscribe(bad)).status, 'incomplete');
  const error = await refused(subscribe(bad, { payment_behavior: 'error_if_incomplete' }));
  assert.equal(error.statusCode, 402);
  assert.equal(error.type, 'StripeCardError');
  const waiting = await subscribe(undefined, {
    payment_behavior: 'default_incomplete', expand: ['latest_invoice.confirmation_secret'] });
  assert.equal(waiting.status, 'incomplete');
  const secret = waiting.latest_invoice.confirmation_secret.client_secret;
  await stripe.paymentIntents.confirm(secret.split('_secret_')[0], { payment_method: 'pm_card_visa' });
  assert.equal((await stripe.subscriptions.retrieve(waiting.id)).status, 'active');
  const none = await refused(subscribe(await customer(null)));
  assert.equal(none.code, 'resource_missing');
});

test('a trial is free and ends by itself', async () => {
  const { stripe, subscribe } = await open();
  const made = await subscribe(undefined, { trial_period_days: 14 });
  assert.equal(made.status, 'trialing');
  assert.equal(made.trial_end - made.trial_start, 14 * DAY);
  await advance(14 * DAY + 7200);
  const now = await stripe.subscriptions.retrieve(made.id, { expand: ['latest_invoice'] });
  assert.equal(now.status, 'active');
  assert.equal(now.latest_invoice.amount_paid, 1000);
});

test('an upgrade with proration, a preview of nothing, and more seats', async () => {
  const { stripe, price, subscribe } = await open();
  const made = await subscribe();
  await advance(10 * DAY);
  const changed = await stripe.subscriptions.update(made.id, {
    items: [{ id: made.items.data[0].id, price: await price(2000) }],
    proration_behavior: 'always_invoice', expand: ['latest_invoice'],
  });
  const [credit, debit] = changed.latest_invoice.lines.data.map((line) => line.amount);
  assert.ok(credit < 0 && debit > 0);
  assert.ok(Math.abs(debit + 2 * credit) <= 1);
  assert.equal(changed.latest_invoice.amount_paid, credit + debit);
  const more = await stripe.subscriptions.update(made.id, {
    items: [{ id: made.items.data[0].id, quantity: 3 }] });
  assert.equal(more.items.data[0].quantity, 3);
  const pending = await stripe.invoiceItems.list({ customer: made.customer, pending: true });
  assert.equal(pending.data.length, 2);
  assert.ok(pending.data.every((item) => item.proration));
});

test('a declined upgrade waits for its payment', async () => {
  const { stripe, subscribe } = await open();
  const made = await subscribe();
  const bad = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: made.customer });
  await stripe.subscriptions.update(made.id, { default_payment_method: bad.id });
  const waiting = await stripe.subscriptions.update(made.id, {
    items: [{ id: made.items.data[0].id, quantity: 4 }],
    proration_behavior: 'always_invoice', payment_behavior: 'pending_if_incomplete',
  });
  assert.equal(waiting.items.data[0].quantity, 1);
  assert.equal(waiting.pending_update.subscription_items[0].quantity, 4);
  await stripe.invoices.pay(waiting.latest_invoice, { payment_method: 'pm_card_visa' });
  const now = await stripe.subscriptions.retrieve(made.id);
  assert.equal(now.items.data[0].quantity, 4);
  assert.equal(now.pending_update, null);
  assert.ok((await eventTypes(stripe)).includes('customer.subscription.pending_update_applied'));
});

test('paused collection, a pause and a resumption', async () => {
  const { stripe, subscribe } = await open();
  const made = await subscribe();
  const kept = await stripe.subscriptions.update(made.id, { pause_collection: { behavior: 'keep_as_draft' } });
  assert.equal(kept.status, 'active');
  assert.equal(kept.pause_collection.behavior, 'keep_as_draft');
  assert.equal((await stripe.subscriptions.update(made.id, { pause_collection: '' })).pause_collection, null);
  const paused = await stripe.subscriptions.pause(made.id, { type: 'subscription' });
  assert.equal(paused.status, 'paused');
  const resumed = await stripe.subscriptions.resume(made.id, { billing_cycle_anchor: { type: 'now' } });
  await stripe.invoices.pay(resumed.latest_invoice);
  assert.equal((await stripe.subscriptions.retrieve(made.id)).status, 'active');
});

test('it ends now, at the end of the period, or at a date', async () => {
  const { stripe, subscribe } = await open();
  const now = await stripe.subscriptions.cancel((await subscribe()).id);
  assert.equal(now.status, 'canceled');
  assert.equal(now.ended_at, now.canceled_at);
  const later = await subscribe();
  const ending = await stripe.subscriptions.update(later.id, { cancel_at_period_end: true });
  assert.equal(ending.cancel_at, later.items.data[0].current_period_end);
  const dated = await subscribe();
  const at = dated.created + 10 * DAY;
  assert.equal((await stripe.subscriptions.update(dated.id, { cancel_at: at })).cancel_at, at);
  await advance(32 * DAY);
  for (const each of [later, dated]) {
    assert.equal((await stripe.subscriptions.retrieve(each.id)).status, 'canceled');
  }
  const again = await refused(stripe.subscriptions.cancel(now.id));
  assert.equal(again.statusCode, 404);
  assert.equal(again.param, 'id');
});

test('items by themselves', async () => {
  const { stripe, price, subscribe } = await open();
  const made = await subscribe();
  const added = await stripe.subscriptionItems.create({
    subscription: made.id, price: await price(500), quantity: 2 });
  assert.equal(added.quantity, 2);
  const list = await stripe.subscriptionItems.list({ subscription: made.id });
  assert.deepEqual(list.data.map((item) => item.id), [made.items.data[0].id, added.id]);
  assert.equal((await stripe.subscriptionItems.update(added.id, { quantity: 5 })).quantity, 5);
  assert.equal((await stripe.subscriptionItems.del(added.id)).deleted, true);
  const gone = await refused(stripe.subscriptionItems.retrieve(added.id));
  assert.equal(gone.message, `Invalid subscription_item id: ${added.id}`);
});

test('a schedule leads through its phases', async () => {
  const { stripe, price, customer, monthly } = await open();
  const dearer = await price(3000);
  const made = await stripe.subscriptionSchedules.create({
    customer: await customer(), start_date: 'now', end_behavior: 'cancel',
    phases: [
      { items: [{ price: monthly }], duration: { interval: 'month' } },
      { items: [{ price: dearer, quantity: 2 }], duration: { interval: 'month' } },
    ],
  });
  assert.equal(made.status, 'active');
  assert.equal(made.phases[0].end_date, made.phases[1].start_date);
  await advance(32 * DAY);
  const now = await stripe.subscriptions.retrieve(made.subscription, { expand: ['latest_invoice'] });
  assert.equal(now.items.data[0].price.id, dearer);
  assert.equal(now.latest_invoice.total, 6000);
  const managed = await refused(stripe.subscriptions.update(now.id, { cancel_at_period_end: true }));
  assert.match(managed.message, /^The subscription is managed by the subscription schedule/);
  await advance(31 * DAY);
  assert.equal((await stripe.subscriptionSchedules.retrieve(made.id)).status, 'completed');
  assert.equal((await stripe.subscriptions.retrieve(now.id)).status, 'canceled');
});

test('a subscription is taken over, released and left alone', async () => {
  const { stripe, subscribe } = await open();
  const made = await subscribe();
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: made.id });
  assert.equal(schedule.current_phase.end_date, made.items.data[0].current_period_end);
  assert.equal((await stripe.subscriptions.retrieve(made.id)).schedule, schedule.id);
  const released = await stripe.subscriptionSchedules.release(schedule.id);
  assert.equal(released.status, 'released');
  assert.equal(released.released_subscription, made.id);
  assert.equal((await stripe.subscriptions.retrieve(made.id)).schedule, null);
  const both = await refused(stripe.subscriptionSchedules.create({
    from_subscription: made.id, phases: [{ items: [{ price: 'price_x' }] }] }));
  assert.equal(both.message, 'You cannot set `phases` if `from_subscription` is set.');
});

test('a year by a test clock, two months at a time', async () => {
  const { stripe, customer, subscribe } = await open();
  const start = 1_767_225_600; // 2026-01-01
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: start });
  const made = await subscribe(await customer('pm_card_visa', { test_clock: clock.id }));
  assert.equal(made.created, start);
  const tooFar = await refused(stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: start + 90 * DAY }));
  assert.equal(tooFar.statusCode, 400);
  let at = start;
  for (let turn = 0; turn < 7; turn += 1) {
    at += 53 * DAY;
    const moving = await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: at });
    assert.equal(moving.status, 'advancing');
    const early = await refused(stripe.customers.update(made.customer, { name: 'Early' }));
    assert.equal(early.statusCode, 429);
    assert.equal((await stripe.testHelpers.testClocks.retrieve(clock.id)).status, 'ready');
  }
  const invoices = await stripe.invoices.list({ subscription: made.id, limit: 100 });
  assert.equal(invoices.data.length, 13);
  assert.ok(invoices.data.every((invoice) => invoice.status === 'paid'));
  assert.equal((await stripe.testHelpers.testClocks.del(clock.id)).deleted, true);
  assert.equal((await stripe.subscriptions.retrieve(made.id)).status, 'canceled');
});
