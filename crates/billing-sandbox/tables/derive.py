#!/usr/bin/env python3
"""Makes params.txt and shapes.txt from Stripe's API as data.

    python3 derive.py <folder with the ten api-<version>.json.gz>

The data is derived from the type definitions of the official `stripe` npm packages (MIT License,
Copyright Stripe, Inc.): names and types only. The two tables hold the part that this sandbox answers.
"""

import glob
import gzip
import json
import os
import re
import sys

VERSIONS = [
    "2023-10-16", "2024-04-10", "2024-06-20", "2025-02-24.acacia", "2025-08-27.basil",
    "2025-10-29.clover", "2026-02-25.clover", "2026-03-25.dahlia", "2026-08-26.dahlia",
    "2026-10-28.endive",
]
LAST = len(VERSIONS) - 1

# Endpoints whose parameters are kept: everything below these, with the exceptions after them.
ROOTS = """account balance balance_transactions billing billing_portal charges checkout coupons
    credit_notes customers disputes entitlements events invoice_payments invoiceitems invoices
    mandates payment_intents payment_methods plans prices products promotion_codes radar refunds
    setup_attempts setup_intents shipping_rates subscription_items subscription_schedules
    subscriptions tax_ids tax_rates test_helpers tokens webhook_endpoints tax_codes files""".split()
NOT_KEPT = re.compile(
    r"/v1/(radar/(value|payment)|test_helpers/(issuing|terminal|treasury|confirmation)|"
    r"customers/\{\}/(funding|cash|bank_accounts)|test_helpers/customers)"
)
# What `stripe trigger` and older clients use beside Stripe's public description.
UNPUBLISHED = [
    "GET /v1/charges/{}/dispute {expand:[s}",
    "GET /v1/charges/{}/refunds {created:r ending_before:s expand:[s limit:i starting_after:s}",
    "GET /v1/charges/{}/refunds/{} {expand:[s}",
    "POST /v1/charges/{}/dispute {evidence:* expand:[s metadata:m submit:b}",
    "POST /v1/charges/{}/dispute/close {expand:[s}",
    "POST /v1/charges/{}/refund {amount:i expand:[s metadata:m reason:e(duplicate|fraudulent|requested_by_customer) refund_application_fee:b reverse_transfer:b}",
    "POST /v1/charges/{}/refunds {amount:i expand:[s metadata:m reason:e(duplicate|fraudulent|requested_by_customer) refund_application_fee:b reverse_transfer:b}",
    "POST /v1/charges/{}/refunds/{} {expand:[s metadata:m}",
    "GET /v1/payment_pages/{} {expand:[s key:s}",
    "POST /v1/payment_pages/{}/confirm {expand:[s expected_amount:i expected_payment_method_type:s"
    " key:s payment_method:s return_url:s shipping:*}",
]
# Payment methods whose own parameters and members are kept; the others are left out.
METHODS = {"card", "us_bank_account", "sepa_debit", "link"}
# Members that are too deep to be worth their room; taken as they come.
ANYTHING = {
    "payment_method_options", "mandate_data", "payment_method_data", "tax_id_data", "address_kana",
    "address_kanji", "evidence_details", "hooks", "radar_options", "payment_details", "document",
}
METHOD_OWNERS = re.compile(
    r"(PaymentMethodDetails|PaymentMethodOptions|PaymentMethodData|PaymentMethodCreateParams|"
    r"^PaymentMethod$|DestinationDetails|^SetupAttempt\.PaymentMethodDetails)"
)

