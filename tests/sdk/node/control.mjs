// The sandbox's own endpoints, as the tests need them: time, 3-D Secure; and refusals as values.
import assert from 'node:assert/strict';
import { url } from './sandbox.mjs';

async function post(path, members) {
  const answer = await fetch(`${url}/sandbox/${path}`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(members),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

export const advance = (seconds) => post('clock/advance', { seconds });

export const authenticate = (kind, id, outcome) => post(`${kind}/${id}/authenticate`, { outcome });

// The types of an account's events, oldest first.
export async function eventTypes(stripe) {
  const events = await stripe.events.list({ limit: 100 });
  return events.data.map((event) => event.type).reverse();
}

// The error that a call is refused with.
export async function refused(call) {
  const answered = await call.then((value) => ({ value }), (error) => ({ error }));
  assert.ok(answered.error, `not refused: ${JSON.stringify(answered.value)}`);
  return answered.error;
}

export const NEVER = { enabled: true, allow_redirects: 'never' };

export const pay = (stripe, method, more = {}) => stripe.paymentIntents.create({
  amount: 1000, currency: 'usd', payment_method: method, confirm: true, automatic_payment_methods: NEVER, ...more,
});
