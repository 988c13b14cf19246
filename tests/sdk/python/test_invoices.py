"""Invoices, invoice items, invoice payments and credit notes by the official SDK."""

import urllib.request

import pytest
import stripe

DAY = 86_400


def shopper(client, card="pm_card_visa", **more):
    customer = client.v1.customers.create({"email": "jenny@example.com", "name": "Jenny", **more})
    if card:
        method = client.v1.payment_methods.attach(card, {"customer": customer.id})
        client.v1.customers.update(
            customer.id, {"invoice_settings": {"default_payment_method": method.id}}
        )
    return client.v1.customers.retrieve(customer.id)


def item(client, customer, amount=1000, **more):
    return client.v1.invoice_items.create(
        {"customer": customer.id, "amount": amount, "currency": "usd", **more}
    )


def draft(client, customer, **more):
    return client.v1.invoices.create(
        {"customer": customer.id, "pending_invoice_items_behavior": "include", **more}
    )


def opened(client, customer, amount=1000, **more):
    item(client, customer, amount)
    return client.v1.invoices.finalize_invoice(draft(client, customer, **more).id)


def monthly(client, amount=1000, **more):
    product = client.v1.products.create({"name": "Pro"})
    return client.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": amount,
            "recurring": {"interval": "month"},
            **more,
        }
    )


def kinds(client, invoice_id=None):
    events = list(client.v1.events.list({"limit": 100}).data)
    events.reverse()
    return [
        event.type
        for event in events
        if invoice_id is None or getattr(event.data.object, "id", None) == invoice_id
    ]


def fails(call, kind=stripe.InvalidRequestError):
    with pytest.raises(kind) as caught:
        call()
    return caught.value


# Drafts and items


def test_a_draft_is_empty_unless_pending_items_are_wanted(client):
    customer = shopper(client)
    item(client, customer, 2000, description="older")
    item(client, customer, 1500, description="newer")
    empty = client.v1.invoices.create({"customer": customer.id})
    assert (empty.status, empty.total, empty.lines.data) == ("draft", 0, [])
    assert empty.billing_reason == "manual"
    assert empty.auto_advance is False
    assert empty.period_start == empty.period_end == empty.created
    full = draft(client, customer)
    assert [line.description for line in full.lines.data] == ["newer", "older"]
    assert (full.subtotal, full.total, full.amount_due) == (3500, 3500, 3500)
    assert full.number is None and full.hosted_invoice_url is None


def test_an_item_of_a_price_and_a_quantity(client):
    customer = shopper(client)
    price = client.v1.prices.create(
        {"currency": "usd", "unit_amount": 700, "product_data": {"name": "T-shirt"}}
    )
    made = client.v1.invoice_items.create(
        {"customer": customer.id, "pricing": {"price": price.id}, "quantity": 3}
    )
    assert (made.amount, made.quantity, made.description) == (2100, 3, "T-shirt")
    assert made.pricing.price_details.price == price.id
    changed = client.v1.invoice_items.update(made.id, {"quantity": 2, "metadata": {"a": "b"}})
    assert (changed.amount, changed.metadata["a"]) == (1400, "b")
    assert client.v1.invoice_items.retrieve(made.id).amount == 1400
    assert [row.id for row in client.v1.invoice_items.list({"pending": True}).data] == [made.id]
    assert client.v1.invoice_items.delete(made.id).deleted is True
    error = fails(lambda: client.v1.invoice_items.retrieve(made.id))
    assert error.http_status == 404 and error.param == "id"


def test_an_item_of_price_data_with_a_period(client):
    customer = shopper(client)
    product = client.v1.products.create({"name": "Hours"})
    made = client.v1.invoice_items.create(
        {
            "customer": customer.id,
            "price_data": {"currency": "eur", "product": product.id, "unit_amount": 250},
            "quantity": 4,
            "period": {"start": 1000, "end": 2000},
            "description": "Consulting",
        }
    )
    assert (made.amount, made.currency, made.description) == (1000, "eur", "Consulting")
    assert (made.period.start, made.period.end) == (1000, 2000)
    assert made.pricing.price_details.product == product.id


