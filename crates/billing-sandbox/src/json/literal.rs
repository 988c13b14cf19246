//! `json!`: a value written as JSON, with expressions in it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::json::{Map, Text, Value};

/// A value in the words of JSON. Texts that stand in it as they are, and all names of members, are
/// not copied; an expression is only looked at.
macro_rules! json {
    (@one $entry:tt) => { 1 };
    (@name $name:literal) => { const { $crate::json::Text::known($name) } };
    (@name $name:tt) => { $crate::json::Text::copied(AsRef::<str>::as_ref(&$name)) };
    (@members $out:ident) => {};
    (@members $out:ident $name:tt : null $(, $($rest:tt)*)?) => {
        $out.put($crate::json::json!(@name $name), $crate::json::Value::Null);
        $crate::json::json!(@members $out $($($rest)*)?);
    };
    (@members $out:ident $name:tt : [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $out.put($crate::json::json!(@name $name), $crate::json::json!([ $($inner)* ]));
        $crate::json::json!(@members $out $($($rest)*)?);
    };
    (@members $out:ident $name:tt : { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $out.put($crate::json::json!(@name $name), $crate::json::json!({ $($inner)* }));
        $crate::json::json!(@members $out $($($rest)*)?);
    };
    (@members $out:ident $name:tt : $value:expr $(, $($rest:tt)*)?) => {
        $out.put($crate::json::json!(@name $name), $crate::json::json!($value));
        $crate::json::json!(@members $out $($($rest)*)?);
    };
    (@items $out:ident) => {};
    (@items $out:ident null $(, $($rest:tt)*)?) => {
        $out.push($crate::json::Value::Null);
        $crate::json::json!(@items $out $($($rest)*)?);
    };
    (@items $out:ident [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $out.extend([$crate::json::json!([ $($inner)* ])]);
        $crate::json::json!(@items $out $($($rest)*)?);
    };
    (@items $out:ident { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $out.extend([$crate::json::json!({ $($inner)* })]);
        $crate::json::json!(@items $out $($($rest)*)?);
    };
    (@items $out:ident $value:expr $(, $($rest:tt)*)?) => {
        $out.extend([$crate::json::json!($value)]);
        $crate::json::json!(@items $out $($($rest)*)?);
    };
    (null) => { $crate::json::Value::Null };
    ([]) => { $crate::json::Value::empty_array() };
    ([ $($inner:tt)+ ]) => {{
        let mut items: Vec<$crate::json::Value> = Vec::new();
        $crate::json::json!(@items items $($inner)+);
        $crate::json::Value::from(items)
    }};
    ({}) => { $crate::json::Value::Object($crate::json::Map::new()) };
    ({ $($inner:tt)+ }) => {{
        // A member is four tokens or more.
        const ROOM: usize = 1 + [$($crate::json::json!(@one $inner)),+].len() / 4;
        let mut members = $crate::json::Builder::with_capacity(ROOM);
        $crate::json::json!(@members members $($inner)+);
        $crate::json::Value::Object(members.finish())
    }};
    ($value:expr) => { $crate::json::ToValue::to_value(&$value) };
}

pub(crate) use json;

/// What can stand in `json!`.
pub(crate) trait ToValue {
    fn to_value(&self) -> Value;
}

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}

impl ToValue for Map {
    fn to_value(&self) -> Value {
        Value::Object(self.clone())
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value {
        Value::String(Text::copied(self))
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value {
        self.as_str().to_value()
    }
}

impl ToValue for Text {
    fn to_value(&self) -> Value {
        Value::String(self.clone())
    }
}

impl ToValue for Cow<'_, str> {
    fn to_value(&self) -> Value {
        self.as_ref().to_value()
    }
}

impl ToValue for f64 {
    fn to_value(&self) -> Value {
        Value::from(*self)
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

impl<T: ToValue> ToValue for [T] {
    fn to_value(&self) -> Value {
        Value::from(self.iter().map(ToValue::to_value).collect::<Vec<_>>())
    }
}

impl<T: ToValue, const N: usize> ToValue for [T; N] {
    fn to_value(&self) -> Value {
        self.as_slice().to_value()
    }
}

impl<T: ToValue> ToValue for Vec<T> {
    fn to_value(&self) -> Value {
        self.as_slice().to_value()
    }
}

impl<T: ToValue> ToValue for BTreeSet<T> {
    fn to_value(&self) -> Value {
        self.iter().map(ToValue::to_value).collect()
    }
}

impl<K: AsRef<str>, T: ToValue> ToValue for BTreeMap<K, T> {
    fn to_value(&self) -> Value {
        let members = self.iter();
        let members = members.map(|(name, value)| (Text::copied(name.as_ref()), value.to_value()));
        Value::Object(members.collect())
    }
}
