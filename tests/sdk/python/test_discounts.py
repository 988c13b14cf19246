"""Coupons, promotion codes, and the discounts that come of them."""

import time

import pytest
import stripe
from shop import Shop, day, plain, refused


@pytest.fixture
def v1(client):
    return client.v1


def test_a_coupon_by_percent(v1):
    coupon = v1.coupons.create({"percent_off": 22.5, "duration": "once", "name": "Spring"})
    assert len(coupon.id) == 8 and coupon.id.isalnum()
    assert (coupon.percent_off, coupon.amount_off, coupon.currency) == (22.5, None, None)
    assert (coupon.duration, coupon.duration_in_months, coupon.times_redeemed, coupon.valid) == ("once", None, 0, True)
    assert "applies_to" not in coupon and "currency_options" not in coupon


def test_a_coupon_by_amount_with_everything(v1):
    product = v1.products.create({"name": "P"}).id
    coupon = v1.coupons.create({
        "id": "FIVE", "amount_off": 500, "currency": "usd", "duration": "repeating", "duration_in_months": 3,
        "max_redemptions": 10, "applies_to": {"products": [product]}, "currency_options": {"eur": {"amount_off": 400}}})
    assert (coupon.id, coupon.amount_off, coupon.currency, coupon.duration_in_months) == ("FIVE", 500, "usd", 3)
    shown = v1.coupons.retrieve("FIVE", {"expand": ["applies_to", "currency_options"]})
    assert shown.applies_to.products == [product]
    assert plain(shown.currency_options) == {"eur": {"amount_off": 400}, "usd": {"amount_off": 500}}
    changed = v1.coupons.update("FIVE", {"name": "renamed", "metadata": {"k": "v"}})
    assert (changed.name, plain(changed.metadata)) == ("renamed", {"k": "v"})
    event = v1.events.list({"type": "coupon.updated"}).data[0]
    assert plain(event.data.previous_attributes) == {"metadata": {"k": None}, "name": None}
    assert [row.id for row in v1.coupons.list().data] == ["FIVE"]


@pytest.mark.parametrize("params,text,code,param", [
    ({"duration": "once"}, "Must provide percent_off or amount_off.", "parameter_missing", None),
    ({"percent_off": 10, "amount_off": 500, "currency": "usd"},
     "Received both percent_off and amount_off parameters. Please pass in only one.", None, None),
    ({"amount_off": 500}, "You must pass currency when passing amount_off", None, "currency"),
    ({"percent_off": 10, "duration": "repeating"},
     "The duration_in_months param must be set when creating a coupon with a repeating duration", None, "duration"),
    ({"percent_off": 0}, "This value must be greater than or equal to 0.01 (it currently is '0.0').", None, "percent_off"),
    ({"percent_off": 5, "currency_options": {"eur": {"amount_off": 4}}},
     "You may only specify one of these parameters: currency_options, percent_off.", None, "currency_options"),
    ({"percent_off": 5, "redeem_by": 1000},
     "The parameter `redeem_by` expects a unix timestamp representing a date and time in the future. "
     "You specified the value `1000` which is in the past.", None, "redeem_by"),
    ({"id": "TAKEN", "percent_off": 5}, "Coupon already exists.", "resource_already_exists", None),
    ({"amount_off": 5, "currency": "usd", "currency_options": 5}, "Invalid object", None, "currency_options"),
])
def test_coupons_that_are_refused(v1, params, text, code, param):
    v1.coupons.create({"id": "TAKEN", "percent_off": 1})
    error = refused(stripe.InvalidRequestError, v1.coupons.create, params)
    assert (error.http_status, error.user_message, error.code, error.param) == (400, text, code, param)


