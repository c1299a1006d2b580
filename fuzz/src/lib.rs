//! What several targets hold the crate against: a plain reading of JSON objects and base64url, by other
//! code than the crate's own.

pub mod making;
pub mod rules;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of one JSON object, in order, with their values as they are written.
pub struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads `text`, if it is one object whose names are unique.
    pub fn read(text: &'a str) -> Option<Self> {
        let object: Self = serde_json::from_str(text).ok()?;
        let mut names: Vec<_> = object.0.iter().map(|(name, _)| name).collect();
        names.sort();
        names
            .windows(2)
            .all(|two| two[0] != two[1])
            .then_some(object)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(member, _)| member == name)
    }

    /// The member as a `T`: `Ok(None)` where there is none, an error where it is something else.
    pub fn get<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, serde_json::Error> {
        match self.0.iter().find(|(member, _)| member == name) {
            Some((_, value)) => serde_json::from_str(value.get()).map(Some),
            None => Ok(None),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor).map(Object)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes that `text` is the one spelling of.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
