"""Products, prices of every kind, the plans that they also are, and shipping rates."""

from decimal import Decimal

import pytest
import stripe
from shop import plain, refused


@pytest.fixture
def v1(client):
    return client.v1


@pytest.fixture
def product(v1):
    return v1.products.create({"name": "Pro"}).id


def test_a_product_and_its_default_price(v1):
    product = v1.products.create({
        "name": "Pro", "description": "All of it", "images": ["https://example.com/a.png"], "unit_label": "seat",
        "marketing_features": [{"name": "Fast"}], "metadata": {"k": "v"}, "tax_code": "txcd_10103001", "url": "https://x.y",
        "package_dimensions": {"height": 1, "length": 2, "weight": 3, "width": 4.5}, "shippable": True,
        "default_price_data": {"currency": "usd", "unit_amount": 1500, "recurring": {"interval": "month"}},
    })
    assert (product.type, product.active, product.unit_label, product.tax_code) == ("service", True, "seat", "txcd_10103001")
    assert [feature.name for feature in product.marketing_features] == ["Fast"]
    assert product.package_dimensions.width == 4.5
    price = v1.prices.retrieve(product.default_price)
    assert (price.unit_amount, price.type, price.product) == (1500, "recurring", product.id)
    assert v1.products.retrieve(product.id, {"expand": ["default_price"]}).default_price.unit_amount == 1500
    created = v1.events.list({"type": "product.created"}).data[0]
    assert created.data.object["default_price"] == price.id


def test_products_change_and_are_listed(v1):
    one, two = v1.products.create({"name": "One", "id": "one"}), v1.products.create({"name": "Two", "url": "https://two"})
    changed = v1.products.update("one", {"name": "First", "active": False, "metadata": {"a": "1"}, "images": ["https://i"]})
    assert (changed.name, changed.active, changed.images) == ("First", False, ["https://i"])
    assert v1.products.update("one", {"images": "", "description": ""}).images == []
    assert [row.id for row in v1.products.list({"active": True}).data] == [two.id]
    assert [row.id for row in v1.products.list({"ids": ["one"]}).data] == ["one"]
    assert [row.id for row in v1.products.list({"url": "https://two"}).data] == [two.id]
    again = refused(stripe.InvalidRequestError, v1.products.create, {"name": "x", "id": "one"})
    assert (again.code, again.user_message) == ("resource_already_exists", "Product already exists.")
    assert one.created == changed.created


def test_a_product_with_prices_stays(v1, product):
    v1.prices.create({"product": product, "currency": "usd", "unit_amount": 1})
    error = refused(stripe.InvalidRequestError, v1.products.delete, product)
    assert error.user_message == "This product cannot be deleted because it has one or more user-created prices."
    free = v1.products.create({"name": "Free"}).id
    assert v1.products.delete(free).deleted is True
    assert refused(stripe.InvalidRequestError, v1.products.retrieve, free).param == "id"
    assert v1.events.list({"type": "product.deleted"}).data[0].data.object["active"] is False


def test_a_price_for_once(v1, product):
    price = v1.prices.create({"product": product, "currency": "USD", "unit_amount": 1000, "nickname": "once"})
    assert (price.type, price.billing_scheme, price.currency, price.recurring) == ("one_time", "per_unit", "usd", None)
    assert (price.unit_amount, price.unit_amount_decimal, price.tax_behavior) == (1000, Decimal(1000), "unspecified")
    assert "tiers" not in price and "currency_options" not in price


def test_recurring_prices(v1, product):
    price = v1.prices.create({
        "product": product, "currency": "usd", "unit_amount": 1000,
        "recurring": {"interval": "week", "interval_count": 2, "trial_period_days": 7}})
    assert plain(price.recurring) == {
        "interval": "week", "interval_count": 2, "meter": None, "trial_period_days": 7, "usage_type": "licensed"}
    for count, most in ((157, 156), (0, 156)):
        error = refused(stripe.InvalidRequestError, v1.prices.create, {
            "product": product, "currency": "usd", "unit_amount": 1, "recurring": {"interval": "week", "interval_count": count}})
        assert str(most) in error.user_message


@pytest.mark.parametrize("sent,whole,decimal", [("123.45", None, "123.45"), ("10.50", None, "10.5"), ("7", 7, "7"),
                                                ("0.000000000001", None, "0.000000000001")])
