//! An order under every command, and under any sequence of them.

use proptest::prelude::*;

use super::*;
use crate::kernel::currency::Currency;
use crate::kernel::transition::Transition;
use crate::orders::item::OrderItem;
use crate::orders::refund::{Refund, RefundState};
use crate::testing::fixtures::{World, email, title};

const TOTAL: i64 = 1_000;

fn eur(minor: i64) -> Money {
    Money::from_minor(minor, Currency::EUR)
}

fn draft(world: &World) -> Order {
    let item = OrderItem::try_new(title("course"), title("Course"), 2, eur(500)).unwrap();
    let new = NewOrder {
        id: world.id(),
        user_id: Some(world.user.id),
        email: email("ada@example.com"),
        items: vec![item],
        subtotal: eur(1_000),
        discount: eur(100),
        tax: eur(100),
        total: eur(TOTAL),
    };
    Order::try_new(new, world.now()).unwrap()
}

/// The order after commands of which each must be legal.
fn after(world: &World, commands: Vec<OrderCommand>) -> Order {
    commands.into_iter().fold(draft(world), |order, command| {
        let transition = order.apply(command, world.now()).unwrap();
        transition.outcome(&order).clone()
    })
}

fn pay(minor: i64) -> OrderCommand {
    let received = eur(minor);
    OrderCommand::MarkPaid { received }
}

fn fail() -> OrderCommand {
    OrderCommand::FailPayment {
        reason: "card_declined".to_owned(),
    }
}

fn refunded(refund_id: RefundId, minor: i64) -> OrderCommand {
    let amount = eur(minor);
    OrderCommand::MarkRefunded { refund_id, amount }
}

fn asked(refund_id: RefundId, minor: i64) -> OrderCommand {
    let amount = eur(minor);
    OrderCommand::RequestRefund { refund_id, amount }
}

#[test]
fn c_028_allowed_commands_are_those_that_the_status_does_not_refuse() {
    let world = World::new(1);
    let id = world.id();
    let open = OrderCommand::CreateCheckout;
    let orders = [
        vec![],
        vec![open.clone()],
        vec![open.clone(), OrderCommand::RequireAction],
        vec![open.clone(), pay(TOTAL)],
        vec![open.clone(), pay(TOTAL), refunded(id, TOTAL)],
        vec![open.clone(), OrderCommand::Cancel],
    ]
    .map(|commands| after(&world, commands));
    let commands = [
        open,
        OrderCommand::RequireAction,
        pay(TOTAL),
        fail(),
        OrderCommand::Cancel,
        asked(id, TOTAL),
        refunded(id, TOTAL),
        OrderCommand::FailRefund { refund_id: id },
    ];
    for order in orders {
        let allowed: Vec<&str> = commands
            .iter()
            .filter(|command| {
                let outcome = order.apply((*command).clone(), world.now());
                !matches!(outcome, Err(OrderRefusal::Illegal(_)))
            })
            .map(OrderCommand::name)
            .collect();
        assert_eq!(
            allowed,
            order.status().allowed_commands(),
            "{:?}",
            order.status()
        );
    }
}

#[test]
fn c_030_a_failed_attempt_leaves_the_order_payable() {
    let world = World::new(1);
    let order = after(&world, vec![OrderCommand::CreateCheckout, fail()]);
    assert_eq!(order.status(), &OrderStatus::PendingPayment);
    assert_eq!(
        order.parts().last_payment_error.as_deref(),
        Some("card_declined")
    );
    assert_eq!(
        order.apply(fail(), world.now()),
        Ok(Transition::AlreadyApplied)
    );
    let confirmed = vec![
        OrderCommand::CreateCheckout,
        OrderCommand::RequireAction,
        fail(),
        pay(TOTAL),
    ];
    assert_eq!(after(&world, confirmed).status().name(), "paid");
}

#[test]
fn c_030_a_success_after_a_cancellation_is_paid_and_reviewed() {
    let world = World::new(1);
    let commands = vec![
        OrderCommand::CreateCheckout,
        OrderCommand::Cancel,
        pay(TOTAL),
    ];
    let order = after(&world, commands);
    assert_eq!(order.status().name(), "paid");
    assert!(order.parts().review_reason.is_some());
}

#[test]
fn c_026_a_late_repetition_of_the_payment_does_not_revive_a_canceled_order() {
    let world = World::new(1);
    let commands = vec![
        OrderCommand::CreateCheckout,
        pay(TOTAL),
        OrderCommand::Cancel,
    ];
    let order = after(&world, commands);
    assert_eq!(
        order.apply(pay(TOTAL), world.now()),
        Ok(Transition::AlreadyApplied)
    );
    let back = order
        .apply(refunded(world.id(), TOTAL), world.now())
        .unwrap();
    assert_eq!(back.outcome(&order).status().name(), "refunded", "C-027");
}

#[test]
fn c_056_another_amount_or_currency_does_not_pay_the_order() {
    let world = World::new(1);
    let open = after(&world, vec![OrderCommand::CreateCheckout]);
    let dollars = Money::from_minor(TOTAL, Currency::USD);
    for received in [eur(TOTAL - 1), eur(TOTAL + 1), eur(0), dollars] {
        let flagged = open
            .apply(OrderCommand::MarkPaid { received }, world.now())
            .unwrap();
        let flagged = flagged.outcome(&open);
        assert_eq!(flagged.status(), &OrderStatus::PendingPayment);
        assert!(flagged.parts().review_reason.is_some());
        let again = flagged.apply(OrderCommand::MarkPaid { received }, world.now());
        assert_eq!(again, Ok(Transition::AlreadyApplied));
    }
}

