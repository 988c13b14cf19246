"""Features, the products that carry them, and who has them."""

import pytest
import stripe
from shop import plain, refused


@pytest.fixture
def v1(client):
    return client.v1


@pytest.fixture
def payer(v1):
    customer = v1.customers.create({}).id
    card = v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card}})
    return customer


def feature(v1, key):
    return v1.entitlements.features.create({"name": key.title(), "lookup_key": key})


def sold(v1, *features):
    """A monthly price of a product with these features."""
    product = v1.products.create({"name": "Pro"}).id
    for each in features:
        v1.products.features.create(product, {"entitlement_feature": each.id})
    return v1.prices.create({"product": product, "currency": "usd", "unit_amount": 1000, "recurring": {"interval": "month"}})


def held(v1, customer):
    return sorted(row.lookup_key for row in v1.entitlements.active_entitlements.list({"customer": customer}).data)


def test_a_feature_lives_until_it_is_archived(v1):
    made = feature(v1, "api")
    assert made.id.startswith("feat_test_61") and (made.active, made.name, made.lookup_key) == (True, "Api", "api")
    taken = refused(stripe.InvalidRequestError, feature, v1, "api")
    assert (taken.http_status, taken.param) == (400, "lookup_key")
    changed = v1.entitlements.features.update(made.id, {"name": "API", "metadata": {"k": "v"}})
    assert (changed.name, plain(changed.metadata)) == ("API", {"k": "v"})
    assert v1.entitlements.features.update(made.id, {"active": False}).active is False
    assert v1.entitlements.features.list().data == []
    assert [row.id for row in v1.entitlements.features.list({"archived": True}).data] == [made.id]
    assert refused(stripe.InvalidRequestError, v1.entitlements.features.update, made.id, {"active": True}).http_status == 400
    again = feature(v1, "api")
    assert [row.id for row in v1.entitlements.features.list({"lookup_key": "api"}).data] == [again.id]


def test_features_of_a_product(v1):
    one, two = feature(v1, "one"), feature(v1, "two")
    product = v1.products.create({"name": "P"}).id
    first = v1.products.features.create(product, {"entitlement_feature": one.id})
    second = v1.products.features.create(product, {"entitlement_feature": two.id})
    assert first.id.startswith("prodft_") and first.entitlement_feature.id == one.id
    assert [row.id for row in v1.products.features.list(product).data] == [second.id, first.id]
    assert v1.products.features.retrieve(product, first.id).entitlement_feature.lookup_key == "one"
    assert refused(stripe.InvalidRequestError, v1.products.features.create, product, {"entitlement_feature": one.id}).http_status == 400
    assert refused(stripe.InvalidRequestError, v1.products.features.create, product, {"entitlement_feature": "feat_no"}).http_status == 400
    assert v1.products.features.delete(product, first.id).deleted is True
    assert [row.id for row in v1.products.features.list(product).data] == [second.id]


def test_a_subscription_gives_its_features_while_it_lives(v1, payer):
    api, sso = feature(v1, "api"), feature(v1, "sso")
    subscription = v1.subscriptions.create({"customer": payer, "items": [{"price": sold(v1, api, sso).id}]})
    assert held(v1, payer) == ["api", "sso"]
    row = v1.entitlements.active_entitlements.list({"customer": payer}).data[0]
    assert row.id.startswith("ent_test_61") and row.object == "entitlements.active_entitlement"
    whole = v1.entitlements.active_entitlements.retrieve(row.id, {"expand": ["feature"]})
    assert whole.feature.lookup_key == whole.lookup_key
    summary = v1.events.list({"type": "entitlements.active_entitlement_summary.updated"}).data[0].data
    assert summary.object["customer"] == payer
    assert sorted(each["lookup_key"] for each in summary.object["entitlements"]["data"]) == ["api", "sso"]
    assert summary.object["entitlements"]["url"] == f"/v1/customer/{payer}/entitlements"
    assert plain(summary.previous_attributes) == {"entitlements": {"data": []}}
    v1.subscriptions.cancel(subscription.id)
    assert held(v1, payer) == []
    last = v1.events.list({"type": "entitlements.active_entitlement_summary.updated"}).data[0].data
    assert last.object["entitlements"]["data"] == []
    assert len(last.previous_attributes["entitlements"]["data"]) == 2


def test_two_subscriptions_give_the_union(v1, payer):
    api, sso = feature(v1, "api"), feature(v1, "sso")
    first = v1.subscriptions.create({"customer": payer, "items": [{"price": sold(v1, api).id}]})
    v1.subscriptions.create({"customer": payer, "items": [{"price": sold(v1, api, sso).id}], "trial_period_days": 7})
    assert held(v1, payer) == ["api", "sso"]
    v1.subscriptions.cancel(first.id)
    assert held(v1, payer) == ["api", "sso"]


def test_a_change_of_price_changes_the_features(v1, payer):
    api, sso = feature(v1, "api"), feature(v1, "sso")
    subscription = v1.subscriptions.create({"customer": payer, "items": [{"price": sold(v1, api).id}]})
    item = subscription["items"].data[0].id
    v1.subscriptions.update(subscription.id, {"items": [{"id": item, "price": sold(v1, sso).id}]})
    assert held(v1, payer) == ["sso"]


def test_the_list_comes_in_tens(v1, payer):
    features = [feature(v1, f"f{index:02}") for index in range(12)]
    v1.subscriptions.create({"customer": payer, "items": [{"price": sold(v1, *features).id}]})
    page = v1.entitlements.active_entitlements.list({"customer": payer})
    assert (len(page.data), page.has_more) == (10, True)
    assert len(list(page.auto_paging_iter())) == 12
    summary = v1.events.list({"type": "entitlements.active_entitlement_summary.updated"}).data[0].data.object
    assert (len(summary["entitlements"]["data"]), summary["entitlements"]["has_more"]) == (10, True)
