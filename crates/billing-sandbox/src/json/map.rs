//! The members of a JSON object, in the order in which they came. A copy shares them until one of
//! the two changes.

use std::sync::Arc;

use crate::json::Value;
use crate::json::text::{self, Text};

type Member = (Text, Value);

/// Objects have few members, of which most are told apart by their marks: going through them is
/// faster than hashing, and a copy has no table to copy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Map(Arc<Vec<Member>>);

/// Members that become a map at once; the names of a literal are known to differ.
pub(crate) struct Builder(Vec<Member>);

impl Builder {
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    #[inline]
    pub(crate) fn put(&mut self, name: Text, value: Value) {
        debug_assert!(
            self.0.iter().all(|(other, _)| *other != name),
            "{name} twice"
        );
        self.0.push((name, value));
    }

    pub(crate) fn finish(self) -> Map {
        Map(Arc::new(self.0))
    }
}

impl Map {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    #[inline]
    fn position(&self, name: &str) -> Option<usize> {
        let mark = text::mark(name);
        self.0.iter().position(|(own, _)| own.is(mark, name))
    }

    #[inline]
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let mark = text::mark(name);
        let found = self.0.iter().find(|(own, _)| own.is(mark, name));
        found.map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let at = self.position(name)?;
        Some(&mut Arc::make_mut(&mut self.0)[at].1)
    }

    /// The member of this name, made if it was not there.
    pub(crate) fn member(&mut self, name: Text) -> &mut Value {
        let found = self.position(&name);
        let members = self.to_mut(usize::from(found.is_none()));
        let at = found.unwrap_or_else(|| {
            members.push((name, Value::Null));
            members.len() - 1
        });
        &mut members[at].1
    }

    /// The members to change, with room for some more.
    fn to_mut(&mut self, more: usize) -> &mut Vec<Member> {
        if more > 0 && Arc::get_mut(&mut self.0).is_none() {
            let mut own = Vec::with_capacity(self.len() + more);
            own.extend(self.0.iter().cloned());
            self.0 = Arc::new(own);
        }
        Arc::make_mut(&mut self.0)
    }

    pub(crate) fn insert(&mut self, name: Text, value: Value) -> Option<Value> {
        let member = self.member(name);
        Some(std::mem::replace(member, value))
    }

    /// Puts a new member before the one that stands there.
    pub(crate) fn shift_insert(&mut self, place: usize, name: Text, value: Value) {
        self.to_mut(1).insert(place, (name, value));
    }

    pub(crate) fn shift_remove(&mut self, name: &str) -> Option<Value> {
        let at = self.position(name)?;
        Some(Arc::make_mut(&mut self.0).remove(at).1)
    }

    pub(crate) fn clear(&mut self) {
        self.0 = Arc::default();
    }

    pub(crate) fn contains_key(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Text, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    pub(crate) fn keys(&self) -> impl DoubleEndedIterator<Item = &Text> {
        self.0.iter().map(|(name, _)| name)
    }

    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        let members = Arc::make_mut(&mut self.0).iter_mut();
        members.map(|(_, value)| value)
    }

    /// Keeps some members. Nothing is copied if that is all of them.
    pub(crate) fn retain(&mut self, mut is_kept: impl FnMut(&Text, &Value) -> bool) {
        if self.iter().all(|(name, value)| is_kept(name, value)) {
            return;
        }
        match Arc::get_mut(&mut self.0) {
            Some(own) => own.retain(|(name, value)| is_kept(name, value)),
            None => {
                let kept = self.0.iter().filter(|(name, value)| is_kept(name, value));
                self.0 = Arc::new(kept.cloned().collect());
            }
        }
    }

    pub(crate) fn sort_keys(&mut self) {
        let is_sorted = self.0.is_sorted_by(|(one, _), (next, _)| one <= next);
        if !is_sorted {
            Arc::make_mut(&mut self.0).sort_by(|(one, _), (other, _)| one.cmp(other));
        }
    }

    /// Whether both are one and the same, without a look at what is in them.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The order of the members does not matter; where it is the same, no name is looked for.
impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
            || (self.len() == other.len()
                && self.0.iter().zip(other.0.iter()).all(|(own, beside)| {
                    if own.0 == beside.0 {
                        own.1 == beside.1
                    } else {
                        other.get(&own.0) == Some(&own.1)
                    }
                }))
    }
}

impl Eq for Map {}

impl<K: Into<Text>> Extend<(K, Value)> for Map {
    fn extend<T: IntoIterator<Item = (K, Value)>>(&mut self, more: T) {
        for (name, value) in more {
            self.insert(name.into(), value);
        }
    }
}

impl<K: Into<Text>> FromIterator<(K, Value)> for Map {
    fn from_iter<T: IntoIterator<Item = (K, Value)>>(members: T) -> Self {
        let mut map = Self::new();
        map.extend(members);
        map
    }
}

impl IntoIterator for Map {
    type Item = Member;
    type IntoIter = std::vec::IntoIter<Member>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

type Borrowed<'a> = std::iter::Map<std::slice::Iter<'a, Member>, fn(&Member) -> (&Text, &Value)>;

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a Text, &'a Value);
    type IntoIter = Borrowed<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, value)| (name, value))
    }
}
