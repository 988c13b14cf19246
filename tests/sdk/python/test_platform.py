"""Conventions, events, webhook endpoints, thin events and the sandbox's own endpoints."""

import json
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import stripe

from conftest import URL, new_client

CARD = {"payment_method": "pm_card_visa", "confirm": True, "return_url": "https://example.com"}


class Receiver:
    """A webhook endpoint that keeps what it is sent."""

    def __init__(self, statuses=()):
        received, waiting = [], list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                received.append((dict(self.headers), body))
                self.send_response(waiting.pop(0) if waiting else 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.received = received
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, count, seconds=10):
        end = time.monotonic() + seconds
        while len(self.received) < count and time.monotonic() < end:
            time.sleep(0.01)
        assert len(self.received) >= count, f"{len(self.received)} of {count} came"
        return self.received

    def close(self):
        self.server.shutdown()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def control(method, path, body=None, key=None):
    request = urllib.request.Request(f"{URL}{path}", method=method)
    request.add_header("content-type", "application/json")
    if key:
        request.add_header("authorization", f"Bearer {key}")
    data = json.dumps(body or {}).encode() if method != "GET" else None
    with urllib.request.urlopen(request, data) as answer:
        return json.loads(answer.read())


# ---- errors ---------------------------------------------------------------------------------


def test_an_unknown_id_is_a_404_with_code_param_and_request_id(client):
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.customers.retrieve("cus_none")
    error = raised.value
    assert error.http_status == 404
    assert error.code == "resource_missing"
    assert error.param == "id"
    assert error.user_message == "No such customer: 'cus_none'"
    assert error.request_id.startswith("req_")
    assert error.json_body["error"]["doc_url"] == "https://stripe.com/docs/error-codes/resource-missing"
    assert error.json_body["error"]["request_log_url"].endswith(error.request_id)


def test_each_parameter_error_has_its_text(client):
    product = client.v1.products.create({"name": "x"})
    cases = [
        ({"product": product.id}, "parameter_missing", "currency", "Missing required param: currency."),
        (
            {"product": product.id, "currency": "usd", "unit_amount": "ten"},
            "parameter_invalid_integer", "unit_amount", "Invalid integer: ten",
        ),
        (
            {"product": product.id, "currency": "usd", "amount": 1, "colour": "red"},
            "parameter_unknown", "amount", "Received unknown parameters: amount, colour",
        ),
        (
            {"product": product.id, "currency": "usd", "unit_amount": 1, "billing_scheme": "x"},
            None, "billing_scheme", "Invalid billing_scheme: must be one of per_unit or tiered",
        ),
    ]
    for params, code, param, message in cases:
        with pytest.raises(stripe.InvalidRequestError) as raised:
            client.v1.prices.create(params)
        error = raised.value
        assert (error.http_status, error.code, error.param) == (400, code, param)
        assert error.user_message == message


def test_a_declined_card_is_a_card_error(client):
    with pytest.raises(stripe.CardError) as raised:
        client.v1.payment_intents.create(
            {"amount": 1000, "currency": "usd", **CARD, "payment_method": "pm_card_chargeDeclined"}
        )
    error = raised.value
    assert (error.http_status, error.code) == (402, "card_declined")
    assert error.error.decline_code == "generic_decline"
    assert error.error.payment_intent.status == "requires_payment_method"


def test_keys_are_checked():
    for key in ("sk_wrong_1234567890", "sk_live_never"):
        wrong = stripe.StripeClient(key, base_addresses={"api": URL}, max_network_retries=0)
        with pytest.raises(stripe.AuthenticationError) as raised:
            wrong.v1.customers.list()
        assert raised.value.http_status == 401
    published = stripe.StripeClient("pk_test_1", base_addresses={"api": URL}, max_network_retries=0)
    with pytest.raises(stripe.PermissionError):
        published.v1.customers.list()


def test_another_account_is_a_permission_error(client):
    with pytest.raises(stripe.PermissionError) as raised:
        client.v1.customers.list(options={"stripe_account": "acct_other"})
    assert raised.value.error.code == "account_invalid"


