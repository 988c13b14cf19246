// A shop's day: payments, refunds, disputes, checkout, portal, webhooks, lists, errors and repeats.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { test } from 'node:test';
import Stripe from 'stripe';
import { all, refused } from './shop.mjs';
import { newClient, url } from './sandbox.mjs';

const NEVER = { enabled: true, allow_redirects: 'never' };
const BACK = { success_url: 'https://example.com/ok', cancel_url: 'https://example.com/no' };

const pay = (stripe, payment_method, amount = 1000, more = {}) => stripe.paymentIntents.create({
  amount, currency: 'usd', confirm: true, payment_method, automatic_payment_methods: NEVER, ...more });

for (const [card, code, declineCode, message] of [
  ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline', 'Your card was declined.'],
  ['pm_card_visa_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds', 'Your card has insufficient funds.'],
  ['pm_card_visa_chargeDeclinedLostCard', 'card_declined', 'lost_card', 'Your card was declined.'],
  ['pm_card_visa_chargeDeclinedStolenCard', 'card_declined', 'stolen_card', 'Your card was declined.'],
  ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card', 'Your card has expired.'],
  ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', 'incorrect_cvc', "Your card's security code is incorrect."],
  ['pm_card_chargeDeclinedProcessingError', 'processing_error', 'processing_error',
    'An error occurred while processing your card. Try again in a little bit.'],
]) {
  test(`${card} is declined`, async () => {
    const stripe = newClient();
    const error = await refused(pay(stripe, card), 402);
    assert.ok(error instanceof Stripe.errors.StripeCardError);
    assert.deepEqual([error.code, error.decline_code, error.message], [code, declineCode, message]);
    const intent = await stripe.paymentIntents.retrieve(error.payment_intent.id);
    assert.deepEqual([intent.status, intent.last_payment_error.code, intent.latest_charge],
      ['requires_payment_method', code, error.charge]);
  });
}

test('authentication is asked for', async () => {
  const stripe = newClient();
  const intent = await pay(stripe, 'pm_card_threeDSecure2Required', 1000, {
    automatic_payment_methods: { enabled: true }, return_url: 'https://example.com/back' });
  assert.equal(intent.status, 'requires_action');
  assert.ok(['redirect_to_url', 'use_stripe_sdk'].includes(intent.next_action.type));
});

test('a payment is refunded in two parts and no more', async () => {
  const stripe = newClient();
  const intent = await pay(stripe, 'pm_card_visa');
  await stripe.refunds.create({ payment_intent: intent.id, amount: 400 });
  const error = await refused(stripe.refunds.create({ payment_intent: intent.id, amount: 601 }));
  assert.equal(error.message, 'Refund amount ($6.01) is greater than unrefunded amount on charge ($6.00)');
  await stripe.refunds.create({ payment_intent: intent.id });
  const charge = await stripe.charges.retrieve(intent.latest_charge);
  assert.deepEqual([charge.amount_refunded, charge.refunded], [1000, true]);
  assert.equal((await refused(stripe.refunds.create({ charge: charge.id }))).code, 'charge_already_refunded');
});

test('a hold, captured and let go', async () => {
  const stripe = newClient();
  const held = await pay(stripe, 'pm_card_visa', 2000, { capture_method: 'manual' });
  assert.equal(held.amount_capturable, 2000);
  assert.equal((await stripe.paymentIntents.capture(held.id, { amount_to_capture: 500 })).amount_received, 500);
  const other = await pay(stripe, 'pm_card_visa', 2000, { capture_method: 'manual' });
  assert.equal((await stripe.paymentIntents.cancel(other.id)).status, 'canceled');
});

test('a dispute is lost or won', async () => {
  const stripe = newClient();
  const first = await pay(stripe, 'pm_card_createDispute');
  const [dispute] = (await stripe.disputes.list({ payment_intent: first.id })).data;
  assert.deepEqual([dispute.status, dispute.amount], ['needs_response', 1000]);
  assert.equal((await stripe.disputes.close(dispute.id)).status, 'lost');
  const second = await pay(stripe, 'pm_card_createDispute');
  const [other] = (await stripe.disputes.list({ payment_intent: second.id })).data;
  const answered = await stripe.disputes.update(other.id, { evidence: { uncategorized_text: 'winning_evidence' } });
  assert.ok(['under_review', 'won'].includes(answered.status));
});

