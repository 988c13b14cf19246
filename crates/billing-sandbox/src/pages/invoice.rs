//! The hosted page of an invoice: what it is for, what is due, and a form to pay it; and its PDF.

use std::fmt::Write;

use crate::json::{Value, json};

use crate::account::{Account, Cause};
use crate::http::exchange::Reply;
use crate::http::form::{self, Node};
use crate::lives::card;
use crate::lives::checkout::CardEntry;
use crate::lives::invoice::collect::{self, Collection, Try};
use crate::lives::invoice::lines_of;
use crate::lives::{calendar, money, payment, reaction};
use crate::pages::{Width, escaped, framed, pdf};
use crate::world::World;

/// Answers below `/i/{invoice}`; nothing for an address that is none.
pub(crate) fn answer(
    world: &World,
    method: &str,
    id: &str,
    rest: &[&str],
    body: &str,
) -> Option<Reply> {
    let Some(account) = world.account_holding(id) else {
        return Some(unknown());
    };
    let is_read = matches!(method, "GET" | "HEAD");
    world.act(&account, Cause::default(), |account| {
        account.enter_clock_of(id);
        if !is_published(account.get(id)) {
            return Some(unknown());
        }
        match rest {
            [] if is_read => Some(page(account, id, None)),
            [] if method == "POST" => Some(submit(account, id, body)),
            ["pdf"] if is_read => Some(document(&invoice_text(account, id))),
            ["credit", note, "pdf"] if is_read => {
                let is_of_it = account.get(note)["invoice"] == id;
                is_of_it.then(|| document(&note_text(account, note)))
            }
            _ => None,
        }
    })
}

/// A draft has no page yet.
fn is_published(invoice: &Value) -> bool {
    invoice["object"] == "invoice" && invoice["status"] != "draft"
}

fn unknown() -> Reply {
    let main = "<h1>There is no such invoice</h1>\n<p>The address is wrong, the invoice is a draft \
                still, or the sandbox was restarted: it forgets everything when it stops.</p>";
    Reply::html(404, framed("No such invoice", Width::Column, main))
}

fn document(lines: &[String]) -> Reply {
    Reply {
        status: 200,
        headers: vec![
            ("content-type".into(), "application/pdf".into()),
            ("cache-control".into(), "no-store".into()),
        ],
        body: pdf::of_lines(lines),
    }
}

fn amount(invoice: &Value, value: &Value) -> String {
    let currency = invoice["currency"].as_str().unwrap_or("usd");
    money::written(value.as_i64().unwrap_or(0), currency)
}

fn text<'a>(value: &'a Value, other: &'a str) -> &'a str {
    value.as_str().unwrap_or(other)
}

fn day(value: &Value) -> String {
    value.as_i64().map(calendar::day).unwrap_or_default()
}

/// What is added to and taken from the subtotal: a name and an amount each.
fn totals(account: &Account, invoice: &Value) -> Vec<(String, String)> {
    let mut rows = vec![("Subtotal".to_owned(), amount(invoice, &invoice["subtotal"]))];
    for entry in invoice["total_discount_amounts"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let off = entry["amount"].as_i64().unwrap_or(0).saturating_neg();
        rows.push(("Discount".to_owned(), amount(invoice, &json!(off))));
    }
    for tax in invoice["total_taxes"].as_array().into_iter().flatten() {
        let rate = account.get(text(&tax["tax_rate_details"]["tax_rate"], ""));
        let included = if tax["tax_behavior"] == "inclusive" {
            ", included"
        } else {
            ""
        };
        let name = format!(
            "{} ({}%{included})",
            text(&rate["display_name"], "Tax"),
            rate["percentage"]
        );
        rows.push((name, amount(invoice, &tax["amount"])));
    }
    rows.push(("Total".to_owned(), amount(invoice, &invoice["total"])));
    let total = invoice["total"].as_i64().unwrap_or(0);
    let credited = invoice["pre_payment_credit_notes_amount"]
        .as_i64()
        .unwrap_or(0);
    let due = invoice["amount_due"].as_i64().unwrap_or(0);
    if credited > 0 {
        rows.push((
            "Credit notes".to_owned(),
            amount(invoice, &json!(-credited)),
        ));
    }
    let balance = due.saturating_add(credited).saturating_sub(total);
    if balance != 0 {
        rows.push(("Balance".to_owned(), amount(invoice, &json!(balance))));
    }
    rows.push((
        "Amount due".to_owned(),
        amount(invoice, &invoice["amount_due"]),
    ));
    rows
}

