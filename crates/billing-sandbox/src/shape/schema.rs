//! What each object looks like in each version: the table `../../tables/shapes.txt`, parsed once.
//!
//! The table holds facts derived from the type definitions of the official `stripe` npm packages
//! (MIT License, Copyright Stripe, Inc.). One line per object or nested hash: its name, the value of
//! `object` (`-` for a hash), then its members: `!` always there, `>4<9` the columns of versions
//! that have it, `?` may be null, `s i n b` scalars, `m` metadata, `e(..)` enum, `x` an id that can be
//! expanded, `@` a nested hash or object, `L` a list, `[` an array, `{` a map, `*` anything.

use std::sync::LazyLock;

use crate::hashing::QuickMap;
use crate::shape::version::{Range, Version};

const TABLE: &str = include_str!("../../tables/shapes.txt");

/// What a member holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    Integer,
    Number,
    Boolean,
    Metadata,
    Anything,
    Enum(Vec<(&'static str, Range)>),
    /// An id, or one of these objects when expanded.
    Expandable(Vec<&'static str>),
    /// One of these hashes or objects.
    Nested(Vec<&'static str>),
    List(Box<Shape>),
    Array(Box<Shape>),
    Map(Box<Shape>),
}

#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) range: Range,
    /// Whether it is always there.
    pub(crate) is_required: bool,
    pub(crate) is_nullable: bool,
    pub(crate) shape: Shape,
}

#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) name: &'static str,
    /// The value of `object`; `-` for a hash without one.
    pub(crate) kind: &'static str,
    /// In the order in which Stripe writes them.
    pub(crate) members: Vec<Member>,
    /// The members that are shown as null where they have no value, whatever the version.
    shown_as_null: QuickMap<&'static str, ()>,
}

impl Schema {
    /// Whether a member is shown as null where it has no value, whatever the version.
    pub(crate) fn is_always_shown(&self, name: &str) -> bool {
        self.shown_as_null.contains_key(name)
    }
}

struct Table {
    by_name: QuickMap<&'static str, Schema>,
    /// The name of the schema of living objects, by the value of `object`.
    by_kind: QuickMap<&'static str, &'static str>,
    /// The same for what is left of deleted objects.
    deleted: QuickMap<&'static str, &'static str>,
}

static PARSED: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table {
        by_name: QuickMap::default(),
        by_kind: QuickMap::default(),
        deleted: QuickMap::default(),
    };
    for schema in TABLE.lines().filter_map(parse) {
        if schema.kind != "-" {
            let plain = schema.name.rsplit('.').next().unwrap_or(schema.name);
            let kinds = if plain.starts_with("Deleted") {
                &mut table.deleted
            } else {
                &mut table.by_kind
            };
            kinds.insert(schema.kind, schema.name);
        }
        table.by_name.insert(schema.name, schema);
    }
    table
});

/// The schema of a name such as `Subscription.BillingMode`.
pub(crate) fn named(name: &str) -> Option<&'static Schema> {
    PARSED.by_name.get(name)
}

/// The schema of objects with this value of `object`.
pub(crate) fn of_kind(kind: &str, is_deleted: bool) -> Option<&'static Schema> {
    let deleted = || PARSED.deleted.get(kind).filter(|_| is_deleted);
    let name = deleted().or_else(|| PARSED.by_kind.get(kind))?;
    PARSED.by_name.get(name)
}

/// Whether a version has a type of event (`invoice_payment.paid` came with basil).
pub(crate) fn has_event_type(kind: &str, version: Version) -> bool {
    // Refunds of cards were told by events of their charge alone, though the names were there.
    if matches!(kind, "refund.created" | "refund.updated") && version.is_before("2024-10-28") {
        return false;
    }
    let member = named("event").and_then(|s| s.members.iter().find(|m| m.name == "type"));
    match member.map(|member| &member.shape) {
        Some(Shape::Enum(types)) => {
            (types.iter()).any(|(name, range)| *name == kind && range.holds(version))
        }
        _ => true,
    }
}

/// The types of events of a version, by name.
pub(crate) fn event_types(version: Version) -> impl Iterator<Item = &'static str> {
    let member = named("event").and_then(|s| s.members.iter().find(|m| m.name == "type"));
    let types = match member.map(|member| &member.shape) {
        Some(Shape::Enum(types)) => types.as_slice(),
        _ => &[],
    };
    types
        .iter()
        .filter(move |(_, range)| range.holds(version))
        .map(|(name, _)| *name)
}