def test_fractions_of_a_cent(v1, product, sent, whole, decimal):
    price = v1.prices.create({"product": product, "currency": "usd", "unit_amount_decimal": sent})
    assert (price.unit_amount, price.unit_amount_decimal) == (whole, Decimal(decimal))


def tiered(v1, product, mode, tiers, **more):
    return v1.prices.create({
        "product": product, "currency": "usd", "billing_scheme": "tiered", "tiers_mode": mode,
        "recurring": {"interval": "month"}, "tiers": tiers, **more})


def test_tiers(v1, product):
    price = tiered(v1, product, "graduated", [
        {"up_to": 5, "unit_amount": 700, "flat_amount": 100}, {"up_to": "inf", "unit_amount_decimal": "6.5"}])
    assert (price.unit_amount, price.unit_amount_decimal, price.tiers_mode) == (None, None, "graduated")
    assert "tiers" not in price
    shown = v1.prices.retrieve(price.id, {"expand": ["tiers"]})
    assert [plain(tier) for tier in shown.tiers] == [
        {"flat_amount": 100, "flat_amount_decimal": Decimal(100), "unit_amount": 700, "unit_amount_decimal": Decimal(700), "up_to": 5},
        {"flat_amount": None, "flat_amount_decimal": None, "unit_amount": None, "unit_amount_decimal": Decimal("6.5"), "up_to": None}]
    listed = v1.prices.list({"product": product, "expand": ["data.tiers"]})
    assert [tier.up_to for tier in listed.data[0].tiers] == [5, None]


@pytest.mark.parametrize("tiers", [
    [{"up_to": 5, "unit_amount": 1}],
    [{"up_to": "inf", "unit_amount": 1}, {"up_to": 5, "unit_amount": 1}],
    [{"up_to": 5, "unit_amount": 1}, {"up_to": 4, "unit_amount": 1}, {"up_to": "inf", "unit_amount": 1}],
    [{"up_to": "many", "unit_amount": 1}],
    [{"up_to": "inf"}],
])
def test_tiers_that_make_no_sense(v1, product, tiers):
    assert refused(stripe.InvalidRequestError, tiered, v1, product, "volume", tiers).http_status == 400


def test_packages_currencies_and_an_amount_of_the_customers_choice(v1, product):
    price = v1.prices.create({
        "product": product, "currency": "usd", "unit_amount": 500, "transform_quantity": {"divide_by": 5, "round": "up"},
        "currency_options": {"eur": {"unit_amount": 450, "tax_behavior": "inclusive"}}})
    assert plain(price.transform_quantity) == {"divide_by": 5, "round": "up"}
    shown = plain(v1.prices.retrieve(price.id, {"expand": ["currency_options"]}))["currency_options"]
    assert sorted(shown) == ["eur", "usd"]
    assert (shown["eur"]["unit_amount"], shown["eur"]["tax_behavior"], shown["usd"]["unit_amount"]) == (450, "inclusive", 500)
    changed = v1.prices.update(price.id, {"currency_options": {"gbp": {"unit_amount": 400}}, "expand": ["currency_options"]})
    assert sorted(plain(changed)["currency_options"]) == ["eur", "gbp", "usd"]
    custom = v1.prices.create({
        "product": product, "currency": "usd", "custom_unit_amount": {"enabled": True, "maximum": 10000, "minimum": 100, "preset": 500}})
    assert plain(custom.custom_unit_amount) == {"maximum": 10000, "minimum": 100, "preset": 500}
    assert (custom.unit_amount, custom.unit_amount_decimal) == (None, None)
    upper = refused(stripe.InvalidRequestError, v1.prices.create, {
        "product": product, "currency": "usd", "unit_amount": 5, "currency_options": {"EUR": {"unit_amount": 4}}})
    assert upper.user_message == "Currencies must be lowercase when used as keys in a map. Use `eur` instead of `EUR`."


