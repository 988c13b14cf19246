"""Subscription schedules, and test clocks by themselves."""

import pytest
import stripe
from sandbox_control import advance, event_types
from test_subscriptions import DAY, Shop, item_of

START = 1_767_225_600  # 2026-01-01


@pytest.fixture
def shop(client):
    return Shop(client)


def refused(call, *args):
    with pytest.raises(stripe.StripeError) as caught:
        call(*args)
    return caught.value


def test_phases_follow_each_other(client, shop):
    dearer = shop.price(3000)
    made = shop.v1.subscription_schedules.create({
        "customer": shop.customer(), "start_date": "now", "end_behavior": "cancel",
        "metadata": {"deal": "two steps"},
        "phases": [
            {"items": [{"price": shop.monthly}], "duration": {"interval": "month"}},
            {"items": [{"price": dearer, "quantity": 2}], "duration": {"interval": "month"},
             "metadata": {"step": "two"}},
        ],
    })
    assert (made.status, made.metadata["deal"]) == ("active", "two steps")
    assert made.current_phase.end_date == made.phases[1].start_date
    subscription = shop.v1.subscriptions.retrieve(made.subscription, {"expand": ["latest_invoice"]})
    assert (subscription.schedule, subscription.latest_invoice.status) == (made.id, "draft")
    advance(32 * DAY)
    subscription = shop.v1.subscriptions.retrieve(made.subscription, {"expand": ["latest_invoice"]})
    assert (item_of(subscription).price.id, subscription.latest_invoice.total) == (dearer, 6000)
    assert subscription.metadata["step"] == "two"
    error = refused(shop.v1.subscriptions.update, subscription.id, {"cancel_at_period_end": True})
    assert error.user_message == (
        f"The subscription is managed by the subscription schedule `{made.id}`, and updating any cancelation "
        "behavior directly is not allowed. Please update the schedule instead.")
    advance(31 * DAY)
    assert shop.v1.subscription_schedules.retrieve(made.id).status == "completed"
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert "subscription_schedule.expiring" in event_types(client)


def test_a_later_start_and_a_release(shop):
    start = shop.subscribe().created + 3 * DAY
    made = shop.v1.subscription_schedules.create({
        "customer": shop.customer(), "start_date": start,
        "phases": [{"items": [{"price": shop.monthly}], "duration": {"interval": "month", "interval_count": 3}}],
    })
    assert (made.status, made.subscription, made.phases[0].start_date) == ("not_started", None, start)
    advance(3 * DAY)
    running = shop.v1.subscription_schedules.retrieve(made.id)
    assert running.status == "active"
    released = shop.v1.subscription_schedules.release(made.id)
    assert (released.status, released.released_subscription) == ("released", running.subscription)
    assert shop.v1.subscriptions.retrieve(running.subscription).schedule is None
    assert refused(shop.v1.subscription_schedules.cancel, made.id).http_status == 400


def test_a_taken_over_subscription_and_its_cancellation(shop):
    made = shop.subscribe()
    schedules = shop.v1.subscription_schedules
    error = refused(schedules.create, {
        "from_subscription": made.id, "phases": [{"items": [{"price": shop.monthly}]}]})
    assert error.user_message == "You cannot set `phases` if `from_subscription` is set."
    schedule = schedules.create({"from_subscription": made.id})
    assert schedule.current_phase.end_date == item_of(made).current_period_end
    assert [row.id for row in schedules.list({"customer": made.customer}).data] == [schedule.id]
    assert schedules.cancel(schedule.id).status == "canceled"
    assert shop.v1.subscriptions.retrieve(made.id).status == "canceled"


def test_older_versions_count_iterations(client, shop):
    options = {"stripe_version": "2024-06-20"}
    made = client.v1.subscription_schedules.create({
        "customer": shop.customer(), "start_date": "now",
        "phases": [{"items": [{"price": shop.monthly}], "iterations": 2}],
    }, options)
    days = (made.phases[0].end_date - made.phases[0].start_date) / DAY
    assert days in (59, 60, 61, 62)
    error = refused(client.v1.subscription_schedules.create, {
        "customer": shop.customer(), "phases": [{"items": [{"price": shop.monthly}], "iterations": 2}]})
    assert error.code == "parameter_unknown"


def test_a_clock_is_made_listed_moved_and_deleted(client):
    clocks = client.v1.test_helpers.test_clocks
    clock = clocks.create({"frozen_time": START, "name": "Year"})
    assert (clock.status, clock.frozen_time, clock.name) == ("ready", START, "Year")
    assert clock.deletes_after - clock.created == 30 * DAY
    assert [row.id for row in clocks.list().data] == [clock.id]
    moving = clocks.advance(clock.id, {"frozen_time": START + DAY})
    assert (moving.status, moving.frozen_time) == ("advancing", START)
    assert moving.status_details.advancing.target_frozen_time == START + DAY
    ready = clocks.retrieve(clock.id)
    assert (ready.status, ready.frozen_time) == ("ready", START + DAY)
    assert refused(clocks.advance, clock.id, {"frozen_time": START}).http_status == 400
    assert refused(clocks.advance, clock.id, {"frozen_time": START + 740 * DAY}).http_status == 400
    kinds = event_types(client)
    assert [kind for kind in kinds if "test_clock" in kind] == [
        f"test_helpers.test_clock.{kind}" for kind in ("created", "advancing", "ready")]
    assert clocks.delete(clock.id).deleted
    assert refused(clocks.retrieve, clock.id).http_status == 404


def test_an_existing_customer_can_be_put_on_a_clock(client, shop):
    made = shop.subscribe()
    frozen = made.created + DAY
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": frozen, "customer": made.customer})
    assert client.v1.customers.retrieve(made.customer).test_clock == clock.id
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": item_of(made).current_period_end + 7200})
    client.v1.test_helpers.test_clocks.retrieve(clock.id)
    invoices = client.v1.invoices.list({"subscription": made.id}).data
    assert [invoice.status for invoice in invoices] == ["paid", "paid"]
