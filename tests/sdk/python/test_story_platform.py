"""What every call has in common: lists, search, expansion, keys, versions, errors, and repeated requests."""

import concurrent.futures
import time
import uuid

import pytest
import stripe
from conftest import new_client
from shop import call, plain, refused


@pytest.fixture
def v1(client):
    return client.v1


def headers(client, **more):
    return {"Authorization": f"Bearer {client._requestor.api_key}", **more}


def test_pages_forwards_and_backwards(v1):
    ids = [v1.customers.create({"name": f"n{n}"}).id for n in range(25)][::-1]
    first = v1.customers.list()
    assert [each.id for each in first.data] == ids[:10] and first.has_more is True and first.url == "/v1/customers"
    second = v1.customers.list({"limit": 10, "starting_after": ids[9]})
    assert [each.id for each in second.data] == ids[10:20]
    before = v1.customers.list({"limit": 3, "ending_before": ids[10]})
    assert [each.id for each in before.data] == ids[7:10]
    assert [each.id for each in v1.customers.list({"limit": 7}).auto_paging_iter()] == ids
    backwards = v1.customers.list({"limit": 7, "ending_before": ids[24]}).auto_paging_iter()
    assert [each.id for each in backwards] == ids[:24][::-1]
    assert len(v1.customers.list({"limit": 1000}).data) == 25
    both = refused(stripe.InvalidRequestError, v1.customers.list, {"starting_after": ids[1], "ending_before": ids[0]})
    assert both.user_message == "Received both starting_after and ending_before parameters. Please pass in only one."
    unknown = refused(stripe.InvalidRequestError, v1.customers.list, {"starting_after": "cus_x"})
    assert (unknown.http_status, unknown.code, unknown.param, unknown.user_message) == (
        400, "resource_missing", "starting_after", "No such customer: 'cus_x'")


def test_lists_by_time_and_by_what_they_hold(v1):
    jenny = v1.customers.create({"email": "jenny@example.com"})
    v1.customers.create({"email": "other@example.com"})
    assert [each.id for each in v1.customers.list({"email": "jenny@example.com"}).data] == [jenny.id]
    assert len(v1.customers.list({"created": {"gte": jenny.created}}).data) == 2
    assert v1.customers.list({"created": {"gt": jenny.created + 1000}}).data == []
    assert v1.customers.list({"created": {"lt": jenny.created}}).data == []


def test_search(v1):
    jenny = v1.customers.create({"name": "Jenny Rosen", "email": "jenny@example.com", "metadata": {"team": "red one"}})
    v1.customers.create({"name": "Kim", "email": "kim@example.com", "metadata": {"team": "blue"}})
    for query in ('name:"Jenny Rosen"', 'name~"jenny"', "email:'jenny@example.com'", 'metadata["team"]:"red one"',
                  'name:"Jenny Rosen" AND metadata["team"]:"red one"', '-metadata["team"]:"blue"',
                  f'created>{jenny.created - 10} AND email:"jenny@example.com"'):
        found = v1.customers.search({"query": query})
        assert found.object == "search_result"
        assert [each.id for each in found.data] == [jenny.id], query
    assert len(v1.customers.search({"query": 'name:"Kim" OR name:"Jenny Rosen"'}).data) == 2
    first = v1.customers.search({"query": "created>0", "limit": 1})
    assert first.has_more and first.next_page
    assert len(list(v1.customers.search({"query": "created>0", "limit": 1}).auto_paging_iter())) == 2
    field = refused(stripe.InvalidRequestError, v1.products.search, {"query": 'foo:"x"'})
    assert field.user_message == (
        "Field `foo` is an unsupported search field for resource `products`. See "
        "http://stripe.com/docs/search#query-fields-for-products for a list of supported fields.")
    broken = refused(stripe.InvalidRequestError, v1.customers.search, {"query": "name"})
    assert broken.user_message.startswith("We were unable to parse your search query.")


