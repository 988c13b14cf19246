"""Invoices by hand: items, discounts, tax, numbers, notes, and what each state refuses."""

import pytest
import stripe
from shop import refused


@pytest.fixture
def v1(client):
    return client.v1


@pytest.fixture
def customer(v1):
    made = v1.customers.create({"email": "jenny@example.com", "name": "Jenny Rosen"})
    card = v1.payment_methods.attach("pm_card_visa", {"customer": made.id})
    return v1.customers.update(made.id, {"invoice_settings": {"default_payment_method": card.id}})


def drafted(v1, customer, *amounts, **more):
    invoice = v1.invoices.create({"customer": customer.id, **more})
    for amount in amounts:
        v1.invoice_items.create({"customer": customer.id, "invoice": invoice.id, "amount": amount, "currency": "usd"})
    return v1.invoices.retrieve(invoice.id)


def opened(v1, customer, *amounts, **more):
    return v1.invoices.finalize_invoice(drafted(v1, customer, *amounts, **more).id)


def test_from_draft_to_paid(v1, customer):
    draft = drafted(v1, customer, 1500, 500, description="Consulting", metadata={"job": "7"})
    assert (draft.status, draft.number, draft.total, draft.auto_advance, draft.billing_reason) == (
        "draft", None, 2000, False, "manual")
    assert draft.hosted_invoice_url is None
    # The newest item is the first line.
    assert [line.amount for line in draft.lines.data] == [500, 1500]
    opened = v1.invoices.finalize_invoice(draft.id)
    assert (opened.status, opened.amount_due, opened.amount_remaining) == ("open", 2000, 2000)
    assert opened.number.endswith("-0001") and opened.hosted_invoice_url and opened.invoice_pdf
    paid = v1.invoices.pay(draft.id, {"expand": ["payments.data.payment.payment_intent"]})
    assert (paid.status, paid.amount_paid, paid.amount_remaining, paid.attempt_count) == ("paid", 2000, 0, 1)
    payment = paid.payments.data[0]
    assert (payment.status, payment.amount_paid) == ("paid", 2000)
    assert payment.payment.payment_intent.description == "Payment for Invoice"
    assert refused(stripe.InvalidRequestError, v1.invoices.pay, draft.id).user_message == "Invoice is already paid"
    listed = v1.invoice_payments.list({"invoice": draft.id}).data
    assert [each.id for each in listed] == [payment.id]


def test_pending_items_are_taken_only_if_asked_for(v1, customer):
    v1.invoice_items.create({"customer": customer.id, "amount": 900, "currency": "usd"})
    assert v1.invoices.create({"customer": customer.id}).total == 0
    taken = v1.invoices.create({"customer": customer.id, "pending_invoice_items_behavior": "include"})
    assert taken.total == 900
    assert v1.invoice_items.list({"pending": True}).data == []


