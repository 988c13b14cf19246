"""The billing portal: configurations, sessions, the hosted page, and what a customer does there."""

import json
import re
import urllib.error
import urllib.request

import pytest
import stripe
from shop import call, refused
from test_checkout import submit, types_of

FEATURES = {
    "customer_update": {"enabled": True, "allowed_updates": ["email", "name", "address"]},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end",
                            "cancellation_reason": {"enabled": True, "options": ["too_expensive", "unused", "other"]}},
}
CARD = {"number": "5555 5555 5555 4444", "expiry": "11/33", "cvc": "123", "name": "Jenny Rosen"}


@pytest.fixture
def v1(client):
    return client.v1


class Home:
    """A customer with a plan of 10.00 a month, another of 20.00, and a portal."""

    def __init__(self, v1, features=None, updates=None, **more):
        self.v1 = v1
        self.product = v1.products.create({"name": "Pro"}).id
        self.basic, self.plus = (
            v1.prices.create({"product": self.product, "currency": "usd", "unit_amount": amount,
                              "recurring": {"interval": "month"}}).id for amount in (1000, 2000))
        self.customer = v1.customers.create({"email": "jenny@example.com", "name": "Jenny Rosen"}).id
        card = v1.payment_methods.attach("pm_card_visa", {"customer": self.customer})
        v1.customers.update(self.customer, {"invoice_settings": {"default_payment_method": card.id}})
        self.subscription = v1.subscriptions.create(
            {"customer": self.customer, "items": [{"price": self.basic, "quantity": 1}], **more}).id
        wanted = {**FEATURES, **(features or {})}
        if updates is not None:
            wanted["subscription_update"] = {
                "enabled": True, "default_allowed_updates": ["price", "quantity"],
                "products": [{"product": self.product, "prices": [self.basic, self.plus]}], **updates}
        self.configuration = v1.billing_portal.configurations.create(
            {"business_profile": {"headline": "Acme's billing"}, "features": wanted})

    def session(self, **more):
        return self.v1.billing_portal.sessions.create({
            "customer": self.customer, "configuration": self.configuration.id,
            "return_url": "https://shop.example/account", **more})

    def now(self):
        return self.v1.subscriptions.retrieve(self.subscription)


