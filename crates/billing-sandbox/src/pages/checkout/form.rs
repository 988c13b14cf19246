//! The form of the checkout page: contact, address, what the session asks for, and the card.

use crate::json::Value;

use crate::account::Account;
use crate::lives::checkout::{
    PayWith, Submission, debit, entry, is_charged, needs_card, saved, totals,
};
use crate::lives::money;
use crate::pages::escaped;
use crate::pages::fields::{self, Field, Problem};

pub(super) fn of(
    account: &Account,
    session: &Value,
    typed: &Submission,
    problem: Problem<'_>,
) -> String {
    let own_words = |name: &str| {
        let text = session["custom_text"][name]["message"].as_str();
        text.map_or(String::new(), |text| format!("<p>{}</p>\n", escaped(text)))
    };
    format!(
        "{alert}<form method=\"post\" action=\"/c/pay/{id}\">\n{contact}{shipping}{asked}{method}\
         {consent}{submit}<button type=\"submit\">{action}</button>\n</form>\n{cards}",
        alert = fields::alert(problem, "Nothing was charged."),
        id = escaped(session["id"].as_str().unwrap_or_default()),
        contact = contact(account, session, typed, problem),
        shipping = shipping(session, typed, problem, &own_words("shipping_address")),
        asked = asked(session, typed, problem),
        method = method(account, session, typed, problem),
        consent = consent(
            session,
            typed,
            problem,
            &own_words("terms_of_service_acceptance")
        ),
        submit = own_words("submit"),
        action = action(session),
        cards = if needs_card(session) {
            cards_to_try()
        } else {
            ""
        },
    )
}

fn contact(account: &Account, session: &Value, typed: &Submission, problem: Problem<'_>) -> String {
    let email = match entry::known_email(account, session) {
        Some(email) => format!(
            "<p class=\"known\">Email: <strong>{}</strong></p>\n",
            escaped(&email)
        ),
        None => fields::input(
            &Field {
                name: "email",
                label: "Email",
                attributes: "type=\"email\" autocomplete=\"email\" maxlength=\"200\"",
                value: &typed.card.email,
                is_optional: false,
            },
            problem,
        ),
    };
    let phone = if session["phone_number_collection"]["enabled"] == true {
        fields::input(
            &Field {
                name: "phone",
                label: "Phone number",
                attributes: "type=\"tel\" autocomplete=\"tel\" maxlength=\"30\"",
                value: &typed.phone,
                is_optional: false,
            },
            problem,
        )
    } else {
        String::new()
    };
    format!("{email}{phone}")
}

fn shipping(session: &Value, typed: &Submission, problem: Problem<'_>, words: &str) -> String {
    let asked = &session["shipping_address_collection"];
    if asked.is_null() {
        return String::new();
    }
    let name = fields::input(
        &Field {
            name: "shipping_name",
            label: "Full name",
            attributes: "autocomplete=\"shipping name\" maxlength=\"150\"",
            value: &typed.shipping_name,
            is_optional: false,
        },
        problem,
    );
    let countries = fields::countries(&totals::texts(&asked["allowed_countries"]));
    let address = fields::address(
        "Shipping address",
        "shipping",
        &typed.shipping_address,
        &countries,
        problem,
    );
    format!("{name}{address}{words}")
}

/// Names, tax ids, custom fields and the billing address, as far as the session wants them.
fn asked(session: &Value, typed: &Submission, problem: Problem<'_>) -> String {
    let mut out = String::new();
    for (kind, label, value) in [
        ("business", "Business name", &typed.business_name),
        ("individual", "Your name", &typed.individual_name),
    ] {
        let wanted = &session["name_collection"][kind];
        if wanted["enabled"] == true {
            out.push_str(&fields::input(
                &Field {
                    name: &format!("{kind}_name"),
                    label,
                    attributes: "maxlength=\"150\"",
                    value,
                    is_optional: wanted["optional"] == true,
                },
                problem,
            ));
        }
    }
    if session["tax_id_collection"]["enabled"] == true {
        out.push_str(&tax_id(typed, problem));
    }
    for field in session["custom_fields"].as_array().into_iter().flatten() {
        out.push_str(&custom_field(field, typed, problem));
    }
    if session["billing_address_collection"] == "required" {
        out.push_str(&fields::address(
            "Billing address",
            "address",
            &typed.address,
            &fields::countries(&[]),
            problem,
        ));
    }
    out
}

