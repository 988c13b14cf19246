"""Subscriptions, invoices and clocks as they were recorded: states, texts, amounts, events."""

import pytest
import stripe
from shop import DAY, HOUR, Shop, at, day, plain, refused

START, HALF, END = at("2026-04-01"), at("2026-04-16"), at("2026-05-01")


@pytest.fixture
def shop(client):
    return Shop(client)


def text_of(action, *args, **kwargs):
    error = refused(stripe.InvalidRequestError, action, *args, **kwargs)
    assert error.http_status == 400 and error.code is None, (error.http_status, error.code, error.user_message)
    return error.user_message


def test_sent_invoices(shop):
    customer = shop.customer(None)
    made = shop.subscribe(customer.id, shop.price(1000).id, collection_method="send_invoice", days_until_due=10)
    invoice = shop.v1.invoices.retrieve(made.latest_invoice)
    assert (made.status, invoice.status, invoice.due_date) == ("active", "draft", invoice.created + 10 * DAY)
    assert text_of(shop.subscribe, customer.id, shop.price(1000).id, days_until_due=3) == (
        "You can only specify 'days_until_due' if invoice collection method is 'send_invoice'.")
    assert text_of(shop.subscribe, customer.id, shop.price(1000).id, collection_method="send_invoice") == (
        "If invoice collection method is 'send_invoice', you must specify 'days_until_due'.")


def test_metered_only_bills_nothing_at_first(shop):
    meter = shop.v1.billing.meters.create({
        "display_name": "x", "event_name": "x", "default_aggregation": {"formula": "sum"}})
    price = shop.price(5, recurring={"interval": "month", "usage_type": "metered", "meter": meter.id})
    made = shop.v1.subscriptions.create({"customer": shop.customer().id, "items": [{"price": price.id}]})
    assert (made.status, made.latest_invoice) == ("active", None)


def test_payment_behaviors_of_creation(shop):
    price = shop.price(1000).id
    poor = shop.customer("pm_card_chargeCustomerFail")
    made = shop.subscribe(poor.id, price)
    invoice = shop.v1.invoices.retrieve(made.latest_invoice)
    assert (made.status, invoice.status, invoice.attempt_count, invoice.attempted) == ("incomplete", "open", 1, True)
    waiting = shop.subscribe(poor.id, price, payment_behavior="default_incomplete")
    invoice = shop.v1.invoices.retrieve(waiting.latest_invoice)
    assert (waiting.status, invoice.status, invoice.attempt_count) == ("incomplete", "open", 0)
    error = refused(stripe.InvalidRequestError, shop.subscribe, poor.id, price, payment_behavior="pending_if_incomplete")
    assert (error.param, error.user_message) == (
        "payment_behavior",
        "Setting `payment_behavior` to `pending_if_incomplete` has no effect when creating a subscription.")


def test_three_d_secure_on_the_first_invoice(shop):
    customer = shop.customer(None)
    method = shop.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": customer.id})
    shop.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    price = shop.price(1000).id
    made = shop.subscribe(customer.id, price)
    invoice = shop.v1.invoices.retrieve(made.latest_invoice)
    assert (made.status, invoice.status, invoice.attempted, invoice.attempt_count) == ("incomplete", "open", True, 0)
    assert "invoice.payment_action_required" in shop.event_types()
    error = refused(stripe.CardError, shop.subscribe, customer.id, price, payment_behavior="error_if_incomplete")
    assert (error.http_status, error.code) == (402, "subscription_payment_intent_requires_action")


def test_trials(shop):
    price = shop.price(1000)
    made = shop.subscribe(shop.customer().id, price.id, trial_period_days=30)
    item = made["items"].data[0]
    assert made.billing_cycle_anchor == made.trial_end == START + 30 * DAY
    assert (item.current_period_start, item.current_period_end) == (START, made.trial_end)
    invoice = shop.v1.invoices.retrieve(made.latest_invoice)
    assert (invoice.billing_reason, invoice.total, invoice.attempt_count, invoice.attempted, invoice.status) == (
        "subscription_create", 0, 0, True, "paid")
    assert invoice.number.endswith("-0001")
    error = refused(stripe.InvalidRequestError, shop.subscribe, made.customer, price.id, trial_end=START - DAY)
    assert (error.param, error.user_message) == (
        "trial_end", "The parameter `trial_end` expects a unix timestamp representing a date and time in the future. You "
        f"specified the value `{START - DAY}` which is in the past.")
    assert refused(stripe.InvalidRequestError, shop.subscribe, made.customer, price.id, trial_period_days=731).http_status == 400
    classic = shop.subscribe(shop.customer().id, price.id, trial_period_days=30, billing_mode={"type": "classic"})
    assert shop.v1.invoices.retrieve(classic.latest_invoice).lines.data[0].description == "Trial period for Pro"
    bare = shop.subscribe(shop.customer(None).id, price.id, trial_period_days=30, expand=["pending_setup_intent"])
    assert bare.pending_setup_intent.status == "requires_payment_method"


