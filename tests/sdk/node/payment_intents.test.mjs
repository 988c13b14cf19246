// Payment intents with every test card, 3-D Secure, capture, cancel, and what each state refuses.
import assert from 'node:assert/strict';
import test from 'node:test';
import { authenticate, eventTypes, NEVER, pay, refused } from './control.mjs';
import { newClient, url } from './sandbox.mjs';

const CARDS = [
  ['pm_card_visa', 'visa', '4242', 'US', 'credit'], ['pm_card_visa_debit', 'visa', '5556', 'US', 'debit'],
  ['pm_card_mastercard', 'mastercard', '4444', 'US', 'credit'],
  ['pm_card_mastercard_debit', 'mastercard', '8210', 'US', 'debit'],
  ['pm_card_mastercard_prepaid', 'mastercard', '5100', 'US', 'prepaid'],
  ['pm_card_amex', 'amex', '8431', 'US', 'credit'], ['pm_card_discover', 'discover', '9424', 'US', 'credit'],
  ['pm_card_diners', 'diners', '0004', 'US', 'credit'], ['pm_card_jcb', 'jcb', '0505', 'US', 'credit'],
  ['pm_card_unionpay', 'unionpay', '0005', 'US', 'credit'], ['pm_card_us', 'visa', '4242', 'US', 'credit'],
  ['pm_card_ca', 'visa', '0000', 'CA', 'credit'], ['pm_card_mx', 'visa', '8001', 'MX', 'credit'],
  ['pm_card_br', 'visa', '0002', 'BR', 'credit'], ['pm_card_gb', 'visa', '0000', 'GB', 'credit'],
  ['pm_card_fr', 'visa', '0003', 'FR', 'credit'], ['pm_card_de', 'visa', '0016', 'DE', 'credit'],
  ['pm_card_au', 'visa', '0006', 'AU', 'credit'], ['pm_card_in', 'visa', '0008', 'IN', 'credit'],
  ['pm_card_jp', 'visa', '0003', 'JP', 'credit'], ['pm_card_bypassPending', 'visa', '0077', 'US', 'credit'],
  ['pm_card_createDispute', 'visa', '0259', 'US', 'credit'],
  ['pm_card_createDisputeProductNotReceived', 'visa', '2685', 'US', 'credit'],
  ['pm_card_createDisputeInquiry', 'visa', '1976', 'US', 'credit'],
  ['pm_card_pendingRefund', 'visa', '7726', 'US', 'credit'], ['pm_card_refundFail', 'visa', '5126', 'US', 'credit'],
  ['pm_card_threeDSecureOptional', 'visa', '3055', 'US', 'credit'],
  ['pm_card_threeDSecureOptionalProcessingError', 'visa', '3097', 'US', 'credit'],
  ['pm_card_amex_threeDSecureNotSupported', 'amex', '0005', 'US', 'credit'],
];

for (const [method, brand, last4, country, funding] of CARDS) {
  test(`${method} succeeds`, async () => {
    const intent = await pay(newClient(), method, { expand: ['latest_charge'] });
    assert.equal(intent.status, 'succeeded');
    assert.equal(intent.amount_received, 1000);
    const { card } = intent.latest_charge.payment_method_details;
    assert.deepEqual([card.brand, card.last4, card.country, card.funding], [brand, last4, country, funding]);
    assert.equal(intent.latest_charge.outcome.seller_message, 'Payment complete.');
  });
}

const DECLINES = [
  ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline', 'Your card was declined.', 'try_again_later', '01'],
  ['pm_card_visa_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds',
    'Your card has insufficient funds.', 'try_again_later', '51'],
  ['pm_card_visa_chargeDeclinedLostCard', 'card_declined', 'lost_card', 'Your card was declined.', 'do_not_try_again', '41'],
  ['pm_card_visa_chargeDeclinedStolenCard', 'card_declined', 'stolen_card', 'Your card was declined.',
    'do_not_try_again', '43'],
  ['pm_card_visa_chargeDeclinedVelocityLimitExceeded', 'card_declined', 'card_velocity_exceeded',
    'Your card was declined for making repeated attempts too frequently or exceeding its amount limit.',
    'try_again_later', '61'],
  ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card', 'Your card has expired.', 'confirm_card_data', '54'],
  ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', 'incorrect_cvc', "Your card's security code is incorrect.",
    'confirm_card_data', 'N7'],
  ['pm_card_chargeDeclinedProcessingError', 'processing_error', 'processing_error',
    'An error occurred while processing your card. Try again in a little bit.', 'try_again_later', '06'],
  ['pm_card_chargeCustomerFail', 'card_declined', 'generic_decline', 'Your card was declined.', 'try_again_later', '01'],
  ['pm_card_radarBlock', 'card_declined', 'fraudulent', 'Your card was declined.', undefined, undefined],
];

