"""Setup intents: saved at once, after a challenge, refused, canceled, with their attempts and events."""

import pytest
import stripe

from sandbox_control import authenticate, event_types

NEVER = {"enabled": True, "allow_redirects": "never"}


def setup(client, method=None, **more):
    params = {"automatic_payment_methods": NEVER, **more}
    if method:
        params.update({"payment_method": method, "confirm": True})
    return client.v1.setup_intents.create(params=params)


def test_a_card_is_saved_for_its_customer(client):
    customer = client.v1.customers.create(params={"email": "a@example.com"})
    intent = setup(client, "pm_card_visa", customer=customer.id, metadata={"a": "1"})
    assert (intent.status, intent.usage, intent.mandate) == ("succeeded", "off_session", None)
    assert intent.latest_attempt.startswith("setatt_")
    assert intent.client_secret.startswith(intent.id + "_secret_")
    method = client.v1.payment_methods.retrieve(intent.payment_method)
    assert method.customer == customer.id
    assert method.card.checks.cvc_check == "pass"
    assert event_types(client)[1:] == ["setup_intent.created", "payment_method.attached", "setup_intent.succeeded"]
    paid = client.v1.payment_intents.create(params={
        "amount": 900, "currency": "usd", "customer": customer.id, "payment_method": method.id, "confirm": True,
        "off_session": True, "automatic_payment_methods": NEVER,
    })
    assert paid.status == "succeeded"


def test_step_by_step_and_what_each_state_refuses(client):
    intent = setup(client)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.setup_intents.confirm(intent.id)
    assert refused.value.code == "setup_intent_unexpected_state"
    assert refused.value.user_message.startswith(
        "You cannot confirm this SetupIntent because it's missing a payment method."
    )
    assert refused.value.json_body["error"]["setup_intent"]["id"] == intent.id
    changed = client.v1.setup_intents.update(intent.id, params={
        "payment_method": "pm_card_visa", "description": "later", "metadata": {"k": "v"},
    })
    assert (changed.status, changed.description, changed.metadata["k"]) == ("requires_confirmation", "later", "v")
    done = client.v1.setup_intents.confirm(intent.id)
    assert done.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.setup_intents.confirm(intent.id)
    assert refused.value.user_message == "You cannot confirm this SetupIntent because it has already succeeded."
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.setup_intents.cancel(intent.id)
    assert refused.value.user_message == (
        "You cannot cancel this SetupIntent because it has a status of succeeded. Only a SetupIntent with one of "
        "the following statuses may be canceled: `requires_payment_method`, `requires_confirmation`, or "
        "`requires_action`."
    )


def test_cancel(client):
    intent = setup(client)
    gone = client.v1.setup_intents.cancel(intent.id, params={"cancellation_reason": "abandoned"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")
    assert event_types(client) == ["setup_intent.created", "setup_intent.canceled"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.setup_intents.cancel(intent.id)
    assert refused.value.user_message == "You cannot cancel this SetupIntent because it is already canceled."


@pytest.mark.parametrize("method", [
    "pm_card_authenticationRequired", "pm_card_authenticationRequiredOnSetup",
    "pm_card_authenticationRequiredSetupForOffSession", "pm_card_threeDSecure2Required",
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
])
def test_a_challenge_is_passed(client, method):
    customer = client.v1.customers.create()
    intent = setup(client, method, customer=customer.id)
    assert intent.status == "requires_action"
    assert intent.next_action.type == "use_stripe_sdk"
    assert event_types(client)[1:] == ["setup_intent.created", "setup_intent.requires_action"]
    authenticate("setup_intents", intent.id, "succeed")
    done = client.v1.setup_intents.retrieve(intent.id, params={"expand": ["latest_attempt"]})
    assert (done.status, done.next_action) == ("succeeded", None)
    attempt = done.latest_attempt
    assert (attempt.status, attempt.payment_method_details.card.three_d_secure.result) == (
        "succeeded", "authenticated")
    assert event_types(client)[3:] == ["payment_method.attached", "setup_intent.succeeded"]


def test_a_challenge_is_failed_and_another_card_tried(client):
    intent = setup(client, "pm_card_authenticationRequired")
    authenticate("setup_intents", intent.id, "fail")
    failed = client.v1.setup_intents.retrieve(intent.id)
    assert (failed.status, failed.payment_method) == ("requires_payment_method", None)
    assert failed.last_setup_error.code == "setup_intent_authentication_failure"
    assert event_types(client)[-1] == "setup_intent.setup_failed"
    client.v1.setup_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    attempts = client.v1.setup_attempts.list(params={"setup_intent": intent.id}).data
    assert [attempt.status for attempt in attempts] == ["succeeded", "failed"]
    assert attempts[1].setup_error.code == "setup_intent_authentication_failure"


@pytest.mark.parametrize("method,code,decline", [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
])
def test_a_declined_card_is_not_saved(client, method, code, decline):
    with pytest.raises(stripe.CardError) as refused:
        setup(client, method)
    assert refused.value.http_status == 402
    body = refused.value.json_body["error"]
    assert (body["code"], body["decline_code"]) == (code, decline)
    intent = body["setup_intent"]
    assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)
    assert intent["last_setup_error"]["code"] == code
    assert intent["latest_attempt"].startswith("setatt_")
    assert event_types(client) == ["setup_intent.created", "setup_intent.setup_failed"]


def test_a_card_that_fails_only_when_charged_is_saved(client):
    assert setup(client, "pm_card_chargeCustomerFail").status == "succeeded"


def test_a_method_of_a_customer_needs_that_customer(client):
    customer = client.v1.customers.create(params={"payment_method": "pm_card_visa"})
    method = client.v1.customers.payment_methods.list(customer.id).data[0].id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        setup(client, method)
    assert refused.value.user_message == (
        f"The payment method supplied ({method}) belongs to the Customer {customer.id}. Please include the Customer "
        "in the `customer` parameter on the SetupIntent."
    )


def test_list_by_customer_and_method(client):
    customer = client.v1.customers.create()
    mine = setup(client, "pm_card_visa", customer=customer.id)
    setup(client)
    assert [row.id for row in client.v1.setup_intents.list(params={"customer": customer.id}).data] == [mine.id]
    by_method = client.v1.setup_intents.list(params={"payment_method": mine.payment_method})
    assert [row.id for row in by_method.data] == [mine.id]
    assert len(client.v1.setup_intents.list().data) == 2


def test_without_a_return_url_nothing_is_confirmed_that_may_redirect(client):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.setup_intents.create(params={"payment_method": "pm_card_visa", "confirm": True})
    assert refused.value.user_message.startswith("This SetupIntent is configured to accept payment methods")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.setup_intents.retrieve("seti_none")
    assert (refused.value.http_status, refused.value.user_message) == (404, "No such setupintent: 'seti_none'")