# The objects that are answered or sent, by schema; what they refer to follows by itself.
OBJECTS = """Account Balance BalanceTransaction Charge Customer DeletedCustomer Coupon DeletedCoupon
    CreditNote CreditNoteLineItem CustomerBalanceTransaction Discount DeletedDiscount Dispute
    Entitlements.Feature Entitlements.ActiveEntitlement Entitlements.ActiveEntitlementSummary
    event Invoice DeletedInvoice InvoiceItem DeletedInvoiceItem InvoiceLineItem InvoicePayment
    LineItem Mandate PaymentIntent PaymentMethod Plan DeletedPlan Price Product DeletedProduct
    ProductFeature DeletedProductFeature PromotionCode Radar.EarlyFraudWarning Refund SetupAttempt
    SetupIntent ShippingRate Subscription SubscriptionItem DeletedSubscriptionItem
    SubscriptionSchedule TaxCode TaxId DeletedTaxId TaxRate TestHelpers.TestClock
    TestHelpers.DeletedTestClock Token WebhookEndpoint DeletedWebhookEndpoint Checkout.Session
    BillingPortal.Configuration BillingPortal.Session Billing.Meter Billing.MeterEvent
    Billing.MeterEventAdjustment Billing.MeterEventSummary Billing.CreditGrant
    Billing.CreditBalanceSummary Billing.CreditBalanceTransaction UsageRecord UsageRecordSummary
    Card BankAccount DeletedCard V2.Billing.MeterEvent V2.Billing.MeterEventAdjustment
    V2.Billing.MeterEventSession V2.Core.EventDestination""".split()
# Objects of other parts of Stripe: an id that cannot be expanded here.
FOREIGN = re.compile(
    r"^(Account|Application|ApplicationFee|Transfer.*|Topup|Payout|Issuing\..*|Treasury\..*|Source|"
    r"Review|ConnectCollectionTransfer|CustomerCashBalanceTransaction|Deleted(Application|BankAccount)|"
    r"FeeRefund|ReserveTransaction|TaxDeductedAtSource|PaymentRecord|PaymentLink|Quote|File|"
    r"FileLink|CashBalance|Financial.*|Capability|Person|Identity\..*|ConfirmationToken|DeletedPerson|"
    r"BankAccount|Billing.Alert|Billing.FeedbackOption|ProductCatalog\..*|PaymentMethodConfiguration|"
    r"PaymentIntentAmountDetailsLineItem|InvoiceRenderingTemplate|Reserve\..*)$"
)


def load(folder):
    out = []
    for version in VERSIONS:
        with gzip.open(os.path.join(folder, f"api-{version}.json.gz")) as file:
            out.append(json.load(file))
    return out


# ---- ranges ---------------------------------------------------------------------------------

def ranged(columns):
    """`<4` until column 3, `>5` from column 5 on; nothing when always."""
    first, last = min(columns), max(columns)
    return (f">{first}" if first > 0 else "") + (f"<{last + 1}" if last < LAST else "")


def runs(columns):
    """Consecutive runs of columns."""
    out = []
    for column in sorted(columns):
        if out and column == out[-1][-1] + 1:
            out[-1].append(column)
        else:
            out.append([column])
    return out


# ---- parameters -----------------------------------------------------------------------------

