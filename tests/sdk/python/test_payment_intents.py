"""Payment intents with every test card, 3-D Secure, capture, cancel, and what each state refuses."""

import pytest
import stripe

from sandbox_control import authenticate, event_types

CARDS = [
    ("pm_card_visa", "visa", "4242", "US", "credit"),
    ("pm_card_visa_debit", "visa", "5556", "US", "debit"),
    ("pm_card_mastercard", "mastercard", "4444", "US", "credit"),
    ("pm_card_mastercard_debit", "mastercard", "8210", "US", "debit"),
    ("pm_card_mastercard_prepaid", "mastercard", "5100", "US", "prepaid"),
    ("pm_card_amex", "amex", "8431", "US", "credit"),
    ("pm_card_discover", "discover", "9424", "US", "credit"),
    ("pm_card_diners", "diners", "0004", "US", "credit"),
    ("pm_card_jcb", "jcb", "0505", "US", "credit"),
    ("pm_card_unionpay", "unionpay", "0005", "US", "credit"),
    ("pm_card_ca", "visa", "0000", "CA", "credit"),
    ("pm_card_mx", "visa", "8001", "MX", "credit"),
    ("pm_card_br", "visa", "0002", "BR", "credit"),
    ("pm_card_gb", "visa", "0000", "GB", "credit"),
    ("pm_card_fr", "visa", "0003", "FR", "credit"),
    ("pm_card_de", "visa", "0016", "DE", "credit"),
    ("pm_card_au", "visa", "0006", "AU", "credit"),
    ("pm_card_in", "visa", "0008", "IN", "credit"),
    ("pm_card_jp", "visa", "0003", "JP", "credit"),
    ("pm_card_bypassPending", "visa", "0077", "US", "credit"),
    ("pm_card_threeDSecureOptional", "visa", "3055", "US", "credit"),
    ("pm_card_amex_threeDSecureNotSupported", "amex", "0005", "US", "credit"),
    ("pm_card_riskLevelElevated", "visa", "9235", "US", "credit"),
    ("pm_card_createDispute", "visa", "0259", "US", "credit"),
    ("pm_card_createIssuerFraudRecord", "visa", "5423", "US", "credit"),
    ("pm_card_pendingRefund", "visa", "7726", "US", "credit"),
    ("pm_card_refundFail", "visa", "5126", "US", "credit"),
]

DECLINED = "Your card was declined."
DECLINES = [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", None, DECLINED, "try_again_later", None, "01"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", None,
     "Your card has insufficient funds.", "try_again_later", "02", "51"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", None, DECLINED, "do_not_try_again", "01", "41"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card", None, DECLINED,
     "do_not_try_again", "01", "43"),
    ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded", None,
     "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
     "try_again_later", "02", "61"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "exp_month", "Your card has expired.",
     "confirm_card_data", "03", "54"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "cvc",
     "Your card's security code is incorrect.", "confirm_card_data", "03", "N7"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error", None,
     "An error occurred while processing your card. Try again in a little bit.", "try_again_later", None, "06"),
    ("pm_card_chargeCustomerFail", "card_declined", "generic_decline", None, DECLINED, "try_again_later", None, "01"),
    ("pm_card_radarBlock", "card_declined", "fraudulent", None, DECLINED, None, None, None),
    ("pm_card_cvcCheckFail", "incorrect_cvc", "incorrect_cvc", "cvc",
     "Your card's security code is incorrect.", "confirm_card_data", "03", "N7"),
    ("pm_card_avsZipFail", "incorrect_zip", "incorrect_zip", "address_zip",
     "Your card could not be authorized using the postal code provided. Please update the postal code, or "
     "contact your card issuer for further details.", "confirm_card_data", None, "N7"),
]


def pay(client, method, **more):
    params = {
        "amount": 1000, "currency": "usd", "payment_method": method, "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}, **more,
    }
    return client.v1.payment_intents.create(params=params)


