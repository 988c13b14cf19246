"""Answers whole, as they were recorded: what is filled in before anybody asked, and where it stands."""

import pytest
from shop import Api, call

OLD, DAHLIA = "2023-10-16", "2026-08-26.dahlia"


@pytest.fixture
def api(url):
    return Api(url)


def paid(api, card="pm_card_visa", **more):
    return api.post(DAHLIA, "/v1/payment_intents", ("payment_method_types[0]", "card"), amount=5000, currency="usd",
                    confirm="true", payment_method=card, **more)


def message_of(api, method, path, *pairs, version=DAHLIA, **params):
    status, error = api.refused(version, method, path, *pairs, **params)
    return status, error.get("code"), error["message"]


def test_a_customer_with_all_that_can_be_asked_for(api):
    asked = [("expand[0]", "tax"), ("expand[1]", "invoice_credit_balance")]
    made = api.post(DAHLIA, "/v1/customers", *asked, email="jenny@example.com")
    assert made["invoice_credit_balance"] == {}
    # What is expanded stands where the alphabet puts it.
    assert list(made)[2:] == sorted(list(made)[2:])
    owing = api.post(DAHLIA, f"/v1/customers/{made['id']}", *asked, balance=-300)
    assert (owing["currency"], owing["invoice_credit_balance"]) == ("usd", {"usd": -300})


def session(api, mode, *pairs, version=DAHLIA, **more):
    price = api.post(DAHLIA, "/v1/prices", ("product_data[name]", "x"), currency="usd", unit_amount=1500,
                     **({"recurring[interval]": "month"} if mode == "subscription" else {}))["id"]
    lines = [] if mode == "setup" else [("line_items[0][price]", price), ("line_items[0][quantity]", 1)]
    if mode == "setup":
        more["currency"] = "usd"
    return api.post(version, "/v1/checkout/sessions", *lines, *pairs, mode=mode, success_url="https://example.com", **more)


@pytest.mark.parametrize("mode", ["payment", "subscription", "setup"])
def test_an_open_session_of_a_known_customer(api, mode):
    customer = api.post(DAHLIA, "/v1/customers", email="jenny@example.com", name="Jenny")["id"]
    made = session(api, mode, customer=customer)
    is_setup = mode == "setup"
    assert made["customer_details"] == {
        "address": None, "business_name": None, "email": "jenny@example.com", "individual_name": None, "name": None,
        "phone": None, "tax_exempt": None if is_setup else "none", "tax_ids": None}
    assert made["collected_information"] == {"business_name": None, "individual_name": None, "shipping_details": None}
    assert made["adaptive_pricing"] == {"enabled": not is_setup}
    assert made["managed_payments"] == (None if is_setup else {"enabled": False})
    assert made["payment_method_configuration_details"]["id"].startswith("pmc_1")
    look = made["branding_settings"]
    assert (look["border_style"], look["font_family"], look["icon"]) == ("rounded", "default", None)
    assert session(api, mode)["customer_details"] is None
    if not is_setup:
        assert session(api, mode, customer_email="kim@example.com")["customer_details"]["email"] == "kim@example.com"
    listed = session(api, mode, ("payment_method_types[0]", "card"))
    assert listed["payment_method_configuration_details"] is None
    old = session(api, mode, customer=customer, version=OLD)
    assert set(old["customer_details"]) == {"address", "email", "name", "phone", "tax_exempt", "tax_ids"}
    assert "branding_settings" not in old


def test_an_invoice_by_hand_says_how_its_pdf_looks(api):
    customer = api.post(DAHLIA, "/v1/customers")["id"]
    made = api.post(DAHLIA, "/v1/invoices", customer=customer)
    assert made["rendering"] == {
        "amount_tax_display": None, "pdf": {"page_size": "auto"}, "template": None, "template_version": None}
    assert api.get(OLD, f"/v1/invoices/{made['id']}")["rendering_options"] is None


def test_dollars_of_any_country(api):
    customer = api.post(DAHLIA, "/v1/customers", ("invoice_settings[default_payment_method]", "pm_card_visa"),
                        payment_method="pm_card_visa")["id"]
    price = api.post(DAHLIA, "/v1/prices", ("product_data[name]", "Pro"), ("recurring[interval]", "month"), currency="cad",
                     unit_amount=2000)["id"]
    made = api.post(DAHLIA, "/v1/subscriptions", ("items[0][price]", price), ("expand[0]", "latest_invoice.payments"),
                    customer=customer)
    assert made["managed_payments"] == {"enabled": False}
    assert made["latest_invoice"]["lines"]["data"][0]["description"] == "1 × Pro (at $20.00 / month)"
    assert made["latest_invoice"]["payments"]["url"] == "/v1/invoices/payments"


def test_refunds_and_disputes_below_their_charge(api):
    body = paid(api)
    charge = body["latest_charge"]
    first = api.post(DAHLIA, "/v1/refunds", charge=charge, amount=1500, reason="duplicate")
    second = api.post(DAHLIA, f"/v1/charges/{charge}/refunds", amount=500)
    listed = api.get(DAHLIA, f"/v1/charges/{charge}/refunds")
    assert ([each["id"] for each in listed["data"]], listed["url"]) == (
        [second["id"], first["id"]], f"/v1/charges/{charge}/refunds")
    assert api.get(DAHLIA, f"/v1/charges/{charge}/refunds/{first['id']}")["amount"] == 1500
    shown = api.get(DAHLIA, f"/v1/charges/{charge}", ("expand[0]", "refunds"))["refunds"]
    assert (shown["total_count"], len(shown["data"])) == (2, 2)
    other = paid(api)["latest_charge"]
    assert message_of(api, "GET", f"/v1/charges/{other}/refunds/{first['id']}") == (
        404, "resource_missing", f"No such refund: '{first['id']}'")
    assert message_of(api, "GET", f"/v1/charges/{other}/dispute")[::2] == (404, f"No dispute for charge: {other}")
    assert message_of(api, "POST", "/v1/refunds", charge="ch_x") == (404, "resource_missing", "No such charge: 'ch_x'")


