//! Which stored events somebody wants to see or to replay.

use super::stored_event::{EventStatus, StoredEvent};
use crate::kernel::id::{InboxEventId, UserId};
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;

/// The longest type that is looked for.
const TYPE_BYTES_MAX: usize = 100;

/// One type of event, or all that begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeFilter {
    /// This type, for example `invoice.paid`.
    Exactly(String),
    /// What begins with this, its last dot included: `invoice.` for `invoice.*`.
    Family(String),
}

/// The text names neither a type nor a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a type of event such as `invoice.paid`, or a family such as `invoice.*`")]
pub struct InvalidTypeFilter;

impl TypeFilter {
    /// Reads `invoice.paid` or `invoice.*`.
    ///
    /// # Errors
    /// [`InvalidTypeFilter`].
    pub fn parse(text: &str) -> Result<Self, InvalidTypeFilter> {
        let (stem, is_family) = match text.strip_suffix('*') {
            Some(stem) => (stem, true),
            None => (text, false),
        };
        let is_known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
        let fits = (1..=TYPE_BYTES_MAX).contains(&stem.len()) && stem.chars().all(is_known);
        match (fits, is_family) {
            (true, true) if stem.ends_with('.') && stem.len() > 1 => {
                Ok(Self::Family(stem.to_owned()))
            }
            (true, false) => Ok(Self::Exactly(stem.to_owned())),
            (true, true) | (false, true | false) => Err(InvalidTypeFilter),
        }
    }

    /// Whether a type is meant.
    pub fn matches(&self, event_type: &str) -> bool {
        match self {
            Self::Exactly(wanted) => event_type == wanted,
            Self::Family(prefix) => event_type.starts_with(prefix),
        }
    }
}

/// From a time on, and before another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The first time that is meant.
    pub from: Option<Timestamp>,
    /// The first that is not.
    pub until: Option<Timestamp>,
}

impl TimeRange {
    /// Whether a time is meant.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// What must be true of an event; everything that is not said may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// It is in one of these.
    pub statuses: Vec<EventStatus>,
    /// It is of this type or family.
    pub event_type: Option<TypeFilter>,
    /// The provider gave it this id.
    pub provider_event_id: Option<ProviderRef>,
    /// It changed a sale or a subscription of this user; or it was not applied, and concerns their
    /// customer, a page or a subscription of theirs, as the provider names them.
    pub owner: Option<UserId>,
    /// It came then.
    pub received: TimeRange,
    /// The provider made it then.
    pub created: TimeRange,
}

impl EventFilter {
    /// Whether an event is meant, but for its owner, whom the event itself does not name.
    pub fn matches(&self, event: &StoredEvent) -> bool {
        let Self {
            statuses,
            event_type,
            provider_event_id,
            owner: _,
            received,
            created,
        } = self;
        (statuses.is_empty() || statuses.contains(&event.state.status()))
            && event_type
                .as_ref()
                .is_none_or(|wanted| wanted.matches(&event.envelope.event_type))
            && provider_event_id
                .as_ref()
                .is_none_or(|id| event.envelope.provider_event_id == *id)
            && received.contains(event.received_at)
            && created.contains(event.envelope.created_at)
    }
}

/// Which event is meant: by our id, or by the one that the provider's dashboard shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventName {
    /// Our id.
    Id(InboxEventId),
    /// The provider's.
    Provider(ProviderRef),
}

/// The text is no id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an event's id: `whe_…`, a UUID, or the provider's `evt_…`")]
pub struct InvalidEventName;

impl EventName {
    /// Reads either id.
    ///
    /// # Errors
    /// [`InvalidEventName`].
    pub fn parse(text: &str) -> Result<Self, InvalidEventName> {
        if let Ok(id) = InboxEventId::parse(text) {
            return Ok(Self::Id(id));
        }
        match ProviderRef::parse(text) {
            Ok(id) if text.starts_with("evt_") => Ok(Self::Provider(id)),
            Ok(_) | Err(_) => Err(InvalidEventName),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_and_a_family_are_told_apart() {
        let paid = TypeFilter::parse("invoice.paid").unwrap();
        assert!(paid.matches("invoice.paid"));
        assert!(!paid.matches("invoice.paid_late"));
        let invoices = TypeFilter::parse("invoice.*").unwrap();
        assert!(invoices.matches("invoice.paid"));
        assert!(!invoices.matches("invoiceitem.created"));
        for bad in ["", "*", ".*", "invoice*", "in voice.*", "invoice.%", "A.b"] {
            assert_eq!(TypeFilter::parse(bad), Err(InvalidTypeFilter), "{bad}");
        }
    }

    #[test]
    fn a_range_has_its_beginning_and_not_its_end() {
        let at = |seconds| Timestamp::from_unix_seconds(seconds).unwrap();
        let range = TimeRange {
            from: Some(at(10)),
            until: Some(at(20)),
        };
        let within: Vec<i64> = (8..22)
            .filter(|second| range.contains(at(*second)))
            .collect();
        assert_eq!(within, (10..20).collect::<Vec<_>>());
        assert!(TimeRange::default().contains(at(0)));
    }

    #[test]
    fn an_event_has_two_names() {
        let ours = "whe_01890a5dac96774bbcceb302099a8057";
        assert!(matches!(EventName::parse(ours), Ok(EventName::Id(_))));
        let theirs = EventName::parse("evt_1ABC");
        assert!(matches!(theirs, Ok(EventName::Provider(_))));
        for bad in ["", "sub_1", "evt 1", "whe_1"] {
            assert_eq!(EventName::parse(bad), Err(InvalidEventName), "{bad}");
        }
    }
}
