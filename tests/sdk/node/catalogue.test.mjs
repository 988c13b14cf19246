// Products, prices of every kind, plans, shipping rates, tax rates.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newClient } from './sandbox.mjs';

const refused = async (promise) => {
  try { await promise; } catch (error) { return error; }
  return assert.fail('not refused');
};

test('a product has a default price', async () => {
  const stripe = newClient();
  const product = await stripe.products.create({
    name: 'Pro', marketing_features: [{ name: 'Fast' }],
    default_price_data: { currency: 'usd', unit_amount: 1500, recurring: { interval: 'month' } },
  });
  const price = await stripe.prices.retrieve(product.default_price);
  assert.deepEqual([price.unit_amount, price.type, price.recurring.interval, price.product], [1500, 'recurring', 'month', product.id]);
  const error = await refused(stripe.products.del(product.id));
  assert.equal(error.message, 'This product cannot be deleted because it has one or more user-created prices.');
  const { data } = await stripe.products.search({ query: "name:'pro'" });
  assert.deepEqual(data.map((row) => row.id), [product.id]);
});

test('prices have tiers, packages and currencies', async () => {
  const stripe = newClient();
  const { id: product } = await stripe.products.create({ name: 'Pro' });
  const tiered = await stripe.prices.create({
    product, currency: 'usd', billing_scheme: 'tiered', tiers_mode: 'graduated', recurring: { interval: 'month' },
    tiers: [{ up_to: 5, unit_amount: 700, flat_amount: 100 }, { up_to: 'inf', unit_amount: 600 }], expand: ['tiers'],
  });
  assert.deepEqual(tiered.tiers.map((tier) => [tier.up_to, tier.unit_amount, tier.flat_amount]), [[5, 700, 100], [null, 600, null]]);
  assert.equal(tiered.unit_amount, null);
  assert.equal('tiers' in (await stripe.prices.retrieve(tiered.id)), false);
  const price = await stripe.prices.create({
    product, currency: 'usd', unit_amount: 500, transform_quantity: { divide_by: 5, round: 'up' },
    currency_options: { eur: { unit_amount: 450 } }, expand: ['currency_options'],
  });
  assert.deepEqual([price.transform_quantity.round, price.currency_options.eur.unit_amount, price.currency_options.usd.unit_amount], ['up', 450, 500]);
  const fraction = await stripe.prices.create({ product, currency: 'usd', unit_amount_decimal: '0.05' });
  assert.deepEqual([fraction.unit_amount, String(fraction.unit_amount_decimal)], [null, '0.05']);
});

test('a lookup key is one price\'s', async () => {
  const stripe = newClient();
  const { id: product } = await stripe.products.create({ name: 'Pro' });
  const make = { product, currency: 'usd', unit_amount: 5, lookup_key: 'standard' };
  const first = await stripe.prices.create(make);
  const error = await refused(stripe.prices.create(make));
  assert.equal(error.message, `A price (\`${first.id}\`) already uses that lookup key.`);
  const second = await stripe.prices.create({ ...make, transfer_lookup_key: true });
  assert.equal((await stripe.prices.retrieve(first.id)).lookup_key, null);
  const { data } = await stripe.prices.list({ lookup_keys: ['standard'] });
  assert.deepEqual(data.map((row) => row.id), [second.id]);
});

test('prices that make no sense are refused', async () => {
  const stripe = newClient();
  const { id: product } = await stripe.products.create({ name: 'Pro' });
  for (const [params, message] of [
    [{}, 'You must specify either `product` or `product_data` when creating a price.'],
    [{ product }, 'Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.'],
    [{ product, unit_amount: 5, recurring: { interval: 'month', usage_type: 'metered' } },
      'Starting with Stripe version `2025-03-31.basil`, metered prices must be backed by meters.'],
  ]) {
    const error = await refused(stripe.prices.create({ currency: 'usd', ...params }));
    assert.deepEqual([error.type, error.statusCode, error.message], ['StripeInvalidRequestError', 400, message]);
  }
});

test('a plan is a price by its old name', async () => {
  const stripe = newClient();
  const plan = await stripe.plans.create({ product: { name: 'Gold' }, currency: 'usd', amount: 900, interval: 'month' });
  assert.equal((await stripe.prices.retrieve(plan.id)).unit_amount, 900);
  assert.equal((await stripe.plans.del(plan.id)).deleted, true);
  assert.equal((await refused(stripe.plans.retrieve(plan.id))).code, 'resource_missing');
});

test('shipping rates and tax rates', async () => {
  const stripe = newClient();
  const shipping = await stripe.shippingRates.create({
    display_name: 'Ground', type: 'fixed_amount', fixed_amount: { amount: 500, currency: 'usd' },
  });
  assert.equal((await stripe.shippingRates.retrieve(shipping.id)).fixed_amount.amount, 500);
  const vat = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: true, country: 'DE' });
  assert.deepEqual([vat.percentage, vat.effective_percentage, vat.rate_type], [19, 19, 'percentage']);
  assert.equal((await stripe.taxRates.update(vat.id, { active: false })).active, false);
  assert.equal((await stripe.taxRates.list({ active: true })).data.length, 0);
});

test('tax comes on top after the discount', async () => {
  const stripe = newClient();
  const rate = await stripe.taxRates.create({ display_name: 'Tax', percentage: 5, inclusive: false });
  const coupon = await stripe.coupons.create({ percent_off: 10 });
  const { id: customer } = await stripe.customers.create({});
  const invoice = await stripe.invoices.create({
    customer, collection_method: 'send_invoice', days_until_due: 7, default_tax_rates: [rate.id], discounts: [{ coupon: coupon.id }],
  });
  await stripe.invoiceItems.create({ customer, invoice: invoice.id, amount: 2000, currency: 'usd' });
  const open = await stripe.invoices.finalizeInvoice(invoice.id);
  // 20.00 less 10 % are 18.00; 5 % of it are 0.90.
  assert.deepEqual([open.subtotal, open.total, open.total_taxes.map((tax) => tax.amount)], [2000, 1890, [90]]);
});