def test_a_dispute_begins_with_what_is_known(api):
    customer = api.post(DAHLIA, "/v1/customers", email="jenny@example.com", name="Jenny")["id"]
    body = paid(api, "pm_card_createDispute", customer=customer, description="Shoes")
    dispute = api.get(DAHLIA, f"/v1/charges/{body['latest_charge']}/dispute")
    known = {name: value for name, value in dispute["evidence"].items() if value}
    assert known == {"customer_email_address": "jenny@example.com", "customer_name": "Jenny", "product_description": "Shoes"}
    assert dispute["evidence_details"]["has_evidence"] is False
    # What a bank takes back is gone at once.
    assert dispute["balance_transactions"][0]["status"] == "available"


def test_a_postal_code_that_is_wrong(api):
    card = {"card[number]": "4000000000000036", "card[exp_month]": 12, "card[exp_year]": 2034}
    without = api.post(DAHLIA, "/v1/payment_methods", *card.items(), type="card")["id"]
    assert paid(api, without)["status"] == "succeeded"
    sent = api.post(DAHLIA, "/v1/payment_methods", *card.items(), ("billing_details[address][postal_code]", "10001"), type="card")
    status, error = api.refused(DAHLIA, "POST", "/v1/payment_intents", ("payment_method_types[0]", "card"), amount=5000,
                                currency="usd", confirm="true", payment_method=sent["id"])
    assert (status, error["code"], error["param"]) == (402, "incorrect_zip", "address_zip")


def test_an_item_whose_draft_was_deleted(api):
    customer = api.post(DAHLIA, "/v1/customers")["id"]
    item = api.post(DAHLIA, "/v1/invoiceitems", customer=customer, amount=700, currency="usd")["id"]
    draft = api.post(DAHLIA, "/v1/invoices", customer=customer, pending_invoice_items_behavior="include")["id"]
    api.ask(DAHLIA, "DELETE", f"/v1/invoices/{draft}")
    assert api.get(DAHLIA, "/v1/invoiceitems", customer=customer, pending="true")["data"] == []
    assert message_of(api, "POST", f"/v1/invoiceitems/{item}", description="x")[2] == "This invoice item has been deleted."
    assert message_of(api, "DELETE", f"/v1/invoiceitems/{item}")[2] == (
        "Can't delete an invoice item that is attached to an invoice that is no longer editable")


def test_a_trial_that_is_ended_into_a_pause(api, url):
    price = api.post(DAHLIA, "/v1/prices", ("product_data[name]", "Pro"), ("recurring[interval]", "month"), currency="usd",
                     unit_amount=2000)["id"]
    customer = api.post(DAHLIA, "/v1/customers")["id"]
    made = api.post(DAHLIA, "/v1/subscriptions", ("items[0][price]", price), customer=customer, trial_period_days=7,
                    **{"trial_settings[end_behavior][missing_payment_method]": "pause"})
    call(f"{url}/sandbox/clock/advance", "POST", "seconds=86400")
    paused = api.post(DAHLIA, f"/v1/subscriptions/{made['id']}", trial_end="now")
    period = paused["items"]["data"][0]
    assert (paused["status"], period["current_period_start"], period["current_period_end"]) == (
        "paused", made["trial_start"], paused["trial_end"])
    assert paused["trial_end"] < made["trial_end"]
    # Without anything to pay with it stays paused, and what was asked for waits.
    resumed = api.post(DAHLIA, f"/v1/subscriptions/{made['id']}/resume", ("expand[0]", "latest_invoice"))
    assert (resumed["status"], resumed["latest_invoice"]["status"], resumed["latest_invoice"]["total"]) == ("paused", "open", 2000)
    assert resumed["pending_update"]["expires_at"] - resumed["latest_invoice"]["created"] == 23 * 3600


def test_choices_in_stripes_own_order(api):
    assert message_of(api, "GET", "/v1/invoices", status="gone")[2] == (
        "Invalid status: must be one of draft, open, void, paid, or uncollectible")
    assert message_of(api, "POST", "/v1/prices", ("recurring[interval]", "hour"), currency="usd", product="x", unit_amount=1)[2] == (
        "Invalid recurring[interval]: must be one of month, year, week, or day")


def test_amounts_in_a_price_and_in_its_currencies(api):
    product = api.post(DAHLIA, "/v1/products", name="x")["id"]
    assert message_of(api, "POST", "/v1/prices", ("currency_options[eur][unit_amount]", 5), product=product, currency="usd",
                      unit_amount_decimal="10")[2].startswith("You may only specify one of these parameters: ")


def test_a_name_that_cannot_be_expanded_leaves_nothing_behind(api):
    assert message_of(api, "POST", "/v1/customers", ("expand[0]", "shoes.color"))[2] == (
        "This property cannot be expanded (shoes.color).")
    assert api.get(DAHLIA, "/v1/customers")["data"] == []