def test_metadata_is_merged_and_unset(v1):
    made = v1.customers.create({"metadata": {"a": "1", "b": "2"}, "description": "x"})
    changed = v1.customers.update(made.id, {"metadata": {"b": "", "c": "3"}})
    assert plain(changed.metadata) == {"a": "1", "c": "3"}
    assert plain(v1.customers.update(made.id, {"metadata": ""}).metadata) == {}
    assert v1.customers.update(made.id, {"description": ""}).description is None
    long = refused(stripe.InvalidRequestError, v1.customers.create, {"metadata": {"a": "x" * 501}})
    assert long.user_message.startswith(
        "Metadata values can have up to 500 characters, but you passed in a value that is 501 characters. Invalid value: ")
    key = refused(stripe.InvalidRequestError, v1.customers.create, {"metadata": {"k" * 41: "x"}})
    assert key.user_message.startswith(
        "Metadata keys can have up to 40 characters, but you passed in a key that is 41 characters. Invalid key: ")


def test_expansion(v1):
    customer = v1.customers.create({"email": "jenny@example.com"})
    intent = v1.payment_intents.create({
        "amount": 1000, "currency": "usd", "customer": customer.id, "confirm": True, "payment_method": "pm_card_visa",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "expand": ["customer", "latest_charge.balance_transaction"]})
    assert intent.customer.email == "jenny@example.com"
    assert intent.latest_charge.balance_transaction is None or intent.latest_charge.balance_transaction.fee == 59
    found = v1.payment_intents.list({"expand": ["data.customer", "data.latest_charge.customer"]}).data[0]
    assert found.customer.id == found.latest_charge.customer.id == customer.id
    wrong = refused(stripe.InvalidRequestError, v1.customers.retrieve, customer.id, {"expand": ["foo"]})
    assert (wrong.http_status, wrong.code, wrong.user_message) == (400, None, "This property cannot be expanded (foo).")
    deep = refused(stripe.InvalidRequestError, v1.customers.list, {"expand": ["data.a.b.c.d"]})
    assert (deep.code, deep.user_message) == (
        "property_expansion_max_depth", "You cannot expand more than 4 levels of a property. Property: data.a.b.c.d")


def test_a_deleted_customer_is_remembered_as_deleted(v1):
    customer = v1.customers.create({})
    gone = v1.customers.delete(customer.id)
    assert plain(gone) == {"id": customer.id, "object": "customer", "deleted": True}
    assert plain(v1.customers.retrieve(customer.id)) == plain(gone)
    assert v1.customers.list().data == []
    error = refused(stripe.InvalidRequestError, v1.customers.update, customer.id, {"name": "x"})
    assert error.http_status == 404


def test_a_repeated_request_is_done_once(client, v1):
    key = f"k-{uuid.uuid4()}"
    first = v1.customers.create({"email": "jenny@example.com"}, {"idempotency_key": key})
    again = v1.customers.create({"email": "jenny@example.com"}, {"idempotency_key": key})
    assert first.id == again.id and len(v1.customers.list().data) == 1
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert again.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    other = refused(stripe.IdempotencyError, v1.customers.create, {"email": "kim@example.com"}, {"idempotency_key": key})
    assert other.http_status == 400
    assert other.user_message == (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using "
        f"a key other than '{key}' if you meant to execute a different request.")
    event = v1.events.list({"type": "customer.created"}).data[0]
    assert event.request.idempotency_key == key
    assert event.request.id == first.last_response.headers["Request-Id"]


