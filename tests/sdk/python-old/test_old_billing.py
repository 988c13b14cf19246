"""Subscriptions, invoices, usage, coupons and checkout in the shapes before basil."""

import datetime
import urllib.request

import pytest

HOUR, DAY = 3_600, 86_400


def at(text):
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp())


def errors_of(stripe):
    return stripe if hasattr(stripe, "InvalidRequestError") else stripe.error


@pytest.fixture
def clock(stripe):
    return stripe.test_helpers.TestClock.create(frozen_time=at("2026-04-01"))


def to(stripe, clock, moment):
    stripe.test_helpers.TestClock.advance(clock.id, frozen_time=moment)
    for _ in range(100):
        if stripe.test_helpers.TestClock.retrieve(clock.id).status == "ready":
            return
    raise AssertionError("the clock never became ready")


def customer_of(stripe, clock=None, card="pm_card_visa"):
    customer = stripe.Customer.create(**({"test_clock": clock.id} if clock else {}))
    method = stripe.PaymentMethod.attach(card, customer=customer.id)
    stripe.Customer.modify(customer.id, invoice_settings={"default_payment_method": method.id})
    return customer


def price_of(stripe, amount=1000, **more):
    product = stripe.Product.create(name="Pro")
    return stripe.Price.create(
        product=product.id, currency="usd", unit_amount=amount, recurring={"interval": "month", **more})


def test_a_subscription_has_its_period_and_its_invoice_everything(stripe):
    customer, price = customer_of(stripe), price_of(stripe)
    made = stripe.Subscription.create(customer=customer.id, items=[{"price": price.id}], expand=["latest_invoice.payment_intent"])
    assert made.status == "active"
    assert made.current_period_end > made.current_period_start == made.start_date
    item = made["items"].data[0]
    assert item.price.id == item.plan.id == price.id and "current_period_end" not in item
    assert (item.quantity, made.discount) == (1, None)
    invoice = made.latest_invoice
    assert (invoice.paid, invoice.subscription, invoice.billing_reason) == (True, made.id, "subscription_create")
    assert invoice.payment_intent.status == "succeeded" and invoice.payment_intent.invoice == invoice.id
    assert invoice.charge == invoice.payment_intent.latest_charge
    line = invoice.lines.data[0]
    assert (line.type, line.price.id, line.subscription, line.proration) == ("subscription", price.id, made.id, False)
    assert line.subscription_item == item.id
    assert stripe.Charge.retrieve(invoice.charge).invoice == invoice.id
    assert (invoice.tax, invoice.total_tax_amounts, invoice.discount) == (None, [], None)


def test_the_same_subscription_without_the_period_of_the_future(stripe):
    customer, price = customer_of(stripe), price_of(stripe)
    made = stripe.Subscription.create(customer=customer.id, items=[{"price": price.id}])
    assert not {"billing_mode", "customer_account"} & set(made.keys())


def test_an_upgrade_with_its_proration(stripe, clock):
    customer = customer_of(stripe, clock)
    made = stripe.Subscription.create(customer=customer.id, items=[{"price": price_of(stripe).id}])
    dearer = price_of(stripe, 2000)
    to(stripe, clock, at("2026-04-11"))
    upcoming = stripe.Invoice.upcoming(
        customer=customer.id, subscription=made.id,
        subscription_items=[{"id": made["items"].data[0].id, "price": dearer.id}],
        subscription_proration_date=at("2026-04-11"))
    assert [line.amount for line in upcoming.lines if line.proration] == [-667, 1333]
    assert upcoming.total == 2666
    changed = stripe.Subscription.modify(
        made.id, items=[{"id": made["items"].data[0].id, "price": dearer.id}], proration_behavior="always_invoice",
        expand=["latest_invoice"])
    # 1000 * 20/30 back and 2000 * 20/30 due
    lines = changed.latest_invoice.lines.data
    assert [(line.amount, line.proration) for line in lines] == [(-667, True), (1333, True)]
    assert changed.latest_invoice.amount_paid == 666
    assert stripe.Subscription.retrieve(made.id)["items"].data[0].plan.id == dearer.id
    event = stripe.Event.list(type="customer.subscription.updated").data[0]
    assert event.data.object.id == made.id


