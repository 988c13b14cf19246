// Conventions, events, webhook endpoints, thin events and the sandbox's own endpoints.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import Stripe from 'stripe';
import { newClient, url } from './sandbox.mjs';

// A webhook endpoint that keeps what it is sent.
async function receiver(statuses = []) {
  const received = [];
  const waiting = [...statuses];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(waiting.shift() ?? 200).end();
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    received,
    async first(count) {
      const end = Date.now() + 10_000;
      while (received.length < count && Date.now() < end) await new Promise((go) => setTimeout(go, 10));
      assert.ok(received.length >= count, `${received.length} of ${count} came`);
      return received;
    },
    close: () => { server.closeAllConnections(); server.close(); },
  };
}

async function control(method, path, body, key) {
  const headers = { 'content-type': 'application/json' };
  if (key) headers.authorization = `Bearer ${key}`;
  const answer = await fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
  return answer.json();
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was refused');
}

test('an unknown id is a 404 with code, param and request id', async () => {
  const error = await refusal(newClient().customers.retrieve('cus_none'));
  assert.ok(error instanceof Stripe.errors.StripeInvalidRequestError);
  assert.equal(error.statusCode, 404);
  assert.equal(error.code, 'resource_missing');
  assert.equal(error.param, 'id');
  assert.equal(error.message, "No such customer: 'cus_none'");
  assert.match(error.requestId, /^req_\w{14}$/);
  assert.equal(error.doc_url, 'https://stripe.com/docs/error-codes/resource-missing');
});

test('each parameter error has its text', async () => {
  const stripe = newClient();
  const { id: product } = await stripe.products.create({ name: 'x' });
  const cases = [
    [{ product }, 'parameter_missing', 'currency', 'Missing required param: currency.'],
    [{ product, currency: 'usd', unit_amount: 'ten' }, 'parameter_invalid_integer', 'unit_amount', 'Invalid integer: ten'],
    [{ product, currency: 'usd', colour: 'red', size: 1 }, 'parameter_unknown', 'colour', 'Received unknown parameters: colour, size'],
    [{ product, currency: 'usd', unit_amount: 1, billing_scheme: 'x' }, undefined, 'billing_scheme', 'Invalid billing_scheme: must be one of per_unit or tiered'],
  ];
  for (const [params, code, param, message] of cases) {
    const error = await refusal(stripe.prices.create(params));
    assert.deepEqual([error.statusCode, error.code, error.param, error.message], [400, code, param, message]);
  }
});

test('a declined card is a card error', async () => {
  const error = await refusal(newClient().paymentIntents.create({
    amount: 1000, currency: 'usd', payment_method: 'pm_card_chargeDeclined', confirm: true,
    return_url: 'https://example.com',
  }));
  assert.ok(error instanceof Stripe.errors.StripeCardError);
  assert.deepEqual([error.statusCode, error.code, error.decline_code], [402, 'card_declined', 'generic_decline']);
  assert.equal(error.payment_intent.status, 'requires_payment_method');
});

test('keys, accounts, limits and failures have their own errors', async () => {
  const { hostname: host, port } = new URL(url);
  const options = { host, port: Number(port), protocol: 'http', maxNetworkRetries: 0 };
  const wrong = await refusal(new Stripe('sk_wrong_1234567890', options).customers.list());
  assert.ok(wrong instanceof Stripe.errors.StripeAuthenticationError);
  const stripe = newClient();
  const other = await refusal(stripe.customers.list({}, { stripeAccount: 'acct_other' }));
  assert.ok(other instanceof Stripe.errors.StripePermissionError);
  const path = `/v1/customers/cus_${process.hrtime.bigint()}`;
  const id = path.split('/').pop();
  await control('POST', '/sandbox/faults', { method: 'GET', path, kind: 'rate_limit', retry_after_s: 1 });
  assert.ok(await refusal(stripe.customers.retrieve(id)) instanceof Stripe.errors.StripeRateLimitError);
  await control('POST', '/sandbox/faults', { method: 'GET', path, kind: 'fail_before', status: 500 });
  assert.ok(await refusal(stripe.customers.retrieve(id)) instanceof Stripe.errors.StripeAPIError);
  const lacking = await refusal(stripe.payouts.list());
  assert.equal(lacking.statusCode, 501);
});

