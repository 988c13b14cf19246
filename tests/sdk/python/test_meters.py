"""Meters, the events that they count, and what they come to."""

import time
import uuid

import pytest
import stripe
from shop import DAY, HOUR, plain, refused


@pytest.fixture
def v1(client):
    return client.v1


@pytest.fixture
def customer(v1):
    return v1.customers.create({}).id


def meter(v1, formula="sum", **more):
    return v1.billing.meters.create({
        "display_name": "Calls", "event_name": f"calls_{uuid.uuid4().hex[:8]}", "default_aggregation": {"formula": formula}, **more})


def use(v1, meter, customer, value, at=None, **more):
    sent = {"event_name": meter.event_name, "payload": {"stripe_customer_id": customer, "value": str(value)}, **more}
    return v1.billing.meter_events.create({**sent, "timestamp": at} if at else sent)


def test_a_meter(v1):
    made = meter(v1)
    assert made.id.startswith("mtr_test_61") and len(made.id) == 41
    assert (made.status, made.default_aggregation.formula, made.event_time_window) == ("active", "sum", None)
    assert plain(made.customer_mapping) == {"event_payload_key": "stripe_customer_id", "type": "by_id"}
    assert (made.value_settings.event_payload_key, made.status_transitions.deactivated_at) == ("value", None)
    assert v1.billing.meters.update(made.id, {"display_name": "API calls"}).display_name == "API calls"
    off = v1.billing.meters.deactivate(made.id)
    assert off.status == "inactive" and off.status_transitions.deactivated_at >= made.created
    assert v1.billing.meters.list({"status": "active"}).data == []
    on = v1.billing.meters.reactivate(made.id)
    assert (on.status, on.status_transitions.deactivated_at) == ("active", None)
    types = [event.type for event in v1.events.list({"type": "billing.meter.*"}).data][::-1]
    assert types == [f"billing.meter.{what}" for what in ("created", "updated", "deactivated", "reactivated")]


def test_one_active_meter_for_a_name(v1):
    first = meter(v1)
    again = {"display_name": "x", "event_name": first.event_name, "default_aggregation": {"formula": "count"}}
    assert refused(stripe.InvalidRequestError, v1.billing.meters.create, again).param == "event_name"
    v1.billing.meters.deactivate(first.id)
    second = v1.billing.meters.create(again)
    assert second.default_aggregation.formula == "count"
    assert refused(stripe.InvalidRequestError, v1.billing.meters.reactivate, first.id).http_status == 400


def test_events_and_their_sum(v1, customer):
    calls = meter(v1)
    now = int(time.time())
    sent = use(v1, calls, customer, 25, now - 60, identifier="first")
    assert (sent.object, sent.identifier, sent.event_name, sent.timestamp) == (
        "billing.meter_event", "first", calls.event_name, now - 60)
    assert plain(sent.payload) == {"stripe_customer_id": customer, "value": "25"}
    use(v1, calls, customer, 17, now - 120)
    other = v1.customers.create({}).id
    use(v1, calls, other, 99, now - 120)
    start, end = now // DAY * DAY - DAY, now // DAY * DAY + DAY
    summary = v1.billing.meters.event_summaries.list(calls.id, {"customer": customer, "start_time": start, "end_time": end})
    assert [row.aggregated_value for row in summary.data] == [42]
    row = summary.data[0]
    assert (row.object, row.meter, row.start_time, row.end_time) == ("billing.meter_event_summary", calls.id, start, end)