fn tax_id(typed: &Submission, problem: Problem<'_>) -> String {
    const KINDS: &[(&str, &str)] = &[
        ("eu_vat", "European VAT number"),
        ("gb_vat", "United Kingdom VAT number"),
        ("us_ein", "United States EIN"),
        ("ca_bn", "Canadian BN"),
        ("au_abn", "Australian Business Number"),
        ("ch_vat", "Swiss VAT number"),
        ("in_gst", "Indian GST number"),
    ];
    let (kind, value) = typed.tax_id.clone().unwrap_or_default();
    let kinds: Vec<(String, String)> = KINDS
        .iter()
        .map(|(kind, label)| ((*kind).to_owned(), (*label).to_owned()))
        .collect();
    let which = fields::select(
        &Field {
            name: "tax_id_type",
            label: "Kind of tax id",
            value: &kind,
            is_optional: true,
            ..Field::default()
        },
        &kinds,
        problem,
    );
    let number = fields::input(
        &Field {
            name: "tax_id",
            label: "Tax id",
            attributes: "maxlength=\"50\"",
            value: &value,
            is_optional: true,
        },
        problem,
    );
    format!("{which}{number}")
}

fn custom_field(field: &Value, typed: &Submission, problem: Problem<'_>) -> String {
    let key = field["key"].as_str().unwrap_or_default();
    let kind = field["type"].as_str().unwrap_or_default();
    let settings = &field[kind];
    let label = escaped(field["label"]["custom"].as_str().unwrap_or(key));
    let default = settings["default_value"].as_str().unwrap_or_default();
    let shown = Field {
        name: &format!("field_{}", escaped(key)),
        label: &label,
        attributes: if kind == "numeric" {
            "inputmode=\"numeric\" maxlength=\"255\""
        } else {
            "maxlength=\"255\""
        },
        value: typed.fields.get(key).map_or(default, String::as_str),
        is_optional: field["optional"] == true,
    };
    if kind != "dropdown" {
        return fields::input(&shown, problem);
    }
    let mut options = vec![(String::new(), "Choose one".to_owned())];
    for option in settings["options"].as_array().into_iter().flatten() {
        let part = |name: &str| option[name].as_str().unwrap_or_default().to_owned();
        options.push((part("value"), part("label")));
    }
    let shown = Field {
        attributes: "",
        ..shown
    };
    fields::select(&shown, &options, problem)
}

/// A saved card in words: `Visa ending in 4242, valid until 12/2034`.
fn in_words(method: &Value) -> String {
    let card = &method["card"];
    let brand = card["display_brand"].as_str().unwrap_or("card").to_owned();
    let mut letters = brand.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!(
        "{first}{} ending in {}, valid until {}/{}",
        letters.as_str(),
        card["last4"].as_str().unwrap_or_default(),
        card["exp_month"],
        card["exp_year"]
    )
}

/// The choice among the cards that were saved before; the newest one unless another was chosen.
fn saved_cards(cards: &[&Value], typed: &Submission) -> String {
    let is_new = *typed != Submission::default();
    let mut choices = String::new();
    for (place, method) in cards.iter().enumerate() {
        let id = method["id"].as_str().unwrap_or_default();
        let is_chosen = match &typed.pay_with {
            PayWith::Method(chosen) => chosen == id,
            _ => place == 0 && !is_new,
        };
        choices.push_str(&fields::radio(
            "pay_with",
            id,
            &escaped(&in_words(method)),
            is_chosen,
        ));
    }
    let is_card = is_new && typed.pay_with == PayWith::Card;
    choices.push_str(&fields::radio("pay_with", "card", "Another card", is_card));
    choices
}

/// The card, or the choice between cards that are known, another one and a bank debit.
fn method(account: &Account, session: &Value, typed: &Submission, problem: Problem<'_>) -> String {
    if !needs_card(session) {
        return String::new();
    }
    let types = totals::texts(&session["payment_method_types"]);
    let takes_cards = types.iter().any(|kind| kind == "card");
    let known = saved::offered(account, session);
    let Some(debit) = debit::offered(session) else {
        if known.is_empty() {
            return card(typed, problem, false);
        }
        let choices = saved_cards(&known, typed);
        let fields = card(typed, problem, true);
        return format!("<fieldset>\n<legend>Pay with</legend>\n{choices}</fieldset>\n{fields}");
    };
    let is_debit = matches!(typed.pay_with, PayWith::Debit(_)) || !takes_cards;
    let kind = debit.replace("us_", "US ").replace('_', " ");
    let choice = if takes_cards {
        format!(
            "<fieldset>\n<legend>Pay with</legend>\n{}{}</fieldset>\n",
            if known.is_empty() {
                fields::radio("pay_with", "card", "Card", !is_debit)
            } else {
                saved_cards(&known, typed)
            },
            fields::radio(
                "pay_with",
                "debit",
                &format!("Sandbox bank debit ({kind}): paid a day later"),
                is_debit
            ),
        )
    } else {
        format!(
            "<p>Sandbox bank debit ({kind}): paid a day later.</p>\n\
             <input type=\"hidden\" name=\"pay_with\" value=\"debit\">\n"
        )
    };
    let outcome = if is_charged(session) {
        fields::select(
            &Field {
                name: "debit_outcome",
                label: "How the bank debit ends",
                is_optional: true,
                ..Field::default()
            },
            &[
                ("succeeds".to_owned(), "It is paid".to_owned()),
                ("fails".to_owned(), "It fails for lack of funds".to_owned()),
            ],
            problem,
        )
    } else {
        String::new()
    };
    let card = if takes_cards {
        card(typed, problem, true)
    } else {
        name_on_card(typed, problem, "Account holder")
    };
    format!("{choice}{outcome}{card}")
}

