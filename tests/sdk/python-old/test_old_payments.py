"""Customers, payments, refunds, errors and lists, as shops wrote them in 2023 and 2024."""

import uuid

import pytest


def pay(stripe, card="pm_card_visa", amount=1000, **more):
    return stripe.PaymentIntent.create(
        amount=amount, currency="usd", confirm=True, payment_method=card, payment_method_types=["card"], **more)


def test_a_customers_life(stripe):
    made = stripe.Customer.create(email="jenny@example.com", metadata={"a": "1", "b": "2"}, name="Jenny")
    assert (made.object, made.email, made.livemode) == ("customer", "jenny@example.com", False)
    changed = stripe.Customer.modify(made.id, metadata={"b": "", "c": "3"}, description="x")
    assert dict(changed.metadata) == {"a": "1", "c": "3"} and changed.description == "x"
    made.refresh()
    made.name = "Kim"
    made.save()
    assert stripe.Customer.retrieve(made.id).name == "Kim"
    assert stripe.Customer.delete(made.id).deleted is True
    assert stripe.Customer.retrieve(made.id).deleted is True


def test_pages(stripe):
    ids = [stripe.Customer.create(name=f"n{n}").id for n in range(12)][::-1]
    page = stripe.Customer.list(limit=5)
    assert [each.id for each in page] == ids[:5] and page.has_more
    assert [each.id for each in page.next_page()] == ids[5:10]
    assert [each.id for each in stripe.Customer.list(limit=5, ending_before=ids[5])] == ids[:5]
    assert [each.id for each in stripe.Customer.list(limit=5).auto_paging_iter()] == ids


def test_the_total_count_that_old_versions_have(stripe):
    for _ in range(3):
        stripe.Customer.create()
    assert stripe.Customer.list(limit=1, expand=["total_count"])["total_count"] == 3


def test_search(stripe):
    jenny = stripe.Customer.create(name="Jenny", metadata={"team": "red"})
    stripe.Customer.create(name="Kim")
    found = stripe.Customer.search(query='metadata["team"]:"red"')
    assert [each.id for each in found.auto_paging_iter()] == [jenny.id]


def test_a_payment_with_its_charge(stripe):
    intent = pay(stripe, expand=["latest_charge.balance_transaction"])
    assert intent.status == "succeeded" and intent.amount_received == 1000
    assert "invoice" in intent and intent.invoice is None
    charge = intent.latest_charge
    assert (charge.paid, charge.captured, charge.amount_refunded, charge.invoice) == (True, True, 0, None)
    assert stripe.Charge.retrieve(charge.id).balance_transaction.startswith("txn_")
    entry = stripe.BalanceTransaction.retrieve(stripe.Charge.retrieve(charge.id).balance_transaction)
    assert (entry.amount, entry.fee, entry.net) == (1000, 59, 941)


def test_the_balance_transaction_is_there_at_once_only_in_2023(stripe, is_2023):
    # Capture became automatic_async by default with 2024-04-10.
    intent = pay(stripe, expand=["latest_charge"])
    assert intent.capture_method == ("automatic" if is_2023 else "automatic_async")
    assert (intent.latest_charge.balance_transaction is not None) is is_2023


@pytest.mark.parametrize("card,code,decline_code", [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
])
def test_declined(stripe, is_2023, card, code, decline_code):
    with pytest.raises(stripe.error.CardError if is_2023 else stripe.CardError) as raised:
        pay(stripe, card)
    error = raised.value
    body = error.json_body["error"]
    assert (error.http_status, error.code) == (402, code)
    if is_2023:
        # Advice and network codes came later, as did a decline_code beside expired_card.
        assert body.get("decline_code") == decline_code
        assert not {"advice_code", "network_decline_code", "network_advice_code"} & set(body)
    intent = stripe.PaymentIntent.retrieve(body["payment_intent"]["id"])
    assert intent.status == "requires_payment_method" and intent.last_payment_error.code == code


def test_a_hold(stripe):
    held = pay(stripe, amount=2000, capture_method="manual")
    assert held.status == "requires_capture"
    assert stripe.PaymentIntent.capture(held.id, amount_to_capture=1500).amount_received == 1500
    other = pay(stripe, capture_method="manual")
    assert stripe.PaymentIntent.cancel(other.id).status == "canceled"