def test_an_item_is_put_on_a_draft_and_taken_off(client):
    customer = shopper(client)
    invoice = client.v1.invoices.create({"customer": customer.id})
    made = item(client, customer, 900, invoice=invoice.id)
    assert made.invoice == invoice.id
    assert client.v1.invoices.retrieve(invoice.id).total == 900
    client.v1.invoice_items.update(made.id, {"amount": 400})
    assert client.v1.invoices.retrieve(invoice.id).total == 400
    client.v1.invoice_items.delete(made.id)
    assert client.v1.invoices.retrieve(invoice.id).total == 0


def test_amount_and_quantity_exclude_each_other(client):
    customer = shopper(client)
    error = fails(lambda: item(client, customer, 100, quantity=2))
    assert error.user_message == "You may only specify one of these parameters: amount, quantity."
    error = fails(lambda: client.v1.invoice_items.create({"customer": "cus_none", "amount": 1}))
    assert error.user_message == "No such customer: 'cus_none'"
    assert (error.http_status, error.param) == (400, "customer")


def test_drafts_are_changed_and_deleted(client):
    customer = shopper(client)
    invoice = draft(client, customer, metadata={"order": "1"})
    changed = client.v1.invoices.update(
        invoice.id,
        {
            "description": "Thanks",
            "footer": "Bye",
            "metadata": {"order": "2"},
            "collection_method": "send_invoice",
            "days_until_due": 10,
            "custom_fields": [{"name": "PO", "value": "42"}],
        },
    )
    assert (changed.description, changed.footer, changed.metadata["order"]) == ("Thanks", "Bye", "2")
    assert changed.due_date == changed.created + 10 * DAY
    assert changed.custom_fields[0].value == "42"
    assert client.v1.invoices.delete(invoice.id).deleted is True
    error = fails(lambda: client.v1.invoices.retrieve(invoice.id))
    assert (error.http_status, error.param) == (404, "invoice")
    assert error.user_message == f"No such invoice: '{invoice.id}'"


def test_lines_are_added_changed_and_removed(client):
    customer = shopper(client)
    item(client, customer, 2000, description="base")
    invoice = draft(client, customer)
    added = client.v1.invoices.add_lines(
        invoice.id, {"lines": [{"amount": 500, "description": "extra"}]}
    )
    assert added.total == 2500
    line = added.lines.data[0]
    assert (line.amount, line.description) == (500, "extra")
    changed = client.v1.invoices.update_lines(
        invoice.id, {"lines": [{"id": line.id, "amount": 600}]}
    )
    assert changed.total == 2600
    one = client.v1.invoices.line_items.update(invoice.id, line.id, {"description": "more"})
    assert (one.object, one.description) == ("line_item", "more")
    listed = client.v1.invoices.line_items.list(invoice.id, {"limit": 1})
    assert [row.id for row in listed.data] == [line.id] and listed.has_more is True
    left = client.v1.invoices.remove_lines(
        invoice.id, {"lines": [{"id": line.id, "behavior": "delete"}]}
    )
    assert left.total == 2000


# Finalising, paying, ending


def test_finalising_numbers_and_opens(client):
    customer = shopper(client)
    first = opened(client, customer)
    second = opened(client, customer)
    assert (first.status, first.attempted, first.attempt_count) == ("open", False, 0)
    assert first.number.endswith("-0001") and second.number.endswith("-0002")
    assert first.number.split("-")[0] == customer.invoice_prefix
    error = fails(lambda: client.v1.invoices.finalize_invoice(first.id))
    assert (
        error.user_message
        == "This invoice is already finalized, you can't re-finalize a non-draft invoice."
    )
    error = fails(lambda: client.v1.invoices.update(first.id, {"description": "x"}))
    assert error.user_message == "Finalized invoices can't be updated in this way"
    assert error.param == "description"
    error = fails(lambda: client.v1.invoices.delete(first.id))
    assert error.user_message == "You can only delete draft invoices."