fn heading(invoice: &Value) -> String {
    let due = amount(invoice, &invoice["amount_remaining"]);
    match invoice["status"].as_str() {
        Some("paid") => format!(
            "{} <span class=\"due\">paid on {}</span>",
            amount(invoice, &invoice["amount_paid"]),
            day(&invoice["status_transitions"]["paid_at"])
        ),
        Some("void") => "This invoice is void".to_owned(),
        Some("uncollectible") => {
            format!("{due} <span class=\"due\">given up, still payable</span>")
        }
        _ => match day(&invoice["due_date"]) {
            date if date.is_empty() => format!("{due} <span class=\"due\">due</span>"),
            date => format!("{due} <span class=\"due\">due by {date}</span>"),
        },
    }
}

fn page(account: &Account, id: &str, problem: Option<&str>) -> Reply {
    let invoice = account.get(id);
    let number = text(&invoice["number"], "");
    let mut main = format!("<h1>{}</h1>\n<dl class=\"facts\">\n", heading(invoice));
    for (name, value) in [
        ("Invoice", number),
        (
            "To",
            text(
                &invoice["customer_name"],
                text(&invoice["customer_email"], ""),
            ),
        ),
        ("From", text(&invoice["account_name"], "")),
    ] {
        if !value.is_empty() {
            let _ = writeln!(main, "<dt>{name}</dt><dd>{}</dd>", escaped(value));
        }
    }
    let _ = writeln!(
        main,
        "<dt>Date</dt><dd>{}</dd>\n</dl>",
        day(&invoice["effective_at"])
    );
    if let Some(memo) = invoice["description"].as_str() {
        let _ = writeln!(main, "<p>{}</p>", escaped(memo));
    }
    main.push_str(
        "<div class=\"wide\"><table>\n<caption>What it is for</caption>\n<thead><tr>\
         <th scope=\"col\">Description</th><th scope=\"col\">Quantity</th>\
         <th scope=\"col\">Amount</th></tr></thead>\n<tbody>\n",
    );
    for line in lines_of(invoice) {
        let _ = writeln!(
            main,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(text(&line["description"], "")),
            line["quantity"],
            amount(invoice, &line["amount"])
        );
    }
    main.push_str("</tbody>\n<tfoot>\n");
    for (name, value) in totals(account, invoice) {
        let _ = writeln!(
            main,
            "<tr><th scope=\"row\" colspan=\"2\">{}</th><td>{value}</td></tr>",
            escaped(&name)
        );
    }
    main.push_str("</tfoot>\n</table></div>\n");
    if matches!(invoice["status"].as_str(), Some("open" | "uncollectible")) {
        main.push_str(&payment_form(invoice, id, problem));
    }
    let _ = writeln!(
        main,
        "<p><a href=\"/i/{0}/pdf\">Download the invoice (PDF)</a></p>",
        escaped(id)
    );
    if let Some(footer) = invoice["footer"].as_str() {
        let _ = writeln!(main, "<p class=\"known\">{}</p>", escaped(footer));
    }
    let status = if problem.is_some() { 402 } else { 200 };
    let title = format!("Invoice {number}");
    Reply::html(status, framed(&title, Width::Column, &main))
}

fn payment_form(invoice: &Value, id: &str, problem: Option<&str>) -> String {
    let (alert, state) = match problem {
        Some(message) => (
            format!(
                "<p id=\"problem\" class=\"problem\" role=\"alert\"><strong>{}</strong> Nothing was \
                 charged.</p>\n",
                escaped(message)
            ),
            " aria-invalid=\"true\" aria-describedby=\"problem\" autofocus",
        ),
        None => (String::new(), ""),
    };
    let field = |name: &str, label: &str, attributes: &str| {
        format!(
            "<label for=\"{name}\">{label}</label>\n<input id=\"{name}\" name=\"{name}\" {attributes} required>\n"
        )
    };
    format!(
        "{alert}<form method=\"post\" action=\"/i/{id}\">\n{number}<div class=\"pair\"><div>{expiry}\
         </div><div>{cvc}</div></div>\n<button type=\"submit\">Pay {due}</button>\n</form>\n\
         <details><summary>Cards to try</summary>\n<ul>\n\
         <li><code>4242 4242 4242 4242</code> pays</li>\n\
         <li><code>4000 0000 0000 0002</code> is declined</li>\n\
         <li><code>4000 0027 6000 3184</code> asks for 3-D Secure</li>\n</ul>\n</details>\n",
        id = escaped(id),
        due = amount(invoice, &invoice["amount_remaining"]),
        number = field(
            "number",
            "Card number",
            &format!(
                "inputmode=\"numeric\" autocomplete=\"cc-number\" placeholder=\"4242 4242 4242 4242\" maxlength=\"23\"{state}"
            ),
        ),
        expiry = field(
            "expiry",
            "Expiry (MM/YY)",
            "inputmode=\"numeric\" autocomplete=\"cc-exp\" placeholder=\"12/34\" maxlength=\"7\"",
        ),
        cvc = field(
            "cvc",
            "CVC",
            "inputmode=\"numeric\" autocomplete=\"cc-csc\" placeholder=\"123\" maxlength=\"4\"",
        ),
    )
}

