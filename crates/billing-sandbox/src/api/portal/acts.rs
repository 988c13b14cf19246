//! What a customer does in the portal. Each act is carried out by the endpoint that a seller would
//! call, so that it has the same effects and raises the same events.

use crate::json::{Text, Value, json};

use crate::account::Account;
use crate::api::{Answer, Call, routes};
use crate::http::params::Params;
use crate::lives::checkout::{CardEntry, entry};
use crate::lives::{card, payment, portal};
use crate::shape::version::Version;

/// Why an act was not carried out: the message, and the field at fault if there is one.
pub(crate) type Refused = (String, String);

fn refused<T>(message: &str) -> Result<T, Refused> {
    Err((message.to_owned(), String::new()))
}

/// Why a customer cancels, as far as they say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reason {
    pub(crate) feedback: String,
    pub(crate) comment: String,
}

/// A change of plan or quantity, as far as it was chosen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    pub(crate) price: Option<String>,
    pub(crate) quantity: Option<i64>,
    pub(crate) discounts: Option<Value>,
}

/// Calls one of Stripe's endpoints as the customer's portal.
fn ask(account: &mut Account, verb: &str, path: &str, params: Value) -> Answer {
    let version = Version::newest();
    let (route, ids) = routes::find(verb, path, version)?;
    (route.run)(&mut Call {
        account,
        params: Params(params),
        ids,
        version,
    })
}

fn told(answer: Answer) -> Result<(), Refused> {
    match answer {
        Ok(_) => Ok(()),
        Err(error) => {
            let field = if error.kind == "card_error" {
                "number"
            } else {
                ""
            };
            Err((error.message.clone(), field.to_owned()))
        }
    }
}

/// The customer's subscriptions that are not over, newest first.
pub(crate) fn live_subscriptions<'a>(account: &'a Account, session: &Value) -> Vec<&'a Value> {
    let customer = session["customer"].as_str().unwrap_or_default();
    account
        .rows_by("subscription", "customer", customer)
        .rev()
        .filter(|row| row["ended_at"].is_null() && row["status"] != "incomplete_expired")
        .collect()
}

/// The subscription that is named, or the only one; it must be the customer's and not be over.
pub(crate) fn subscription_of(
    account: &Account,
    session: &Value,
    named: &str,
) -> Result<String, Refused> {
    let live = live_subscriptions(account, session);
    let found = live
        .iter()
        .find(|row| named.is_empty() || row["id"] == named)
        .and_then(|row| row["id"].as_str());
    match found {
        Some(id) => Ok(id.to_owned()),
        None => refused("There is no such subscription."),
    }
}

/// Cancels, now or at the end of the period, as the configuration says.
pub(crate) fn cancel(
    account: &mut Account,
    session_id: &str,
    named: &str,
    reason: &Reason,
) -> Result<(), Refused> {
    let session = account.get(session_id).clone();
    if !portal::allows(account, &session, "subscription_cancel") {
        return refused("Subscriptions cannot be canceled here.");
    }
    let id = subscription_of(account, &session, named)?;
    let feature =
        portal::configuration_of(account, &session)["features"]["subscription_cancel"].clone();
    let mut details = json!({});
    if !reason.feedback.is_empty() {
        if !portal::REASONS.contains(&reason.feedback.as_str()) {
            return Err((
                "Choose one of the reasons.".to_owned(),
                "feedback".to_owned(),
            ));
        }
        details["feedback"] = json!(reason.feedback);
    }
    if !reason.comment.is_empty() {
        details["comment"] = json!(reason.comment);
    }
    let path = format!("/v1/subscriptions/{id}");
    if feature["mode"] == "immediately" {
        let prorates = feature["proration_behavior"] == "create_prorations";
        let params = json!({ "cancellation_details": details, "prorate": prorates });
        return told(ask(account, "DELETE", &path, params));
    }
    // Since clover a flexible subscription gets the date, and the flag stays down.
    let is_flexible = account.get(&id)["billing_mode"]["type"] == "flexible";
    let mut params = json!({ "cancellation_details": details });
    if is_flexible {
        params["cancel_at"] = json!("max_period_end");
    } else {
        params["cancel_at_period_end"] = json!(true);
    }
    told(ask(account, "POST", &path, params))
}

/// Takes a cancellation back that has not happened yet.
pub(crate) fn renew(account: &mut Account, session_id: &str, named: &str) -> Result<(), Refused> {
    let session = account.get(session_id).clone();
    let id = subscription_of(account, &session, named)?;
    let subscription = account.get(&id);
    if subscription["cancel_at"].is_null() && subscription["cancel_at_period_end"] != true {
        return refused("This subscription is not about to be canceled.");
    }
    let params = if subscription["cancel_at_period_end"] == true {
        json!({ "cancel_at_period_end": false })
    } else {
        json!({ "cancel_at": null })
    };
    told(ask(
        account,
        "POST",
        &format!("/v1/subscriptions/{id}"),
        params,
    ))
}

