"""From the checkout page to the portal, in all three modes."""

import re

import pytest
import stripe
from shop import DAY, HOUR, Shop, call, refused

BACK = {"success_url": "https://example.com/ok?session={CHECKOUT_SESSION_ID}", "cancel_url": "https://example.com/no"}


@pytest.fixture
def v1(client):
    return client.v1


def price(v1, amount=1500, **more):
    product = v1.products.create({"name": "T-shirt"})
    return v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": amount, **more})


def monthly(v1, amount=1000):
    return price(v1, amount, recurring={"interval": "month"})


def pay(url, session, **card):
    """Pays as the page would."""
    form = "&".join(f"{name}={value}" for name, value in card.items())
    status, _, body = call(f"{url}/sandbox/checkout/{session.id}/pay", "POST", form)
    return status, body


def test_a_payment(v1, url):
    session = v1.checkout.sessions.create({
        "mode": "payment", "line_items": [{"price": price(v1).id, "quantity": 2}], "client_reference_id": "order 7",
        "metadata": {"order": "7"}, **BACK})
    assert (session.status, session.payment_status, session.payment_intent, session.amount_total) == (
        "open", "unpaid", None, 3000)
    assert session.expires_at - session.created == DAY
    assert session.url and session.id.startswith("cs_test_") and session.ui_mode == "hosted_page"
    status, _, page = call(session.url.split("#")[0])
    assert status == 200 and "30.00" in page
    assert pay(url, session)[0] == 200
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge", "line_items"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert done.payment_intent.status == "succeeded" and done.payment_intent.latest_charge.amount == 3000
    assert done.customer_details.email == "jenny@example.com"
    assert [item.amount_total for item in v1.checkout.sessions.line_items.list(session.id).data] == [3000]
    types = [event.type for event in v1.events.list({"limit": 100}).data][::-1]
    wanted = ["charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]
    assert [kind for kind in types if kind in wanted] == wanted


def test_a_declined_card_leaves_it_open(v1, url):
    session = v1.checkout.sessions.create({"mode": "payment", "line_items": [{"price": price(v1).id, "quantity": 1}], **BACK})
    assert pay(url, session, number="4000000000000002")[0] == 402
    assert v1.checkout.sessions.retrieve(session.id).status == "open"
    assert pay(url, session)[0] == 200


def test_a_subscription_with_a_trial_and_a_promotion_code(v1, url):
    coupon = v1.coupons.create({"percent_off": 20, "duration": "forever"})
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"})
    session = v1.checkout.sessions.create({
        "mode": "subscription", "line_items": [{"price": monthly(v1).id, "quantity": 1}],
        "discounts": [{"promotion_code": code.id}],
        "subscription_data": {"trial_period_days": 7, "metadata": {"plan": "pro"}}, **BACK})
    assert (session.subscription, session.invoice, session.customer) == (None, None, None)
    assert pay(url, session)[0] == 200
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription.latest_invoice", "customer"]})
    subscription = done.subscription
    assert (subscription.status, subscription.metadata["plan"]) == ("trialing", "pro")
    assert subscription.latest_invoice.total == 0
    assert len(subscription.discounts) == 1
    assert done.payment_status in ("no_payment_required", "paid")
    assert done.customer.email == "jenny@example.com"
    assert v1.promotion_codes.retrieve(code.id).times_redeemed == 1


def test_a_subscription_paid_today(v1, url):
    customer = v1.customers.create({"email": "jenny@example.com"})
    session = v1.checkout.sessions.create({
        "mode": "subscription", "customer": customer.id, "line_items": [{"price": monthly(v1).id, "quantity": 3}], **BACK})
    assert session.payment_method_collection == "always"
    assert pay(url, session)[0] == 200
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})
    assert (done.payment_status, done.subscription.status, done.invoice.status) == ("paid", "active", "paid")
    assert done.invoice.amount_paid == 3000
    assert done.subscription.default_payment_method
    types = [event.type for event in v1.events.list({"limit": 100}).data][::-1]
    for kind in ("payment_method.attached", "customer.subscription.created", "invoice.paid", "checkout.session.completed"):
        assert kind in types
    assert types.index("customer.subscription.created") < types.index("checkout.session.completed")


def test_a_setup(v1, url):
    customer = v1.customers.create({})
    session = v1.checkout.sessions.create({"mode": "setup", "customer": customer.id, "currency": "usd", **BACK})
    assert (session.payment_status, session.amount_total) == ("no_payment_required", None)
    assert session.setup_intent
    assert pay(url, session)[0] == 200
    setup = v1.setup_intents.retrieve(v1.checkout.sessions.retrieve(session.id).setup_intent)
    assert setup.status == "succeeded"
    assert [method.id for method in v1.customers.payment_methods.list(customer.id).data] == [setup.payment_method]


