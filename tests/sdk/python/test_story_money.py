"""Money in and back: each test card, holds, refunds and disputes, and what the ledger says."""

import pytest
import stripe

from sandbox_control import advance
from shop import plain, refused

NEVER = {"enabled": True, "allow_redirects": "never"}


def pay(client, card, amount=1000, **more):
    return client.v1.payment_intents.create({
        "amount": amount, "currency": "usd", "confirm": True, "payment_method": card,
        "automatic_payment_methods": NEVER, **more})


DECLINES = [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", "Your card was declined."),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds",
     "Your card has insufficient funds."),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", "Your card was declined."),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card", "Your card was declined."),
    ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded",
     "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "Your card has expired."),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error",
     "An error occurred while processing your card. Try again in a little bit."),
    ("pm_card_radarBlock", "card_declined", "fraudulent", "Your card was declined."),
]


@pytest.mark.parametrize("card,code,decline_code,message", DECLINES)
def test_each_card_that_is_declined(client, card, code, decline_code, message):
    error = refused(stripe.CardError, pay, client, card)
    assert (error.http_status, error.code, error.user_message) == (402, code, message)
    body = error.json_body["error"]
    assert body["decline_code"] == decline_code and body["type"] == "card_error"
    intent = client.v1.payment_intents.retrieve(body["payment_intent"]["id"], {"expand": ["latest_charge"]})
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error.code == code
    assert (intent.latest_charge.id, intent.latest_charge.status) == (body["charge"], "failed")
    assert intent.latest_charge.failure_code == code
    assert intent.latest_charge.paid is False and intent.amount_received == 0


@pytest.mark.parametrize("card,brand,last4", [
    ("pm_card_visa", "visa", "4242"), ("pm_card_mastercard", "mastercard", "4444"), ("pm_card_amex", "amex", "8431"),
    ("pm_card_discover", "discover", "1117"), ("pm_card_visa_debit", "visa", "5556"),
])
def test_each_card_that_works(client, card, brand, last4):
    intent = pay(client, card, expand=["latest_charge.balance_transaction"])
    assert (intent.status, intent.amount_received) == ("succeeded", 1000)
    details = intent.latest_charge.payment_method_details.card
    assert details.brand == brand
    if card == "pm_card_visa":
        assert details.last4 == last4


def test_a_card_that_wants_authentication(client):
    intent = pay(client, "pm_card_authenticationRequired")
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    assert intent.next_action.type == "use_stripe_sdk"
    off_session = refused(stripe.CardError, pay, client, "pm_card_authenticationRequired", off_session=True)
    assert off_session.code == "authentication_required"
    assert off_session.user_message == "Your card was declined. This transaction requires authentication."


def test_a_hold_is_captured_in_part_and_the_rest_is_let_go(client):
    held = pay(client, "pm_card_visa", 2000, capture_method="manual")
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 2000, 0)
    too_much = refused(stripe.InvalidRequestError, client.v1.payment_intents.capture, held.id, {"amount_to_capture": 2001})
    assert too_much.code == "amount_too_large"
    done = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 1500})
    assert (done.status, done.amount_received, done.amount_capturable) == ("succeeded", 1500, 0)
    again = refused(stripe.InvalidRequestError, client.v1.payment_intents.capture, held.id)
    assert again.code == "payment_intent_unexpected_state"
    cancelled = refused(stripe.InvalidRequestError, client.v1.payment_intents.cancel, held.id)
    assert cancelled.user_message.startswith(
        "You cannot cancel this PaymentIntent because it has a status of succeeded. Only a PaymentIntent with")


def test_a_hold_is_cancelled(client):
    held = pay(client, "pm_card_visa", capture_method="manual")
    gone = client.v1.payment_intents.cancel(held.id, {"cancellation_reason": "abandoned"})
    assert (gone.status, gone.cancellation_reason, gone.amount_capturable) == ("canceled", "abandoned", 0)
    assert gone.canceled_at is not None


def test_refunds_in_parts_and_not_a_cent_more(client):
    intent = pay(client, "pm_card_visa", 1000)
    first = client.v1.refunds.create({"payment_intent": intent.id, "amount": 400, "reason": "requested_by_customer"})
    assert (first.status, first.amount, first.charge) == ("succeeded", 400, intent.latest_charge)
    too_much = refused(stripe.InvalidRequestError, client.v1.refunds.create, {"payment_intent": intent.id, "amount": 601})
    assert too_much.user_message == "Refund amount ($6.01) is greater than unrefunded amount on charge ($6.00)"
    assert (too_much.code, too_much.param, too_much.http_status) == (None, "amount", 400)
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (400, False)
    rest = client.v1.refunds.create({"charge": charge.id})
    assert rest.amount == 600
    charge = client.v1.charges.retrieve(charge.id)
    assert (charge.amount_refunded, charge.refunded) == (1000, True)
    again = refused(stripe.InvalidRequestError, client.v1.refunds.create, {"charge": charge.id})
    assert again.code == "charge_already_refunded"
    assert again.user_message == f"Charge {charge.id} has already been refunded."
    assert [refund.amount for refund in client.v1.refunds.list({"charge": charge.id}).data] == [600, 400]
    entry = client.v1.balance_transactions.retrieve(first.balance_transaction)
    assert (entry.type, entry.amount, entry.fee, entry.net) == ("refund", -400, 0, -400)