def test_a_deleted_coupon(v1):
    coupon = v1.coupons.create({"percent_off": 10})
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    assert plain(v1.coupons.delete(coupon.id)) == {"id": coupon.id, "object": "coupon", "deleted": True}
    gone = refused(stripe.InvalidRequestError, v1.coupons.retrieve, coupon.id)
    assert (gone.http_status, gone.user_message, gone.param) == (404, f"No such coupon: '{coupon.id}'", "coupon")
    assert v1.events.list({"type": "coupon.deleted"}).data[0].data.object["valid"] is False
    assert v1.promotion_codes.retrieve(code.id).active is False


def test_a_promotion_code(v1):
    coupon = v1.coupons.create({"percent_off": 10}).id
    customer = v1.customers.create({}).id
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon}})
    assert plain(code.promotion) == {"type": "coupon", "coupon": coupon} and "coupon" not in code
    assert len(code.code) == 8 and code.code.isupper() and code.active is True
    assert plain(code.restrictions) == {
        "first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None}
    named = v1.promotion_codes.create({
        "promotion": {"type": "coupon", "coupon": coupon}, "code": "Summer-26", "customer": customer, "max_redemptions": 5,
        "expires_at": int(time.time()) + 86400,
        "restrictions": {"first_time_transaction": True, "minimum_amount": 1000, "minimum_amount_currency": "usd"}})
    assert (named.code, named.customer, named.max_redemptions) == ("Summer-26", customer, 5)
    assert (named.restrictions.first_time_transaction, named.restrictions.minimum_amount) == (True, 1000)
    expanded = v1.promotion_codes.retrieve(named.id, {"expand": ["promotion.coupon"]})
    assert expanded.promotion.coupon.percent_off == 10

    def listed(**filters):
        return [row.id for row in v1.promotion_codes.list(filters).data]

    assert listed(code="SUMMER-26") == listed(customer=customer) == [named.id]
    assert listed(coupon=coupon) == [named.id, code.id]
    assert v1.promotion_codes.update(code.id, {"active": False, "metadata": {"k": "v"}}).active is False
    assert listed(active=True) == [named.id]
    assert plain(v1.events.list({"type": "promotion_code.updated"}).data[0].data.previous_attributes)["active"] is True


@pytest.mark.parametrize("params,text,param", [
    ({"code": "X"}, "Missing required param: promotion.", "promotion"),
    ({"promotion": {"type": "coupon"}}, "You must pass promotion.coupon when passing promotion", "promotion.coupon"),
    ({"promotion": {"type": "coupon", "coupon": "NOPE"}}, "No such coupon: 'NOPE'", "promotion[coupon]"),
    ({"code": "has spaces!"}, "This value must match the regex pattern. "
     "(/\\A[a-zA-Z0-9\\-_]+\\z/ does not match for the value has spaces!).", "code"),
    ({"code": "TAKEN"}, "An active promotion code with `code: TAKEN` already exists.", None),
    ({"code": "taken"}, "An active promotion code with `code: taken` already exists.", None),
    ({"expires_at": 2000}, "The parameter `expires_at` expects a unix timestamp representing a date and time in the future. "
     "You specified the value `2000` which is in the past.", "expires_at"),
    ({"expires_at": 4102444800}, "Invalid timestamp: can be no more than five years in the future.", "expires_at"),
    ({"customer": "cus_nope"}, "No such customer: 'cus_nope'", "customer"),
    ({"coupon": "TEN"}, "Received unknown parameter: coupon", "coupon"),
])
def test_promotion_codes_that_are_refused(v1, params, text, param):
    promotion = {"promotion": {"type": "coupon", "coupon": v1.coupons.create({"id": "TEN", "percent_off": 10}).id}}
    v1.promotion_codes.create({**promotion, "code": "TAKEN"})
    sent = params if "promotion" in params or "X" in params.values() else {**promotion, **params}
    error = refused(stripe.InvalidRequestError, v1.promotion_codes.create, sent)
    assert (error.http_status, error.user_message, error.param) == (400, text, param)


def test_a_promotion_code_before_clover(client):
    old = {"stripe_version": "2025-08-27.basil"}
    coupon = client.v1.coupons.create({"percent_off": 10}).id
    code = client.v1.promotion_codes.create({"coupon": coupon, "code": "OLD"}, old)
    assert (code["coupon"]["id"], code["coupon"]["percent_off"]) == (coupon, 10) and "promotion" not in code
    assert client.v1.promotion_codes.retrieve(code.id).promotion.coupon == coupon
    error = refused(stripe.InvalidRequestError, client.v1.promotion_codes.create, {"code": "x"}, old)
    assert error.user_message == "Missing required param: coupon."


@pytest.fixture
def payer(v1):
    customer = v1.customers.create({"email": "jenny@example.com"}).id
    card = v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card}})
    return customer


