"""What stories are told with: a shop's catalogue, customers on a clock, and time that passes."""

import datetime
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid

DAY = 86_400
HOUR = 3_600


def at(text):
    """Seconds since 1970 of a UTC time such as 2026-04-01 or 2026-04-01T12:30:00."""
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp())


def day(seconds):
    """The UTC date of a moment, as text."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d")


def plain(value):
    """A Stripe object as dicts and lists."""
    return value.to_dict(recursive=True) if hasattr(value, "to_dict") else value


class Shop:
    """An account with a clock; prices and customers are made when asked for."""

    def __init__(self, client, start="2026-04-01"):
        self.v1 = client.v1
        self.clock = self.v1.test_helpers.test_clocks.create({"frozen_time": at(start), "name": "story"})
        self.now = at(start)

    def price(self, amount, interval="month", product=None, **more):
        if product is None:
            product = self.v1.products.create({"name": "Pro"}).id
        params = {"product": product, "currency": "usd", "unit_amount": amount, **more}
        if interval:
            params["recurring"] = {"interval": interval, **more.pop("recurring", {})}
            params.update(more)
        return self.v1.prices.create(params)

    def customer(self, card="pm_card_visa", **more):
        customer = self.v1.customers.create({"test_clock": self.clock.id, "email": "jenny@example.com", **more})
        if card:
            self.give_card(customer.id, card)
        return customer

    def give_card(self, customer, card):
        attached = self.v1.payment_methods.attach(card, {"customer": customer})
        self.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": attached.id}})
        return attached

    def subscribe(self, customer, price, quantity=1, **more):
        return self.v1.subscriptions.create(
            {"customer": customer, "items": [{"price": price, "quantity": quantity}], **more}
        )

    def to(self, moment):
        """Lets time pass until a moment (seconds, or a date as text)."""
        self.now = at(moment) if isinstance(moment, str) else moment
        clock = self.v1.test_helpers.test_clocks.advance(self.clock.id, {"frozen_time": self.now})
        for _ in range(100):
            if clock.status == "ready":
                return clock
            assert clock.status == "advancing", clock.status
            clock = self.v1.test_helpers.test_clocks.retrieve(self.clock.id)
        raise AssertionError("the clock never became ready")

    def later(self, seconds):
        return self.to(self.now + seconds)

    def subscription(self, subscription, *expand):
        return self.v1.subscriptions.retrieve(subscription, {"expand": list(expand)})

    def invoices(self, **filters):
        """All invoices that match, oldest first."""
        found = list(self.v1.invoices.list({"limit": 100, **filters}).auto_paging_iter())
        return found[::-1]

    def event_types(self, *wanted):
        """Types of all events, oldest first; only those wanted, if any are named."""
        events = list(self.v1.events.list({"limit": 100}).auto_paging_iter())[::-1]
        return [event.type for event in events if not wanted or event.type in wanted]

    def events(self, kind):
        """All events of a type, oldest first."""
        return list(self.v1.events.list({"limit": 100, "type": kind}).auto_paging_iter())[::-1]


def call(url, method="GET", form=None, json_body=None, headers=None):
    """One plain HTTP request: status, headers, body as JSON if it is any."""
    body, sent = None, dict(headers or {})
    if json_body is not None:
        body, sent["Content-Type"] = json.dumps(json_body).encode(), "application/json"
    elif form is not None:
        body = form.encode() if isinstance(form, str) else form
        sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
    request = urllib.request.Request(url, data=body, headers=sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            status, answered, text = response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        status, answered, text = error.code, error.headers, error.read()
    try:
        return status, answered, json.loads(text)
    except ValueError:
        return status, answered, text.decode(errors="replace")


def refused(kind, action, *args, **kwargs):
    """The error that a call must raise."""
    try:
        action(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


class Api:
    """One account, spoken to in any version."""

    def __init__(self, url):
        self.url, self.key = url, f"sk_test_{uuid.uuid4().hex}"

    def ask(self, version, method, path, *pairs, **params):
        form = urllib.parse.urlencode([*pairs, *params.items()])
        headers = {"Authorization": f"Bearer {self.key}", "Stripe-Version": version}
        if method == "GET":
            return call(f"{self.url}{path}?{form}", headers=headers)
        return call(self.url + path, method, form, headers=headers)

    def get(self, version, path, *pairs, **params):
        status, headers, body = self.ask(version, "GET", path, *pairs, **params)
        assert status == 200, body
        assert headers["Stripe-Version"] == version
        return body

    def post(self, version, path, *pairs, **params):
        status, headers, body = self.ask(version, "POST", path, *pairs, **params)
        assert status == 200, body
        assert headers["Stripe-Version"] == version
        return body

    def refused(self, version, method, path, *pairs, **params):
        status, _, body = self.ask(version, method, path, *pairs, **params)
        assert status >= 400, body
        return status, body["error"]