def test_paying_charges_the_default_method(client):
    customer = shopper(client)
    invoice = opened(client, customer, 1200)
    before = len(kinds(client))
    paid = client.v1.invoices.pay(invoice.id, {"expand": ["payments", "confirmation_secret"]})
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1200, 0)
    assert paid.attempt_count == 1
    payment = paid.payments.data[0]
    assert (payment.status, payment.amount_paid, payment.is_default) == ("paid", 1200, True)
    intent = client.v1.payment_intents.retrieve(payment.payment.payment_intent)
    assert (intent.status, intent.description) == ("succeeded", "Payment for Invoice")
    assert paid.confirmation_secret.client_secret == intent.client_secret
    assert kinds(client)[before:][:6] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]
    listed = client.v1.invoice_payments.list({"invoice": invoice.id})
    assert [row.id for row in listed.data] == [payment.id]
    error = fails(lambda: client.v1.invoices.pay(invoice.id))
    assert error.user_message == "Invoice is already paid"


def test_a_draft_is_paid_in_one_call(client):
    customer = shopper(client)
    item(client, customer)
    paid = client.v1.invoices.pay(draft(client, customer).id)
    assert paid.status == "paid"
    times = paid.status_transitions
    assert times.finalized_at == times.paid_at == paid.effective_at


def test_a_declined_card_leaves_it_open(client):
    customer = shopper(client, "pm_card_chargeCustomerFail")
    invoice = opened(client, customer)
    error = fails(lambda: client.v1.invoices.pay(invoice.id), stripe.CardError)
    assert (error.http_status, error.code) == (402, "card_declined")
    after = client.v1.invoices.retrieve(invoice.id)
    assert (after.status, after.attempted, after.attempt_count) == ("open", True, 1)
    assert "invoice.payment_failed" in kinds(client)
    paid = client.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_visa"})
    assert paid.status == "paid"


def test_without_any_method_nothing_happens(client):
    customer = shopper(client, None)
    invoice = opened(client, customer)
    error = fails(lambda: client.v1.invoices.pay(invoice.id))
    assert error.http_status == 400
    assert client.v1.invoices.retrieve(invoice.id).attempted is False


def test_three_d_secure_is_asked_for_and_confirmed(client):
    customer = shopper(client, None)
    invoice = opened(client, customer)
    error = fails(
        lambda: client.v1.invoices.pay(
            invoice.id,
            {"payment_method": "pm_card_threeDSecure2Required", "off_session": False},
        ),
        stripe.CardError,
    )
    assert error.code == "invoice_payment_intent_requires_action"
    after = client.v1.invoices.retrieve(invoice.id, {"expand": ["payments"]})
    assert (after.status, after.attempted, after.attempt_count) == ("open", True, 0)
    assert "invoice.payment_action_required" in kinds(client)
    intent_id = after.payments.data[0].payment.payment_intent
    assert client.v1.payment_intents.retrieve(intent_id).status == "requires_action"


def test_an_intent_confirmed_by_the_customer_pays_the_invoice(client):
    customer = shopper(client, None)
    invoice = opened(client, customer)
    expanded = client.v1.invoices.retrieve(invoice.id, {"expand": ["payments"]})
    intent_id = expanded.payments.data[0].payment.payment_intent
    client.v1.payment_intents.confirm(intent_id, {"payment_method": "pm_card_visa"})
    after = client.v1.invoices.retrieve(invoice.id)
    assert (after.status, after.amount_paid) == ("paid", 1000)
    assert "invoice.paid" in kinds(client, invoice.id)


def test_paid_out_of_band(client):
    customer = shopper(client, None)
    invoice = opened(client, customer)
    paid = client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert (paid.status, paid.attempted, paid.amount_paid) == ("paid", False, 1000)


