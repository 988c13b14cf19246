"""The platform as it was recorded: authentication, headers, parameters, lists, search, ids, checkout, meters."""

import base64
import re

import pytest
from shop import Api, call

DAHLIA = "2026-08-26.dahlia"


@pytest.fixture
def api(url):
    return Api(url)


def message_of(api, path, *pairs, method="POST", version=DAHLIA, **params):
    return api.refused(version, method, path, *pairs, **params)[1]["message"]


def test_ways_to_say_who_one_is(api, url):
    basic = base64.b64encode(f"{api.key}:".encode()).decode()
    for headers in ({"Authorization": f"Bearer {api.key}"}, {"Authorization": f"Basic {basic}"}):
        assert call(f"{url}/v1/customers", headers=headers)[0] == 200
    status, _, body = call(f"{url}/v1/customers")
    assert (status, list(body["error"])) == (401, ["message", "type"])
    assert body["error"] == {
        "type": "invalid_request_error",
        "message": "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer "
                   "auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for "
                   "details, or we can help at https://support.stripe.com/."}
    status, headers, body = call(f"{url}/v1/customers", headers={"Authorization": "Bearer nonsense_1234"})
    assert status == 401 and body["error"]["message"].startswith("Invalid API Key provided: ")
    assert body["error"]["message"].endswith("1234")
    assert headers["WWW-Authenticate"] == 'Bearer realm="Stripe"'
    assert headers["Request-Id"] is None and headers["Stripe-Version"] is None
    status, _, body = call(f"{url}/v1/customers", headers={"Authorization": "Bearer pk_test_123456789012345678901234"})
    assert status in (401, 403)
    assert body["error"]["message"].startswith(
        "This API call cannot be made with a publishable API key. Please use a secret API key.")


def test_headers(api, url):
    status, headers, body = api.ask(DAHLIA, "POST", "/v1/customers", name="Jenny")
    assert status == 200
    assert re.fullmatch(r"req_[A-Za-z0-9]{14}", headers["Request-Id"])
    assert headers["Stripe-Version"] == DAHLIA
    assert headers["Content-Type"].startswith("application/json")
    assert headers["Cache-Control"] == "no-cache, no-store"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Access-Control-Allow-Methods"] == "GET, HEAD, PUT, PATCH, POST, DELETE"
    assert headers["Access-Control-Max-Age"] == "300"
    assert headers["Access-Control-Expose-Headers"] == (
        "Request-Id, Stripe-Manage-Version, Stripe-Should-Retry, X-Stripe-External-Auth-Required, "
        "X-Stripe-Privileged-Session-Required")
    assert "max-age=" in headers["Strict-Transport-Security"]
    assert headers["Vary"] == "Origin"
    # Executed posts are not to be retried.
    assert headers["Stripe-Should-Retry"] == "false"
    _, headers, _ = api.ask(DAHLIA, "POST", "/v1/customers", emial="x")
    assert headers["Stripe-Should-Retry"] is None


def test_bodies_are_written_in_two_spaces(api, url):
    import urllib.request
    request = urllib.request.Request(f"{url}/v1/customers", headers={"Authorization": f"Bearer {api.key}"})
    with urllib.request.urlopen(request) as response:
        text = response.read().decode()
    assert text.startswith('{\n  "object": "list",\n  "data": []')


def test_keys_of_repeated_requests(api, url):
    def post(path, form, key):
        return call(url + path, "POST", form, headers={
            "Authorization": f"Bearer {api.key}", "Idempotency-Key": key, "Stripe-Version": DAHLIA})

    _, first, body = post("/v1/customers", "name=Jenny", "k1")
    assert (first["Idempotency-Key"], first["Original-Request"]) == ("k1", first["Request-Id"])
    assert first["Idempotent-Replayed"] is None
    _, again, replayed = post("/v1/customers", "name=Jenny", "k1")
    assert (again["Idempotent-Replayed"], again["Original-Request"]) == ("true", first["Request-Id"])
    assert again["Request-Id"] != first["Request-Id"] and replayed == body
    status, _, error = post("/v1/customers", "name=Kim", "k1")
    assert (status, error["error"]["type"], error["error"]["message"]) == (
        400, "idempotency_error", "Keys for idempotent requests can only be used with the same parameters they were first used "
        "with. Try using a key other than 'k1' if you meant to execute a different request.")
    # What was never executed is not kept.
    status, headers, _ = post("/v1/customers", "emial=x", "k2")
    assert status == 400 and headers["Idempotency-Key"] == "k2"
    assert post("/v1/customers", "name=Jenny", "k2")[0] == 200
    assert post("/v1/customers", "name=Jenny", "k" * 256)[0] == 400
    _, headers, _ = call(f"{url}/v1/customers", headers={"Authorization": f"Bearer {api.key}", "Idempotency-Key": "k3"})
    assert headers["Idempotency-Key"] is None


