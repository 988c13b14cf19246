// Payment methods and tokens: raw cards, named cards, attaching, detaching and refusals.
import assert from 'node:assert/strict';
import test from 'node:test';
import { eventTypes, refused } from './control.mjs';
import { newClient } from './sandbox.mjs';

const CARD = { number: '4242424242424242', exp_month: 8, exp_year: 2034, cvc: '314' };
const make = (stripe, card = {}) => stripe.paymentMethods.create({ type: 'card', card: { ...CARD, ...card } });

test('a raw card, its fingerprint and its checks', async () => {
  const stripe = newClient();
  const [one, two] = [await make(stripe), await make(stripe)];
  assert.deepEqual([one.card.brand, one.card.last4, one.card.exp_year, one.customer], ['visa', '4242', 2034, null]);
  assert.equal(one.card.fingerprint, two.card.fingerprint);
  assert.notEqual(one.id, two.id);
  assert.deepEqual(await eventTypes(stripe), []);
});

for (const [change, code, param] of [
  [{ number: '4242424242424241' }, 'incorrect_number', 'number'],
  [{ exp_month: 13 }, 'invalid_expiry_month', 'exp_month'], [{ exp_year: 2009 }, 'invalid_expiry_year', 'exp_year'],
  [{ cvc: '9' }, 'invalid_cvc', 'cvc'],
]) {
  test(`mistyped: ${code}`, async () => {
    const error = await refused(make(newClient(), change));
    assert.deepEqual([error.statusCode, error.code, error.param], [402, code, param]);
  });
}

test('a token works once', async () => {
  const stripe = newClient();
  const token = await stripe.tokens.create({ card: { ...CARD, exp_month: '8', exp_year: '2034' } });
  assert.deepEqual([token.used, token.card.brand, token.card.last4], [false, 'Visa', '4242']);
  const method = await stripe.paymentMethods.create({ type: 'card', card: { token: token.id } });
  assert.equal(method.card.last4, '4242');
  const error = await refused(stripe.paymentMethods.create({ type: 'card', card: { token: token.id } }));
  assert.equal(error.code, 'token_already_used');
  assert.equal((await stripe.tokens.retrieve(token.id)).used, true);
});

for (const [token, brand] of [['tok_visa', 'visa'], ['tok_mastercard', 'mastercard'], ['tok_amex', 'amex']]) {
  test(`${token}`, async () => {
    const method = await newClient().paymentMethods.create({ type: 'card', card: { token } });
    assert.equal(method.card.brand, brand);
  });
}

test('attach, list, update, detach', async () => {
  const stripe = newClient();
  const customer = await stripe.customers.create({});
  const method = await make(stripe);
  await stripe.paymentMethods.attach(method.id, { customer: customer.id });
  const listed = await stripe.customers.listPaymentMethods(customer.id, { type: 'card' });
  assert.deepEqual(listed.data.map((row) => row.id), [method.id]);
  const own = await stripe.customers.retrievePaymentMethod(customer.id, method.id);
  assert.equal(own.card.checks.cvc_check, 'pass');
  const changed = await stripe.paymentMethods.update(method.id, { billing_details: { name: 'Jenny' } });
  assert.equal(changed.billing_details.name, 'Jenny');
  assert.equal((await stripe.paymentMethods.detach(method.id)).customer, null);
  assert.deepEqual((await eventTypes(stripe)).slice(1),
    ['payment_method.attached', 'payment_method.updated', 'payment_method.detached']);
  const twice = await refused(stripe.paymentMethods.detach(method.id));
  assert.match(twice.message, /is not attached to a customer so detachment is impossible/);
  const again = await refused(stripe.paymentMethods.attach(method.id, { customer: customer.id }));
  assert.match(again.message, /It may not be used again/);
});

test('declining cards cannot be attached', async () => {
  const stripe = newClient();
  const customer = await stripe.customers.create({});
  const error = await refused(stripe.paymentMethods.attach('pm_card_visa_chargeDeclined', { customer: customer.id }));
  assert.deepEqual([error.statusCode, error.code], [402, 'card_declined']);
  assert.deepEqual((await stripe.charges.list()).data, []);
});
