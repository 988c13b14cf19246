//! JSON values as the state keeps them: a copy costs next to nothing, whatever its size, because it
//! shares everything with the original; a change copies only what leads to the changed place.
//!
//! An event keeps the object as it was and as it became (ADR 0016), so the state is copied more often
//! than it is read. The interface is that of `serde_json`, as far as it is used.

mod literal;
mod map;
mod serial;
mod text;

use std::ops::{Index, IndexMut};
use std::sync::{Arc, LazyLock};

pub(crate) use literal::{ToValue, json};
pub(crate) use map::{Builder, Map};
pub(crate) use serde_json::Number;
pub(crate) use serial::{from_str, from_value, value_of};
pub(crate) use text::Text;

#[derive(Debug, Clone, Default)]
pub(crate) enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    String(Text),
    Array(Arc<Vec<Value>>),
    Object(Map),
}

/// A member is a name and a value: what every copy of an object's top level is made of.
const _: () = assert!(size_of::<Value>() == 24 && size_of::<Text>() == 24);

static NULL: Value = Value::Null;

impl Value {
    /// The one empty array.
    pub(crate) fn empty_array() -> Self {
        static EMPTY: LazyLock<Arc<Vec<Value>>> = LazyLock::new(Arc::default);
        Self::Array(Arc::clone(&EMPTY))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn is_boolean(&self) -> bool {
        matches!(self, Self::Bool(_))
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }

    pub(crate) fn is_i64(&self) -> bool {
        matches!(self, Self::Number(number) if number.is_i64())
    }

    pub(crate) fn is_u64(&self) -> bool {
        matches!(self, Self::Number(number) if number.is_u64())
    }

    pub(crate) fn is_string(&self) -> bool {
        matches!(self, Self::String(_))
    }

    pub(crate) fn is_array(&self) -> bool {
        matches!(self, Self::Array(_))
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(crate) fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text, to be kept elsewhere without a copy.
    pub(crate) fn as_text(&self) -> Option<Text> {
        match self {
            Self::String(text) => Some(text.clone()),
            _ => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<&Vec<Self>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The items to change; those that another value has too are copied first.
    pub(crate) fn as_array_mut(&mut self) -> Option<&mut Vec<Self>> {
        match self {
            Self::Array(items) => Some(Arc::make_mut(items)),
            _ => None,
        }
    }

    pub(crate) fn as_object(&self) -> Option<&Map> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn as_object_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn get<P: Place>(&self, place: P) -> Option<&Self> {
        place.seek(self)
    }

    /// Moves the value out and leaves null.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// What a JSON pointer (RFC 6901) leads to.
    pub(crate) fn pointer(&self, pointer: &str) -> Option<&Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        let steps = pointer.strip_prefix('/')?.split('/');
        let mut at = self;
        for step in steps {
            at = match at {
                Self::Object(members) if step.contains('~') => {
                    members.get(&step.replace("~1", "/").replace("~0", "~"))?
                }
                Self::Object(members) => members.get(step)?,
                Self::Array(items) => items.get(step.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(at)
    }
}

/// A place in a value: the name of a member or the number of an item.
pub(crate) trait Place {
    fn seek<'v>(&self, value: &'v Value) -> Option<&'v Value>;
}

impl Place for str {
    #[inline]
    fn seek<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match value {
            Value::Object(members) => members.get(self),
            _ => None,
        }
    }
}

impl Place for String {
    fn seek<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.as_str().seek(value)
    }
}

impl Place for Text {
    fn seek<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.as_str().seek(value)
    }
}

impl Place for usize {
    fn seek<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        value.as_array()?.get(*self)
    }
}

impl<P: Place + ?Sized> Place for &P {
    #[inline]
    fn seek<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        (**self).seek(value)
    }
}

/// What is at a place, or null.
impl<P: Place> Index<P> for Value {
    type Output = Self;

    #[inline]
    fn index(&self, place: P) -> &Self {
        place.seek(self).unwrap_or(&NULL)
    }
}

impl Value {
    /// The member of this name, made if there is none. Anything but an object becomes one.
    pub(crate) fn member(&mut self, name: impl Into<Text>) -> &mut Self {
        if !self.is_object() {
            debug_assert!(self.is_null(), "a member of {self}");
            *self = Self::Object(Map::new());
        }
        match self {
            Self::Object(members) => members.member(name.into()),
            other => other,
        }
    }
}

impl IndexMut<&'static str> for Value {
    #[inline]
    fn index_mut(&mut self, name: &'static str) -> &mut Self {
        self.member(Text::known(name))
    }
}

impl IndexMut<String> for Value {
    fn index_mut(&mut self, name: String) -> &mut Self {
        self.member(name)
    }
}

impl IndexMut<&String> for Value {
    fn index_mut(&mut self, name: &String) -> &mut Self {
        self.member(name)
    }
}

impl IndexMut<Text> for Value {
    fn index_mut(&mut self, name: Text) -> &mut Self {
        self.member(name)
    }
}

impl IndexMut<&Text> for Value {
    fn index_mut(&mut self, name: &Text) -> &mut Self {
        self.member(name)
    }
}

impl IndexMut<usize> for Value {
    fn index_mut(&mut self, at: usize) -> &mut Self {
        match self {
            Self::Array(items) => &mut Arc::make_mut(items)[at],
            other => panic!("item {at} of {other}"),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Number(one), Self::Number(other)) => one == other,
            (Self::String(one), Self::String(other)) => one == other,
            (Self::Array(one), Self::Array(other)) => Arc::ptr_eq(one, other) || one == other,
            (Self::Object(one), Self::Object(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl PartialEq<str> for Value {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Value {
    #[inline]
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}

impl PartialEq<String> for Value {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<bool> for Value {
    fn eq(&self, other: &bool) -> bool {
        self.as_bool() == Some(*other)
    }
}

impl PartialEq<f64> for Value {
    fn eq(&self, other: &f64) -> bool {
        self.as_f64() == Some(*other)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

/// One that JSON cannot tell is null.
impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Number::from_f64(number).map_or(Self::Null, Self::Number)
    }
}

/// Each kind of whole number is compared, taken on and written in the same way.
macro_rules! whole_numbers {
    ($($kind:ty: $read:ident),+) => {$(
        impl From<$kind> for Value {
            fn from(number: $kind) -> Self {
                Self::Number(number.into())
            }
        }

        impl ToValue for $kind {
            fn to_value(&self) -> Value {
                Value::Number((*self).into())
            }
        }

        impl PartialEq<$kind> for Value {
            fn eq(&self, other: &$kind) -> bool {
                self.$read().is_some_and(|own| <$kind>::try_from(own) == Ok(*other))
            }
        }
    )+};
}

whole_numbers!(i32: as_i64, i64: as_i64, u16: as_i64, u32: as_i64, u64: as_u64, usize: as_u64);

impl ToValue for bool {
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl From<&'static str> for Value {
    #[inline]
    fn from(text: &'static str) -> Self {
        Self::String(Text::known(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::String(text)
    }
}

impl From<Map> for Value {
    fn from(members: Map) -> Self {
        Self::Object(members)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        if items.is_empty() {
            return Self::empty_array();
        }
        Self::Array(Arc::new(items.into_iter().map(Into::into).collect()))
    }
}

impl<T: Into<Self>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::from(items.into_iter().collect::<Vec<T>>())
    }
}

impl<K: Into<Text>, V: Into<Self>> FromIterator<(K, V)> for Value {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Self {
        let members = members.into_iter();
        Self::Object(members.map(|(name, value)| (name, value.into())).collect())
    }
}

#[cfg(test)]
mod tests;