def test_voiding(client):
    customer = shopper(client)
    invoice = opened(client, customer)
    void = client.v1.invoices.void_invoice(invoice.id)
    assert void.status == "void" and void.status_transitions.voided_at
    error = fails(lambda: client.v1.invoices.void_invoice(invoice.id))
    assert (
        error.user_message == "You can only pass in open invoices. This invoice isn't open."
    )
    paid = client.v1.invoices.pay(opened(client, customer).id)
    error = fails(lambda: client.v1.invoices.void_invoice(paid.id))
    assert error.user_message == "Invoices with `paid` payments cannot be voided."
    assert kinds(client, invoice.id)[-1] == "invoice.voided"


def test_giving_up(client):
    customer = shopper(client)
    invoice = opened(client, customer)
    lost = client.v1.invoices.mark_uncollectible(invoice.id)
    assert lost.status == "uncollectible"
    error = fails(lambda: client.v1.invoices.mark_uncollectible(invoice.id))
    assert error.user_message == "This invoice has already been marked uncollectible."
    assert client.v1.invoices.pay(invoice.id).status == "paid"


def test_sending(client):
    customer = shopper(client, None)
    error = fails(
        lambda: client.v1.invoices.create(
            {"customer": customer.id, "collection_method": "send_invoice"}
        )
    )
    assert error.user_message == (
        "If invoice collection method is 'send_invoice', you must specify 'due_date' or "
        "'days_until_due'."
    )
    item(client, customer)
    invoice = draft(client, customer, collection_method="send_invoice", days_until_due=30)
    sent = client.v1.invoices.send_invoice(invoice.id)
    assert (sent.status, sent.due_date) == ("open", sent.created + 30 * DAY)
    assert kinds(client)[-1] == "invoice.sent"
    again = client.v1.invoices.send_invoice(invoice.id)
    assert again.status == "open"


# Totals


def test_a_discount_is_taken_off_before_tax(client):
    customer = shopper(client)
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "once"})
    rate = client.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 5, "inclusive": False}
    )
    item(client, customer, 2000)
    invoice = draft(
        client, customer, discounts=[{"coupon": coupon.id}], default_tax_rates=[rate.id]
    )
    # 2000 - 10 % = 1800; 5 % of it = 90; 1890 in all.
    assert (invoice.subtotal, invoice.total, invoice.total_excluding_tax) == (2000, 1890, 1800)
    assert invoice.total_discount_amounts[0].amount == 200
    tax = invoice.total_taxes[0]
    assert (tax.amount, tax.taxable_amount, tax.tax_behavior) == (90, 1800, "exclusive")
    assert tax.tax_rate_details.tax_rate == rate.id
    line = invoice.lines.data[0]
    assert (line.amount, line.discount_amounts[0].amount, line.taxes[0].amount) == (2000, 200, 90)


def test_a_discount_of_a_single_item_is_in_the_subtotal(client):
    customer = shopper(client)
    coupon = client.v1.coupons.create({"percent_off": 50, "duration": "once"})
    made = item(client, customer, 1900, discounts=[{"coupon": coupon.id}])
    assert "net_amount" not in made  # shown only of items that no discount applies to
    invoice = draft(client, customer)
    # 1900 - 50 % = 950.
    assert (invoice.subtotal, invoice.total, invoice.discounts) == (950, 950, [])
    assert invoice.lines.data[0].discount_amounts[0].amount == 950


def test_an_amount_off_is_split_over_the_lines(client):
    customer = shopper(client)
    coupon = client.v1.coupons.create({"amount_off": 500, "currency": "usd", "duration": "once"})
    item(client, customer, 2000)
    item(client, customer, 1000)
    invoice = draft(client, customer, discounts=[{"coupon": coupon.id}])
    # 500 * 1000 / 3000 = 166 and the rest, 334, on the last.
    assert [line.discount_amounts[0].amount for line in invoice.lines.data] == [166, 334]
    assert invoice.total == 2500


