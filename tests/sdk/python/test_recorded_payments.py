"""Payments as they were recorded: exact texts, codes, parameters and statuses, in the versions of the recordings."""

import pytest
from shop import Api, call

OLD, DAHLIA = "2023-10-16", "2026-08-26.dahlia"


@pytest.fixture
def api(url):
    return Api(url)


def intent(api, version, card="pm_card_visa", *pairs, **more):
    """The answer to create and confirm, whatever its status."""
    kinds = [("payment_method_types[0]", "card")]
    params = {"amount": 1000, "currency": "usd", "confirm": "true", "payment_method": card, **more}
    return api.ask(version, "POST", "/v1/payment_intents", *kinds, *pairs, **params)


def paid(api, version=DAHLIA, card="pm_card_visa", *pairs, **more):
    status, _, body = intent(api, version, card, *pairs, **more)
    assert status == 200, body
    return body


def error_of(api, path, *pairs, method="POST", version=DAHLIA, **params):
    status, error = api.refused(version, method, path, *pairs, **params)
    return status, error.get("code"), error.get("param"), error["message"]


CARDS = [
    ("visa", "4242424242424242", "visa", "credit", "US"), ("visa_debit", "4000056655665556", "visa", "debit", "US"),
    ("mastercard", "5555555555554444", "mastercard", "credit", "US"),
    ("mastercard_debit", "5200828282828210", "mastercard", "debit", "US"),
    ("mastercard_prepaid", "5105105105105100", "mastercard", "prepaid", "US"),
    ("amex", "371449635398431", "amex", "credit", "US"), ("discover", "6011000990139424", "discover", "credit", "US"),
    ("diners", "3056930009020004", "diners", "credit", "US"), ("jcb", "3566002020360505", "jcb", "credit", None),
    ("unionpay", "6200000000000005", "unionpay", "credit", None),
    ("us", "4242424242424242", "visa", "credit", "US"), ("ca", "4000001240000000", "visa", "credit", "CA"),
    ("mx", "4000004840008001", "visa", "credit", "MX"), ("br", "4000000760000002", "visa", "credit", "BR"),
    ("gb", "4000008260000000", "visa", "credit", "GB"), ("fr", "4000002500000003", "visa", "credit", "FR"),
    ("de", "4000002760000016", "visa", "credit", "DE"), ("au", "4000000360000006", "visa", "credit", "AU"),
    ("jp", "4000003920000003", "visa", "credit", "JP"),
]


@pytest.mark.parametrize("name,number,brand,funding,country", CARDS)
def test_test_cards(api, name, number, brand, funding, country):
    raw = [("card[number]", number), ("card[exp_month]", 12), ("card[exp_year]", 2034), ("card[cvc]", "123")]
    made = api.post(DAHLIA, "/v1/payment_methods", *raw, type="card")
    token = api.post(DAHLIA, "/v1/payment_methods", ("card[token]", f"tok_{name}"), type="card")
    for method in (f"pm_card_{name}", made["id"], token["id"]):
        body = paid(api, DAHLIA, method, ("expand[0]", "latest_charge"))
        card = body["latest_charge"]["payment_method_details"]["card"]
        assert (card["brand"], card["last4"]) == (brand, number[-4:])
        if country:
            assert card["country"] == country
        if name != "jcb":
            assert card["funding"] == funding


VELOCITY = "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."
PROCESSING = "An error occurred while processing your card. Try again in a little bit."
DECLINES = [
    # card, number, code, decline_code, decline_code of 2023, param, message, advice, network advice, network code
    ("visa_chargeDeclined", "4000000000000002", "card_declined", "generic_decline", "generic_decline", None,
     "Your card was declined.", "try_again_later", None, "01"),
    ("visa_chargeDeclinedInsufficientFunds", "4000000000009995", "card_declined", "insufficient_funds", "insufficient_funds",
     None, "Your card has insufficient funds.", "try_again_later", "02", "51"),
    ("visa_chargeDeclinedLostCard", "4000000000009987", "card_declined", "lost_card", "lost_card", None,
     "Your card was declined.", "do_not_try_again", "01", "41"),
    ("visa_chargeDeclinedStolenCard", "4000000000009979", "card_declined", "stolen_card", "stolen_card", None,
     "Your card was declined.", "do_not_try_again", "01", "43"),
    ("visa_chargeDeclinedVelocityLimitExceeded", "4000000000006975", "card_declined", "card_velocity_exceeded",
     "card_velocity_exceeded", None, VELOCITY, "try_again_later", "02", "61"),
    ("chargeDeclinedExpiredCard", "4000000000000069", "expired_card", "expired_card", None, "exp_month",
     "Your card has expired.", "confirm_card_data", "03", "54"),
    ("chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc", "incorrect_cvc", None, "cvc",
     "Your card's security code is incorrect.", "confirm_card_data", "03", "N7"),
    ("chargeDeclinedProcessingError", "4000000000000119", "processing_error", "processing_error", None, None,
     PROCESSING, "try_again_later", None, "06"),
]