#[test]
fn c_084_only_the_whole_amount_makes_an_order_refunded() {
    let world = World::new(1);
    let (first, second) = (world.id(), world.id());
    let part = vec![
        OrderCommand::CreateCheckout,
        pay(TOTAL),
        refunded(first, 400),
    ];
    let order = after(&world, part);
    assert_eq!(order.status().name(), "paid");
    assert_eq!(order.refunded(), Ok(eur(400)));
    assert_eq!(
        order.apply(refunded(first, 400), world.now()),
        Ok(Transition::AlreadyApplied),
        "the same refund counts once"
    );
    assert!(matches!(
        order.apply(refunded(first, 401), world.now()),
        Err(OrderRefusal::OtherAmount { .. })
    ));
    let rest = order.apply(refunded(second, 600), world.now()).unwrap();
    assert_eq!(rest.outcome(&order).status().name(), "refunded");
}

#[test]
fn c_081_more_than_was_paid_cannot_go_back() {
    let world = World::new(1);
    let commands = vec![
        OrderCommand::CreateCheckout,
        pay(TOTAL),
        asked(world.id(), 700),
    ];
    let order = after(&world, commands);
    assert_eq!(
        order.apply(asked(world.id(), 301), world.now()),
        Err(OrderRefusal::MoreThanPaid {
            asked: eur(301),
            refundable: eur(300),
        })
    );
    assert!(order.apply(asked(world.id(), 300), world.now()).is_ok());
    for nothing in [0, -1] {
        let outcome = order.apply(asked(world.id(), nothing), world.now());
        assert_eq!(outcome, Err(OrderRefusal::NotAnAmount));
    }
}

#[test]
fn c_086_a_failed_refund_leaves_the_order_paid() {
    let world = World::new(1);
    let id = world.id();
    let failed = || OrderCommand::FailRefund { refund_id: id };
    let before = vec![OrderCommand::CreateCheckout, pay(TOTAL)];
    let mut asked_for = before.clone();
    asked_for.extend([asked(id, TOTAL), failed()]);
    let order = after(&world, asked_for);
    assert_eq!(order.status().name(), "paid");
    assert!(order.parts().refunds.is_empty());
    let mut sent_back = before;
    sent_back.extend([refunded(id, TOTAL), failed()]);
    let order = after(&world, sent_back);
    assert_eq!(order.status().name(), "paid");
    assert!(order.parts().review_reason.is_some());
}

#[test]
fn c_081_two_equal_refunds_are_told_apart_by_the_callers_key() {
    let world = World::new(1);
    let refund = |request_key: Option<&str>| Refund {
        id: world.id(),
        order_id: OrderId::from_uuid(world.project.id.uuid()),
        amount: eur(500),
        provider_id: None,
        request_key: request_key.map(str::to_owned),
        state: RefundState::Requested,
        created_at: world.now(),
    };
    assert_eq!(refund(None).provider_key(), refund(None).provider_key());
    assert_ne!(
        refund(Some("a")).provider_key(),
        refund(Some("b")).provider_key()
    );
}

/// One of three refunds, by a small number.
fn command_of(kind: u8, refund: u8, minor: i64) -> OrderCommand {
    let refund_id = RefundId::from_uuid(uuid::Uuid::from_u128(u128::from(refund)));
    match kind {
        0 => OrderCommand::CreateCheckout,
        1 => OrderCommand::RequireAction,
        2 => pay(TOTAL),
        3 => pay(minor),
        4 => fail(),
        5 => OrderCommand::Cancel,
        6 => asked(refund_id, minor),
        7 => refunded(refund_id, minor),
        8 => refunded(refund_id, TOTAL),
        _ => OrderCommand::FailRefund { refund_id },
    }
}

proptest! {
    #[test]
    fn c_031_no_sequence_is_paid_or_refunded_without_the_money(
        steps in prop::collection::vec((0_u8..10, 0_u8..3, prop_oneof![Just(500_i64), -5..1_500_i64]), 0..40),
    ) {
        let world = World::new(1);
        let mut order = draft(&world);
        let (mut was_paid, mut was_refunded) = (false, false);
        for (kind, refund, minor) in steps {
            let command = command_of(kind, refund, minor);
            was_paid |= command == pay(TOTAL);
            was_refunded |= command.name() == "mark_refunded";
            if let Ok(Transition::Applied { next, .. }) = order.apply(command.clone(), world.now()) {
                prop_assert_ne!(&next, &order, "C-028: a change changes something");
                order = next;
                let again = order.apply(command, world.now());
                let is_settled = !matches!(again, Ok(Transition::Applied { .. }));
                prop_assert!(is_settled, "C-028: a repetition changes nothing: {:?}", again);
            }
            let status = order.status().name();
            prop_assert!(was_paid || (status != "paid" && status != "refunded"));
            prop_assert!(was_refunded || status != "refunded");
            let back = order.refunded().unwrap();
            prop_assert!(!back.exceeds(order.received()).unwrap(), "no more than arrived");
            let is_whole = !back.is_zero() && back == order.received();
            prop_assert_eq!(is_whole, status == "refunded", "C-084");
        }
    }
}