def test_each_state_refuses_what_it_must(v1, customer):
    not_open = "You can only pass in open invoices. This invoice isn't open."
    draft, open_, paid = drafted(v1, customer, 1000), opened(v1, customer, 1000), opened(v1, customer, 1000)
    v1.invoices.pay(paid.id)
    void = v1.invoices.void_invoice(opened(v1, customer, 1000).id)
    assert void.status == "void" and void.status_transitions.voided_at
    written_off = v1.invoices.mark_uncollectible(opened(v1, customer, 1000).id)
    assert written_off.status == "uncollectible"
    cases = [
        (v1.invoices.finalize_invoice, open_, "This invoice is already finalized, you can't re-finalize a non-draft invoice."),
        (v1.invoices.void_invoice, draft, not_open),
        (v1.invoices.mark_uncollectible, draft, not_open),
        (v1.invoices.void_invoice, paid, "Invoices with `paid` payments cannot be voided."),
        (v1.invoices.void_invoice, written_off, not_open),
        (v1.invoices.mark_uncollectible, written_off, "This invoice has already been marked uncollectible."),
        (v1.invoices.send_invoice, paid, "This invoice cannot be sent right now. Please contact us via "
                                         "https://support.stripe.com/contact with details, so we can help."),
        (v1.invoices.delete, open_, "You can only delete draft invoices."),
    ]
    for action, invoice, message in cases:
        error = refused(stripe.InvalidRequestError, action, invoice.id)
        assert (error.user_message, error.http_status, error.code) == (message, 400, None)
    assert v1.invoices.delete(draft.id).deleted is True
    missing = refused(stripe.InvalidRequestError, v1.invoices.retrieve, draft.id)
    assert (missing.http_status, missing.user_message, missing.param) == (404, f"No such invoice: '{draft.id}'", "invoice")
    error = refused(stripe.InvalidRequestError, v1.invoices.update, open_.id, {"description": "Late"})
    assert (error.user_message, error.param) == ("Finalized invoices can't be updated in this way", "description")
    assert v1.invoices.update(open_.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"
    error = refused(stripe.InvalidRequestError, v1.invoices.add_lines, open_.id, {"lines": [{"amount": 1}]})
    assert (error.code, error.user_message) == ("invoice_not_editable", "Invalid invoice: This invoice is no longer editable")


def test_discounts_before_tax(v1, customer):
    rate = v1.tax_rates.create({"display_name": "VAT", "percentage": 5, "inclusive": False})
    coupon = v1.coupons.create({"percent_off": 10, "duration": "once"})
    invoice = opened(v1, customer, 2000, default_tax_rates=[rate.id], discounts=[{"coupon": coupon.id}])
    # 2000 less 10 % is 1800, and 5 % of that is 90.
    assert (invoice.subtotal, invoice.total) == (2000, 1890)
    assert [each.amount for each in invoice.total_discount_amounts] == [200]
    assert [each.amount for each in invoice.total_taxes] == [90]
    inclusive = v1.tax_rates.create({"display_name": "USt", "percentage": 19, "inclusive": True})
    invoice = opened(v1, customer, 1190, default_tax_rates=[inclusive.id])
    # 1190 * 19 / 119
    assert (invoice.total, invoice.total_taxes[0].amount, invoice.total_excluding_tax) == (1190, 190, 1000)


def test_an_amount_off_is_split_with_the_rest_for_the_last(v1, customer):
    coupon = v1.coupons.create({"amount_off": 500, "currency": "usd", "duration": "once"})
    invoice = opened(v1, customer, 2000, 1000, discounts=[{"coupon": coupon.id}])
    assert invoice.total == 2500
    # 500 * 1000/3000 = 166.67 down, the last line takes what is left.
    assert [line.discount_amounts[0].amount for line in invoice.lines.data] == [166, 334]


def test_two_coupons_in_the_given_order(v1, customer):
    half = v1.coupons.create({"percent_off": 50, "duration": "once"})
    off = v1.coupons.create({"amount_off": 300, "currency": "usd", "duration": "once"})
    assert opened(v1, customer, 1000, discounts=[{"coupon": half.id}, {"coupon": off.id}]).total == 200
    assert opened(v1, customer, 1000, discounts=[{"coupon": off.id}, {"coupon": half.id}]).total == 350
    assert opened(v1, customer, 200, discounts=[{"coupon": off.id}]).total == 0


def test_small_and_nothing_and_balance(v1, customer):
    nothing = opened(v1, customer)
    assert (nothing.status, nothing.attempted, nothing.attempt_count) == ("paid", True, 0)
    small = opened(v1, customer, 30)
    assert (small.status, small.amount_due) == ("paid", 0)
    assert v1.customers.retrieve(customer.id).balance == 30
    v1.customers.balance_transactions.create(customer.id, {"amount": -230, "currency": "usd"})
    invoice = opened(v1, customer, 1000)
    assert (invoice.total, invoice.starting_balance, invoice.amount_due, invoice.ending_balance) == (1000, -200, 800, 0)
    kinds = [each.type for each in v1.customers.balance_transactions.list(customer.id).data]
    assert kinds == ["applied_to_invoice", "adjustment", "invoice_too_small"]


def test_credit_notes_before_and_after_payment(v1, customer):
    invoice = opened(v1, customer, 1000)
    note = v1.credit_notes.create({"invoice": invoice.id, "amount": 300, "reason": "product_unsatisfactory"})
    assert (note.type, note.amount, note.status, note.number) == ("pre_payment", 300, "issued", f"{invoice.number}-CN-01")
    assert v1.invoices.retrieve(invoice.id).amount_remaining == 700
    paid = v1.invoices.pay(invoice.id)
    assert (paid.amount_paid, paid.pre_payment_credit_notes_amount) == (700, 300)
    error = refused(stripe.InvalidRequestError, v1.credit_notes.create, {"invoice": invoice.id, "amount": 200})
    assert error.http_status == 400
    after = v1.credit_notes.create({"invoice": invoice.id, "amount": 200, "refund_amount": 150, "credit_amount": 50})
    assert (after.type, after.refunds[0].amount_refunded) == ("post_payment", 150)
    assert v1.customers.retrieve(customer.id).balance == -50
    assert v1.invoices.retrieve(invoice.id).post_payment_credit_notes_amount == 200
    preview = v1.credit_notes.preview({"invoice": invoice.id, "amount": 100, "credit_amount": 100})
    assert preview.amount == 100
    assert len(v1.credit_notes.list({"invoice": invoice.id}).data) == 2


def test_sent_and_paid_elsewhere(v1, customer):
    invoice = drafted(v1, customer, 1000, collection_method="send_invoice", days_until_due=30)
    sent = v1.invoices.send_invoice(invoice.id)
    assert sent.status == "open" and sent.due_date
    paid = v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid, paid.attempted) == ("paid", 1000, False)
    assert v1.charges.list({"customer": customer.id}).data == []