@pytest.mark.parametrize("method,brand,last4,country,funding", CARDS)
def test_a_card_that_succeeds(client, method, brand, last4, country, funding):
    intent = pay(client, method, expand=["latest_charge"])
    assert intent.status == "succeeded"
    assert (intent.amount, intent.amount_received, intent.amount_capturable) == (1000, 1000, 0)
    charge = intent.latest_charge
    assert (charge.paid, charge.captured, charge.status, charge.amount_captured) == (True, True, "succeeded", 1000)
    card = charge.payment_method_details.card
    assert (card.brand, card.last4, card.country, card.funding) == (brand, last4, country, funding)
    assert charge.outcome.network_status == "approved_by_network"
    assert charge.outcome.seller_message == "Payment complete."
    assert charge.receipt_url.startswith("https://pay.stripe.com/receipts/")


@pytest.mark.parametrize("method,code,decline,param,message,advice,network_advice,network", DECLINES)
def test_a_card_that_is_declined(client, method, code, decline, param, message, advice, network_advice, network):
    with pytest.raises(stripe.CardError) as refused:
        pay(client, method)
    error = refused.value
    assert error.http_status == 402
    assert (error.code, error.user_message, error.param) == (code, message, param)
    body = error.json_body["error"]
    assert body["type"] == "card_error"
    assert body["doc_url"] == f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
    assert body.get("decline_code") == decline
    assert body.get("advice_code") == advice
    assert body.get("network_advice_code") == network_advice
    assert body.get("network_decline_code") == network
    intent = body["payment_intent"]
    assert intent["status"] == "requires_payment_method"
    assert intent["payment_method"] is None
    assert intent["latest_charge"] == body["charge"]
    assert intent["last_payment_error"]["code"] == code
    assert intent["last_payment_error"]["payment_method"]["id"] == body["payment_method"]["id"]
    charge = client.v1.charges.retrieve(body["charge"])
    assert (charge.status, charge.paid, charge.captured, charge.failure_code) == ("failed", False, False, code)
    if decline == "fraudulent":
        assert charge.outcome.type == "blocked"
        assert charge.outcome.network_status == "not_sent_to_network"
        assert charge.outcome.seller_message == "Stripe blocked this payment as too risky."
    else:
        assert charge.outcome.type == "issuer_declined"
        assert charge.outcome.reason == decline
    assert event_types(client) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    # Another card saves it.
    paid = client.v1.payment_intents.confirm(intent["id"], params={"payment_method": "pm_card_visa"})
    assert paid.status == "succeeded"
    assert paid.last_payment_error is None


def test_old_versions_know_less_of_a_decline():
    from conftest import new_client

    old = new_client(stripe_version="2023-10-16")
    with pytest.raises(stripe.CardError) as refused:
        pay(old, "pm_card_chargeDeclinedExpiredCard")
    body = refused.value.json_body["error"]
    for name in ("advice_code", "decline_code", "network_decline_code", "network_advice_code"):
        assert name not in body
        assert name not in body["payment_intent"]["last_payment_error"]
    assert "customer_account" not in body["payment_intent"]
    with pytest.raises(stripe.CardError) as refused:
        pay(old, "pm_card_visa_chargeDeclined")
    assert refused.value.json_body["error"]["decline_code"] == "generic_decline"


def test_the_first_payment_raises_its_events_in_order_and_settles_after_its_answer(client):
    intent = pay(client, "pm_card_visa", description="Order 7", expand=["latest_charge"])
    assert intent.latest_charge.balance_transaction is None
    assert event_types(client) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    updated = client.v1.events.list(params={"type": "charge.updated"}).data[0]
    assert updated.data.previous_attributes["balance_transaction"] is None
    assert updated.request.id is None
    charge = client.v1.charges.retrieve(intent.latest_charge.id, params={"expand": ["balance_transaction"]})
    settled = charge.balance_transaction
    # 1000 × 2.9 % = 29, + 30 = 59
    assert (settled.amount, settled.fee, settled.net) == (1000, 59, 941)
    assert settled.fee_details[0].description == "Stripe processing fees"
    assert (settled.type, settled.description, settled.status) == ("charge", "Order 7", "pending")


def test_synchronous_capture_has_its_balance_transaction_at_once(client):
    intent = pay(client, "pm_card_visa", capture_method="automatic", expand=["latest_charge"])
    assert intent.latest_charge.balance_transaction.startswith("txn_")


