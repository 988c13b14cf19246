"""Payment methods and tokens: raw cards, named cards, attaching, detaching, lists and refusals."""

import pytest
import stripe

from sandbox_control import event_types

CARD = {"number": "4242424242424242", "exp_month": 8, "exp_year": 2034, "cvc": "314"}


def make(client, **card):
    return client.v1.payment_methods.create(params={"type": "card", "card": {**CARD, **card}})


def test_a_raw_card(client):
    method = client.v1.payment_methods.create(params={
        "type": "card", "card": CARD, "metadata": {"a": "1"}, "allow_redisplay": "always",
        "billing_details": {"name": "Jenny Rosen", "email": "jenny@example.com", "phone": "+15555555555",
                            "address": {"line1": "1 Main St", "postal_code": "12345", "country": "US"}},
    })
    card = method.card
    assert (card.brand, card.last4, card.exp_month, card.exp_year) == ("visa", "4242", 8, 2034)
    assert (card.country, card.funding, card.display_brand) == ("US", "credit", "visa")
    assert card.checks.cvc_check == "unchecked"
    assert card.three_d_secure_usage.supported is True
    assert method.billing_details.address.line1 == "1 Main St"
    assert (method.customer, method.metadata["a"], method.allow_redisplay) == (None, "1", "always")
    assert event_types(client) == []
    same, other = make(client), make(client, number="5555555555554444")
    assert same.id != method.id
    assert same.card.fingerprint == card.fingerprint != other.card.fingerprint


@pytest.mark.parametrize("change,code,param,message", [
    ({"number": "4242424242424241"}, "incorrect_number", "number", "Your card number is incorrect."),
    ({"exp_month": 13}, "invalid_expiry_month", "exp_month", "Your card's expiration month is invalid."),
    ({"exp_year": 2009}, "invalid_expiry_year", "exp_year", "Your card's expiration year is invalid."),
    ({"cvc": "9"}, "invalid_cvc", "cvc", "Your card's security code is invalid."),
])
def test_a_mistyped_card(client, change, code, param, message):
    with pytest.raises(stripe.CardError) as refused:
        make(client, **change)
    assert (refused.value.http_status, refused.value.code) == (402, code)
    assert (refused.value.param, refused.value.user_message) == (param, message)


def test_a_real_card_is_refused(client):
    with pytest.raises(stripe.CardError) as refused:
        make(client, number="4111111111111111")
    assert refused.value.code == "card_declined"
    assert refused.value.json_body["error"]["decline_code"] == "test_mode_live_card"


def test_tokens(client):
    token = client.v1.tokens.create(params={"card": {**CARD, "name": "Jenny", "address_zip": "12345"}})
    assert (token.object, token.type, token.used) == ("token", "card", False)
    assert (token.card.brand, token.card.last4, token.card.name) == ("Visa", "4242", "Jenny")
    method = client.v1.payment_methods.create(params={"type": "card", "card": {"token": token.id}})
    assert method.billing_details.name == "Jenny"
    assert method.billing_details.address.postal_code == "12345"
    assert client.v1.tokens.retrieve(token.id).used is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_methods.create(params={"type": "card", "card": {"token": token.id}})
    assert refused.value.code == "token_already_used"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_methods.create(params={"type": "card", "card": {"token": "tok_none"}})
    assert refused.value.user_message == "No such token: 'tok_none'"
    with pytest.raises(stripe.CardError) as refused:
        client.v1.tokens.create(params={"card": {**CARD, "number": "4242424242424241"}})
    assert refused.value.code == "incorrect_number"


@pytest.mark.parametrize("token,brand,last4", [
    ("tok_visa", "visa", "4242"), ("tok_mastercard", "mastercard", "4444"), ("tok_amex", "amex", "8431"),
    ("tok_discover", "discover", "9424"), ("tok_visa_debit", "visa", "5556"), ("tok_jcb", "jcb", "0505"),
    ("tok_unionpay", "unionpay", "0005"), ("tok_diners", "diners", "0004"), ("tok_gb", "visa", "0000"),
    ("tok_chargeCustomerFail", "visa", "0341"), ("tok_visa_createDispute", "visa", "0259"),
])
def test_named_tokens(client, token, brand, last4):
    method = client.v1.payment_methods.create(params={"type": "card", "card": {"token": token}})
    assert (method.card.brand, method.card.last4) == (brand, last4)