def test_inclusive_tax_is_part_of_the_amount(client):
    customer = shopper(client)
    rate = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": True})
    item(client, customer, 1200, tax_rates=[rate.id])
    invoice = draft(client, customer)
    # 1200 * 20 / 120 = 200.
    assert (invoice.total, invoice.total_excluding_tax) == (1200, 1000)
    assert invoice.subtotal_excluding_tax == 1000
    assert (invoice.total_taxes[0].amount, invoice.total_taxes[0].tax_behavior) == (
        200,
        "inclusive",
    )


def test_an_exempt_customer_pays_no_tax(client):
    customer = shopper(client, tax_exempt="exempt")
    rate = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    item(client, customer, 1000)
    invoice = draft(client, customer, default_tax_rates=[rate.id])
    assert (invoice.total, invoice.total_taxes[0].amount) == (1000, 0)
    assert invoice.total_taxes[0].taxability_reason == "customer_exempt"


def test_the_balance_is_applied_and_given_back(client):
    customer = shopper(client, balance=-300)
    invoice = opened(client, customer, 1000)
    # 1000 - 300 = 700.
    assert (invoice.starting_balance, invoice.ending_balance, invoice.amount_due) == (-300, 0, 700)
    assert client.v1.customers.retrieve(customer.id).balance == 0
    client.v1.invoices.void_invoice(invoice.id)
    assert client.v1.customers.retrieve(customer.id).balance == -300
    entries = client.v1.customers.balance_transactions.list(customer.id).data
    assert [(e.type, e.amount) for e in entries][:2] == [
        ("unapplied_from_invoice", -300),
        ("applied_to_invoice", 300),
    ]


def test_more_credit_than_is_due_pays_it(client):
    customer = shopper(client, balance=-5000)
    paid = opened(client, customer, 1000)
    # 1000 - 5000 = -4000 stays on the balance.
    assert (paid.status, paid.amount_due, paid.ending_balance) == ("paid", 0, -4000)
    assert (paid.attempted, paid.attempt_count) == (True, 0)
    assert client.v1.customers.retrieve(customer.id).balance == -4000


def test_too_little_to_charge_waits_on_the_balance(client):
    customer = shopper(client)
    paid = opened(client, customer, 30)
    assert (paid.status, paid.amount_due, paid.ending_balance) == ("paid", 0, 30)
    item(client, customer, 1000)
    assert draft(client, customer).amount_due == 1030


# Previews


def test_a_preview_of_a_new_subscription_writes_nothing(client):
    customer = shopper(client)
    price = monthly(client, 1500)
    before = len(kinds(client))
    preview = client.v1.invoices.create_preview(
        {
            "customer": customer.id,
            "subscription_details": {"items": [{"price": price.id, "quantity": 2}]},
        }
    )
    assert (preview.total, preview.lines.data[0].quantity) == (3000, 2)
    assert preview.lines.data[0].description == "2 × Pro (at $15.00 / month)"
    assert len(kinds(client)) == before
    assert client.v1.invoices.list().data == []


def test_a_preview_with_a_coupon_counts_no_redemption(client):
    customer = shopper(client)
    price = monthly(client, 1000)
    coupon = client.v1.coupons.create({"percent_off": 25, "duration": "forever"})
    preview = client.v1.invoices.create_preview(
        {
            "customer": customer.id,
            "discounts": [{"coupon": coupon.id}],
            "subscription_details": {"items": [{"price": price.id}]},
        }
    )
    # 1000 - 25 % = 750.
    assert (preview.subtotal, preview.total) == (1000, 750)
    assert client.v1.coupons.retrieve(coupon.id).times_redeemed == 0