/// The prices that a customer may change to, with the bounds of their quantities.
pub(crate) fn offers(account: &Account, session: &Value) -> Vec<(String, i64, Option<i64>)> {
    let configuration = portal::configuration_of(account, session);
    let mut offers = Vec::new();
    for product in configuration["_products"].as_array().into_iter().flatten() {
        let adjustable = &product["adjustable_quantity"];
        let (least, most) = if adjustable["enabled"] == false {
            (1, Some(1))
        } else {
            (
                adjustable["minimum"].as_i64().unwrap_or(1),
                adjustable["maximum"].as_i64(),
            )
        };
        for price in product["prices"].as_array().into_iter().flatten() {
            offers.push((price.as_str().unwrap_or_default().to_owned(), least, most));
        }
    }
    offers
}

/// Whether the configuration lets `price` or `quantity` be changed.
pub(crate) fn may_change(account: &Account, session: &Value, what: &str) -> bool {
    let update = &portal::configuration_of(account, session)["features"]["subscription_update"];
    let allowed = update["default_allowed_updates"].as_array();
    update["enabled"] == true && allowed.is_some_and(|list| list.iter().any(|name| name == what))
}

/// Changes the price or the quantity of a subscription.
pub(crate) fn update(
    account: &mut Account,
    session_id: &str,
    named: &str,
    change: &Change,
) -> Result<(), Refused> {
    let session = account.get(session_id).clone();
    if !portal::allows(account, &session, "subscription_update") {
        return refused("Subscriptions cannot be changed here.");
    }
    let id = subscription_of(account, &session, named)?;
    let subscription = account.get(&id).clone();
    let item = match subscription["items"]["data"].as_array().map(Vec::as_slice) {
        Some([only]) => only.clone(),
        _ => return refused("Subscriptions of several products cannot be changed here."),
    };
    let (price, quantity) = chosen(account, &session, &item, change)?;
    let feature =
        portal::configuration_of(account, &session)["features"]["subscription_update"].clone();
    if is_put_off(account, &feature, &item, &price, quantity) {
        return schedule(account, &id, &subscription, &price, quantity);
    }
    let mut new_item = json!({ "id": item["id"], "price": price });
    if !item["quantity"].is_null() {
        new_item["quantity"] = json!(quantity);
    }
    let mut params = json!({
        "items": [new_item],
        "payment_behavior": "error_if_incomplete",
        "proration_behavior": feature["proration_behavior"],
    });
    let changes_price = item["price"]["id"] != price.as_str();
    let ends_trial = feature["trial_update_behavior"] == "end_trial" && changes_price;
    if subscription["status"] == "trialing" && ends_trial {
        params["trial_end"] = json!("now");
    }
    if feature["billing_cycle_anchor"] == "now" {
        params["billing_cycle_anchor"] = json!("now");
    }
    if let Some(discounts) = &change.discounts {
        params["discounts"] = discounts.clone();
    }
    told(ask(
        account,
        "POST",
        &format!("/v1/subscriptions/{id}"),
        params,
    ))
}

/// The change that a session asks its customer to confirm, and of which subscription.
pub(crate) fn confirmed(session: &Value) -> (String, Change) {
    let flow = &session["flow"]["subscription_update_confirm"];
    let item = &flow["items"][0];
    let change = Change {
        price: item["price"].as_str().map(str::to_owned),
        quantity: item["quantity"].as_i64(),
        discounts: Some(flow["discounts"].clone())
            .filter(|list| list.as_array().is_some_and(|list| !list.is_empty())),
    };
    let named = flow["subscription"].as_str().unwrap_or_default();
    (named.to_owned(), change)
}

/// What was chosen, checked against what is offered.
fn chosen(
    account: &Account,
    session: &Value,
    item: &Value,
    change: &Change,
) -> Result<(String, i64), Refused> {
    let tied = |message: &str, field: &str| Err((message.to_owned(), field.to_owned()));
    let (old_price, old_quantity) = (
        item["price"]["id"].as_str().unwrap_or_default(),
        item["quantity"].as_i64().unwrap_or(1),
    );
    let price = change.price.as_deref().unwrap_or(old_price);
    let quantity = change.quantity.unwrap_or(old_quantity);
    let offer = offers(account, session)
        .into_iter()
        .find(|(offered, _, _)| offered == price);
    if price != old_price && (offer.is_none() || !may_change(account, session, "price")) {
        return tied("This plan is not offered.", "price");
    }
    if quantity != old_quantity {
        if !may_change(account, session, "quantity") {
            return tied("The quantity cannot be changed.", "quantity");
        }
        let (least, most) = offer.map_or((1, None), |(_, least, most)| (least, most));
        if quantity < least || most.is_some_and(|most| quantity > most) {
            let bound = match most {
                Some(most) => format!("Choose a quantity from {least} to {most}."),
                None => format!("Choose a quantity of {least} or more."),
            };
            return tied(&bound, "quantity");
        }
    }
    if price == old_price && quantity == old_quantity && change.discounts.is_none() {
        return tied("Nothing was changed.", "price");
    }
    Ok((price.to_owned(), quantity))
}

