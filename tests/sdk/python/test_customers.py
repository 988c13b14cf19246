"""Customers: what can be set and unset, pages, search, tax ids, balance, test clocks, and the end."""

import pytest
import stripe
from shop import refused


@pytest.fixture
def v1(client):
    return client.v1


EMPTY_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


def test_everything_that_can_be_set(v1):
    customer = v1.customers.create({
        "name": "Jenny Rosen", "email": "jenny@example.com", "phone": "+4912345", "description": "First",
        "address": {"line1": "Hauptstr. 1", "city": "Berlin", "country": "DE"},
        "shipping": {"name": "Jenny", "address": {"line1": "Hauptstr. 1"}},
        "preferred_locales": ["de-DE", "en"], "tax_exempt": "reverse", "invoice_prefix": "JENNY1",
        "next_invoice_sequence": 42, "metadata": {"plan": "pro"},
        "invoice_settings": {"footer": "Thanks", "custom_fields": [{"name": "PO", "value": "7"}]},
    })
    assert customer.id.startswith("cus_") and len(customer.id) == 18
    assert customer.address.to_dict() == {**EMPTY_ADDRESS, "line1": "Hauptstr. 1", "city": "Berlin", "country": "DE"}
    assert customer.shipping.to_dict() == {
        "name": "Jenny", "phone": None, "address": {**EMPTY_ADDRESS, "line1": "Hauptstr. 1"}}
    assert (customer.preferred_locales, customer.tax_exempt) == (["de-DE", "en"], "reverse")
    assert (customer.invoice_prefix, customer.next_invoice_sequence) == ("JENNY1", 42)
    assert customer.invoice_settings.footer == "Thanks"
    assert [(field.name, field.value) for field in customer.invoice_settings.custom_fields] == [("PO", "7")]
    assert (customer.livemode, customer.delinquent, customer.currency, customer.balance) == (False, False, None, 0)
    assert v1.customers.retrieve(customer.id).to_dict() == customer.to_dict()


def test_updates_merge_and_unset(v1):
    customer = v1.customers.create({"name": "A", "metadata": {"a": "1", "b": "2"}, "address": {"city": "Rome"}})
    changed = v1.customers.update(customer.id, {
        "name": "B", "metadata": {"b": "", "c": "3"}, "address": {"country": "IT"}, "invoice_settings": {"footer": "x"}})
    assert (changed.name, changed.metadata.to_dict()) == ("B", {"a": "1", "c": "3"})
    assert changed.address.to_dict() == {**EMPTY_ADDRESS, "city": "Rome", "country": "IT"}
    assert changed.invoice_settings.footer == "x"
    cleared = v1.customers.update(customer.id, {"metadata": "", "address": "", "name": ""})
    assert (cleared.metadata.to_dict(), cleared.address, cleared.name) == ({}, None, None)
    update = v1.events.list({"type": "customer.updated"}).data[-1]
    assert update.data.previous_attributes["name"] == "A"
    assert update.data.previous_attributes["metadata"].to_dict() == {"b": "2", "c": None}


@pytest.mark.parametrize("prefix", ["a", "abc", "AB_1", "ABCDEFGHIJKLM"])
def test_an_invoice_prefix_has_a_form(v1, prefix):
    error = refused(stripe.InvalidRequestError, v1.customers.create, {"invoice_prefix": prefix})
    assert error.user_message == "Invoice number prefix must be 1–12 uppercase letters or numbers."
    assert error.param is None


def test_an_invoice_prefix_is_one_customers_for_good(v1):
    first = v1.customers.create({"invoice_prefix": "MINE"})
    v1.customers.delete(first.id)
    error = refused(stripe.InvalidRequestError, v1.customers.create, {"invoice_prefix": "MINE"})
    assert error.user_message == (
        f"This invoice number prefix is taken by customer: {first.id}. Please enter a different prefix.")
    assert error.param == "invoice_prefix"