@pytest.mark.parametrize("card,number,code,decline_code,old_code,param,message,advice,network_advice,network_code", DECLINES)
def test_declines(api, card, number, code, decline_code, old_code, param, message, advice, network_advice, network_code):
    for version in (OLD, DAHLIA):
        status, _, body = intent(api, version, f"pm_card_{card}")
        error = body["error"]
        assert (status, error["type"], error["code"], error.get("param"), error["message"]) == (
            402, "card_error", code, param, message)
        assert error["doc_url"] == f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        assert error["charge"].startswith("ch_3")
        assert error["payment_intent"]["status"] == "requires_payment_method"
        assert error["payment_intent"]["payment_method"] is None
        assert error["payment_method"]["card"]["last4"] == number[-4:]
        assert error["payment_intent"]["last_payment_error"]["payment_method"]["id"] == error["payment_method"]["id"]
        if version == OLD:
            # Processing errors have no decline code of their own in 2023 either.
            if code != "processing_error":
                assert error.get("decline_code") == old_code
            assert not {"advice_code", "network_advice_code", "network_decline_code"} & set(error)
        else:
            assert error["decline_code"] == decline_code
            assert (error["advice_code"], error.get("network_advice_code"), error["network_decline_code"]) == (
                advice, network_advice, network_code)
        charge = api.get(version, f"/v1/charges/{error['charge']}")
        assert (charge["status"], charge["paid"], charge["captured"]) == ("failed", False, False)
        assert (charge["failure_code"], charge["failure_message"]) == (code, message)
        outcome = charge["outcome"]
        assert (outcome["network_status"], outcome["type"]) == ("declined_by_network", "issuer_declined")
        if code == "card_declined":
            assert outcome["reason"] == decline_code
            told = ("The bank did not return any further details with this decline." if decline_code == "generic_decline"
                    else f"The bank returned the decline code `{decline_code}`.")
            assert outcome["seller_message"] == told


@pytest.mark.parametrize("card", [each[0] for each in DECLINES])
def test_cards_that_decline_cannot_be_attached(api, card):
    customer = api.post(DAHLIA, "/v1/customers")["id"]
    status, error = api.refused(DAHLIA, "POST", f"/v1/payment_methods/pm_card_{card}/attach", customer=customer)
    assert (status, error["type"]) == (402, "card_error")
    assert "charge" not in error and "payment_intent" not in error
    status, error = api.refused(DAHLIA, "POST", "/v1/customers", payment_method=f"pm_card_{card}")
    assert (status, error["type"]) == (402, "card_error")


def test_a_blocked_card(api):
    status, _, body = intent(api, DAHLIA, "pm_card_radarBlock")
    error = body["error"]
    assert (status, error["code"], error["decline_code"], error["message"]) == (
        402, "card_declined", "fraudulent", "Your card was declined.")
    outcome = api.get(DAHLIA, f"/v1/charges/{error['charge']}")["outcome"]
    assert (outcome["network_status"], outcome["reason"], outcome["risk_level"], outcome["type"], outcome["seller_message"]) == (
        "not_sent_to_network", "highest_risk_level", "highest", "blocked", "Stripe blocked this payment as too risky.")


def test_a_card_that_attaches_and_then_fails(api):
    customer = api.post(DAHLIA, "/v1/customers")["id"]
    method = api.post(DAHLIA, "/v1/payment_methods/pm_card_chargeCustomerFail/attach", customer=customer)
    status, _, body = intent(api, DAHLIA, method["id"], customer=customer)
    assert (status, body["error"]["code"], body["error"]["decline_code"]) == (402, "card_declined", "generic_decline")