def test_a_renewal_and_its_failure(stripe, clock):
    customer = customer_of(stripe, clock)
    made = stripe.Subscription.create(customer=customer.id, items=[{"price": price_of(stripe).id}])
    to(stripe, clock, at("2026-05-01") + 2 * HOUR)
    renewed = stripe.Subscription.retrieve(made.id, expand=["latest_invoice"])
    assert (renewed.current_period_start, renewed.current_period_end) == (at("2026-05-01"), at("2026-06-01"))
    assert renewed.latest_invoice.paid and renewed.latest_invoice.billing_reason == "subscription_cycle"
    poor = stripe.PaymentMethod.attach("pm_card_chargeCustomerFail", customer=customer.id)
    stripe.Customer.modify(customer.id, invoice_settings={"default_payment_method": poor.id})
    to(stripe, clock, at("2026-06-01") + 2 * HOUR)
    failed = stripe.Subscription.retrieve(made.id, expand=["latest_invoice"])
    assert failed.status == "past_due"
    assert (failed.latest_invoice.paid, failed.latest_invoice.attempt_count) == (False, 1)


def test_upcoming_and_its_lines(stripe):
    customer, price = customer_of(stripe), price_of(stripe)
    made = stripe.Subscription.create(customer=customer.id, items=[{"price": price.id, "quantity": 3}])
    upcoming = stripe.Invoice.upcoming(customer=customer.id)
    assert (upcoming.subscription, upcoming.total, upcoming.billing_reason) == (made.id, 3000, "upcoming")
    # The SDK takes an empty id for one it has not got.
    lines = stripe.Invoice.upcoming_lines(customer=customer.id) if hasattr(stripe.Invoice, "upcoming_lines") else upcoming.lines
    assert [line.quantity for line in lines.data] == [3]
    with pytest.raises(errors_of(stripe).InvalidRequestError) as raised:
        stripe.Invoice.upcoming(customer=stripe.Customer.create().id)
    assert raised.value.code == "invoice_upcoming_none" and raised.value.http_status == 404


def test_usage_records(stripe, clock):
    customer = customer_of(stripe, clock)
    price = price_of(stripe, 5, usage_type="metered")
    made = stripe.Subscription.create(customer=customer.id, items=[{"price": price.id}])
    item = made["items"].data[0].id
    to(stripe, clock, at("2026-04-10"))
    record = stripe.SubscriptionItem.create_usage_record(item, quantity=40, timestamp=at("2026-04-09"), action="increment")
    assert (record.object, record.quantity, record.subscription_item) == ("usage_record", 40, item)
    stripe.SubscriptionItem.create_usage_record(item, quantity=60, timestamp=at("2026-04-09") + 60, action="increment")
    summaries = stripe.SubscriptionItem.list_usage_record_summaries(item)
    assert summaries.data[0].total_usage == 100
    to(stripe, clock, at("2026-05-01") + 2 * HOUR)
    invoice = stripe.Invoice.list(customer=customer.id).data[0]
    assert (invoice.total, invoice.lines.data[0].quantity) == (500, 100)


def test_a_coupon_by_its_old_parameter(stripe):
    customer, price = customer_of(stripe), price_of(stripe)
    coupon = stripe.Coupon.create(percent_off=20, duration="forever")
    made = stripe.Subscription.create(customer=customer.id, items=[{"price": price.id}], coupon=coupon.id, expand=["latest_invoice"])
    assert made.discount.coupon.id == coupon.id and made.discount.subscription == made.id
    assert made.latest_invoice.total == 800 and made.latest_invoice.discount.coupon.id == coupon.id
    code = stripe.PromotionCode.create(coupon=coupon.id, code="SPRING")
    assert code.coupon.id == coupon.id
    stripe.Subscription.delete_discount(made.id)
    assert stripe.Subscription.retrieve(made.id).discount is None
    stripe.Customer.modify(customer.id, coupon=coupon.id)
    assert stripe.Customer.retrieve(customer.id).discount.coupon.id == coupon.id