def test_the_end_of_a_trial_by_hand(shop):
    price = shop.price(1000).id
    bare = shop.subscribe(shop.customer(None).id, price, trial_period_days=30)
    assert refused(stripe.InvalidRequestError, shop.v1.subscriptions.update, bare.id, {"trial_end": "now"}).user_message.startswith(
        "This customer has no attached payment source or default payment method.")
    ending = shop.subscribe(shop.customer(None).id, price, trial_period_days=30,
                            trial_settings={"end_behavior": {"missing_payment_method": "cancel"}})
    ended = shop.v1.subscriptions.update(ending.id, {"trial_end": "now"})
    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "cancellation_requested")
    active = shop.subscribe(shop.customer().id, price)
    unchanged = shop.v1.subscriptions.update(active.id, {"trial_end": "now"})
    assert (unchanged.status, unchanged.latest_invoice) == ("active", active.latest_invoice)


def test_a_trial_in_the_middle_of_a_period(shop):
    made = shop.subscribe(shop.customer().id, shop.price(1000).id)
    shop.to(HALF)
    changed = shop.v1.subscriptions.update(made.id, {"trial_end": HALF + 30 * DAY, "expand": ["latest_invoice"]})
    assert changed.status == "trialing"
    lines = [(line.amount, line.description) for line in changed.latest_invoice.lines.data]
    # Half of the month is given back; the trial itself costs nothing.
    assert lines == [(-500, "Unused time on Pro after 16 Apr 2026"), (0, "Free trial for 1 × Pro")]