def test_a_preview_of_an_upgrade_has_prorations(client):
    customer = shopper(client)
    small, large = monthly(client, 1000), monthly(client, 3000)
    subscription = client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": small.id}]}
    )
    row = subscription["items"].data[0]
    half = (row.current_period_start + row.current_period_end) // 2
    preview = client.v1.invoices.create_preview(
        {
            "customer": customer.id,
            "subscription": subscription.id,
            "subscription_details": {
                "items": [{"id": row.id, "price": large.id}],
                "proration_date": half,
                "proration_behavior": "always_invoice",
            },
        }
    )
    # Half of 1000 back, half of 3000 due.
    assert [line.amount for line in preview.lines.data] == [-500, 1500]
    assert preview.total == 1000
    same = client.v1.subscriptions.retrieve(subscription.id)
    assert same["items"].data[0].price.id == small.id


def test_nothing_to_preview(client):
    customer = shopper(client)
    error = fails(lambda: client.v1.invoices.create_preview({"customer": customer.id}))
    assert error.user_message == "Nothing to invoice for customer"


# Credit notes


def test_a_note_before_payment_cuts_the_amount_due(client):
    customer = shopper(client)
    invoice = opened(client, customer, 1000)
    note = client.v1.credit_notes.create(
        {"invoice": invoice.id, "amount": 400, "reason": "order_change", "memo": "Sorry"}
    )
    assert (note.type, note.pre_payment_amount, note.status) == ("pre_payment", 400, "issued")
    assert note.number == f"{invoice.number}-CN-01"
    after = client.v1.invoices.retrieve(invoice.id)
    assert (after.amount_due, after.total, after.pre_payment_credit_notes_amount) == (
        600,
        1000,
        400,
    )
    assert client.v1.invoices.pay(invoice.id).amount_paid == 600
    changed = client.v1.credit_notes.update(note.id, {"memo": "Very sorry"})
    assert changed.memo == "Very sorry"


def test_a_note_after_payment_refunds_credits_and_settles_elsewhere(client):
    customer = shopper(client)
    rate = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    item(client, customer, 3000)
    invoice = draft(client, customer, default_tax_rates=[rate.id])
    paid = client.v1.invoices.pay(invoice.id)
    assert paid.total == 3600
    line = paid.lines.data[0]
    terms = {
        "invoice": invoice.id,
        "lines": [
            {"type": "invoice_line_item", "invoice_line_item": line.id, "amount": 1000},
        ],
        "refund_amount": 700,
        "credit_amount": 300,
        "out_of_band_amount": 200,
    }
    # 1000 and 20 % of it = 1200 = 700 + 300 + 200.
    preview = client.v1.credit_notes.preview(terms)
    assert (preview.subtotal, preview.total, preview.total_taxes[0].amount) == (1000, 1200, 200)
    note = client.v1.credit_notes.create(terms)
    assert (note.type, note.post_payment_amount) == ("post_payment", 1200)
    refund = client.v1.refunds.retrieve(note.refunds[0].refund)
    assert (refund.amount, note.refunds[0].amount_refunded) == (700, 700)
    assert client.v1.customers.retrieve(customer.id).balance == -300
    listed = client.v1.credit_notes.line_items.list(note.id)
    assert listed.data[0].invoice_line_item == line.id
    assert client.v1.invoices.retrieve(invoice.id).post_payment_credit_notes_amount == 1200


def test_a_note_must_be_covered_and_cannot_exceed_its_invoice(client):
    customer = shopper(client)
    invoice = opened(client, customer, 1000)
    client.v1.invoices.pay(invoice.id)
    error = fails(lambda: client.v1.credit_notes.create({"invoice": invoice.id, "amount": 500}))
    assert error.user_message == (
        "The sum of credit amount, refund amount and out of band amount ($0.00) must equal the "
        "credit note amount ($5.00)."
    )
    error = fails(
        lambda: client.v1.credit_notes.create(
            {"invoice": invoice.id, "amount": 1001, "credit_amount": 1001}
        )
    )
    assert error.param == "amount"


def test_a_note_is_voided(client):
    customer = shopper(client)
    invoice = opened(client, customer, 1000)
    note = client.v1.credit_notes.create({"invoice": invoice.id, "amount": 400})
    void = client.v1.credit_notes.void_credit_note(note.id)
    assert void.status == "void" and void.voided_at
    assert client.v1.invoices.retrieve(invoice.id).amount_due == 1000
    assert "credit_note.voided" in kinds(client)


