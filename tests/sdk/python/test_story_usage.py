"""Metered billing: meters, events, summaries, tiers, and the invoice at the end of the month."""

import uuid

import pytest
import stripe
from shop import DAY, HOUR, Shop, at, refused


@pytest.fixture
def shop(client):
    return Shop(client, "2026-04-01")


def meter(shop, formula="sum"):
    return shop.v1.billing.meters.create({
        "display_name": "API calls", "event_name": f"calls_{uuid.uuid4().hex[:8]}",
        "default_aggregation": {"formula": formula},
        "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
        "value_settings": {"event_payload_key": "value"},
    })


def use(shop, meter, customer, value, moment=None, **more):
    return shop.v1.billing.meter_events.create({
        "event_name": meter.event_name, "payload": {"stripe_customer_id": customer, "value": str(value)},
        "timestamp": moment or shop.now, **more})


def metered(shop, meter, **more):
    product = shop.v1.products.create({"name": "Calls"})
    recurring = {"interval": "month", "usage_type": "metered", "meter": meter.id}
    return shop.v1.prices.create({"product": product.id, "currency": "usd", "recurring": recurring, **more})


def test_usage_of_a_month_is_invoiced_at_its_end(shop):
    calls, customer = meter(shop), shop.customer()
    price = metered(shop, calls, unit_amount=5)
    subscription = shop.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    assert subscription.status == "active"
    item = subscription["items"].data[0]
    assert "quantity" not in item or item.quantity is None
    shop.to("2026-04-10")
    sent = use(shop, calls, customer.id, 40)
    assert (sent.object, sent.event_name, sent.payload["value"]) == ("billing.meter_event", calls.event_name, "40")
    shop.to("2026-04-20")
    use(shop, calls, customer.id, 60)
    summaries = shop.v1.billing.meters.event_summaries.list(calls.id, {
        "customer": customer.id, "start_time": at("2026-04-01"), "end_time": at("2026-05-01")})
    assert [summary.aggregated_value for summary in summaries.data] == [100]
    daily = shop.v1.billing.meters.event_summaries.list(calls.id, {
        "customer": customer.id, "start_time": at("2026-04-09"), "end_time": at("2026-04-12"),
        "value_grouping_window": "day"})
    values = {summary.start_time: summary.aggregated_value for summary in daily.data}
    assert values[at("2026-04-10")] == 40
    shop.to(at("2026-05-01") + 2 * HOUR)
    invoice = shop.invoices(customer=customer.id)[-1]
    # 100 calls at 5 cents.
    assert (invoice.total, invoice.amount_paid, invoice.billing_reason) == (500, 500, "subscription_cycle")
    line = invoice.lines.data[0]
    assert (line.quantity, line.period.start, line.period.end) == (100, at("2026-04-01"), at("2026-05-01"))


def test_an_event_counts_once(shop):
    calls, customer = meter(shop), shop.customer()
    use(shop, calls, customer.id, 7, identifier="once")
    error = refused(stripe.InvalidRequestError, use, shop, calls, customer.id, 7, identifier="once")
    assert error.user_message == "An event already exists with identifier once."


def test_an_event_may_be_taken_back(shop):
    calls, customer = meter(shop), shop.customer()
    use(shop, calls, customer.id, 7, identifier="wrong")
    use(shop, calls, customer.id, 5, identifier="right")
    taken = shop.v1.billing.meter_event_adjustments.create({
        "event_name": calls.event_name, "type": "cancel", "cancel": {"identifier": "wrong"}})
    assert taken.status in ("pending", "complete")
    shop.later(HOUR)
    summaries = shop.v1.billing.meters.event_summaries.list(calls.id, {
        "customer": customer.id, "start_time": at("2026-04-01"), "end_time": at("2026-04-02")})
    assert [summary.aggregated_value for summary in summaries.data] == [5]


@pytest.mark.parametrize("formula,wanted", [("sum", 12), ("count", 3), ("last", 2)])
def test_how_events_add_up(shop, formula, wanted):
    calls, customer = meter(shop, formula), shop.customer()
    for index, value in enumerate((4, 6, 2)):
        use(shop, calls, customer.id, value, shop.now - 600 + index * 60)
    summaries = shop.v1.billing.meters.event_summaries.list(calls.id, {
        "customer": customer.id, "start_time": at("2026-03-31"), "end_time": at("2026-04-02")})
    assert [summary.aggregated_value for summary in summaries.data] == [wanted]


def test_a_meter_that_is_off_takes_nothing(shop):
    calls, customer = meter(shop), shop.customer()
    other = refused(stripe.InvalidRequestError, shop.v1.billing.meters.create, {
        "display_name": "Again", "event_name": calls.event_name, "default_aggregation": {"formula": "sum"}})
    assert other.http_status == 400
    off = shop.v1.billing.meters.deactivate(calls.id)
    assert off.status == "inactive" and off.status_transitions.deactivated_at
    error = refused(stripe.InvalidRequestError, use, shop, calls, customer.id, 1)
    assert error.user_message.startswith("No active meter found with")
    assert shop.v1.billing.meters.reactivate(calls.id).status == "active"
    assert shop.v1.billing.meters.update(calls.id, {"display_name": "Calls"}).display_name == "Calls"
    assert [each.id for each in shop.v1.billing.meters.list({"status": "active"}).data] == [calls.id]