test('a card is set up and used later', async () => {
  const stripe = newClient();
  const customer = await stripe.customers.create();
  const setup = await stripe.setupIntents.create({
    customer: customer.id, confirm: true, payment_method: 'pm_card_visa', automatic_payment_methods: NEVER });
  assert.equal(setup.status, 'succeeded');
  const intent = await stripe.paymentIntents.create({
    amount: 700, currency: 'usd', customer: customer.id, payment_method: setup.payment_method, off_session: true, confirm: true });
  assert.equal(intent.status, 'succeeded');
});

async function payPage(session, card = '') {
  const answer = await fetch(`${url}/sandbox/checkout/${session.id}/pay`, { method: 'POST', body: new URLSearchParams(card) });
  return answer.status;
}

async function price(stripe, recurring) {
  const product = await stripe.products.create({ name: 'T-shirt' });
  return (await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 1500, ...(recurring && { recurring }) })).id;
}

test('checkout: a payment, a decline first', async () => {
  const stripe = newClient();
  const session = await stripe.checkout.sessions.create({
    mode: 'payment', line_items: [{ price: await price(stripe), quantity: 2 }], ...BACK });
  assert.deepEqual([session.status, session.amount_total], ['open', 3000]);
  assert.equal(await payPage(session, { number: '4000000000000002' }), 402);
  assert.equal(await payPage(session), 200);
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['payment_intent'] });
  assert.deepEqual([done.status, done.payment_status, done.payment_intent.amount_received], ['complete', 'paid', 3000]);
  const lines = await stripe.checkout.sessions.listLineItems(session.id);
  assert.deepEqual(lines.data.map((line) => line.amount_total), [3000]);
});

test('checkout: a subscription, then the portal, then the end', async () => {
  const stripe = newClient();
  const session = await stripe.checkout.sessions.create({
    mode: 'subscription', line_items: [{ price: await price(stripe, { interval: 'month' }), quantity: 1 }],
    subscription_data: { metadata: { plan: 'pro' } }, ...BACK });
  assert.equal(await payPage(session), 200);
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription'] });
  assert.deepEqual([done.subscription.status, done.subscription.metadata.plan], ['active', 'pro']);
  await stripe.billingPortal.configurations.create({
    features: { subscription_cancel: { enabled: true }, invoice_history: { enabled: true } } });
  const portal = await stripe.billingPortal.sessions.create({ customer: done.customer, return_url: 'https://example.com/account' });
  const page = await fetch(portal.url);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /15\.00/);
  const ended = await stripe.subscriptions.cancel(done.subscription.id);
  assert.equal(ended.status, 'canceled');
});

test('checkout: a setup, and one that expires', async () => {
  const stripe = newClient();
  const customer = await stripe.customers.create();
  const session = await stripe.checkout.sessions.create({ mode: 'setup', currency: 'usd', customer: customer.id, ...BACK });
  assert.equal(await payPage(session), 200);
  assert.equal((await stripe.customers.listPaymentMethods(customer.id)).data.length, 1);
  const other = await stripe.checkout.sessions.create({
    mode: 'payment', line_items: [{ price: await price(stripe), quantity: 1 }], ...BACK });
  assert.equal((await stripe.checkout.sessions.expire(other.id)).status, 'expired');
});