def test_pages_forwards_backwards_and_by_filter(v1):
    made = [v1.customers.create({"name": f"c{index}", "email": f"{index % 2}@example.com"}) for index in range(7)]
    first = v1.customers.list({"limit": 3})
    assert ([row.name for row in first.data], first.has_more, first.url) == (["c6", "c5", "c4"], True, "/v1/customers")
    assert [row.name for row in v1.customers.list({"limit": 3, "starting_after": first.data[-1].id}).data] == ["c3", "c2", "c1"]
    before = v1.customers.list({"limit": 2, "ending_before": made[2].id})
    assert ([row.name for row in before.data], before.has_more) == (["c4", "c3"], True)
    assert len(list(v1.customers.list({"limit": 2}).auto_paging_iter())) == 7
    assert [row.name for row in v1.customers.list({"email": "1@example.com"}).data] == ["c5", "c3", "c1"]
    assert v1.customers.list({"created": {"gt": made[0].created + 100}}).data == []
    error = refused(stripe.InvalidRequestError, v1.customers.list, {"starting_after": "cus_nobody"})
    assert (error.http_status, error.code, error.param) == (400, "resource_missing", "starting_after")


def test_search(v1):
    for name, plan in (("Ann Lee", "pro"), ("Bob Lee", "free"), ("Cleo Roth", "pro")):
        v1.customers.create({"name": name, "email": f"{name.split()[0].lower()}@example.com", "metadata": {"plan": plan}})

    def found(query):
        return [row.name for row in v1.customers.search({"query": query}).data]

    assert found('metadata["plan"]:"pro"') == ["Cleo Roth", "Ann Lee"]
    assert found('metadata["plan"]:"pro" AND name~"lee"') == ["Ann Lee"]
    assert found("name:'ann lee' OR email:'cleo@example.com'") == ["Cleo Roth", "Ann Lee"]
    assert found('-metadata["plan"]:"pro"') == ["Bob Lee"]
    assert found("created>0 email~'example'") == ["Cleo Roth", "Bob Lee", "Ann Lee"]
    assert found("phone:null created<5") == []
    page = v1.customers.search({"query": "name~'lee'", "limit": 1})
    assert (page.object, page.has_more, page.url) == ("search_result", True, "/v1/customers/search")
    rest = v1.customers.search({"query": "name~'lee'", "limit": 1, "page": page.next_page})
    assert ([row.name for row in rest.data], rest.has_more, rest.next_page) == (["Ann Lee"], False, None)
    assert [row.name for row in v1.customers.search({"query": "name~'lee'", "limit": 1}).auto_paging_iter()] == [
        "Bob Lee", "Ann Lee"]


@pytest.mark.parametrize("query,text", [
    ("name", "We were unable to parse your search query."),
    ("name:'x' AND email:'y' OR phone:'z'", "You can't combine AND and OR in the same query."),
    ("shoe:'x'", "Field `shoe` is an unsupported search field for resource `customers`."),
    (" ".join(["created:1"] * 11), "You can combine up to 10 query clauses in a search."),
])
def test_queries_that_are_refused(v1, query, text):
    error = refused(stripe.InvalidRequestError, v1.customers.search, {"query": query})
    assert error.http_status == 400 and text in error.user_message


def test_products_prices_and_subscriptions_are_searched_too(v1):
    product = v1.products.create({"name": "Blue shirt", "metadata": {"colour": "blue"}})
    v1.products.create({"name": "Red shirt", "active": False})
    price = v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 5, "lookup_key": "blue_shirt"})
    assert [row.id for row in v1.products.search({"query": "active:'true' AND name~'shirt'"}).data] == [product.id]
    assert [row.id for row in v1.prices.search({"query": f"product:'{product.id}' AND type:'one_time'"}).data] == [price.id]
    assert [row.id for row in v1.prices.search({"query": "lookup_key~'blue'"}).data] == [price.id]
    assert v1.subscriptions.search({"query": "status:'active'"}).data == []