def test_a_rate_limit_and_a_failure_are_theirs(client):
    path = f"/v1/customers/cus_{time.monotonic_ns()}"
    for kind, error in (
        ({"kind": "rate_limit", "retry_after_s": 1}, stripe.RateLimitError),
        ({"kind": "fail_before", "status": 500}, stripe.APIError),
    ):
        control("POST", "/sandbox/faults", {"method": "GET", "path": path, **kind})
        with pytest.raises(error):
            client.v1.customers.retrieve(path.rsplit("/", 1)[1])


def test_what_is_not_simulated_is_said(client):
    with pytest.raises(stripe.APIError) as raised:
        client.v1.payouts.list()
    assert raised.value.http_status == 501
    assert "POST /v1/customers" in raised.value.json_body["error"]["supported"]


# ---- idempotency ----------------------------------------------------------------------------


def test_a_key_replays_its_answer(client):
    first = client.v1.customers.create({"name": "a"}, options={"idempotency_key": "k"})
    again = client.v1.customers.create({"name": "a"}, options={"idempotency_key": "k"})
    assert first.id == again.id
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert again.last_response.headers["original-request"] == first.last_response.request_id
    assert len(client.v1.customers.list().data) == 1


def test_a_key_is_refused_for_anything_else(client):
    client.v1.customers.create({"name": "a"}, options={"idempotency_key": "k"})
    for call in (
        lambda: client.v1.customers.create({"name": "b"}, options={"idempotency_key": "k"}),
        lambda: client.v1.products.create({"name": "a"}, options={"idempotency_key": "k"}),
    ):
        with pytest.raises(stripe.IdempotencyError) as raised:
            call()
        assert "Try using a key other than 'k'" in raised.value.user_message


def test_a_lost_answer_is_found_again_by_the_sdks_own_retry():
    client = stripe.StripeClient(
        f"sk_test_{time.monotonic_ns()}", base_addresses={"api": URL}, max_network_retries=2
    )
    control("POST", "/sandbox/faults", {"method": "POST", "path": "/v1/products", "kind": "cut_after"})
    product = client.v1.products.create({"name": "once"})
    assert [p.id for p in client.v1.products.list().data] == [product.id]


# ---- lists, expansion, metadata -------------------------------------------------------------


def test_pages_are_followed_in_both_directions(client):
    names = [f"c{n:02}" for n in range(25)]
    for name in names:
        client.v1.customers.create({"name": name})
    seen = [c.name for c in client.v1.customers.list({"limit": 7}).auto_paging_iter()]
    assert seen == list(reversed(names))
    oldest = client.v1.customers.list({"limit": 100}).data[-1].id
    page = client.v1.customers.list({"limit": 3, "ending_before": oldest})
    assert [c.name for c in page.data] == ["c03", "c02", "c01"]
    assert page.has_more
    assert len(client.v1.customers.list({"limit": 1000}).data) == 25
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.customers.list({"starting_after": "cus_none"})
    assert (raised.value.http_status, raised.value.param) == (400, "starting_after")


def test_lists_are_narrowed_by_time(client):
    made = client.v1.customers.create({"name": "a"}).created
    assert len(client.v1.customers.list({"created": {"gte": made}}).data) == 1
    assert client.v1.customers.list({"created": {"gt": made + 5}}).data == []
    assert client.v1.customers.list({"created": {"lt": made}}).data == []


def test_expansion_follows_its_rules(client):
    product = client.v1.products.create({"name": "Pro"})
    price = client.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 5, "expand": ["product"]}
    )
    assert price.product.name == "Pro"
    listed = client.v1.prices.list({"expand": ["data.product"]})
    assert listed.data[0].product.id == product.id
    for expand, text in (
        (["foo"], "This property cannot be expanded (foo)."),
        (["a.b.c.d.e"], "You cannot expand more than 4 levels of a property. Property: a.b.c.d.e"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as raised:
            client.v1.prices.retrieve(price.id, {"expand": expand})
        assert raised.value.user_message == text


def test_metadata_is_merged_and_limited(client):
    customer = client.v1.customers.create({"metadata": {"a": "1", "b": "2"}})
    customer = client.v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})
    assert customer.metadata.to_dict() == {"b": "2", "c": "3"}
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.customers.create({"metadata": {"k" * 41: "v"}})
    assert "Metadata keys can have up to 40 characters" in raised.value.user_message