/// The fields of a card; not `required` to the browser where a bank debit can be chosen instead.
pub(in crate::pages) fn card(
    typed: &Submission,
    problem: Problem<'_>,
    is_optional: bool,
) -> String {
    let entry = &typed.card;
    let expiry = match (entry.exp_month.as_str(), entry.exp_year.as_str()) {
        ("", _) => String::new(),
        (month, year) => format!("{month}/{year}"),
    };
    let shown = |name: &str, label: &str, attributes: &str, value: &str| {
        let field = Field {
            name,
            label,
            attributes,
            value,
            is_optional: false,
        };
        let markup = fields::input(&field, problem);
        if is_optional {
            markup.replace(" required", "")
        } else {
            markup
        }
    };
    let number = shown(
        "number",
        "Card number",
        "inputmode=\"numeric\" autocomplete=\"cc-number\" placeholder=\"4242 4242 4242 4242\" maxlength=\"23\"",
        &entry.number,
    );
    let expiry = shown(
        "expiry",
        "Expiry (MM/YY)",
        "inputmode=\"numeric\" autocomplete=\"cc-exp\" placeholder=\"12/34\" maxlength=\"7\"",
        &expiry,
    );
    let cvc = shown(
        "cvc",
        "CVC",
        "inputmode=\"numeric\" autocomplete=\"cc-csc\" placeholder=\"123\" maxlength=\"4\"",
        "",
    );
    let name = name_on_card(typed, problem, "Name on card");
    format!("{number}<div class=\"pair\"><div>{expiry}</div><div>{cvc}</div></div>\n{name}")
}

fn name_on_card(typed: &Submission, problem: Problem<'_>, label: &str) -> String {
    fields::input(
        &Field {
            name: "name",
            label,
            attributes: "autocomplete=\"cc-name\" maxlength=\"150\"",
            value: &typed.card.name,
            is_optional: false,
        },
        problem,
    )
}

fn consent(session: &Value, typed: &Submission, problem: Problem<'_>, words: &str) -> String {
    let asked = &session["consent_collection"];
    let mut out = String::new();
    if asked["promotions"] == "auto" {
        let label = "Send me news and offers";
        out.push_str(&fields::checkbox(
            "promotions",
            label,
            typed.wants_promotions,
            problem,
        ));
    }
    if asked["terms_of_service"] == "required" {
        let label = "I agree to the terms of service";
        out.push_str(&fields::checkbox(
            "terms",
            label,
            typed.accepts_terms,
            problem,
        ));
        out.push_str(words);
    }
    out
}

fn action(session: &Value) -> String {
    let total = session["amount_total"].as_i64().unwrap_or(0);
    let written = money::written(total, session["currency"].as_str().unwrap_or("usd"));
    let is_trial = !session["_subscription_data"]["trial_period_days"].is_null()
        || !session["_subscription_data"]["trial_end"].is_null();
    match (session["mode"].as_str(), total) {
        (Some("setup"), _) => "Save card".to_owned(),
        (Some("subscription"), 0) if is_trial => "Start trial".to_owned(),
        (Some("subscription"), 0) => "Subscribe".to_owned(),
        (Some("subscription"), _) => format!("Pay {written} and subscribe"),
        (_, 0) => "Complete order".to_owned(),
        _ => match session["submit_type"].as_str() {
            Some("book") => format!("Book for {written}"),
            Some("donate") => format!("Donate {written}"),
            _ => format!("Pay {written}"),
        },
    }
}

fn cards_to_try() -> &'static str {
    "<details><summary>Cards to try</summary>\n<ul>\n\
     <li><code>4242 4242 4242 4242</code> pays</li>\n\
     <li><code>4000 0000 0000 0002</code> is declined</li>\n\
     <li><code>4000 0000 0000 9995</code> has too little money</li>\n\
     <li><code>4000 0000 0000 0069</code> has expired</li>\n</ul>\n\
     <p>Any future date and any CVC.</p>\n</details>"
}
