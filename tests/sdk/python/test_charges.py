"""Charges, the balance, and the ledger behind it."""

import pytest
import stripe

from sandbox_control import advance

NEVER = {"enabled": True, "allow_redirects": "never"}


def paid(client, amount=1000, method="pm_card_visa", **more):
    return client.v1.payment_intents.create(params={
        "amount": amount, "currency": "usd", "payment_method": method, "confirm": True,
        "automatic_payment_methods": NEVER, **more,
    })


def test_retrieve_update_list_search(client):
    customer = client.v1.customers.create()
    first = paid(client, metadata={"order": "7"}, customer=customer.id).latest_charge
    second = paid(client, amount=2000).latest_charge
    before = client.v1.charges.retrieve(first)
    changed = client.v1.charges.update(first, params={
        "description": "late", "metadata": {"k": "v"}, "fraud_details": {"user_report": "safe"},
    })
    assert (changed.description, changed.metadata.to_dict()) == ("late", {"order": "7", "k": "v"})
    assert changed.fraud_details.user_report == "safe"
    assert changed.receipt_url != before.receipt_url
    assert [row.id for row in client.v1.charges.list().data] == [second, first]
    assert [row.id for row in client.v1.charges.list(params={"customer": customer.id}).data] == [first]
    found = client.v1.charges.search(params={"query": "metadata['order']:'7'"})
    assert [row.id for row in found.data] == [first]
    by_card = client.v1.charges.search(params={"query": "payment_method_details.card.last4:'4242' AND amount>1500"})
    assert [row.id for row in by_card.data] == [second]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.charges.retrieve("ch_none")
    assert (refused.value.http_status, refused.value.user_message) == (404, "No such charge: 'ch_none'")


def test_a_charge_of_an_intent_is_captured_by_its_intent(client):
    held = paid(client, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.charges.capture(held.latest_charge, params={"amount": 400})
    assert refused.value.code is None
    assert refused.value.user_message == (
        f"This uncaptured Charge was created by a PaymentIntent ({held.id}). You must capture the PaymentIntent instead. "
        "For more information, see https://stripe.com/docs/payments/place-a-hold-on-a-payment-method")
    client.v1.payment_intents.capture(held.id, params={"amount_to_capture": 400})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.charges.capture(held.latest_charge)
    assert refused.value.code == "charge_already_captured"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.charges.update(held.latest_charge, params={"transfer_group": "x"})
    assert refused.value.user_message.startswith(f"This Charge was created by a PaymentIntent ({held.id}). You must update the")


def test_a_charge_of_its_own(client):
    charge = client.v1.charges.create(params={
        "amount": 1000, "currency": "usd", "source": "tok_mastercard", "description": "By hand", "metadata": {"a": "1"},
    })
    assert (charge.status, charge.paid, charge.captured, charge.payment_intent) == ("succeeded", True, True, None)
    assert (charge.source.object, charge.source.brand, charge.source.last4) == ("card", "MasterCard", "4444")
    assert charge.payment_method == charge.source.id
    moved = client.v1.balance_transactions.retrieve(charge.balance_transaction)
    assert (moved.net, moved.description) == (941, "By hand")
    assert client.v1.refunds.create(params={"charge": charge.id}).amount == 1000
    held = client.v1.charges.create(params={
        "amount": 1000, "currency": "usd", "source": "tok_visa", "capture": False})
    assert (held.captured, held.balance_transaction) == (False, None)
    done = client.v1.charges.capture(held.id, params={"amount": 600})
    assert (done.captured, done.amount_captured) == (True, 600)
    with pytest.raises(stripe.CardError) as refused:
        client.v1.charges.create(params={"amount": 1000, "currency": "usd", "source": "tok_chargeDeclined"})
    assert (refused.value.code, refused.value.json_body["error"]["decline_code"]) == (
        "card_declined", "generic_decline")
    failed = client.v1.charges.retrieve(refused.value.json_body["error"]["charge"])
    assert (failed.status, failed.failure_code) == ("failed", "card_declined")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.charges.create(params={"amount": 1000, "currency": "usd", "source": "tok_none"})
    assert refused.value.user_message == "No such token: 'tok_none'"


def test_charges_that_nobody_pays(client):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.charges.create(params={"amount": 500, "currency": "usd"})
    assert (refused.value.code, refused.value.user_message) == (
        "parameter_missing", "Must provide source or customer.")
    customer = client.v1.customers.create()
    with pytest.raises(stripe.CardError) as refused:
        client.v1.charges.create(params={"amount": 500, "currency": "usd", "customer": customer.id})
    assert (refused.value.http_status, refused.value.code) == (402, "missing")


# 2.9 % rounded half up, and 30: 950 → 27.55 → 28 + 30; 2500 → 72.5 → 73 + 30; 22500 → 652.5 → 653 + 30
@pytest.mark.parametrize("amount,fee", [(1000, 59), (950, 58), (2500, 103), (22500, 683)])
def test_the_fee(client, amount, fee):
    paid(client, amount=amount, capture_method="automatic")
    moved = client.v1.balance_transactions.list().data[0]
    assert (moved.fee, moved.net) == (fee, amount - fee)
    assert (moved.fee_details[0].type, moved.fee_details[0].amount) == ("stripe_fee", fee)
    assert moved.available_on % 86400 == 0


def test_the_balance_adds_up(client):
    empty = client.v1.balance.retrieve()
    assert (empty.available[0].amount, empty.pending[0].amount, empty.pending[0].currency) == (0, 0, "usd")
    intent = paid(client, capture_method="automatic")
    assert client.v1.balance.retrieve().pending[0].amount == 941
    client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 400})
    # The fee is not given back: 941 − 400
    assert client.v1.balance.retrieve().pending[0].amount == 541
    kinds = [row.type for row in client.v1.balance_transactions.list().data]
    assert kinds == ["refund", "charge"]
    assert [row.type for row in client.v1.balance_transactions.list(params={"type": "refund"}).data] == ["refund"]
    by_source = client.v1.balance_transactions.list(params={"source": intent.latest_charge, "expand": ["data.source"]})
    assert by_source.data[0].source.id == intent.latest_charge
    advance(7 * 86400)
    later = client.v1.balance.retrieve()
    assert (later.available[0].amount, later.pending[0].amount) == (541, 0)
    assert {row.status for row in client.v1.balance_transactions.list().data} == {"available"}


def test_a_card_whose_money_is_there_at_once(client):
    paid(client, method="pm_card_bypassPending", capture_method="automatic")
    assert client.v1.balance.retrieve().available[0].amount == 941


def test_expansions_lead_from_charge_to_everything(client):
    customer = client.v1.customers.create(params={"name": "Jenny"})
    intent = paid(client, customer=customer.id, capture_method="automatic")
    charge = client.v1.charges.retrieve(intent.latest_charge, params={
        "expand": ["customer", "payment_intent.latest_charge", "balance_transaction.source", "refunds"],
    })
    assert charge.customer.name == "Jenny"
    assert charge.payment_intent.latest_charge.id == charge.id
    assert charge.balance_transaction.source.id == charge.id
    assert charge.refunds.data == []


def test_a_hold_that_nobody_captures_is_let_go(client):
    held = paid(client, capture_method="manual")
    advance(7 * 86400 + 1)
    gone = client.v1.payment_intents.retrieve(held.id)
    assert (gone.status, gone.cancellation_reason) == ("canceled", "automatic")