def param_node(schema, schemas, name, owner, depth=0):
    """A parameter's type: a string for scalars, or a tuple (`obj`, fields), (`arr`, node), (`enum`, values)."""
    if name in ANYTHING or depth > 9:
        return (False, "*")
    if name == "enabled_events":
        return (False, ("arr", (False, "s")))
    if "$ref" in schema:
        target = schema["$ref"].rsplit("/", 1)[1]
        if target in ("MetadataParam", "Metadata"):
            return (False, "m")
        if target == "RangeQueryParam":
            return (False, "r")
        return param_node(schemas[target], schemas, name, target, depth)
    if "anyOf" in schema:
        options = schema["anyOf"]
        rest = [o for o in options if o.get("enum") != [""]]
        can_unset = len(rest) < len(options)
        kinds = [param_node(o, schemas, name, owner, depth)[1] for o in rest]
        if len(kinds) == 1:
            return (can_unset, kinds[0])
        if "r" in kinds:
            return (can_unset, "r")
        objects = [k for k in kinds if isinstance(k, tuple) and k[0] == "obj"]
        if objects and all(isinstance(k, tuple) for k in kinds) and len(objects) == len(kinds):
            fields = {}
            for other in objects:
                for key, value in other[1].items():
                    fields.setdefault(key, (False, *value[1:]))
            return (can_unset, ("obj", fields))
        if all(isinstance(k, str) or k[0] == "enum" for k in kinds):
            if kinds == ["i", "s"] or kinds == ["n", "s"]:
                return (can_unset, "s")
            return (can_unset, "s")
        return (can_unset, "*")
    if "enum" in schema:
        values = [v for v in schema["enum"] if v != ""]
        return (len(values) < len(schema["enum"]), ("enum", tuple(values)))
    kind = schema.get("type")
    if kind == "string":
        return (False, "s")
    if kind == "integer":
        return (False, "i")
    if kind == "number":
        return (False, "n")
    if kind == "boolean":
        return (False, "b")
    if kind == "array":
        return (False, ("arr", param_node(schema["items"], schemas, name, owner, depth + 1)))
    if kind == "object":
        if "properties" not in schema:
            extra = schema.get("additionalProperties")
            if extra and extra.get("type") == "string":
                return (False, "m")
            if extra and ("$ref" in extra or "properties" in extra):
                return (False, ("dict", param_node(extra, schemas, name, owner, depth + 1)))
            return (False, "*" if extra else ("obj", {}))
        fields = {}
        required = schema.get("required", [])
        keeps_methods = METHOD_OWNERS.search(owner or "")
        for key, value in schema["properties"].items():
            if keeps_methods and is_foreign_method(key, value):
                continue
            fields[key] = (key in required, *param_node(value, schemas, key, owner, depth + 1))
        return (False, ("obj", fields))
    return (False, "*")


KNOWN_METHODS = None


def is_foreign_method(key, _value):
    return key in KNOWN_METHODS and key not in METHODS


def kind_class(entry):
    required, can_unset, kind = entry
    tag = kind if isinstance(kind, str) else kind[0]
    return (required, can_unset, tag)


def write_kind(kinds):
    """Writes the kinds of the columns (column -> (can_unset, kind)), all of one class."""
    first = next(iter(kinds.values()))
    mark = "-" if first[0] else ""
    kind = first[1]
    if isinstance(kind, str):
        return mark + kind
    if kind[0] == "enum":
        values = {}
        for column, (_, (_, options)) in kinds.items():
            for option in options:
                values.setdefault(option, []).append(column)
        columns = sorted(kinds)
        words = []
        for option in sorted(values):
            seen = values[option]
            low = f">{min(seen)}" if min(seen) > columns[0] else ""
            high = f"<{max(seen) + 1}" if max(seen) < columns[-1] else ""
            words.append(option + low + high)
        return mark + "e(" + "|".join(words) + ")"
    if kind[0] in ("arr", "dict"):
        letter = "[" if kind[0] == "arr" else "d"
        items = {c: k[1][1] for c, k in kinds.items()}
        classes = {kind_class((False, *i)) for i in items.values()}
        if len(classes) > 1:
            return mark + letter + "*"
        return mark + letter + write_kind(items)
    return mark + write_fields({c: k[1][1] for c, k in kinds.items()})


def write_fields(by_column):
    names = sorted({n for fields in by_column.values() for n in fields})
    columns = sorted(by_column)
    words = []
    for name in names:
        present = {c: by_column[c][name] for c in columns if name in by_column[c]}
        groups = []
        for column in sorted(present):
            same = groups and kind_class(present[column]) == kind_class(present[groups[-1][-1]])
            if same and column == groups[-1][-1] + 1:
                groups[-1].append(column)
            else:
                groups.append([column])
        for group in groups:
            low = f">{group[0]}" if group[0] > columns[0] else ""
            high = f"<{group[-1] + 1}" if group[-1] < columns[-1] else ""
            required = "!" if present[group[0]][0] else ""
            kinds = {c: present[c][1:] for c in group}
            words.append(f"{required}{name}{low}{high}:{write_kind(kinds)}")
    return "{" + " ".join(words) + "}"


