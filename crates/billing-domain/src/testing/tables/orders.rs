//! The tables of orders and refunds.

use super::{LEGAL, cell, render};
use crate::kernel::currency::Currency;
use crate::kernel::money::Money;
use crate::orders::item::OrderItem;
use crate::orders::order::{NewOrder, Order, OrderCommand};
use crate::orders::refund::{Refund, RefundCommand, RefundState};
use crate::testing::fixtures::{World, email, provider_ref, title};

pub(super) fn order_table() -> String {
    let world = World::new(1);
    let total = Money::from_minor(1_000, Currency::EUR);
    let half = Money::from_minor(500, Currency::EUR);
    let zero = Money::zero(Currency::EUR);
    let item = OrderItem::try_new(title("course"), title("Course"), 1, total).expect(LEGAL);
    let draft = NewOrder {
        id: world.id(),
        user_id: None,
        email: email("ada@example.com"),
        items: vec![item],
        subtotal: total,
        discount: zero,
        tax: zero,
        total,
    };
    let draft = Order::try_new(draft, world.now()).expect(LEGAL);
    let (first, second) = (world.id(), world.id());
    let pay = |received| OrderCommand::MarkPaid { received };
    let ask = |refund_id, amount| OrderCommand::RequestRefund { refund_id, amount };
    let done = |refund_id, amount| OrderCommand::MarkRefunded { refund_id, amount };
    let open = OrderCommand::CreateCheckout;
    let states = [
        vec![],
        vec![open.clone()],
        vec![open.clone(), OrderCommand::RequireAction],
        vec![open.clone(), pay(total)],
        vec![open.clone(), pay(total), done(first, total)],
        vec![open.clone(), OrderCommand::Cancel],
    ]
    .map(|commands| {
        commands.into_iter().fold(draft.clone(), |order, command| {
            let transition = order.apply(command, world.now()).expect(LEGAL);
            transition.outcome(&order).clone()
        })
    });
    let names = states.each_ref().map(|order| order.status().name());
    let reason = "card_declined".to_owned();
    let commands = [
        ("create_checkout", open),
        ("require_action", OrderCommand::RequireAction),
        ("mark_paid", pay(total)),
        ("mark_paid (another amount)", pay(half)),
        ("fail_payment", OrderCommand::FailPayment { reason }),
        ("cancel", OrderCommand::Cancel),
        ("request_refund", ask(second, total)),
        ("mark_refunded (in part)", done(second, half)),
        ("mark_refunded (as a whole)", done(first, total)),
        ("fail_refund", OrderCommand::FailRefund { refund_id: first }),
    ];
    let rows: Vec<(&str, Vec<&str>)> = commands
        .into_iter()
        .map(|(label, command)| {
            let cells = states.iter().map(|order| {
                let outcome = order.apply(command.clone(), world.now());
                cell(order.status().name(), &outcome, |next| next.status().name())
            });
            (label, cells.collect())
        })
        .collect();
    render(&names, &rows)
}

pub(super) fn refund_table() -> String {
    let world = World::new(1);
    let now = world.now();
    let refund = Refund {
        id: world.id(),
        order_id: world.id(),
        amount: Money::from_minor(500, Currency::EUR),
        provider_id: Some(provider_ref("re_1")),
        request_key: None,
        state: RefundState::Requested,
        created_at: now,
    };
    let reason = "insufficient_funds".to_owned();
    let states = [
        RefundState::Requested,
        RefundState::Succeeded { succeeded_at: now },
        RefundState::Failed {
            failed_at: now,
            reason: reason.clone(),
        },
    ]
    .map(|state| Refund {
        state,
        ..refund.clone()
    });
    let names = states.each_ref().map(|refund| refund.state.name());
    let link = |id: &str| RefundCommand::Link {
        provider_id: provider_ref(id),
    };
    let commands = [
        ("link", link("re_1")),
        ("link (to another)", link("re_2")),
        ("succeed", RefundCommand::Succeed),
        ("fail", RefundCommand::Fail { reason }),
    ];
    let rows: Vec<(&str, Vec<&str>)> = commands
        .into_iter()
        .map(|(label, command)| {
            let cells = states.iter().map(|refund| {
                let outcome = refund.apply(command.clone(), now);
                cell(refund.state.name(), &outcome, |next| next.state.name())
            });
            (label, cells.collect())
        })
        .collect();
    render(&names, &rows)
}