def test_an_event_of_nobody_is_taken_and_told_later(shop):
    calls = meter(shop)
    shop.v1.billing.meter_events.create({
        "event_name": calls.event_name, "payload": {"stripe_customer_id": "cus_nobody", "value": "1"}})
    summaries = shop.v1.billing.meters.event_summaries.list(calls.id, {
        "customer": shop.customer().id, "start_time": at("2026-04-01"), "end_time": at("2026-04-02")})
    assert [summary for summary in summaries.data if summary.aggregated_value] == []


def graduated(shop, calls):
    return metered(shop, calls, billing_scheme="tiered", tiers_mode="graduated", tiers=[
        {"up_to": 100, "unit_amount": 10, "flat_amount": 200},
        {"up_to": 1000, "unit_amount": 5, "flat_amount": 100},
        {"up_to": "inf", "unit_amount": 1}])


def volume(shop, calls):
    return metered(shop, calls, billing_scheme="tiered", tiers_mode="volume", tiers=[
        {"up_to": 100, "unit_amount": 10}, {"up_to": 1000, "unit_amount": 5, "flat_amount": 100},
        {"up_to": "inf", "unit_amount": 1}])


def packages(shop, calls):
    return metered(shop, calls, unit_amount=1000, transform_quantity={"divide_by": 100, "round": "up"})


@pytest.mark.parametrize("price,used,total", [
    # 100 * 10 + 200, then 50 * 5 + 100
    (graduated, 150, 1550),
    # 1200, then 900 * 5 + 100, then 500 * 1
    (graduated, 1500, 6300),
    # Nothing used: the flat amount of the first band all the same.
    (graduated, 0, 200),
    # all at the band reached: 150 * 5 + 100
    (volume, 150, 850),
    (volume, 100, 1000),
    (volume, 2000, 2000),
    # 101 / 100 is two packages
    (packages, 101, 2000),
    (packages, 100, 1000),
])
def test_tiers_and_packages(shop, price, used, total):
    calls, customer = meter(shop), shop.customer()
    shop.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price(shop, calls).id}]})
    shop.to("2026-04-10")
    if used:
        use(shop, calls, customer.id, used)
    shop.to(at("2026-05-01") + 2 * HOUR)
    invoices = shop.invoices(customer=customer.id)
    assert invoices[-1].total == total


def test_a_seat_price_and_usage_on_one_subscription(shop):
    calls, customer = meter(shop), shop.customer()
    seats, usage = shop.price(1000), metered(shop, calls, unit_amount_decimal="0.5")
    shop.v1.subscriptions.create({
        "customer": customer.id, "items": [{"price": seats.id, "quantity": 2}, {"price": usage.id}]})
    shop.to("2026-04-15")
    use(shop, calls, customer.id, 301)
    shop.to(at("2026-05-01") + 2 * HOUR)
    # Two seats for May; 301 half cents are 150.5 cents for April.
    invoice = shop.invoices(customer=customer.id)[-1]
    amounts = sorted(line.amount for line in invoice.lines.data)
    assert amounts[1] == 2000 and amounts[0] in (150, 151)


def test_a_price_needs_the_meter(shop):
    product = shop.v1.products.create({"name": "Calls"})
    error = refused(stripe.InvalidRequestError, shop.v1.prices.create, {
        "product": product.id, "currency": "usd", "unit_amount": 5,
        "recurring": {"interval": "month", "usage_type": "metered"}})
    assert error.http_status == 400


def test_features_follow_the_subscription(shop):
    product = shop.v1.products.create({"name": "Pro"})
    feature = shop.v1.entitlements.features.create({"name": "API access", "lookup_key": "api"})
    attached = shop.v1.products.features.create(product.id, {"entitlement_feature": feature.id})
    assert attached.entitlement_feature.lookup_key == "api"
    again = refused(stripe.InvalidRequestError, shop.v1.entitlements.features.create,
                    {"name": "Other", "lookup_key": "api"})
    assert again.http_status == 400
    customer = shop.customer()
    subscription = shop.subscribe(customer.id, shop.price(1000, product=product.id).id)

    def active():
        found = shop.v1.entitlements.active_entitlements.list({"customer": customer.id}).data
        return [(each.lookup_key, each.feature) for each in found]

    assert active() == [("api", feature.id)]
    summary = shop.events("entitlements.active_entitlement_summary.updated")[-1].data.object
    assert summary["customer"] == customer.id
    assert [each["lookup_key"] for each in summary["entitlements"]["data"]] == ["api"]
    shop.v1.subscriptions.cancel(subscription.id)
    assert active() == []
    assert len(shop.events("entitlements.active_entitlement_summary.updated")) == 2
    archived = shop.v1.entitlements.features.update(feature.id, {"active": False})
    assert archived.active is False
    assert shop.v1.entitlements.features.list({"archived": False}).data == []
