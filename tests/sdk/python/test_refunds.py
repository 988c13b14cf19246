"""Refunds: whole, in parts, too much, waiting, failing; the books of the charge and the events."""

import pytest
import stripe

from sandbox_control import advance, event_types

NEVER = {"enabled": True, "allow_redirects": "never"}


def paid(client, method="pm_card_visa", amount=1000, **more):
    return client.v1.payment_intents.create(params={
        "amount": amount, "currency": "usd", "payment_method": method, "confirm": True,
        "automatic_payment_methods": NEVER, **more,
    })


def refund(client, **params):
    return client.v1.refunds.create(params=params)


def test_the_whole_charge(client):
    intent = paid(client, description="Order 7")
    made = refund(client, payment_intent=intent.id, reason="requested_by_customer", metadata={"a": "1"},
                  expand=["balance_transaction", "charge"])
    assert (made.amount, made.currency, made.status, made.reason) == (1000, "usd", "succeeded", "requested_by_customer")
    assert (made.payment_intent, made.metadata["a"]) == (intent.id, "1")
    assert (made.destination_details.type, made.destination_details.card.type) == ("card", "refund")
    assert made.destination_details.card.reference_status == "pending"
    assert (made.charge.refunded, made.charge.amount_refunded) == (True, 1000)
    moved = made.balance_transaction
    assert (moved.type, moved.amount, moved.fee, moved.net) == ("refund", -1000, 0, -1000)
    assert moved.description == "REFUND FOR CHARGE (Order 7)"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(client, payment_intent=intent.id)
    assert refused.value.code == "charge_already_refunded"
    assert refused.value.user_message == f"Charge {intent.latest_charge} has already been refunded."
    advance(5)
    later = client.v1.refunds.retrieve(made.id)
    assert later.destination_details.card.reference_status == "available"
    assert len(later.destination_details.card.reference) == 23
    raised = [kind for kind in event_types(client)[3:] if kind != "charge.updated"]
    assert raised == ["refund.created", "charge.refunded", "refund.updated", "charge.refund.updated"]
    event = client.v1.events.list(params={"type": "charge.refunded"}).data[0]
    assert event.data.previous_attributes.to_dict() == {"amount_refunded": 0, "refunded": False}


def test_in_parts_and_never_more_than_there_is(client):
    intent = paid(client)
    charge = intent.latest_charge
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(client, charge=charge, amount=1100)
    assert (refused.value.code, refused.value.param) == (None, "amount")
    assert refused.value.user_message == "Refund amount ($11.00) is greater than charge amount ($10.00)"
    first = refund(client, charge=charge, amount=500)
    assert client.v1.charges.retrieve(charge).refunded is False
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(client, charge=charge, amount=600)
    assert refused.value.user_message == (
        "Refund amount ($6.00) is greater than unrefunded amount on charge ($5.00)"
    )
    second = refund(client, payment_intent=intent.id)
    assert second.amount == 500
    books = client.v1.charges.retrieve(charge, params={"expand": ["refunds"]})
    assert (books.amount_refunded, books.refunded) == (1000, True)
    assert [row.id for row in books.refunds.data] == [second.id, first.id]
    listed = client.v1.refunds.list(params={"charge": charge})
    assert [row.id for row in listed.data] == [second.id, first.id]
    by_intent = client.v1.refunds.list(params={"payment_intent": intent.id, "limit": 1})
    assert by_intent.has_more and by_intent.data[0].id == second.id


@pytest.mark.parametrize("amount", [0, -5])
def test_nothing_cannot_be_refunded(client, amount):
    intent = paid(client)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(client, payment_intent=intent.id, amount=amount)
    assert (refused.value.code, refused.value.param) == ("parameter_invalid_integer", "amount")
    assert refused.value.user_message == "This value must be greater than or equal to 1."


def test_refusals(client):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(client)
    assert refused.value.code is None
    assert refused.value.user_message == (
        "One of the following params should be provided for this request: payment_intent or charge."
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(client, charge="ch_none")
    assert (refused.value.http_status, refused.value.param) == (404, "id")
    assert refused.value.user_message == "No such charge: 'ch_none'"
    unpaid = client.v1.payment_intents.create(params={"amount": 500, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(client, payment_intent=unpaid.id)
    assert refused.value.user_message == (
        f"This PaymentIntent ({unpaid.id}) does not have a successful charge to refund."
    )
    held = paid(client, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(client, charge=held.latest_charge)
    assert refused.value.user_message.startswith(f"This uncaptured Charge was created by a PaymentIntent ({held.id}).")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(client, charge=held.latest_charge, reason="whim")
    assert refused.value.user_message == (
        "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer"
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.retrieve("re_none")
    assert (refused.value.http_status, refused.value.user_message) == (404, "No such refund: 're_none'")


def test_one_that_waits(client):
    intent = paid(client, "pm_card_pendingRefund")
    made = refund(client, payment_intent=intent.id)
    assert made.status == "pending"
    assert client.v1.charges.retrieve(intent.latest_charge).refunded is True
    advance(6)
    assert client.v1.refunds.retrieve(made.id).status == "succeeded"
    assert "refund.updated" in event_types(client)


def test_one_that_fails_and_is_taken_back_from_the_books(client):
    intent = paid(client, "pm_card_refundFail")
    made = refund(client, payment_intent=intent.id, amount=400)
    assert made.status == "succeeded"
    assert client.v1.charges.retrieve(intent.latest_charge).amount_refunded == 400
    advance(6)
    failed = client.v1.refunds.retrieve(made.id, params={"expand": ["failure_balance_transaction"]})
    assert failed.status == "failed" and failed.failure_reason
    assert failed.failure_balance_transaction.amount == 400
    assert client.v1.charges.retrieve(intent.latest_charge).amount_refunded == 0
    assert "refund.failed" in event_types(client)


def test_a_captured_part_is_all_that_can_come_back(client):
    held = paid(client, capture_method="manual")
    client.v1.payment_intents.capture(held.id, params={"amount_to_capture": 700})
    with pytest.raises(stripe.InvalidRequestError):
        refund(client, payment_intent=held.id, amount=800)
    assert refund(client, payment_intent=held.id).amount == 700


def test_update_and_cancel(client):
    intent = paid(client)
    made = refund(client, payment_intent=intent.id)
    assert client.v1.refunds.update(made.id, params={"metadata": {"k": "v"}}).metadata["k"] == "v"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.cancel(made.id)
    assert refused.value.user_message == "Canceling this refund is unsupported."


def test_the_same_key_refunds_once(client):
    intent = paid(client)
    options = {"idempotency_key": "refund-" + intent.id}
    first = client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 300}, options=options)
    again = client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 300}, options=options)
    assert first.id == again.id
    assert client.v1.charges.retrieve(intent.latest_charge).amount_refunded == 300
