// Checkout Sessions by the official Node SDK: three modes, paid by page and by control.
import assert from 'node:assert/strict';
import test from 'node:test';
import { newClient, url } from './sandbox.mjs';

const BACK = { success_url: 'https://shop.example/ok?session={CHECKOUT_SESSION_ID}', cancel_url: 'https://shop.example/cart' };
const CARD = { number: '4242 4242 4242 4242', expiry: '12/34', cvc: '123', name: 'Jenny Rosen', email: 'jenny@example.com' };
const DAY = 86_400;

async function price(stripe, amount = 1500, more = {}) {
  const product = await stripe.products.create({ name: 'T-shirt' });
  return (await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: amount, ...more })).id;
}

const monthly = (stripe, amount = 1000) => price(stripe, amount, { recurring: { interval: 'month' } });

async function submit(address, fields) {
  const answer = await fetch(address, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
  return { status: answer.status, where: answer.headers.get('location'), page: await answer.text() };
}

async function control(session, what, fields = {}) {
  const answer = await fetch(`${url}/sandbox/checkout/${session.id}/${what}`, {
    method: 'POST', body: JSON.stringify(fields), headers: { 'content-type': 'application/json' },
  });
  return { status: answer.status, ...(await answer.json()) };
}

async function kinds(stripe, prefix) {
  const events = await stripe.events.list({ limit: 100 });
  return events.data.map((event) => event.type).reverse().filter((kind) => kind.startsWith(prefix));
}

test('a payment is made on the page', async () => {
  const stripe = newClient();
  const session = await stripe.checkout.sessions.create({
    mode: 'payment', line_items: [{ price: await price(stripe), quantity: 2 }], metadata: { order: '7' }, ...BACK,
  });
  assert.equal(session.status, 'open');
  assert.equal(session.amount_total, 3000);
  assert.equal(session.expires_at, session.created + DAY);
  const page = await (await fetch(session.url)).text();
  assert.match(page, /\$30\.00/);
  const paid = await submit(session.url, CARD);
  assert.equal(paid.status, 303);
  assert.equal(paid.where, `https://shop.example/ok?session=${session.id}`);
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['payment_intent', 'line_items'] });
  assert.deepEqual([done.status, done.payment_status, done.url], ['complete', 'paid', null]);
  assert.equal(done.payment_intent.status, 'succeeded');
  assert.equal(done.line_items.data[0].amount_total, 3000);
  assert.equal(done.metadata.order, '7');
  assert.deepEqual(await kinds(stripe, 'checkout'), ['checkout.session.completed']);
});

test('a subscription begins with a trial', async () => {
  const stripe = newClient();
  const session = await stripe.checkout.sessions.create({
    mode: 'subscription', line_items: [{ price: await monthly(stripe), quantity: 1 }],
    subscription_data: { trial_period_days: 7, metadata: { plan: 'pro' } }, ...BACK,
  });
  assert.equal(session.amount_total, 0);
  assert.equal((await submit(session.url, CARD)).status, 303);
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription', 'customer'] });
  assert.equal(done.subscription.status, 'trialing');
  assert.equal(done.subscription.trial_end - done.subscription.trial_start, 7 * DAY);
  assert.equal(done.subscription.metadata.plan, 'pro');
  assert.equal(done.customer.email, 'jenny@example.com');
});

test('a subscription is paid today, by control', async () => {
  const stripe = newClient();
  const session = await stripe.checkout.sessions.create({
    mode: 'subscription', line_items: [{ price: await monthly(stripe), quantity: 3 }], ...BACK,
  });
  const refused = await control(session, 'pay', { number: '4000000000000002' });
  assert.equal(refused.status, 'open');
  assert.equal(refused.error.decline_code, 'generic_decline');
  const paid = await control(session, 'pay');
  assert.equal(paid.payment_status, 'paid');
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription', 'invoice'] });
  assert.deepEqual([done.subscription.status, done.invoice.amount_paid], ['active', 3000]);
});

test('a card is saved', async () => {
  const stripe = newClient();
  const customer = await stripe.customers.create({ email: 'jenny@example.com' });
  const session = await stripe.checkout.sessions.create({ mode: 'setup', customer: customer.id, currency: 'usd', ...BACK });
  assert.equal(session.payment_status, 'no_payment_required');
  assert.equal((await submit(session.url, CARD)).status, 303);
  const methods = await stripe.customers.listPaymentMethods(customer.id);
  assert.equal(methods.data[0].card.last4, '4242');
});