def test_an_error_has_its_members_in_order(api):
    status, error = api.refused(DAHLIA, "GET", "/v1/customers/x")
    assert list(error) == ["code", "doc_url", "message", "param", "request_log_url", "type"]
    assert error["request_log_url"].startswith("https://dashboard.stripe.com/")
    assert "/test/workbench/logs?object=req_" in error["request_log_url"]


@pytest.mark.parametrize("path,pairs,message", [
    ("/v1/customers", [("emial", "x")], "Received unknown parameter: emial"),
    ("/v1/customers", [("x_a", "1"), ("x_b", "1")], "Received unknown parameters: x_a, x_b"),
    ("/v1/customers", [("address[town]", "x")], "Received unknown parameter: address[town]"),
    ("/v1/payment_intents", [("currency", "usd")], "Missing required param: amount."),
    ("/v1/payment_intents", [("currency", "usd"), ("amount", "55.00")], "Invalid integer: 55.00"),
    ("/v1/payment_intents", [("currency", "usd"), ("amount", "")],
     "You passed an empty string for 'amount'. We assume empty values are an attempt to unset a parameter; however 'amount' "
     "cannot be unset. You should remove 'amount' from your request or supply a non-empty value."),
    ("/v1/coupons", [("percent_off", "ten"), ("duration", "once")], "Invalid decimal: ten"),
    ("/v1/products", [("name", "x"), ("active", "maybe")], "Invalid boolean: maybe"),
    ("/v1/customers", [("address", "x")], "Invalid object"),
    ("/v1/webhook_endpoints", [("url", "http://localhost/x"), ("enabled_events", "x")], "Invalid array"),
    ("/v1/customers", [("name[0]", "a")], 'Invalid string: {"0":"a"}'),
    ("/v1/customers", [("tax_exempt", "maybe")], "Invalid tax_exempt: must be one of exempt, none, or reverse"),
    ("/v1/customers", [("name", "abcd" + "x" * 4993 + "wxyz")], "Invalid string: abcd...wxyz; must be at most 5000 characters"),
    ("/v1/customers", [("metadata[k]", "v" * 501)], None),
    ("/v1/customers", [("expand[]", "foo")], "This property cannot be expanded (foo)."),
    ("/v1/customers", [("expand[]", "a.b.c.d.e")], "You cannot expand more than 4 levels of a property. Property: a.b.c.d.e"),
])
def test_parameters(api, path, pairs, message):
    status, error = api.refused(DAHLIA, "POST", path, *pairs)
    assert status == 400 and error["type"] == "invalid_request_error"
    if message is None:
        assert error["message"].startswith(
            "Metadata values can have up to 500 characters, but you passed in a value that is 501 characters. Invalid value: ")
    else:
        assert error["message"] == message
    if message and message.startswith("Received unknown"):
        assert error["code"] == "parameter_unknown" and error["param"] == pairs[0][0]


def test_metadata(api):
    made = api.post(DAHLIA, "/v1/customers", ("metadata[a]", "1"), ("metadata[b]", "2"))
    path = f"/v1/customers/{made['id']}"
    assert api.post(DAHLIA, path, ("metadata[a]", ""), ("metadata[c]", "3"))["metadata"] == {"b": "2", "c": "3"}
    many = [(f"metadata[k{n}]", "v") for n in range(51)]
    assert message_of(api, "/v1/customers", *many).startswith("Metadata can have up to 50 keys, but you've set 51")
    assert message_of(api, "/v1/customers", (f"metadata[{'k' * 41}]", "v")) == (
        f"Metadata keys can have up to 40 characters, but you passed in a key that is 41 characters. Invalid key: {'k' * 41}")


@pytest.mark.parametrize("path,end", [
    ("/v1/nothing", "Please see https://stripe.com/docs or we can help at https://support.stripe.com/."),
])
def test_urls_that_are_none(api, path, end):
    status, error = api.refused(DAHLIA, "GET", path)
    assert status == 404
    assert error["message"].startswith(f"Unrecognized request URL (GET: {path}).")
    assert error["message"].endswith(end)
    status, error = api.refused(DAHLIA, "GET", "/v1/customers/")
    assert status == 404 and "If you are trying to list objects, remove the trailing slash." in error["message"]
    status, error = api.refused(DAHLIA, "DELETE", "/v1/payment_intents/pi_x")
    assert (status, error["message"]) == (
        404, "Unrecognized request URL (DELETE: /v1/payment_intents/pi_x). Please see https://stripe.com/docs or we can help "
        "at https://support.stripe.com/.")