def test_the_balance_and_its_entries(v1):
    customer = v1.customers.create({"balance": -500})
    assert (customer.balance, customer.currency) == (-500, "usd")
    entry = v1.customers.balance_transactions.create(customer.id, {
        "amount": 200, "currency": "usd", "description": "Less", "metadata": {"k": "v"}})
    assert (entry.type, entry.amount, entry.ending_balance, entry.customer) == ("adjustment", 200, -300, customer.id)
    assert entry.id.startswith("cbtxn_") and entry.invoice is None
    assert v1.customers.update(customer.id, {"balance": 50}).balance == 50
    entries = v1.customers.balance_transactions.list(customer.id).data
    assert [(row.type, row.amount, row.ending_balance) for row in entries] == [
        ("adjustment", 350, 50), ("adjustment", 200, -300), ("initial", -500, -500)]
    changed = v1.customers.balance_transactions.update(customer.id, entry.id, {"description": "Noted"})
    assert (changed.description, changed.metadata.to_dict()) == ("Noted", {"k": "v"})
    assert v1.customers.balance_transactions.retrieve(customer.id, entry.id).description == "Noted"
    error = refused(stripe.InvalidRequestError, v1.customers.balance_transactions.retrieve, customer.id, "cbtxn_no")
    assert (error.http_status, error.param) == (404, "transaction")


def test_tax_ids(v1):
    customer = v1.customers.create({"tax_id_data": [{"type": "eu_vat", "value": "DE123456789"}]})
    first = v1.customers.tax_ids.list(customer.id).data[0]
    assert (first.type, first.value, first.country, first.customer) == ("eu_vat", "DE123456789", "DE", customer.id)
    assert (first.verification.status, first.owner.type, first.owner.customer) == ("pending", "customer", customer.id)
    second = v1.customers.tax_ids.create(customer.id, {"type": "us_ein", "value": "12-3456789"})
    assert (second.country, second.verification.status) == ("US", "unavailable")
    expanded = v1.customers.retrieve(customer.id, {"expand": ["tax_ids"]})
    assert [row.id for row in expanded.tax_ids.data] == [second.id, first.id]
    gone = v1.customers.tax_ids.delete(customer.id, first.id)
    assert (gone.deleted, gone.id) == (True, first.id)
    assert refused(stripe.InvalidRequestError, v1.customers.tax_ids.retrieve, customer.id, first.id).http_status == 404
    bad = refused(stripe.InvalidRequestError, v1.customers.tax_ids.create, customer.id, {"type": "eu_vat", "value": "12"})
    assert (bad.code, bad.user_message, bad.param) == ("tax_id_invalid", "Invalid value for eu_vat.", "value")
    types = [event.type for event in v1.events.list({"limit": 20}).data][::-1]
    assert types == ["customer.created", "customer.tax_id.created", "customer.tax_id.created", "customer.tax_id.deleted"]
    own = v1.tax_ids.create({"type": "gb_vat", "value": "GB123456789"})
    assert (own.owner.type, own.customer) == ("self", None)
    assert [row.id for row in v1.tax_ids.list().data] == [own.id]
    theirs = v1.tax_ids.list({"owner": {"type": "customer", "customer": customer.id}})
    assert [row.id for row in theirs.data] == [second.id]


def test_a_deleted_customer_leaves_a_tombstone(v1):
    customer = v1.customers.create({"name": "Gone"})
    deleted = v1.customers.delete(customer.id)
    assert deleted.to_dict() == {"id": customer.id, "object": "customer", "deleted": True}
    assert v1.customers.retrieve(customer.id).to_dict() == deleted.to_dict()
    assert v1.customers.list().data == []
    error = refused(stripe.InvalidRequestError, v1.customers.update, customer.id, {"name": "Back"})
    assert (error.http_status, error.code) == (404, "resource_missing")
    event = v1.events.list({"type": "customer.deleted"}).data[0]
    assert event.data.object["name"] == "Gone" and "deleted" not in event.data.object


