//! Published events as JSON: the few shapes that they have, without a JSON library in the manifest.

use std::fmt;

use serde::ser::{Impossible, SerializeStruct};
use serde::{Serialize, Serializer};

use crate::kernel::event::DomainEvent;

/// The event as JSON, as an adapter's library would write it.
pub(super) fn to_json(event: &DomainEvent) -> String {
    let json = event.serialize(Json);
    json.expect("events consist of structs, texts, whole numbers and options")
}

/// Writes one value; every shape that no event has is an error.
struct Json;

/// An object that is being written.
struct Object(String);

/// No event has this shape.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UnknownShape(String);

impl serde::ser::Error for UnknownShape {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

fn quoted(text: &str) -> String {
    let mut json = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            control if control < ' ' => {
                let code = format!("\\u{:04x}", u32::from(control));
                json.push_str(&code);
            }
            plain => json.push(plain),
        }
    }
    json + "\""
}

impl SerializeStruct for Object {
    type Ok = String;
    type Error = UnknownShape;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), UnknownShape> {
        let separator = if self.0.is_empty() { "" } else { "," };
        let value = value.serialize(Json)?;
        self.0 += separator;
        self.0 += &quoted(key);
        self.0 += ":";
        self.0 += &value;
        Ok(())
    }

    fn end(self) -> Result<String, UnknownShape> {
        Ok(format!("{{{}}}", self.0))
    }
}

/// Numbers are written as they are printed.
macro_rules! numbers {
    ($($method:ident($number:ty);)*) => {$(
        fn $method(self, value: $number) -> Result<String, UnknownShape> {
            Ok(value.to_string())
        }
    )*};
}

/// Shapes that no event has.
macro_rules! unknown {
    ($($method:ident($($argument:ty),*) -> $answer:ty;)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$answer, UnknownShape> {
            Err(UnknownShape(stringify!($method).to_owned()))
        }
    )*};
}

type Never = Impossible<String, UnknownShape>;

impl Serializer for Json {
    type Ok = String;
    type Error = UnknownShape;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Object;
    type SerializeStructVariant = Never;

    numbers! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
    }

    unknown! {
        serialize_f32(f32) -> String;
        serialize_f64(f64) -> String;
        serialize_bytes(&[u8]) -> String;
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }

    fn serialize_char(self, value: char) -> Result<String, UnknownShape> {
        Ok(quoted(&value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<String, UnknownShape> {
        Ok(quoted(value))
    }

    fn serialize_none(self) -> Result<String, UnknownShape> {
        Ok("null".to_owned())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<String, UnknownShape> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<String, UnknownShape> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<String, UnknownShape> {
        self.serialize_none()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<String, UnknownShape> {
        Ok(quoted(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<String, UnknownShape> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<String, UnknownShape> {
        let value = value.serialize(self)?;
        Ok(format!("{{{}:{value}}}", quoted(variant)))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Object, UnknownShape> {
        Ok(Object(String::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::currency::Currency;
    use crate::kernel::money::Money;
    use crate::testing::fixtures::{World, feature};

    #[test]
    fn an_event_is_written_as_a_json_library_writes_it() {
        let world = World::new(1);
        let (_, created) = world.intent(world.user.id, "acme");
        let events = [
            created,
            DomainEvent::ProvisioningStepFailed {
                workflow_id: world.id(),
                step: "customer",
                message: "\"no\"\n\\route\u{1} ü".to_owned(),
                attempts: 3,
            },
            DomainEvent::OrderChanged {
                order_id: world.id(),
                previous_status: "paid",
                status: "refunded",
                total: Money::from_minor(1_000, Currency::EUR),
                refunded: Money::from_minor(1_000, Currency::EUR),
            },
            DomainEvent::EntitlementGranted(crate::kernel::event::EntitlementFacts {
                entitlement_id: world.id(),
                user_id: world.user.id,
                project_id: world.project.id,
                feature_code: feature("catalog:all"),
                valid_to: None,
            }),
        ];
        for event in events {
            let read: serde_json::Value = serde_json::from_str(&to_json(&event)).unwrap();
            assert_eq!(read, serde_json::to_value(&event).unwrap());
        }
    }
}