def control(url, session, what, **fields):
    request = urllib.request.Request(
        f"{url}/sandbox/portal/{session.id}/{what}", json.dumps(fields).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_configuration(v1):
    home = Home(v1, updates={"proration_behavior": "always_invoice"})
    made = home.configuration
    assert (made.object, made.active, made.is_default) == ("billing_portal.configuration", True, False)
    assert made.business_profile.headline == "Acme's billing" and made.business_profile.privacy_policy_url is None
    assert made.features.customer_update.allowed_updates == ["email", "name", "address"]
    assert made.features.subscription_cancel.proration_behavior == "none"
    update = made.features.subscription_update
    assert (update.enabled, update.default_allowed_updates) == (True, ["price", "quantity"])
    assert update.trial_update_behavior == "end_trial" and update.schedule_at_period_end.conditions == []
    assert "products" not in update, "shown when expanded"
    shown = v1.billing_portal.configurations.retrieve(
        made.id, {"expand": ["features.subscription_update.products"]}).features.subscription_update
    assert shown.products[0].prices == [home.basic, home.plus] and shown.products[0].adjustable_quantity.minimum == 1
    changed = v1.billing_portal.configurations.update(
        made.id, {"features": {"invoice_history": {"enabled": False}}, "default_return_url": "https://shop.example/",
                  "metadata": {"k": "v"}, "name": "Main"})
    assert changed.features.invoice_history.enabled is False and changed.features.customer_update.enabled is True
    assert (changed.default_return_url, changed.metadata["k"], changed.name) == ("https://shop.example/", "v", "Main")
    kinds = [kind for kind in types_of(v1) if kind.startswith("billing_portal")]
    assert kinds == ["billing_portal.configuration.created", "billing_portal.configuration.updated"]
    event = v1.events.list({"type": "billing_portal.configuration.updated"}).data[0]
    assert event.data.previous_attributes["features"]["invoice_history"]["enabled"] is True


def test_the_default_configuration(v1):
    customer = v1.customers.create({}).id
    session = v1.billing_portal.sessions.create({"customer": customer})
    default = v1.billing_portal.configurations.retrieve(session.configuration)
    assert default.is_default is True and default.features.subscription_cancel.mode == "at_period_end"
    assert [row.id for row in v1.billing_portal.configurations.list({"is_default": True}).data] == [default.id]
    other = v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": True}}})
    assert other.is_default is False
    v1.billing_portal.configurations.update(other.id, {"active": False})
    assert [row.id for row in v1.billing_portal.configurations.list({"active": True}).data] == [default.id]
    error = refused(stripe.InvalidRequestError, v1.billing_portal.configurations.update, default.id, {"active": False})
    assert error.param == "active"
    error = refused(stripe.InvalidRequestError, v1.billing_portal.sessions.create,
                    {"customer": customer, "configuration": other.id})
    assert error.param == "configuration"


def test_what_is_refused(v1):
    home = Home(v1)
    create = v1.billing_portal.configurations.create
    cancel = {"enabled": True, "mode": "at_period_end", "proration_behavior": "create_prorations"}
    cases = [
        ({"features": {"subscription_cancel": cancel}}, "features[subscription_cancel][proration_behavior]"),
        ({"features": {"subscription_cancel": {**cancel, "mode": "immediately", "proration_behavior": "always_invoice"}}},
         "features[subscription_cancel][proration_behavior]"),
        ({"features": {"subscription_update": {"enabled": True, "default_allowed_updates": ["price"]}}},
         "features[subscription_update][products]"),
        ({"features": {"customer_update": {"enabled": True}}}, "features[customer_update][allowed_updates]"),
        ({"features": {"subscription_update": {"enabled": True, "default_allowed_updates": ["price"],
                                               "products": [{"product": home.product, "prices": ["price_none"]}]}}},
         "features[subscription_update][products][0][prices][0]"),
    ]
    for params, param in cases:
        error = refused(stripe.InvalidRequestError, create, params)
        assert (error.http_status, error.param) == (400, param), error.user_message
    sessions = v1.billing_portal.sessions.create
    error = refused(stripe.InvalidRequestError, sessions, {"customer": "cus_none"})
    assert (error.user_message, error.param) == ("No such customer: 'cus_none'", "customer")
    error = refused(stripe.InvalidRequestError, sessions, {"customer": home.customer, "configuration": "bpc_none"})
    assert error.user_message == "No such configuration: 'bpc_none'"
    error = refused(stripe.InvalidRequestError, sessions, {
        "customer": home.customer, "configuration": home.configuration.id,
        "flow_data": {"type": "subscription_update", "subscription_update": {"subscription": home.subscription}}})
    assert error.user_message == (
        "This subscription cannot be updated because the subscription update feature in the portal configuration is "
        "disabled.")
    error = refused(stripe.InvalidRequestError, sessions, {
        "customer": home.customer, "configuration": home.configuration.id,
        "flow_data": {"type": "subscription_cancel", "subscription_cancel": {"subscription": "sub_none"}}})
    assert error.user_message == "No such subscription: 'sub_none'"


def test_the_page(v1):
    home = Home(v1)
    session = home.session()
    assert session.object == "billing_portal.session" and session.id.startswith("bps_") and session.flow is None
    assert (session.customer, session.return_url) == (home.customer, "https://shop.example/account")
    assert "/p/session/" in session.url
    assert v1.events.list({"type": "billing_portal.session.created"}).data[0].data.object.id == session.id
    status, _, page = call(session.url)
    assert status == 200 and 'lang="en"' in page and "<main" in page
    for text in ("Pro: $10.00 per month", "Renews on", "Visa ending in 4242", "jenny@example.com", "Acme&#39;s billing",
                 "https://shop.example/account", "Cancel subscription", "Paid"):
        assert text in page, text
    assert "<script" not in page and "Update subscription" not in page
    assert call(f"{session.url}/subscriptions/sub_none/cancel")[0] == 404
    assert call(f"{session.url}/subscriptions/{home.subscription}/update")[0] == 404
    for path in ("/card", "/details", f"/subscriptions/{home.subscription}/cancel"):
        status, _, page = call(f"{session.url}{path}")
        assert status == 200
        for name in re.findall(r'<(?:input|select)[^>]* id="([^"]+)"', page):
            assert f'for="{name}"' in page, (path, name)


def test_cancel_and_take_it_back(v1):
    home = Home(v1)
    session = home.session()
    path = f"{session.url}/subscriptions/{home.subscription}"
    wrong = submit(f"{path}/cancel", feedback="bored")
    assert wrong[0] == 402 and "Choose one of the reasons" in wrong[2]
    status, where, _ = submit(f"{path}/cancel", feedback="too_expensive", comment="Maybe later")
    assert status == 303 and where.endswith("/home")
    ending = home.now()
    # Since clover: the date, not the flag.
    assert ending.cancel_at == ending["items"].data[0].current_period_end
    assert (ending.cancel_at_period_end, ending.status) == (False, "active")
    details = ending.cancellation_details
    assert (details.reason, details.feedback, details.comment) == ("cancellation_requested", "too_expensive", "Maybe later")
    event = v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert event.data.previous_attributes["cancel_at"] is None
    assert "Ends on" in call(session.url)[2]
    assert submit(f"{path}/renew")[0] == 303
    again = home.now()
    assert (again.cancel_at, again.canceled_at) == (None, None)


def test_cancel_at_once(v1, url):
    home = Home(v1, {"subscription_cancel": {"enabled": True, "mode": "immediately"}})
    session = home.session()
    assert "at once" in call(f"{session.url}/subscriptions/{home.subscription}/cancel")[2]
    assert control(url, session, "cancel", feedback="unused")[0] == 200
    assert (home.now().status, home.now().cancellation_details.feedback) == ("canceled", "unused")
    assert types_of(v1)[-1] == "customer.subscription.deleted"
    assert control(url, session, "cancel")[0] == 402


def test_a_classic_subscription_gets_the_flag(v1, url):
    home = Home(v1, billing_mode={"type": "classic"})
    assert control(url, home.session(), "cancel")[0] == 200
    assert home.now().cancel_at_period_end is True
    assert control(url, home.session(), "renew")[0] == 200
    assert home.now().cancel_at_period_end is False


def test_another_card(v1):
    home = Home(v1)
    session = home.session()
    wrong = submit(f"{session.url}/card", **{**CARD, "number": "4000000000000002"})
    assert wrong[0] == 402 and "Your card was declined." in wrong[2]
    assert submit(f"{session.url}/card", **CARD)[0] == 303
    customer = v1.customers.retrieve(home.customer, {"expand": ["invoice_settings.default_payment_method"]})
    assert customer.invoice_settings.default_payment_method.card.brand == "mastercard"
    kinds = types_of(v1)
    assert "payment_method.attached" in kinds and kinds[-1] == "customer.updated"
    page = call(f"{session.url}/home")[2]
    assert "Mastercard ending in 4444" in page and "Make default" in page
    visa = next(row.id for row in v1.customers.payment_methods.list(home.customer).data if row.card.brand == "visa")
    assert submit(f"{session.url}/cards/{visa}/default")[0] == 303
    assert v1.customers.retrieve(home.customer).invoice_settings.default_payment_method == visa


def test_another_plan(v1, url):
    home = Home(v1, updates={"proration_behavior": "always_invoice"})
    session = home.session()
    page = call(f"{session.url}/subscriptions/{home.subscription}/update")[2]
    assert "$20.00 per month" in page and "current plan" in page and "charged now" in page
    assert submit(f"{session.url}/subscriptions/{home.subscription}/update", price=home.plus, quantity="1")[0] == 303
    item = home.now()["items"].data[0]
    assert (item.price.id, item.quantity) == (home.plus, 1)
    invoice = v1.invoices.list({"subscription": home.subscription}).data[0]
    assert (invoice.billing_reason, invoice.status, invoice.amount_paid) == ("subscription_update", "paid", 1000)
    assert control(url, session, "update", quantity=3)[0] == 200
    assert home.now()["items"].data[0].quantity == 3
    assert control(url, session, "update", price="price_none")[1]["error"]["field"] == "price"
    assert control(url, session, "update")[0] == 402


def test_customers_change_what_they_may(v1):
    home = Home(v1)
    session = home.session()
    page = call(f"{session.url}/details")[2]
    assert 'value="jenny@example.com"' in page and 'name="phone"' not in page
    assert submit(f"{session.url}/details", name="Jenny R.", email="new@example.com", phone="+15555550100",
                  address_line1="1 Main St", address_city="Springfield", address_postal_code="12345",
                  address_country="US")[0] == 303
    customer = v1.customers.retrieve(home.customer)
    assert (customer.name, customer.email, customer.address.city) == ("Jenny R.", "new@example.com", "Springfield")
    assert customer.phone is None, "not among the allowed updates"
    assert types_of(v1)[-1] == "customer.updated"
    wrong = submit(f"{session.url}/details", name="J", email="nonsense")
    assert wrong[0] == 402 and "nonsense" in wrong[2]


def test_flows(v1):
    home = Home(v1, updates={"proration_behavior": "none"})
    cancel = home.session(flow_data={
        "type": "subscription_cancel", "subscription_cancel": {"subscription": home.subscription},
        "after_completion": {"type": "redirect", "redirect": {"return_url": "https://shop.example/sorry"}}})
    assert (cancel.flow.type, cancel.flow.subscription_cancel.subscription) == ("subscription_cancel", home.subscription)
    assert cancel.flow.after_completion.redirect.return_url == "https://shop.example/sorry"
    assert cancel.flow.after_completion.hosted_confirmation is None
    assert "Cancel your subscription" in call(cancel.url)[2]
    assert submit(f"{cancel.url}/subscriptions/{home.subscription}/cancel")[:2] == (303, "https://shop.example/sorry")
    card = home.session(flow_data={
        "type": "payment_method_update",
        "after_completion": {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "Thank you!"}}})
    assert "Add a payment method" in call(card.url)[2]
    _, where, _ = submit(f"{card.url}/card", **CARD)
    assert where.endswith("/done") and "Thank you!" in call(f"{card.url}/done")[2]
    item = home.now()["items"].data[0].id
    confirm = home.session(flow_data={
        "type": "subscription_update_confirm",
        "subscription_update_confirm": {"subscription": home.subscription,
                                        "items": [{"id": item, "price": home.plus, "quantity": 2}]}})
    assert confirm.flow.after_completion.type == "portal_homepage"
    page = call(confirm.url)[2]
    assert "Confirm your change" in page and "2 × Pro: $40.00 per month" in page
    assert submit(f"{confirm.url}/subscriptions/{home.subscription}/confirm")[0] == 303
    changed = home.now()["items"].data[0]
    assert (changed.price.id, changed.quantity) == (home.plus, 2)