test('a key replays its answer and is refused for anything else', async () => {
  const stripe = newClient();
  const options = { idempotencyKey: 'k' };
  const first = await stripe.customers.create({ name: 'a' }, options);
  const again = await stripe.customers.create({ name: 'a' }, options);
  assert.equal(first.id, again.id);
  assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true');
  assert.equal(again.lastResponse.headers['original-request'], first.lastResponse.requestId);
  const error = await refusal(stripe.customers.create({ name: 'b' }, options));
  assert.ok(error instanceof Stripe.errors.StripeIdempotencyError);
  assert.equal((await stripe.customers.list()).data.length, 1);
});

test('pages are followed and cursors checked', async () => {
  const stripe = newClient();
  const names = Array.from({ length: 23 }, (_, n) => `c${String(n).padStart(2, '0')}`);
  for (const name of names) await stripe.customers.create({ name });
  const seen = [];
  for await (const customer of stripe.customers.list({ limit: 5 })) seen.push(customer.name);
  assert.deepEqual(seen, names.toReversed());
  const oldest = (await stripe.customers.list({ limit: 100 })).data.at(-1).id;
  const page = await stripe.customers.list({ limit: 3, ending_before: oldest });
  assert.deepEqual(page.data.map((customer) => customer.name), ['c03', 'c02', 'c01']);
  assert.equal(page.has_more, true);
  const error = await refusal(stripe.customers.list({ starting_after: 'cus_none' }));
  assert.deepEqual([error.statusCode, error.param], [400, 'starting_after']);
});

test('expansion follows its rules', async () => {
  const stripe = newClient();
  const product = await stripe.products.create({ name: 'Pro' });
  const price = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 5, expand: ['product'] });
  assert.equal(price.product.name, 'Pro');
  const listed = await stripe.prices.list({ expand: ['data.product'] });
  assert.equal(listed.data[0].product.id, product.id);
  const unknown = await refusal(stripe.prices.retrieve(price.id, { expand: ['foo'] }));
  assert.equal(unknown.message, 'This property cannot be expanded (foo).');
  const list = await refusal(stripe.prices.list({ expand: ['product'] }));
  assert.equal(list.message, "This property cannot be expanded (product). You may want to try expanding 'data.product' instead.");
  const deep = await refusal(stripe.prices.retrieve(price.id, { expand: ['a.b.c.d.e'] }));
  assert.equal(deep.code, 'property_expansion_max_depth');
});

test('the version is that of the request', async () => {
  const stripe = newClient();
  const { id } = await stripe.products.create({ name: 'x' });
  const now = await stripe.products.retrieve(id);
  assert.equal(now.lastResponse.apiVersion, '2026-10-28.endive');
  assert.ok('marketing_features' in now);
  const old = await stripe.products.retrieve(id, {}, { apiVersion: '2023-10-16' });
  assert.equal(old.lastResponse.apiVersion, '2023-10-16');
  assert.ok('features' in old && !('marketing_features' in old));
  const error = await refusal(stripe.products.retrieve(id, {}, { apiVersion: '2019-01-01' }));
  assert.equal(error.message, 'Invalid Stripe API version: 2019-01-01');
});

test('events say what changed and why', async () => {
  const stripe = newClient();
  const customer = await stripe.customers.create({ name: 'a' }, { idempotencyKey: 'k1' });
  await stripe.customers.update(customer.id, { name: 'b' });
  const [updated, created] = (await stripe.events.list()).data;
  assert.deepEqual([created.type, updated.type], ['customer.created', 'customer.updated']);
  assert.deepEqual(created.request, { id: customer.lastResponse.requestId, idempotency_key: 'k1' });
  assert.deepEqual(updated.data.previous_attributes, { name: 'a' });
  assert.equal((await stripe.events.retrieve(updated.id)).data.object.name, 'b');
  assert.equal((await stripe.events.list({ types: ['customer.created'] })).data.length, 1);
});

