"""Changes in mid-cycle, to the cent: 30 days of which 20 are left, unless a test says otherwise.

A line is price * quantity * seconds left / seconds of the period, to the nearest cent.
"""

import pytest
import stripe
from shop import DAY, Shop, at, plain, refused

START, CHANGE, END = at("2026-04-01"), at("2026-04-11"), at("2026-05-01")


@pytest.fixture
def shop(client):
    return Shop(client)


def subscribed(shop, amount, quantity=1, **more):
    customer = shop.customer()
    subscription = shop.subscribe(customer.id, shop.price(amount).id, quantity, **more)
    assert subscription.status == "active"
    return customer, subscription


def lines(invoice):
    return [(line.amount, line.description) for line in invoice.lines.data]


def test_an_upgrade_credits_the_old_price_and_charges_the_new_one_at_once(shop):
    customer, subscription = subscribed(shop, 1000)
    dearer = shop.price(2000)
    shop.to(CHANGE)
    changed = shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "price": dearer.id}],
        "proration_behavior": "always_invoice",
        "expand": ["latest_invoice"],
    })
    invoice = changed.latest_invoice
    # 1000 * 20/30 = 666.67 back, 2000 * 20/30 = 1333.33 due.
    assert lines(invoice) == [
        (-667, "Unused time on Pro after 11 Apr 2026"),
        (1333, "Remaining time on Pro after 11 Apr 2026"),
    ]
    assert (invoice.billing_reason, invoice.status, invoice.amount_paid) == ("subscription_update", "paid", 666)
    assert (invoice.period_start, invoice.period_end) == (START, CHANGE)
    assert [(line.period.start, line.period.end) for line in invoice.lines.data] == [(CHANGE, END)] * 2
    assert [line.parent.type for line in invoice.lines.data] == ["subscription_item_details"] * 2
    assert all(line.parent.subscription_item_details.proration for line in invoice.lines.data)
    assert not any(line.discountable for line in invoice.lines.data)
    item = changed["items"].data[0]
    assert (item.price.id, item.current_period_start, item.current_period_end) == (dearer.id, START, END)
    # The next invoice holds the new price alone.
    shop.to(END + 2 * 3600)
    renewal = shop.v1.invoices.retrieve(shop.subscription(subscription.id).latest_invoice)
    assert (renewal.billing_reason, renewal.status, renewal.total) == ("subscription_cycle", "paid", 2000)
    assert [invoice.total for invoice in shop.invoices(customer=customer.id)] == [1000, 666, 2000]


def test_a_preview_says_what_the_change_will_cost_and_changes_nothing(shop):
    customer, subscription = subscribed(shop, 1000)
    dearer = shop.price(2000)
    shop.to(CHANGE)
    change = {
        "items": [{"id": subscription["items"].data[0].id, "price": dearer.id}],
        "proration_date": CHANGE,
    }
    preview = shop.v1.invoices.create_preview({
        "customer": customer.id, "subscription": subscription.id,
        "subscription_details": {**change, "proration_behavior": "always_invoice"},
    })
    assert [line.amount for line in preview.lines.data] == [-667, 1333]
    assert (preview.total, preview.amount_due, preview.status) == (666, 666, "draft")
    # Without always_invoice it is the next renewal, with the prorations on it.
    preview = shop.v1.invoices.create_preview({
        "customer": customer.id, "subscription": subscription.id,
        "subscription_details": {**change, "proration_behavior": "create_prorations"},
    })
    assert sorted(line.amount for line in preview.lines.data) == [-667, 1333, 2000]
    assert preview.total == 2666
    assert shop.subscription(subscription.id)["items"].data[0].price.unit_amount == 1000
    assert shop.v1.invoice_items.list({"customer": customer.id}).data == []
    assert len(shop.invoices(customer=customer.id)) == 1