def test_embedded(v1, url):
    session = v1.checkout.sessions.create({
        "mode": "payment", "ui_mode": "embedded_page", "return_url": "https://example.com/back",
        "line_items": [{"price": price(v1).id, "quantity": 1}]})
    assert session.url is None and session.client_secret.startswith(f"{session.id}_secret_")
    assert pay(url, session)[0] == 200


def test_expired_by_hand(v1, url):
    session = v1.checkout.sessions.create({"mode": "payment", "line_items": [{"price": price(v1).id, "quantity": 1}], **BACK})
    assert v1.checkout.sessions.expire(session.id).status == "expired"
    error = refused(stripe.InvalidRequestError, v1.checkout.sessions.expire, session.id)
    assert error.user_message == (
        'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of `expired`.')
    assert pay(url, session)[0] != 200
    assert [event.type for event in v1.events.list({"limit": 1}).data] == ["checkout.session.expired"]


def test_what_a_session_cannot_be(v1):
    one_time, recurring = price(v1).id, monthly(v1).id
    cases = [
        ({"mode": "payment", "line_items": [{"price": recurring, "quantity": 1}], **BACK},
         "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only "
         "one-time prices."),
        ({"mode": "subscription", "line_items": [{"price": one_time, "quantity": 1}], **BACK},
         "You must provide at least one recurring price in `subscription` mode when using prices."),
        ({"mode": "subscription", "line_items": [{"price": recurring, "quantity": 1}], "customer_creation": "always", **BACK},
         "`customer_creation` can only be used in `payment` mode."),
        ({"mode": "payment", "line_items": [{"price": one_time, "quantity": 1}], "expires_at": 1, **BACK},
         "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."),
    ]
    for params, message in cases:
        error = refused(stripe.InvalidRequestError, v1.checkout.sessions.create, params)
        assert (error.http_status, error.user_message) == (400, message)
    missing = refused(stripe.InvalidRequestError, v1.checkout.sessions.retrieve, "cs_test_none")
    assert (missing.http_status, missing.user_message) == (404, "No such checkout.session: cs_test_none")


def test_money_that_comes_later(v1, url):
    session = v1.checkout.sessions.create({
        "mode": "payment", "line_items": [{"price": price(v1).id, "quantity": 1}],
        "allowed_payment_method_types": ["card", "us_bank_account"], **BACK})
    assert session.status == "open"


def portal_of(client, v1):
    products = v1.products.create({"name": "Pro"})
    return v1.billing_portal.configurations.create({
        "business_profile": {"headline": "Acme"},
        "features": {
            "customer_update": {"enabled": True, "allowed_updates": ["email", "address"]},
            "invoice_history": {"enabled": True},
            "payment_method_update": {"enabled": True},
            "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        }})


def test_from_checkout_to_the_portal_to_the_end(client, v1, url):
    customer = v1.customers.create({"email": "jenny@example.com"})
    session = v1.checkout.sessions.create({
        "mode": "subscription", "customer": customer.id, "line_items": [{"price": monthly(v1).id, "quantity": 1}], **BACK})
    assert pay(url, session)[0] == 200
    subscription = v1.checkout.sessions.retrieve(session.id).subscription
    configuration = portal_of(client, v1)
    assert configuration.active and configuration.features.subscription_cancel.mode == "at_period_end"
    portal = v1.billing_portal.sessions.create({
        "customer": customer.id, "configuration": configuration.id, "return_url": "https://example.com/account"})
    assert (portal.object, portal.customer, portal.return_url) == (
        "billing_portal.session", customer.id, "https://example.com/account")
    status, _, page = call(portal.url)
    assert status == 200 and "10.00" in page
    assert re.search(r"cancel", page, re.IGNORECASE)
    assert "https://example.com/account" in page
    assert v1.events.list({"type": "billing_portal.session.created"}).data
    # What the page's button does, told by the API: flexible subscriptions get a date, not the flag.
    ended = v1.subscriptions.update(subscription, {"cancel_at": "min_period_end"})
    assert (ended.cancel_at, ended.cancel_at_period_end) == (ended["items"].data[0].current_period_end, False)
    flow = v1.billing_portal.sessions.create({
        "customer": customer.id, "configuration": configuration.id,
        "flow_data": {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription}}})
    assert flow.flow.type == "subscription_cancel"


def test_links_on_a_clock(client, v1, url):
    shop = Shop(client)
    customer = shop.customer(None)
    session = v1.checkout.sessions.create({
        "mode": "subscription", "customer": customer.id, "line_items": [{"price": shop.price(1000).id, "quantity": 1}], **BACK})
    assert pay(url, session)[0] == 200
    shop.later(30 * DAY + 2 * HOUR)
    assert [invoice.total for invoice in shop.invoices(customer=customer.id)] == [1000, 1000]
