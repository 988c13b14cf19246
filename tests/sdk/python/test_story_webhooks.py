"""Webhooks as a shop gets them: signed, in the endpoint's version, repeated until they are taken."""

import http.server
import json
import threading
import time

import pytest
import stripe
from conftest import new_client
from shop import call, refused


class Receiver:
    """An endpoint of a shop that keeps what it is sent, and may refuse it."""

    def __init__(self):
        self.received, self.refusals = [], 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.refusals > 0:
                    receiver.refusals -= 1
                    self.send_response(500)
                else:
                    receiver.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                    self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        # Stripe refuses 127.0.0.1 by name.
        self.url = f"http://localhost:{self.server.server_port}/webhooks"

    def wait_for(self, count, seconds=10):
        end = time.monotonic() + seconds
        while len(self.received) < count and time.monotonic() < end:
            time.sleep(0.02)
        assert len(self.received) >= count, [json.loads(body)["type"] for _, body in self.received]
        return self.received


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.server.shutdown()


def test_signed_and_verified_by_the_sdk(client, receiver):
    endpoint = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["customer.created"]})
    assert endpoint.secret.startswith("whsec_")
    assert getattr(client.v1.webhook_endpoints.retrieve(endpoint.id), "secret", None) is None
    customer = client.v1.customers.create({"email": "jenny@example.com"})
    client.v1.customers.update(customer.id, {"name": "Jenny"})
    headers, body = receiver.wait_for(1)[0]
    event = client.construct_event(body, headers["stripe-signature"], endpoint.secret)
    assert (event.type, event.data.object["id"]) == ("customer.created", customer.id)
    assert event.id == client.v1.events.list({"type": "customer.created"}).data[0].id
    refused(stripe.SignatureVerificationError, client.construct_event, body, headers["stripe-signature"], "whsec_other")
    refused(stripe.SignatureVerificationError, client.construct_event, body + b" ", headers["stripe-signature"], endpoint.secret)
    assert headers["user-agent"] == "Stripe/1.0 (+https://stripe.com/docs/webhooks)"
    time.sleep(0.2)
    assert len(receiver.received) == 1


def test_the_payload_follows_the_endpoints_version(client, receiver):
    client.v1.webhook_endpoints.create({
        "url": receiver.url, "enabled_events": ["customer.subscription.created", "invoice.paid"], "api_version": "2023-10-16"})
    customer = client.v1.customers.create({})
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    product = client.v1.products.create({"name": "Pro"})
    price = client.v1.prices.create({
        "product": product.id, "currency": "usd", "unit_amount": 1000, "recurring": {"interval": "month"}})
    subscription = client.v1.subscriptions.create({
        "customer": customer.id, "items": [{"price": price.id}], "default_payment_method": card.id})
    bodies = {json.loads(body)["type"]: json.loads(body) for _, body in receiver.wait_for(2)}
    old = bodies["customer.subscription.created"]
    assert old["api_version"] == "2023-10-16"
    assert old["data"]["object"]["current_period_end"] == subscription["items"].data[0].current_period_end
    assert "current_period_end" not in old["data"]["object"]["items"]["data"][0]
    invoice = bodies["invoice.paid"]["data"]["object"]
    assert (invoice["paid"], invoice["subscription"]) == (True, subscription.id)
    assert isinstance(invoice["charge"], str) and isinstance(invoice["payment_intent"], str)


def test_what_was_refused_comes_again(client, receiver, url):
    receiver.refusals = 1
    endpoint = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    client.v1.products.create({"name": "Pro"})
    event = client.v1.events.list({"type": "product.created"}).data[0]
    # The second try may be due at once or hours later by the sandbox's clock.
    for _ in range(20):
        time.sleep(0.1)
        if receiver.received:
            break
        call(f"{url}/sandbox/clock/advance", "POST", "seconds=3600")
    assert receiver.refusals == 0
    headers, body = receiver.wait_for(1)[0]
    assert client.construct_event(body, headers["stripe-signature"], endpoint.secret, tolerance=10**9).id == event.id
    time.sleep(0.2)
    assert client.v1.events.retrieve(event.id).pending_webhooks == 0


def test_a_rolled_secret_signs_beside_the_old_one(client, receiver, url):
    endpoint = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["product.created"]})
    status, _, rolled = call(f"{url}/sandbox/webhook_endpoints/{endpoint.id}/roll", "POST", "")
    assert status == 200 and rolled["secret"] != endpoint.secret
    client.v1.products.create({"name": "Pro"})
    headers, body = receiver.wait_for(1)[0]
    for secret in (endpoint.secret, rolled["secret"]):
        assert client.construct_event(body, headers["stripe-signature"], secret).type == "product.created"
    assert headers["stripe-signature"].count("v1=") == 2


def test_endpoints_are_kept_switched_off_and_deleted(client, receiver):
    endpoint = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"], "description": "shop"})
    assert (endpoint.status, endpoint.description) == ("enabled", "shop")
    off = client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    assert off.status == "disabled"
    client.v1.products.create({"name": "Pro"})
    time.sleep(0.3)
    assert receiver.received == []
    assert client.v1.webhook_endpoints.delete(endpoint.id).deleted is True
    assert client.v1.webhook_endpoints.list().data == []
    unknown = refused(stripe.InvalidRequestError, client.v1.webhook_endpoints.create,
                      {"url": receiver.url, "enabled_events": ["customer.invented"]})
    assert unknown.http_status == 400


def test_a_trigger_does_what_the_cli_does(url, receiver):
    client = new_client()
    client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    key = client._requestor.api_key
    status, _, body = call(f"{url}/sandbox/trigger/payment_intent.succeeded", "POST", "",
                           headers={"Authorization": f"Bearer {key}"})
    assert status == 200, body
    receiver.wait_for(3)
    kinds = [json.loads(body)["type"] for _, body in receiver.received]
    assert "payment_intent.succeeded" in kinds and "charge.succeeded" in kinds


def test_a_request_may_fail_before_and_after_its_effect(url):
    patient = stripe.StripeClient(f"sk_test_{'9' * 24}{int(time.time() * 1e6)}", base_addresses={"api": url},
                                  max_network_retries=3)
    try:
        for kind in ("fail_after", "fail_before", "rate_limit", "cut_after"):
            call(f"{url}/sandbox/faults", "POST", json_body={"kind": kind, "method": "POST", "path": "/v1/customers", "times": 1})
            before = len(list(patient.v1.customers.list({"limit": 100}).auto_paging_iter()))
            made = patient.v1.customers.create({"email": f"{kind}@example.com"})
            after = list(patient.v1.customers.list({"limit": 100}).auto_paging_iter())
            # The SDK asks again with the same key: it happened once, whatever was lost.
            assert len(after) == before + 1 and after[0].id == made.id, kind
    finally:
        call(f"{url}/sandbox/faults", "DELETE")
