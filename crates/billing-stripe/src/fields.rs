//! Reads fields out of Stripe's JSON: absent, of the wrong type, and present are three things.

use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use serde_json_borrow::{ObjectAsVec, Value};

/// Why an object could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// A needed field is in none of its places.
    Absent(String),
    /// A field is there and makes no sense.
    Malformed(String),
}

impl ReadError {
    /// Which field.
    pub(crate) fn field(&self) -> &str {
        match self {
            Self::Absent(field) | Self::Malformed(field) => field,
        }
    }
}

/// A member of an object; of several with one name the last, as everywhere else where JSON is read.
pub(crate) fn member<'a>(map: &'a ObjectAsVec<'a>, key: &str) -> Option<&'a Value<'a>> {
    let mut members = map.as_vec().iter().rev();
    let found = members.find(|(name, _)| **name == *key);
    found.map(|(_, value)| value)
}

/// A JSON object and where in the document it stands.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    map: &'a ObjectAsVec<'a>,
    path: String,
}

impl<'a> Fields<'a> {
    /// The document itself.
    pub(crate) fn root(value: &'a Value<'a>) -> Result<Self, ReadError> {
        let map = value
            .as_object()
            .ok_or_else(|| ReadError::Malformed("body".to_owned()))?;
        Ok(Self {
            map,
            path: String::new(),
        })
    }

    fn at(value: &'a Value<'a>, path: String) -> Result<Self, ReadError> {
        match value.as_object() {
            Some(map) => Ok(Self { map, path }),
            None => Err(ReadError::Malformed(path)),
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The value, where it is neither absent nor null.
    fn present(&self, key: &str) -> Option<&'a Value<'a>> {
        member(self.map, key).filter(|value| !value.is_null())
    }

    fn typed<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'a Value<'a>) -> Option<T>,
    ) -> Result<Option<T>, ReadError> {
        self.present(key)
            .map(|value| read(value).ok_or_else(|| self.malformed(key)))
            .transpose()
    }

    /// Says that a field makes no sense.
    pub(crate) fn malformed(&self, key: &str) -> ReadError {
        ReadError::Malformed(self.path_of(key))
    }

    /// Turns what is absent into an error.
    pub(crate) fn needed<T>(&self, key: &str, value: Option<T>) -> Result<T, ReadError> {
        value.ok_or_else(|| ReadError::Absent(self.path_of(key)))
    }

    /// What may be null, where the key is there: an absent key says nothing, null says "none".
    pub(crate) fn nullable<T>(&self, key: &str, value: Option<T>) -> Result<Option<T>, ReadError> {
        if self.mentions(key) {
            Ok(value)
        } else {
            Err(ReadError::Absent(self.path_of(key)))
        }
    }

    /// An id that may be null.
    pub(crate) fn nullable_reference(&self, key: &str) -> Result<Option<ProviderRef>, ReadError> {
        self.nullable(key, self.reference(key)?)
    }

    /// A time that may be null.
    pub(crate) fn nullable_time(&self, key: &str) -> Result<Option<Timestamp>, ReadError> {
        self.nullable(key, self.time(key)?)
    }

    /// Whether the key is there, be it with null.
    pub(crate) fn mentions(&self, key: &str) -> bool {
        member(self.map, key).is_some()
    }

    /// Whether there is something.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.present(key).is_some()
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, ReadError> {
        self.typed(key, Value::as_str)
    }

    /// A list of texts.
    pub(crate) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, ReadError> {
        self.typed(key, |value| {
            let texts = value.as_array()?.iter();
            texts.map(|text| text.as_str().map(str::to_owned)).collect()
        })
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, ReadError> {
        self.typed(key, Value::as_bool)
    }

    pub(crate) fn integer(&self, key: &str) -> Result<Option<i64>, ReadError> {
        self.typed(key, Value::as_i64)
    }

    /// Whole seconds since 1970.
    pub(crate) fn time(&self, key: &str) -> Result<Option<Timestamp>, ReadError> {
        self.typed(key, |value| {
            Timestamp::from_unix_seconds(value.as_i64()?).ok()
        })
    }

    pub(crate) fn child(&self, key: &str) -> Result<Option<Self>, ReadError> {
        self.present(key)
            .map(|value| Self::at(value, self.path_of(key)))
            .transpose()
    }

    /// The elements of one of Stripe's lists, `{"object": "list", "data": [...]}`.
    pub(crate) fn list(&self, key: &str) -> Result<Option<Vec<Self>>, ReadError> {
        match self.child(key)? {
            None => Ok(None),
            Some(list) => list.elements(),
        }
    }

    /// The elements under `data`.
    pub(crate) fn elements(&self) -> Result<Option<Vec<Self>>, ReadError> {
        let Some(elements) = self.typed("data", Value::as_array)? else {
            return Ok(None);
        };
        let path = self.path_of("data");
        let elements = elements
            .iter()
            .enumerate()
            .map(|(index, element)| Self::at(element, format!("{path}.{index}")));
        elements.collect::<Result<_, _>>().map(Some)
    }

    /// An id, also where the object stands expanded in its place.
    pub(crate) fn reference(&self, key: &str) -> Result<Option<ProviderRef>, ReadError> {
        self.typed(key, |value| {
            let id = match value {
                Value::Object(expanded) => member(expanded, "id")?.as_str()?,
                Value::Str(id) => id.as_ref(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
            };
            ProviderRef::parse(id).ok()
        })
    }
}