@pytest.mark.parametrize("pairs,code,param", [
    ([("card[number]", "4242424242424241")], "incorrect_number", "number"),
    ([("card[exp_month]", "13")], "invalid_expiry_month", "exp_month"),
    ([("card[exp_year]", "1970")], "invalid_expiry_year", "exp_year"),
    ([("card[cvc]", "99")], "invalid_cvc", "cvc"),
])
def test_cards_that_cannot_be(api, pairs, code, param):
    card = {"card[number]": "4242424242424242", "card[exp_month]": 12, "card[exp_year]": 2034, "card[cvc]": "123", **dict(pairs)}
    status, error = api.refused(DAHLIA, "POST", "/v1/payment_methods", *card.items(), type="card")
    assert (status, error["type"], error["code"]) == (402, "card_error", code)
    if code == "incorrect_number":
        assert (error["param"], error["message"]) == ("number", "Your card number is incorrect.")


@pytest.mark.parametrize("card,off_session,wanted", [
    ("authenticationRequired", False, "requires_action"), ("authenticationRequired", True, "authentication_required"),
    ("authenticationRequiredOnSetup", False, "requires_action"),
    ("authenticationRequiredSetupForOffSession", False, "requires_action"),
    ("authenticationRequiredSetupForOffSession", True, "succeeded"),
    ("threeDSecure2Required", False, "requires_action"), ("threeDSecureRequired", False, "requires_action"),
    ("threeDSecureOptional", False, "succeeded"), ("amex_threeDSecureNotSupported", False, "succeeded"),
])
def test_three_d_secure(api, card, off_session, wanted):
    more = {"off_session": "true"} if off_session else {}
    status, _, body = intent(api, DAHLIA, f"pm_card_{card}", **more)
    if wanted == "authentication_required":
        error = body["error"]
        assert (status, error["code"], error["decline_code"], error["message"]) == (
            402, wanted, wanted, "Your card was declined. This transaction requires authentication.")
        assert error["payment_intent"]["status"] == "requires_payment_method"
        assert error["charge"].startswith("ch_")
    else:
        assert (status, body["status"]) == (200, wanted)
    if wanted == "requires_action":
        assert body["latest_charge"] is None
        assert body["next_action"]["type"] == "use_stripe_sdk"
        assert body["next_action"]["use_stripe_sdk"]["type"] in ("three_d_secure_redirect", "stripe_3ds2_fingerprint")


STATES = ("This PaymentIntent's {0} could not be updated because it has a status of {1}. You may only update the {0} of a "
          "PaymentIntent with one of the following statuses: requires_payment_method, requires_confirmation, requires_action.")