def test_refunds(stripe):
    intent = pay(stripe)
    assert stripe.Refund.create(payment_intent=intent.id, amount=400).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError if hasattr(stripe, "InvalidRequestError") else stripe.error.InvalidRequestError) as raised:
        stripe.Refund.create(payment_intent=intent.id, amount=700)
    assert raised.value.user_message == "Refund amount ($7.00) is greater than unrefunded amount on charge ($6.00)"
    stripe.Refund.create(charge=intent.latest_charge)
    charge = stripe.Charge.retrieve(intent.latest_charge, expand=["refunds"])
    assert charge.refunded and [refund.amount for refund in charge.refunds] == [600, 400]
    kinds = [event.type for event in stripe.Event.list(limit=100)]
    assert "charge.refunded" in kinds


def test_a_dispute(stripe):
    intent = pay(stripe, "pm_card_createDispute")
    dispute = stripe.Dispute.list(payment_intent=intent.id).data[0]
    assert dispute.status == "needs_response" and dispute.charge == intent.latest_charge
    assert stripe.Dispute.close(dispute.id).status == "lost"


def test_a_saved_card(stripe):
    customer = stripe.Customer.create()
    setup = stripe.SetupIntent.create(
        customer=customer.id, payment_method="pm_card_visa", confirm=True, payment_method_types=["card"], usage="off_session")
    assert setup.status == "succeeded"
    assert [each.id for each in stripe.Customer.list_payment_methods(customer.id)] == [setup.payment_method]
    paid = stripe.PaymentIntent.create(
        amount=500, currency="usd", customer=customer.id, payment_method=setup.payment_method, off_session=True,
        confirm=True, payment_method_types=["card"])
    assert paid.status == "succeeded"
    assert stripe.PaymentMethod.detach(setup.payment_method).customer is None


def test_errors(stripe, is_2023):
    errors = stripe.error if is_2023 else stripe
    with pytest.raises(errors.InvalidRequestError) as raised:
        stripe.Customer.retrieve("cus_none")
    assert (raised.value.http_status, raised.value.code, raised.value.param) == (404, "resource_missing", "id")
    assert raised.value.user_message == "No such customer: 'cus_none'"
    with pytest.raises(errors.InvalidRequestError) as raised:
        stripe.Customer.create(emial="x")
    assert (raised.value.code, raised.value.user_message) == ("parameter_unknown", "Received unknown parameter: emial")
    with pytest.raises(errors.InvalidRequestError) as raised:
        stripe.PaymentIntent.create(amount=10, currency="usd")
    assert raised.value.code == "amount_too_small"
    with pytest.raises(errors.InvalidRequestError) as raised:
        # A parameter of later versions.
        stripe.Invoice.create(customer=stripe.Customer.create().id, parent="x")
    assert raised.value.code == "parameter_unknown"


def test_idempotency(stripe, is_2023):
    key = str(uuid.uuid4())
    one = stripe.Customer.create(email="a@example.com", idempotency_key=key)
    assert stripe.Customer.create(email="a@example.com", idempotency_key=key).id == one.id
    errors = stripe.error if is_2023 else stripe
    with pytest.raises(errors.IdempotencyError):
        stripe.Customer.create(email="b@example.com", idempotency_key=key)
    assert len(stripe.Customer.list().data) == 1


def test_events_and_their_version(stripe, is_2023):
    customer = stripe.Customer.create(email="a@example.com")
    stripe.Customer.modify(customer.id, email="b@example.com")
    event = stripe.Event.list(type="customer.updated").data[0]
    assert event.data.previous_attributes["email"] == "a@example.com"
    assert stripe.Event.retrieve(event.id).data.object.id == customer.id
    # An account's events have its own version, not the caller's.
    assert event.api_version == "2026-10-28.endive"


def test_webhook_endpoints(stripe):
    endpoint = stripe.WebhookEndpoint.create(url="https://example.com/hook", enabled_events=["*"])
    assert endpoint.secret.startswith("whsec_")
    assert stripe.WebhookEndpoint.modify(endpoint.id, enabled_events=["charge.succeeded"]).enabled_events == ["charge.succeeded"]
    assert stripe.WebhookEndpoint.delete(endpoint.id).deleted is True
