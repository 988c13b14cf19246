"""What whole recorded sessions showed beyond single texts: defaults, absences, choices, what follows what."""

import pytest
from shop import DAY, Api, call

CLOVER, DAHLIA, ENDIVE = "2026-02-25.clover", "2026-08-26.dahlia", "2026-10-28.endive"
ONLY_CARDS = ("payment_method_types[0]", "card")


@pytest.fixture
def api(url):
    return Api(url)


def refused(api, method, path, *pairs, version=DAHLIA, **params):
    """Status, code, parameter and text of a refusal."""
    status, error = api.refused(version, method, path, *pairs, **params)
    return status, error.get("code"), error.get("param"), error["message"]


def delete(api, path):
    status, _, body = api.ask(DAHLIA, "DELETE", path)
    assert status == 200, body
    return body


def customer(api, card="pm_card_visa", **params):
    made = api.post(DAHLIA, "/v1/customers", email="jo@example.com", **params)["id"]
    if card:
        method = api.post(DAHLIA, f"/v1/payment_methods/{card}/attach", customer=made)["id"]
        api.post(DAHLIA, f"/v1/customers/{made}", ("invoice_settings[default_payment_method]", method))
    return made


def price(api, amount, product=None):
    product = product or api.post(DAHLIA, "/v1/products", name="Plan")["id"]
    return api.post(DAHLIA, "/v1/prices", ("recurring[interval]", "month"),
                    currency="usd", unit_amount=amount, product=product)["id"]


def subscribe(api, owner, price_id, *pairs, version=DAHLIA, **params):
    return api.post(version, "/v1/subscriptions", ("items[0][price]", price_id), *pairs, customer=owner, **params)


def paid(api, *pairs, card="pm_card_visa", **params):
    given = {"amount": 5000, "currency": "usd", "confirm": "true", "payment_method": card, **params}
    return api.post(DAHLIA, "/v1/payment_intents", ONLY_CARDS, *pairs, **given)


# ---- conventions ----------------------------------------------------------------------------------

def test_members_that_name_what_is_not_simulated_may_be_expanded(api):
    owner = customer(api)
    credit = api.get(DAHLIA, f"/v1/customers/{owner}", ("expand[0]", "invoice_credit_balance"))
    assert credit["invoice_credit_balance"] == {}
    charge = paid(api)["latest_charge"]
    shown = api.get(DAHLIA, f"/v1/charges/{charge}", ("expand[0]", "application_fee"), ("expand[1]", "review"),
                    ("expand[2]", "source_transfer"), ("expand[3]", "on_behalf_of"))
    assert (shown["application_fee"], shown["review"], shown["source_transfer"]) == (None, None, None)


def test_who_is_told_not_to_try_again(api):
    owner = customer(api, None)
    _, headers, _ = api.ask(DAHLIA, "POST", "/v1/subscriptions", ("items[0][price]", price(api, 900)), customer=owner)
    assert headers["Stripe-Should-Retry"] == "false"
    for params in ({}, {"customer": owner, "nonsense": "1"}):
        status, headers, _ = api.ask(DAHLIA, "POST", "/v1/subscriptions", **params)
        assert (status, headers["Stripe-Should-Retry"]) == (400, None)


def test_choices_are_told_in_stripes_order(api):
    product = api.post(DAHLIA, "/v1/products", name="x")["id"]
    told = refused(api, "POST", "/v1/prices", ("recurring[interval]", "hour"), currency="usd", unit_amount=1, product=product)
    assert told[3].endswith("must be one of month, year, week, or day")
    assert refused(api, "GET", "/v1/invoices", status="lost")[3].endswith(
        "must be one of draft, open, void, paid, or uncollectible")


def test_an_unknown_address_has_no_log(api, url):
    for version, path in ((DAHLIA, "/v1/widgets"), ("not-a-version", "/v1/customers")):
        headers = {"Authorization": f"Bearer {api.key}", "Stripe-Version": version}
        _, _, body = call(f"{url}{path}", headers=headers)
        assert sorted(body["error"]) == ["message", "type"]
    _, error = api.refused(DAHLIA, "GET", "/v1/customers/cus_none")
    assert "request_log_url" in error


