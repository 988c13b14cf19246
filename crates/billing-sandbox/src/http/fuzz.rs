//! Thousands of requests that nobody would send on purpose, to every endpoint: none of them may end in
//! a panic or a 500. Seeded, so that what is found can be found again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::account::Account;
use crate::api::routes;
use crate::http::endpoint;
use crate::http::exchange::Request;
use crate::http::params::sample::Draw;
use crate::shape::version::Version;

const START: i64 = 1_790_000_000;
const ROUNDS: usize = 60;

fn request(method: &str, path: &str, body: &str) -> Request {
    Request {
        method: method.into(),
        path: path.into(),
        body: body.into(),
        ..Request::default()
    }
}

/// What happened, in words, if it is nothing that a client may see; what was carried out is counted.
fn run(
    account: &mut Account,
    request: &Request,
    version: Version,
    carried_out: &mut usize,
) -> Option<String> {
    account.wall = account.wall.max(START);
    account.now = account.wall;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        endpoint::run(account, request, version)
    }));
    let shown = || {
        let body: String = request.body.chars().take(600).collect();
        format!(
            "{} {}?{}\n  {body}",
            request.method, request.path, request.query
        )
    };
    match outcome {
        Err(_) => Some(format!("a panic: {}", shown())),
        Ok(Err(error)) if error.status >= 500 && error.status != 501 => {
            Some(format!("{}: {}", error.status, shown()))
        }
        Ok(Err(_)) => None,
        Ok(Ok(_)) => {
            *carried_out += 1;
            None
        }
    }
}

/// Objects for the requests to name.
const WORLD: &[(&str, &str)] = &[
    ("/v1/customers", "email=a%40b.co&name=a"),
    (
        "/v1/customers",
        "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa",
    ),
    ("/v1/products", "name=Pro"),
    (
        "/v1/prices",
        "currency=usd&unit_amount=1000&recurring[interval]=month&product_data[name]=a",
    ),
    (
        "/v1/prices",
        "currency=usd&unit_amount=1500&product_data[name]=b",
    ),
    ("/v1/coupons", "percent_off=10&duration=once"),
    (
        "/v1/payment_intents",
        "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa&return_url=http://a.test",
    ),
    (
        "/v1/setup_intents",
        "confirm=true&payment_method=pm_card_visa&return_url=http://a.test",
    ),
    (
        "/v1/webhook_endpoints",
        "url=http://a.test&enabled_events[]=*",
    ),
    (
        "/v1/billing/meters",
        "display_name=m&event_name=e&default_aggregation[formula]=sum",
    ),
    (
        "/v1/tax_rates",
        "display_name=VAT&percentage=20&inclusive=false",
    ),
    ("/v1/test_helpers/test_clocks", "frozen_time=1790000000"),
    ("/v1/entitlements/features", "name=f&lookup_key=f"),
];

fn ids_of(account: &Account) -> Vec<String> {
    let mut ids = account.ids_by_kind();
    ids.sort();
    ids
}

#[test]
fn no_request_ends_in_a_panic_or_a_500() {
    // A panic that is caught is a finding; its backtrace would bury the list.
    std::panic::set_hook(Box::new(|_| {}));
    let mut account = Account::new(42, "sk_test_fuzz", "http://a.test", Version::newest());
    let versions: Vec<Version> = Version::described().collect();
    let mut found = Vec::new();
    let (mut count, mut carried_out) = (0, 0);
    for (path, body) in WORLD {
        found.extend(run(
            &mut account,
            &request("POST", path, body),
            Version::newest(),
            &mut carried_out,
        ));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for round in 0..ROUNDS {
        let ids = ids_of(&account);
        // A few of each kind are enough to name.
        let mut draw = Draw {
            rng,
            ids: &ids,
            now: account.wall,
            is_mild: true,
        };
        for route in routes::all() {
            let Some((method, pattern)) = route.endpoint.split_once(' ') else {
                continue;
            };
            draw.is_mild = draw.below(2) == 0;
            let mut path = String::new();
            let mut before = "";
            for part in pattern.trim_start_matches('/').split('/') {
                path.push('/');
                if part == "{}" {
                    path.push_str(&draw.id(before));
                } else {
                    path.push_str(part);
                    before = part;
                }
            }
            let body = if pattern.starts_with("/v2/") {
                ["{}", "[1]", "{\"name\":1}", "{\"metadata\":[]}", "\u{0}"][draw.below(5)]
                    .to_owned()
            } else {
                draw.body(route.endpoint)
            };
            let mut sent = request(method, &path, &body);
            if method != "POST" {
                sent.query = std::mem::take(&mut sent.body);
            }
            let version = versions[draw.below(versions.len())];
            found.extend(run(&mut account, &sent, version, &mut carried_out));
            count += 1;
        }
        rng = draw.rng;
        // What was set up goes on by itself.
        let until = account.wall + if round % 5 == 4 { 40 * 86_400 } else { 3_600 };
        let lived = catch_unwind(AssertUnwindSafe(|| account.carry_out_due("", until)));
        if lived.is_err() {
            found.push(format!("a panic in what was due until {until}"));
        }
        account.wall = until;
    }
    let _ = std::panic::take_hook();
    found.sort();
    found.dedup();
    // Requests that are all refused at the door would prove nothing.
    assert!(
        carried_out > count / 10,
        "{carried_out} of {count} were carried out"
    );
    assert!(count > 5_000, "{count} requests");
    assert!(
        found.is_empty(),
        "{} of {count}:\n{}",
        found.len(),
        found.join("\n")
    );
}
