"""When money does not come: failed first payments, failed renewals, retries, and their ends."""

import pytest
import stripe
from shop import DAY, HOUR, Shop, at, plain, refused


@pytest.fixture
def shop(client):
    return Shop(client, "2026-01-01")


def failing(shop):
    """A subscription whose card refuses from the first renewal on."""
    customer = shop.customer()
    subscription = shop.subscribe(customer.id, shop.price(1000).id)
    shop.give_card(customer.id, "pm_card_chargeCustomerFail")
    shop.to(at("2026-02-01") + 2 * HOUR)
    return customer, subscription


def test_a_failed_renewal_makes_the_subscription_past_due(shop):
    customer, subscription = failing(shop)
    assert shop.subscription(subscription.id).status == "past_due"
    invoice = shop.invoices(customer=customer.id)[-1]
    assert (invoice.status, invoice.attempted, invoice.attempt_count, invoice.amount_remaining) == ("open", True, 1, 1000)
    assert invoice.next_payment_attempt > shop.now
    assert shop.v1.customers.retrieve(customer.id).delinquent is True
    kinds = shop.event_types("charge.failed", "payment_intent.payment_failed", "invoice.payment_failed")
    assert kinds == ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"]
    change = plain(shop.events("customer.subscription.updated")[-1])["data"]
    assert change["previous_attributes"]["status"] == "active" and change["object"]["status"] == "past_due"


def test_retries_end_with_the_subscription(shop):
    customer, subscription = failing(shop)
    shop.to(at("2026-02-01") + 16 * DAY)
    ended = shop.subscription(subscription.id)
    assert ended.status == "canceled"
    assert ended.cancellation_details.reason == "payment_failed"
    invoice = shop.invoices(customer=customer.id)[-1]
    # One attempt and eight retries within two weeks, and then none.
    assert (invoice.status, invoice.attempt_count, invoice.next_payment_attempt) == ("open", 9, None)
    assert len(shop.events("invoice.payment_failed")) == 9
    assert len(shop.v1.charges.list({"customer": customer.id, "limit": 100}).data) == 10


def test_a_new_card_ends_dunning(shop):
    customer, subscription = failing(shop)
    card = shop.give_card(customer.id, "pm_card_mastercard")
    invoice = shop.v1.invoices.pay(shop.subscription(subscription.id).latest_invoice)
    assert (invoice.status, invoice.amount_paid, invoice.attempt_count) == ("paid", 1000, 1)
    assert shop.subscription(subscription.id).status == "active"
    assert shop.v1.customers.retrieve(customer.id).delinquent is False
    charge = shop.v1.charges.list({"customer": customer.id}).data[0]
    assert charge.payment_method == card.id and charge.payment_method_details.card.brand == "mastercard"
    shop.to(at("2026-03-01") + 2 * HOUR)
    assert shop.invoices(customer=customer.id)[-1].status == "paid"


def test_a_retry_by_itself_succeeds_with_the_new_card(shop):
    customer, subscription = failing(shop)
    invoice = shop.invoices(customer=customer.id)[-1]
    shop.give_card(customer.id, "pm_card_visa")
    shop.to(invoice.next_payment_attempt + HOUR)
    paid = shop.v1.invoices.retrieve(invoice.id)
    assert (paid.status, paid.attempt_count) == ("paid", 2)
    assert shop.subscription(subscription.id).status == "active"


def test_a_written_off_invoice_frees_the_subscription(shop):
    customer, subscription = failing(shop)
    invoice = shop.v1.invoices.mark_uncollectible(shop.subscription(subscription.id).latest_invoice)
    assert invoice.status == "uncollectible"
    assert shop.subscription(subscription.id).status == "active"


def test_a_first_payment_that_fails_leaves_it_incomplete_for_23_hours(shop):
    customer = shop.customer("pm_card_chargeCustomerFail")
    subscription = shop.subscribe(customer.id, shop.price(1000).id, expand=["latest_invoice.confirmation_secret"])
    invoice = subscription.latest_invoice
    assert (subscription.status, invoice.status, invoice.attempt_count) == ("incomplete", "open", 1)
    assert invoice.confirmation_secret.client_secret.startswith("pi_")
    shop.later(24 * HOUR)
    assert shop.subscription(subscription.id).status == "incomplete_expired"
    assert shop.v1.invoices.retrieve(invoice.id).status == "void"


def test_an_incomplete_subscription_is_paid_in_time(shop):
    customer = shop.customer("pm_card_chargeCustomerFail")
    subscription = shop.subscribe(customer.id, shop.price(1000).id)
    good = shop.give_card(customer.id, "pm_card_visa")
    shop.v1.invoices.pay(subscription.latest_invoice, {"payment_method": good.id})
    assert shop.subscription(subscription.id).status == "active"


def test_default_incomplete_waits_for_the_browser(shop):
    customer = shop.customer(None)
    subscription = shop.subscribe(customer.id, shop.price(1000).id, payment_behavior="default_incomplete",
                                  expand=["latest_invoice.payments"])
    assert subscription.status == "incomplete"
    payment = subscription.latest_invoice.payments.data[0]
    assert (payment.is_default, payment.status, payment.payment.type) == (True, "open", "payment_intent")
    intent = shop.v1.payment_intents.retrieve(payment.payment.payment_intent)
    assert (intent.status, intent.amount) == ("requires_payment_method", 1000)
    done = shop.v1.payment_intents.confirm(intent.id, {
        "payment_method": "pm_card_visa", "return_url": "https://example.com/back"})
    assert done.status == "succeeded"
    assert shop.subscription(subscription.id).status == "active"
    assert shop.v1.invoices.retrieve(subscription.latest_invoice.id).status == "paid"


