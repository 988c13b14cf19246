//! The sale by itself: each step over real HTTP, each answer checked, each fact told.

use billing_domain::kernel::ports::Clock;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::DemoArgs;
use super::timeline::{Timeline, line_at};
use super::world::{FEATURE, LOOKUP_KEY, World, form_encoded};
use crate::cli::Failure;
use crate::clock::SystemClock;
use crate::commands::say;

/// Tells the story; fails with the step that did not go as it must.
pub(super) async fn tell(world: &World, args: &DemoArgs) -> Result<(), Failure> {
    let story = Story {
        world,
        timeline: Timeline::new(SystemClock.now()),
    };
    say(
        "From a checkout to \"yes\": a customer, Stripe (the sandbox), the service and its worker.\n",
    )?;
    // What was published while the world was set up is not part of the sale.
    world.sandbox.deliver_due().await;
    story.drain().await?;
    world.recorder.take();

    let sale = story.start_checkout(args.quantity).await?;
    story.pay(&sale).await?;
    story.hear_from_stripe().await?;
    let intent = story.see_fulfilled(&sale).await?;
    let key = story.assign(&intent, args.quantity).await?;
    story.activate(&key).await?;
    story.ask("grace", true).await?;
    story.ask("ada", false).await?;
    say(&format!(
        "\nDone in {} ms: one sale of {} licences, one of them in use. Every id is in the log and in the database.\n\
         Next: `billing-app demo` to click through it yourself.",
        story.timeline.elapsed_ms(),
        args.quantity
    ))
}

struct Story<'a> {
    world: &'a World,
    timeline: Timeline,
}

struct Sale {
    intent_id: String,
    session_id: String,
    url: String,
}