def test_a_cursor_may_be_gone_or_elsewhere(api):
    one, gone, two = (api.post(DAHLIA, "/v1/customers", email="same@example.com")["id"] for _ in range(3))
    other = api.post(DAHLIA, "/v1/customers", email="other@example.com")["id"]
    delete(api, f"/v1/customers/{gone}")

    def ids(**params):
        return [row["id"] for row in api.get(DAHLIA, "/v1/customers", email="same@example.com", **params)["data"]]

    assert ids(starting_after=gone) == [one] and ids(ending_before=gone) == [two]
    assert ids(starting_after=other) == [two, one] and ids(ending_before=other) == []
    assert ids(limit=0) == [two]
    assert refused(api, "GET", "/v1/customers", starting_after="cus_none")[:3] == (400, "resource_missing", "starting_after")


# ---- payments -------------------------------------------------------------------------------------

def test_refused_changes_show_the_intent(api):
    mine, theirs = customer(api, None), customer(api, None)
    method = api.post(DAHLIA, "/v1/payment_methods/pm_card_visa/attach", customer=mine)["id"]
    for kind, more in (("payment_intent", {"amount": 900, "currency": "usd"}), ("setup_intent", {})):
        bare = api.post(DAHLIA, f"/v1/{kind}s", ONLY_CARDS, **more)["id"]
        owned = api.post(DAHLIA, f"/v1/{kind}s", ONLY_CARDS, customer=theirs, **more)["id"]
        for intent in (bare, owned):
            for path in (f"/v1/{kind}s/{intent}", f"/v1/{kind}s/{intent}/confirm"):
                _, error = api.refused(DAHLIA, "POST", path, payment_method=method)
                assert error[kind]["id"] == intent
                _, error = api.refused(DAHLIA, "POST", path, payment_method="pm_none")
                assert kind not in error
    held = paid(api, capture_method="manual")["id"]
    for amount, param in ((-1, "amount_to_capture"), (0, "amount"), (5001, None)):
        _, error = api.refused(DAHLIA, "POST", f"/v1/payment_intents/{held}/capture", amount_to_capture=amount)
        assert (error["payment_intent"]["id"], error.get("param")) == (held, param)
    assert error["message"].endswith("Contact us via https://support.stripe.com/contact/ for help.")


def test_a_failed_payment_says_by_what_kind_of_method(api):
    status, _, body = api.ask(DAHLIA, "POST", "/v1/payment_intents", ONLY_CARDS, amount=900, currency="usd",
                              confirm="true", payment_method="pm_card_visa_chargeDeclined")
    error = body["error"]
    assert (status, error["payment_intent"]["last_payment_error"]["payment_method_type"]) == (402, "card")
    assert "payment_method_type" not in error
    older = api.get("2026-06-24.dahlia", f"/v1/payment_intents/{error['payment_intent']['id']}")
    assert "payment_method_type" not in older["last_payment_error"]


def test_setup_intents_that_are_done(api):
    owner = customer(api, None)
    method = api.post(DAHLIA, "/v1/payment_methods", ("card[token]", "tok_visa"), type="card")["id"]
    done = api.post(DAHLIA, "/v1/setup_intents", ONLY_CARDS, customer=owner, payment_method=method, confirm="true")
    path = f"/v1/setup_intents/{done['id']}"
    assert api.post(DAHLIA, path, description="late")["description"] == "late"
    assert refused(api, "POST", path, payment_method=method) == (
        400, "setup_intent_unexpected_state", None, "You cannot update this SetupIntent because it has already succeeded.")
    given_up = api.post(DAHLIA, "/v1/setup_intents", ONLY_CARDS, customer=owner, payment_method=method)["id"]
    assert refused(api, "POST", f"/v1/setup_intents/{given_up}/verify_microdeposits", ("amounts[0]", 32))[:2] == (
        400, "intent_invalid_state")
    api.post(DAHLIA, f"/v1/setup_intents/{given_up}/cancel")
    assert refused(api, "POST", f"/v1/setup_intents/{given_up}/confirm")[3] == (
        "You cannot confirm this SetupIntent because it has been canceled.")


def test_a_refused_setup_has_checked_the_card(api):
    method = api.post(DAHLIA, "/v1/payment_methods", ("card[token]", "tok_visa_chargeDeclined"), type="card")
    assert method["card"]["checks"]["cvc_check"] == "unchecked"
    _, error = api.refused(DAHLIA, "POST", "/v1/setup_intents", ONLY_CARDS, payment_method=method["id"], confirm="true")
    assert error["payment_method"]["card"]["checks"]["cvc_check"] == "pass"


def test_later_versions_ignore_the_usage_of_a_setup(api):
    for version, usage in ((CLOVER, "on_session"), (DAHLIA, "off_session")):
        assert api.post(version, "/v1/setup_intents", ONLY_CARDS, usage="on_session")["usage"] == usage