def test_without_any_card_nothing_is_written(shop):
    customer = shop.customer(None)
    error = refused(stripe.InvalidRequestError, shop.subscribe, customer.id, shop.price(1000).id)
    assert (error.http_status, error.code) == (400, "resource_missing")
    assert error.user_message == (
        "This customer has no attached payment source or default payment method. Please consider adding a default "
        "payment method. For more information, visit "
        "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority."
    )
    assert shop.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data == []
    assert shop.invoices(customer=customer.id) == []


def test_error_if_incomplete_writes_nothing(shop):
    customer = shop.customer("pm_card_chargeCustomerFail")
    error = refused(stripe.CardError, shop.subscribe, customer.id, shop.price(1000).id,
                    payment_behavior="error_if_incomplete")
    assert (error.http_status, error.code) == (402, "card_declined")
    assert shop.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data == []


def test_an_invoice_that_is_sent_becomes_overdue(shop):
    customer = shop.customer(None)
    subscription = shop.subscribe(customer.id, shop.price(1000).id, collection_method="send_invoice", days_until_due=7)
    assert subscription.status == "active"
    invoice = shop.v1.invoices.retrieve(subscription.latest_invoice)
    assert (invoice.status, invoice.due_date - invoice.created) == ("draft", 7 * DAY)
    shop.later(2 * HOUR)
    assert shop.v1.invoices.retrieve(invoice.id).status == "open"
    shop.later(8 * DAY)
    assert shop.subscription(subscription.id).status == "past_due"
    paid = shop.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert paid.status == "paid" and paid.attempted is False
    assert shop.subscription(subscription.id).status == "active"


def test_trials_with_and_without_a_card(shop):
    price = shop.price(1000).id
    one = shop.customer()
    with_card = shop.subscribe(one.id, price, trial_period_days=14)
    assert (with_card.status, with_card.trial_end - with_card.trial_start) == ("trialing", 14 * DAY)
    first = shop.v1.invoices.retrieve(with_card.latest_invoice)
    assert (first.status, first.total, first.attempt_count) == ("paid", 0, 0)
    assert first.lines.data[0].description == "Free trial for 1 × Pro"
    bare = {end: shop.subscribe(shop.customer(None).id, price, trial_period_days=14,
                                trial_settings={"end_behavior": {"missing_payment_method": end}})
            for end in ("pause", "create_invoice")}
    shop.later(12 * DAY)
    ends = shop.events("customer.subscription.trial_will_end")
    assert {event.data.object["id"] for event in ends} == {with_card.id, *[each.id for each in bare.values()]}
    shop.later(2 * DAY + 2 * HOUR)
    found = shop.subscription(with_card.id)
    assert found.status == "active"
    assert shop.v1.invoices.retrieve(found.latest_invoice).amount_paid == 1000
    ended = {end: shop.subscription(each.id) for end, each in bare.items()}
    assert {end: each.status for end, each in ended.items()} == {
        "pause": "paused", "create_invoice": "past_due"}
    assert ended["pause"].latest_invoice == bare["pause"].latest_invoice
    # Resumed with a card, a new cycle begins.
    customer = ended["pause"].customer
    shop.give_card(customer, "pm_card_visa")
    resumed = shop.v1.subscriptions.resume(ended["pause"].id, {"billing_cycle_anchor": {"type": "now"}})
    assert resumed.status in ("active", "paused")
    invoice = shop.v1.invoices.retrieve(resumed.latest_invoice)
    if invoice.status == "open":
        invoice = shop.v1.invoices.pay(invoice.id)
    assert invoice.amount_paid == 1000
    assert shop.subscription(resumed.id).status == "active"


def test_a_trial_without_a_card_may_end_the_subscription(shop):
    subscription = shop.subscribe(shop.customer(None).id, shop.price(1000).id, trial_period_days=14,
                                  trial_settings={"end_behavior": {"missing_payment_method": "cancel"}})
    shop.later(14 * DAY + 2 * HOUR)
    ended = shop.subscription(subscription.id)
    assert (ended.status, ended.latest_invoice) == ("canceled", subscription.latest_invoice)


def test_a_test_clock_holds_three_customers(shop):
    for _ in range(3):
        shop.customer(None)
    assert "3 customers" in refused(stripe.InvalidRequestError, shop.customer, None).user_message


def test_a_trial_is_ended_early(shop):
    subscription = shop.subscribe(shop.customer().id, shop.price(1000).id, trial_period_days=14)
    shop.later(3 * DAY)
    ended = shop.v1.subscriptions.update(subscription.id, {"trial_end": "now", "expand": ["latest_invoice"]})
    assert ended.status == "active"
    assert (ended.latest_invoice.status, ended.latest_invoice.total, ended.latest_invoice.billing_reason) == (
        "paid", 1000, "subscription_update")
    assert ended["items"].data[0].current_period_start == shop.now
