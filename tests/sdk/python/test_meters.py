"""Meters, the events that they count, and what they come to."""

import time
import uuid

import pytest
import stripe
from shop import DAY, HOUR, Shop, at, call, plain, refused


@pytest.fixture
def v1(client):
    return client.v1


@pytest.fixture
def customer(v1):
    return v1.customers.create({}).id


def meter(v1, formula="sum", **more):
    return v1.billing.meters.create({
        "display_name": "Calls", "event_name": f"calls_{uuid.uuid4().hex[:8]}", "default_aggregation": {"formula": formula}, **more})


def use(v1, meter, customer, value, moment=None, **more):
    sent = {"event_name": meter.event_name, "payload": {"stripe_customer_id": customer, "value": str(value)}, **more}
    return v1.billing.meter_events.create({**sent, "timestamp": moment} if moment else sent)


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
    for moment, value in ((day + 60, 1), (day + HOUR - 1, 2), (day + HOUR, 4), (day + DAY + 5, 8)):
        use(v1, calls, customer, value, moment)
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
    for moment, value in ((now - 300, 4), (now - 100, 2), (now - 200, 6)):
        use(v1, calls, customer, value, moment)
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
    for moment in (now - 36 * DAY, now + HOUR):
        error = refused(stripe.InvalidRequestError, use, v1, calls, customer, 1, moment)
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


def test_the_usage_of_a_month_is_billed_at_its_end(client):
    shop = Shop(client, "2026-04-01")
    calls, customer = meter(shop.v1), shop.customer()
    product = shop.v1.products.create({"name": "Calls"}).id
    price = shop.v1.prices.create({
        "product": product, "currency": "usd", "unit_amount_decimal": "0.5",
        "recurring": {"interval": "month", "usage_type": "metered", "meter": calls.id}}).id
    shop.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price}]})
    shop.to("2026-04-20")
    # The time of a report is that of its customer's clock.
    assert use(shop.v1, calls, customer.id, 401).timestamp == at("2026-04-20")
    shop.to(at("2026-05-01") + 2 * HOUR)
    # 401 half cents are 200.5 cents.
    assert [invoice.total for invoice in shop.invoices(customer=customer.id)] == [201]


def test_wrong_reports_are_told_of_later(client, url):
    v1 = client.v1
    calls = meter(v1)
    for identifier, payload in (("a", {"stripe_customer_id": "cus_nobody", "value": "1"}),
                                ("b", {"value": "1"}),
                                ("c", {"stripe_customer_id": v1.customers.create({}).id, "value": "1.5"})):
        v1.billing.meter_events.create({"event_name": calls.event_name, "payload": payload, "identifier": identifier})
    call(f"{url}/sandbox/clock/advance", "POST", "seconds=60")
    told = [event for event in client.v2.core.events.list({"object_id": calls.id}).data
            if event.type == "v1.billing.meter.error_report_triggered"]
    assert len(told) == 1
    event = client.v2.core.events.retrieve(told[0].id)
    assert event.related_object.id == calls.id
    reason = event.data.reason
    assert reason.error_count == 3
    assert sorted(kind.code for kind in reason.error_types) == [
        "meter_event_customer_not_found", "meter_event_invalid_value", "meter_event_no_customer_defined"]
    samples = {kind.code: kind.sample_errors[0].request.identifier for kind in reason.error_types}
    assert samples["meter_event_customer_not_found"] == "a"


def total(v1, calls, customer):
    start = int(time.time()) // DAY * DAY - DAY
    found = v1.billing.meters.event_summaries.list(calls.id, {"customer": customer, "start_time": start, "end_time": start + 3 * DAY})
    return found.data[0].aggregated_value


def test_events_by_the_second_api(client, customer):
    calls = meter(client.v1)
    events = client.v2.billing.meter_events
    sent = events.create({
        "event_name": calls.event_name, "identifier": "v2", "payload": {"stripe_customer_id": customer, "value": "9"}})
    assert (sent.object, sent.identifier, sent.payload["value"]) == ("v2.billing.meter_event", "v2", "9")
    assert total(client.v1, calls, customer) == 9
    for change, code in (({"identifier": "v2"}, "duplicate_meter_event"), ({"event_name": "none"}, "no_meter"),
                         ({"payload": {"stripe_customer_id": customer}}, "payload_no_value_defined"),
                         ({"payload": {"value": "1"}}, "payload_no_customer_defined"),
                         ({"payload": {"stripe_customer_id": customer, "value": "x"}}, "payload_invalid_value")):
        params = {"event_name": calls.event_name, "payload": {"stripe_customer_id": customer, "value": "1"}, **change}
        error = refused(stripe.StripeError, events.create, params)
        assert (error.http_status, error.code) == (400, code)
    taken = client.v2.billing.meter_event_adjustments.create({
        "event_name": calls.event_name, "type": "cancel", "cancel": {"identifier": "v2"}})
    assert (taken.object, taken.status) == ("v2.billing.meter_event_adjustment", "pending")
    assert total(client.v1, calls, customer) == 0


def test_a_stream_of_events(client, customer, url):
    calls = meter(client.v1)
    session = client.v2.billing.meter_event_session.create()
    assert session.object == "v2.billing.meter_event_session"
    streaming = stripe.StripeClient(
        session.authentication_token, base_addresses={"api": url, "connect": url, "files": url, "meter_events": url})
    streaming.v2.billing.meter_event_stream.create({"events": [
        {"event_name": calls.event_name, "payload": {"stripe_customer_id": customer, "value": str(value)}}
        for value in range(1, 11)] + [{"event_name": "nothing", "payload": {"value": "1"}, "identifier": "stray"}]})
    assert total(client.v1, calls, customer) == 55
    told = [event for event in client.v2.core.events.list({}).data if event.type == "v1.billing.meter.no_meter_found"]
    assert len(told) == 1
    reason = client.v2.core.events.retrieve(told[0].id).data.reason
    assert (reason.error_count, reason.error_types[0].code) == (1, "no_meter")
    # The token opens nothing else.
    assert refused(stripe.AuthenticationError, streaming.v1.customers.list).http_status == 401