@pytest.mark.parametrize("params,param,text", [
    ({"nope": 1}, "nope", "Received unknown parameter: nope"),
    ({"invoice_settings": {"nope": 1}}, "invoice_settings[nope]", "Received unknown parameter: invoice_settings[nope]"),
    ({"tax_exempt": "sometimes"}, "tax_exempt", "Invalid tax_exempt: must be one of exempt, none, or reverse"),
    ({"email": "nobody"}, "email", "Invalid email address: nobody"),
    ({"next_invoice_sequence": 0}, "next_invoice_sequence", "This value must be greater than or equal to 1."),
    ({"tax_id_data": [{"type": "xx_yy", "value": "1"}]}, "tax_id_data[0][type]", "Invalid tax_id_data[0][type]"),
    ({"test_clock": "clock_no"}, "test_clock", "No such test clock: 'clock_no'"),
])
def test_what_is_refused(v1, params, param, text):
    error = refused(stripe.InvalidRequestError, v1.customers.create, params)
    assert error.http_status == 400 and error.param == param and text in error.user_message
    assert v1.customers.list().data == []


def test_a_coupon_of_the_old_way(client):
    """Until acacia a customer took a coupon by itself, and showed the whole of it."""
    old = {"stripe_version": "2025-02-24.acacia"}
    coupon = client.v1.coupons.create({"percent_off": 25, "duration": "forever"})
    customer = client.v1.customers.create({"coupon": coupon.id}, old)
    assert (customer.discount["coupon"]["id"], customer.discount["coupon"]["percent_off"]) == (coupon.id, 25)
    newest = client.v1.customers.retrieve(customer.id)
    assert (newest.discount.source.type, newest.discount.source.coupon) == ("coupon", coupon.id)
    assert client.v1.coupons.retrieve(coupon.id).times_redeemed == 1
    ended = client.v1.customers.delete_discount(customer.id)
    assert (ended.deleted, ended.id) == (True, newest.discount.id)
    assert client.v1.customers.retrieve(customer.id).discount is None
    types = [event.type for event in client.v1.events.list({"type": "customer.discount.*"}).data][::-1]
    assert types == ["customer.discount.created", "customer.discount.deleted"]
    error = refused(stripe.InvalidRequestError, client.v1.customers.create, {"coupon": coupon.id})
    assert (error.code, error.user_message) == ("parameter_unknown", "Received unknown parameter: coupon")


def test_where_a_customer_is_taxed(v1):
    customer = v1.customers.create({"tax": {"ip_address": "203.0.113.7"}, "expand": ["tax"]})
    assert (customer.tax.automatic_tax, customer.tax.ip_address, customer.tax.location) == (
        "unrecognized_location", "203.0.113.7", None)
    moved = v1.customers.update(customer.id, {"address": {"country": "US", "state": "CA"}, "expand": ["tax"]})
    assert (moved.tax.automatic_tax, moved.tax.location.state, moved.tax.location.source) == (
        "not_collecting", "CA", "billing_address")


def test_a_payment_method_comes_with_a_customer(v1):
    customer = v1.customers.create({"payment_method": "pm_card_visa"})
    assert [method.card.last4 for method in v1.customers.payment_methods.list(customer.id).data] == ["4242"]
    error = refused(stripe.InvalidRequestError, v1.customers.create, {"payment_method": "pm_nothing"})
    assert (error.user_message, error.param) == ("No such PaymentMethod: 'pm_nothing'", "payment_method")
    declined = refused(stripe.CardError, v1.customers.create, {"payment_method": "pm_card_chargeDeclined"})
    assert (declined.http_status, declined.code) == (402, "card_declined")
    assert len(v1.customers.list().data) == 1


def test_a_test_clock_holds_three_customers(v1):
    clock = v1.test_helpers.test_clocks.create({"frozen_time": 1_790_000_000}).id
    made = [v1.customers.create({"test_clock": clock}) for _ in range(3)]
    assert {customer.created for customer in made} == {1_790_000_000}
    assert refused(stripe.InvalidRequestError, v1.customers.create, {"test_clock": clock}).param == "test_clock"
    assert v1.customers.list().data == []
    assert len(v1.customers.list({"test_clock": clock}).data) == 3