def test_a_card_that_declines_leaves_it_open(v1):
    poor = v1.customers.create({})
    card = v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": poor.id})
    v1.customers.update(poor.id, {"invoice_settings": {"default_payment_method": card.id}})
    invoice = opened(v1, poor, 1000)
    error = refused(stripe.CardError, v1.invoices.pay, invoice.id)
    assert (error.http_status, error.code) == (402, "card_declined")
    left = v1.invoices.retrieve(invoice.id)
    assert (left.status, left.attempted, left.amount_remaining) == ("open", True, 1000)


def test_lines_are_edited_while_it_is_a_draft(v1, customer):
    draft = drafted(v1, customer, 1000)
    added = v1.invoices.add_lines(draft.id, {"lines": [{"amount": 250, "description": "Extra"}]})
    assert added.total == 1250
    extra = next(line for line in added.lines.data if line.description == "Extra")
    changed = v1.invoices.update_lines(draft.id, {"lines": [{"id": extra.id, "amount": 300}]})
    assert changed.total == 1300
    assert v1.invoices.remove_lines(draft.id, {"lines": [{"id": extra.id, "behavior": "delete"}]}).total == 1000
    assert [line.amount for line in v1.invoices.line_items.list(draft.id).data] == [1000]


def test_a_price_on_an_invoice_item(v1, customer):
    product = v1.products.create({"name": "T-shirt"})
    price = v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 1250})
    item = v1.invoice_items.create({"customer": customer.id, "pricing": {"price": price.id}, "quantity": 3})
    assert (item.amount, item.quantity, item.pricing.price_details.price) == (3750, 3, price.id)
    assert v1.invoice_items.update(item.id, {"quantity": 2}).amount == 2500
    assert v1.invoice_items.delete(item.id).deleted is True


def test_events_of_an_invoice(client, v1, customer):
    invoice = opened(v1, customer, 1000)
    v1.invoices.pay(invoice.id)
    wanted = ["invoice.created", "invoice.finalized", "charge.succeeded", "payment_intent.succeeded", "invoice.paid",
              "invoice.payment_succeeded"]
    types = [event.type for event in v1.events.list({"limit": 100}).data][::-1]
    assert [kind for kind in types if kind in wanted] == wanted
    v1.invoices.void_invoice(opened(v1, customer, 1000).id)
    assert "invoice.voided" in [event.type for event in v1.events.list({"limit": 3}).data]


def test_nothing_to_preview(v1):
    nobody = v1.customers.create({})
    error = refused(stripe.InvalidRequestError, v1.invoices.create_preview, {"customer": nobody.id})
    assert error.user_message == "Nothing to invoice for customer"


def test_a_preview_of_a_subscription_to_be(v1, customer):
    product = v1.products.create({"name": "Pro"})
    price = v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 2000, "recurring": {"interval": "month"}})
    coupon = v1.coupons.create({"percent_off": 25, "duration": "once"})
    preview = v1.invoices.create_preview({
        "customer": customer.id, "discounts": [{"coupon": coupon.id}],
        "subscription_details": {"items": [{"price": price.id, "quantity": 2}]}})
    assert (preview.subtotal, preview.total, preview.lines.data[0].quantity) == (4000, 3000, 2)
    assert preview.lines.data[0].description == "2 × Pro (at $20.00 / month)"
    assert v1.subscriptions.list({"customer": customer.id}).data == []