def endpoints(documents):
    found = {}
    for column, document in enumerate(documents):
        schemas = document["components"]["schemas"]
        for path, item in document["paths"].items():
            parts = path.split("/")
            plain = re.sub(r"\{[^}]*\}", "{}", path)
            if parts[1] != "v1" or parts[2] not in ROOTS or NOT_KEPT.match(plain):
                continue
            for verb in ("get", "post", "delete"):
                if verb not in item:
                    continue
                body = item[verb].get("requestBody")
                schema = item[verb].get("x-query-schema")
                if body:
                    schema = next(iter(body["content"].values()))["schema"]
                fields = {}
                if schema:
                    node = param_node(schema, schemas, "", schema.get("$ref", "").rsplit("/", 1)[-1])
                    if isinstance(node[1], tuple) and node[1][0] == "obj":
                        fields = node[1][1]
                found.setdefault(f"{verb.upper()} {plain}", {})[column] = fields
    return found


def params(documents):
    lines = []
    for endpoint, by_column in sorted(endpoints(documents).items()):
        gone = sorted(by_column)
        verb, path = endpoint.split(" ")
        lines.append(f"{verb} {path} {ranged(gone)}{write_fields(by_column)}")
    return "\n".join(sorted(lines + UNPUBLISHED)) + "\n"


# ---- shapes ---------------------------------------------------------------------------------