# Lists, search, pages, old shapes


def test_lists_and_search(client):
    customer = shopper(client)
    paid = client.v1.invoices.pay(opened(client, customer).id)
    left = draft(client, customer, metadata={"order": "77"})
    by_status = client.v1.invoices.list({"status": "paid"})
    assert [row.id for row in by_status.data] == [paid.id]
    by_customer = client.v1.invoices.list({"customer": customer.id, "limit": 1})
    assert by_customer.data[0].id == left.id and by_customer.has_more is True
    assert [row.id for row in by_customer.auto_paging_iter()] == [left.id, paid.id]
    found = client.v1.invoices.search({"query": "metadata['order']:'77'"})
    assert [row.id for row in found.data] == [left.id]
    found = client.v1.invoices.search({"query": "status:'paid' AND total>500"})
    assert [row.id for row in found.data] == [paid.id]


def test_the_hosted_page_and_the_pdf(client):
    invoice = opened(client, shopper(client), 1000)
    with urllib.request.urlopen(invoice.hosted_invoice_url) as page:
        text = page.read().decode()
    assert "Pay $10.00" in text and invoice.number in text
    with urllib.request.urlopen(invoice.invoice_pdf) as document:
        assert document.headers["content-type"] == "application/pdf"
        assert document.read().startswith(b"%PDF-")


def test_old_versions_show_the_old_shape(client):
    customer = shopper(client)
    rate = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 10, "inclusive": False})
    item(client, customer, 1000)
    invoice = draft(client, customer, default_tax_rates=[rate.id])
    client.v1.invoices.pay(invoice.id)
    old = client.v1.invoices.retrieve(invoice.id, options={"stripe_version": "2023-10-16"})
    assert (old.paid, old.tax, old.amount_paid) == (True, 100, 1100)
    assert old.payment_intent.startswith("pi_") and old.charge.startswith("ch_")
    assert old.total_tax_amounts[0].tax_rate == rate.id
    line = old.lines.data[0]
    assert (line.type, line.price.unit_amount, line.tax_amounts[0].amount) == (
        "invoiceitem",
        1000,
        100,
    )


# Dunning


def clock_at(client, at=1_790_000_000):
    return client.v1.test_helpers.test_clocks.create({"frozen_time": at})


def advance(client, clock, to):
    moved = client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": to})
    for _ in range(50):
        if moved.status == "ready":
            return
        moved = client.v1.test_helpers.test_clocks.retrieve(clock.id)
    raise AssertionError(moved.status)


def test_a_draft_advances_by_itself_after_an_hour(client):
    clock = clock_at(client)
    customer = shopper(client, test_clock=clock.id)
    item(client, customer)
    invoice = draft(client, customer, auto_advance=True)
    assert invoice.automatically_finalizes_at == invoice.created + 3601
    assert invoice.next_payment_attempt == invoice.created + 3600
    advance(client, clock, invoice.created + 3600)
    paid = client.v1.invoices.retrieve(invoice.id)
    assert (paid.status, paid.attempt_count) == ("paid", 1)


def test_a_failing_card_is_retried_for_two_weeks(client):
    clock = clock_at(client)
    customer = shopper(client, "pm_card_chargeCustomerFail", test_clock=clock.id)
    item(client, customer)
    invoice = draft(client, customer, auto_advance=True)
    first = invoice.created + 3600
    advance(client, clock, first)
    failed = client.v1.invoices.retrieve(invoice.id)
    # 14 days / 8 = 151,200 seconds.
    assert (failed.attempt_count, failed.next_payment_attempt) == (1, first + 151_200)
    advance(client, clock, first + 15 * DAY)
    ended = client.v1.invoices.retrieve(invoice.id)
    assert (ended.status, ended.attempt_count, ended.next_payment_attempt) == ("open", 9, None)
    assert kinds(client).count("invoice.payment_failed") == 9
