// Invoices, invoice items and credit notes by the official SDK.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newClient } from './sandbox.mjs';

const DAY = 86_400;

async function shopper(stripe, { card = 'pm_card_visa', ...more } = {}) {
  const customer = await stripe.customers.create({ email: 'jenny@example.com', ...more });
  if (card) {
    const method = await stripe.paymentMethods.attach(card, { customer: customer.id });
    await stripe.customers.update(customer.id, {
      invoice_settings: { default_payment_method: method.id },
    });
  }
  return customer;
}

const item = (stripe, customer, amount, more = {}) =>
  stripe.invoiceItems.create({ customer: customer.id, amount, currency: 'usd', ...more });

const draft = (stripe, customer, more = {}) =>
  stripe.invoices.create({
    customer: customer.id, pending_invoice_items_behavior: 'include', ...more,
  });

async function opened(stripe, customer, amount = 1000, more = {}) {
  await item(stripe, customer, amount);
  const made = await draft(stripe, customer, more);
  return stripe.invoices.finalizeInvoice(made.id);
}

async function monthly(stripe, amount) {
  const product = await stripe.products.create({ name: 'Pro' });
  return stripe.prices.create({
    product: product.id, currency: 'usd', unit_amount: amount, recurring: { interval: 'month' },
  });
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'it was not refused' });
}

const tax = (stripe, percentage, inclusive) =>
  stripe.taxRates.create({ display_name: 'VAT', percentage, inclusive });

test('an invoice goes from draft to paid', async () => {
  const stripe = newClient();
  const customer = await shopper(stripe);
  await item(stripe, customer, 1500, { description: 'Setup' });
  const made = await draft(stripe, customer, { metadata: { order: '1' } });
  assert.deepEqual([made.status, made.total, made.number], ['draft', 1500, null]);
  const open = await stripe.invoices.finalizeInvoice(made.id);
  assert.equal(open.status, 'open');
  assert.match(open.number, /-0001$/);
  const paid = await stripe.invoices.pay(made.id, { expand: ['payments'] });
  assert.deepEqual([paid.status, paid.amount_paid, paid.attempt_count], ['paid', 1500, 1]);
  assert.equal(paid.payments.data[0].status, 'paid');
  const again = await refusal(stripe.invoices.pay(made.id));
  assert.equal(again.message, 'Invoice is already paid');
  const types = (await stripe.events.list({ limit: 100 })).data.map((event) => event.type);
  assert.ok(types.includes('invoice.finalized') && types.includes('invoice_payment.paid'));
});

test('items wait, change and go', async () => {
  const stripe = newClient();
  const customer = await shopper(stripe);
  const price = await stripe.prices.create({
    currency: 'usd', unit_amount: 700, product_data: { name: 'T-shirt' },
  });
  const made = await stripe.invoiceItems.create({
    customer: customer.id, pricing: { price: price.id }, quantity: 3,
  });
  assert.deepEqual([made.amount, made.description], [2100, 'T-shirt']);
  const changed = await stripe.invoiceItems.update(made.id, { quantity: 2 });
  assert.equal(changed.amount, 1400);
  assert.equal((await stripe.invoiceItems.list({ pending: true })).data.length, 1);
  assert.equal((await stripe.invoiceItems.del(made.id)).deleted, true);
  const missing = await refusal(stripe.invoiceItems.retrieve(made.id));
  assert.equal(missing.statusCode, 404);
});

test('lines are edited on a draft only', async () => {
  const stripe = newClient();
  const customer = await shopper(stripe);
  const made = await stripe.invoices.create({ customer: customer.id });
  const added = await stripe.invoices.addLines(made.id, {
    lines: [{ amount: 500, description: 'one' }, { amount: 700, description: 'two' }],
  });
  assert.equal(added.total, 1200);
  const line = added.lines.data.find((row) => row.description === 'one');
  const updated = await stripe.invoices.updateLineItem(made.id, line.id, { amount: 600 });
  assert.equal(updated.amount, 600);
  const removed = await stripe.invoices.removeLines(made.id, {
    lines: [{ id: line.id, behavior: 'unassign' }],
  });
  assert.equal(removed.total, 700);
  await stripe.invoices.finalizeInvoice(made.id);
  const refused = await refusal(stripe.invoices.addLines(made.id, { lines: [{ amount: 1 }] }));
  assert.equal(refused.code, 'invoice_not_editable');
});