/// Whether a change to something cheaper or shorter waits for the end of the period.
fn is_put_off(
    account: &Account,
    feature: &Value,
    item: &Value,
    price_id: &str,
    quantity: i64,
) -> bool {
    let price = account.get(price_id);
    let amount = crate::lives::price::amount_of(price, quantity);
    let old_amount =
        crate::lives::price::amount_of(&item["price"], item["quantity"].as_i64().unwrap_or(1));
    let days = |price: &Value| {
        let unit = match price["recurring"]["interval"].as_str() {
            Some("day") => 1,
            Some("week") => 7,
            Some("year") => 365,
            _ => 30,
        };
        price["recurring"]["interval_count"]
            .as_i64()
            .unwrap_or(1)
            .saturating_mul(unit)
    };
    let conditions = feature["schedule_at_period_end"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| match condition["type"].as_str() {
            Some("decreasing_item_amount") => amount < old_amount,
            Some("shortening_interval") => days(price) < days(&item["price"]),
            _ => false,
        })
}

/// Lets a change happen at the end of the period, by a schedule.
fn schedule(
    account: &mut Account,
    id: &str,
    subscription: &Value,
    price: &str,
    quantity: i64,
) -> Result<(), Refused> {
    let made = match &subscription["schedule"] {
        Value::String(schedule) => Ok(json!({ "id": schedule })),
        _ => ask(
            account,
            "POST",
            "/v1/subscription_schedules",
            json!({ "from_subscription": id }),
        ),
    };
    let made = made.map_err(|error| (error.message.clone(), String::new()))?;
    let schedule_id = made["id"].as_str().unwrap_or_default().to_owned();
    let item = &subscription["items"]["data"][0];
    let phases = json!([
        {
            "items": [{ "price": item["price"]["id"], "quantity": item["quantity"] }],
            "start_date": item["current_period_start"],
            "end_date": item["current_period_end"],
        },
        { "items": [{ "price": price, "quantity": quantity }] },
    ]);
    told(ask(
        account,
        "POST",
        &format!("/v1/subscription_schedules/{schedule_id}"),
        json!({ "end_behavior": "release", "phases": phases }),
    ))
}

/// Saves a new card and uses it from now on.
pub(crate) fn new_card(
    account: &mut Account,
    session_id: &str,
    typed: &CardEntry,
) -> Result<(), Refused> {
    let session = account.get(session_id).clone();
    if !portal::allows(account, &session, "payment_method_update") {
        return refused("Payment methods cannot be changed here.");
    }
    entry::check_card(account.now, typed)?;
    let card = card::by_number(&typed.number)
        .map_err(|decline| (decline.message.to_owned(), "number".to_owned()))?;
    let method = payment::insert_method(account, card, typed);
    let customer = session["customer"].as_str().unwrap_or_default().to_owned();
    let path = format!("/v1/payment_methods/{method}/attach");
    if let Err(refusal) = told(ask(account, "POST", &path, json!({ "customer": customer }))) {
        account.delete("payment_method", &method, None);
        return Err(refusal);
    }
    use_method(account, &session, &method)
}

/// Makes a saved method the one that is charged, by subscriptions with a method of their own too.
pub(crate) fn use_method(
    account: &mut Account,
    session: &Value,
    method: &str,
) -> Result<(), Refused> {
    let customer = session["customer"].as_str().unwrap_or_default().to_owned();
    if account.get(method)["customer"] != customer.as_str() {
        return refused("There is no such payment method.");
    }
    let default = json!({ "invoice_settings": { "default_payment_method": method } });
    told(ask(
        account,
        "POST",
        &format!("/v1/customers/{customer}"),
        default,
    ))?;
    let theirs: Vec<String> = live_subscriptions(account, session)
        .iter()
        .filter(|row| row["default_payment_method"].is_string())
        .filter_map(|row| row["id"].as_str().map(str::to_owned))
        .collect();
    for id in theirs {
        let params = json!({ "default_payment_method": method });
        told(ask(
            account,
            "POST",
            &format!("/v1/subscriptions/{id}"),
            params,
        ))?;
    }
    Ok(())
}

/// Changes what is known of the customer, as far as the configuration lets them.
pub(crate) fn customer(
    account: &mut Account,
    session_id: &str,
    wanted: &Value,
) -> Result<(), Refused> {
    let session = account.get(session_id).clone();
    if !portal::allows(account, &session, "customer_update") {
        return refused("Your details cannot be changed here.");
    }
    let feature = &portal::configuration_of(account, &session)["features"]["customer_update"];
    let mut params = json!({});
    for name in feature["allowed_updates"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap_or_default();
        if name != "tax_id" && wanted.get(name).is_some() {
            *params.member(Text::copied(name)) = wanted[name].clone();
        }
    }
    let customer = session["customer"].as_str().unwrap_or_default();
    let path = format!("/v1/customers/{customer}");
    told(ask(account, "POST", &path, params)).map_err(|(message, _)| (message, "email".to_owned()))
}