def test_a_declined_payment_is_replayed_too(v1):
    key = str(uuid.uuid4())
    params = {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa_chargeDeclined",
              "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    ids = {refused(stripe.CardError, v1.payment_intents.create, params, {"idempotency_key": key}).request_id for _ in (1, 2)}
    assert len(v1.payment_intents.list().data) == 1
    assert len(ids) == 2 or len(ids) == 1


def test_errors_of_every_shape(client, v1, url):
    missing = refused(stripe.InvalidRequestError, v1.customers.retrieve, "cus_none")
    body = missing.json_body["error"]
    assert (missing.http_status, body["type"], body["code"], body["param"], body["message"]) == (
        404, "invalid_request_error", "resource_missing", "id", "No such customer: 'cus_none'")
    assert body["doc_url"] == "https://stripe.com/docs/error-codes/resource-missing"
    assert body["request_log_url"].startswith("https://dashboard.stripe.com/")
    assert list(body) == sorted(body)
    unknown = refused(stripe.InvalidRequestError, v1.customers.create, {"emial": "x"})
    assert (unknown.code, unknown.param, unknown.user_message) == (
        "parameter_unknown", "emial", "Received unknown parameter: emial")
    two = refused(stripe.InvalidRequestError, v1.customers.create, {"b_x": "1", "a_x": "2"})
    assert two.user_message.startswith("Received unknown parameters: ")
    absent = refused(stripe.InvalidRequestError, v1.payment_intents.create, {"amount": 100})
    assert (absent.code, absent.param, absent.user_message) == (
        "parameter_missing", "currency", "Missing required param: currency.")
    number = refused(stripe.InvalidRequestError, v1.payment_intents.create, {"amount": "55.00", "currency": "usd"})
    assert (number.code, number.param, number.user_message) == (
        "parameter_invalid_integer", "amount", "Invalid integer: 55.00")
    currency = refused(stripe.InvalidRequestError, v1.payment_intents.create, {"amount": 100, "currency": "zzz"})
    assert currency.param == "currency"
    assert currency.user_message.startswith("Invalid currency: zzz. Stripe currently supports these currencies: usd, aed,")
    enum = refused(stripe.InvalidRequestError, v1.refunds.create, {"payment_intent": "pi_x", "reason": "boredom"})
    assert (enum.code, enum.user_message) == (
        None, "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer")
    body_id = refused(stripe.InvalidRequestError, v1.subscriptions.create,
                      {"customer": v1.customers.create({}).id, "items": [{"price": "price_none"}]})
    assert (body_id.http_status, body_id.code, body_id.user_message) == (400, "resource_missing", "No such price: 'price_none'")
    assert body_id.param == "items[0][price]"
    status, answered, wrong = call(f"{url}/v1/nothing", headers=headers(client))
    assert (status, wrong["error"]["type"]) == (404, "invalid_request_error")
    assert wrong["error"]["message"].startswith("Unrecognized request URL (GET: /v1/nothing).")
    assert answered["Request-Id"].startswith("req_")


def test_keys(url):
    status, answered, body = call(f"{url}/v1/customers")
    assert status == 401 and body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"].startswith("You did not provide an API key. You need to provide your API key")
    live = stripe.StripeClient("sk_live_123456789012345678901234", base_addresses={"api": url})
    error = refused(stripe.AuthenticationError, live.v1.customers.list)
    assert error.http_status == 401
    one, two = new_client(), new_client()
    made = one.v1.customers.create({})
    assert refused(stripe.InvalidRequestError, two.v1.customers.retrieve, made.id).http_status == 404


def test_versions(client, url):
    old = client.v1.customers.create({}, {"stripe_version": "2023-10-16"})
    assert old.last_response.headers["Stripe-Version"] == "2023-10-16"
    error = refused(stripe.InvalidRequestError, client.v1.customers.create, {}, {"stripe_version": "2019-2-19"})
    assert error.user_message == "Invalid Stripe API version: 2019-2-19"


def test_headers_of_an_answer(client, url):
    _, answered, _ = call(f"{url}/v1/customers", headers=headers(client))
    assert answered["Request-Id"].startswith("req_") and len(answered["Request-Id"]) == 18
    assert answered["Stripe-Version"] == "2026-10-28.endive"
    assert answered["Content-Type"].startswith("application/json")
    assert answered["Access-Control-Allow-Origin"] == "*"


def test_what_is_not_simulated_is_said(client, url):
    status, _, body = call(f"{url}/v1/issuing/cards", headers=headers(client))
    assert status == 501 and "error" in body


def test_events_tell_who_asked_and_what_was(client, v1):
    customer = v1.customers.create({"email": "old@example.com"})
    v1.customers.update(customer.id, {"email": "new@example.com"})
    v1.customers.update(customer.id, {"email": "new@example.com"})
    updated = v1.events.list({"type": "customer.updated"}).data
    assert len(updated) == 1
    event = plain(v1.events.retrieve(updated[0].id))
    assert event["data"]["previous_attributes"] == {"email": "old@example.com"}
    assert (event["api_version"], event["livemode"], event["object"]) == ("2026-10-28.endive", False, "event")
    assert [each.type for each in v1.events.list({"types": ["customer.created"]}).data] == ["customer.created"]
    assert {each.type for each in v1.events.list({"type": "customer.*"}).data} == {"customer.created", "customer.updated"}


def test_many_at_once_lose_nothing(client, v1):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(lambda n: v1.customers.create({"name": str(n)}).id, range(100)))
    assert len(set(ids)) == 100
    assert len(list(v1.customers.list({"limit": 100}).auto_paging_iter())) == 100


