"""Disputes: opened by their cards, answered, won, lost, given up; inquiries and early warnings."""

import pytest
import stripe

from sandbox_control import advance, event_types

NEVER = {"enabled": True, "allow_redirects": "never"}


def disputed(client, method="pm_card_createDispute"):
    intent = client.v1.payment_intents.create(params={
        "amount": 2000, "currency": "usd", "payment_method": method, "confirm": True,
        "automatic_payment_methods": NEVER,
    })
    rows = client.v1.disputes.list(params={"payment_intent": intent.id}).data
    return intent, rows[0]


def answer(client, dispute, text):
    return client.v1.disputes.update(dispute.id, params={"evidence": {"uncategorized_text": text}})


@pytest.mark.parametrize("method,reason,network", [
    ("pm_card_createDispute", "fraudulent", "10.4"),
    ("pm_card_createDisputeProductNotReceived", "product_not_received", "13.1"),
    ("pm_card_createCe3EligibleDispute", "fraudulent", "10.4"),
])
def test_a_dispute_is_opened(client, method, reason, network):
    intent, dispute = disputed(client, method)
    assert intent.status == "succeeded"
    assert dispute.id.startswith("du_")
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", reason, 2000)
    assert (dispute.charge, dispute.payment_intent) == (intent.latest_charge, intent.id)
    assert dispute.is_charge_refundable is False
    card = dispute.payment_method_details.card
    assert (card.brand, card.case_type, card.network_reason_code) == ("visa", "chargeback", network)
    due = dispute.evidence_details.due_by
    assert due % 86400 == 86399 and 8 * 86400 <= due - dispute.created <= 9 * 86400
    moved = dispute.balance_transactions[0]
    assert (moved.type, moved.reporting_category, moved.amount, moved.fee, moved.net) == (
        "adjustment", "dispute", -2000, 1500, -3500)
    assert moved.description == f"Chargeback withdrawal for {intent.latest_charge}"
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert charge.disputed is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create(params={"charge": charge.id})
    assert refused.value.code == "charge_disputed"
    assert refused.value.user_message == f"Charge {charge.id} has been charged back; cannot issue a refund."
    assert event_types(client) == [
        "payment_intent.created", "charge.succeeded", "charge.dispute.created", "charge.dispute.funds_withdrawn",
        "payment_intent.succeeded",
    ]


def test_winning(client):
    intent, dispute = disputed(client)
    sent = answer(client, dispute, "winning_evidence")
    assert sent.status == "under_review"
    assert (sent.evidence_details.has_evidence, sent.evidence_details.submission_count) == (True, 1)
    assert "charge.dispute.updated" in event_types(client)
    advance(6)
    won = client.v1.disputes.retrieve(dispute.id)
    assert (won.status, won.is_charge_refundable) == ("won", True)
    assert [row.reporting_category for row in won.balance_transactions] == ["dispute", "dispute_reversal"]
    assert won.balance_transactions[1].amount == 2000
    assert event_types(client)[-2:] == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]
    assert client.v1.refunds.create(params={"charge": intent.latest_charge}).amount == 2000


def test_losing(client):
    _, dispute = disputed(client)
    answer(client, dispute, "losing_evidence")
    advance(6)
    assert client.v1.disputes.retrieve(dispute.id).status == "lost"
    assert event_types(client)[-1] == "charge.dispute.closed"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.disputes.close(dispute.id)
    assert refused.value.user_message == "This dispute is already closed"


def test_staging_evidence_before_handing_it_in(client):
    _, dispute = disputed(client)
    staged = client.v1.disputes.update(dispute.id, params={
        "evidence": {"customer_name": "Jenny"}, "submit": False, "metadata": {"case": "7"},
    })
    assert (staged.status, staged.evidence.customer_name) == ("needs_response", "Jenny")
    assert (staged.evidence_details.has_evidence, staged.evidence_details.submission_count) == (True, 0)
    assert staged.metadata["case"] == "7"
    sent = client.v1.disputes.update(dispute.id, params={"submit": True})
    assert (sent.status, sent.evidence.customer_name) == ("under_review", "Jenny")


def test_closing_accepts_the_loss(client):
    _, dispute = disputed(client)
    closed = client.v1.disputes.close(dispute.id)
    assert closed.status == "lost"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        answer(client, dispute, "winning_evidence")
    assert (refused.value.code, refused.value.user_message) == (None, "This dispute is already closed")


def test_an_inquiry_takes_no_money_until_it_is_escalated(client):
    intent, dispute = disputed(client, "pm_card_createDisputeInquiry")
    assert dispute.status == "warning_needs_response"
    assert dispute.payment_method_details.card.case_type == "inquiry"
    assert (dispute.balance_transactions, dispute.is_charge_refundable) == ([], True)
    assert "charge.dispute.funds_withdrawn" not in event_types(client)
    assert client.v1.refunds.create(params={"charge": intent.latest_charge, "amount": 100}).status == "succeeded"
    sent = answer(client, dispute, "escalate_inquiry_evidence")
    assert sent.status == "warning_under_review"
    advance(6)
    grown = client.v1.disputes.retrieve(dispute.id)
    assert (grown.status, len(grown.balance_transactions)) == ("needs_response", 1)
    assert "charge.dispute.funds_withdrawn" in event_types(client)


def test_an_inquiry_can_be_closed_by_evidence(client):
    _, dispute = disputed(client, "pm_card_createDisputeInquiry")
    answer(client, dispute, "winning_evidence")
    advance(6)
    assert client.v1.disputes.retrieve(dispute.id).status == "warning_closed"


def test_several_disputes_of_one_charge(client):
    intent, _ = disputed(client, "pm_card_createMultipleDisputes")
    rows = client.v1.disputes.list(params={"charge": intent.latest_charge}).data
    assert len(rows) == 2
    assert sum(row.amount for row in rows) == 2000


def test_an_early_fraud_warning(client):
    intent = client.v1.payment_intents.create(params={
        "amount": 2000, "currency": "usd", "payment_method": "pm_card_createIssuerFraudRecord", "confirm": True,
        "automatic_payment_methods": NEVER,
    })
    warning = client.v1.radar.early_fraud_warnings.list(params={"charge": intent.latest_charge}).data[0]
    assert (warning.actionable, warning.payment_intent) == (True, intent.id)
    assert client.v1.radar.early_fraud_warnings.retrieve(warning.id).charge == intent.latest_charge
    assert "radar.early_fraud_warning.created" in event_types(client)
    assert client.v1.disputes.list().data == []


def test_a_held_charge_is_disputed_when_it_is_captured(client):
    held = client.v1.payment_intents.create(params={
        "amount": 2000, "currency": "usd", "payment_method": "pm_card_createDispute", "confirm": True,
        "capture_method": "manual", "automatic_payment_methods": NEVER,
    })
    assert client.v1.disputes.list().data == []
    client.v1.payment_intents.capture(held.id)
    assert client.v1.disputes.list().data[0].charge == held.latest_charge


def test_unknown(client):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.disputes.retrieve("du_none")
    assert (refused.value.http_status, refused.value.user_message) == (404, "No such dispute: 'du_none'")