for (const [method, code, decline, message, advice, network] of DECLINES) {
  test(`${method} is declined`, async () => {
    const stripe = newClient();
    const error = await refused(pay(stripe, method));
    assert.equal(error.type, 'StripeCardError');
    assert.equal(error.statusCode, 402);
    assert.deepEqual([error.code, error.decline_code, error.message], [code, decline, message]);
    assert.deepEqual([error.raw.advice_code, error.raw.network_decline_code], [advice, network]);
    assert.equal(error.payment_intent.status, 'requires_payment_method');
    assert.equal(error.payment_intent.last_payment_error.code, code);
    const charge = await stripe.charges.retrieve(error.charge);
    assert.deepEqual([charge.status, charge.paid, charge.failure_code], ['failed', false, code]);
    assert.deepEqual(await eventTypes(stripe),
      ['payment_intent.created', 'charge.failed', 'payment_intent.payment_failed']);
  });
}

test('old versions know less of a decline', async () => {
  const error = await refused(pay(newClient({ apiVersion: '2023-10-16' }), 'pm_card_chargeDeclinedExpiredCard'));
  for (const name of ['advice_code', 'decline_code', 'network_decline_code']) {
    assert.ok(!(name in error.raw), name);
    assert.ok(!(name in error.payment_intent.last_payment_error), name);
  }
});

test('events come in order, and the charge settles after the answer', async () => {
  const stripe = newClient();
  const intent = await pay(stripe, 'pm_card_visa', { description: 'Order 7', expand: ['latest_charge'] });
  assert.equal(intent.latest_charge.balance_transaction, null);
  assert.deepEqual(await eventTypes(stripe),
    ['payment_intent.created', 'charge.succeeded', 'payment_intent.succeeded', 'charge.updated']);
  const charge = await stripe.charges.retrieve(intent.latest_charge.id, { expand: ['balance_transaction'] });
  // 1000 × 2.9 % = 29, + 30 = 59
  assert.deepEqual([charge.balance_transaction.fee, charge.balance_transaction.net], [59, 941]);
});

for (const [method, then] of [
  ['pm_card_authenticationRequired', null], ['pm_card_authenticationRequiredOnSetup', null],
  ['pm_card_authenticationRequiredSetupForOffSession', null], ['pm_card_threeDSecure2Required', null],
  ['pm_card_threeDSecureRequired', null],
  ['pm_card_authenticationRequiredChargeDeclinedInsufficientFunds', 'insufficient_funds'],
  ['pm_card_threeDSecureRequiredChargeDeclined', 'generic_decline'],
]) {
  test(`${method} asks its holder`, async () => {
    const stripe = newClient();
    const intent = await pay(stripe, method);
    assert.deepEqual([intent.status, intent.next_action.type], ['requires_action', 'use_stripe_sdk']);
    await authenticate('payment_intents', intent.id, 'succeed');
    const done = await stripe.paymentIntents.retrieve(intent.id);
    if (then) {
      assert.equal(done.status, 'requires_payment_method');
      assert.equal(done.last_payment_error.decline_code, then);
    } else {
      assert.equal(done.status, 'succeeded');
    }
  });
}

test('a failed challenge leaves no charge', async () => {
  const stripe = newClient();
  const intent = await pay(stripe, 'pm_card_authenticationRequired');
  await authenticate('payment_intents', intent.id, 'fail');
  const failed = await stripe.paymentIntents.retrieve(intent.id);
  assert.equal(failed.status, 'requires_payment_method');
  assert.equal(failed.latest_charge, null);
  assert.equal(failed.last_payment_error.code, 'payment_intent_authentication_failure');
});

test('the page of the bank leads back to the shop', async () => {
  const stripe = newClient();
  const intent = await pay(stripe, 'pm_card_authenticationRequired', {
    automatic_payment_methods: { enabled: true }, return_url: 'https://shop.test/done',
  });
  const { url: page, return_url: back } = intent.next_action.redirect_to_url;
  assert.equal(back, 'https://shop.test/done');
  assert.ok(page.startsWith(url));
  assert.match(await (await fetch(page)).text(), /Complete authentication/);
  const answer = await fetch(page, {
    method: 'POST', redirect: 'manual', body: new URLSearchParams({ outcome: 'succeed' }),
  });
  assert.equal(answer.status, 303);
  assert.match(answer.headers.get('location'), new RegExp(`^https://shop.test/done\\?payment_intent=${intent.id}&`));
  assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, 'succeeded');
});