def test_attach_update_list_detach(client):
    customer, other = client.v1.customers.create(), client.v1.customers.create()
    method = make(client)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_methods.update(method.id, params={"metadata": {"a": "1"}})
    assert "save this PaymentMethod to a customer before" in refused.value.user_message
    attached = client.v1.payment_methods.attach(method.id, params={"customer": customer.id})
    assert (attached.customer, attached.card.checks.cvc_check) == (customer.id, "pass")
    assert client.v1.payment_methods.attach(method.id, params={"customer": customer.id}).id == method.id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_methods.attach(method.id, params={"customer": other.id})
    assert (refused.value.http_status, refused.value.code) == (400, None)
    assert refused.value.user_message == "The payment method you provided has already been attached to a customer."
    changed = client.v1.payment_methods.update(method.id, params={
        "card": {"exp_month": 1, "exp_year": 2040}, "billing_details": {"name": "New"}, "metadata": {"a": "1"},
    })
    assert (changed.card.exp_month, changed.card.exp_year, changed.billing_details.name) == (1, 2040, "New")
    second = client.v1.payment_methods.attach("pm_card_mastercard", params={"customer": customer.id})
    listed = client.v1.payment_methods.list(params={"customer": customer.id, "type": "card"})
    assert [row.id for row in listed.data] == [second.id, method.id]
    own = client.v1.customers.payment_methods.list(customer.id, params={"limit": 1})
    assert own.has_more and own.data[0].id == second.id
    assert client.v1.customers.payment_methods.retrieve(customer.id, method.id).id == method.id
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.payment_methods.retrieve(other.id, method.id)
    assert client.v1.payment_methods.list().data == []
    client.v1.customers.update(customer.id, params={"invoice_settings": {"default_payment_method": method.id}})
    gone = client.v1.payment_methods.detach(method.id)
    assert gone.customer is None
    assert client.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method is None
    event = client.v1.events.list(params={"type": "payment_method.detached"}).data[0]
    assert event.data.previous_attributes["customer"] == customer.id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_methods.detach(method.id)
    assert refused.value.user_message == (
        "The payment method you provided is not attached to a customer so detachment is impossible."
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_methods.attach(method.id, params={"customer": customer.id})
    assert refused.value.user_message.startswith("The provided PaymentMethod was previously used with")


@pytest.mark.parametrize("named", [True, False])
def test_a_new_customer_with_a_default_method(client, named):
    method = "pm_card_visa" if named else make(client).id
    customer = client.v1.customers.create(params={
        "payment_method": method, "invoice_settings": {"default_payment_method": method},
    })
    own = client.v1.customers.payment_methods.list(customer.id).data[0].id
    assert customer.invoice_settings.default_payment_method == own
    assert event_types(client) == ["customer.created", "payment_method.attached"]


def test_attach_refusals(client):
    customer = client.v1.customers.create()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_methods.attach(make(client).id)
    assert refused.value.code == "parameter_missing"
    assert refused.value.user_message == "Must provide customer or customer_account."
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_methods.attach("pm_none", params={"customer": customer.id})
    assert (refused.value.http_status, refused.value.param) == (404, "payment_method")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_methods.create(params={"type": "card", "card": CARD, "customer": customer.id})
    assert refused.value.user_message.startswith("You cannot attach a PaymentMethod to a Customer during")


@pytest.mark.parametrize("method", [
    "pm_card_visa_chargeDeclined", "pm_card_chargeDeclinedExpiredCard", "pm_card_chargeDeclinedIncorrectCvc",
    "pm_card_chargeDeclinedProcessingError", "pm_card_visa_chargeDeclinedInsufficientFunds",
])
def test_declining_cards_cannot_be_attached(client, method):
    customer = client.v1.customers.create()
    with pytest.raises(stripe.CardError) as refused:
        client.v1.payment_methods.attach(method, params={"customer": customer.id})
    assert refused.value.http_status == 402
    assert client.v1.charges.list().data == [] and client.v1.payment_intents.list().data == []
    with pytest.raises(stripe.CardError):
        client.v1.customers.create(params={"payment_method": method})


@pytest.mark.parametrize("method", [
    "pm_card_chargeCustomerFail", "pm_card_authenticationRequired", "pm_card_authenticationRequiredOnSetup",
    "pm_card_threeDSecure2Required",
])
def test_cards_that_make_trouble_only_later_can_be(client, method):
    customer = client.v1.customers.create()
    assert client.v1.payment_methods.attach(method, params={"customer": customer.id}).customer == customer.id


def test_a_wrong_code_is_seen_when_the_card_is_used(client):
    customer = client.v1.customers.create()
    method = make(client, number="4000000000000101")
    with pytest.raises(stripe.CardError) as refused:
        client.v1.payment_methods.attach(method.id, params={"customer": customer.id})
    assert refused.value.code == "incorrect_cvc"
    without = client.v1.payment_methods.create(params={
        "type": "card", "card": {"number": "4000000000000101", "exp_month": 8, "exp_year": 2034},
    })
    assert without.card.checks.cvc_check is None
    assert client.v1.payment_methods.attach(without.id, params={"customer": customer.id}).customer == customer.id
