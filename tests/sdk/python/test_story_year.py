"""A year of a small business on a test clock: renewals, months of all lengths, books that agree."""

import pytest
from shop import HOUR, Shop, at, day, plain

MONTHS = [f"2026-{month:02}-01" for month in range(2, 13)] + ["2027-01-01"]


@pytest.fixture
def shop(client):
    return Shop(client, "2026-01-01")


def test_a_year_of_renewals(shop):
    customer = shop.customer()
    subscription = shop.subscribe(customer.id, shop.price(1000).id)
    for month in MONTHS:
        shop.to(at(month) + 2 * HOUR)
    invoices = shop.invoices(customer=customer.id)
    assert [invoice.billing_reason for invoice in invoices] == ["subscription_create"] + ["subscription_cycle"] * 12
    assert {(invoice.status, invoice.total, invoice.amount_paid) for invoice in invoices} == {("paid", 1000, 1000)}
    assert [day(invoice.created) for invoice in invoices] == ["2026-01-01", *MONTHS]
    # A renewal's own period is the one that ended, its line's the one that begins.
    assert [day(invoice.period_start) for invoice in invoices] == ["2026-01-01", "2026-01-01", *MONTHS[:-1]]
    assert [day(invoice.lines.data[0].period.end) for invoice in invoices] == [*MONTHS, "2027-02-01"]
    # One prefix for a customer, and no number missing.
    prefixes = {invoice.number.rsplit("-", 1)[0] for invoice in invoices}
    assert len(prefixes) == 1 and len(prefixes.pop()) == 8
    assert [invoice.number.rsplit("-", 1)[1] for invoice in invoices] == [f"{n:04}" for n in range(1, 14)]
    item = shop.subscription(subscription.id)["items"].data[0]
    assert (day(item.current_period_start), day(item.current_period_end)) == ("2027-01-01", "2027-02-01")
    charges = list(shop.v1.charges.list({"customer": customer.id, "limit": 100}).auto_paging_iter())
    assert len(charges) == 13 and all(charge.paid and charge.amount == 1000 for charge in charges)
    # 2.9 % of 10.00 is 29 cents, and 30 cents.
    entries = [shop.v1.balance_transactions.retrieve(charge.balance_transaction) for charge in charges]
    assert {(entry.amount, entry.fee, entry.net, entry.type) for entry in entries} == {(1000, 59, 941, "charge")}


def test_each_invoice_is_drafted_for_an_hour_then_paid(shop):
    customer = shop.customer()
    subscription = shop.subscribe(customer.id, shop.price(1000).id)
    shop.to("2026-02-01")
    draft = shop.invoices(customer=customer.id)[-1]
    assert (draft.status, draft.number, draft.auto_advance) == ("draft", None, True)
    assert draft.next_payment_attempt - draft.created == 3600
    assert draft.automatically_finalizes_at - draft.created in (3600, 3601)
    assert shop.subscription(subscription.id).status == "active"
    shop.to(at("2026-02-01") + 2 * HOUR)
    paid = shop.v1.invoices.retrieve(draft.id)
    assert (paid.status, paid.attempted, paid.attempt_count, paid.next_payment_attempt) == ("paid", True, 1, None)
    assert paid.status_transitions.finalized_at - draft.created in range(3600, 3700)
    assert (draft.period_start, draft.period_end) == (at("2026-01-01"), at("2026-02-01"))


def test_the_day_is_clamped_to_short_months_and_does_not_drift(client):
    shop = Shop(client, "2026-01-31")
    customer = shop.customer()
    subscription = shop.subscribe(customer.id, shop.price(1000).id)
    ends = [day(subscription["items"].data[0].current_period_end)]
    for _ in range(4):
        shop.to(shop.subscription(subscription.id)["items"].data[0].current_period_end + 2 * HOUR)
        ends.append(day(shop.subscription(subscription.id)["items"].data[0].current_period_end))
    assert ends == ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"]


def test_events_of_a_renewal_in_their_order(shop):
    customer = shop.customer()
    shop.subscribe(customer.id, shop.price(1000).id)
    before = len(shop.event_types())
    shop.to(at("2026-02-01") + 2 * HOUR)
    events = list(shop.v1.events.list({"limit": 100}).auto_paging_iter())[::-1][before:]
    types = [event.type for event in events]
    first, second = types.index("invoice.created"), types.index("invoice.finalized")
    assert types.index("customer.subscription.updated") < second and first < second
    after = [kind for kind in types[second:] if kind in {
        "invoice.finalized", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
        "invoice.paid", "invoice.payment_succeeded",
    }]
    assert after == ["invoice.finalized", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
                     "invoice.paid", "invoice.payment_succeeded"]
    assert "invoice.upcoming" in types
    assert types.count("invoice_payment.paid") == 1
    # Nobody asked for it: a request caused none of them.
    caused = [event for event in events if not event.type.startswith("test_helpers.")]
    assert {(event.request.id, event.request.idempotency_key) for event in caused} == {(None, None)}
    updated = plain(next(event for event in events if event.type == "customer.subscription.updated"))
    assert set(updated["data"]["previous_attributes"]) >= {"items", "latest_invoice"}


def test_a_yearly_price_over_two_years(shop):
    customer = shop.customer()
    shop.subscribe(customer.id, shop.price(12000, "year").id)
    shop.to(at("2027-01-01") + 2 * HOUR)
    shop.to(at("2028-01-01") + 2 * HOUR)
    assert [invoice.total for invoice in shop.invoices(customer=customer.id)] == [12000] * 3