@pytest.mark.parametrize("method,after", [
    ("pm_card_authenticationRequired", "succeeded"),
    ("pm_card_authenticationRequiredOnSetup", "succeeded"),
    ("pm_card_authenticationRequiredSetupForOffSession", "succeeded"),
    ("pm_card_threeDSecure2Required", "succeeded"),
    ("pm_card_threeDSecureRequired", "succeeded"),
    ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "insufficient_funds"),
    ("pm_card_threeDSecureRequiredChargeDeclined", "generic_decline"),
])
def test_on_session_cards_that_ask_their_holder(client, method, after):
    intent = pay(client, method)
    assert intent.status == "requires_action"
    assert intent.latest_charge is None
    assert intent.next_action.type == "use_stripe_sdk"
    assert event_types(client) == ["payment_intent.created", "payment_intent.requires_action"]
    authenticate("payment_intents", intent.id, "succeed")
    done = client.v1.payment_intents.retrieve(intent.id, params={"expand": ["latest_charge"]})
    assert done.next_action is None
    if after == "succeeded":
        assert done.status == "succeeded"
        secure = done.latest_charge.payment_method_details.card.three_d_secure
        assert (secure.authentication_flow, secure.result) == ("challenge", "authenticated")
        assert event_types(client)[2:] == ["charge.succeeded", "payment_intent.succeeded"]
    else:
        assert done.status == "requires_payment_method"
        assert done.last_payment_error.decline_code == after
        assert event_types(client)[2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_a_failed_challenge_leaves_no_charge(client):
    intent = pay(client, "pm_card_authenticationRequired")
    authenticate("payment_intents", intent.id, "fail")
    failed = client.v1.payment_intents.retrieve(intent.id)
    assert failed.status == "requires_payment_method"
    assert failed.payment_method is None and failed.latest_charge is None
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"
    assert failed.last_payment_error.message == (
        "We are unable to authenticate your payment method. Please choose a different payment method and try again."
    )
    assert event_types(client)[2:] == ["payment_intent.payment_failed"]


def test_a_return_url_leads_to_the_page_of_the_bank_and_back(client, url):
    import urllib.parse
    import urllib.request

    intent = client.v1.payment_intents.create(params={
        "amount": 1000, "currency": "usd", "payment_method": "pm_card_authenticationRequired", "confirm": True,
        "return_url": "https://shop.test/done?order=7",
    })
    action = intent.next_action
    assert action.type == "redirect_to_url"
    assert action.redirect_to_url.return_url == "https://shop.test/done?order=7"
    with urllib.request.urlopen(action.redirect_to_url.url) as page:
        text = page.read().decode()
    assert "Complete authentication" in text and "Fail authentication" in text and "$10.00" in text

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    opener = urllib.request.build_opener(Stay)
    with pytest.raises(urllib.error.HTTPError) as answer:
        opener.open(action.redirect_to_url.url, data=urllib.parse.urlencode({"outcome": "succeed"}).encode())
    assert answer.value.status == 303
    location = answer.value.headers["location"]
    assert location.startswith("https://shop.test/done?order=7&payment_intent=" + intent.id)
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


@pytest.mark.parametrize("method,leaves_charge", [
    ("pm_card_authenticationRequired", True),
    ("pm_card_authenticationRequiredOnSetup", True),
    ("pm_card_threeDSecure2Required", False),
])
def test_off_session_nobody_can_be_asked(client, method, leaves_charge):
    with pytest.raises(stripe.CardError) as refused:
        pay(client, method, off_session=True)
    error = refused.value
    assert error.code == "authentication_required"
    assert error.json_body["error"]["decline_code"] == "authentication_required"
    assert error.user_message == "Your card was declined. This transaction requires authentication."
    intent = error.json_body["error"]["payment_intent"]
    assert intent["status"] == "requires_payment_method"
    assert (intent["latest_charge"] is not None) == leaves_charge


def test_a_card_that_was_set_up_pays_off_session(client):
    customer = client.v1.customers.create(params={"email": "a@example.com"})
    setup = client.v1.setup_intents.create(params={
        "customer": customer.id, "payment_method": "pm_card_authenticationRequiredOnSetup", "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    })
    authenticate("setup_intents", setup.id, "succeed")
    paid = pay(client, setup.payment_method, customer=customer.id, off_session=True)
    assert paid.status == "succeeded"
    # The card that is never satisfied still is not.
    with pytest.raises(stripe.CardError):
        pay(client, "pm_card_authenticationRequired", off_session=True)
    assert pay(client, "pm_card_authenticationRequiredSetupForOffSession", off_session=True).status == "succeeded"


def test_3ds_can_be_asked_for(client):
    options = {"card": {"request_three_d_secure": "any"}}
    assert pay(client, "pm_card_threeDSecureOptional", payment_method_options=options).status == "requires_action"
    assert pay(client, "pm_card_visa", payment_method_options=options).status == "succeeded"


def test_confirming_by_hand_after_the_challenge(client):
    intent = pay(client, "pm_card_authenticationRequired", confirmation_method="manual")
    assert intent.status == "requires_action"
    authenticate("payment_intents", intent.id, "succeed")
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_confirmation"
    done = client.v1.payment_intents.confirm(intent.id)
    assert (done.status, done.amount_received) == ("succeeded", 1000)


def test_options_of_cards(client):
    customer = client.v1.customers.create()
    held = pay(client, "pm_card_visa", customer=customer.id,
               payment_method_options={"card": {"capture_method": "manual", "setup_future_usage": "off_session"}})
    assert (held.status, held.payment_method_options.card.capture_method) == ("requires_capture", "manual")
    assert client.v1.payment_methods.retrieve(held.payment_method).customer == customer.id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(client, "pm_card_visa", payment_method_options={"card": {"request_three_d_secure": "maybe"}})
    assert refused.value.user_message == (
        "Invalid payment_method_options[card][request_three_d_secure]: must be one of any, automatic, or challenge"
    )
    with pytest.raises(stripe.StripeError) as refused:
        pay(client, "pm_card_visa", payment_method_options={"card": {"moto": True}})
    assert refused.value.http_status == 501


def test_states_before_confirmation(client):
    intent = client.v1.payment_intents.create(params={"amount": 2000, "currency": "EUR", "metadata": {"a": "1"}})
    assert (intent.status, intent.currency) == ("requires_payment_method", "eur")
    assert intent.automatic_payment_methods.enabled is True
    assert intent.automatic_payment_methods.allow_redirects == "always"
    assert intent.client_secret.startswith(intent.id + "_secret_")
    assert intent.capture_method == "automatic_async"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(intent.id, params={"return_url": "https://shop.test"})
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.user_message.startswith(
        "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update"
    )
    assert refused.value.json_body["error"]["payment_intent"]["id"] == intent.id
    changed = client.v1.payment_intents.update(
        intent.id, params={"amount": 2500, "payment_method": "pm_card_visa", "metadata": {"b": "2"}}
    )
    assert (changed.status, changed.amount) == ("requires_confirmation", 2500)
    assert changed.metadata.to_dict() == {"a": "1", "b": "2"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(intent.id)
    assert "you must provide a `return_url`" in refused.value.user_message
    done = client.v1.payment_intents.confirm(intent.id, params={"return_url": "https://shop.test"})
    assert (done.status, done.amount_received) == ("succeeded", 2500)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(intent.id)
    assert refused.value.user_message == (
        "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed."
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.update(intent.id, params={"amount": 3000})
    assert refused.value.param == "amount"
    assert refused.value.user_message.startswith(
        "This PaymentIntent's amount could not be updated because it has a status of succeeded."
    )
    described = client.v1.payment_intents.update(intent.id, params={"description": "late"})
    assert described.description == "late"


def test_the_customers_default_is_used_and_strangers_methods_are_not(client):
    customer = client.v1.customers.create(params={"payment_method": "pm_card_visa"})
    other = client.v1.customers.create()
    method = client.v1.customers.payment_methods.list(customer.id).data[0].id
    base = {"amount": 700, "currency": "usd", "confirm": True, "return_url": "https://shop.test"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create(params={**base, "customer": customer.id})
    assert refused.value.user_message == (
        "You cannot confirm this PaymentIntent because it's missing a payment method. To confirm the PaymentIntent "
        f"with {customer.id}, specify a payment method attached to this customer along with the customer ID."
    )
    client.v1.customers.update(customer.id, params={"invoice_settings": {"default_payment_method": method}})
    paid = client.v1.payment_intents.create(params={**base, "customer": customer.id})
    assert (paid.status, paid.payment_method) == ("succeeded", method)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create(params={**base, "customer": other.id, "payment_method": method})
    assert refused.value.param == "payment_method"
    assert refused.value.user_message == (
        f"The PaymentMethod {method} does not belong to the Customer you supplied {other.id}. Please use this "
        "PaymentMethod with the Customer that it belongs to instead."
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create(params={**base, "payment_method": method})
    assert (refused.value.code, refused.value.param) == ("parameter_missing", "source")
    pending = client.v1.payment_intents.create(params={"amount": 700, "currency": "usd", "customer": customer.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.update(pending.id, params={"customer": other.id})
    assert refused.value.user_message.startswith("You cannot modify `customer` on a PaymentIntent once")


def test_a_method_that_belongs_to_nobody_is_used_up(client):
    method = client.v1.payment_methods.create(params={"type": "card", "card": {"token": "tok_visa"}})
    assert pay(client, method.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(client, method.id)
    assert refused.value.code is None
    assert refused.value.user_message.startswith("The provided PaymentMethod was previously used with a PaymentIntent")


def test_setup_future_usage_keeps_the_method(client):
    customer = client.v1.customers.create()
    intent = pay(client, "pm_card_visa", customer=customer.id, setup_future_usage="off_session")
    kept = client.v1.payment_methods.retrieve(intent.payment_method)
    assert kept.customer == customer.id
    assert event_types(client)[-3:] == ["charge.succeeded", "payment_method.attached", "payment_intent.succeeded"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(client, kept.id, customer=customer.id, setup_future_usage="off_session", off_session=True)
    assert refused.value.user_message.startswith(
        "You cannot confirm with the `off_session` parameter when `setup_future_usage` is also set"
    )


def test_manual_capture_whole_part_and_too_much(client):
    held = pay(client, "pm_card_visa", capture_method="manual", expand=["latest_charge"])
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 1000, 0)
    charge = held.latest_charge
    assert (charge.paid, charge.captured, charge.amount_captured) == (True, False, 0)
    assert charge.payment_method_details.card.capture_before == charge.created + 7 * 86400
    assert event_types(client)[1:] == ["charge.succeeded", "payment_intent.amount_capturable_updated"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.capture(held.id, params={"amount_to_capture": 1001})
    assert refused.value.code == "amount_too_large"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.capture(held.id, params={"amount_to_capture": 0})
    assert (refused.value.code, refused.value.param) == ("parameter_invalid_integer", "amount")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.capture(held.id, params={"amount_to_capture": -1})
    assert (refused.value.code, refused.value.param) == (None, "amount_to_capture")
    assert refused.value.user_message == "Invalid non-negative integer"
    done = client.v1.payment_intents.capture(held.id, params={"amount_to_capture": 750})
    assert (done.status, done.amount, done.amount_received, done.amount_capturable) == ("succeeded", 1000, 750, 0)
    assert event_types(client)[3:] == ["charge.captured", "payment_intent.succeeded"]
    captured = client.v1.events.list(params={"type": "charge.captured"}).data[0].data.previous_attributes
    assert captured["amount_captured"] == 0 and captured["captured"] is False
    assert captured["balance_transaction"] is None
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.capture(held.id)
    assert refused.value.user_message.startswith("The remaining amount on this PaymentIntent could not be captured")
    waiting = client.v1.payment_intents.create(params={"amount": 500, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.capture(waiting.id)
    assert refused.value.user_message == (
        "This PaymentIntent could not be captured because it has a status of requires_payment_method. Only a "
        "PaymentIntent with one of the following statuses may be captured: requires_capture."
    )


def test_cancel(client):
    intent = client.v1.payment_intents.create(params={
        "amount": 500, "currency": "usd", "payment_method": "pm_card_visa",
    })
    gone = client.v1.payment_intents.cancel(intent.id, params={"cancellation_reason": "duplicate"})
    assert (gone.status, gone.cancellation_reason, gone.payment_method) == (
        "canceled", "duplicate", intent.payment_method)
    assert gone.canceled_at >= gone.created
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.cancel(intent.id)
    assert refused.value.user_message.startswith(
        "You cannot cancel this PaymentIntent because it has a status of canceled. Only a PaymentIntent with one of"
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    assert refused.value.user_message.startswith(
        "This PaymentIntent's payment_method could not be updated because it has a status of canceled."
    )
    held = pay(client, "pm_card_visa", capture_method="manual")
    released = client.v1.payment_intents.cancel(held.id, params={"expand": ["latest_charge"]})
    assert (released.status, released.amount_capturable) == ("canceled", 0)
    assert (released.latest_charge.status, released.latest_charge.captured) == ("succeeded", False)


@pytest.mark.parametrize("amount,currency,code,message", [
    (0, "usd", "parameter_invalid_integer", "The amount must be greater than or equal to the minimum charge amount"),
    (-5, "usd", "parameter_invalid_integer", "This value must be greater than or equal to 1."),
    (49, "usd", "amount_too_small", "Amount must be at least $0.50 usd"),
    (100_000_000, "usd", "amount_too_large", "Amount must be no more than $999,999.99"),
])
def test_amounts_that_are_refused(client, amount, currency, code, message):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create(params={"amount": amount, "currency": currency})
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, "amount")
    assert refused.value.user_message.startswith(message)


def test_unknown_and_missing_things(client):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.retrieve("pi_none")
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (404, "resource_missing", "intent")
    assert refused.value.user_message == "No such payment_intent: 'pi_none'"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(client, "pm_none")
    assert (refused.value.http_status, refused.value.param) == (400, "payment_method")
    assert refused.value.user_message == "No such PaymentMethod: 'pm_none'"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create(params={"amount": 500, "currency": "zzz"})
    assert refused.value.param == "currency"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create(params={"currency": "usd"})
    assert refused.value.user_message == "Missing required param: amount."
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create(params={
            "amount": 500, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa",
        })
    assert "you must provide a `return_url`" in refused.value.user_message


def test_raw_data_shipping_and_texts_are_kept(client):
    address = {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"}
    intent = client.v1.payment_intents.create(params={
        "amount": 1099, "currency": "usd", "confirm": True, "return_url": "https://shop.test",
        "payment_method_data": {
            "type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"},
            "billing_details": {"name": "Jenny Rosen", "address": address},
        },
        "shipping": {"name": "Jenny", "address": address}, "receipt_email": "jenny@example.com",
        "statement_descriptor_suffix": "order 7", "description": "Order 7", "transfer_group": "g1",
        "metadata": {"order": "7"}, "expand": ["latest_charge"],
    })
    charge = intent.latest_charge
    assert charge.billing_details.name == "Jenny Rosen"
    assert charge.billing_details.address.postal_code == "12345"
    checks = charge.payment_method_details.card.checks
    assert (checks.cvc_check, checks.address_postal_code_check, checks.address_line1_check) == ("pass", "pass", "pass")
    assert (charge.shipping.name, charge.receipt_email, charge.description) == ("Jenny", "jenny@example.com", "Order 7")
    assert charge.metadata["order"] == "7"
    assert charge.transfer_group == "g1"
    assert intent.shipping.address.line1 == "1 Main St"


def test_list_and_search(client):
    customer = client.v1.customers.create()
    ids = [pay(client, "pm_card_visa", metadata={"n": str(n)}, amount=1000 + n).id for n in range(3)]
    mine = client.v1.payment_intents.create(params={"amount": 900, "currency": "usd", "customer": customer.id})
    assert [row.id for row in client.v1.payment_intents.list(params={"customer": customer.id}).data] == [mine.id]
    page = client.v1.payment_intents.list(params={"limit": 2})
    assert page.has_more and [row.id for row in page.data] == [mine.id, ids[2]]
    assert [row.id for row in client.v1.payment_intents.list().auto_paging_iter()] == [mine.id, *reversed(ids)]
    found = client.v1.payment_intents.search(params={"query": 'metadata["n"]:"1" AND status:"succeeded"'})
    assert [row.id for row in found.data] == [ids[1]]
    assert len(client.v1.payment_intents.search(params={"query": "amount>1000"}).data) == 2
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.search(params={"query": "color:'red'"})
    assert "Field `color` is an unsupported search field" in refused.value.user_message


def test_what_is_not_simulated_is_said(client):
    with pytest.raises(stripe.StripeError) as refused:
        client.v1.payment_intents.create(params={
            "amount": 500, "currency": "usd", "transfer_data": {"destination": "acct_1"},
        })
    assert refused.value.http_status == 501