def test_methods_of_others_and_of_nobody(api):
    mine, theirs = customer(api, None), customer(api, None)
    method = api.post(DAHLIA, "/v1/payment_methods/pm_card_visa/attach", customer=mine)["id"]
    assert refused(api, "GET", f"/v1/customers/{theirs}/payment_methods/{method}") == (404, None, "customer", "Invalid request")
    delete(api, f"/v1/customers/{theirs}")
    assert refused(api, "GET", "/v1/payment_methods", customer=theirs)[:3] == (400, "resource_missing", "customer")


def test_refunds_below_their_charge(api):
    intent, other = paid(api), paid(api)
    path = f"/v1/charges/{intent['latest_charge']}"
    first = api.post(DAHLIA, f"{path}/refunds", amount=300)
    assert (first["object"], first["amount"]) == ("refund", 300)
    assert api.post(DAHLIA, f"{path}/refund", amount=500)["amount_refunded"] == 800
    page = api.get(DAHLIA, f"{path}/refunds")
    assert (page["url"], [row["amount"] for row in page["data"]]) == (f"{path}/refunds", [500, 300])
    assert api.get(DAHLIA, f"{path}/refunds/{first['id']}")["id"] == first["id"]
    assert refused(api, "GET", f"/v1/charges/{other['latest_charge']}/refunds/{first['id']}")[:3] == (
        404, "resource_missing", "refund")
    assert refused(api, "POST", "/v1/refunds", charge="ch_none") == (404, "resource_missing", "id", "No such charge: 'ch_none'")


def test_charges_of_old(api):
    intent = paid(api)
    assert refused(api, "POST", f"/v1/charges/{intent['latest_charge']}", transfer_group="x")[3].startswith(
        f"This Charge was created by a PaymentIntent ({intent['id']}).")
    for card, text in (("pm_card_visa", "legacy saved payment details"), (None, "any saved payment details")):
        status, code, param, message = refused(
            api, "POST", "/v1/charges", amount=900, currency="usd", customer=customer(api, card))
        assert (status, code, param) == (402, "missing", "card") and text in message


def test_disputes_know_what_the_seller_knows(api):
    owner = customer(api, None, name="Jo Doe")
    described = customer(api, None, description="A regular")
    intent = paid(api, card="pm_card_createDispute", customer=owner, description="Boots")
    dispute = api.get(DAHLIA, f"/v1/charges/{intent['latest_charge']}/dispute")
    evidence = dispute["evidence"]
    assert (evidence["customer_email_address"], evidence["customer_name"], evidence["product_description"]) == (
        "jo@example.com", "Jo Doe", "Boots")
    assert dispute["evidence_details"]["has_evidence"] is False and "network_reason_code" not in dispute
    movement = dispute["balance_transactions"][0]
    assert movement["id"].startswith("txn_1") and movement["status"] == "available"
    inquiry = paid(api, card="pm_card_createDisputeInquiry", customer=described, description="Boots")
    evidence = api.get(DAHLIA, f"/v1/charges/{inquiry['latest_charge']}/dispute")["evidence"]
    assert (evidence["customer_name"], evidence["product_description"]) == ("A regular", None)
    held = paid(api, card="pm_card_createDispute", capture_method="manual")
    api.post(DAHLIA, f"/v1/payment_intents/{held['id']}/capture")
    late = api.get(DAHLIA, f"/v1/charges/{held['latest_charge']}/dispute")["balance_transactions"][0]
    own = api.get(DAHLIA, "/v1/balance_transactions", source=held["latest_charge"])["data"][0]
    assert (late["status"], late["available_on"]) == ("pending", own["available_on"])
    unharmed = paid(api)["latest_charge"]
    assert refused(api, "GET", f"/v1/charges/{unharmed}/dispute") == (404, None, None, f"No dispute for charge: {unharmed}")
    assert api.get(DAHLIA, "/v1/balance_transactions", source=dispute["id"])["data"] == []
    assert refused(api, "GET", "/v1/balance_transactions", payout="po_none")[:3] == (400, "resource_missing", "payout")
    assert refused(api, "GET", "/v1/balance_transactions/txn_none")[3] == "No such balance transaction: 'txn_none'"


# ---- subscriptions and invoices -------------------------------------------------------------------