def test_a_cheaper_plan_waits_for_the_end_of_the_period(v1, url):
    home = Home(v1, updates={"schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]}})
    session = home.session()
    assert control(url, session, "update", price=home.plus)[0] == 200
    assert home.now()["items"].data[0].price.id == home.plus
    assert control(url, session, "update", price=home.basic)[0] == 200
    waiting = home.now()
    assert waiting["items"].data[0].price.id == home.plus and waiting.schedule
    phases = v1.subscription_schedules.retrieve(waiting.schedule).phases
    assert [phase["items"][0].price for phase in phases] == [home.plus, home.basic]


def test_the_login_page(v1):
    home = Home(v1)
    with_login = v1.billing_portal.configurations.update(home.configuration.id, {"login_page": {"enabled": True}})
    assert with_login.login_page.enabled and "/p/login/" in with_login.login_page.url
    assert "Log in to your billing" in call(with_login.login_page.url)[2]
    assert submit(with_login.login_page.url, email="nobody@example.com")[0] == 402
    status, _, page = submit(with_login.login_page.url, email="jenny@example.com")
    assert status == 200 and re.search(r'href="/p/session/bps_\w+"', page)
    assert v1.billing_portal.configurations.update(home.configuration.id, {"login_page": {"enabled": False}}).login_page.url is None