def test_prorations_wait_for_the_renewal_unless_they_are_to_be_invoiced(shop):
    customer, subscription = subscribed(shop, 1000)
    dearer = shop.price(2000)
    shop.to(CHANGE)
    shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "price": dearer.id}],
    })
    pending = shop.v1.invoice_items.list({"customer": customer.id, "pending": True}).data
    assert sorted(item.amount for item in pending) == [-667, 1333]
    assert all(item.proration and item.parent.subscription_details.subscription == subscription.id for item in pending)
    assert len(shop.invoices(customer=customer.id)) == 1
    shop.to(END + 2 * 3600)
    renewal = shop.invoices(customer=customer.id)[-1]
    assert sorted(line.amount for line in renewal.lines.data) == [-667, 1333, 2000]
    # Prorations come before the subscription's own line, the credit before the debit.
    assert [line.amount for line in renewal.lines.data] == [-667, 1333, 2000]
    assert (renewal.total, renewal.amount_paid) == (2666, 2666)
    assert shop.v1.invoice_items.list({"customer": customer.id, "pending": True}).data == []


def test_a_downgrade_leaves_a_credit_that_pays_the_next_invoice(shop):
    customer, subscription = subscribed(shop, 2000)
    shop.to(CHANGE)
    changed = shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.price(1000).id}],
        "proration_behavior": "always_invoice", "expand": ["latest_invoice"],
    })
    invoice = changed.latest_invoice
    assert [line.amount for line in invoice.lines.data] == [-1333, 667]
    assert (invoice.total, invoice.amount_due, invoice.ending_balance, invoice.status) == (-666, 0, -666, "paid")
    assert invoice.attempt_count == 0
    assert shop.v1.customers.retrieve(customer.id).balance == -666
    movement = shop.v1.customers.balance_transactions.list(customer.id).data[0]
    assert (movement.amount, movement.type, movement.ending_balance) == (-666, "applied_to_invoice", -666)
    shop.to(END + 2 * 3600)
    renewal = shop.invoices(customer=customer.id)[-1]
    # 1000 - 666 = 334
    assert (renewal.total, renewal.starting_balance, renewal.amount_due, renewal.amount_paid) == (1000, -666, 334, 334)
    assert shop.v1.customers.retrieve(customer.id).balance == 0


def test_one_seat_more(shop):
    _, subscription = subscribed(shop, 999, quantity=2)
    shop.to(CHANGE)
    changed = shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "quantity": 3}],
        "proration_behavior": "always_invoice", "expand": ["latest_invoice"],
    })
    # 1998 * 20/30 = 1332, 2997 * 20/30 = 1998
    assert lines(changed.latest_invoice) == [
        (-1332, "Unused time on 2 × Pro after 11 Apr 2026"),
        (1998, "Remaining time on 3 × Pro after 11 Apr 2026"),
    ]
    assert changed.latest_invoice.amount_paid == 666


def test_a_quarter_of_an_hour_is_not_a_day(shop):
    _, subscription = subscribed(shop, 1000)
    # 10 days, 6 hours and 15 minutes are gone; 1 704 900 of 2 592 000 seconds are left.
    moment = CHANGE + 6 * 3600 + 900
    shop.to(moment)
    changed = shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.price(2000).id}],
        "proration_behavior": "always_invoice", "expand": ["latest_invoice"],
    })
    # 1000 * 1704900/2592000 = 657.75…, 2000 * … = 1315.50…
    assert [line.amount for line in changed.latest_invoice.lines.data] == [-658, 1316]


def test_a_date_of_proration_in_the_past_of_the_period_counts(shop):
    _, subscription = subscribed(shop, 1000)
    shop.to(CHANGE + 5 * DAY)
    changed = shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.price(2000).id}],
        "proration_behavior": "always_invoice", "proration_date": CHANGE, "expand": ["latest_invoice"],
    })
    assert [line.amount for line in changed.latest_invoice.lines.data] == [-667, 1333]
    error = refused(stripe.InvalidRequestError, shop.v1.subscriptions.update, subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "quantity": 4}], "proration_date": START - DAY,
    })
    assert error.user_message == "Cannot specify proration date outside of current subscription period"