test('a promotion code is typed on the page', async () => {
  const stripe = newClient();
  const coupon = await stripe.coupons.create({ percent_off: 20, duration: 'once' });
  const code = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: coupon.id }, code: 'SPRING' });
  const session = await stripe.checkout.sessions.create({
    mode: 'payment', allow_promotion_codes: true, line_items: [{ price: await price(stripe), quantity: 1 }], ...BACK,
  });
  assert.equal((await submit(`${session.url}/update`, { promotion_code: 'WINTER' })).status, 402);
  assert.equal((await submit(`${session.url}/update`, { promotion_code: 'SPRING' })).status, 303);
  const shown = await stripe.checkout.sessions.retrieve(session.id, { expand: ['total_details.breakdown'] });
  // 20% of 15.00 is 3.00.
  assert.deepEqual([shown.amount_subtotal, shown.amount_total], [1500, 1200]);
  assert.equal(shown.total_details.breakdown.discounts[0].amount, 300);
  assert.equal(shown.discounts[0].promotion_code, code.id);
  assert.equal((await submit(session.url, CARD)).status, 303);
  assert.equal((await stripe.promotionCodes.retrieve(code.id)).times_redeemed, 1);
});

test('a bank debit is paid a day later', async () => {
  const stripe = newClient();
  const session = await stripe.checkout.sessions.create({
    mode: 'payment', allowed_payment_method_types: ['card', 'us_bank_account'],
    line_items: [{ price: await price(stripe), quantity: 1 }], ...BACK,
  });
  const sent = await control(session, 'pay', { payment_method: 'us_bank_account' });
  assert.equal(sent.payment_status, 'unpaid');
  assert.equal((await control(session, 'settle', { outcome: 'succeeded' })).payment_status, 'paid');
  assert.deepEqual(await kinds(stripe, 'checkout'),
    ['checkout.session.completed', 'checkout.session.async_payment_succeeded']);
});

test('a session expires and is begun again', async () => {
  const stripe = newClient();
  const session = await stripe.checkout.sessions.create({
    mode: 'payment', line_items: [{ price: await price(stripe), quantity: 1 }],
    after_expiration: { recovery: { enabled: true } }, ...BACK,
  });
  const expired = await stripe.checkout.sessions.expire(session.id);
  assert.equal(expired.status, 'expired');
  await assert.rejects(stripe.checkout.sessions.expire(session.id), (error) => {
    assert.equal(error.statusCode, 400);
    assert.match(error.message, /status of `expired`/);
    return true;
  });
  const again = await fetch(expired.after_expiration.recovery.url);
  assert.equal(again.status, 200);
  const newest = (await stripe.checkout.sessions.list({ limit: 1 })).data[0];
  assert.equal(newest.recovered_from, session.id);
});

test('embedded sessions have a secret and no address', async () => {
  const stripe = newClient();
  const session = await stripe.checkout.sessions.create({
    mode: 'payment', ui_mode: 'embedded_page', return_url: 'https://shop.example/back',
    line_items: [{ price: await price(stripe), quantity: 1 }],
  });
  assert.equal(session.url, null);
  assert.ok(session.client_secret.startsWith(`${session.id}_secret_`));
  assert.equal((await control(session, 'pay')).redirect_url, 'https://shop.example/back');
});

test('errors carry their param', async () => {
  const stripe = newClient();
  const line = [{ price: await price(stripe), quantity: 1 }];
  const cases = [
    [{ mode: 'payment', line_items: line, allow_promotion_codes: true, discounts: [{ coupon: 'X' }], ...BACK }, 'allow_promotion_codes'],
    [{ mode: 'payment', line_items: [{ price: 'price_none', quantity: 1 }], ...BACK }, 'line_items[0][price]'],
    [{ mode: 'payment', line_items: line, customer: 'cus_none', ...BACK }, 'customer'],
  ];
  for (const [params, param] of cases) {
    await assert.rejects(stripe.checkout.sessions.create(params), (error) => {
      assert.deepEqual([error.type, error.param], ['StripeInvalidRequestError', param]);
      return true;
    });
  }
});
