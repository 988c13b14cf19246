"""Subscriptions: every way to begin, change, pause and end one."""

import pytest
import stripe
from sandbox_control import advance, event_types

DAY = 86_400


class Shop:
    def __init__(self, client):
        self.v1 = client.v1
        self.product = self.v1.products.create({"name": "Pro"})
        self.monthly = self.price(1000)

    def price(self, amount, interval="month", **more):
        return self.v1.prices.create({
            "product": self.product.id, "currency": "usd", "unit_amount": amount,
            "recurring": {"interval": interval, **more},
        }).id

    def customer(self, card="pm_card_visa", **more):
        customer = self.v1.customers.create({"email": "jenny@example.com", **more})
        if card:
            method = self.v1.payment_methods.attach(card, {"customer": customer.id})
            self.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
        return customer.id

    def subscribe(self, customer=None, **more):
        params = {"customer": customer or self.customer(), "items": [{"price": self.monthly}], **more}
        return self.v1.subscriptions.create(params)

    def get(self, subscription):
        return self.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})

    def refused(self, call, *args):
        with pytest.raises(stripe.StripeError) as caught:
            call(*args)
        return caught.value


@pytest.fixture
def shop(client):
    return Shop(client)


def item_of(subscription):
    return subscription["items"].data[0]


def amounts(invoice):
    return [line.amount for line in invoice.lines.data]


# How it begins

def test_a_paid_subscription_and_its_events(client, shop):
    customer = shop.customer()
    made = shop.subscribe(customer, expand=["latest_invoice"], metadata={"plan": "pro"}, description="Mine")
    assert (made.status, made.currency, made.metadata["plan"]) == ("active", "usd", "pro")
    assert (made.description, made.collection_method) == ("Mine", "charge_automatically")
    assert made.billing_cycle_anchor == made.start_date == made.created
    assert made.billing_mode.type == "flexible"
    invoice = made.latest_invoice
    assert (invoice.status, invoice.billing_reason, invoice.amount_paid) == ("paid", "subscription_create", 1000)
    assert (invoice.attempted, invoice.attempt_count) == (True, 1)
    assert invoice.lines.data[0].description == "1 × Pro (at $10.00 / month)"
    types = event_types(client)
    wanted = ["invoice.created", "invoice.finalized", "payment_intent.created", "charge.succeeded",
              "payment_intent.succeeded", "invoice.paid", "invoice.payment_succeeded",
              "customer.subscription.created"]
    assert [kind for kind in types if kind in wanted] == wanted


def test_without_anything_to_pay_with_nothing_is_written(shop):
    customer = shop.customer(card=None)
    error = shop.refused(shop.subscribe, customer)
    assert (error.http_status, error.code) == (400, "resource_missing")
    assert str(error.user_message).startswith("This customer has no attached payment source")
    assert shop.v1.subscriptions.list({"customer": customer, "status": "all"}).data == []


def test_allow_incomplete_waits_for_another_card(shop):
    made = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"))
    assert made.status == "incomplete"
    invoice = shop.get(made).latest_invoice
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    shop.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_visa"})
    assert shop.get(made).status == "active"


def test_default_incomplete_tries_nothing(shop):
    made = shop.subscribe(payment_behavior="default_incomplete",
                          expand=["latest_invoice.confirmation_secret"])
    invoice = made.latest_invoice
    assert (made.status, invoice.status, invoice.attempt_count) == ("incomplete", "open", 0)
    assert invoice.confirmation_secret.client_secret.startswith("pi_")
    intent = invoice.confirmation_secret.client_secret.split("_secret_")[0]
    shop.v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"})
    assert shop.get(made).status == "active"


def test_error_if_incomplete_leaves_nothing(shop):
    customer = shop.customer("pm_card_chargeCustomerFail")
    error = shop.refused(lambda: shop.subscribe(customer, payment_behavior="error_if_incomplete"))
    assert isinstance(error, stripe.CardError) and error.http_status == 402
    assert shop.v1.subscriptions.list({"customer": customer, "status": "all"}).data == []
    customer = shop.customer("pm_card_threeDSecure2Required")
    error = shop.refused(lambda: shop.subscribe(customer, payment_behavior="error_if_incomplete"))
    assert error.code == "subscription_payment_intent_requires_action"


