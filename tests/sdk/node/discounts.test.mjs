// Coupons, promotion codes, and the discounts that come of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newClient } from './sandbox.mjs';

const refused = async (promise) => {
  try { await promise; } catch (error) { return error; }
  return assert.fail('not refused');
};

const subscriber = async (stripe, amount) => {
  const { id: customer } = await stripe.customers.create({ email: 'jenny@example.com' });
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: card.id } });
  const product = await stripe.products.create({ name: 'Pro' });
  const price = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: amount, recurring: { interval: 'month' } });
  return (discounts) => stripe.subscriptions.create({
    customer, items: [{ price: price.id }], discounts, expand: ['latest_invoice', 'discounts'],
  });
};

test('coupons are made, changed and deleted', async () => {
  const stripe = newClient();
  const coupon = await stripe.coupons.create({ id: 'FIVE', amount_off: 500, currency: 'usd', duration: 'repeating', duration_in_months: 3 });
  assert.deepEqual([coupon.valid, coupon.times_redeemed, coupon.duration_in_months, coupon.percent_off], [true, 0, 3, null]);
  assert.equal((await stripe.coupons.update('FIVE', { name: 'Five off' })).name, 'Five off');
  const error = await refused(stripe.coupons.create({ id: 'FIVE', percent_off: 5 }));
  assert.deepEqual([error.code, error.message], ['resource_already_exists', 'Coupon already exists.']);
  assert.equal((await stripe.coupons.del('FIVE')).deleted, true);
  assert.equal((await refused(stripe.coupons.retrieve('FIVE'))).statusCode, 404);
});

test('promotion codes name their coupon', async () => {
  const stripe = newClient();
  const coupon = await stripe.coupons.create({ percent_off: 10 });
  const code = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: coupon.id }, code: 'SUMMER' });
  assert.deepEqual([code.promotion.coupon, code.active, code.times_redeemed], [coupon.id, true, 0]);
  const { data } = await stripe.promotionCodes.list({ code: 'summer' });
  assert.deepEqual(data.map((row) => row.id), [code.id]);
  const expanded = await stripe.promotionCodes.retrieve(code.id, { expand: ['promotion.coupon'] });
  assert.equal(expanded.promotion.coupon.percent_off, 10);
  const error = await refused(stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: coupon.id }, code: 'SUMMER' }));
  assert.equal(error.message, 'An active promotion code with `code: SUMMER` already exists.');
  assert.equal((await stripe.promotionCodes.update(code.id, { active: false })).active, false);
});

test('discounts stack on what is left', async () => {
  const stripe = newClient();
  const subscribe = await subscriber(stripe, 2000);
  const half = await stripe.coupons.create({ percent_off: 50, duration: 'forever' });
  const three = await stripe.coupons.create({ amount_off: 300, currency: 'usd', duration: 'forever' });
  const first = await subscribe([{ coupon: half.id }, { coupon: three.id }]);
  // Half of 20.00 are 10.00; less 3.00.
  assert.equal(first.latest_invoice.total, 700);
  assert.deepEqual(first.latest_invoice.total_discount_amounts.map((row) => row.amount), [1000, 300]);
  assert.deepEqual(first.discounts.map((row) => row.source.coupon), [half.id, three.id]);
  const second = await subscribe([{ coupon: three.id }, { coupon: half.id }]);
  // 20.00 less 3.00 are 17.00; half of it.
  assert.equal(second.latest_invoice.total, 850);
});

test('a promotion code is used up', async () => {
  const stripe = newClient();
  const subscribe = await subscriber(stripe, 2000);
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'once' });
  const code = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: coupon.id }, max_redemptions: 1 });
  const subscription = await subscribe([{ promotion_code: code.id }]);
  assert.deepEqual([subscription.latest_invoice.total, subscription.latest_invoice.amount_paid], [1800, 1800]);
  const used = await stripe.promotionCodes.retrieve(code.id);
  assert.deepEqual([used.active, used.times_redeemed], [false, 1]);
  const error = await refused(subscribe([{ promotion_code: code.id }]));
  assert.deepEqual([error.statusCode, error.param], [400, 'discounts[0][promotion_code]']);
});