/// Whether objects of a kind have a member in a version, always or at times.
pub(crate) fn has_member(kind: &str, member: &str, version: Version) -> bool {
    of_kind(kind, false).is_some_and(|schema| {
        (schema.members.iter()).any(|known| known.name == member && known.range.holds(version))
    })
}

/// Whether a member is a text in a version and nothing more, be it one that looks like an id.
pub(crate) fn is_text(kind: &str, member: &str, version: Version) -> bool {
    of_kind(kind, false).is_some_and(|schema| {
        (schema.members.iter()).any(|known| {
            known.name == member && known.range.holds(version) && known.shape == Shape::Text
        })
    })
}

fn parse(line: &'static str) -> Option<Schema> {
    let (name, rest) = line.split_once(' ')?;
    let (kind, rest) = rest.split_once(' ')?;
    let mut members: Vec<Member> = rest.split(' ').filter_map(member).collect();
    if kind != "-" {
        // Stripe writes these two first, and everything else by name.
        members.sort_by_key(|m| match m.name {
            "id" => 0,
            "object" => 1,
            _ => 2,
        });
    }
    // A member whose kind changed is there once for each kind.
    let never = |m: &&Member| !(m.is_required && m.is_nullable);
    let at_times: Vec<&str> = members.iter().filter(never).map(|m| m.name).collect();
    let names = members.iter().map(|m| m.name);
    let shown_as_null = names
        .filter(|name| !at_times.contains(name))
        .map(|name| (name, ()))
        .collect();
    Some(Schema {
        name,
        kind,
        members,
        shown_as_null,
    })
}

fn member(word: &'static str) -> Option<Member> {
    let (is_required, word) = match word.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let (name, shape) = word.split_once(':')?;
    let (name, range) = Range::split(name);
    let (is_nullable, shape) = match shape.strip_prefix('?') {
        Some(rest) => (true, rest),
        None => (false, shape),
    };
    Some(Member {
        name,
        range,
        is_required,
        is_nullable,
        shape: shape_of(shape),
    })
}

fn shape_of(text: &'static str) -> Shape {
    let mut letters = text.chars();
    let first = letters.next().unwrap_or('*');
    let rest = letters.as_str();
    match first {
        's' => Shape::Text,
        'i' => Shape::Integer,
        'n' => Shape::Number,
        'b' => Shape::Boolean,
        'm' => Shape::Metadata,
        'e' => {
            let values = rest.trim_start_matches('(').trim_end_matches(')');
            Shape::Enum(values.split('|').map(Range::split).collect())
        }
        'x' => Shape::Expandable(rest.split('|').collect()),
        '@' => Shape::Nested(rest.split('|').collect()),
        'L' => Shape::List(Box::new(shape_of(rest))),
        '[' => Shape::Array(Box::new(shape_of(rest))),
        '{' => Shape::Map(Box::new(shape_of(rest))),
        _ => Shape::Anything,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_a_shape_refers_to_is_in_the_table() {
        fn names(shape: &Shape) -> Vec<&'static str> {
            match shape {
                Shape::Expandable(names) | Shape::Nested(names) => names.clone(),
                Shape::List(inner) | Shape::Array(inner) | Shape::Map(inner) => names(inner),
                _ => Vec::new(),
            }
        }
        assert!(PARSED.by_name.len() > 500, "{}", PARSED.by_name.len());
        for schema in PARSED.by_name.values() {
            for member in &schema.members {
                for name in names(&member.shape) {
                    assert!(
                        named(name).is_some(),
                        "{}.{}: {name}",
                        schema.name,
                        member.name
                    );
                }
            }
        }
    }

    #[test]
    fn living_and_deleted_objects_are_told_apart() {
        assert_eq!(of_kind("customer", false).unwrap().name, "Customer");
        assert_eq!(of_kind("customer", true).unwrap().name, "DeletedCustomer");
        assert_eq!(of_kind("line_item", false).unwrap().name, "InvoiceLineItem");
        assert!(of_kind("list", false).is_none());
    }
}