def subscribe(v1, customer, amount=2000, **more):
    product = v1.products.create({"name": "Pro"}).id
    price = v1.prices.create({"product": product, "currency": "usd", "unit_amount": amount, "recurring": {"interval": "month"}})
    return v1.subscriptions.create({
        "customer": customer, "items": [{"price": price.id}], "expand": ["latest_invoice", "discounts"], **more})


def test_a_subscription_with_a_coupon(v1, payer):
    coupon = v1.coupons.create({"percent_off": 10, "duration": "forever"}).id
    subscription = subscribe(v1, payer, 2500, discounts=[{"coupon": coupon}])
    # 25.00 less 10 %.
    assert (subscription.latest_invoice.subtotal, subscription.latest_invoice.total) == (2500, 2250)
    assert [amount.amount for amount in subscription.latest_invoice.total_discount_amounts] == [250]
    discount = subscription.discounts[0]
    assert (discount.source.coupon, discount.subscription, discount.customer) == (coupon, subscription.id, payer)
    assert discount.id.startswith("di_") and discount.end is None
    assert v1.coupons.retrieve(coupon).times_redeemed == 1
    assert v1.events.list({"type": "customer.discount.created"}).data[0].data.object["id"] == discount.id


def test_coupons_stack_in_the_order_given(v1, payer):
    half = v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    three = v1.coupons.create({"amount_off": 300, "currency": "usd", "duration": "forever"}).id
    first = subscribe(v1, payer, 2000, discounts=[{"coupon": half}, {"coupon": three}])
    # Half of 20.00 are 10.00; less 3.00.
    assert first.latest_invoice.total == 700
    second = subscribe(v1, payer, 2000, discounts=[{"coupon": three}, {"coupon": half}])
    # 20.00 less 3.00 are 17.00; half of it.
    assert second.latest_invoice.total == 850


def test_a_promotion_code_is_redeemed_within_its_limits(v1, payer):
    coupon = v1.coupons.create({"percent_off": 100, "duration": "forever"}).id
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon}, "max_redemptions": 1}).id
    subscription = subscribe(v1, payer, discounts=[{"promotion_code": code}])
    assert (subscription.latest_invoice.total, subscription.status) == (0, "active")
    assert subscription.discounts[0].promotion_code == code
    used = v1.promotion_codes.retrieve(code)
    assert (used.times_redeemed, used.active) == (1, False)
    assert refused(stripe.InvalidRequestError, subscribe, v1, payer, discounts=[{"promotion_code": code}]).http_status == 400


def test_a_code_for_first_transactions_only(v1, payer):
    coupon = v1.coupons.create({"percent_off": 10, "duration": "once"}).id
    code = v1.promotion_codes.create({
        "promotion": {"type": "coupon", "coupon": coupon}, "restrictions": {"first_time_transaction": True}}).id
    subscribe(v1, payer)
    error = refused(stripe.InvalidRequestError, subscribe, v1, payer, discounts=[{"promotion_code": code}])
    assert error.user_message == (
        "This promotion code cannot be redeemed because the associated customer has prior transactions.")
    assert error.code == "promotion_code_customer_not_first_time"