test('a declined card answers 402 and leaves the invoice open', async () => {
  const stripe = newClient();
  const customer = await shopper(stripe, { card: 'pm_card_chargeCustomerFail' });
  const open = await opened(stripe, customer);
  const declined = await refusal(stripe.invoices.pay(open.id));
  assert.deepEqual([declined.statusCode, declined.type], [402, 'StripeCardError']);
  assert.equal((await stripe.invoices.retrieve(open.id)).status, 'open');
  const paid = await stripe.invoices.pay(open.id, { payment_method: 'pm_card_visa' });
  assert.equal(paid.status, 'paid');
});

test('invoices are voided, given up, sent and paid elsewhere', async () => {
  const stripe = newClient();
  const customer = await shopper(stripe);
  const voided = await stripe.invoices.voidInvoice((await opened(stripe, customer)).id);
  assert.equal(voided.status, 'void');
  const lost = await stripe.invoices.markUncollectible((await opened(stripe, customer)).id);
  assert.equal(lost.status, 'uncollectible');
  await item(stripe, customer, 1000);
  const made = await draft(stripe, customer, {
    collection_method: 'send_invoice', days_until_due: 7,
  });
  const sent = await stripe.invoices.sendInvoice(made.id);
  assert.deepEqual([sent.status, sent.due_date], ['open', sent.created + 7 * DAY]);
  const paid = await stripe.invoices.pay(made.id, { paid_out_of_band: true });
  assert.deepEqual([paid.status, paid.attempted], ['paid', false]);
});

test('discounts come before tax', async () => {
  const stripe = newClient();
  const customer = await shopper(stripe);
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'once' });
  const rate = await tax(stripe, 5, false);
  await item(stripe, customer, 2000);
  const made = await draft(stripe, customer, {
    discounts: [{ coupon: coupon.id }], default_tax_rates: [rate.id],
  });
  // 2000 - 200 = 1800; 5 % of it = 90.
  assert.deepEqual([made.subtotal, made.total, made.total_excluding_tax], [2000, 1890, 1800]);
  assert.equal(made.total_discount_amounts[0].amount, 200);
  assert.equal(made.total_taxes[0].amount, 90);
});

test('inclusive tax is inside of the amount', async () => {
  const stripe = newClient();
  const customer = await shopper(stripe);
  const rate = await tax(stripe, 20, true);
  await item(stripe, customer, 1200, { tax_rates: [rate.id] });
  const made = await draft(stripe, customer);
  // 1200 * 20 / 120 = 200.
  assert.deepEqual(
    [made.total, made.total_excluding_tax, made.total_taxes[0].amount], [1200, 1000, 200],
  );
});

test('the balance pays first', async () => {
  const stripe = newClient();
  const customer = await shopper(stripe, { balance: -300 });
  const open = await opened(stripe, customer, 1000);
  assert.deepEqual(
    [open.starting_balance, open.ending_balance, open.amount_due], [-300, 0, 700],
  );
  await stripe.invoices.voidInvoice(open.id);
  assert.equal((await stripe.customers.retrieve(customer.id)).balance, -300);
});