def test_lookup_keys_are_one_prices(v1, product):
    make = {"product": product, "currency": "usd", "unit_amount": 5}
    first = v1.prices.create({**make, "lookup_key": "standard"})
    v1.prices.update(first.id, {"active": False})
    error = refused(stripe.InvalidRequestError, v1.prices.create, {**make, "lookup_key": "standard"})
    assert (error.user_message, error.param) == (f"A price (`{first.id}`) already uses that lookup key.", "lookup_key")
    second = v1.prices.create({**make, "lookup_key": "standard", "transfer_lookup_key": True})
    assert second.lookup_key == "standard" and v1.prices.retrieve(first.id).lookup_key is None
    update = v1.events.list({"type": "price.updated"}).data[0].data
    assert (update.object["id"], plain(update.previous_attributes)) == (first.id, {"lookup_key": "standard"})
    assert [row.id for row in v1.prices.list({"lookup_keys": ["standard", "other"]}).data] == [second.id]
    assert v1.prices.update(second.id, {"lookup_key": "standard", "nickname": "mine"}).nickname == "mine"


def test_prices_are_listed_by_what_they_are(v1, product):
    once = v1.prices.create({"product": product, "currency": "usd", "unit_amount": 5})
    monthly = v1.prices.create({"product": product, "currency": "eur", "unit_amount": 5, "recurring": {"interval": "month"}})

    def listed(**filters):
        return [row.id for row in v1.prices.list(filters).data]

    assert listed(product=product) == [monthly.id, once.id]
    assert listed(type="one_time") == listed(currency="usd") == [once.id]
    assert listed(recurring={"interval": "month"}) == [monthly.id]
    assert listed(recurring={"usage_type": "metered"}) == []
    error = refused(stripe.InvalidRequestError, v1.prices.list, {"product": "prod_nope"})
    assert (error.http_status, error.user_message) == (400, "No such product: 'prod_nope'")


def test_a_default_price_cannot_be_archived(v1):
    product = v1.products.create({"name": "P", "default_price_data": {"currency": "usd", "unit_amount": 5}})
    error = refused(stripe.InvalidRequestError, v1.prices.update, product.default_price, {"active": False})
    assert error.user_message == "This price cannot be archived because it is the default price of its product."
    other = v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 6})
    v1.products.update(product.id, {"default_price": other.id})
    assert v1.prices.update(product.default_price, {"active": False}).active is False
    inactive = refused(stripe.InvalidRequestError, v1.products.update, product.id, {"default_price": product.default_price})
    assert inactive.user_message == "The price specified is inactive. This field only accepts active prices."


@pytest.mark.parametrize("params,param,text", [
    ({}, None, "You must specify either `product` or `product_data` when creating a price."),
    ({"product": "P", "product_data": {"name": "x"}}, "product",
     "You may only specify one of these parameters: product, product_data."),
    ({"product": "prod_nope", "unit_amount": 1}, "product", "No such product: 'prod_nope'"),
    ({"product": "P"}, None, "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set."),
    ({"product": "P", "unit_amount": 1, "unit_amount_decimal": "1"}, "unit_amount",
     "You may only specify one of these parameters: unit_amount, unit_amount_decimal."),
    ({"product": "P", "unit_amount": 5, "recurring": {"interval": "month", "usage_type": "metered"}}, None,
     "Starting with Stripe version `2025-03-31.basil`, metered prices must be backed by meters."),
    ({"product": "P", "billing_scheme": "tiered", "tiers_mode": "volume", "tiers": [{"up_to": "inf", "unit_amount": 5}]},
     "interval", "Prices with `type=one_time` are not supported with tiered billing."),
])
def test_prices_that_are_refused(v1, params, param, text):
    v1.products.create({"name": "P", "id": "P"})
    error = refused(stripe.InvalidRequestError, v1.prices.create, {"currency": "usd", **params})
    assert (error.http_status, error.param, error.user_message) == (400, param, text)
    assert v1.prices.list().data == []


def test_plans_are_prices_by_their_old_name(v1, product):
    plan = v1.plans.create({
        "id": "gold", "product": product, "currency": "usd", "amount": 900, "interval": "month", "nickname": "Gold",
        "trial_period_days": 14})
    assert (plan.id, plan.amount, plan.amount_decimal, plan.usage_type) == ("gold", 900, Decimal(900), "licensed")
    price = v1.prices.retrieve("gold")
    assert (price.unit_amount, price.recurring.trial_period_days, price.nickname) == (900, 14, "Gold")
    assert v1.plans.update("gold", {"nickname": "Golden", "metadata": {"k": "v"}}).nickname == "Golden"
    assert [row.id for row in v1.plans.list({"product": product}).data] == ["gold"]
    assert v1.plans.delete("gold").deleted is True
    assert refused(stripe.InvalidRequestError, v1.plans.retrieve, "gold").user_message == "No such plan: 'gold'"
    types = [event.type for event in v1.events.list({"type": "plan.*"}).data][::-1]
    assert types == ["plan.created", "plan.updated", "plan.deleted"]