def test_a_coupon_that_is_used_up(v1, payer):
    coupon = v1.coupons.create({"percent_off": 10, "duration": "once", "max_redemptions": 1}).id
    subscribe(v1, payer, discounts=[{"coupon": coupon}])
    assert v1.coupons.retrieve(coupon).valid is False
    error = refused(stripe.InvalidRequestError, subscribe, v1, payer, discounts=[{"coupon": coupon}])
    assert error.user_message == f"Coupon {coupon} is used up and cannot be applied."
    missing = refused(stripe.InvalidRequestError, subscribe, v1, payer, discounts=[{"coupon": "NOPE"}])
    assert (missing.code, missing.user_message) == ("resource_missing", "No such coupon: 'NOPE'")


def test_a_code_with_a_minimum(v1, payer):
    coupon = v1.coupons.create({"percent_off": 10, "duration": "once"}).id
    code = v1.promotion_codes.create({
        "promotion": {"type": "coupon", "coupon": coupon},
        "restrictions": {"minimum_amount": 2500, "minimum_amount_currency": "usd"}}).id
    error = refused(stripe.InvalidRequestError, subscribe, v1, payer, 2000, discounts=[{"promotion_code": code}])
    assert error.user_message == ("This promotion code cannot be redeemed because the associated purchase does not meet "
                                  "the minimum amount requirement.")
    assert v1.coupons.retrieve(coupon).times_redeemed == 0
    assert subscribe(v1, payer, 2500, discounts=[{"promotion_code": code}]).latest_invoice.total == 2250


def test_a_coupon_for_one_product_of_two(v1, payer):
    def price(amount):
        product = v1.products.create({"name": "P"}).id
        return v1.prices.create({"product": product, "currency": "usd", "unit_amount": amount, "recurring": {"interval": "month"}})

    one, two = price(1000), price(2000)
    coupon = v1.coupons.create({"percent_off": 50, "duration": "forever", "applies_to": {"products": [two.product]}}).id
    subscription = v1.subscriptions.create({
        "customer": payer, "items": [{"price": one.id}, {"price": two.id}], "discounts": [{"coupon": coupon}],
        "expand": ["latest_invoice"]})
    # 10.00 + half of 20.00.
    assert subscription.latest_invoice.total == 2000


def test_a_discount_is_taken_off_a_subscription(v1, payer):
    coupon = v1.coupons.create({"percent_off": 10, "duration": "forever"}).id
    subscription = subscribe(v1, payer, discounts=[{"coupon": coupon}])
    changed = v1.subscriptions.update(subscription.id, {"discounts": ""})
    assert changed.discounts == []
    types = [event.type for event in v1.events.list({"type": "customer.discount.*"}).data][::-1]
    assert types == ["customer.discount.created", "customer.discount.deleted"]


@pytest.mark.parametrize("duration,totals", [
    ({"duration": "forever"}, [1800, 1800, 1800, 1800]),
    ({"duration": "repeating", "duration_in_months": 2}, [1800, 1800, 2000, 2000]),
    ({"duration": "once"}, [1800, 2000, 2000, 2000]),
])
def test_how_long_a_coupon_lasts(client, duration, totals):
    shop = Shop(client, "2026-01-31")
    coupon = shop.v1.coupons.create({"percent_off": 10, **duration}).id
    customer = shop.customer()
    subscription = shop.subscribe(customer.id, shop.price(2000).id, discounts=[{"coupon": coupon}])
    shop.to("2026-02-10")
    for month in ("2026-03-10", "2026-04-10", "2026-05-10"):
        shop.to(month)
    invoices = shop.invoices(customer=customer.id)
    assert [day(invoice.created) for invoice in invoices] == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]
    assert [invoice.total for invoice in invoices] == totals
    still = shop.subscription(subscription.id).discounts
    assert len(still) == (1 if duration["duration"] == "forever" else 0)
    ended = shop.event_types("customer.discount.created", "customer.discount.deleted")
    assert ended[0] == "customer.discount.created" and len(ended) == (1 if still else 2)