impl Story<'_> {
    async fn start_checkout(&self, quantity: u32) -> Result<Sale, Failure> {
        let body = json!({
            "admin_email": "ada@acme.example",
            "enterprise_slug": "acme",
            "company_name": "Acme",
            "quantity": quantity,
            "lookup_key": LOOKUP_KEY,
        });
        let request = self
            .service(Method::POST, "/customer-billing/checkout-session")
            .bearer_auth(&self.world.credentials.buyer)
            .header("Idempotency-Key", "demo-sale")
            .json(&body);
        let begun = i128::try_from(self.timeline.elapsed_ms()).unwrap_or(i128::MAX);
        let answer = call("start the checkout", request, StatusCode::CREATED).await?;
        let sale = Sale {
            intent_id: text(&answer["checkout_intent"]["id"]),
            session_id: text(&answer["checkout_session_id"]),
            url: text(&answer["checkout_session_url"]),
        };
        let what = format!("asks for {quantity} licences → 201");
        let ids = format!("{} {}", sale.intent_id, sale.session_id);
        line_at(begun, "customer", &what, &ids)?;
        self.tell_messages("service").await?;
        Ok(sale)
    }

    async fn pay(&self, sale: &Sale) -> Result<(), Failure> {
        send(
            "open the page",
            self.world.http.get(&sale.url),
            StatusCode::OK,
        )
        .await?;
        self.timeline.line(
            "customer",
            "opens the checkout page → 200",
            &sale.session_id,
        )?;
        let form = [
            ("number", "4242 4242 4242 4242"),
            ("expiry", "12/34"),
            ("cvc", "123"),
            ("name", "Ada Lovelace"),
            ("email", "ada@acme.example"),
        ];
        let request = self
            .world
            .http
            .post(&sale.url)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form_encoded(&form));
        send("pay", request, StatusCode::SEE_OTHER).await?;
        self.timeline.line(
            "customer",
            "pays with 4242 4242 4242 4242 → 303",
            &sale.session_id,
        )
    }

    /// Delivers what Stripe has to say, then lets the worker apply it.
    async fn hear_from_stripe(&self) -> Result<(), Failure> {
        for outcome in self.world.sandbox.deliver_due().await {
            let status = outcome
                .attempt
                .status
                .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            let what = format!("{} → {status}", outcome.delivery.event_type);
            self.timeline
                .line("stripe", &what, &outcome.delivery.event_id)?;
            if outcome.attempt.status != Some(200) {
                return Err(Failure::because(format!(
                    "step \"hear from Stripe\" failed: {} was answered {status} instead of 200",
                    outcome.delivery.event_type
                )));
            }
        }
        self.drain().await?;
        self.tell_messages("worker").await
    }

    async fn see_fulfilled(&self, sale: &Sale) -> Result<Value, Failure> {
        let request = self
            .service(
                Method::GET,
                &format!("/checkout-intents/{}", sale.intent_id),
            )
            .bearer_auth(&self.world.credentials.buyer);
        let intent = call("see the intent", request, StatusCode::OK).await?;
        expect(
            "see the intent fulfilled",
            &intent["state"],
            &json!("fulfilled"),
        )?;
        self.timeline.line(
            "customer",
            "sees the purchase fulfilled → 200",
            &sale.intent_id,
        )?;
        Ok(intent)
    }

    async fn assign(&self, intent: &Value, quantity: u32) -> Result<String, Failure> {
        let buyer = &self.world.credentials.buyer;
        let tenant = text(&intent["tenant_id"]);
        let request = self
            .service(Method::GET, &format!("/licensing/tenants/{tenant}/plans"))
            .bearer_auth(buyer);
        let plans = call("find the plan", request, StatusCode::OK).await?;
        let plan = text(&plans["items"][0]["id"]);
        let request = self
            .service(Method::GET, &format!("/licensing/plans/{plan}"))
            .bearer_auth(buyer);
        let overview = call("count the licences", request, StatusCode::OK).await?;
        expect(
            "count the licences",
            &overview["licenses"]["unassigned"],
            &json!(quantity),
        )?;
        let request = self
            .service(
                Method::POST,
                &format!("/licensing/plans/{plan}/licenses/assign"),
            )
            .bearer_auth(buyer)
            .header("Idempotency-Key", "demo-assign")
            .json(&json!({ "user_emails": ["grace@acme.example"] }));
        let begun = i128::try_from(self.timeline.elapsed_ms()).unwrap_or(i128::MAX);
        let answer = call("assign a licence", request, StatusCode::OK).await?;
        line_at(begun, "customer", "assigns a licence to grace → 200", &plan)?;
        self.tell_messages("service").await?;
        Ok(text(&answer["license_assignments"][0]["activation_key"]))
    }

    async fn activate(&self, key: &str) -> Result<(), Failure> {
        let request = self
            .service(
                Method::POST,
                &format!("/licensing/license-activation?activation_key={key}"),
            )
            .bearer_auth(&self.world.credentials.learner);
        let begun = i128::try_from(self.timeline.elapsed_ms()).unwrap_or(i128::MAX);
        let license = call("activate the licence", request, StatusCode::OK).await?;
        line_at(
            begun,
            "learner",
            "activates it → 200",
            &text(&license["id"]),
        )?;
        self.tell_messages("service").await
    }

    async fn ask(&self, user: &str, is_entitled: bool) -> Result<(), Failure> {
        let path = format!(
            "/entitlements/check?user_id={user}&project_id={}&feature={FEATURE}",
            self.world.credentials.project_id
        );
        let request = self
            .service(Method::GET, &path)
            .header("X-API-Key", &self.world.credentials.app_key);
        let verdict = call("ask about the feature", request, StatusCode::OK).await?;
        expect(
            "ask about the feature",
            &verdict["entitled"],
            &json!(is_entitled),
        )?;
        let what = format!("asks: may {user} use {FEATURE}?");
        // The end of the validity is a time of this run, which the story does not tell.
        let reason = text(&verdict["reason"]);
        let reason = reason.split(", valid until").next().unwrap_or_default();
        self.timeline.line("app", &what, reason)
    }

    async fn tell_messages(&self, who: &str) -> Result<(), Failure> {
        self.drain().await?;
        self.timeline.messages(who, &self.world.recorder.take())
    }

    async fn drain(&self) -> Result<(), Failure> {
        let drained = self.world.service.application.workers.drain().await;
        drained.map_err(|error| Failure::failed("step \"let the worker work\" failed", &error))
    }

    fn service(&self, method: Method, path: &str) -> RequestBuilder {
        self.world
            .http
            .request(method, format!("{}/api/v1{path}", self.world.service_url))
    }
}

async fn send(
    step: &str,
    request: RequestBuilder,
    expected: StatusCode,
) -> Result<String, Failure> {
    let answer = request
        .send()
        .await
        .map_err(|error| Failure::failed(&format!("step \"{step}\" failed"), &error))?;
    let status = answer.status();
    let body = answer.text().await.unwrap_or_default();
    if status == expected {
        return Ok(body);
    }
    Err(Failure::because(format!(
        "step \"{step}\" failed: {status} instead of {expected}: {body}"
    )))
}

async fn call(step: &str, request: RequestBuilder, expected: StatusCode) -> Result<Value, Failure> {
    let body = send(step, request, expected).await?;
    serde_json::from_str(&body)
        .map_err(|error| Failure::failed(&format!("step \"{step}\" failed"), &error))
}

fn expect(step: &str, found: &Value, expected: &Value) -> Result<(), Failure> {
    if found == expected {
        return Ok(());
    }
    Err(Failure::because(format!(
        "step \"{step}\" failed: {found} instead of {expected}"
    )))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