def test_states_of_an_intent(api):
    bare = api.post(DAHLIA, "/v1/payment_intents", amount=1000, currency="usd")
    assert bare["status"] == "requires_payment_method" and bare["capture_method"] == "automatic_async"
    path = f"/v1/payment_intents/{bare['id']}"
    unexpected = "payment_intent_unexpected_state"
    assert error_of(api, f"{path}/confirm", return_url="https://example.com") == (
        400, unexpected, None,
        "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
        "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method "
        "or ConfirmationToken.")
    assert error_of(api, f"{path}/capture") == (
        400, unexpected, None, "This PaymentIntent could not be captured because it has a status of requires_payment_method. "
        "Only a PaymentIntent with one of the following statuses may be captured: requires_capture.")
    status, error = api.refused(DAHLIA, "POST", f"{path}/capture")
    assert error["payment_intent"]["id"] == bare["id"]
    customer = api.post(DAHLIA, "/v1/customers")["id"]
    theirs = api.post(DAHLIA, "/v1/payment_intents", amount=1000, currency="usd", customer=customer)
    assert error_of(api, f"/v1/payment_intents/{theirs['id']}/confirm", return_url="https://example.com")[3] == (
        "You cannot confirm this PaymentIntent because it's missing a payment method. To confirm the PaymentIntent with "
        f"{customer}, specify a payment method attached to this customer along with the customer ID.")
    other = api.post(DAHLIA, "/v1/customers")["id"]
    assert error_of(api, f"/v1/payment_intents/{theirs['id']}", customer=other)[3] == (
        "You cannot modify `customer` on a PaymentIntent once it already has been set. To fulfill a payment with a "
        "different Customer, cancel this PaymentIntent and create a new one.")
    done = paid(api)
    path = f"/v1/payment_intents/{done['id']}"
    assert error_of(api, f"{path}/confirm") == (
        400, unexpected, None,
        "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.")
    assert error_of(api, path, amount=2000) == (400, unexpected, "amount", STATES.format("amount", "succeeded"))
    assert api.post(DAHLIA, path, ("metadata[a]", "b"), description="x")["metadata"] == {"a": "b"}
    assert error_of(api, f"{path}/capture")[3].startswith("This PaymentIntent could not be captured because it has a status of succeeded.")
    assert error_of(api, f"{path}/cancel")[3].startswith(
        "You cannot cancel this PaymentIntent because it has a status of succeeded. Only a PaymentIntent with one of the "
        "following statuses may be canceled: requires_payment_method, requires_capture, ")
    gone = api.post(DAHLIA, f"/v1/payment_intents/{bare['id']}/cancel", cancellation_reason="abandoned")
    assert (gone["status"], gone["cancellation_reason"]) == ("canceled", "abandoned") and gone["canceled_at"]
    status, code, _, message = error_of(api, f"/v1/payment_intents/{bare['id']}/confirm", payment_method="pm_card_visa")
    assert (status, code, message) == (400, unexpected, STATES.format("payment_method", "canceled"))
    assert error_of(api, f"/v1/payment_intents/{bare['id']}/cancel")[3].startswith(
        "You cannot cancel this PaymentIntent because it has a status of canceled.")


def test_cancel_of_2023_and_of_dahlia(api):
    done = paid(api)
    older = "requires_payment_method, requires_capture, requires_confirmation, requires_action, processing."
    newer = "requires_payment_method, requires_capture, requires_reauthorization, requires_confirmation, requires_action, expired, processing."
    for version, statuses in ((OLD, older), (DAHLIA, newer)):
        assert error_of(api, f"/v1/payment_intents/{done['id']}/cancel", version=version)[3].endswith(
            f"one of the following statuses may be canceled: {statuses}")