test('webhooks arrive signed and are tried again', async () => {
  const stripe = newClient();
  const hook = await receiver([500]);
  const endpoint = await stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ['customer.created'] });
  assert.match(endpoint.secret, /^whsec_/);
  const customer = await stripe.customers.create({ name: 'a' });
  const [first, second] = await hook.first(2);
  hook.close();
  assert.equal(first.body, second.body);
  const signature = second.headers['stripe-signature'];
  const event = stripe.webhooks.constructEvent(second.body, signature, endpoint.secret, 1e9);
  assert.equal(event.data.object.id, customer.id);
  assert.throws(() => stripe.webhooks.constructEvent(second.body, signature, 'whsec_other', 1e9),
    Stripe.errors.StripeSignatureVerificationError);
});

test('webhook endpoints live and die', async () => {
  const stripe = newClient();
  const made = await stripe.webhookEndpoints.create({ url: 'https://a.test/x', enabled_events: ['*'], api_version: '2023-10-16' });
  assert.equal(made.api_version, '2023-10-16');
  assert.equal((await stripe.webhookEndpoints.retrieve(made.id)).secret, undefined);
  assert.equal((await stripe.webhookEndpoints.update(made.id, { disabled: true })).status, 'disabled');
  assert.equal((await stripe.webhookEndpoints.del(made.id)).deleted, true);
  const error = await refusal(stripe.webhookEndpoints.create({ url: 'https://a.test', enabled_events: ['nothing.known'] }));
  assert.equal(error.param, 'enabled_events[0]');
});

test('thin events tell where to look', async () => {
  const stripe = newClient();
  const hook = await receiver();
  const destination = await stripe.v2.core.eventDestinations.create({
    name: 'mine', type: 'webhook_endpoint', event_payload: 'thin', enabled_events: ['v1.customer.updated'],
    webhook_endpoint: { url: hook.url }, include: ['webhook_endpoint.signing_secret', 'webhook_endpoint.url'],
  });
  const customer = await stripe.customers.create({ name: 'a' });
  await stripe.customers.update(customer.id, { name: 'b' });
  const [{ headers, body }] = await hook.first(1);
  const secret = destination.webhook_endpoint.signing_secret;
  const told = stripe.parseEventNotification(body, headers['stripe-signature'], secret, 1e9);
  assert.equal(told.type, 'v1.customer.updated');
  assert.equal(told.related_object.id, customer.id);
  const event = await told.fetchEvent();
  assert.deepEqual(event.changes, { before: { name: 'a' }, after: { name: 'b' } });
  assert.equal((await told.fetchRelatedObject()).name, 'b');
  const ping = await stripe.v2.core.eventDestinations.ping(destination.id);
  assert.equal(JSON.parse((await hook.first(2))[1].body).id, ping.id);
  hook.close();
  await stripe.v2.core.eventDestinations.del(destination.id);
  const gone = await refusal(stripe.v2.core.eventDestinations.retrieve(destination.id));
  assert.equal(gone.statusCode, 404);
});

test('thin events are listed and paged', async () => {
  const stripe = newClient();
  for (let n = 0; n < 5; n += 1) await stripe.customers.create({ name: 'a' });
  const seen = new Set();
  for await (const event of stripe.v2.core.events.list({ limit: 2, types: ['v1.customer.created'] })) seen.add(event.id);
  assert.equal(seen.size, 5);
});

test('an event is triggered on my customer', async () => {
  const key = `sk_test_${process.hrtime.bigint()}`;
  const { hostname: host, port } = new URL(url);
  const stripe = new Stripe(key, { host, port: Number(port), protocol: 'http' });
  const mine = await stripe.customers.create({ email: 'mine@example.com' });
  const wishes = { customer: mine.id, metadata: { order: '7' }, override: { item: { amount: 4321 } } };
  const done = await control('POST', '/sandbox/trigger/invoice.finalized', wishes, key);
  const invoice = await stripe.invoices.retrieve(done.objects.invoice);
  assert.deepEqual([invoice.customer, invoice.total], [mine.id, 4321]);
  assert.deepEqual(invoice.metadata, { order: '7' });
});
