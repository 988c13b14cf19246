// Setup intents: saved at once, after a challenge, refused, canceled, with their attempts and events.
import assert from 'node:assert/strict';
import test from 'node:test';
import { authenticate, eventTypes, NEVER, refused } from './control.mjs';
import { newClient } from './sandbox.mjs';

const setup = (stripe, method, more = {}) => stripe.setupIntents.create({
  automatic_payment_methods: NEVER, ...(method ? { payment_method: method, confirm: true } : {}), ...more,
});

test('a card is saved for its customer', async () => {
  const stripe = newClient();
  const customer = await stripe.customers.create({});
  const intent = await setup(stripe, 'pm_card_visa', { customer: customer.id });
  assert.deepEqual([intent.status, intent.usage], ['succeeded', 'off_session']);
  const method = await stripe.paymentMethods.retrieve(intent.payment_method);
  assert.equal(method.customer, customer.id);
  assert.deepEqual((await eventTypes(stripe)).slice(1),
    ['setup_intent.created', 'payment_method.attached', 'setup_intent.succeeded']);
});

for (const method of [
  'pm_card_authenticationRequired', 'pm_card_authenticationRequiredOnSetup', 'pm_card_threeDSecure2Required',
]) {
  test(`${method} asks its holder, who may fail and try another`, async () => {
    const stripe = newClient();
    const intent = await setup(stripe, method);
    assert.equal(intent.status, 'requires_action');
    await authenticate('setup_intents', intent.id, 'fail');
    const failed = await stripe.setupIntents.retrieve(intent.id);
    assert.deepEqual([failed.status, failed.last_setup_error.code],
      ['requires_payment_method', 'setup_intent_authentication_failure']);
    const again = await stripe.setupIntents.confirm(intent.id, { payment_method: method });
    await authenticate('setup_intents', again.id, 'succeed');
    assert.equal((await stripe.setupIntents.retrieve(intent.id)).status, 'succeeded');
    const attempts = await stripe.setupAttempts.list({ setup_intent: intent.id });
    assert.deepEqual(attempts.data.map((attempt) => attempt.status), ['succeeded', 'failed']);
  });
}

for (const [method, code, decline] of [
  ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline'],
  ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card'],
  ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', 'incorrect_cvc'],
]) {
  test(`${method} is not saved`, async () => {
    const error = await refused(setup(newClient(), method));
    assert.deepEqual([error.statusCode, error.code, error.decline_code], [402, code, decline]);
    assert.equal(error.setup_intent.last_setup_error.code, code);
  });
}

test('states and refusals', async () => {
  const stripe = newClient();
  const intent = await setup(stripe);
  const missing = await refused(stripe.setupIntents.confirm(intent.id));
  assert.equal(missing.code, 'setup_intent_unexpected_state');
  const ready = await stripe.setupIntents.update(intent.id, { payment_method: 'pm_card_visa' });
  assert.equal(ready.status, 'requires_confirmation');
  assert.equal((await stripe.setupIntents.confirm(intent.id)).status, 'succeeded');
  const again = await refused(stripe.setupIntents.confirm(intent.id));
  assert.equal(again.message, 'You cannot confirm this SetupIntent because it has already succeeded.');
  const other = await setup(stripe);
  assert.equal((await stripe.setupIntents.cancel(other.id)).status, 'canceled');
  const gone = await refused(stripe.setupIntents.cancel(other.id));
  assert.equal(gone.message, 'You cannot cancel this SetupIntent because it is already canceled.');
});
