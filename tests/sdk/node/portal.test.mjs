// The billing portal by the official Node SDK: configurations, sessions, the page and its acts.
import assert from 'node:assert/strict';
import test from 'node:test';
import { newClient, url } from './sandbox.mjs';

async function home(stripe, features = {}) {
  const product = await stripe.products.create({ name: 'Pro' });
  const price = async (amount) => (await stripe.prices.create({
    product: product.id, currency: 'usd', unit_amount: amount, recurring: { interval: 'month' } })).id;
  const [basic, plus] = [await price(1000), await price(2000)];
  const customer = await stripe.customers.create({ email: 'jenny@example.com' });
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: card.id } });
  const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: basic, quantity: 1 }] });
  const configuration = await stripe.billingPortal.configurations.create({
    features: {
      customer_update: { enabled: true, allowed_updates: ['email'] },
      invoice_history: { enabled: true },
      payment_method_update: { enabled: true },
      subscription_cancel: { enabled: true },
      subscription_update: {
        enabled: true, default_allowed_updates: ['price'], proration_behavior: 'always_invoice',
        products: [{ product: product.id, prices: [basic, plus] }],
      },
      ...features,
    },
  });
  const session = await stripe.billingPortal.sessions.create({
    customer: customer.id, configuration: configuration.id, return_url: 'https://shop.example/account' });
  return { basic, plus, customer, subscription, configuration, session };
}

async function control(session, what, fields = {}) {
  const answer = await fetch(`${url}/sandbox/portal/${session.id}/${what}`, {
    method: 'POST', body: JSON.stringify(fields), headers: { 'content-type': 'application/json' } });
  return { code: answer.status, ...(await answer.json()) };
}

test('a configuration is made, changed and listed', async () => {
  const stripe = newClient();
  const { configuration } = await home(stripe);
  assert.equal(configuration.is_default, false);
  assert.equal(configuration.features.subscription_cancel.mode, 'at_period_end');
  const changed = await stripe.billingPortal.configurations.update(configuration.id, {
    active: false, business_profile: { headline: 'Acme' } });
  assert.deepEqual([changed.active, changed.business_profile.headline], [false, 'Acme']);
  const inactive = await stripe.billingPortal.configurations.list({ active: false });
  assert.deepEqual(inactive.data.map((row) => row.id), [configuration.id]);
  const shown = await stripe.billingPortal.configurations.retrieve(configuration.id,
    { expand: ['features.subscription_update.products'] });
  assert.equal(shown.features.subscription_update.products[0].prices.length, 2);
});

test('the page shows plan, card and invoices', async () => {
  const stripe = newClient();
  const { session } = await home(stripe);
  const page = await (await fetch(session.url)).text();
  for (const text of ['Pro: $10.00 per month', 'Visa ending in 4242', 'Update subscription', 'Cancel subscription']) {
    assert.ok(page.includes(text), text);
  }
});

test('a subscription is canceled and taken back', async () => {
  const stripe = newClient();
  const { session, subscription } = await home(stripe);
  assert.equal((await control(session, 'cancel', { feedback: 'unused' })).code, 200);
  const ending = await stripe.subscriptions.retrieve(subscription.id);
  assert.equal(ending.cancel_at, ending.items.data[0].current_period_end);
  assert.equal(ending.cancel_at_period_end, false);
  assert.equal(ending.cancellation_details.feedback, 'unused');
  assert.equal((await control(session, 'renew')).code, 200);
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).cancel_at, null);
});

test('a plan is changed and its difference is paid', async () => {
  const stripe = newClient();
  const { session, subscription, plus } = await home(stripe);
  assert.equal((await control(session, 'update', { price: plus })).code, 200);
  const changed = await stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
  assert.equal(changed.items.data[0].price.id, plus);
  assert.deepEqual([changed.latest_invoice.status, changed.latest_invoice.amount_paid], ['paid', 1000]);
  assert.equal((await control(session, 'update', { quantity: 5 })).code, 402);
});

test('a card is added and charged from then on', async () => {
  const stripe = newClient();
  const { session, customer } = await home(stripe);
  assert.equal((await control(session, 'payment_method', { number: '4000000000000002' })).code, 402);
  assert.equal((await control(session, 'payment_method', { number: '5555555555554444' })).code, 200);
  const known = await stripe.customers.retrieve(customer.id, { expand: ['invoice_settings.default_payment_method'] });
  assert.equal(known.invoice_settings.default_payment_method.card.brand, 'mastercard');
});

test('a session may be there for one task', async () => {
  const stripe = newClient();
  const { customer, configuration, subscription } = await home(stripe);
  const session = await stripe.billingPortal.sessions.create({
    customer: customer.id, configuration: configuration.id,
    flow_data: { type: 'subscription_cancel', subscription_cancel: { subscription: subscription.id } } });
  assert.equal(session.flow.subscription_cancel.subscription, subscription.id);
  assert.match(await (await fetch(session.url)).text(), /Cancel your subscription/);
  await assert.rejects(stripe.billingPortal.sessions.create({ customer: 'cus_none' }), { param: 'customer' });
});