def test_lists(api):
    ids = [api.post(DAHLIA, "/v1/customers")["id"] for _ in range(12)][::-1]
    body = api.get(DAHLIA, "/v1/customers")
    assert list(body) == ["object", "data", "has_more", "url"]
    assert ([each["id"] for each in body["data"]], body["has_more"], body["url"]) == (ids[:10], True, "/v1/customers")
    for limit, count in ((0, 1), (-5, 1), (1000, 12)):
        assert len(api.get(DAHLIA, "/v1/customers", limit=limit)["data"]) == count
    assert [each["id"] for each in api.get(DAHLIA, "/v1/customers", limit=2, ending_before=ids[5])["data"]] == ids[3:5]
    status, error = api.refused(DAHLIA, "GET", "/v1/customers", starting_after="x")
    assert (status, error["code"], error["param"], error["message"]) == (
        400, "resource_missing", "starting_after", "No such customer: 'x'")
    assert message_of(api, "/v1/customers", method="GET", starting_after=ids[0], ending_before=ids[1]) == (
        "Received both starting_after and ending_before parameters. Please pass in only one.")
    assert message_of(api, "/v1/customers", ("expand[]", "foo"), method="GET") == (
        "This property cannot be expanded (foo). You may want to try expanding 'data.foo' instead.")
    assert api.refused(DAHLIA, "GET", "/v1/customers/search", query="created>0", limit=101)[0] == 400


def test_customers_on_clocks_are_listed_with_their_clock_only(api):
    clock = api.post(DAHLIA, "/v1/test_helpers/test_clocks", frozen_time=1_790_000_000)["id"]
    on_clock = api.post(DAHLIA, "/v1/customers", test_clock=clock)["id"]
    off = api.post(DAHLIA, "/v1/customers")["id"]
    assert [each["id"] for each in api.get(DAHLIA, "/v1/customers")["data"]] == [off]
    assert [each["id"] for each in api.get(DAHLIA, "/v1/customers", test_clock=clock)["data"]] == [on_clock]


def test_search(api):
    product = api.post(DAHLIA, "/v1/products", ("metadata[k]", "it's \"x\""), name="Red shoes", description="Fine")
    api.post(DAHLIA, "/v1/products", name="Blue shoes", active="false")
    path = "/v1/products/search"

    def found(query):
        return [each["name"] for each in api.get(DAHLIA, path, query=query)["data"]]

    assert found('name:"Red shoes"') == ["Red shoes"]
    assert found('name~"shoes" AND active:"true"') == ["Red shoes"]
    assert found("name~'shoes' active:'false'") == ["Blue shoes"]
    assert sorted(found('name:"Red shoes" OR name:"Blue shoes"')) == ["Blue shoes", "Red shoes"]
    assert found('-name:"Red shoes"') == ["Blue shoes"]
    assert found('metadata["k"]:"it\'s \\"x\\""') == ["Red shoes"]
    assert found("description:null") == ["Blue shoes"]
    assert found('metadata["k"]:null') == ["Blue shoes"]
    assert message_of(api, path, method="GET", query="name") == (
        'We were unable to parse your search query. Try using the format `metadata["key"]:"value"` to query for metadata or '
        'key:"value" to query for other fields.')
    assert message_of(api, path, method="GET", query='foo:"x"') == (
        "Field `foo` is an unsupported search field for resource `products`. See "
        "http://stripe.com/docs/search#query-fields-for-products for a list of supported fields.")
    assert message_of(api, path, method="GET", query='name:"x"', page="nonsense") == "nonsense is an invalid page."
    assert product["id"].startswith("prod_")


@pytest.mark.parametrize("kind,queries", [
    ("charges", ["amount>500", 'currency:"usd"', 'status:"succeeded"', "refunded:\"false\"", 'disputed:"false"',
                 'payment_method_details.card.last4:"4242"', 'payment_method_details.card.brand:"visa"']),
    ("payment_intents", ["amount:1000", 'status:"succeeded"', 'currency:"usd"', "created>0"]),
])
def test_fields_to_search_by(api, kind, queries):
    api.post(DAHLIA, "/v1/payment_intents", ("payment_method_types[]", "card"), amount=1000, currency="usd", confirm="true",
             payment_method="pm_card_visa")
    for query in queries:
        assert len(api.get(DAHLIA, f"/v1/{kind}/search", query=query)["data"]) == 1, query