def test_summaries_by_the_hour_and_the_day(v1, customer):
    calls = meter(v1)
    day = int(time.time()) // DAY * DAY - 2 * DAY
    for at, value in ((day + 60, 1), (day + HOUR - 1, 2), (day + HOUR, 4), (day + DAY + 5, 8)):
        use(v1, calls, customer, value, at)
    window = {"customer": customer, "start_time": day, "end_time": day + 2 * DAY}
    summaries = v1.billing.meters.event_summaries

    def by(unit):
        listed = summaries.list(calls.id, {**window, "value_grouping_window": unit, "limit": 100})
        return [((row.start_time - day) // HOUR, row.aggregated_value) for row in listed.data]

    assert by("hour") == [(24, 8), (1, 4), (0, 3)]
    assert by("day") == [(24, 8), (0, 7)]
    # The end is outside.
    assert summaries.list(calls.id, {**window, "end_time": day + HOUR}).data[0].aggregated_value == 3


@pytest.mark.parametrize("change,param", [
    ({"start_time": 30}, "start_time"), ({"end_time": 1_700_000_001}, "end_time"),
    ({"start_time": 60, "value_grouping_window": "hour"}, "start_time"),
    ({"end_time": 0}, "end_time"), ({"customer": "cus_nobody"}, "customer")])
def test_summaries_have_whole_bounds(v1, customer, change, param):
    window = {"customer": customer, "start_time": 0, "end_time": 1_700_006_400, **change}
    error = refused(stripe.InvalidRequestError, v1.billing.meters.event_summaries.list, meter(v1).id, window)
    assert (error.http_status, error.param) == (400, param)


@pytest.mark.parametrize("formula,wanted", [("sum", 12), ("count", 3), ("last", 2)])
def test_how_values_add_up(v1, customer, formula, wanted):
    calls = meter(v1, formula)
    now = int(time.time())
    for at, value in ((now - 300, 4), (now - 100, 2), (now - 200, 6)):
        use(v1, calls, customer, value, at)
    start = now // DAY * DAY - DAY
    found = v1.billing.meters.event_summaries.list(calls.id, {"customer": customer, "start_time": start, "end_time": start + 2 * DAY})
    assert found.data[0].aggregated_value == wanted


def test_an_identifier_is_taken_once(v1, customer):
    calls = meter(v1)
    use(v1, calls, customer, 1, identifier="one")
    error = refused(stripe.InvalidRequestError, use, v1, calls, customer, 1, identifier="one")
    assert (error.http_status, error.user_message) == (400, "An event already exists with identifier one.")


def test_times_have_limits(v1, customer):
    calls = meter(v1)
    now = int(time.time())
    for at in (now - 36 * DAY, now + HOUR):
        error = refused(stripe.InvalidRequestError, use, v1, calls, customer, 1, at)
        assert (error.http_status, error.param) == (400, "timestamp")
    assert use(v1, calls, customer, 1, now + 200).timestamp == now + 200


def test_a_name_that_no_active_meter_has(v1, customer):
    error = refused(stripe.InvalidRequestError, v1.billing.meter_events.create, {
        "event_name": "nothing", "payload": {"stripe_customer_id": customer, "value": "1"}})
    assert error.http_status == 400 and error.user_message.startswith("No active meter found with")


def test_an_event_is_taken_back(v1, customer):
    calls = meter(v1)
    use(v1, calls, customer, 7, identifier="wrong")
    use(v1, calls, customer, 5, identifier="right")
    taken = v1.billing.meter_event_adjustments.create({
        "event_name": calls.event_name, "type": "cancel", "cancel": {"identifier": "wrong"}})
    assert (taken.status, taken.cancel.identifier, taken.type) == ("pending", "wrong", "cancel")
    start = int(time.time()) // DAY * DAY - DAY
    found = v1.billing.meters.event_summaries.list(calls.id, {"customer": customer, "start_time": start, "end_time": start + 3 * DAY})
    assert found.data[0].aggregated_value == 5
    for identifier in ("wrong", "unknown"):
        error = refused(stripe.InvalidRequestError, v1.billing.meter_event_adjustments.create, {
            "event_name": calls.event_name, "type": "cancel", "cancel": {"identifier": identifier}})
        assert (error.http_status, error.param) == (400, "cancel[identifier]")


def test_prices_of_a_meter(v1):
    calls = meter(v1)
    product = v1.products.create({"name": "Calls"}).id
    recurring = {"interval": "month", "usage_type": "metered", "meter": calls.id}
    price = v1.prices.create({"product": product, "currency": "usd", "unit_amount_decimal": "0.5", "recurring": recurring})
    assert (price.recurring.meter, price.recurring.usage_type) == (calls.id, "metered")
    assert [row.id for row in v1.prices.list({"recurring": {"meter": calls.id}}).data] == [price.id]
    v1.billing.meters.deactivate(calls.id)
    for wrong in (recurring, {**recurring, "meter": "mtr_nope"}, {"interval": "month", "meter": calls.id}):
        error = refused(stripe.InvalidRequestError, v1.prices.create, {
            "product": product, "currency": "usd", "unit_amount": 5, "recurring": wrong})
        assert (error.http_status, error.param) == (400, "recurring[meter]")


def test_the_usage_of_a_month_is_billed_at_its_end(v1, customer):
    calls = meter(v1)
    product = v1.products.create({"name": "Calls"}).id
    price = v1.prices.create({
        "product": product, "currency": "usd", "unit_amount": 5,
        "recurring": {"interval": "month", "usage_type": "metered", "meter": calls.id}}).id
    subscription = v1.subscriptions.create({
        "customer": customer, "items": [{"price": price}], "collection_method": "send_invoice", "days_until_due": 7})
    assert subscription.status == "active"
    use(v1, calls, customer, 30)
    preview = v1.invoices.create_preview({"subscription": subscription.id})
    assert preview.total == 150
