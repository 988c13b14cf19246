//! A licence under any sequence of commands.

use proptest::prelude::*;

use super::*;
use crate::testing::fixtures::World;

fn command_of(world: &World, users: &[UserId; 2], kind: u8) -> LicenseCommand {
    match kind {
        0 => LicenseCommand::Assign(world.assignment("bob")),
        1 => LicenseCommand::Assign(world.assignment("eve")),
        2 => LicenseCommand::Activate { user_id: users[0] },
        3 => LicenseCommand::Activate { user_id: users[1] },
        4 => LicenseCommand::Revoke,
        _ => LicenseCommand::Unassign,
    }
}

fn user_of(license: &License) -> Option<UserId> {
    match &license.state {
        LicenseState::Activated {
            assignment: _,
            user_id,
            activated_at: _,
        } => Some(*user_id),
        LicenseState::Unassigned | LicenseState::Assigned(_) | LicenseState::Revoked { .. } => None,
    }
}

#[test]
fn a_165_an_activated_licence_is_not_withdrawn_but_revoked() {
    let world = World::new(1);
    let plan = world.customer_records("acme", None).plan;
    let activated = world.licenses_in_every_state(&plan).swap_remove(2);
    let refused = activated.apply(LicenseCommand::Unassign, world.now());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "a licence that is activated cannot unassign"
    );
    let revoked = activated
        .apply(LicenseCommand::Revoke, world.now())
        .unwrap();
    assert_eq!(revoked.outcome(&activated).state.name(), "revoked");
}

proptest! {
    #[test]
    fn a_165_revoked_is_final_and_a_licence_has_one_owner(
        kinds in prop::collection::vec(0_u8..6, 0..30),
    ) {
        let world = World::new(1);
        let users = [world.id(), world.id()];
        let (mut license, _) = License::new(world.id(), world.id(), world.now());
        for kind in kinds {
            let command = command_of(&world, &users, kind);
            let Ok(transition) = license.apply(command.clone(), world.now()) else {
                continue;
            };
            let next = transition.outcome(&license).clone();
            let before = license.state.name();
            prop_assert!(before != "revoked" || next == license, "A-165: revoked is final");
            if let (Some(known), Some(user)) = (user_of(&license), user_of(&next)) {
                prop_assert_eq!(known, user, "who activated it keeps it");
            }
            if before != "unassigned" && next.state.name() != "unassigned" {
                prop_assert_eq!(license.email(), next.email(), "it does not change hands");
            }
            prop_assert_eq!(
                next.apply(command, world.now()),
                Ok(Transition::AlreadyApplied),
                "a repetition changes nothing"
            );
            license = next;
        }
    }
}