def test_more_than_was_ever_paid(client):
    intent = pay(client, "pm_card_visa", 1000)
    error = refused(stripe.InvalidRequestError, client.v1.refunds.create, {"payment_intent": intent.id, "amount": 1100})
    assert error.user_message == "Refund amount ($11.00) is greater than charge amount ($10.00)"


def test_a_refund_may_come_back(client):
    intent = pay(client, "pm_card_refundFail", 1000)
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status in ("succeeded", "pending")
    pending = pay(client, "pm_card_pendingRefund", 1000)
    assert client.v1.refunds.create({"payment_intent": pending.id}).status == "pending"


def test_a_dispute_is_answered_and_won(client):
    intent = pay(client, "pm_card_createDispute", 2500)
    dispute = client.v1.disputes.list({"payment_intent": intent.id}).data[0]
    assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 2500, "fraudulent")
    assert dispute.id.startswith("du_") and not dispute.is_charge_refundable
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert charge.disputed is True
    movement = dispute.balance_transactions[0]
    assert (movement.amount, movement.fee, movement.net) == (-2500, 1500, -4000)
    error = refused(stripe.InvalidRequestError, client.v1.refunds.create, {"charge": charge.id})
    assert error.code == "charge_disputed"
    assert error.user_message == f"Charge {charge.id} has been charged back; cannot issue a refund."
    answered = client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert answered.status in ("under_review", "won")


def test_a_dispute_is_accepted(client):
    intent = pay(client, "pm_card_createDisputeProductNotReceived", 2500)
    dispute = client.v1.disputes.list({"payment_intent": intent.id}).data[0]
    assert dispute.reason == "product_not_received"
    closed = client.v1.disputes.close(dispute.id)
    assert closed.status == "lost"
    error = refused(stripe.InvalidRequestError, client.v1.disputes.close, dispute.id)
    assert error.user_message == "This dispute is already closed"


def test_events_of_a_payment_a_refund_and_a_dispute(client):
    intent = pay(client, "pm_card_visa")
    client.v1.refunds.create({"payment_intent": intent.id})

    def types():
        return [event.type for event in client.v1.events.list({"limit": 100}).data][::-1]

    wanted = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "refund.created", "charge.refunded"]
    assert [kind for kind in types() if kind in wanted] == wanted
    refunded = plain(client.v1.events.list({"type": "charge.refunded"}).data[0])["data"]
    # A charge of the acacia versions and later holds its refunds only when asked for them.
    assert refunded["previous_attributes"]["amount_refunded"] == 0
    assert refunded["previous_attributes"]["refunded"] is False
    refused(stripe.CardError, pay, client, "pm_card_visa_chargeDeclined")
    assert types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_a_card_is_saved_and_charged_later(client):
    customer = client.v1.customers.create({"email": "jenny@example.com"})
    setup = client.v1.setup_intents.create({
        "customer": customer.id, "payment_method": "pm_card_visa", "confirm": True, "usage": "off_session",
        "automatic_payment_methods": NEVER})
    assert setup.status == "succeeded"
    saved = client.v1.customers.payment_methods.list(customer.id).data
    assert [method.id for method in saved] == [setup.payment_method]
    intent = client.v1.payment_intents.create({
        "amount": 700, "currency": "usd", "customer": customer.id, "payment_method": setup.payment_method,
        "off_session": True, "confirm": True})
    assert intent.status == "succeeded"
    detached = client.v1.payment_methods.detach(setup.payment_method)
    assert detached.customer is None
    error = refused(stripe.InvalidRequestError, client.v1.payment_methods.attach, setup.payment_method,
                    {"customer": customer.id})
    assert error.user_message.startswith("The provided PaymentMethod was previously used with a PaymentIntent without")


def test_amounts_that_no_one_takes(client):
    for amount, code, message in [
        (0, "parameter_invalid_integer", "The amount must be greater than or equal to the minimum charge amount"),
        (10, "amount_too_small", "Amount must be at least $0.50 usd"),
        (100_000_000, "amount_too_large", "Amount must be no more than $999,999.99"),
    ]:
        error = refused(stripe.InvalidRequestError, client.v1.payment_intents.create, {"amount": amount, "currency": "usd"})
        assert (error.code, error.http_status, error.param) == (code, 400, "amount")
        assert error.user_message.startswith(message)


def test_every_month_the_books_agree(client):
    for amount in (1000, 950, 2500, 22500):
        pay(client, "pm_card_visa", amount)
    # What is captured asynchronously is in the books some seconds later.
    advance(4)
    entries = client.v1.balance_transactions.list({"type": "charge"}).data[::-1]
    # Half up of 2.9 %, and 30 cents.
    assert [(entry.amount, entry.fee) for entry in entries] == [(1000, 59), (950, 58), (2500, 103), (22500, 683)]
    pending = client.v1.balance.retrieve().pending[0]
    assert (pending.currency, pending.amount) == ("usd", sum(entry.net for entry in entries))