# ---- versions -------------------------------------------------------------------------------


def test_the_version_is_that_of_the_request(client):
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "once"})
    new = client.v1.coupons.retrieve(coupon.id)
    assert new.last_response.headers["stripe-version"] == stripe.api_version
    old = client.v1.account.retrieve_current(options={"stripe_version": "2023-10-16"}) if hasattr(
        client.v1, "account"
    ) else client.v1.coupons.retrieve(coupon.id, options={"stripe_version": "2023-10-16"})
    assert old.last_response.headers["stripe-version"] == "2023-10-16"
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.coupons.retrieve(coupon.id, options={"stripe_version": "2019-01-01"})
    assert raised.value.user_message == "Invalid Stripe API version: 2019-01-01"


# ---- events and webhooks --------------------------------------------------------------------


def test_events_say_what_changed_and_why(client):
    customer = client.v1.customers.create({"name": "a"}, options={"idempotency_key": "k1"})
    client.v1.customers.update(customer.id, {"name": "b"})
    updated, created = client.v1.events.list().data
    assert (created.type, updated.type) == ("customer.created", "customer.updated")
    assert created.request.idempotency_key == "k1"
    assert created.request.id == customer.last_response.request_id
    assert updated.data.previous_attributes.to_dict() == {"name": "a"}
    assert updated.data.object.name == "b"
    assert client.v1.events.retrieve(updated.id).id == updated.id
    only = client.v1.events.list({"types": ["customer.created"]})
    assert [event.id for event in only.data] == [created.id]
    family = client.v1.events.list({"type": "customer.*"})
    assert len(family.data) == 2


def test_webhook_endpoints_live_and_die(client):
    made = client.v1.webhook_endpoints.create(
        {"url": "https://example.com/hook", "enabled_events": ["invoice.paid"], "api_version": "2023-10-16",
         "description": "mine", "metadata": {"a": "1"}}
    )
    assert made.secret.startswith("whsec_")
    assert (made.status, made.api_version, made.livemode) == ("enabled", "2023-10-16", False)
    seen = client.v1.webhook_endpoints.retrieve(made.id)
    assert "secret" not in seen
    changed = client.v1.webhook_endpoints.update(made.id, {"disabled": True, "enabled_events": ["*"]})
    assert (changed.status, changed.enabled_events) == ("disabled", ["*"])
    assert [e.id for e in client.v1.webhook_endpoints.list().data] == [made.id]
    assert client.v1.webhook_endpoints.delete(made.id).deleted
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.webhook_endpoints.create({"url": "https://a.test", "enabled_events": ["nothing.known"]})
    assert raised.value.param == "enabled_events[0]"


def test_webhooks_arrive_signed_and_are_tried_again(client):
    receiver = Receiver([500])
    made = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["customer.created"]})
    customer = client.v1.customers.create({"name": "a"})
    received = receiver.wait_for(2)
    receiver.close()
    assert received[0][1] == received[1][1]
    headers, body = received[1]
    signature = headers.get("Stripe-Signature") or headers.get("stripe-signature")
    event = client.construct_event(body, signature, made.secret, tolerance=10**9)
    assert (event.type, event.data.object.id) == ("customer.created", customer.id)
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(body, signature, "whsec_other", tolerance=10**9)


def test_a_payload_has_the_version_of_its_endpoint(client, receiver):
    client.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["customer.created"], "api_version": "2023-10-16"}
    )
    client.v1.customers.create({"name": "a"})
    event = json.loads(receiver.wait_for(1)[0][1])
    assert event["api_version"] == "2023-10-16"