class Shapes:
    def __init__(self, documents):
        self.documents = documents
        self.known = {}
        self.waiting = list(OBJECTS)

    def schema(self, column, name):
        return self.inline.get((column, name)) or self.documents[column]["components"]["schemas"].get(name)

    def run(self):
        self.inline = {}
        while self.waiting:
            name = self.waiting.pop()
            if name in self.known:
                continue
            self.known[name] = {}
            for column in range(len(VERSIONS)):
                schema = self.schema(column, name)
                if schema is None:
                    continue
                if "anyOf" in schema or "enum" in schema or "properties" not in schema:
                    continue
                self.known[name][column] = self.fields(column, name, schema)
        lines = []
        for name in sorted(self.known):
            by_column = self.known[name]
            if not by_column:
                continue
            lines.append(self.line(name, by_column))
        return "\n".join(lines) + "\n"

    def fields(self, column, name, schema):
        out = {}
        required = schema.get("required", [])
        keeps_methods = METHOD_OWNERS.search(name)
        for key, value in schema["properties"].items():
            if keeps_methods and is_foreign_method(key, value):
                continue
            nullable, kind = self.kind(column, name, key, value)
            out[key] = (key in required, nullable, kind)
        return out

    def kind(self, column, owner, key, schema):
        nullable = bool(schema.get("nullable"))
        if "$ref" in schema:
            target = schema["$ref"].rsplit("/", 1)[1]
            return (nullable, self.refer(column, target, owner, key))
        if "anyOf" in schema:
            if "x-expansionResources" in schema:
                targets = [
                    o["$ref"].rsplit("/", 1)[1]
                    for o in schema["x-expansionResources"]["oneOf"]
                ]
                targets = [t for t in targets if not FOREIGN.match(t)]
                self.waiting += targets
                return (nullable, "x" + "|".join(targets) if targets else "s")
            options = schema["anyOf"]
            if len(options) == 1:
                inner_nullable, kind = self.kind(column, owner, key, options[0])
                return (nullable or inner_nullable, kind)
            refs = [o["$ref"].rsplit("/", 1)[1] for o in options if "$ref" in o]
            refs = [r for r in refs if not FOREIGN.match(r)]
            if refs and len(refs) <= 3:
                self.waiting += refs
                return (nullable, "@" + "|".join(refs))
            return (nullable, "*")
        if "enum" in schema:
            if schema["type"] != "string":
                return (nullable, {"boolean": "b", "integer": "i"}.get(schema["type"], "*"))
            return (nullable, ("enum", tuple(schema["enum"])))
        kind = schema.get("type")
        if kind == "object":
            if "properties" in schema:
                properties = schema["properties"]
                if properties.get("object", {}).get("enum") == ["list"]:
                    _, item = self.kind(column, owner, key, properties["data"]["items"])
                    return (nullable, "L" + item if isinstance(item, str) else "*")
                made = f"{owner}.{key}"
                self.inline[(column, made)] = schema
                self.waiting.append(made)
                return (nullable, "@" + made)
            extra = schema.get("additionalProperties")
            if extra:
                _, item = self.kind(column, owner, key, extra)
                return (nullable, "{" + item if isinstance(item, str) else "*")
            return (nullable, "*")
        if kind == "array":
            inner_nullable, item = self.kind(column, owner, key, schema["items"])
            if isinstance(item, tuple):
                return (nullable, ("arr", item[1]))
            return (nullable, "[" + item)
        return (nullable, {"string": "s", "integer": "i", "number": "n", "boolean": "b"}.get(kind, "*"))

    def refer(self, column, target, owner, key):
        if target in ("Metadata", "MetadataParam"):
            return "m"
        schema = self.schema(column, target)
        if schema is None or FOREIGN.match(target):
            return "*"
        if "enum" in schema:
            return ("enum", tuple(schema["enum"]))
        if "anyOf" in schema or "properties" not in schema:
            return self.kind(column, owner, key, schema)[1] if schema else "*"
        self.waiting.append(target)
        return "@" + target

    def line(self, name, by_column):
        columns = sorted(by_column)
        kind = "-"
        for column in columns:
            schema = self.schema(column, name)
            kind = schema.get("x-resourceId", kind)
            own = schema["properties"].get("object", {}).get("enum")
            if own:
                kind = own[0]
        words = []
        names = sorted({n for fields in by_column.values() for n in fields})
        for key in names:
            present = {c: by_column[c][key] for c in columns if key in by_column[c]}
            groups = []
            for column in sorted(present):
                same = groups and self.same(present[column], present[groups[-1][-1]])
                if same and column == groups[-1][-1] + 1:
                    groups[-1].append(column)
                else:
                    groups.append([column])
            for group in groups:
                low = f">{group[0]}" if group[0] > 0 else ""
                high = f"<{group[-1] + 1}" if group[-1] < LAST else ""
                required, nullable, shape = present[group[0]]
                text = self.write({c: present[c][2] for c in group})
                words.append(
                    f"{'!' if required else ''}{key}{low}{high}:{'?' if nullable else ''}{text}"
                )
        return f"{name} {kind} {' '.join(words)}"

    @staticmethod
    def same(one, other):
        if one[:2] != other[:2]:
            return False
        a, b = one[2], other[2]
        if isinstance(a, tuple) and isinstance(b, tuple):
            return a[0] == b[0]
        return a == b

    @staticmethod
    def write(kinds):
        first = next(iter(kinds.values()))
        if isinstance(first, str):
            return first
        values = {}
        columns = sorted(kinds)
        for column, (_, options) in kinds.items():
            for option in options:
                values.setdefault(option, []).append(column)
        words = []
        for option in sorted(values):
            seen = values[option]
            low = f">{min(seen)}" if min(seen) > columns[0] else ""
            high = f"<{max(seen) + 1}" if max(seen) < columns[-1] else ""
            words.append(option + low + high)
        return ("[" if first[0] == "arr" else "") + "e(" + "|".join(words) + ")"


def main():
    global KNOWN_METHODS
    documents = load(sys.argv[1])
    newest = documents[-1]["components"]["schemas"]
    types = set()
    for document in documents:
        schema = document["components"]["schemas"]["PaymentMethod"]["properties"]["type"]
        types |= set(schema["enum"])
    details = set(newest["Charge.PaymentMethodDetails"]["properties"])
    KNOWN_METHODS = (types | details) - {"type", "card"}
    KNOWN_METHODS |= {"interac_present", "card_present", "ach_debit", "ach_credit_transfer", "stripe_account", "wechat"}
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "params.txt"), "w") as file:
        file.write(params(documents))
    with open(os.path.join(here, "shapes.txt"), "w") as file:
        file.write(Shapes(documents).run())


main()
