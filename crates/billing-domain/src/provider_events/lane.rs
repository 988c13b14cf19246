//! Lanes: events of one subject are in one lane, and a lane is one worker's at a time (ADR 0013).

use crate::kernel::text::ProviderRef;

/// How many lanes there are: enough for several replicas to share, few enough to look through. The
/// lane is stored with the event, so another number would part a subject's events.
pub const LANES: u16 = 64;

/// One of [`LANES`] lines of events that are applied one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(u16);

impl Lane {
    /// The lane of whoever an event concerns. Events that were stored before subjects were read
    /// have none and share the first lane, which is slow and right.
    pub fn of(subject: Option<&ProviderRef>) -> Self {
        // FNV-1a, because the answer is stored: it must be the same in every build.
        let digest = subject.map_or(0, |subject| {
            let bytes = subject.as_str().bytes();
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
                (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
        });
        // The low bits alone mix badly.
        let mixed = (digest ^ (digest >> 32)) % u64::from(LANES);
        Self(u16::try_from(mixed).unwrap_or_default())
    }

    /// The lane with a number.
    pub fn parse(number: u16) -> Option<Self> {
        (number < LANES).then_some(Self(number))
    }

    /// Every lane.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..LANES).map(Self)
    }

    /// The number in storage.
    pub fn number(self) -> u16 {
        self.0
    }
}

/// Grows by one each time a lane is taken: a worker that sleeps past its lease wakes with an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(i64);

impl Fence {
    /// The fence in storage. Only for adapters.
    pub fn restore(number: i64) -> Self {
        Self(number)
    }

    /// The number that is stored.
    pub fn number(self) -> i64 {
        self.0
    }
}

/// The right to apply what is in a lane, until somebody else takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LaneHold {
    /// Which lane.
    pub lane: Lane,
    /// The fence that every commit under this hold names.
    pub fence: Fence,
}

/// The lanes that one worker of a replica looks after: each one whose number leaves `index` when
/// divided by `of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneShare {
    /// Which share, from zero.
    pub index: u16,
    /// How many shares there are; at least one.
    pub of: u16,
}

impl LaneShare {
    /// Every lane.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether a lane belongs to this share.
    pub fn includes(self, lane: Lane) -> bool {
        lane.0.checked_rem(self.of) == Some(self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(text: &str) -> ProviderRef {
        ProviderRef::parse(text).unwrap()
    }

    #[test]
    fn a_subjects_lane_is_the_same_in_every_build() {
        let lane = |text| Lane::of(Some(&subject(text))).number();
        assert_eq!([lane("cus_1"), lane("cus_2"), lane("sub_1")], [55, 58, 41]);
        assert_eq!(Lane::of(None).number(), 0);
    }

    #[test]
    fn subjects_spread_over_all_lanes() {
        let mut counts = vec![0_u32; usize::from(LANES)];
        for number in 0..6_400 {
            let lane = Lane::of(Some(&subject(&format!("cus_{number:014}"))));
            counts[usize::from(lane.number())] += 1;
        }
        assert!(
            counts.iter().all(|count| (50..=150).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn the_shares_part_the_lanes() {
        let shares: Vec<LaneShare> = (0..3).map(|index| LaneShare { index, of: 3 }).collect();
        for lane in Lane::all() {
            let owners = shares.iter().filter(|share| share.includes(lane));
            assert_eq!(owners.count(), 1);
            assert!(LaneShare::WHOLE.includes(lane));
            assert_eq!(Lane::parse(lane.number()), Some(lane));
        }
        assert_eq!(Lane::parse(LANES), None);
    }
}
