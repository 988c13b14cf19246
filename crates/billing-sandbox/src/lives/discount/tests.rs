//! The arithmetic of discounts, and when they may be redeemed.

use super::*;
use crate::shape::version::Version;

fn account() -> Account {
    let mut account = Account::new(1, "sk_test_x", "", Version::newest());
    account.now = 1_738_324_800; // 2025-01-31T12:00:00Z
    account
}

fn coupon(account: &mut Account, id: &str, terms: &Value) -> Value {
    let mut coupon = json!({ "id": id, "object": "coupon", "duration": "forever",
        "times_redeemed": 0, "valid": true });
    for (name, value) in terms.as_object().unwrap() {
        coupon[name] = value.clone();
    }
    account.insert(coupon);
    json!({ "coupon": id })
}

fn owner() -> Owner {
    Owner {
        customer: json!("cus_1"),
        ..Owner::default()
    }
}

fn lines(amounts: &[i64]) -> Vec<Discountable> {
    let line = |(index, amount): (usize, &i64)| Discountable {
        amount: *amount,
        product: format!("prod_{index}"),
    };
    amounts.iter().enumerate().map(line).collect()
}

fn off(account: &mut Account, sent: &[Value], amounts_: &[i64]) -> Vec<Vec<i64>> {
    let ids = attach(account, sent, &owner(), "discounts").unwrap();
    amounts(account, &ids, &lines(amounts_))
}

#[test]
fn percentages_stack_on_what_is_left() {
    let mut account = account();
    let ten = coupon(&mut account, "TEN", &json!({ "percent_off": 10.0 }));
    let half = coupon(&mut account, "HALF", &json!({ "percent_off": 50.0 }));
    // 10 % of 20.00 are 2.00; half of the 18.00 left are 9.00.
    assert_eq!(
        off(&mut account, &[ten.clone(), half], &[2_000]),
        [[200], [900]]
    );
    // 10 % of 9.99 are 99.9 cents; 10 % of a credit are nothing.
    assert_eq!(off(&mut account, &[ten], &[999, -500]), [[100, 0]]);
}

#[test]
fn an_amount_is_split_in_proportion_and_the_rest_goes_to_the_last() {
    let mut account = account();
    let five = coupon(
        &mut account,
        "FIVE",
        &json!({ "amount_off": 500, "currency": "usd" }),
    );
    // 5.00 off 10.00 + 20.00: 166.67 and 333.33 become 1.66 and 3.34.
    assert_eq!(
        off(&mut account, std::slice::from_ref(&five), &[1_000, 2_000]),
        [[166, 334]]
    );
    // Never more than there is.
    assert_eq!(
        off(&mut account, std::slice::from_ref(&five), &[300, 100]),
        [[300, 100]]
    );
    // The last line has one cent only: what it cannot give, the one before gives.
    assert_eq!(split(299, &[100, 100, 100, 1]), [99, 99, 100, 1]);
    // 20 % first leaves 4.00 of 5.00, and the 5.00 takes all of it.
    let fifth = coupon(&mut account, "FIFTH", &json!({ "percent_off": 20 }));
    assert_eq!(off(&mut account, &[fifth, five], &[500]), [[100], [400]]);
}

#[test]
fn a_coupon_for_some_products_leaves_the_others_alone() {
    let mut account = account();
    let one = coupon(
        &mut account,
        "ONE",
        &json!({ "percent_off": 50.0, "_applies_to": { "products": ["prod_1"] } }),
    );
    assert_eq!(
        off(&mut account, std::slice::from_ref(&one), &[1_000, 2_000]),
        [[0, 1_000]]
    );
    assert_eq!(off(&mut account, &[one], &[1_000]), [[0]]);
}

#[test]
fn an_amount_is_that_of_the_currency_billed() {
    let mut account = account();
    account.insert(json!({ "id": "cus_1", "object": "customer", "currency": "eur" }));
    let sent = coupon(
        &mut account,
        "EURO",
        &json!({ "amount_off": 500, "currency": "usd",
            "_currency_options": { "eur": { "amount_off": 450 } } }),
    );
    assert_eq!(off(&mut account, &[sent], &[1_000]), [[450]]);
    let sent = coupon(
        &mut account,
        "USD",
        &json!({ "amount_off": 500, "currency": "usd" }),
    );
    assert_eq!(off(&mut account, &[sent], &[1_000]), [[0]]);
}

#[test]
fn repeating_counts_months_from_its_start() {
    let mut account = account();
    let sent = coupon(
        &mut account,
        "REP",
        &json!({ "percent_off": 10.0, "duration": "repeating", "duration_in_months": 1 }),
    );
    let ids = attach(&mut account, &[sent], &owner(), "discounts").unwrap();
    let end = 1_740_744_000; // 2025-02-28T12:00:00Z
    assert_eq!(account.get(&ids[0])["end"], end);
    assert!(is_live(&account, &ids[0], end - 1));
    assert!(!is_live(&account, &ids[0], end));
    assert!(!is_once(&account, &ids[0]));
    detach(&mut account, &ids);
    assert!(!is_live(&account, &ids[0], 0));
}

#[test]
fn redemptions_are_counted_and_limited() {
    let mut account = account();
    let sent = coupon(
        &mut account,
        "ONCE",
        &json!({ "percent_off": 10.0, "duration": "once", "max_redemptions": 1 }),
    );
    let ids = attach(
        &mut account,
        std::slice::from_ref(&sent),
        &owner(),
        "coupon",
    )
    .unwrap();
    assert!(is_once(&account, &ids[0]));
    assert_eq!(account.get("ONCE")["valid"], false);
    let error = attach(&mut account, &[sent], &owner(), "coupon").unwrap_err();
    assert_eq!(
        error.message,
        "Coupon ONCE is used up and cannot be applied."
    );
    assert_eq!(error.param.as_deref(), Some("coupon"));
    // A discount that is named again is kept, and not counted again.
    let again = json!({ "discount": ids[0] });
    assert_eq!(
        attach(&mut account, &[again], &owner(), "discounts").unwrap(),
        ids
    );
    let error = attach(
        &mut account,
        &[json!({ "coupon": "NO" })],
        &owner(),
        "discounts",
    );
    assert_eq!(
        error.unwrap_err().param.as_deref(),
        Some("discounts[0][coupon]")
    );
}