test('previews write nothing', async () => {
  const stripe = newClient();
  const customer = await shopper(stripe);
  const price = await monthly(stripe, 1000);
  const preview = await stripe.invoices.createPreview({
    customer: customer.id,
    subscription_details: { items: [{ price: price.id, quantity: 2 }] },
    invoice_items: [{ amount: 300, currency: 'usd', description: 'Setup' }],
  });
  assert.equal(preview.total, 2300);
  assert.equal((await stripe.invoices.list()).data.length, 0);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id, items: [{ price: price.id, quantity: 2 }],
  });
  const row = subscription.items.data[0];
  const half = (row.current_period_start + row.current_period_end) / 2;
  const upgrade = await stripe.invoices.createPreview({
    customer: customer.id,
    subscription: subscription.id,
    subscription_details: {
      items: [{ id: row.id, quantity: 4 }],
      proration_date: half,
      proration_behavior: 'always_invoice',
    },
  });
  // Half of 2000 back, half of 4000 due.
  assert.deepEqual(upgrade.lines.data.map((line) => line.amount), [-1000, 2000]);
  const next = await stripe.invoices.createPreview({ subscription: subscription.id });
  assert.deepEqual([next.total, next.billing_reason], [2000, 'upcoming']);
});

test('credit notes cut, refund and credit', async () => {
  const stripe = newClient();
  const customer = await shopper(stripe);
  const open = await opened(stripe, customer, 1000);
  const early = await stripe.creditNotes.create({ invoice: open.id, amount: 100 });
  assert.deepEqual([early.type, early.pre_payment_amount], ['pre_payment', 100]);
  const paid = await stripe.invoices.pay(open.id);
  assert.equal(paid.amount_paid, 900);
  const late = await stripe.creditNotes.create({
    invoice: open.id, amount: 500, refund_amount: 300, credit_amount: 200,
  });
  assert.deepEqual([late.type, late.number], ['post_payment', `${paid.number}-CN-02`]);
  assert.equal((await stripe.refunds.retrieve(late.refunds[0].refund)).amount, 300);
  assert.equal((await stripe.customers.retrieve(customer.id)).balance, -200);
  const refused = await refusal(
    stripe.creditNotes.create({ invoice: open.id, amount: 401, credit_amount: 401 }),
  );
  assert.equal(refused.param, 'amount');
  const lines = await stripe.creditNotes.listLineItems(late.id);
  assert.equal(lines.data[0].amount, 500);
  assert.equal((await stripe.creditNotes.voidCreditNote(early.id)).status, 'void');
});

test('lists, search and the page of an invoice', async () => {
  const stripe = newClient();
  const customer = await shopper(stripe);
  const open = await opened(stripe, customer, 1000, { metadata: { order: '77' } });
  await opened(stripe, customer, 2000);
  const found = await stripe.invoices.search({ query: "metadata['order']:'77'" });
  assert.deepEqual(found.data.map((row) => row.id), [open.id]);
  const all = [];
  for await (const row of stripe.invoices.list({ limit: 1, customer: customer.id })) {
    all.push(row.total);
  }
  assert.deepEqual(all, [2000, 1000]);
  const page = await fetch(open.hosted_invoice_url);
  assert.match(await page.text(), /Pay \$10\.00/);
  const pdf = await fetch(open.invoice_pdf);
  assert.match(await pdf.text(), /^%PDF-1\.4/);
});

test('a failing card is dunned by the clock', async () => {
  const stripe = newClient();
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: 1_790_000_000 });
  const customer = await shopper(stripe, {
    card: 'pm_card_chargeCustomerFail', test_clock: clock.id,
  });
  await item(stripe, customer, 1000);
  const made = await draft(stripe, customer, { auto_advance: true });
  const first = made.created + 3600;
  const advance = async (to) => {
    let moved = await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: to });
    for (let turn = 0; turn < 50 && moved.status !== 'ready'; turn += 1) {
      moved = await stripe.testHelpers.testClocks.retrieve(clock.id);
    }
    assert.equal(moved.status, 'ready');
  };
  await advance(first);
  const failed = await stripe.invoices.retrieve(made.id);
  // 14 days / 8 = 151,200 seconds.
  assert.deepEqual(
    [failed.attempt_count, failed.next_payment_attempt], [1, first + 151_200],
  );
  await advance(first + 15 * DAY);
  const ended = await stripe.invoices.retrieve(made.id);
  assert.deepEqual([ended.attempt_count, ended.next_payment_attempt], [9, null]);
});