def test_weeks_and_every_third_month(shop):
    customer = shop.customer()
    weekly = shop.subscribe(customer.id, shop.price(100, "week").id)
    shop.to(at("2026-01-08") + 2 * HOUR)
    assert day(shop.subscription(weekly.id)["items"].data[0].current_period_end) == "2026-01-15"
    shop.v1.subscriptions.cancel(weekly.id)
    quarterly = shop.subscribe(customer.id, shop.price(900, recurring={"interval": "month", "interval_count": 3}).id)
    assert day(quarterly["items"].data[0].current_period_end) == "2026-04-08"


def test_a_coupon_for_three_months_ends_by_itself(shop):
    coupon = shop.v1.coupons.create({"percent_off": 25, "duration": "repeating", "duration_in_months": 3})
    customer = shop.customer()
    subscription = shop.subscribe(customer.id, shop.price(1000).id, discounts=[{"coupon": coupon.id}])
    for month in MONTHS[:4]:
        shop.to(at(month) + 2 * HOUR)
    assert [invoice.total for invoice in shop.invoices(customer=customer.id)] == [750, 750, 750, 1000, 1000]
    assert shop.subscription(subscription.id).discounts == []
    assert shop.v1.coupons.retrieve(coupon.id).times_redeemed == 1


def test_a_coupon_once_is_used_by_the_first_invoice(shop):
    coupon = shop.v1.coupons.create({"amount_off": 300, "currency": "usd", "duration": "once"})
    customer = shop.customer()
    subscription = shop.subscribe(customer.id, shop.price(1000).id, discounts=[{"coupon": coupon.id}])
    shop.to(at("2026-02-01") + 2 * HOUR)
    assert [invoice.total for invoice in shop.invoices(customer=customer.id)] == [700, 1000]
    assert shop.subscription(subscription.id).discounts == []


def test_cancelled_in_each_way(shop):
    price = shop.price(1000).id
    customer = shop.customer()
    now = shop.subscribe(customer.id, price)
    gone = shop.v1.subscriptions.cancel(now.id)
    assert (gone.status, gone.ended_at, gone.canceled_at) == ("canceled", shop.now, shop.now)

    other = shop.customer()
    at_end = shop.subscribe(other.id, price)
    asked = shop.v1.subscriptions.update(at_end.id, {"cancel_at_period_end": True})
    assert (asked.cancel_at, asked.cancel_at_period_end, asked.canceled_at) == (at("2026-02-01"), True, shop.now)
    assert asked.cancellation_details.reason == "cancellation_requested"
    kept = shop.v1.subscriptions.update(at_end.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.cancel_at_period_end, kept.canceled_at) == (None, False, None)
    shop.v1.subscriptions.update(at_end.id, {"cancel_at_period_end": True})

    third = shop.customer()
    on_a_date = shop.subscribe(third.id, price, cancel_at=at("2026-01-16"), proration_behavior="none")
    assert on_a_date.cancel_at == at("2026-01-16")
    shop.to(at("2026-02-01") + 2 * HOUR)
    ended = shop.subscription(at_end.id)
    assert (ended.status, day(ended.ended_at)) == ("canceled", "2026-02-01")
    assert ended.cancellation_details.reason == "cancellation_requested"
    ended = shop.subscription(on_a_date.id)
    assert (ended.status, day(ended.ended_at)) == ("canceled", "2026-01-16")
    for who in (customer, other, third):
        assert len(shop.invoices(customer=who.id)) == 1
    assert len(shop.events("customer.subscription.deleted")) == 3
    assert shop.v1.subscriptions.list({"customer": other.id}).data == []
    assert len(shop.v1.subscriptions.list({"customer": other.id, "status": "all"}).data) == 1


def test_collection_is_paused_and_resumed(shop):
    customer = shop.customer()
    subscription = shop.subscribe(customer.id, shop.price(1000).id)
    paused = shop.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void"}})
    assert (paused.status, paused.pause_collection.behavior) == ("active", "void")
    shop.to(at("2026-02-01") + 2 * HOUR)
    assert shop.invoices(customer=customer.id)[-1].status == "void"
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "mark_uncollectible"}})
    shop.to(at("2026-03-01") + 2 * HOUR)
    assert shop.invoices(customer=customer.id)[-1].status == "uncollectible"
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "keep_as_draft"}})
    shop.to(at("2026-04-01") + 2 * HOUR)
    assert shop.invoices(customer=customer.id)[-1].status == "draft"
    resumed = shop.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    assert resumed.pause_collection is None
    shop.to(at("2026-05-01") + 2 * HOUR)
    assert shop.invoices(customer=customer.id)[-1].status == "paid"


def test_a_schedule_changes_the_price_at_the_turn(shop):
    customer = shop.customer()
    intro, full = shop.price(500).id, shop.price(1000).id
    schedule = shop.v1.subscription_schedules.create({
        "customer": customer.id, "start_date": "now", "end_behavior": "release",
        "phases": [
            {"items": [{"price": intro, "quantity": 1}], "duration": {"interval": "month", "interval_count": 2}},
            {"items": [{"price": full, "quantity": 1}], "duration": {"interval": "month", "interval_count": 1}},
        ],
    })
    assert schedule.status == "active"
    for month in MONTHS[:4]:
        shop.to(at(month) + 2 * HOUR)
    assert [invoice.total for invoice in shop.invoices(customer=customer.id)] == [500, 500, 1000, 1000, 1000]
    assert shop.v1.subscription_schedules.retrieve(schedule.id).status == "released"