def test_catalogue(v1):
    product = v1.products.create({"name": "Pro", "default_price_data": {
        "currency": "usd", "unit_amount": 1000, "recurring": {"interval": "month"}}, "marketing_features": [{"name": "All"}]})
    price = v1.prices.retrieve(product.default_price)
    assert (price.type, price.recurring.interval, price.recurring.usage_type, price.unit_amount_decimal) in [
        ("recurring", "month", "licensed", 1000), ("recurring", "month", "licensed", "1000")]
    blocked = refused(stripe.InvalidRequestError, v1.prices.update, price.id, {"active": False})
    assert blocked.user_message == "This price cannot be archived because it is the default price of its product."
    kept = refused(stripe.InvalidRequestError, v1.products.delete, product.id)
    assert kept.user_message == "This product cannot be deleted because it has one or more user-created prices."
    keyed = v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 500, "lookup_key": "std"})
    taken = refused(stripe.InvalidRequestError, v1.prices.create,
                    {"product": product.id, "currency": "usd", "unit_amount": 600, "lookup_key": "std"})
    assert taken.user_message == f"A price (`{keyed.id}`) already uses that lookup key."
    moved = v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 600, "lookup_key": "std",
                              "transfer_lookup_key": True})
    assert [each.id for each in v1.prices.list({"lookup_keys": ["std"]}).data] == [moved.id]
    assert v1.prices.retrieve(keyed.id).lookup_key is None
    coupon = v1.coupons.create({"id": "SAVE", "percent_off": 12.5, "duration": "once", "max_redemptions": 1})
    assert (coupon.id, coupon.percent_off, coupon.valid) == ("SAVE", 12.5, True)
    again = refused(stripe.InvalidRequestError, v1.coupons.create, {"id": "SAVE", "percent_off": 5})
    assert (again.code, again.user_message) == ("resource_already_exists", "Coupon already exists.")
    nothing = refused(stripe.InvalidRequestError, v1.coupons.create, {"duration": "once"})
    assert nothing.user_message == "Must provide percent_off or amount_off."
    bare = refused(stripe.InvalidRequestError, v1.coupons.create, {"amount_off": 5})
    assert bare.user_message == "You must pass currency when passing amount_off"
    assert v1.coupons.delete("SAVE").deleted is True
    assert refused(stripe.InvalidRequestError, v1.coupons.retrieve, "SAVE").http_status == 404


def test_customers_and_what_belongs_to_them(v1):
    customer = v1.customers.create({
        "name": "Jenny", "email": "jenny@example.com", "phone": "+15555550100",
        "address": {"line1": "1 Main St", "city": "Berlin", "country": "DE"}, "preferred_locales": ["de"]})
    assert (customer.address.city, customer.balance, customer.delinquent) == ("Berlin", 0, False)
    tax_id = v1.customers.tax_ids.create(customer.id, {"type": "eu_vat", "value": "DE123456789"})
    assert (tax_id.type, tax_id.country) == ("eu_vat", "DE")
    assert [each.id for each in v1.customers.tax_ids.list(customer.id).data] == [tax_id.id]
    assert v1.customers.tax_ids.delete(customer.id, tax_id.id).deleted is True
    movement = v1.customers.balance_transactions.create(customer.id, {"amount": -500, "currency": "usd", "description": "Sorry"})
    assert (movement.type, movement.ending_balance) == ("adjustment", -500)
    assert v1.customers.retrieve(customer.id).balance == -500
    for card in ("pm_card_visa", "pm_card_mastercard"):
        v1.payment_methods.attach(card, {"customer": customer.id})
    found = v1.payment_methods.list({"customer": customer.id, "type": "card"}).data
    assert [each.card.brand for each in found] == ["mastercard", "visa"]
    error = refused(stripe.CardError, v1.payment_methods.attach, "pm_card_chargeDeclined", {"customer": customer.id})
    assert error.http_status == 402