test('off session nobody can be asked', async () => {
  const stripe = newClient();
  for (const [method, leavesCharge] of [['pm_card_authenticationRequired', true], ['pm_card_threeDSecure2Required', false]]) {
    const error = await refused(pay(stripe, method, { off_session: true }));
    assert.deepEqual([error.code, error.decline_code], ['authentication_required', 'authentication_required']);
    assert.equal(error.payment_intent.latest_charge !== null, leavesCharge);
  }
  const paid = await pay(stripe, 'pm_card_authenticationRequiredSetupForOffSession', { off_session: true });
  assert.equal(paid.status, 'succeeded');
});

test('each state refuses what it does not allow, with the intent', async () => {
  const stripe = newClient();
  const intent = await stripe.paymentIntents.create({ amount: 2000, currency: 'usd' });
  assert.equal(intent.status, 'requires_payment_method');
  const missing = await refused(stripe.paymentIntents.confirm(intent.id));
  assert.equal(missing.code, 'payment_intent_unexpected_state');
  assert.equal(missing.payment_intent.id, intent.id);
  await stripe.paymentIntents.update(intent.id, { payment_method: 'pm_card_visa', amount: 2100 });
  const unled = await refused(stripe.paymentIntents.confirm(intent.id));
  assert.match(unled.message, /you must provide a `return_url`/);
  const done = await stripe.paymentIntents.confirm(intent.id, { return_url: 'https://shop.test' });
  assert.deepEqual([done.status, done.amount_received], ['succeeded', 2100]);
  const again = await refused(stripe.paymentIntents.confirm(intent.id));
  assert.match(again.message, /already succeeded after being previously confirmed/);
  const late = await refused(stripe.paymentIntents.cancel(intent.id));
  assert.match(late.message, /^You cannot cancel this PaymentIntent because it has a status of succeeded\./);
  const changed = await refused(stripe.paymentIntents.update(intent.id, { amount: 1 }));
  assert.match(changed.message, /^This PaymentIntent's amount could not be updated/);
});

test('holding, capturing a part, releasing', async () => {
  const stripe = newClient();
  const held = await pay(stripe, 'pm_card_visa', { capture_method: 'manual' });
  assert.deepEqual([held.status, held.amount_capturable], ['requires_capture', 1000]);
  const tooMuch = await refused(stripe.paymentIntents.capture(held.id, { amount_to_capture: 1001 }));
  assert.equal(tooMuch.code, 'amount_too_large');
  const done = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 600 });
  assert.deepEqual([done.status, done.amount_received, done.amount_capturable], ['succeeded', 600, 0]);
  const other = await pay(stripe, 'pm_card_visa', { capture_method: 'manual' });
  const gone = await stripe.paymentIntents.cancel(other.id, { cancellation_reason: 'abandoned' });
  assert.deepEqual([gone.status, gone.cancellation_reason], ['canceled', 'abandoned']);
});

test('amounts and ids that are refused', async () => {
  const stripe = newClient();
  for (const [amount, code] of [[0, 'parameter_invalid_integer'], [49, 'amount_too_small'], [100_000_000, 'amount_too_large']]) {
    const error = await refused(stripe.paymentIntents.create({ amount, currency: 'usd' }));
    assert.deepEqual([error.statusCode, error.code, error.param], [400, code, 'amount']);
  }
  const unknown = await refused(stripe.paymentIntents.retrieve('pi_none'));
  assert.deepEqual([unknown.statusCode, unknown.message], [404, "No such payment_intent: 'pi_none'"]);
});

test('a saved card pays off session, and is kept by setup_future_usage', async () => {
  const stripe = newClient();
  const customer = await stripe.customers.create({ email: 'a@example.com' });
  const first = await pay(stripe, 'pm_card_visa', { customer: customer.id, setup_future_usage: 'off_session' });
  const later = await stripe.paymentIntents.create({
    amount: 500, currency: 'usd', customer: customer.id, payment_method: first.payment_method,
    off_session: true, confirm: true,
  });
  assert.equal(later.status, 'succeeded');
});

test('search and list', async () => {
  const stripe = newClient();
  const first = await pay(stripe, 'pm_card_visa', { metadata: { order: '7' } });
  await pay(stripe, 'pm_card_visa');
  const found = await stripe.paymentIntents.search({ query: "metadata['order']:'7'" });
  assert.deepEqual(found.data.map((row) => row.id), [first.id]);
  const all = [];
  for await (const row of stripe.paymentIntents.list({ limit: 1 })) all.push(row.id);
  assert.equal(all.length, 2);
  assert.equal(all[1], first.id);
  assert.deepEqual(NEVER, first.automatic_payment_methods);
});