@pytest.mark.parametrize("path,pairs,pattern", [
    ("/v1/customers", [], r"cus_[A-Za-z0-9]{14}"),
    ("/v1/products", [("name", "x")], r"prod_[A-Za-z0-9]{14}"),
    ("/v1/coupons", [("percent_off", "5"), ("duration", "once")], r"[A-Za-z0-9]{8}"),
    ("/v1/payment_intents", [("amount", "100"), ("currency", "usd")], r"pi_3[A-Za-z0-9]{23}"),
    ("/v1/setup_intents", [], r"seti_1[A-Za-z0-9]{23}"),
    ("/v1/billing/meters", [("display_name", "x"), ("event_name", "x"), ("default_aggregation[formula]", "sum")], r"mtr_test_61[A-Za-z0-9]+"),
    ("/v1/entitlements/features", [("name", "x"), ("lookup_key", "x")], r"feat_test_61[A-Za-z0-9]+"),
])
def test_ids(api, path, pairs, pattern):
    assert re.fullmatch(pattern, api.post(DAHLIA, path, *pairs)["id"])


def test_deleted_things(api):
    customer = api.post(DAHLIA, "/v1/customers")["id"]
    status, _, gone = api.ask(DAHLIA, "DELETE", f"/v1/customers/{customer}")
    assert gone == {"id": customer, "object": "customer", "deleted": True}
    assert api.get(DAHLIA, f"/v1/customers/{customer}") == gone
    product = api.post(DAHLIA, "/v1/products", name="x")["id"]
    assert api.ask(DAHLIA, "DELETE", f"/v1/products/{product}")[2]["deleted"] is True
    assert api.ask(DAHLIA, "GET", f"/v1/products/{product}")[0] == 404
    coupon = api.post(DAHLIA, "/v1/coupons", percent_off=5, duration="once")["id"]
    api.ask(DAHLIA, "DELETE", f"/v1/coupons/{coupon}")
    assert api.ask(DAHLIA, "GET", f"/v1/coupons/{coupon}")[0] == 404


def test_catalogue(api):
    product = api.post(DAHLIA, "/v1/products", id="mine", name="x")
    assert product["id"] == "mine"
    status, error = api.refused(DAHLIA, "POST", "/v1/products", id="mine", name="x")
    assert (error["code"], error["message"]) == ("resource_already_exists", "Product already exists.")
    price = api.post(DAHLIA, "/v1/prices", product="mine", currency="USD", unit_amount=500, lookup_key="k", active="false")
    assert price["currency"] == "usd"
    assert message_of(api, "/v1/prices", product="mine", currency="usd", unit_amount=500, lookup_key="k") == (
        f"A price (`{price['id']}`) already uses that lookup key.")
    before = len(api.get(DAHLIA, "/v1/events", type="price.updated")["data"])
    api.post(DAHLIA, "/v1/prices", product="mine", currency="usd", unit_amount=500, lookup_key="k", transfer_lookup_key="true")
    assert len(api.get(DAHLIA, "/v1/events", type="price.updated")["data"]) == before + 1
    assert message_of(api, f"/v1/prices/{price['id']}", unit_amount=7) == "Received unknown parameter: unit_amount"
    assert api.ask(DAHLIA, "DELETE", f"/v1/prices/{price['id']}")[0] == 404
    customer = api.post(DAHLIA, "/v1/customers")["id"]
    monthly = api.post(DAHLIA, "/v1/prices", ("recurring[interval]", "month"), product="mine", currency="usd", unit_amount=5,
                       active="false")["id"]
    assert message_of(api, "/v1/subscriptions", ("items[0][price]", monthly), customer=customer) == (
        "The price specified is inactive. This field only accepts active prices.")
    assert message_of(api, "/v1/prices", product="mine", currency="xyz", unit_amount=5).startswith(
        "Invalid currency: xyz. Stripe currently supports these currencies: usd, aed, ")
    coupon = api.post(DAHLIA, "/v1/coupons", ("applies_to[products][0]", "mine"), percent_off=5, duration="once")
    assert "applies_to" not in coupon
    shown = api.get(DAHLIA, f"/v1/coupons/{coupon['id']}", ("expand[0]", "applies_to"))
    assert shown["applies_to"] == {"products": ["mine"]}


