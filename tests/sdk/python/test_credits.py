"""Billing credits: granted, used up by metered usage before money, expired, taken back."""

import pytest
import stripe
from shop import DAY, HOUR, Shop, at, plain, refused


@pytest.fixture
def v1(client):
    return client.v1


def grant(v1, customer, value=1000, **more):
    return v1.billing.credit_grants.create({
        "customer": customer, "category": "promotional", "name": "Welcome",
        "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": value}},
        "applicability_config": {"scope": {"price_type": "metered"}}, **more})


def left(v1, customer):
    summary = v1.billing.credit_balance_summary.retrieve({
        "customer": customer, "filter": {"type": "applicability_scope", "applicability_scope": {"price_type": "metered"}}})
    return [(balance.available_balance.monetary.value, balance.ledger_balance.monetary.value) for balance in summary.balances]


def test_a_grant(v1):
    customer = v1.customers.create({}).id
    made = grant(v1, customer, metadata={"k": "v"})
    assert made.id.startswith("credgr_test_61") and (made.category, made.priority, made.voided_at) == ("promotional", 50, None)
    assert plain(made.amount) == {"monetary": {"currency": "usd", "value": 1000}, "type": "monetary"}
    assert made.applicability_config.scope.price_type == "metered"
    assert left(v1, customer) == [(1000, 1000)]
    entries = v1.billing.credit_balance_transactions.list({"customer": customer}).data
    assert [(row.type, row.credit.type, row.credit.amount.monetary.value, row.credit_grant) for row in entries] == [
        ("credit", "credits_granted", 1000, made.id)]
    assert v1.billing.credit_balance_transactions.retrieve(entries[0].id).debit is None
    assert v1.billing.credit_grants.update(made.id, {"metadata": {"k": "w"}}).metadata["k"] == "w"
    assert [row.id for row in v1.billing.credit_grants.list({"customer": customer}).data] == [made.id]
    assert v1.billing.credit_grants.void_grant(made.id).voided_at
    assert left(v1, customer) == [(0, 0)]
    assert refused(stripe.InvalidRequestError, v1.billing.credit_grants.expire, made.id).http_status == 400
    types = [event.type for event in v1.events.list({"type": "billing.credit_grant.*"}).data][::-1]
    assert types == ["billing.credit_grant.created", "billing.credit_grant.updated", "billing.credit_grant.updated"]


def test_a_grant_expires(client):
    shop = Shop(client, "2026-04-01")
    customer = shop.customer().id
    grant(shop.v1, customer, expires_at=at("2026-04-11"))
    shop.to("2026-04-10")
    assert left(shop.v1, customer) == [(1000, 1000)]
    shop.to("2026-04-12")
    assert left(shop.v1, customer) == [(0, 0)]
    entries = shop.v1.billing.credit_balance_transactions.list({"customer": customer}).data
    assert [(row.type, (row.debit or row.credit).type) for row in entries] == [
        ("debit", "credits_expired"), ("credit", "credits_granted")]


def test_credits_pay_for_usage_in_their_order(client):
    shop = Shop(client, "2026-04-01")
    customer = shop.customer().id
    calls = shop.v1.billing.meters.create({
        "display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}})
    product = shop.v1.products.create({"name": "Calls"}).id
    price = shop.v1.prices.create({
        "product": product, "currency": "usd", "unit_amount": 10,
        "recurring": {"interval": "month", "usage_type": "metered", "meter": calls.id}})
    seats = shop.price(1000)
    shop.v1.subscriptions.create({"customer": customer, "items": [{"price": price.id}, {"price": seats.id}]})
    later, first = grant(shop.v1, customer, 500), grant(shop.v1, customer, 300, priority=0)
    shop.to("2026-04-20")
    shop.v1.billing.meter_events.create({"event_name": "calls", "payload": {"stripe_customer_id": customer, "value": "60"}})
    shop.to(at("2026-05-01") + 2 * HOUR)
    invoice = shop.invoices(customer=customer)[-1]
    # 60 calls are 6.00, of which credits pay 3.00 and 3.00; the seat's 10.00 are money's.
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (1600, 1000, 1000)
    assert [(row.type, row.amount) for row in invoice.total_pretax_credit_amounts] == [
        ("credit_balance_transaction", 300), ("credit_balance_transaction", 300)]
    entries = shop.v1.billing.credit_balance_transactions.list({"customer": customer}).data
    used = [(row.credit_grant, row.debit.amount.monetary.value, row.debit.credits_applied.invoice)
            for row in entries if row.type == "debit"][::-1]
    assert used == [(first.id, 300, invoice.id), (later.id, 300, invoice.id)]
    assert left(shop.v1, customer) == [(200, 200)]
    assert refused(stripe.InvalidRequestError, shop.v1.billing.credit_grants.void_grant, later.id).http_status == 400
    shop.later(DAY)