def test_usage_of_the_old_way_is_added_up_by_the_price(client, product):
    old = {"stripe_version": "2024-04-10"}
    price = client.v1.prices.create({
        "product": product, "currency": "usd", "unit_amount": 5,
        "recurring": {"interval": "month", "usage_type": "metered", "aggregate_usage": "max"}}, old)
    assert (price.recurring["aggregate_usage"], price.recurring.usage_type) == ("max", "metered")
    assert "aggregate_usage" not in client.v1.prices.retrieve(price.id).recurring


def test_shipping_rates(v1):
    rate = v1.shipping_rates.create({
        "display_name": "Ground", "fixed_amount": {"amount": 500, "currency": "usd", "currency_options": {"eur": {"amount": 450}}},
        "delivery_estimate": {"minimum": {"unit": "business_day", "value": 3}}, "tax_code": "txcd_92010001"})
    assert (rate.active, rate.fixed_amount.amount, rate.type, rate.tax_behavior) == (True, 500, "fixed_amount", "unspecified")
    assert plain(rate.delivery_estimate) == {"maximum": None, "minimum": {"unit": "business_day", "value": 3}}
    shown = v1.shipping_rates.retrieve(rate.id, {"expand": ["fixed_amount.currency_options"]})
    assert plain(shown.fixed_amount)["currency_options"]["eur"]["amount"] == 450
    assert v1.shipping_rates.update(rate.id, {"active": False}).active is False
    assert v1.shipping_rates.list({"active": True}).data == []


@pytest.fixture
def payer(v1):
    customer = v1.customers.create({}).id
    card = v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card}})
    return customer


FONTS = [{"up_to": 5, "unit_amount": 700}, {"up_to": 10, "unit_amount": 650}, {"up_to": "inf", "unit_amount": 600}]


@pytest.mark.parametrize("mode,quantity,total", [
    # Stripe's example of fonts: all at the band reached, or band by band.
    ("volume", 5, 3500), ("volume", 6, 3900), ("volume", 20, 12000),
    ("graduated", 5, 3500), ("graduated", 6, 4150), ("graduated", 20, 12750),
])
def test_a_subscription_by_tiers(v1, product, payer, mode, quantity, total):
    price = tiered(v1, product, mode, FONTS)
    subscription = v1.subscriptions.create({
        "customer": payer, "items": [{"price": price.id, "quantity": quantity}], "expand": ["latest_invoice"]})
    assert subscription.latest_invoice.total == total


def test_a_subscription_by_packages_and_fractions(v1, product, payer):
    packages = v1.prices.create({
        "product": product, "currency": "usd", "unit_amount": 500, "recurring": {"interval": "month"},
        "transform_quantity": {"divide_by": 5, "round": "up"}})
    fraction = v1.prices.create({
        "product": product, "currency": "usd", "unit_amount_decimal": "12.5", "recurring": {"interval": "month"}})
    subscription = v1.subscriptions.create({
        "customer": payer, "expand": ["latest_invoice"],
        "items": [{"price": packages.id, "quantity": 8}, {"price": fraction.id, "quantity": 3}]})
    # Two packages of 5.00; 3 times 12.5 cents are 37.5, rounded up.
    assert sorted(line.amount for line in subscription.latest_invoice.lines.data) == [38, 1000]


def test_a_subscription_in_another_of_the_prices_currencies(v1, product, payer):
    price = v1.prices.create({
        "product": product, "currency": "usd", "unit_amount": 1000, "recurring": {"interval": "month"},
        "currency_options": {"eur": {"unit_amount": 900}}})
    error = refused(stripe.InvalidRequestError, v1.subscriptions.create, {
        "customer": payer, "items": [{"price": price.id}], "currency": "jpy"})
    assert error.user_message.startswith("The price specified only supports `usd`.")
    subscription = v1.subscriptions.create({
        "customer": payer, "items": [{"price": price.id}], "currency": "eur", "expand": ["latest_invoice"]})
    assert (subscription.currency, subscription.latest_invoice.currency, subscription.latest_invoice.total) == ("eur", "eur", 900)