def test_captures(api):
    held = paid(api, capture_method="manual")
    path = f"/v1/payment_intents/{held['id']}/capture"
    status, code, _, message = error_of(api, path, amount_to_capture=1001)
    assert (status, code) == (400, "amount_too_large")
    assert message.startswith("The payment could not be captured because the requested capture amount is greater than")
    assert error_of(api, path, amount_to_capture=0) == (
        400, "parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
    assert error_of(api, path, amount_to_capture=-5) == (400, None, "amount_to_capture", "Invalid non-negative integer")
    charge = api.get(DAHLIA, f"/v1/charges/{held['latest_charge']}")
    assert (charge["paid"], charge["captured"], charge["status"]) == (True, False, "succeeded")
    assert charge["payment_method_details"]["card"]["capture_before"] - charge["created"] == 7 * 86_400
    assert error_of(api, "/v1/refunds", charge=charge["id"])[3] == (
        f"This uncaptured Charge was created by a PaymentIntent ({held['id']}). You must cancel the PaymentIntent to reverse "
        "the authorization instead of refunding the Charge directly. For more information, see "
        "https://stripe.com/docs/payments/place-a-hold-on-a-payment-method")
    done = api.post(DAHLIA, path, amount_to_capture=600)
    assert (done["amount_received"], done["amount_capturable"]) == (600, 0)
    types = [event["type"] for event in api.get(DAHLIA, "/v1/events", limit=100)["data"]][::-1]
    wanted = ["charge.succeeded", "payment_intent.amount_capturable_updated", "charge.captured", "payment_intent.succeeded"]
    assert [kind for kind in types if kind in wanted] == wanted
    event = api.get(DAHLIA, "/v1/events", type="charge.captured")["data"][0]
    before = event["data"]["previous_attributes"]
    assert (before["amount_captured"], before["captured"]) == (0, False)


@pytest.mark.parametrize("amount,currency,code,start", [
    (0, "usd", "parameter_invalid_integer", "The amount must be greater than or equal to the minimum charge amount allowed"),
    (49, "usd", "amount_too_small", "Amount must be at least $0.50 usd"),
    (100_000_000, "usd", "amount_too_large", "Amount must be no more than $999,999.99"),
    (29, "gbp", "amount_too_small", "Amount must be at least £0.30 gbp"),
])
def test_amounts(api, amount, currency, code, start):
    status, found, param, message = error_of(api, "/v1/payment_intents", amount=amount, currency=currency)
    assert (status, found, param) == (400, code, "amount")
    assert message.startswith(start)


def test_the_whole_text_about_nothing(api):
    assert error_of(api, "/v1/payment_intents", amount=0, currency="usd")[3] == (
        "The amount must be greater than or equal to the minimum charge amount allowed for your account and the currency set "
        "(https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).  If you want to save a Payment Method for "
        "future use without an immediate payment, use a Setup Intent instead: https://docs.stripe.com/payments/setup-intents")


@pytest.mark.parametrize("kind,path,more", [
    ("Payment", "/v1/payment_intents", {"amount": 1000, "currency": "usd"}), ("Setup", "/v1/setup_intents", {}),
])
def test_a_return_url_is_needed(api, kind, path, more):
    status, code, _, message = error_of(api, path, confirm="true", payment_method="pm_card_visa", **more)
    assert (status, code) == (400, None)
    # Two openings were seen, of 2024 and of 2026; what they ask for and how they end is the same.
    assert message.startswith((
        f"A `return_url` must be specified because this {kind} Intent is configured to",
        f"This {kind}Intent is configured to accept payment methods enabled in your Dashboard. Because some of these payment "
        "methods might redirect your customer off of your page, you must provide a `return_url`."))
    assert message.endswith(
        "accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
        "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.")


def test_off_session_and_future_usage(api):
    status, _, body = intent(api, DAHLIA, "pm_card_visa", off_session="true", setup_future_usage="off_session")
    assert status == 400
    assert body["error"]["message"].startswith(
        "You cannot confirm with the `off_session` parameter when `setup_future_usage` is also set")


def test_setup_intents(api):
    made = api.post(DAHLIA, "/v1/setup_intents", ("payment_method_types[0]", "card"))
    path = f"/v1/setup_intents/{made['id']}"
    unexpected = "setup_intent_unexpected_state"
    assert made["usage"] == "off_session" and made["mandate"] is None
    status, code, _, message = error_of(api, f"{path}/confirm")
    assert (status, code) == (400, unexpected)
    assert message.startswith("You cannot confirm this SetupIntent because it's missing a payment method.")
    status, error = api.refused(DAHLIA, "POST", f"{path}/confirm", payment_method="pm_card_visa_chargeDeclined")
    assert (status, error["code"], error["setup_intent"]["status"]) == (402, "card_declined", "requires_payment_method")
    left = api.get(DAHLIA, path)
    assert left["payment_method"] is None and left["last_setup_error"]["code"] == "card_declined"
    assert left["latest_attempt"].startswith("setatt_")
    done = api.post(DAHLIA, f"{path}/confirm", payment_method="pm_card_visa")
    assert done["status"] == "succeeded"
    assert error_of(api, f"{path}/confirm", payment_method="pm_card_visa")[3] == (
        "You cannot confirm this SetupIntent because it has already succeeded.")
    assert error_of(api, f"{path}/cancel")[3] == (
        "You cannot cancel this SetupIntent because it has a status of succeeded. Only a SetupIntent with one of the "
        "following statuses may be canceled: `requires_payment_method`, `requires_confirmation`, or `requires_action`.")
    other = api.post(DAHLIA, "/v1/setup_intents", ("payment_method_types[0]", "card"))
    path = f"/v1/setup_intents/{other['id']}/cancel"
    assert api.post(DAHLIA, path)["status"] == "canceled"
    assert error_of(api, path)[3] == "You cannot cancel this SetupIntent because it is already canceled."
    assert error_of(api, path, version=OLD)[3] == "You cannot cancel this SetupIntent because it it already canceled."


def test_events_of_setups(api):
    customer = api.post(DAHLIA, "/v1/customers")["id"]
    api.post(DAHLIA, "/v1/setup_intents", ("payment_method_types[0]", "card"), confirm="true", customer=customer,
             payment_method="pm_card_visa")
    types = [event["type"] for event in api.get(DAHLIA, "/v1/events")["data"]][::-1]
    assert types == ["customer.created", "setup_intent.created", "payment_method.attached", "setup_intent.succeeded"]
    api.ask(DAHLIA, "POST", "/v1/setup_intents", ("payment_method_types[0]", "card"), confirm="true",
            payment_method="pm_card_visa_chargeDeclined")
    types = [event["type"] for event in api.get(DAHLIA, "/v1/events")["data"]][::-1]
    assert types[-2:] == ["setup_intent.created", "setup_intent.setup_failed"]


def test_payment_methods_and_their_owners(api):
    one, two = api.post(DAHLIA, "/v1/customers")["id"], api.post(DAHLIA, "/v1/customers")["id"]
    method = api.post(DAHLIA, "/v1/payment_methods/pm_card_visa/attach", customer=one)
    assert method["card"]["checks"]["cvc_check"] == "pass"
    path = f"/v1/payment_methods/{method['id']}"
    assert api.post(DAHLIA, f"{path}/attach", customer=one)["id"] == method["id"]
    status, code, _, message = error_of(api, f"{path}/attach")
    assert (status, code, message) == (400, "parameter_missing", "Must provide customer or customer_account.")
    assert error_of(api, f"{path}/attach", customer=two) == (
        400, None, None, "The payment method you provided has already been attached to a customer.")
    status, _, body = intent(api, DAHLIA, method["id"])
    assert (status, body["error"]["code"], body["error"]["param"], body["error"]["message"]) == (
        400, "parameter_missing", "source",
        f"The `payment_method` parameter supplied {method['id']} belongs to the Customer {one}. Please include the Customer "
        "in the `customer` parameter on the PaymentIntent.")
    status, _, body = intent(api, DAHLIA, method["id"], customer=two)
    assert (status, body["error"].get("code"), body["error"]["param"], body["error"]["message"]) == (
        400, None, "payment_method",
        f"The PaymentMethod {method['id']} does not belong to the Customer you supplied {two}. Please use this PaymentMethod "
        "with the Customer that it belongs to instead.")
    assert error_of(api, f"/v1/customers/{two}", ("invoice_settings[default_payment_method]", method["id"]))[3] == (
        f"The customer does not have a payment method with the ID {method['id']}. The payment method must be attached to the customer.")
    api.post(DAHLIA, f"{path}/detach")
    assert error_of(api, f"{path}/detach") == (
        400, None, None, "The payment method you provided is not attached to a customer so detachment is impossible.")
    used_up = ("The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a "
               "connected account without Customer attachment, or was detached from a Customer. It may not be used again. To "
               "use a PaymentMethod multiple times, you must attach it to a Customer first.")
    assert error_of(api, f"{path}/attach", customer=one)[3] == used_up
    status, _, body = intent(api, DAHLIA, method["id"])
    assert body["error"]["message"] == used_up
    card = [("card[token]", "tok_visa")]
    assert error_of(api, "/v1/payment_methods", *card, type="card", customer=one)[3] == (
        "You cannot attach a PaymentMethod to a Customer during PaymentMethod creation. Please instead create the "
        "PaymentMethod and then attach it using the attachment method of the PaymentMethods API.")
    fingerprints = {api.post(DAHLIA, "/v1/payment_methods", *card, type="card")["card"]["fingerprint"] for _ in (1, 2)}
    assert len(fingerprints) == 1
    events = [event["type"] for event in api.get(DAHLIA, "/v1/events")["data"]]
    assert "payment_method.created" not in events
    event = api.get(DAHLIA, "/v1/events", type="payment_method.detached")["data"][0]
    assert event["data"]["previous_attributes"] == {"customer": one}


@pytest.mark.parametrize("amount,fee", [(1000, 59), (950, 58), (2500, 103), (22500, 683)])
def test_fees(api, amount, fee):
    body = paid(api, DAHLIA, "pm_card_visa", amount=amount, description="Shoes", capture_method="automatic")
    charge = api.get(DAHLIA, f"/v1/charges/{body['latest_charge']}", ("expand[0]", "balance_transaction"))
    entry = charge["balance_transaction"]
    assert (entry["amount"], entry["fee"], entry["net"], entry["type"], entry["reporting_category"]) == (
        amount, fee, amount - fee, "charge", "charge")
    assert (entry["description"], entry["balance_type"], entry["status"]) == ("Shoes", "payments", "pending")
    assert [(each["type"], each["description"], each["amount"]) for each in entry["fee_details"]] == [
        ("stripe_fee", "Stripe processing fees", fee)]
    assert entry["available_on"] % 86_400 == 0 and 1 <= (entry["available_on"] - entry["created"]) / 86_400 <= 6
    outcome = charge["outcome"]
    assert (outcome["network_status"], outcome["risk_level"], outcome["seller_message"], outcome["type"]) == (
        "approved_by_network", "normal", "Payment complete.", "authorized")
    assert charge["receipt_url"].startswith("https://pay.stripe.com/receipts/payment/")
    assert charge["receipt_number"] is None


def test_the_ledger_comes_a_moment_later(api):
    body = paid(api, DAHLIA, "pm_card_visa", ("expand[0]", "latest_charge"))
    assert body["latest_charge"]["balance_transaction"] is None
    types = [event["type"] for event in api.get(DAHLIA, "/v1/events")["data"]][::-1]
    assert types[:3] == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    body = paid(api, OLD, "pm_card_visa", ("expand[0]", "latest_charge"))
    assert body["latest_charge"]["balance_transaction"].startswith("txn_")


def test_refunds(api):
    body = paid(api, description="Shoes")
    charge, target = body["latest_charge"], {"payment_intent": body["id"]}
    assert error_of(api, "/v1/refunds", amount=1100, **target) == (
        400, None, "amount", "Refund amount ($11.00) is greater than charge amount ($10.00)")
    for amount in (0, -3):
        assert error_of(api, "/v1/refunds", amount=amount, **target) == (
            400, "parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
    assert error_of(api, "/v1/refunds", amount=100) == (
        400, None, None, "One of the following params should be provided for this request: payment_intent or charge.")
    refund = api.post(DAHLIA, "/v1/refunds", ("expand[0]", "balance_transaction"), amount=500, **target)
    assert refund["status"] == "succeeded" and refund["id"].startswith("re_3")
    assert refund["destination_details"]["card"] == {
        "reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    entry = refund["balance_transaction"]
    assert (entry["type"], entry["amount"], entry["fee"], entry["description"]) == (
        "refund", -500, 0, "REFUND FOR CHARGE (Shoes)")
    assert error_of(api, "/v1/refunds", amount=600, **target)[3] == (
        "Refund amount ($6.00) is greater than unrefunded amount on charge ($5.00)")
    api.post(DAHLIA, "/v1/refunds", **target)
    assert error_of(api, "/v1/refunds", **target) == (
        400, "charge_already_refunded", None, f"Charge {charge} has already been refunded.")
    assert error_of(api, f"/v1/refunds/{refund['id']}/cancel")[3] == "Canceling this refund is unsupported."
    fresh = api.post(DAHLIA, "/v1/payment_intents", amount=1000, currency="usd")["id"]
    assert error_of(api, "/v1/refunds", payment_intent=fresh)[3] == (
        f"This PaymentIntent ({fresh}) does not have a successful charge to refund.")
    assert error_of(api, "/v1/refunds", reason="boredom", **target)[3] == (
        "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer")


def test_events_of_a_refund(api):
    body = paid(api)
    api.post(DAHLIA, "/v1/refunds", payment_intent=body["id"], amount=400)
    types = [event["type"] for event in api.get(DAHLIA, "/v1/events")["data"]][::-1]
    after = [kind for kind in types if "refund" in kind]
    assert after[:2] == ["refund.created", "charge.refunded"]
    before = api.get(DAHLIA, "/v1/events", type="charge.refunded")["data"][0]["data"]["previous_attributes"]
    assert before["amount_refunded"] == 0 and "refunded" not in before


def test_disputes(api):
    body = paid(api, card="pm_card_createDispute")
    dispute = api.get(DAHLIA, "/v1/disputes", ("expand[0]", "data.charge"), payment_intent=body["id"])["data"][0]
    assert dispute["id"].startswith("du_1") and dispute["status"] == "needs_response"
    assert (dispute["reason"], dispute["is_charge_refundable"], dispute["charge"]["disputed"]) == ("fraudulent", False, True)
    assert dispute["payment_method_details"]["card"]["network_reason_code"] == "10.4"
    assert dispute["evidence_details"]["due_by"] % 86_400 == 86_399
    entry = dispute["balance_transactions"][0]
    assert (entry["type"], entry["reporting_category"], entry["amount"], entry["fee"], entry["description"]) == (
        "adjustment", "dispute", -1000, 1500, f"Chargeback withdrawal for {dispute['charge']['id']}")
    assert entry["fee_details"][0]["description"] == "Dispute fee"
    assert error_of(api, "/v1/refunds", payment_intent=body["id"]) == (
        400, "charge_disputed", None, f"Charge {dispute['charge']['id']} has been charged back; cannot issue a refund.")
    types = [event["type"] for event in api.get(DAHLIA, "/v1/events")["data"]][::-1]
    wanted = ["charge.succeeded", "charge.dispute.created", "charge.dispute.funds_withdrawn", "payment_intent.succeeded"]
    assert [kind for kind in types if kind in wanted] == wanted
    lost = api.post(DAHLIA, f"/v1/disputes/{dispute['id']}/close")
    assert lost["status"] == "lost"
    assert error_of(api, f"/v1/disputes/{dispute['id']}/close") == (400, None, None, "This dispute is already closed")


def test_an_inquiry_takes_no_money(api):
    body = paid(api, card="pm_card_createDisputeInquiry")
    dispute = api.get(DAHLIA, "/v1/disputes", payment_intent=body["id"])["data"][0]
    assert (dispute["status"], dispute["balance_transactions"], dispute["is_charge_refundable"]) == (
        "warning_needs_response", [], True)
    assert dispute["payment_method_details"]["card"]["case_type"] == "inquiry"
    answered = api.post(DAHLIA, f"/v1/disputes/{dispute['id']}", ("evidence[uncategorized_text]", "we sent it"))
    assert (answered["status"], answered["evidence_details"]["submission_count"]) == ("warning_under_review", 1)
    assert api.post(DAHLIA, "/v1/refunds", payment_intent=body["id"])["status"] == "succeeded"


def test_evidence_wins_after_a_moment(api, url):
    body = paid(api, card="pm_card_createDisputeProductNotReceived")
    dispute = api.get(DAHLIA, "/v1/disputes", payment_intent=body["id"])["data"][0]
    assert dispute["payment_method_details"]["card"]["network_reason_code"] == "13.1"
    answered = api.post(DAHLIA, f"/v1/disputes/{dispute['id']}", ("evidence[uncategorized_text]", "winning_evidence"))
    assert (answered["status"], answered["evidence_details"]["submission_count"]) == ("under_review", 1)
    call(f"{url}/sandbox/clock/advance", "POST", "seconds=10")
    won = api.get(DAHLIA, f"/v1/disputes/{dispute['id']}")
    assert won["status"] == "won"
    back = won["balance_transactions"][-1]
    assert (back["amount"], back["reporting_category"]) == (1000, "dispute_reversal")
    types = [event["type"] for event in api.get(DAHLIA, "/v1/events")["data"]][::-1]
    wanted = ["charge.dispute.updated", "charge.dispute.funds_reinstated", "charge.dispute.closed"]
    assert [kind for kind in types if kind in wanted] == wanted


def test_errors_of_ids(api):
    cases = [
        ("/v1/charges/x", "id", "No such charge: 'x'"), ("/v1/customers/x", "id", "No such customer: 'x'"),
        ("/v1/payment_intents/x", "intent", "No such payment_intent: 'x'"),
        ("/v1/setup_intents/x", "intent", "No such setupintent: 'x'"),
        ("/v1/payment_methods/x", "payment_method", "No such PaymentMethod: 'x'"),
        ("/v1/disputes/x", "dispute", "No such dispute: 'x'"), ("/v1/refunds/x", "refund", "No such refund: 'x'"),
    ]
    for path, param, message in cases:
        found = error_of(api, path, method="GET")
        assert found[:3] == (404, "resource_missing", param), (path, found)
        assert found[3].startswith(message), (path, found)
