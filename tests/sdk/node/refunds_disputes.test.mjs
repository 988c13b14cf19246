// Refunds and disputes: the books of the charge, what is refused, and how test cards decide.
import assert from 'node:assert/strict';
import test from 'node:test';
import { advance, eventTypes, pay, refused } from './control.mjs';
import { newClient } from './sandbox.mjs';

test('a refund in parts, and never more than there is', async () => {
  const stripe = newClient();
  const intent = await pay(stripe, 'pm_card_visa', { description: 'Order 7' });
  const charge = intent.latest_charge;
  const over = await refused(stripe.refunds.create({ charge, amount: 1100 }));
  assert.deepEqual([over.code, over.param], [undefined, 'amount']);
  assert.equal(over.message, 'Refund amount ($11.00) is greater than charge amount ($10.00)');
  const part = await stripe.refunds.create({ charge, amount: 500, reason: 'duplicate', expand: ['balance_transaction'] });
  assert.deepEqual([part.status, part.reason, part.balance_transaction.net], ['succeeded', 'duplicate', -500]);
  assert.equal(part.balance_transaction.description, 'REFUND FOR CHARGE (Order 7)');
  const more = await refused(stripe.refunds.create({ charge, amount: 600 }));
  assert.equal(more.message, 'Refund amount ($6.00) is greater than unrefunded amount on charge ($5.00)');
  await stripe.refunds.create({ payment_intent: intent.id });
  const books = await stripe.charges.retrieve(charge, { expand: ['refunds'] });
  assert.deepEqual([books.refunded, books.amount_refunded, books.refunds.data.length], [true, 1000, 2]);
  const done = await refused(stripe.refunds.create({ charge }));
  assert.deepEqual([done.code, done.message], ['charge_already_refunded', `Charge ${charge} has already been refunded.`]);
  assert.ok((await eventTypes(stripe)).includes('charge.refunded'));
});

test('one that waits, and one that fails', async () => {
  const stripe = newClient();
  const waits = await pay(stripe, 'pm_card_pendingRefund');
  const fails = await pay(stripe, 'pm_card_refundFail');
  const pending = await stripe.refunds.create({ payment_intent: waits.id });
  const failing = await stripe.refunds.create({ payment_intent: fails.id });
  assert.deepEqual([pending.status, failing.status], ['pending', 'succeeded']);
  await advance(6);
  assert.equal((await stripe.refunds.retrieve(pending.id)).status, 'succeeded');
  assert.equal((await stripe.refunds.retrieve(failing.id)).status, 'failed');
  const charge = await stripe.charges.retrieve(fails.latest_charge);
  assert.deepEqual([charge.refunded, charge.amount_refunded], [false, 0]);
});

for (const [method, reason] of [
  ['pm_card_createDispute', 'fraudulent'], ['pm_card_createDisputeProductNotReceived', 'product_not_received'],
]) {
  test(`${method} is won by winning evidence`, async () => {
    const stripe = newClient();
    const intent = await pay(stripe, method);
    const [dispute] = (await stripe.disputes.list({ payment_intent: intent.id })).data;
    assert.deepEqual([dispute.status, dispute.reason, dispute.balance_transactions[0].net],
      ['needs_response', reason, -2500]);
    const blocked = await refused(stripe.refunds.create({ payment_intent: intent.id }));
    assert.equal(blocked.code, 'charge_disputed');
    const sent = await stripe.disputes.update(dispute.id, { evidence: { uncategorized_text: 'winning_evidence' } });
    assert.equal(sent.status, 'under_review');
    await advance(6);
    assert.equal((await stripe.disputes.retrieve(dispute.id)).status, 'won');
    assert.deepEqual((await eventTypes(stripe)).slice(-2),
      ['charge.dispute.funds_reinstated', 'charge.dispute.closed']);
  });
}

test('losing evidence loses, closing gives up', async () => {
  const stripe = newClient();
  const [one, two] = [await pay(stripe, 'pm_card_createDispute'), await pay(stripe, 'pm_card_createDispute')];
  const of = async (intent) => (await stripe.disputes.list({ payment_intent: intent.id })).data[0].id;
  const lost = await of(one);
  await stripe.disputes.update(lost, { evidence: { uncategorized_text: 'losing_evidence' } });
  await advance(6);
  assert.equal((await stripe.disputes.retrieve(lost)).status, 'lost');
  const closed = await stripe.disputes.close(await of(two));
  assert.equal(closed.status, 'lost');
  const again = await refused(stripe.disputes.close(closed.id));
  assert.equal(again.message, 'This dispute is already closed');
});

test('an inquiry and an early warning take no money', async () => {
  const stripe = newClient();
  const intent = await pay(stripe, 'pm_card_createDisputeInquiry');
  const [inquiry] = (await stripe.disputes.list({ payment_intent: intent.id })).data;
  assert.deepEqual([inquiry.status, inquiry.balance_transactions], ['warning_needs_response', []]);
  const warned = await pay(stripe, 'pm_card_createIssuerFraudRecord');
  const warnings = await stripe.radar.earlyFraudWarnings.list({ payment_intent: warned.id });
  assert.equal(warnings.data[0].charge, warned.latest_charge);
});

test('the ledger and the balance agree', async () => {
  const stripe = newClient();
  // 2500 × 2.9 % = 72.5 → 73, + 30 = 103
  const intent = await pay(stripe, 'pm_card_visa', { amount: 2500, capture_method: 'automatic' });
  await stripe.refunds.create({ payment_intent: intent.id, amount: 500 });
  const rows = (await stripe.balanceTransactions.list()).data;
  assert.deepEqual(rows.map((row) => [row.type, row.fee, row.net]), [['refund', 0, -500], ['charge', 103, 2397]]);
  const balance = await stripe.balance.retrieve();
  assert.equal(balance.pending[0].amount, 1897);
});

test('charges are changed and searched', async () => {
  const stripe = newClient();
  const intent = await pay(stripe, 'pm_card_mastercard', { metadata: { order: '9' } });
  const changed = await stripe.charges.update(intent.latest_charge, { description: 'late' });
  assert.equal(changed.description, 'late');
  const found = await stripe.charges.search({ query: "payment_method_details.card.brand:'mastercard'" });
  assert.deepEqual(found.data.map((row) => row.id), [intent.latest_charge]);
  const unknown = await refused(stripe.charges.retrieve('ch_none'));
  assert.deepEqual([unknown.statusCode, unknown.message], [404, "No such charge: 'ch_none'"]);
});