def test_an_event_is_sent_again_by_hand(client, receiver):
    client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    client.v1.customers.create({"name": "a"})
    receiver.wait_for(1)
    event = client.v1.events.list().data[0]
    control("POST", f"/sandbox/events/{event.id}/resend")
    assert json.loads(receiver.wait_for(2)[1][1])["id"] == event.id


# ---- thin events ----------------------------------------------------------------------------


def test_thin_events_tell_where_to_look(client, receiver):
    destination = client.v2.core.event_destinations.create(
        {
            "name": "mine", "type": "webhook_endpoint", "event_payload": "thin",
            "enabled_events": ["v1.customer.updated"],
            "webhook_endpoint": {"url": receiver.url},
            "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
        }
    )
    assert destination.status == "enabled"
    customer = client.v1.customers.create({"name": "a"})
    client.v1.customers.update(customer.id, {"name": "b"})
    headers, body = receiver.wait_for(1)[0]
    signature = headers.get("Stripe-Signature") or headers.get("stripe-signature")
    secret = destination.webhook_endpoint.signing_secret
    told = client.parse_event_notification(body, signature, secret, tolerance=10**9)
    assert told.type == "v1.customer.updated"
    assert told.related_object.id == customer.id
    event = told.fetch_event()
    assert event.changes.to_dict() == {"before": {"name": "a"}, "after": {"name": "b"}}
    assert told.fetch_related_object().name == "b"


def test_thin_events_are_listed_and_paged(client):
    for _ in range(5):
        client.v1.customers.create({"name": "a"})
    page = client.v2.core.events.list({"limit": 2, "types": ["v1.customer.created"]})
    assert len(page.data) == 2
    seen = [event.id for event in page.auto_paging_iter()]
    assert len(set(seen)) == 5
    assert client.v2.core.events.retrieve(seen[0]).type == "v1.customer.created"


def test_destinations_live_and_die(client, receiver):
    service = client.v2.core.event_destinations
    made = service.create(
        {
            "name": "mine", "type": "webhook_endpoint", "event_payload": "snapshot",
            "enabled_events": ["customer.created"], "snapshot_api_version": "2026-10-28.endive",
            "webhook_endpoint": {"url": receiver.url},
        }
    )
    assert made.snapshot_api_version == "2026-10-28.endive"
    assert service.update(made.id, {"name": "other"}).name == "other"
    assert service.disable(made.id).status_details.disabled.reason == "user"
    assert service.enable(made.id).status == "enabled"
    ping = service.ping(made.id)
    assert ping.type == "v2.core.event_destination.ping"
    assert json.loads(receiver.wait_for(1)[0][1])["id"] == ping.id
    assert [d.id for d in service.list().data] == [made.id]
    service.delete(made.id)
    with pytest.raises(stripe.StripeError) as raised:
        service.retrieve(made.id)
    assert raised.value.http_status == 404


# ---- the sandbox's own ----------------------------------------------------------------------


def test_an_event_is_triggered_on_my_customer():
    key = f"sk_test_{time.monotonic_ns()}"
    client = stripe.StripeClient(key, base_addresses={"api": URL})
    mine = client.v1.customers.create({"email": "mine@example.com"})
    wishes = {"customer": mine.id, "metadata": {"order": "7"}, "override": {"item": {"amount": 4321}}}
    done = control("POST", "/sandbox/trigger/invoice.finalized", wishes, key)
    invoice = client.v1.invoices.retrieve(done["objects"]["invoice"])
    assert (invoice.customer, invoice.total) == (mine.id, 4321)
    assert invoice.metadata.to_dict() == {"order": "7"}


def test_the_page_shows_what_happened(client):
    customer = client.v1.customers.create({"name": "a"})
    request_id = customer.last_response.request_id
    with urllib.request.urlopen(f"{URL}/") as page:
        assert request_id in page.read().decode()
    told = control("GET", f"/sandbox/requests/{request_id}")
    assert told["body"] == "name=a"
    assert json.loads(told["answer"])["id"] == customer.id