/// Pays with the card that was typed. Somebody who pays twice pays once.
fn submit(account: &mut Account, id: &str, body: &str) -> Reply {
    let here = Reply::see_other(format!("{}/i/{id}", account.public_url));
    if !matches!(
        account.get(id)["status"].as_str(),
        Some("open" | "uncollectible")
    ) {
        return here;
    }
    let fields = form::parse(body).unwrap_or_else(|_| Node::Tree(Vec::new()));
    let typed = |name: &str| match fields.get(name) {
        Some(Node::Text(text)) => text.trim().to_owned(),
        _ => String::new(),
    };
    let number = typed("number");
    let card = match card::by_number(&number) {
        Ok(card) => card,
        Err(decline) => return page(account, id, Some(decline.message)),
    };
    let expiry = typed("expiry");
    let (month, year) = expiry.split_once('/').unwrap_or((expiry.as_str(), ""));
    let entry = CardEntry {
        number,
        exp_month: month.trim().to_owned(),
        exp_year: year.trim().to_owned(),
        cvc: typed("cvc"),
        ..CardEntry::default()
    };
    let method_id = payment::insert_method(account, card, &entry);
    let intent_id = collect::ensure_intent(account, id);
    let back = format!("{}/i/{id}", account.public_url);
    account.set(&intent_id, "_return_url", json!(back));
    let how = Try {
        method_id: &method_id,
        is_off_session: false,
        is_automatic: false,
        tells_update: true,
    };
    match collect::try_to_pay(account, id, how) {
        Collection::Paid => {
            reaction::invoice_paid(account, id);
            here
        }
        Collection::Declined(decline) => {
            reaction::invoice_not_paid(account, id);
            page(account, id, Some(decline.message))
        }
        Collection::NeedsAction => {
            let url = format!("{}/authenticate/{intent_id}", account.public_url);
            Reply::see_other(url)
        }
    }
}

fn invoice_text(account: &Account, id: &str) -> Vec<String> {
    let invoice = account.get(id);
    let mut out = vec![
        format!("Invoice {}", text(&invoice["number"], "")),
        String::new(),
        format!("From: {}", text(&invoice["account_name"], "")),
        format!(
            "To: {}",
            text(
                &invoice["customer_name"],
                text(&invoice["customer_email"], "")
            )
        ),
        format!("Date: {}", day(&invoice["effective_at"])),
        format!("Status: {}", text(&invoice["status"], "")),
    ];
    if invoice["due_date"].is_i64() {
        out.push(format!("Due: {}", day(&invoice["due_date"])));
    }
    out.push(String::new());
    for line in lines_of(invoice) {
        out.push(format!(
            "{}    {}",
            text(&line["description"], ""),
            amount(invoice, &line["amount"])
        ));
    }
    out.push(String::new());
    for (name, value) in totals(account, invoice) {
        out.push(format!("{name}: {value}"));
    }
    out.push(String::new());
    out.extend(invoice["footer"].as_str().map(str::to_owned));
    out.push("Sandbox: no real money moves here.".to_owned());
    out
}

fn note_text(account: &Account, id: &str) -> Vec<String> {
    let note = account.get(id);
    let invoice = account.get(text(&note["invoice"], ""));
    let mut out = vec![
        format!("Credit note {}", text(&note["number"], "")),
        String::new(),
        format!("For invoice {}", text(&invoice["number"], "")),
        format!("Date: {}", day(&note["effective_at"])),
        format!("Status: {}", text(&note["status"], "")),
        String::new(),
    ];
    for line in note["lines"]["data"].as_array().into_iter().flatten() {
        out.push(format!(
            "{}    {}",
            text(&line["description"], "Credit"),
            amount(note, &line["amount"])
        ));
    }
    out.push(String::new());
    out.push(format!("Total: {}", amount(note, &note["total"])));
    out.extend(note["memo"].as_str().map(str::to_owned));
    out
}