def test_an_invoice_by_hand(stripe):
    customer = customer_of(stripe)
    rate = stripe.TaxRate.create(display_name="VAT", percentage=20, inclusive=False)
    invoice = stripe.Invoice.create(customer=customer.id, default_tax_rates=[rate.id])
    item = stripe.InvoiceItem.create(customer=customer.id, invoice=invoice.id, amount=1000, currency="usd")
    assert (item.amount, item.unit_amount, item.proration) == (1000, 1000, False)
    opened = stripe.Invoice.finalize_invoice(invoice.id)
    assert (opened.total, opened.tax, opened.paid, opened.status) == (1200, 200, False, "open")
    assert opened.total_tax_amounts[0].amount == 200 and opened.total_tax_amounts[0].tax_rate == rate.id
    assert opened.lines.data[0].tax_amounts[0].amount == 200
    assert opened.payment_intent
    paid = stripe.Invoice.pay(invoice.id)
    assert (paid.paid, paid.amount_paid, paid.paid_out_of_band) == (True, 1200, False)
    note = stripe.CreditNote.create(invoice=invoice.id, lines=[
        {"type": "invoice_line_item", "invoice_line_item": opened.lines.data[0].id, "quantity": 1}], refund_amount=1200)
    assert note.type == "post_payment" and note.refund
    voided = stripe.Invoice.create(customer=customer.id)
    stripe.InvoiceItem.create(customer=customer.id, invoice=voided.id, amount=500, currency="usd")
    stripe.Invoice.finalize_invoice(voided.id)
    assert stripe.Invoice.void_invoice(voided.id).status == "void"
    outside = stripe.Invoice.create(customer=customer.id)
    stripe.InvoiceItem.create(customer=customer.id, invoice=outside.id, amount=500, currency="usd")
    elsewhere = stripe.Invoice.pay(outside.id, paid_out_of_band=True)
    assert (elsewhere.paid, elsewhere.paid_out_of_band) == (True, True)


def test_checkout(stripe, url):
    price = price_of(stripe)
    session = stripe.checkout.Session.create(
        mode="subscription", line_items=[{"price": price.id, "quantity": 1}], payment_method_types=["card"],
        success_url="https://example.com/ok", cancel_url="https://example.com/no")
    assert (session.status, session.ui_mode) == ("open", "hosted")
    with urllib.request.urlopen(f"{url}/sandbox/checkout/{session.id}/pay", data=b"") as response:
        assert response.status == 200
    done = stripe.checkout.Session.retrieve(session.id, expand=["subscription"])
    assert (done.status, done.payment_status, done.subscription.status) == ("complete", "paid", "active")
    assert done.subscription.current_period_end


def test_trial_pause_and_the_ways_to_end(stripe):
    customer, price = customer_of(stripe), price_of(stripe)
    trial = stripe.Subscription.create(customer=customer.id, items=[{"price": price.id}], trial_period_days=7)
    assert (trial.status, trial.current_period_end) == ("trialing", trial.trial_end)
    paused = stripe.Subscription.modify(trial.id, pause_collection={"behavior": "void"})
    assert paused.pause_collection.behavior == "void"
    assert stripe.Subscription.modify(trial.id, pause_collection="").pause_collection is None
    ending = stripe.Subscription.modify(trial.id, cancel_at_period_end=True)
    assert ending.cancel_at == trial.current_period_end and ending.cancel_at_period_end
    now = stripe.Subscription.modify(trial.id, cancel_at_period_end=False, trial_end="now", billing_cycle_anchor="now")
    assert now.status == "active"
    gone = stripe.Subscription.cancel(trial.id)
    assert gone.status == "canceled"
    with pytest.raises(errors_of(stripe).InvalidRequestError) as raised:
        stripe.Subscription.cancel(trial.id)
    assert raised.value.user_message == f"No such subscription: '{trial.id}'"


def test_a_portal(stripe):
    customer = customer_of(stripe)
    stripe.billing_portal.Configuration.create(
        business_profile={"headline": "Acme", "privacy_policy_url": "https://example.com/p",
                          "terms_of_service_url": "https://example.com/t"},
        features={"invoice_history": {"enabled": True}})
    session = stripe.billing_portal.Session.create(customer=customer.id, return_url="https://example.com")
    assert session.url.startswith("http") and session.customer == customer.id


def test_features_of_a_product_by_the_name_of_their_version(stripe, is_2023):
    name = "features" if is_2023 else "marketing_features"
    product = stripe.Product.create(name="Pro", **{name: [{"name": "All"}]})
    assert product[name][0].name == "All"
    assert ("marketing_features" if is_2023 else "features") not in product


def test_a_schedule(stripe, clock):
    customer = customer_of(stripe, clock)
    schedule = stripe.SubscriptionSchedule.create(
        customer=customer.id, start_date="now", end_behavior="release",
        phases=[{"items": [{"price": price_of(stripe, 500).id}], "iterations": 1},
                {"items": [{"price": price_of(stripe, 1000).id}], "iterations": 1}])
    assert schedule.status == "active" and schedule.subscription
    to(stripe, clock, at("2026-05-01") + 2 * HOUR)
    assert [invoice.total for invoice in stripe.Invoice.list(customer=customer.id)] == [1000, 500]