def test_checkout_sessions(api, url):
    product = api.post(DAHLIA, "/v1/products", name="x")["id"]
    price = api.post(DAHLIA, "/v1/prices", product=product, currency="usd", unit_amount=500)["id"]
    line = [("line_items[0][price]", price), ("line_items[0][quantity]", 1)]
    made = api.post(DAHLIA, "/v1/checkout/sessions", *line, mode="payment", success_url="https://example.com/{CHECKOUT_SESSION_ID}")
    assert re.fullmatch(r"cs_test_a1[A-Za-z0-9]{56}", made["id"])
    assert (made["status"], made["payment_status"], made["payment_intent"], made["subscription"], made["invoice"]) == (
        "open", "unpaid", None, None, None)
    assert made["expires_at"] - made["created"] == 86_400
    assert "line_items" not in made and made["client_secret"] is None
    assert made["success_url"] == "https://example.com/{CHECKOUT_SESSION_ID}"
    setup = api.post(DAHLIA, "/v1/checkout/sessions", mode="setup", currency="usd", success_url="https://example.com")
    assert setup["id"].startswith("cs_test_c1")
    assert (setup["payment_status"], setup["amount_total"], setup["setup_intent"][:5]) == ("no_payment_required", None, "seti_")
    assert api.post(DAHLIA, f"/v1/checkout/sessions/{made['id']}/expire")["status"] == "expired"
    assert message_of(api, f"/v1/checkout/sessions/{made['id']}/expire") == (
        'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of `expired`.')
    for offset, wanted in ((60, "must be at least 30 minutes from Checkout Session creation."),
                           (90_000, "must be less than 24 hours from Checkout Session creation.")):
        assert message_of(api, "/v1/checkout/sessions", *line, mode="payment", success_url="https://example.com",
                          expires_at=made["created"] + offset) == f"The `expires_at` timestamp {wanted}"
    status, error = api.refused(DAHLIA, "GET", "/v1/checkout/sessions/cs_x")
    assert (status, error["message"], error.get("param")) == (404, "No such checkout.session: cs_x", None)


def test_webhook_endpoints(api):
    made = api.post(DAHLIA, "/v1/webhook_endpoints", ("enabled_events[0]", "*"), url="https://example.com/0")
    assert made["secret"].startswith("whsec_") and made["api_version"] is None
    assert "secret" not in api.get(DAHLIA, f"/v1/webhook_endpoints/{made['id']}")
    for n in range(1, 16):
        api.post(DAHLIA, "/v1/webhook_endpoints", ("enabled_events[0]", "*"), url=f"https://example.com/{n}")
    assert message_of(api, "/v1/webhook_endpoints", ("enabled_events[0]", "*"), url="https://example.com/x") == (
        "You have reached the maximum of 16 test webhook endpoints.")


def test_meters(api):
    made = api.post(DAHLIA, "/v1/billing/meters", ("default_aggregation[formula]", "sum"), display_name="x", event_name="x")
    assert made["customer_mapping"] == {"event_payload_key": "stripe_customer_id", "type": "by_id"}
    assert made["value_settings"] == {"event_payload_key": "value"}
    assert (made["status"], made["event_time_window"]) == ("active", None)
    customer = api.post(DAHLIA, "/v1/customers")["id"]
    payload = [("payload[stripe_customer_id]", customer), ("payload[value]", "5")]
    api.post(DAHLIA, "/v1/billing/meter_events", *payload, event_name="x", identifier="one")
    assert message_of(api, "/v1/billing/meter_events", *payload, event_name="x", identifier="one") == (
        "An event already exists with identifier one.")
    assert message_of(api, "/v1/billing/meter_events", *payload, event_name="y").startswith("No active meter found with")
    now = made["created"]
    for timestamp in (now - 36 * 86_400, now + 600):
        assert api.refused(DAHLIA, "POST", "/v1/billing/meter_events", *payload, event_name="x", timestamp=timestamp)[0] == 400
    cancelled = api.post(DAHLIA, "/v1/billing/meter_event_adjustments", ("cancel[identifier]", "one"), event_name="x", type="cancel")
    assert cancelled["status"] == "pending"
    path = f"/v1/billing/meters/{made['id']}/event_summaries"
    assert api.refused(DAHLIA, "GET", path, customer=customer, start_time=61, end_time=120)[0] == 400


def test_features(api):
    made = api.post(DAHLIA, "/v1/entitlements/features", name="x", lookup_key="x")
    assert api.refused(DAHLIA, "POST", "/v1/entitlements/features", name="y", lookup_key="x")[0] == 400
    assert api.refused(DAHLIA, "POST", "/v1/entitlements/features", name="y", lookup_key="k" * 81)[0] == 400
    archived = api.post(DAHLIA, f"/v1/entitlements/features/{made['id']}", active="false")
    assert archived["active"] is False
    assert api.get(DAHLIA, "/v1/entitlements/features")["data"] == []
    # A key is free again once its holder is archived.
    assert api.post(DAHLIA, "/v1/entitlements/features", name="y", lookup_key="x")["id"] != made["id"]