def test_a_second_change_credits_what_the_first_one_charged(shop):
    customer, subscription = subscribed(shop, 1000)
    item = subscription["items"].data[0].id
    shop.to(CHANGE)
    shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": item, "price": shop.price(2000).id}], "proration_behavior": "always_invoice",
    })
    shop.to(CHANGE + 10 * DAY)
    changed = shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": item, "price": shop.price(3000).id}], "proration_behavior": "always_invoice",
        "expand": ["latest_invoice"],
    })
    # Half of the 1333 that 20 days cost, 666.5: ties go to minus infinity. And 3000 * 10/30.
    credit, debit = [line.amount for line in changed.latest_invoice.lines.data]
    assert (credit, debit) == (-667, 1000)
    assert changed.latest_invoice.lines.data[0].parent.subscription_item_details.proration_details.credited_items


def never_billed(shop, mode):
    """2000 at 20 days left without proration, then 1000 at 10 days left."""
    _, subscription = subscribed(shop, 1000, billing_mode={"type": mode})
    item = subscription["items"].data[0].id
    cheap = subscription["items"].data[0].price.id
    shop.to(CHANGE)
    shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": item, "price": shop.price(2000).id}], "proration_behavior": "none",
    })
    shop.to(CHANGE + 10 * DAY)
    changed = shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": item, "price": cheap}], "proration_behavior": "always_invoice", "expand": ["latest_invoice"],
    })
    return [line.amount for line in changed.latest_invoice.lines.data]


def test_classic_credits_the_price_of_today(shop):
    assert never_billed(shop, "classic") == [-667, 333]


def test_flexible_credits_what_was_paid(shop):
    assert never_billed(shop, "flexible") == [-333, 333]


def test_a_coupon_of_ten_percent_is_in_both_lines(shop):
    coupon = shop.v1.coupons.create({"percent_off": 10, "duration": "forever"})
    customer = shop.customer()
    subscription = shop.subscribe(customer.id, shop.price(1000).id, discounts=[{"coupon": coupon.id}])
    assert shop.v1.invoices.retrieve(subscription.latest_invoice).total == 900
    shop.to(START + 15 * DAY)
    changed = shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.price(3000).id}],
        "proration_behavior": "always_invoice", "expand": ["latest_invoice"],
    })
    invoice = changed.latest_invoice
    # 1000/2 less 10 % = 450; 3000/2 less 10 % = 1350.
    assert lines(invoice) == [
        (-450, "Unused time on Pro (with 10.0% off) after 16 Apr 2026"),
        (1350, "Remaining time on Pro (with 10.0% off) after 16 Apr 2026"),
    ]
    assert invoice.total == 900
    assert all(each.amount == 0 for line in invoice.lines.data for each in line.discount_amounts or [])


def test_tax_follows_each_line(shop):
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    customer = shop.customer()
    subscription = shop.subscribe(customer.id, shop.price(1000).id, default_tax_rates=[rate.id])
    assert shop.v1.invoices.retrieve(subscription.latest_invoice).total == 1200
    shop.to(CHANGE)
    changed = shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.price(2000).id}],
        "proration_behavior": "always_invoice", "expand": ["latest_invoice"],
    })
    invoice = changed.latest_invoice
    assert [line.amount for line in invoice.lines.data] == [-667, 1333]
    # 667 * 20 % = 133.4, 1333 * 20 % = 266.6
    assert [[tax.amount for tax in line.taxes] for line in invoice.lines.data] == [[-133], [267]]
    assert (invoice.subtotal, invoice.total) == (666, 800)


def test_from_a_month_to_a_year_starts_the_year_today(shop):
    _, subscription = subscribed(shop, 2500)
    yearly = shop.price(25000, "year")
    shop.later(4)
    changed = shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "price": yearly.id}], "expand": ["latest_invoice"],
    })
    # A period that changes is invoiced at once. 2500 * (1 - 4/2592000) = 2499.996
    invoice = changed.latest_invoice
    assert [line.amount for line in invoice.lines.data] == [-2500, 25000]
    assert (invoice.total, invoice.status) == (22500, "paid")
    item = changed["items"].data[0]
    assert item.current_period_end - item.current_period_start == 365 * DAY


