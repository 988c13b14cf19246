"""Tax rates, tax codes, and the tax that they make."""

import pytest
import stripe
from shop import refused


@pytest.fixture
def v1(client):
    return client.v1


def test_a_tax_rate(v1):
    rate = v1.tax_rates.create({
        "display_name": "VAT", "percentage": 19.5, "inclusive": False, "country": "DE", "jurisdiction": "DE",
        "tax_type": "vat", "description": "VAT of Germany", "metadata": {"k": "v"}})
    assert rate.id.startswith("txr_") and len(rate.id) == 28
    assert (rate.percentage, rate.effective_percentage, rate.inclusive, rate.active) == (19.5, 19.5, False, True)
    assert (rate.rate_type, rate.flat_amount, rate.jurisdiction_level, rate.tax_type) == ("percentage", None, None, "vat")
    changed = v1.tax_rates.update(rate.id, {"active": False, "display_name": "MwSt"})
    assert (changed.active, changed.display_name) == (False, "MwSt")
    other = v1.tax_rates.create({"display_name": "Sales", "percentage": 8.875, "inclusive": True})
    assert [row.id for row in v1.tax_rates.list({"active": True}).data] == [other.id]
    assert [row.id for row in v1.tax_rates.list({"inclusive": False}).data] == [rate.id]
    types = [event.type for event in v1.events.list().data][::-1]
    assert types == ["tax_rate.created", "tax_rate.updated", "tax_rate.created"]
    gone = refused(stripe.InvalidRequestError, v1.tax_rates.retrieve, "txr_nope")
    assert (gone.http_status, gone.user_message, gone.param) == (404, "No such tax rate: 'txr_nope'", "tax_rate")
    error = refused(stripe.InvalidRequestError, v1.tax_rates.update, rate.id, {"percentage": 5})
    assert error.code == "parameter_unknown"


def test_tax_codes(v1):
    codes = v1.tax_codes.list({"limit": 100})
    assert any(code.id == "txcd_10103001" for code in codes.data)
    assert v1.tax_codes.retrieve("txcd_10103001").name == "Software as a service (SaaS) - business use"
    assert refused(stripe.InvalidRequestError, v1.tax_codes.retrieve, "txcd_nope").http_status == 404
    error = refused(stripe.InvalidRequestError, v1.products.create, {"name": "P", "tax_code": "nope"})
    assert (error.user_message, error.param) == ("No such tax code: 'nope'", "tax_code")


def invoiced(v1, amount, rates, **more):
    customer = v1.customers.create({}).id
    invoice = v1.invoices.create({
        "customer": customer, "collection_method": "send_invoice", "days_until_due": 7, "default_tax_rates": rates, **more})
    v1.invoice_items.create({"customer": customer, "invoice": invoice.id, "amount": amount, "currency": "usd"})
    return v1.invoices.finalize_invoice(invoice.id)


def rate(v1, percentage, inclusive=False):
    return v1.tax_rates.create({"display_name": "Tax", "percentage": percentage, "inclusive": inclusive}).id


def test_tax_comes_on_top_after_the_discount(v1):
    five = rate(v1, 5)
    coupon = v1.coupons.create({"percent_off": 10}).id
    invoice = invoiced(v1, 2000, [five], discounts=[{"coupon": coupon}])
    # 20.00 less 10 % are 18.00; 5 % of it are 0.90.
    assert (invoice.subtotal, invoice.total) == (2000, 1890)
    assert [(tax.amount, tax.tax_behavior, tax.taxable_amount) for tax in invoice.total_taxes] == [(90, "exclusive", 1800)]
    assert invoice.total_taxes[0].tax_rate_details.tax_rate == five


def test_tax_is_inside_the_amount(v1):
    invoice = invoiced(v1, 1200, [rate(v1, 20, inclusive=True)])
    # 12.00 hold 20 % of 10.00.
    assert (invoice.subtotal, invoice.total) == (1200, 1200)
    assert [(tax.amount, tax.tax_behavior, tax.taxable_amount) for tax in invoice.total_taxes] == [(200, "inclusive", 1000)]


def test_several_rates_each_of_the_same_amount(v1):
    invoice = invoiced(v1, 10000, [rate(v1, 5), rate(v1, 9.975)])
    assert sorted(tax.amount for tax in invoice.total_taxes) == [500, 998]
    assert invoice.total == 11498


@pytest.mark.parametrize("value,status", [("000000000", "verified"), ("111111111", "unverified"), ("222222222", "pending")])
def test_numbers_that_ask_for_an_outcome_of_verification(v1, value, status):
    customer = v1.customers.create({}).id
    made = v1.customers.tax_ids.create(customer, {"type": "eu_vat", "value": value})
    assert made.verification.status == "pending"
    assert v1.customers.tax_ids.retrieve(customer, made.id).verification.status == status