def test_pending_if_incomplete_is_not_for_beginnings(shop):
    error = shop.refused(lambda: shop.subscribe(payment_behavior="pending_if_incomplete"))
    assert error.param == "payment_behavior"
    assert "has no effect when creating a subscription" in error.user_message


def test_3d_secure_leaves_it_incomplete(shop):
    made = shop.subscribe(shop.customer("pm_card_threeDSecure2Required"))
    assert made.status == "incomplete"
    invoice = shop.get(made).latest_invoice
    assert invoice.status == "open"


def test_a_first_payment_that_never_comes_expires(shop):
    made = shop.subscribe(payment_behavior="default_incomplete")
    advance(23 * 3600)
    gone = shop.get(made)
    assert (gone.status, gone.latest_invoice.status) == ("incomplete_expired", "void")


def test_items_are_checked(shop):
    customer = shop.customer()
    create = shop.v1.subscriptions.create
    twice = {"customer": customer, "items": [{"price": shop.monthly}, {"price": shop.monthly}]}
    error = shop.refused(create, twice)
    assert (error.param, error.user_message) == (
        "plan",
        f"Cannot create a Subscription with multiple Subscription Items with the same Price: {shop.monthly}",
    )
    euros = shop.v1.prices.create({"product": shop.product.id, "currency": "eur", "unit_amount": 1,
                                   "recurring": {"interval": "month"}}).id
    error = shop.refused(create, {"customer": customer, "items": [{"price": shop.monthly}, {"price": euros}]})
    assert error.param == "items[1][price]"
    assert error.user_message.startswith("This `price` has `currency=eur`, but other items use `currency=usd`.")
    error = shop.refused(create, {"customer": customer, "items": [{"price": "price_nope"}]})
    assert error.code == "resource_missing"
    shop.subscribe(customer)
    error = shop.refused(create, {"customer": customer, "items": [{"price": euros}]})
    assert error.user_message.startswith("You cannot combine currencies on a single customer.")


def test_a_price_made_for_it(shop):
    made = shop.subscribe(items=[{
        "price_data": {"currency": "usd", "product": shop.product.id, "unit_amount": 700,
                       "recurring": {"interval": "week"}},
        "quantity": 3,
    }], add_invoice_items=[{
        "price_data": {"currency": "usd", "product": shop.product.id, "unit_amount": 250},
    }], expand=["latest_invoice"])
    assert (item_of(made).price.unit_amount, item_of(made).quantity) == (700, 3)
    assert sorted(amounts(made.latest_invoice)) == [250, 2100]
    assert item_of(made).current_period_end - item_of(made).current_period_start == 7 * DAY


def test_discount_tax_and_quantity(shop):
    coupon = shop.v1.coupons.create({"percent_off": 10, "duration": "forever"})
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 5, "inclusive": False})
    made = shop.subscribe(items=[{"price": shop.monthly, "quantity": 2}], discounts=[{"coupon": coupon.id}],
                          default_tax_rates=[rate.id], expand=["latest_invoice", "discounts"])
    invoice = made.latest_invoice
    # 2000 - 10 % = 1800, and 5 % of it: 90.
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (2000, 1890, 1890)
    assert made.discounts[0].source.coupon == coupon.id
    assert made.default_tax_rates[0].id == rate.id


def test_send_invoice_needs_its_days(shop):
    customer = shop.customer(card=None)
    error = shop.refused(lambda: shop.subscribe(customer, collection_method="send_invoice"))
    assert error.user_message == (
        "If invoice collection method is 'send_invoice', you must specify 'days_until_due'.")
    error = shop.refused(lambda: shop.subscribe(shop.customer(), days_until_due=3))
    assert error.user_message == (
        "You can only specify 'days_until_due' if invoice collection method is 'send_invoice'.")
    made = shop.subscribe(customer, collection_method="send_invoice", days_until_due=30)
    invoice = shop.get(made).latest_invoice
    assert (made.status, invoice.status) == ("active", "draft")
    assert invoice.due_date == invoice.created + 30 * DAY