def test_no_proration_no_lines(shop):
    customer, subscription = subscribed(shop, 1000)
    shop.to(CHANGE)
    shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.price(2000).id}],
        "proration_behavior": "none",
    })
    assert shop.v1.invoice_items.list({"customer": customer.id}).data == []
    shop.to(END + 7200)
    assert [invoice.total for invoice in shop.invoices(customer=customer.id)] == [1000, 2000]


def test_a_new_anchor_starts_a_new_period(shop):
    _, subscription = subscribed(shop, 1000)
    shop.to(CHANGE)
    changed = shop.v1.subscriptions.update(subscription.id, {
        "billing_cycle_anchor": {"type": "now"}, "proration_behavior": "create_prorations", "expand": ["latest_invoice"],
    })
    item = changed["items"].data[0]
    assert (item.current_period_start, item.current_period_end) == (CHANGE, at("2026-05-11"))
    assert changed.billing_cycle_anchor == CHANGE
    # 1000 * 20/30 back, and a whole month.
    assert sorted(line.amount for line in changed.latest_invoice.lines.data) == [-667, 1000]
    assert changed.latest_invoice.amount_paid == 333


def test_what_an_update_changed_is_told(shop):
    _, subscription = subscribed(shop, 1000)
    dearer = shop.price(2000)
    shop.to(CHANGE)
    shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "price": dearer.id}],
    })
    event = plain(shop.events("customer.subscription.updated")[-1])
    before = event["data"]["previous_attributes"]["items"]["data"][0]["price"]["unit_amount"]
    assert before == 1000
    assert event["data"]["object"]["items"]["data"][0]["price"]["id"] == dearer.id
    assert event["request"]["id"].startswith("req_")


def test_an_upgrade_that_cannot_be_paid_waits(shop):
    customer, subscription = subscribed(shop, 1000)
    shop.give_card(customer.id, "pm_card_chargeCustomerFail")
    shop.to(CHANGE)
    changed = shop.v1.subscriptions.update(subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.price(2000).id}],
        "payment_behavior": "pending_if_incomplete", "proration_behavior": "always_invoice",
        "expand": ["latest_invoice"],
    })
    assert changed.status == "active"
    assert changed["items"].data[0].price.unit_amount == 1000
    assert changed.pending_update.subscription_items[0].price.unit_amount == 2000
    assert changed.latest_invoice.status == "open"
    good = shop.give_card(customer.id, "pm_card_visa")
    paid = shop.v1.invoices.pay(changed.latest_invoice.id, {"payment_method": good.id})
    assert paid.status == "paid"
    applied = shop.subscription(subscription.id)
    assert applied.pending_update is None
    assert applied["items"].data[0].price.unit_amount == 2000


def test_an_upgrade_may_be_dropped_instead(shop):
    customer, subscription = subscribed(shop, 1000)
    shop.give_card(customer.id, "pm_card_chargeCustomerFail")
    shop.to(CHANGE)
    error = refused(stripe.CardError, shop.v1.subscriptions.update, subscription.id, {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.price(2000).id}],
        "payment_behavior": "error_if_incomplete", "proration_behavior": "always_invoice",
    })
    assert error.http_status == 402 and error.code == "card_declined"
    assert shop.subscription(subscription.id)["items"].data[0].price.unit_amount == 1000


def test_items_come_and_go(shop):
    _, subscription = subscribed(shop, 1000)
    shop.to(CHANGE)
    second = shop.v1.subscription_items.create({
        "subscription": subscription.id, "price": shop.price(300).id, "proration_behavior": "always_invoice",
    })
    # 300 * 20/30
    assert shop.invoices()[-1].total == 200
    error = refused(stripe.InvalidRequestError, shop.v1.subscription_items.create, {
        "subscription": subscription.id, "price": second.price.id,
    })
    assert error.user_message.startswith(f"A new item with Price {second.price.id} can't be added to this Subscription")
    assert [item.id for item in shop.v1.subscription_items.list({"subscription": subscription.id}).data] == [
        subscription["items"].data[0].id, second.id,
    ]
    gone = shop.v1.subscription_items.delete(second.id, {"proration_behavior": "always_invoice"})
    assert gone.deleted is True
    assert shop.invoices()[-1].total == -200
    assert len(shop.subscription(subscription.id)["items"].data) == 1