def test_what_a_subscription_says_of_itself(api):
    owner, monthly = customer(api), price(api, 900)
    made = subscribe(api, owner, monthly, version=ENDIVE)
    assert made["managed_payments"] == {"enabled": False}
    assert made["trial_settings"]["end_behavior"] == {"billing_cycle_anchor": "now", "missing_payment_method": "create_invoice"}
    changed = api.post(ENDIVE, f"/v1/subscriptions/{made['id']}",
                       ("trial_settings[end_behavior][missing_payment_method]", "pause"))
    assert changed["trial_settings"]["end_behavior"] == {"billing_cycle_anchor": "now", "missing_payment_method": "pause"}
    invoice = api.get(ENDIVE, f"/v1/invoices/{made['latest_invoice']}", ("expand[0]", "payments"))
    assert invoice["payments"]["url"] == "/v1/invoices/payments" and invoice["rendering"] is None
    paying = invoice["payments"]["data"][0]["payment"]["payment_intent"]
    details = api.get(ENDIVE, f"/v1/payment_intents/{paying}")["payment_details"]
    assert details == {"customer_reference": None, "order_reference": invoice["id"]}


def test_refused_subscriptions_and_items(api):
    owner, monthly = customer(api), price(api, 900)
    first = ("items[0][price]", monthly)
    assert refused(api, "POST", "/v1/subscriptions", first, customer="cus_none")[:3] == (404, "resource_missing", "customer")
    for more in ({"trial_period_days": 3}, {"trial_end": 4_000_000_000}):
        assert refused(api, "POST", "/v1/subscriptions", first, customer=owner, trial_from_plan="true", **more)[3] == (
            "You cannot set `trial_end` or `trial_period_days` when `trial_from_plan=true`.")
    made = subscribe(api, owner, monthly)
    page = api.get(DAHLIA, "/v1/subscription_items", subscription=made["id"])
    assert page["url"] == f"/v1/subscription_items?subscription={made['id']}"
    assert refused(api, "GET", "/v1/subscription_items/si_none") == (
        404, None, None, "Invalid subscription_item id: si_none")


def test_a_cut_trial_pauses_and_waits_to_be_resumed(api):
    owner = customer(api, None)
    pause = ("trial_settings[end_behavior][missing_payment_method]", "pause")
    made = subscribe(api, owner, price(api, 900), pause, trial_period_days=100)
    cut = api.post(DAHLIA, f"/v1/subscriptions/{made['id']}", trial_end="now")
    period = cut["items"]["data"][0]
    assert cut["status"] == "paused"
    assert cut["trial_end"] == cut["billing_cycle_anchor"] == period["current_period_end"] <= made["created"] + 5
    resumed = api.post(DAHLIA, f"/v1/subscriptions/{made['id']}/resume")
    assert resumed["status"] == "paused" and resumed["latest_invoice"] != made["latest_invoice"]
    waits = resumed["pending_update"]["expires_at"] - resumed["created"]
    assert 23 * 3600 <= waits <= 23 * 3600 + 5 and resumed["pending_update"]["billing_cycle_anchor"] is None


def test_prorations_in_the_same_second_and_half_cents(api):
    owner = customer(api)
    product = api.post(DAHLIA, "/v1/products", name="Plan")["id"]
    small, large = price(api, 1000, product), price(api, 1800, product)
    made = subscribe(api, owner, small)
    item = made["items"]["data"][0]
    part = item["current_period_end"] - (item["current_period_end"] - item["current_period_start"]) // 400
    swap = [("items[0][id]", item["id"]), ("items[0][price]", large)]
    api.post(DAHLIA, f"/v1/subscriptions/{made['id']}", *swap, proration_date=part)
    waiting = api.get(DAHLIA, "/v1/invoiceitems", customer=owner, pending="true")["data"]
    # 2.5 and 4.5 cents: both go down.
    assert [row["amount"] for row in waiting] == [-3, 4]
    for row in waiting:
        assert (row["frozen_fields"], row["net_amount"]) == (["pricing", "quantity", "discounts"], row["amount"])


def test_an_end_that_gives_back(api):
    owner, monthly = customer(api), price(api, 1000)
    made = subscribe(api, owner, monthly)
    ended = delete(api, f"/v1/subscriptions/{made['id']}?prorate=true&invoice_now=true")
    last = api.get(DAHLIA, f"/v1/invoices/{ended['latest_invoice']}")
    assert (last["status"], last["billing_reason"], last["total"] <= -999) == ("draft", "subscription_cycle", True)
    assert last["auto_advance"] is True
    assert (last["next_payment_attempt"], last["automatically_finalizes_at"]) == (
        last["created"] + 3600, last["created"] + 3601)


