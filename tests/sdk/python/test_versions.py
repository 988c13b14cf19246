"""Every version by plain HTTP: one state, ten shapes; each version takes and refuses what it did."""

import pytest
from shop import Api, at

VERSIONS = [
    "2023-10-16", "2024-04-10", "2024-06-20", "2025-02-24.acacia", "2025-08-27.basil", "2025-10-29.clover",
    "2026-02-25.clover", "2026-03-25.dahlia", "2026-08-26.dahlia", "2026-10-28.endive",
]
BASIL, CLOVER, DAHLIA, ENDIVE = "2025-03-31", "2025-09-30", "2026-03-25", "2026-09-30"
EVERY = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def api(url):
    return Api(url)


NEWEST = VERSIONS[-1]


def paying_customer(api, **more):
    customer = api.post(NEWEST, "/v1/customers", **more)["id"]
    card = api.post(NEWEST, "/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]
    api.post(NEWEST, f"/v1/customers/{customer}", ("invoice_settings[default_payment_method]", card))
    return customer


def monthly(api, amount=1000):
    product = api.post(NEWEST, "/v1/products", name="Pro")["id"]
    return api.post(NEWEST, "/v1/prices", ("recurring[interval]", "month"), product=product, currency="usd",
                    unit_amount=amount)["id"]


@EVERY
def test_a_subscription_made_and_read_in_any_version(api, version):
    customer, price = paying_customer(api), monthly(api)
    made = api.post(version, "/v1/subscriptions", ("items[0][price]", price), customer=customer)
    item = made["items"]["data"][0]
    for shown_in in VERSIONS:
        shown = api.get(shown_in, f"/v1/subscriptions/{made['id']}")
        inside = shown["items"]["data"][0]
        if shown_in < BASIL:
            assert shown["current_period_end"] > shown["current_period_start"]
            assert "current_period_end" not in inside
            assert shown["discount"] is None
        else:
            assert inside["current_period_end"] > inside["current_period_start"]
            assert not {"current_period_end", "discount"} & set(shown)
        # Classic until clover, flexible from then on, whoever reads it.
        if shown_in >= BASIL:
            assert shown["billing_mode"]["type"] == ("flexible" if version >= CLOVER else "classic")
        else:
            assert "billing_mode" not in shown
        assert ("customer_account" in shown) is (shown_in >= "2025-12")
        assert inside["price"]["id"] == item["price"]["id"]


@EVERY
def test_an_invoice_in_its_versions_words(api, version):
    customer, price = paying_customer(api), monthly(api)
    rate = api.post(NEWEST, "/v1/tax_rates", display_name="VAT", percentage=20, inclusive="false")["id"]
    made = api.post(version, "/v1/subscriptions", ("items[0][price]", price), ("default_tax_rates[0]", rate),
                    ("expand[0]", "latest_invoice"), ("metadata[a]", "b"), customer=customer)
    invoice, line = made["latest_invoice"], made["latest_invoice"]["lines"]["data"][0]
    assert (invoice["status"], invoice["total"], invoice["amount_paid"]) == ("paid", 1200, 1200)
    if version < BASIL:
        assert (invoice["paid"], invoice["subscription"], invoice["tax"]) == (True, made["id"], 200)
        assert invoice["charge"].startswith("ch_") and invoice["payment_intent"].startswith("pi_")
        assert invoice["total_tax_amounts"] == [
            {"amount": 200, "inclusive": False, "tax_rate": rate, "taxability_reason": None, "taxable_amount": 1000}]
        assert invoice["subscription_details"]["metadata"] == {"a": "b"}
        assert (line["type"], line["price"]["id"], line["proration"]) == ("subscription", price, False)
        assert line["tax_amounts"][0]["amount"] == 200 and line["plan"]["id"] == price
        assert not {"parent", "total_taxes", "confirmation_secret", "payments"} & set(invoice)
        charge = api.get(version, f"/v1/charges/{invoice['charge']}")
        assert charge["invoice"] == invoice["id"]
    else:
        parent = invoice["parent"]
        assert parent["type"] == "subscription_details"
        assert parent["subscription_details"]["subscription"] == made["id"]
        assert parent["subscription_details"]["metadata"] == {"a": "b"}
        assert [tax["amount"] for tax in invoice["total_taxes"]] == [200]
        assert line["parent"]["type"] == "subscription_item_details"
        assert line["pricing"]["price_details"]["price"] == price
        assert [tax["amount"] for tax in line["taxes"]] == [200]
        assert not {"paid", "subscription", "tax", "charge", "payment_intent", "discount"} & set(invoice)
        assert not {"price", "plan", "type", "proration", "tax_amounts"} & set(line)
        payments = api.get(version, "/v1/invoice_payments", invoice=invoice["id"])["data"]
        assert [(each["status"], each["amount_paid"]) for each in payments] == [("paid", 1200)]
    assert ("quantity_decimal" in line) is (version >= DAHLIA)


@EVERY
def test_a_discount(api, version):
    customer, price = paying_customer(api), monthly(api)
    coupon = api.post(version, "/v1/coupons", percent_off=25, duration="forever")["id"]
    how = ("coupon", coupon) if version < BASIL else ("discounts[0][coupon]", coupon)
    path = "/v1/subscriptions"
    made = api.post(version, path, ("items[0][price]", price), how, customer=customer)
    if version >= BASIL:
        status, error = api.refused(version, "POST", path, ("items[0][price]", price), ("coupon", coupon), customer=customer)
        assert (status, error["code"], error["message"]) == (400, "parameter_unknown", "Received unknown parameter: coupon")
    name = "promotion[coupon]" if version >= CLOVER else "coupon"
    kind = [("promotion[type]", "coupon")] if version >= CLOVER else []
    code = api.post(version, "/v1/promotion_codes", (name, coupon), *kind, code="SPRING")
    for shown_in in VERSIONS:
        if shown_in == "2023-10-16":
            discount = api.get(shown_in, f"{path}/{made['id']}")["discount"]
        elif shown_in < BASIL:
            shown = api.get(shown_in, f"{path}/{made['id']}", ("expand[0]", "discounts"))
            discount = shown["discounts"][0]
            assert shown["discount"]["id"] == discount["id"]
        else:
            discount = api.get(shown_in, f"{path}/{made['id']}", ("expand[0]", "discounts"))["discounts"][0]
        shown_code = api.get(shown_in, f"/v1/promotion_codes/{code['id']}")
        if shown_in < CLOVER:
            assert discount["coupon"]["id"] == coupon and shown_code["coupon"]["id"] == coupon
            assert "source" not in discount and "promotion" not in shown_code
        else:
            assert discount["source"] == {"type": "coupon", "coupon": coupon}
            assert shown_code["promotion"] == {"type": "coupon", "coupon": coupon}
            assert "coupon" not in discount and "coupon" not in shown_code


@EVERY
def test_endpoints_that_came_and_went(api, version):
    customer, price = paying_customer(api), monthly(api)
    api.post(NEWEST, "/v1/subscriptions", ("items[0][price]", price), customer=customer)
    upcoming = api.ask(version, "GET", "/v1/invoices/upcoming", customer=customer)
    preview = api.ask(version, "POST", "/v1/invoices/create_preview", customer=customer)
    if version < BASIL:
        assert upcoming[0] == 200 and upcoming[2]["total"] == 1000
    else:
        # What is left is an invoice of that name, which takes no customer.
        assert upcoming[0] in (400, 404)
    if version >= "2024-04-10":
        assert preview[0] == 200 and preview[2]["total"] == 1000
    else:
        assert preview[0] in (400, 404)
    assert api.ask(version, "GET", "/v1/invoice_payments")[0] == (200 if version >= BASIL else 404)
    assert api.ask(version, "GET", "/v1/entitlements/features")[0] == 200
    status, _, body = api.ask(version, "POST", "/v1/billing/meters", ("default_aggregation[formula]", "sum"),
                              display_name="Calls", event_name="calls")
    assert status == 200, body


@EVERY
def test_what_checkout_is_called(api, version):
    price = monthly(api)
    made = api.post(version, "/v1/checkout/sessions", ("line_items[0][price]", price), ("line_items[0][quantity]", 1),
                    mode="subscription", success_url="https://example.com/ok")
    assert made["ui_mode"] == ("hosted_page" if version >= DAHLIA else "hosted")
    embedded = "embedded_page" if version >= DAHLIA else "embedded"
    made = api.post(version, "/v1/checkout/sessions", ("line_items[0][price]", price), ("line_items[0][quantity]", 1),
                    mode="subscription", ui_mode=embedded, return_url="https://example.com/ok")
    assert made["ui_mode"] == embedded
    other = "embedded" if version >= DAHLIA else "embedded_page"
    status, error = api.refused(version, "POST", "/v1/checkout/sessions", ("line_items[0][price]", price),
                                ("line_items[0][quantity]", 1), mode="subscription", ui_mode=other,
                                return_url="https://example.com/ok")
    assert status == 400 and error["message"].startswith("Invalid ui_mode: must be one of ")


@EVERY
def test_payment_method_types_are_a_parameter_until_endive(api, version):
    pairs = [("payment_method_types[0]", "card")]
    params = {"amount": 1000, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
    if version >= ENDIVE:
        _, error = api.refused(version, "POST", "/v1/payment_intents", *pairs, **params)
        assert error["code"] == "parameter_unknown"
        pairs = [("automatic_payment_methods[enabled]", "true"), ("automatic_payment_methods[allow_redirects]", "never")]
    made = api.post(version, "/v1/payment_intents", *pairs, **params)
    assert made["status"] == "succeeded"
    assert made["capture_method"] == ("automatic" if version < "2024-04-10" else "automatic_async")
    assert ("invoice" in made) is (version < BASIL)


@EVERY
def test_the_anchor_is_reset_in_two_ways(api, version):
    customer, price = paying_customer(api), monthly(api)
    made = api.post(version, "/v1/subscriptions", ("items[0][price]", price), customer=customer)
    path = f"/v1/subscriptions/{made['id']}"
    new, old = ("billing_cycle_anchor[type]", "now"), ("billing_cycle_anchor", "now")
    right, wrong = (new, old) if version >= ENDIVE else (old, new)
    assert api.refused(version, "POST", path, wrong)[0] == 400
    assert api.post(version, path, right)["status"] == "active"


@EVERY
def test_features_of_a_product(api, version):
    name = "features" if version < "2024-04-10" else "marketing_features"
    made = api.post(version, "/v1/products", (f"{name}[0][name]", "All"), name="Pro")
    for shown_in in VERSIONS:
        shown = api.get(shown_in, f"/v1/products/{made['id']}")
        now = "features" if shown_in < "2024-04-10" else "marketing_features"
        assert [feature["name"] for feature in shown[now]] == ["All"]


@EVERY
def test_usage_records_until_acacia(api, version):
    customer = paying_customer(api)
    product = api.post(NEWEST, "/v1/products", name="Calls")["id"]
    metered = [("recurring[interval]", "month"), ("recurring[usage_type]", "metered")]
    params = {"product": product, "currency": "usd", "unit_amount": 5}
    if version < BASIL:
        price = api.post(version, "/v1/prices", *metered, ("recurring[aggregate_usage]", "max"), **params)
        assert price["recurring"]["aggregate_usage"] == "max"
        made = api.post(version, "/v1/subscriptions", ("items[0][price]", price["id"]), customer=customer)
        item = made["items"]["data"][0]["id"]
        record = api.post(version, f"/v1/subscription_items/{item}/usage_records", quantity=7, action="increment")
        assert (record["object"], record["quantity"]) == ("usage_record", 7)
    else:
        status, error = api.refused(version, "POST", "/v1/prices", *metered, ("recurring[aggregate_usage]", "max"), **params)
        assert (status, error["code"]) == (400, "parameter_unknown")
        assert api.refused(version, "POST", "/v1/prices", *metered, **params)[0] == 400
        assert api.refused(version, "POST", "/v1/subscription_items/si_x/usage_records", quantity=7)[0] == 404


@EVERY
def test_lengths_of_phases(api, version):
    customer, price = paying_customer(api), monthly(api)
    common = [("phases[0][items][0][price]", price)]
    old, new = [("phases[0][iterations]", 2)], [("phases[0][duration][interval]", "month"), ("phases[0][duration][interval_count]", 2)]
    right = new if version >= CLOVER else old
    made = api.post(version, "/v1/subscription_schedules", *common, *right, customer=customer, start_date="now")
    phase = made["phases"][0]
    assert phase["end_date"] > phase["start_date"] + 58 * 86_400
    if version >= CLOVER:
        assert api.refused(version, "POST", "/v1/subscription_schedules", *common, *old, customer=customer, start_date="now")[0] == 400


@EVERY
def test_lists_count_themselves_until_basil(api, version):
    api.post(version, "/v1/customers")
    status, _, body = api.ask(version, "GET", "/v1/customers", ("expand[0]", "total_count"))
    if version < BASIL:
        assert (status, body["total_count"]) == (200, 1)
    else:
        assert status == 400


@EVERY
def test_dates_of_customers_on_clocks_are_one_state(api, version):
    clock = api.post(version, "/v1/test_helpers/test_clocks", frozen_time=at("2026-04-01"))
    customer = paying_customer(api, test_clock=clock["id"])
    made = api.post(version, "/v1/subscriptions", ("items[0][price]", monthly(api)), customer=customer)
    assert made["created"] == at("2026-04-01")
    api.post(version, f"/v1/test_helpers/test_clocks/{clock['id']}/advance", frozen_time=at("2026-05-01") + 7200)
    invoices = api.get(version, "/v1/invoices", customer=customer)["data"]
    assert [invoice["status"] for invoice in invoices] == ["paid", "paid"]


@EVERY
def test_the_events_keep_the_shape_of_their_birth(api, version):
    customer = api.post(version, "/v1/customers", name="Jenny")["id"]
    event = api.get(version, "/v1/events", type="customer.created")["data"][0]
    assert event["api_version"] == NEWEST
    assert event["data"]["object"]["id"] == customer


@pytest.mark.parametrize("version", ["2019-2-19", "2026-10-28", "2026-10-28.basil", "latest", "2022-11-15x"])
def test_a_version_that_never_was(api, version):
    status, error = api.refused(version, "GET", "/v1/customers")
    assert (status, error["message"]) == (400, f"Invalid Stripe API version: {version}")