def test_cancellations(shop):
    price = shop.price(1000).id
    made = shop.subscribe(shop.customer().id, price)
    shop.later(DAY)
    asked = shop.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    shop.later(DAY)
    gone = shop.v1.subscriptions.cancel(made.id)
    # What was asked for first is kept.
    assert (gone.canceled_at, gone.ended_at, gone.cancel_at, gone.cancel_at_period_end) == (
        asked.canceled_at, shop.now, None, False)
    for action in (shop.v1.subscriptions.cancel, shop.v1.subscriptions.resume):
        error = refused(stripe.InvalidRequestError, action, made.id)
        assert (error.http_status, error.code, error.param, error.user_message) == (
            404, "resource_missing", "id", f"No such subscription: '{made.id}'")
    error = refused(stripe.InvalidRequestError, shop.v1.subscriptions.update, made.id, {"description": "x"})
    assert (error.code, error.user_message) == (
        "invalid_canceled_subscription_fields",
        "A canceled subscription can only update its cancellation_details and metadata.")
    assert shop.v1.subscriptions.update(made.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"
    noted = shop.v1.subscriptions.update(made.id, {"cancellation_details": {"comment": "Too dear", "feedback": "too_expensive"}})
    assert (noted.cancellation_details.comment, noted.cancellation_details.feedback) == ("Too dear", "too_expensive")


def test_a_cancellation_with_its_credit(shop):
    customer = shop.customer()
    made = shop.subscribe(customer.id, shop.price(1000).id)
    shop.to(HALF)
    shop.v1.subscriptions.cancel(made.id, {"prorate": True})
    pending = shop.v1.invoice_items.list({"customer": customer.id, "pending": True}).data
    assert [(item.amount, item.description) for item in pending] == [(-500, "Unused time on Pro after 16 Apr 2026")]
    other = shop.customer()
    second = shop.subscribe(other.id, shop.price(1000).id)
    shop.to(HALF + 7 * DAY)
    shop.v1.subscriptions.cancel(second.id, {"prorate": True, "invoice_now": True})
    invoice = shop.invoices(customer=other.id)[-1]
    assert (invoice.billing_reason, invoice.total < 0) == ("subscription_cycle", True)
    assert shop.v1.customers.retrieve(other.id).balance == 0


def test_events_of_cancelling(shop):
    made = shop.subscribe(shop.customer().id, shop.price(1000).id)
    shop.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    before = plain(shop.events("customer.subscription.updated")[-1])["data"]["previous_attributes"]
    assert before == {
        "cancel_at": None, "cancel_at_period_end": False, "canceled_at": None, "cancellation_details": {"reason": None}}
    count = len(shop.event_types())
    shop.to(END + 2 * HOUR)
    after = [kind for kind in shop.event_types()[count:] if not kind.startswith("test_helpers.")]
    assert after == ["customer.subscription.deleted"]


def test_resume_is_for_what_is_paused(shop):
    made = shop.subscribe(shop.customer().id, shop.price(1000).id)
    assert text_of(shop.v1.subscriptions.resume, made.id) == "You can only resume a subscription if it is `paused`."
    trial = shop.subscribe(shop.customer(None).id, shop.price(1000).id, trial_period_days=3,
                           trial_settings={"end_behavior": {"missing_payment_method": "pause"}})
    shop.later(3 * DAY + HOUR)
    assert shop.subscription(trial.id).status == "paused"
    assert text_of(shop.v1.subscriptions.update, trial.id, {"trial_end": shop.now + DAY}) == (
        "You cannot set `trial_end` while a subscription is `paused`. Resume the subscription first before setting `trial_end`.")


def test_items(shop):
    price, customer = shop.price(1000).id, shop.customer()
    error = refused(stripe.InvalidRequestError, shop.v1.subscriptions.create,
                    {"customer": customer.id, "items": [{"price": price}, {"price": price}]})
    assert (error.param, error.user_message) == (
        "plan", f"Cannot create a Subscription with multiple Subscription Items with the same Price: {price}")
    made = shop.subscribe(customer.id, price)
    item = made["items"].data[0].id
    error = refused(stripe.InvalidRequestError, shop.v1.subscription_items.create, {"subscription": made.id, "price": price})
    assert error.param == "plan" and error.user_message.startswith(
        f"A new item with Price {price} can't be added to this Subscription because an existing Subscription Item {item} "
        "is already using that Price.")
    euros = shop.v1.prices.create({
        "product": shop.v1.products.create({"name": "x"}).id, "currency": "eur", "unit_amount": 5,
        "recurring": {"interval": "month"}})
    error = refused(stripe.InvalidRequestError, shop.v1.subscriptions.create,
                    {"customer": shop.customer().id, "items": [{"price": price}, {"price": euros.id}]})
    assert error.param == "items[1][price]"
    assert error.user_message.startswith("This `price` has `currency=eur`, but other items use `currency=usd`.")
    assert refused(stripe.InvalidRequestError, shop.v1.subscription_items.create, {
        "subscription": made.id, "price": euros.id}).user_message == (
        "The price specified only supports `eur`. This doesn't match the expected currency: `usd`.")
    assert refused(stripe.InvalidRequestError, shop.v1.subscription_items.retrieve, "si_x").user_message == (
        "Invalid subscription_item id: si_x")
    assert refused(stripe.InvalidRequestError, shop.v1.subscriptions.create, {
        "customer": customer.id, "items": [{"price": euros.id}]}).user_message == (
        "You cannot combine currencies on a single customer. This customer has an active subscription, subscription schedule, "
        "discount, quote, invoice item or active subscription mode checkout session with currency usd.")


def test_texts_of_lines(shop):
    product = shop.v1.products.create({"name": "Pro", "unit_label": "user"})
    one = shop.subscribe(shop.customer().id, shop.price(1000).id, expand=["latest_invoice"])
    assert one.latest_invoice.lines.data[0].description == "1 × Pro (at $10.00 / month)"
    two = shop.subscribe(shop.customer().id, shop.price(250, "year", product=product.id).id, 3, expand=["latest_invoice"])
    assert two.latest_invoice.lines.data[0].description == "3 user × Pro (at $2.50 / year)"
    intent = shop.v1.payment_intents.list({"customer": one.customer}).data[0]
    assert intent.description == "Subscription creation"


def test_what_a_renewal_is(shop):
    customer = shop.customer()
    shop.subscribe(customer.id, shop.price(1000).id)
    first = shop.invoices(customer=customer.id)[0]
    assert first.period_start == first.period_end == START
    assert [(day(line.period.start), day(line.period.end)) for line in first.lines.data] == [("2026-04-01", "2026-05-01")]
    shop.to(END)
    draft = shop.invoices(customer=customer.id)[-1]
    assert (draft.status, draft.billing_reason, draft.period_start, draft.period_end) == (
        "draft", "subscription_cycle", START, END)
    assert draft.next_payment_attempt == draft.created + 3600
    assert draft.automatically_finalizes_at == draft.created + 3601
    shop.later(3601)
    assert shop.v1.invoices.retrieve(draft.id).status == "paid"


def test_prefixes_of_numbers(shop):
    one = shop.customer(invoice_prefix="ACME")
    made = shop.subscribe(one.id, shop.price(1000).id, expand=["latest_invoice"])
    assert made.latest_invoice.number == "ACME-0001"
    assert shop.v1.customers.retrieve(one.id).next_invoice_sequence == 2
    error = refused(stripe.InvalidRequestError, shop.customer, None, invoice_prefix="ACME")
    assert error.user_message == (
        f"This invoice number prefix is taken by customer: {one.id}. Please enter a different prefix.")
    error = refused(stripe.InvalidRequestError, shop.customer, None, invoice_prefix="acme!")
    assert error.user_message == "Invoice number prefix must be 1–12 uppercase letters or numbers."


def test_discounts_of_items_and_of_the_whole(shop):
    ten = shop.v1.coupons.create({"percent_off": 10, "duration": "forever"})
    half = shop.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    customer = shop.customer()
    made = shop.v1.subscriptions.create({
        "customer": customer.id, "items": [{"price": shop.price(2500).id}], "discounts": [{"coupon": ten.id}],
        "expand": ["latest_invoice"]})
    # The subtotal is before the discounts of the whole.
    assert (made.latest_invoice.subtotal, made.latest_invoice.total) == (2500, 2250)
    other = shop.v1.subscriptions.create({
        "customer": shop.customer().id, "items": [{"price": shop.price(1900).id, "discounts": [{"coupon": half.id}]}],
        "expand": ["latest_invoice"]})
    # And after those of a line.
    assert (other.latest_invoice.subtotal, other.latest_invoice.total) == (950, 950)


def test_coupons_that_no_longer_count(shop):
    used = shop.v1.coupons.create({"id": "ONE", "percent_off": 10, "duration": "once", "max_redemptions": 1})
    price = shop.price(1000).id
    shop.subscribe(shop.customer().id, price, discounts=[{"coupon": used.id}])
    error = refused(stripe.InvalidRequestError, shop.subscribe, shop.customer().id, price, discounts=[{"coupon": "ONE"}])
    assert error.user_message == "Coupon ONE is used up and cannot be applied."


def test_a_once_coupon_outlives_a_trial(shop):
    once = shop.v1.coupons.create({"amount_off": 300, "currency": "usd", "duration": "once"})
    customer = shop.customer()
    made = shop.subscribe(customer.id, shop.price(1000).id, discounts=[{"coupon": once.id}], trial_period_days=7)
    assert len(made.discounts) == 1
    shop.later(7 * DAY + 2 * HOUR)
    assert [invoice.total for invoice in shop.invoices(customer=customer.id)] == [0, 700]
    assert shop.subscription(made.id).discounts == []


def test_tax_before_and_in_the_price(shop):
    rate = shop.v1.tax_rates.create({"display_name": "Tax", "percentage": 5, "inclusive": False})
    ten = shop.v1.coupons.create({"percent_off": 10, "duration": "forever"})
    made = shop.subscribe(shop.customer().id, shop.price(2000).id, default_tax_rates=[rate.id],
                          discounts=[{"coupon": ten.id}], expand=["latest_invoice"])
    # (2000 - 10 %) + 5 %
    assert made.latest_invoice.total == 1890
    assert made.latest_invoice.total_taxes[0].taxable_amount == 1800


def test_the_balance_of_a_customer(shop):
    customer = shop.customer()
    shop.v1.customers.update(customer.id, {"balance": -1334})
    made = shop.subscribe(customer.id, shop.price(1000).id, expand=["latest_invoice"])
    invoice = made.latest_invoice
    # due = max(0, 1000 - 1334), and 334 stay.
    assert (invoice.amount_due, invoice.status, invoice.attempt_count, invoice.ending_balance) == (0, "paid", 0, -334)
    kinds = [(each.type, each.amount) for each in shop.v1.customers.balance_transactions.list(customer.id).data]
    assert kinds[0] == ("applied_to_invoice", 1000)


def test_dunning_is_not_tried_in_vain(shop):
    customer = shop.customer()
    made = shop.subscribe(customer.id, shop.price(1000).id)
    method = shop.v1.customers.payment_methods.list(customer.id).data[0]
    shop.v1.payment_methods.detach(method.id)
    shop.to(END + 2 * HOUR)
    invoice = shop.invoices(customer=customer.id)[-1]
    assert (shop.subscription(made.id).status, invoice.status) == ("past_due", "open")
    assert len(shop.v1.charges.list({"customer": customer.id}).data) == 1
    shop.later(3 * DAY)
    assert shop.v1.invoices.retrieve(invoice.id).attempt_count > 1
    assert len(shop.v1.charges.list({"customer": customer.id}).data) == 1


def test_limits_of_clocks(shop):
    clock = shop.v1.test_helpers.test_clocks
    back = refused(stripe.InvalidRequestError, clock.advance, shop.clock.id, {"frozen_time": START - DAY})
    assert back.http_status == 400
    shop.subscribe(shop.customer().id, shop.price(1000).id)
    far = refused(stripe.InvalidRequestError, clock.advance, shop.clock.id, {"frozen_time": START + 100 * DAY})
    assert far.http_status == 400
    assert clock.delete(shop.clock.id).deleted is True
    assert shop.v1.customers.list({"test_clock": shop.clock.id}).data == []


def test_deleting_a_clock_takes_its_customers_along(shop):
    customer = shop.customer()
    made = shop.subscribe(customer.id, shop.price(1000).id)
    shop.v1.test_helpers.test_clocks.delete(shop.clock.id)
    assert shop.v1.customers.retrieve(customer.id).deleted is True
    assert shop.subscription(made.id).status == "canceled"


def test_schedules(shop):
    customer, price = shop.customer(), shop.price(1000).id
    phases = [{"items": [{"price": price}], "duration": {"interval": "month", "interval_count": 1}}]
    made = shop.subscribe(customer.id, price)
    error = refused(stripe.InvalidRequestError, shop.v1.subscription_schedules.create,
                    {"from_subscription": made.id, "phases": phases})
    assert error.user_message == "You cannot set `phases` if `from_subscription` is set."
    schedule = shop.v1.subscription_schedules.create({"from_subscription": made.id})
    assert (schedule.status, schedule.subscription) == ("active", made.id)
    error = refused(stripe.InvalidRequestError, shop.v1.subscriptions.update, made.id, {"cancel_at_period_end": True})
    assert error.user_message == (
        f"The subscription is managed by the subscription schedule `{schedule.id}`, and updating any cancelation behavior "
        "directly is not allowed. Please update the schedule instead.")
    released = shop.v1.subscription_schedules.release(schedule.id)
    assert (released.status, released.released_subscription) == ("released", made.id)
    other = shop.v1.subscription_schedules.create({
        "customer": shop.customer().id, "start_date": START + 10 * DAY, "end_behavior": "cancel", "phases": phases})
    assert (other.status, other.subscription) == ("not_started", None)
    assert shop.v1.subscription_schedules.cancel(other.id).status == "canceled"
    kinds = shop.event_types()
    for kind in ("created", "released", "canceled"):
        assert f"subscription_schedule.{kind}" in kinds


def test_events_of_a_paid_beginning(shop):
    customer = shop.customer()
    count = len(shop.event_types())
    shop.subscribe(customer.id, shop.price(1000).id)
    wanted = ["invoice.created", "invoice.finalized", "payment_intent.created", "charge.succeeded",
              "payment_intent.succeeded", "invoice.paid", "invoice.payment_succeeded", "customer.updated",
              "customer.subscription.created"]
    found = [kind for kind in shop.event_types()[count:] if kind in wanted]
    assert found == wanted
    assert shop.event_types().count("invoice_payment.paid") == 1
    changed = plain(shop.events("customer.updated")[-1])["data"]["previous_attributes"]
    assert changed["currency"] is None


def test_events_of_a_trial(shop):
    customer = shop.customer()
    count = len(shop.event_types())
    shop.subscribe(customer.id, shop.price(1000).id, trial_period_days=7)
    found = [kind for kind in shop.event_types()[count:] if kind.startswith(("invoice.", "customer.subscription"))]
    assert found == ["invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_succeeded",
                     "customer.subscription.created"]


def test_events_of_a_failed_beginning_and_of_its_end(shop):
    customer = shop.customer("pm_card_chargeCustomerFail")
    count = len(shop.event_types())
    made = shop.subscribe(customer.id, shop.price(1000).id)
    wanted = ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed", "customer.subscription.created"]
    found = [kind for kind in shop.event_types()[count:] if kind in wanted]
    assert found == wanted
    good = shop.give_card(customer.id, "pm_card_visa")
    shop.v1.invoices.pay(made.latest_invoice, {"payment_method": good.id})
    before = plain(shop.events("customer.subscription.updated")[-1])["data"]["previous_attributes"]
    assert before["status"] == "incomplete"


def test_what_incomplete_takes(shop):
    made = shop.subscribe(shop.customer("pm_card_chargeCustomerFail").id, shop.price(1000).id)
    assert shop.v1.subscriptions.update(made.id, {"metadata": {"a": "b"}, "description": "x"}).description == "x"
    error = refused(stripe.InvalidRequestError, shop.v1.subscriptions.update, made.id, {
        "items": [{"id": made["items"].data[0].id, "quantity": 2}]})
    assert error.http_status == 400


def test_a_lost_invoice_voids_the_past(shop):
    """A voided renewal brings a subscription that was past due back."""
    customer = shop.customer()
    made = shop.subscribe(customer.id, shop.price(1000).id)
    shop.give_card(customer.id, "pm_card_chargeCustomerFail")
    shop.to(END + 2 * HOUR)
    assert shop.subscription(made.id).status == "past_due"
    shop.v1.invoices.void_invoice(shop.subscription(made.id).latest_invoice)
    assert shop.subscription(made.id).status == "active"


def test_half_of_classic_and_of_flexible_with_an_amount_off(shop):
    """500 off 1000 + 2000, the 1000 deleted at half: -250 split evenly, -417 split by amount."""
    found = {}
    for mode in ("classic", "flexible"):
        off = shop.v1.coupons.create({"amount_off": 500, "currency": "usd", "duration": "forever"})
        made = shop.v1.subscriptions.create({
            "customer": shop.customer().id, "billing_mode": {"type": mode}, "discounts": [{"coupon": off.id}],
            "items": [{"price": shop.price(1000).id}, {"price": shop.price(2000).id}]})
        found[mode] = made
    shop.to(HALF)
    amounts = {}
    for mode, made in found.items():
        shop.v1.subscription_items.delete(made["items"].data[0].id, {"proration_behavior": "always_invoice"})
        amounts[mode] = [line.amount for line in shop.invoices(customer=made.customer)[-1].lines.data]
    assert amounts == {"classic": [-250], "flexible": [-417]}


def test_two_months_and_a_year_of_annual(shop):
    made = shop.subscribe(shop.customer().id, shop.price(12000, "year").id)
    item = made["items"].data[0]
    assert (day(item.current_period_start), day(item.current_period_end)) == ("2026-04-01", "2027-04-01")


def test_an_anchor_in_the_future_bills_the_part_before_it(shop):
    customer = shop.customer()
    made = shop.subscribe(customer.id, shop.price(3000).id, billing_cycle_anchor=at("2026-04-11"))
    first = shop.v1.invoices.retrieve(made.latest_invoice)
    # Ten days of the month that would end on 11 April, from 11 March: 3000 * 10/31.
    assert first.total == 968
    assert day(made["items"].data[0].current_period_end) == "2026-04-11"
    free = shop.subscribe(customer.id, shop.price(3000).id, billing_cycle_anchor=at("2026-04-11"), proration_behavior="none")
    assert free.latest_invoice is None
    shop.to(at("2026-04-11") + 2 * HOUR)
    assert sorted(invoice.total for invoice in shop.invoices(customer=customer.id)) == [968, 3000, 3000]