def test_anchors(shop):
    soon = shop.subscribe().created + 5 * DAY
    made = shop.subscribe(billing_cycle_anchor=soon, proration_behavior="none")
    assert (made.billing_cycle_anchor, made.latest_invoice) == (soon, None)
    assert item_of(made).current_period_end == soon
    made = shop.subscribe(billing_cycle_anchor_config={"day_of_month": 15, "hour": 0, "minute": 0, "second": 0})
    assert made.billing_cycle_anchor % DAY == 0
    assert item_of(made).current_period_end == made.billing_cycle_anchor
    past = made.created - 10 * DAY
    made = shop.subscribe(backdate_start_date=past, expand=["latest_invoice"])
    assert made.start_date == past
    assert len(made.latest_invoice.lines.data) == 2


# Trials

def test_a_trial_without_a_card(shop):
    made = shop.subscribe(shop.customer(card=None), trial_period_days=14)
    assert (made.status, made.trial_end - made.trial_start) == ("trialing", 14 * DAY)
    assert made.billing_cycle_anchor == made.trial_end == item_of(made).current_period_end
    assert made.trial_settings.end_behavior.missing_payment_method == "create_invoice"


@pytest.mark.parametrize("behavior,status", [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")])
def test_trials_that_end_without_a_card(shop, behavior, status):
    made = shop.subscribe(shop.customer(card=None), trial_period_days=5,
                          trial_settings={"end_behavior": {"missing_payment_method": behavior}})
    advance(5 * DAY + 7200)
    assert shop.get(made).status == status


def test_ending_a_trial_now(shop):
    made = shop.subscribe(trial_period_days=14)
    ended = shop.v1.subscriptions.update(made.id, {"trial_end": "now", "expand": ["latest_invoice"]})
    assert ended.status == "active"
    invoice = ended.latest_invoice
    assert (invoice.billing_reason, invoice.status, invoice.total) == ("subscription_update", "paid", 1000)
    # Again, outside a trial, nothing happens.
    again = shop.v1.subscriptions.update(made.id, {"trial_end": "now"})
    assert again.latest_invoice == invoice.id
    bare = shop.subscribe(shop.customer(card=None), trial_period_days=14)
    error = shop.refused(shop.v1.subscriptions.update, bare.id, {"trial_end": "now"})
    assert error.user_message.startswith("This customer has no attached payment source")
    error = shop.refused(shop.v1.subscriptions.update, bare.id, {"trial_end": 1})
    assert error.param == "trial_end" and "which is in the past" in error.user_message


def test_a_trial_for_an_active_subscription_gives_the_rest_back(shop):
    made = shop.subscribe()
    end = made.created + 40 * DAY
    changed = shop.v1.subscriptions.update(made.id, {"trial_end": end, "expand": ["latest_invoice"]})
    assert (changed.status, changed.trial_end, changed.billing_cycle_anchor) == ("trialing", end, end)
    credit, free = changed.latest_invoice.lines.data
    assert credit.description.startswith("Unused time on Pro after") and credit.amount < 0
    assert (free.amount, free.description) == (0, "Free trial for 1 × Pro")


def test_a_trial_of_the_price_must_be_asked_for(shop):
    price = shop.price(1000, trial_period_days=7)
    assert shop.subscribe(items=[{"price": price}]).status == "active"
    made = shop.subscribe(items=[{"price": price}], trial_from_plan=True)
    assert (made.status, made.trial_end - made.created) == ("trialing", 7 * DAY)
    error = shop.refused(lambda: shop.subscribe(trial_period_days=731))
    assert error.param == "trial_period_days"


# Changes

def test_an_upgrade_paid_at_once(client, shop):
    made = shop.subscribe()
    advance(10 * DAY)
    changed = shop.v1.subscriptions.update(made.id, {
        "items": [{"id": item_of(made).id, "price": shop.price(2000)}],
        "proration_behavior": "always_invoice", "expand": ["latest_invoice"],
    })
    credit, debit = amounts(changed.latest_invoice)
    assert -700 < credit < -600 and debit in (-2 * credit - 1, -2 * credit, -2 * credit + 1)
    assert changed.latest_invoice.amount_paid == credit + debit
    update = [event for event in client.v1.events.list({"type": "customer.subscription.updated"}).data][0]
    assert {"items", "latest_invoice"} <= set(update.to_dict(recursive=True)["data"]["previous_attributes"])


def test_a_declined_upgrade_in_each_behaviour(shop):
    def declined(behavior):
        made = shop.subscribe(items=[{"price": shop.monthly, "quantity": 1}])
        bad = shop.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": made.customer})
        shop.v1.subscriptions.update(made.id, {"default_payment_method": bad.id})
        return made, {"items": [{"id": item_of(made).id, "quantity": 5}],
                      "proration_behavior": "always_invoice", "payment_behavior": behavior}

    made, change = declined("allow_incomplete")
    changed = shop.v1.subscriptions.update(made.id, change)
    assert (changed.status, item_of(changed).quantity) == ("past_due", 5)
    made, change = declined("error_if_incomplete")
    error = shop.refused(shop.v1.subscriptions.update, made.id, change)
    assert error.http_status == 402
    now = shop.get(made)
    assert (now.status, item_of(now).quantity) == ("active", 1)
    made, change = declined("default_incomplete")
    changed = shop.v1.subscriptions.update(made.id, change)
    assert (changed.status, item_of(changed).quantity) == ("past_due", 5)
    made, change = declined("pending_if_incomplete")
    changed = shop.v1.subscriptions.update(made.id, change)
    assert (changed.status, item_of(changed).quantity) == ("active", 1)
    assert changed.pending_update.subscription_items[0].quantity == 5
    shop.v1.invoices.pay(changed.latest_invoice, {"payment_method": "pm_card_visa"})
    now = shop.get(made)
    assert (item_of(now).quantity, now.pending_update) == (5, None)
    # Nobody pays for 23 hours: nothing comes of it.
    made, change = declined("pending_if_incomplete")
    waiting = shop.v1.subscriptions.update(made.id, change)
    advance(23 * 3600)
    now = shop.get(made)
    assert (now.pending_update, item_of(now).quantity) == (None, 1)
    assert shop.v1.invoices.retrieve(waiting.latest_invoice).status == "void"


def test_items_by_themselves(shop):
    made = shop.subscribe()
    seats = shop.price(500)
    items = shop.v1.subscription_items
    added = items.create({"subscription": made.id, "price": seats, "quantity": 2, "metadata": {"kind": "seat"}})
    assert (added.price.id, added.quantity, added.metadata["kind"]) == (seats, 2, "seat")
    assert [item.id for item in items.list({"subscription": made.id}).data] == [item_of(made).id, added.id]
    assert items.update(added.id, {"quantity": 4, "proration_behavior": "none"}).quantity == 4
    assert items.retrieve(added.id).quantity == 4
    error = shop.refused(items.create, {"subscription": made.id, "price": seats})
    assert error.user_message.startswith(f"A new item with Price {seats} can't be added to this Subscription")
    assert items.delete(added.id).deleted
    error = shop.refused(items.retrieve, added.id)
    assert (error.http_status, error.user_message) == (404, f"Invalid subscription_item id: {added.id}")


def test_an_anchor_now_begins_a_new_cycle(shop):
    made = shop.subscribe()
    advance(10 * DAY)
    changed = shop.v1.subscriptions.update(made.id, {
        "billing_cycle_anchor": {"type": "now"}, "expand": ["latest_invoice"]})
    assert changed.billing_cycle_anchor > made.billing_cycle_anchor
    assert item_of(changed).current_period_start == changed.billing_cycle_anchor
    credit, full = amounts(changed.latest_invoice)
    assert credit < 0 and full == 1000


# Pausing

def test_paused_collection(shop):
    made = shop.subscribe()
    paused = shop.v1.subscriptions.update(made.id, {"pause_collection": {"behavior": "void"}})
    assert (paused.status, paused.pause_collection.behavior) == ("active", "void")
    advance(32 * DAY)
    now = shop.get(made)
    assert (now.status, now.latest_invoice.status) == ("active", "void")
    assert shop.v1.subscriptions.update(made.id, {"pause_collection": ""}).pause_collection is None


def test_a_pause_and_a_resumption(client, shop):
    made = shop.subscribe()
    paused = shop.v1.subscriptions.pause(made.id, {"type": "subscription"})
    assert paused.status == "paused"
    assert paused.status_details.paused.subscription.type == "pause_requested"
    count = len(shop.v1.invoices.list({"subscription": made.id}).data)
    advance(62 * DAY)
    assert len(shop.v1.invoices.list({"subscription": made.id}).data) == count
    resumed = shop.v1.subscriptions.resume(made.id, {"billing_cycle_anchor": {"type": "now"}})
    invoice = shop.v1.invoices.retrieve(resumed.latest_invoice)
    assert (invoice.status, invoice.total) == ("open", 1000)
    shop.v1.invoices.pay(invoice.id)
    assert shop.get(made).status == "active"
    assert "customer.subscription.resumed" in event_types(client)
    error = shop.refused(shop.v1.subscriptions.resume, made.id)
    assert error.user_message == "You can only resume a subscription if it is `paused`."


# Ends

def test_cancelled_now(shop):
    made = shop.subscribe()
    ended = shop.v1.subscriptions.cancel(made.id, {
        "cancellation_details": {"comment": "Too much", "feedback": "too_expensive"}})
    assert (ended.status, ended.ended_at, ended.cancel_at_period_end) == ("canceled", ended.canceled_at, False)
    details = ended.cancellation_details
    assert (details.comment, details.feedback, details.reason) == (
        "Too much", "too_expensive", "cancellation_requested")
    error = shop.refused(shop.v1.subscriptions.cancel, made.id)
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "id")
    error = shop.refused(shop.v1.subscriptions.update, made.id, {"description": "x"})
    assert error.code == "invalid_canceled_subscription_fields"
    assert shop.v1.subscriptions.update(made.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"


def test_cancelled_at_the_end_of_the_period_and_not(shop):
    made = shop.subscribe()
    ending = shop.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    assert (ending.cancel_at_period_end, ending.cancel_at) == (True, item_of(made).current_period_end)
    assert ending.canceled_at and ending.cancellation_details.reason == "cancellation_requested"
    kept = shop.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at, kept.cancellation_details.reason) == (None, None, None)
    shop.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    advance(32 * DAY)
    ended = shop.get(made)
    assert (ended.status, ended.latest_invoice.billing_reason) == ("canceled", "subscription_create")


def test_cancelled_at_a_date(shop):
    made = shop.subscribe()
    at = item_of(made).current_period_end + 31 * DAY
    ending = shop.v1.subscriptions.update(made.id, {"cancel_at": at})
    assert (ending.cancel_at, ending.cancel_at_period_end) == (at, False)
    assert shop.v1.subscriptions.update(made.id, {"cancel_at": ""}).cancel_at is None
    ending = shop.v1.subscriptions.update(made.id, {"cancel_at": "min_period_end"})
    assert ending.cancel_at == item_of(made).current_period_end
    advance(32 * DAY)
    assert shop.get(made).status == "canceled"


def test_cancelled_with_proration(shop):
    made = shop.subscribe()
    advance(10 * DAY)
    shop.v1.subscriptions.cancel(made.id, {"prorate": True})
    waiting = shop.v1.invoice_items.list({"customer": made.customer, "pending": True}).data
    assert len(waiting) == 1 and waiting[0].amount < 0 and waiting[0].proration


# Looking

def test_lists_filters_and_search(shop):
    customer = shop.customer()
    live = shop.subscribe(customer, metadata={"tier": "gold"})
    ended = shop.subscribe(customer)
    shop.v1.subscriptions.cancel(ended.id)
    found = lambda **params: [row.id for row in shop.v1.subscriptions.list(params).data]
    assert found(customer=customer) == [live.id]
    assert found(customer=customer, status="all") == [ended.id, live.id]
    assert found(customer=customer, status="canceled") == [ended.id]
    assert found(price=shop.monthly) == [live.id]
    assert found(status="trialing") == []
    rows = shop.v1.subscriptions.search({"query": "metadata['tier']:'gold'"}).data
    assert [row.id for row in rows] == [live.id]


def test_older_versions_have_the_period_and_the_discount_on_the_subscription(client, shop):
    coupon = shop.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    made = shop.subscribe(discounts=[{"coupon": coupon.id}])
    old = client.v1.subscriptions.retrieve(made.id, options={"stripe_version": "2024-06-20"})
    assert old["current_period_end"] == item_of(made).current_period_end
    assert old["discount"]["coupon"]["id"] == coupon.id
    assert "current_period_end" not in old["items"]["data"][0] and "billing_mode" not in old
