"""Checkout Sessions in all three modes: made, shown, changed, expired, and paid by control and by page."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

import pytest
import stripe
from shop import DAY, call, refused

BACK = {"success_url": "https://shop.example/ok?session={CHECKOUT_SESSION_ID}", "cancel_url": "https://shop.example/cart"}
CARD = {"number": "4242 4242 4242 4242", "expiry": "12/34", "cvc": "123", "name": "Jenny Rosen", "email": "jenny@example.com"}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@pytest.fixture
def v1(client):
    return client.v1


def price(v1, amount=1500, **more):
    product = v1.products.create({"name": "T-shirt"})
    return v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": amount, **more})


def monthly(v1, amount=1000):
    return price(v1, amount, recurring={"interval": "month"})


def payment(v1, amount=1500, quantity=1, **more):
    line = {"price": price(v1, amount).id, "quantity": quantity}
    return v1.checkout.sessions.create({"mode": "payment", "line_items": [line], **BACK, **more})


def subscription(v1, amount=1000, **more):
    line = {"price": monthly(v1, amount).id, "quantity": 1}
    return v1.checkout.sessions.create({"mode": "subscription", "line_items": [line], **BACK, **more})


def control(url, session, what="pay", **fields):
    """What the page does, by the sandbox's own endpoint: status and answer."""
    request = urllib.request.Request(
        f"{url}/sandbox/checkout/{session.id}/{what}", json.dumps(fields).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def submit(address, **fields):
    """Sends a form of a page: status, where it leads, and the page."""
    opener = urllib.request.build_opener(NoRedirect)
    request = urllib.request.Request(address, urllib.parse.urlencode(fields).encode())
    try:
        with opener.open(request) as answer:
            return answer.status, None, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("location"), error.read().decode()


def types_of(v1):
    return [event.type for event in v1.events.list({"limit": 100}).data][::-1]


def test_a_payment_by_the_page(v1):
    session = payment(v1, quantity=2, payment_intent_data={"description": "Two shirts", "metadata": {"order": "7"}})
    assert (session.status, session.payment_status, session.mode) == ("open", "unpaid", "payment")
    assert (session.amount_subtotal, session.amount_total, session.currency) == (3000, 3000, "usd")
    assert (session.customer_creation, session.payment_method_collection) == ("if_required", "if_required")
    assert session.payment_method_types == ["card"]
    assert session.expires_at == session.created + DAY
    status, where, _ = submit(session.url, **CARD)
    assert (status, where) == (303, f"https://shop.example/ok?session={session.id}")
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert (done.status, done.payment_status, done.url, done.customer) == ("complete", "paid", None, None)
    assert done.success_url == BACK["success_url"]
    intent = done.payment_intent
    assert (intent.description, intent.metadata["order"], intent.amount_received) == ("Two shirts", "7", 3000)
    assert intent.receipt_email == "jenny@example.com"
    assert (done.customer_details.email, done.customer_details.name) == ("jenny@example.com", "Jenny Rosen")
    wanted = ["charge.succeeded", "payment_intent.succeeded", "payment_intent.created", "checkout.session.completed"]
    assert [kind for kind in types_of(v1) if kind in wanted] == wanted
    # A second press of the button pays nothing.
    assert submit(session.url, **CARD)[:2] == (303, where)
    assert len(v1.charges.list().data) == 1


def test_a_decline_is_said_on_the_page_and_another_card_pays(v1):
    session = payment(v1)
    status, _, page = submit(session.url, **{**CARD, "number": "4000000000009995"})
    assert status == 402
    assert "Your card has insufficient funds." in page and 'role="alert"' in page
    assert v1.checkout.sessions.retrieve(session.id).status == "open"
    assert submit(session.url, **CARD)[0] == 303
    assert types_of(v1).count("payment_intent.created") == 1


def test_what_a_page_needs_is_labelled(v1):
    session = payment(v1, phone_number_collection={"enabled": True}, billing_address_collection="required",
                      custom_fields=[{"key": "size", "label": {"type": "custom", "custom": "Size"}, "type": "dropdown",
                                      "dropdown": {"options": [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]}}],
                      consent_collection={"terms_of_service": "required", "promotions": "auto"},
                      custom_text={"submit": {"message": "Ships on Monday"}})
    status, _, page = call(session.url)
    assert status == 200 and "Ships on Monday" in page and 'lang="en"' in page
    for name in re.findall(r'<(?:input|select)[^>]* id="([^"]+)"', page):
        assert f'for="{name}"' in page, name
    missing = submit(session.url, **CARD)
    assert missing[0] == 402 and "Your phone number is incomplete." in missing[2]
    address = {f"address_{part}": text for part, text in
               {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"}.items()}
    filled = {**CARD, **address, "phone": "+15555550100", "field_size": "l", "promotions": "yes"}
    unticked = submit(session.url, **filled)
    assert unticked[0] == 402 and "terms of service" in unticked[2]
    assert submit(session.url, **filled, terms="yes")[0] == 303
    done = v1.checkout.sessions.retrieve(session.id)
    assert done.customer_details.address.city == "Springfield" and done.customer_details.phone == "+15555550100"
    assert done.custom_fields[0].dropdown.value == "l"
    assert (done.consent.terms_of_service, done.consent.promotions) == ("accepted", "opt_in")


def test_shipping_is_chosen_and_paid(v1):
    slow = v1.shipping_rates.create({"display_name": "Slow", "type": "fixed_amount",
                                     "fixed_amount": {"amount": 300, "currency": "usd"},
                                     "delivery_estimate": {"minimum": {"unit": "day", "value": 3}}})
    assert (slow.active, slow.fixed_amount.amount, slow.tax_behavior) == (True, 300, "unspecified")
    assert [rate.id for rate in v1.shipping_rates.list().data] == [slow.id]
    session = payment(
        v1, shipping_address_collection={"allowed_countries": ["US", "CA"]},
        shipping_options=[{"shipping_rate": slow.id}, {"shipping_rate_data": {
            "display_name": "Fast", "type": "fixed_amount", "fixed_amount": {"amount": 900, "currency": "usd"}}}])
    assert (session.amount_subtotal, session.amount_total) == (1500, 1800)
    assert (session.shipping_cost.amount_total, session.shipping_cost.shipping_rate) == (300, slow.id)
    fast = session.shipping_options[1].shipping_rate
    assert submit(f"{session.url}/update", shipping_rate=fast)[0] == 303
    assert v1.checkout.sessions.retrieve(session.id).amount_total == 2400
    ship = {"shipping_name": "Jenny Rosen", "shipping_line1": "1 Main St", "shipping_city": "Springfield",
            "shipping_postal_code": "12345"}
    wrong = submit(session.url, **CARD, **ship, shipping_country="DE")
    assert wrong[0] == 402 and "do not ship" in wrong[2]
    assert submit(session.url, **CARD, **ship, shipping_country="US")[0] == 303
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent", "shipping_cost.shipping_rate"]})
    assert done.payment_intent.amount == 2400
    assert done.collected_information.shipping_details.address.city == "Springfield"
    assert done.shipping_cost.shipping_rate.display_name == "Fast"
    archived = v1.shipping_rates.update(slow.id, {"active": False, "metadata": {"k": "v"}})
    assert (archived.active, archived.metadata["k"]) == (False, "v")


def test_discounts_and_taxes_add_up(v1):
    # 2 × 15.00 less 10% is 27.00; 8% of that is 2.16.
    coupon = v1.coupons.create({"percent_off": 10, "duration": "once"})
    rate = v1.tax_rates.create({"display_name": "Sales tax", "percentage": 8, "inclusive": False})
    line = {"price": price(v1).id, "quantity": 2, "tax_rates": [rate.id]}
    session = v1.checkout.sessions.create({
        "mode": "payment", "line_items": [line], "discounts": [{"coupon": coupon.id}], **BACK,
        "expand": ["total_details.breakdown", "line_items.data.taxes", "line_items.data.discounts"]})
    assert (session.amount_subtotal, session.amount_total) == (3000, 2916)
    assert (session.total_details.amount_discount, session.total_details.amount_tax) == (300, 216)
    breakdown = session.total_details.breakdown
    assert (breakdown.discounts[0].amount, breakdown.taxes[0].amount) == (300, 216)
    assert breakdown.taxes[0].rate.id == rate.id and breakdown.taxes[0].taxable_amount == 2700
    assert breakdown.discounts[0].discount.source.coupon == coupon.id
    item = session.line_items.data[0]
    assert (item.amount_subtotal, item.amount_discount, item.amount_tax, item.amount_total) == (3000, 300, 216, 2916)
    assert item.taxes[0].rate.percentage == 8 and item.discounts[0].amount == 300
    assert session.discounts[0].coupon == coupon.id and session.discounts[0].promotion_code is None
    plain = v1.checkout.sessions.retrieve(session.id)
    assert "breakdown" not in plain.total_details and "line_items" not in plain
    assert v1.coupons.retrieve(coupon.id).times_redeemed == 0, "nothing is redeemed before it is bought"
    assert submit(session.url, **CARD)[0] == 303
    assert v1.coupons.retrieve(coupon.id).times_redeemed == 1
    assert v1.payment_intents.list().data[0].amount == 2916


def test_a_promotion_code_is_typed_on_the_page(v1, url):
    coupon = v1.coupons.create({"amount_off": 500, "currency": "usd", "duration": "once"})
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"})
    session = payment(v1, allow_promotion_codes=True)
    wrong = submit(f"{session.url}/update", promotion_code="NONE")
    assert wrong[0] == 402 and "This code is invalid." in wrong[2]
    assert submit(f"{session.url}/update", promotion_code="spring")[0] == 303
    shown = v1.checkout.sessions.retrieve(session.id)
    assert (shown.amount_total, shown.discounts[0].promotion_code) == (1000, code.id)
    assert "Discount" in call(session.url)[2]
    assert submit(f"{session.url}/update", no_promotion_code="yes")[0] == 303
    assert v1.checkout.sessions.retrieve(session.id).amount_total == 1500
    assert control(url, session, promotion_code="SPRING")[0] == 200
    assert v1.promotion_codes.retrieve(code.id).times_redeemed == 1
    assert v1.payment_intents.list().data[0].amount == 1000


def test_a_free_order_needs_no_card(v1):
    coupon = v1.coupons.create({"percent_off": 100, "duration": "once"})
    session = payment(v1, discounts=[{"coupon": coupon.id}])
    assert session.amount_total == 0
    page = call(session.url)[2]
    assert "Complete order" in page and 'name="number"' not in page
    assert submit(session.url, email="jenny@example.com")[0] == 303
    done = v1.checkout.sessions.retrieve(session.id)
    assert (done.payment_status, done.payment_intent) == ("no_payment_required", None)


def test_a_quantity_is_changed_on_the_page(v1):
    line = {"price": price(v1).id, "quantity": 1, "adjustable_quantity": {"enabled": True, "minimum": 1, "maximum": 5}}
    session = v1.checkout.sessions.create({"mode": "payment", "line_items": [line], **BACK, "expand": ["line_items"]})
    item = session.line_items.data[0]
    assert (item.adjustable_quantity.maximum, item.quantity) == (5, 1)
    wrong = submit(f"{session.url}/update", **{f"quantity[{item.id}]": "9"})
    assert wrong[0] == 402 and "from 1 to 5" in wrong[2]
    assert submit(f"{session.url}/update", **{f"quantity[{item.id}]": "4"})[0] == 303
    assert v1.checkout.sessions.retrieve(session.id).amount_total == 6000
    items = v1.checkout.sessions.line_items.list(session.id).data
    assert [(row.quantity, row.amount_total) for row in items] == [(4, 6000)]


def test_something_more_is_bought_along(v1, url):
    wrap = price(v1, 300).id
    session = payment(v1, optional_items=[{"price": wrap, "quantity": 1}])
    assert session.optional_items[0].price == wrap and session.amount_total == 1500
    assert "Add to your order" in call(session.url)[2]
    assert submit(f"{session.url}/update", optional_item=wrap)[0] == 303
    assert v1.checkout.sessions.retrieve(session.id).amount_total == 1800
    assert submit(f"{session.url}/update", optional_item=wrap)[0] == 303
    assert v1.checkout.sessions.retrieve(session.id).amount_total == 1500
    assert control(url, session, optional_items=[wrap])[0] == 200
    assert v1.payment_intents.list().data[0].amount == 1800


def test_an_anchor_bills_only_until_then(v1):
    now = v1.customers.create({}).created
    data = {"billing_cycle_anchor": now + 10 * DAY, "proration_behavior": "none"}
    session = subscription(v1, 3000, subscription_data=data)
    assert session.amount_total == 0
    assert 0 < subscription(v1, 3000, subscription_data={"billing_cycle_anchor": now + 10 * DAY}).amount_total < 3000
    error = refused(stripe.InvalidRequestError, subscription, v1, subscription_data={"billing_cycle_anchor": 1})
    assert error.param == "subscription_data[billing_cycle_anchor]"


def test_three_d_secure_on_the_page(v1):
    session = payment(v1)
    status, where, _ = submit(session.url, **{**CARD, "number": "4000002760003184"})
    assert status == 303 and "/authenticate/" in where
    waiting = v1.payment_intents.list().data[0]
    assert waiting.status == "requires_action"
    assert v1.checkout.sessions.retrieve(session.id).status == "open"
    status, back, _ = submit(where, outcome="fail")
    assert status == 303 and back.startswith(f"{session.url}/return")
    status, _, page = call(back)
    assert "unable to authenticate" in page
    _, where, _ = submit(session.url, **{**CARD, "number": "4000002760003184"})
    status, back, _ = submit(where, outcome="succeed")
    assert status == 303 and back.startswith(f"{session.url}/return")
    done = v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.payment_status) == ("complete", "paid")
    assert types_of(v1).count("checkout.session.completed") == 1


def test_three_d_secure_by_control(v1, url):
    session = subscription(v1)
    status, answer = control(url, session, number="4000002760003184")
    assert status == 200 and answer["next_action"]["type"] == "redirect_to_url"
    status, answer = control(url, session, number="4000002760003184", authenticate=False)
    assert status == 402 and answer["error"]["code"] == "payment_intent_authentication_failure"
    status, answer = control(url, session, number="4000002760003184", authenticate=True)
    assert (status, answer["status"], answer["payment_status"]) == (200, "complete", "paid")
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert done.subscription.status == "active"


def test_a_bank_debit_that_is_paid_later(v1, url):
    session = payment(v1, allowed_payment_method_types=["card", "us_bank_account"])
    assert session.payment_method_types == ["card", "us_bank_account"]
    assert "bank debit" in call(session.url)[2]
    assert submit(session.url, pay_with="debit", email="jenny@example.com", name="Jenny Rosen")[0] == 303
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (done.status, done.payment_status, done.payment_intent.status) == ("complete", "unpaid", "processing")
    assert control(url, session, "settle")[1]["payment_status"] == "paid"
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (done.payment_status, done.payment_intent.status) == ("paid", "succeeded")
    kinds = [kind for kind in types_of(v1) if kind.startswith("checkout.")]
    assert kinds == ["checkout.session.completed", "checkout.session.async_payment_succeeded"]


def test_a_bank_debit_that_fails(v1, url):
    session = subscription(v1, allowed_payment_method_types=["card", "us_bank_account"])
    status, answer = control(url, session, payment_method="us_bank_account", outcome="failed")
    assert (status, answer["payment_status"]) == (200, "unpaid")
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
    assert done.invoice.status == "open"
    assert control(url, session, "settle")[1]["payment_status"] == "unpaid"
    assert types_of(v1)[-1] == "checkout.session.async_payment_failed"
    assert control(url, session, "settle")[0] == 409


def test_a_trial_takes_a_card_and_no_money(v1):
    session = subscription(v1, subscription_data={"trial_period_days": 14, "metadata": {"plan": "pro"}, "description": "Pro"})
    assert (session.amount_subtotal, session.amount_total) == (0, 0)
    page = call(session.url)[2]
    assert "14 days free" in page and "Start trial" in page
    assert submit(session.url, **CARD)[0] == 303
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription.default_payment_method", "invoice"]})
    sub = done.subscription
    assert (sub.status, sub.metadata["plan"], sub.description) == ("trialing", "pro", "Pro")
    assert sub.trial_end - sub.trial_start == 14 * DAY
    assert sub.default_payment_method.card.last4 == "4242"
    assert (done.invoice.total, done.invoice.status) == (0, "paid")
    assert done.payment_status == "no_payment_required"


def test_a_trial_without_a_card(v1):
    session = subscription(v1, payment_method_collection="if_required", subscription_data={
        "trial_period_days": 7, "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}}})
    assert 'name="number"' not in call(session.url)[2]
    assert submit(session.url, email="jenny@example.com")[0] == 303
    sub = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]}).subscription
    assert (sub.status, sub.default_payment_method) == ("trialing", None)
    assert sub.trial_settings.end_behavior.missing_payment_method == "cancel"


def test_a_subscription_with_something_once(v1):
    lines = [{"price": monthly(v1).id, "quantity": 2}, {"price": price(v1, 500).id, "quantity": 1}]
    coupon = v1.coupons.create({"percent_off": 50, "duration": "forever"})
    session = v1.checkout.sessions.create(
        {"mode": "subscription", "line_items": lines, "discounts": [{"coupon": coupon.id}], **BACK})
    assert (session.amount_subtotal, session.amount_total, session.customer_creation) == (2500, 1250, "always")
    assert submit(session.url, **CARD)[0] == 303
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice", "customer"]})
    assert (done.invoice.amount_paid, done.invoice.billing_reason) == (1250, "subscription_create")
    assert done.customer.email == "jenny@example.com"
    assert len(done.subscription["items"].data) == 1 and len(done.subscription.discounts) == 1
    assert v1.coupons.retrieve(coupon.id).times_redeemed == 1
    # The card was saved with its customer, and can be charged again.
    again = v1.payment_intents.create({
        "amount": 700, "currency": "usd", "customer": done.customer.id, "off_session": True, "confirm": True,
        "payment_method": done.subscription.default_payment_method})
    assert again.status == "succeeded"


def test_a_subscription_of_an_old_version_begins_incomplete(url):
    from conftest import new_client

    v1 = new_client(stripe_version="2023-10-16").v1
    session = subscription(v1)
    assert session.ui_mode == "hosted"
    assert submit(session.url, **CARD)[0] == 303
    kinds = [kind for kind in types_of(v1) if kind.startswith("customer.subscription")]
    assert kinds == ["customer.subscription.created", "customer.subscription.updated"]


def test_a_setup_saves_a_card(v1, url):
    customer = v1.customers.create({"email": "jenny@example.com"})
    session = v1.checkout.sessions.create({
        "mode": "setup", "customer": customer.id, "currency": "usd", **BACK,
        "setup_intent_data": {"description": "For later", "metadata": {"k": "v"}}})
    assert session.id.startswith("cs_test_c1")
    assert (session.amount_total, session.payment_status, session.payment_intent) == (None, "no_payment_required", None)
    page = call(session.url)[2]
    assert "Save your card" in page and "jenny@example.com" in page
    assert submit(session.url, **CARD)[0] == 303
    setup = v1.setup_intents.retrieve(v1.checkout.sessions.retrieve(session.id).setup_intent)
    assert (setup.status, setup.description, setup.metadata["k"]) == ("succeeded", "For later", "v")
    assert v1.payment_methods.retrieve(setup.payment_method).customer == customer.id
    kinds = [kind for kind in types_of(v1) if kind.startswith(("setup", "checkout"))]
    assert kinds == ["setup_intent.created", "setup_intent.succeeded", "checkout.session.completed"]


def test_an_invoice_for_a_payment(v1):
    session = payment(v1, invoice_creation={"enabled": True, "invoice_data": {
        "description": "A shirt", "footer": "Thanks", "metadata": {"k": "v"}}})
    assert session.invoice_creation.enabled and session.invoice_creation.invoice_data.footer == "Thanks"
    assert submit(session.url, **CARD)[0] == 303
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
    invoice = done.invoice
    assert (invoice.status, invoice.amount_paid, invoice.description) == ("paid", 1500, "A shirt")
    assert invoice.metadata["k"] == "v" and invoice.lines.data[0].description == "T-shirt"
    assert done.customer == invoice.customer


def test_saved_for_later_and_held(v1):
    session = payment(v1, payment_intent_data={"setup_future_usage": "off_session", "capture_method": "manual"})
    assert submit(session.url, **CARD)[0] == 303
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert done.payment_intent.status == "requires_capture" and done.payment_status == "unpaid"
    assert [row.id for row in v1.customers.payment_methods.list(done.customer).data] == [done.payment_intent.payment_method]
    v1.payment_intents.capture(done.payment_intent.id)
    assert v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_known_customer_is_updated_if_wished(v1):
    customer = v1.customers.create({"name": "J."})
    session = payment(v1, customer=customer.id, customer_update={"name": "auto", "address": "auto"},
                      billing_address_collection="required")
    address = {f"address_{part}": text for part, text in
               {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"}.items()}
    assert submit(session.url, **CARD, **address)[0] == 303
    known = v1.customers.retrieve(customer.id)
    assert (known.name, known.email, known.address.city) == ("Jenny Rosen", "jenny@example.com", "Springfield")
    assert "customer.updated" in types_of(v1)


def test_expiry_and_recovery(v1):
    session = payment(v1, after_expiration={"recovery": {"enabled": True, "allow_promotion_codes": True}})
    expired = v1.checkout.sessions.expire(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    recovery = expired.after_expiration.recovery
    assert recovery.expires_at > session.expires_at
    error = refused(stripe.InvalidRequestError, v1.checkout.sessions.expire, session.id)
    assert "status of `expired`" in error.user_message
    assert "Begin again" in call(session.url)[2]
    assert call(recovery.url)[0] == 200
    again = v1.checkout.sessions.list({"limit": 1}).data[0]
    assert (again.recovered_from, again.status, again.amount_total) == (session.id, "open", 1500)
    assert again.allow_promotion_codes is True
    assert submit(again.url, **CARD)[0] == 303


def test_embedded_and_its_return(v1, url):
    line = {"price": price(v1).id, "quantity": 1}
    base = {"mode": "payment", "ui_mode": "embedded_page", "line_items": [line]}
    session = v1.checkout.sessions.create({**base, "return_url": "https://shop.example/back?session={CHECKOUT_SESSION_ID}"})
    assert (session.url, session.redirect_on_completion) == (None, "always")
    assert session.client_secret.startswith(f"{session.id}_secret_")
    assert control(url, session)[1]["redirect_url"] == f"https://shop.example/back?session={session.id}"
    stays = v1.checkout.sessions.create({**base, "redirect_on_completion": "never"})
    assert control(url, stays)[1]["redirect_url"] is None
    error = refused(stripe.InvalidRequestError, v1.checkout.sessions.create, {**base, **BACK})
    assert error.user_message == (
        "The following parameters are not supported with 'ui_mode: embedded_page': cancel_url, success_url.")


def test_inline_prices_and_lists(v1, url):
    customer = v1.customers.create({"email": "jenny@example.com"})
    line = {"quantity": 3, "price_data": {"currency": "eur", "unit_amount": 250, "product_data": {"name": "Stickers"}}}
    session = v1.checkout.sessions.create({
        "mode": "payment", "line_items": [line], "customer": customer.id, "client_reference_id": "cart 9", **BACK})
    assert (session.currency, session.amount_total, session.client_reference_id) == ("eur", 750, "cart 9")
    item = v1.checkout.sessions.line_items.list(session.id).data[0]
    assert (item.description, item.price.active, item.price.unit_amount) == ("Stickers", False, 250)
    assert control(url, session)[0] == 200
    assert payment(v1).status == "open"
    listed = v1.checkout.sessions.list({"status": "complete"}).data
    assert [row.id for row in listed] == [session.id]
    intent = listed[0].payment_intent
    for filters in ({"customer": customer.id}, {"payment_intent": intent},
                    {"customer_details": {"email": "jenny@example.com"}}):
        assert [row.id for row in v1.checkout.sessions.list(filters).data] == [session.id], filters


def test_updates(v1):
    session = payment(v1, metadata={"a": "1", "b": "2"})
    changed = v1.checkout.sessions.update(session.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    item = v1.checkout.sessions.line_items.list(session.id).data[0]
    changed = v1.checkout.sessions.update(session.id, {"line_items": [{"id": item.id, "quantity": 3}]})
    assert changed.amount_total == 4500


def test_what_is_refused(v1):
    line = [{"price": price(v1).id, "quantity": 1}]
    recurring = [{"price": monthly(v1).id, "quantity": 1}]
    coupon = v1.coupons.create({"percent_off": 10, "duration": "once"}).id
    base = {"mode": "payment", "line_items": line, **BACK}
    cases = [
        ({**base, "allow_promotion_codes": True, "discounts": [{"coupon": coupon}]},
         "You may only specify one of these parameters: allow_promotion_codes, discounts.", "allow_promotion_codes"),
        ({"mode": "setup", "currency": "usd", "allow_promotion_codes": True, **BACK},
         "You can not pass `allow_promotion_codes` in `setup` mode.", "allow_promotion_codes"),
        ({**base, "discounts": [{"coupon": "NONE"}]}, "No such coupon: 'NONE'", "discounts[0][coupon]"),
        ({**base, "line_items": [{"price": "price_none", "quantity": 1}]}, "No such price: 'price_none'", "line_items[0][price]"),
        ({**base, "line_items": [{"price": line[0]["price"]}]},
         "Missing required param: line_items[0][quantity].", "line_items[0][quantity]"),
        ({**base, "subscription_data": {"description": "x"}}, "You can not pass `subscription_data` in `payment` mode.",
         "subscription_data"),
        ({"mode": "payment", "line_items": line}, "Missing required param: success_url.", "success_url"),
        ({**base, "shipping_options": [{"shipping_rate": "shr_none"}]}, "No such shipping rate: 'shr_none'",
         "shipping_options[0][shipping_rate]"),
        ({"mode": "subscription", "line_items": recurring, **BACK, "subscription_data": {"trial_period_days": 0}},
         None, "subscription_data[trial_period_days]"),
        ({**base, "customer": "cus_none"}, "No such customer: 'cus_none'", "customer"),
    ]
    for params, message, param in cases:
        error = refused(stripe.InvalidRequestError, v1.checkout.sessions.create, params)
        assert error.http_status == 400 and error.param == param, (error.param, error.user_message)
        assert message is None or error.user_message == message
    assert v1.checkout.sessions.list().data == []


def test_trigger_fixture_endpoints(client, v1):
    session = payment(v1)
    page = client.raw_request("get", f"/v1/payment_pages/{session.id}")
    assert page.data["amount_total"] == 1500
    method = v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"},
                                        "billing_details": {"email": "stripe@example.com", "name": "Jenny Rosen"}})
    client.raw_request("post", f"/v1/payment_pages/{session.id}/confirm",
                       payment_method=method.id, expected_amount=1500)
    done = v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.customer_details.email) == ("complete", "stripe@example.com")