test('a webhook is signed, verified, and in its own version', async () => {
  const stripe = newClient();
  const received = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => { body += chunk; });
    request.on('end', () => { received.push({ body, signature: request.headers['stripe-signature'] }); response.end(); });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  try {
    const endpoint = await stripe.webhookEndpoints.create({
      url: `http://localhost:${server.address().port}/hook`, enabled_events: ['product.created'], api_version: '2023-10-16' });
    const product = await stripe.products.create({ name: 'Pro', marketing_features: [{ name: 'All' }] });
    for (let tries = 0; tries < 200 && received.length === 0; tries += 1) {
      await new Promise((resolve) => { setTimeout(resolve, 25); });
    }
    const { body, signature } = received[0];
    const event = stripe.webhooks.constructEvent(body, signature, endpoint.secret);
    assert.deepEqual([event.type, event.data.object.id, event.api_version], ['product.created', product.id, '2023-10-16']);
    assert.deepEqual(event.data.object.features.map((feature) => feature.name), ['All']);
    assert.throws(() => stripe.webhooks.constructEvent(body, signature, 'whsec_other'),
      Stripe.errors.StripeSignatureVerificationError);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('lists, pages and search', async () => {
  const stripe = newClient();
  const ids = [];
  for (let n = 0; n < 12; n += 1) ids.unshift((await stripe.customers.create({ name: `n${n}`, metadata: { odd: String(n % 2) } })).id);
  assert.deepEqual((await all(stripe.customers.list({ limit: 5 }))).map((each) => each.id), ids);
  assert.deepEqual((await all(stripe.customers.list({ limit: 5, ending_before: ids[11] }))).map((each) => each.id), ids.slice(0, 11).reverse());
  const page = await stripe.customers.list();
  assert.deepEqual([page.data.length, page.has_more], [10, true]);
  const odd = await stripe.customers.search({ query: 'metadata["odd"]:"1"', limit: 2 }).autoPagingToArray({ limit: 100 });
  assert.equal(odd.length, 6);
});

test('each kind of error', async () => {
  const stripe = newClient();
  const missing = await refused(stripe.customers.retrieve('cus_none'), 404);
  assert.deepEqual([missing.type, missing.code, missing.param, missing.message],
    ['StripeInvalidRequestError', 'resource_missing', 'id', "No such customer: 'cus_none'"]);
  assert.equal(missing.doc_url, 'https://stripe.com/docs/error-codes/resource-missing');
  assert.match(missing.requestId, /^req_/);
  const unknown = await refused(stripe.customers.create({ emial: 'x' }));
  assert.deepEqual([unknown.code, unknown.message], ['parameter_unknown', 'Received unknown parameter: emial']);
  const absent = await refused(stripe.paymentIntents.create({ amount: 100 }));
  assert.deepEqual([absent.code, absent.message], ['parameter_missing', 'Missing required param: currency.']);
  const small = await refused(stripe.paymentIntents.create({ amount: 10, currency: 'usd' }));
  assert.deepEqual([small.code, small.message], ['amount_too_small', 'Amount must be at least $0.50 usd']);
  const expand = await refused(stripe.customers.create({ expand: ['foo'] }));
  assert.equal(expand.message, 'This property cannot be expanded (foo).');
  const { hostname, port } = new URL(url);
  const stranger = new Stripe('sk_live_123456789012345678901234', { host: hostname, port: Number(port), protocol: 'http', maxNetworkRetries: 0 });
  const denied = await refused(stranger.customers.list(), 401);
  assert.equal(denied.type, 'StripeAuthenticationError');
});

test('a repeated request is done once', async () => {
  const stripe = newClient();
  const idempotencyKey = randomUUID();
  const one = await stripe.customers.create({ email: 'a@example.com' }, { idempotencyKey });
  const two = await stripe.customers.create({ email: 'a@example.com' }, { idempotencyKey });
  assert.equal(one.id, two.id);
  assert.equal(two.lastResponse.headers['idempotent-replayed'], 'true');
  const other = await refused(stripe.customers.create({ email: 'b@example.com' }, { idempotencyKey }));
  assert.equal(other.type, 'StripeIdempotencyError');
  const event = (await stripe.events.list({ type: 'customer.created' })).data[0];
  assert.deepEqual([event.request.id, event.request.idempotency_key], [one.lastResponse.requestId, idempotencyKey]);
});

test('objects are expanded, in answers and in lists', async () => {
  const stripe = newClient();
  const customer = await stripe.customers.create({ email: 'jenny@example.com' });
  const intent = await pay(stripe, 'pm_card_visa', 1000, { customer: customer.id, expand: ['customer', 'latest_charge'] });
  assert.deepEqual([intent.customer.email, intent.latest_charge.amount], ['jenny@example.com', 1000]);
  const [listed] = (await stripe.charges.list({ expand: ['data.customer', 'data.payment_intent.customer', 'data.balance_transaction'] })).data;
  assert.deepEqual([listed.customer.id, listed.payment_intent.customer.id, listed.balance_transaction.fee], [customer.id, customer.id, 59]);
});

test('another version for one request', async () => {
  const stripe = newClient();
  const product = await stripe.products.create({ name: 'Pro', marketing_features: [{ name: 'All' }] });
  const old = await stripe.products.retrieve(product.id, {}, { apiVersion: '2023-10-16' });
  assert.deepEqual(old.features, [{ name: 'All' }]);
  assert.equal(old.marketing_features, undefined);
});