def test_what_an_ended_subscription_gives_back_is_its_customers(api):
    owner, monthly = customer(api), price(api, 1000)
    made = subscribe(api, owner, monthly)
    delete(api, f"/v1/subscriptions/{made['id']}?prorate=true")
    waiting = api.get(DAHLIA, "/v1/invoiceitems", customer=owner, pending="true")["data"]
    assert [(row["proration"], row["parent"]) for row in waiting] == [(True, None)]
    assert "proration_details" not in waiting[0]


def test_renderings_lines_and_items(api):
    owner = customer(api)
    draft = api.post(DAHLIA, "/v1/invoices", customer=owner)
    assert draft["rendering"] == {
        "amount_tax_display": None, "pdf": {"page_size": "auto"}, "template": None, "template_version": None}
    item = api.post(DAHLIA, "/v1/invoiceitems", customer=owner, invoice=draft["id"], amount=700, currency="usd")
    assert "net_amount" not in item and item["frozen_fields"] == []
    assert api.get(ENDIVE, f"/v1/invoiceitems/{item['id']}")["invoicing_rules"] == []
    done = api.post(DAHLIA, f"/v1/invoices/{draft['id']}/finalize")
    assert done["rendering"]["pdf"] == {"page_size": "letter"}
    assert refused(api, "DELETE", f"/v1/invoiceitems/{item['id']}")[3] == (
        "Can't delete an invoice item that is attached to an invoice that is no longer editable")
    note = api.post(DAHLIA, "/v1/credit_notes", ("lines[0][type]", "custom_line_item"), ("lines[0][description]", "Sorry"),
                    ("lines[0][quantity]", 1), ("lines[0][unit_amount]", 100), invoice=done["id"])
    assert note["lines"]["data"][0]["metadata"] is None
    trial = subscribe(api, owner, price(api, 900), trial_period_days=3)
    line = api.get(DAHLIA, f"/v1/invoices/{trial['latest_invoice']}")["lines"]["data"][0]
    assert (line["amount"], line["pricing"]["unit_amount_decimal"]) == (0, "0")


def test_an_anchor_reset_at_once_is_no_proration(api):
    product = api.post(DAHLIA, "/v1/products", name="Plan")["id"]
    small, large = price(api, 1000, product), price(api, 1800, product)
    clock = api.post(DAHLIA, "/v1/test_helpers/test_clocks", frozen_time=1_800_000_000)["id"]
    owner = customer(api, test_clock=clock)
    made = subscribe(api, owner, small)
    item = made["items"]["data"][0]["id"]
    changed = api.post(DAHLIA, f"/v1/subscriptions/{made['id']}", ("items[0][id]", item), ("items[0][price]", large),
                       billing_cycle_anchor="now")
    lines = api.get(DAHLIA, f"/v1/invoices/{changed['latest_invoice']}")["lines"]["data"]
    new = [line for line in lines if line["amount"] == 1800]
    assert len(new) == 1 and new[0]["parent"]["subscription_item_details"]["proration"] is False
    assert new[0]["period"]["end"] - new[0]["period"]["start"] >= 28 * DAY


# ---- checkout -------------------------------------------------------------------------------------

def test_what_a_checkout_session_knows_at_first(api):
    owner, monthly = customer(api, None), price(api, 900)
    once = api.post(DAHLIA, "/v1/prices", currency="usd", unit_amount=900, product=api.post(
        DAHLIA, "/v1/products", name="x")["id"])["id"]
    back = {"success_url": "https://example.com/thanks"}
    pay = api.post(DAHLIA, "/v1/checkout/sessions", ("line_items[0][price]", once), ("line_items[0][quantity]", 1),
                   mode="payment", customer=owner, **back)
    sub = api.post(DAHLIA, "/v1/checkout/sessions", ("line_items[0][price]", monthly), ("line_items[0][quantity]", 1),
                   mode="subscription", **back)
    setup = api.post(DAHLIA, "/v1/checkout/sessions", mode="setup", currency="usd", customer=owner, **back)
    assert [made["adaptive_pricing"]["enabled"] for made in (pay, sub, setup)] == [True, True, False]
    assert [made["managed_payments"] for made in (pay, sub, setup)] == [{"enabled": False}, {"enabled": False}, None]
    assert setup["discounts"] is None
    assert pay["customer_details"]["email"] == "jo@example.com" and pay["customer_details"]["tax_exempt"] == "none"
    assert sub["customer_details"] is None
    for made in (pay, sub, setup):
        assert set(made["collected_information"].values()) == {None} and made["branding_settings"]
