//! Reading one JSON object whose members are unique, in one pass, borrowing from its text.
//!
//! Member names are compared after their escapes are undone, so that no second spelling hides a second
//! member (RFC 7515 §4, RFC 7519 §4).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use serde_json::value::RawValue;

use crate::clock::Timestamp;

/// What an object's members are read into.
pub(crate) trait Members<'de> {
    /// Reads the member `name`, or says what is wrong with it.
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str>;
}

/// Reads `text` into `members`. `malformed` is what is said of a text that is not one object with unique
/// members and nothing after it.
pub(crate) fn read_object<'de>(
    text: &'de str,
    members: &mut impl Members<'de>,
    malformed: &'static str,
) -> Result<(), &'static str> {
    let mut problem = malformed;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let visitor = Object {
        members,
        problem: &mut problem,
    };
    deserializer
        .deserialize_map(visitor)
        .and_then(|()| deserializer.end())
        .map_err(|_| problem)
}

struct Object<'a, M> {
    members: &'a mut M,
    problem: &'a mut &'static str,
}

impl<'de, M: Members<'de>> DeserializeSeed<'de> for Object<'_, M> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, M: Members<'de>> Visitor<'de> for Object<'_, M> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = Names::default();
        while let Some(Text(name)) = map.next_key()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("a member appears twice"));
            }
            if let Err(problem) = self.members.member(&name, Value(&mut map)) {
                *self.problem = problem;
                return Err(A::Error::custom(problem));
            }
        }
        Ok(())
    }
}

/// The value of a member, to be read as what it should be.
pub(crate) struct Value<'a, A>(&'a mut A);

/// A value of another type than asked for.
#[derive(Debug)]
pub(crate) struct WrongType;

impl<'de, A: MapAccess<'de>> Value<'_, A> {
    pub(crate) fn text(self) -> Result<Cow<'de, str>, WrongType> {
        self.read::<Text<'de>>().map(|text| text.0)
    }

    #[cfg(feature = "introspection")]
    pub(crate) fn boolean(self) -> Result<bool, WrongType> {
        self.read()
    }

    pub(crate) fn date(self) -> Result<Timestamp, WrongType> {
        self.read::<NumericDate>().map(|date| date.0)
    }

    /// Hands `each` the text, or the texts of an array, and tells which it was.
    pub(crate) fn texts(self, each: impl FnMut(Cow<'de, str>)) -> Result<Shape, WrongType> {
        self.0.next_value_seed(Texts(each)).map_err(|_| WrongType)
    }

    /// Reads the object that the value is into `members`. `malformed` is what is said of a value that is not
    /// one object with unique members.
    pub(crate) fn object(
        self,
        members: &mut impl Members<'de>,
        malformed: &'static str,
    ) -> Result<(), &'static str> {
        let mut problem = malformed;
        let object = Object {
            members,
            problem: &mut problem,
        };
        self.0.next_value_seed(object).map_err(|_| problem)
    }

    /// The value as it is written.
    pub(crate) fn raw(self) -> Result<&'de RawValue, WrongType> {
        self.read()
    }

    pub(crate) fn raw_array(self) -> Result<Vec<&'de RawValue>, WrongType> {
        self.read()
    }

    /// Passes over the value; its syntax is checked.
    pub(crate) fn skip(self) -> Result<(), WrongType> {
        self.read::<IgnoredAny>().map(|_| ())
    }

    fn read<T: Deserialize<'de>>(self) -> Result<T, WrongType> {
        self.0.next_value().map_err(|_| WrongType)
    }
}

/// Whether there was a text, or an array of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    Array,
}

/// The names seen so far. Allocates only for objects with many members, or with escapes in their names.
#[derive(Default)]
struct Names<'de> {
    few: [&'de str; 24],
    len: usize,
    more: Option<HashSet<Cow<'de, str>>>,
    // One bit for each name, so that most new names are known to be new without comparing.
    bits: u64,
}

impl<'de> Names<'de> {
    /// Whether `name` is new.
    fn insert(&mut self, name: Cow<'de, str>) -> bool {
        let bit = 1 << (fingerprint(&name) & 63);
        let maybe_seen = self.bits & bit != 0;
        self.bits |= bit;
        if maybe_seen && self.few[..self.len].contains(&&*name) {
            return false;
        }
        match (name, self.few.get_mut(self.len)) {
            (Cow::Borrowed(name), Some(slot)) if self.more.is_none() => {
                *slot = name;
                self.len += 1;
                true
            }
            (name, _) => self.more.get_or_insert_default().insert(name),
        }
    }
}

fn fingerprint(name: &str) -> usize {
    let bytes = name.as_bytes();
    let ends = [bytes.first(), bytes.last()].map(|byte| usize::from(byte.copied().unwrap_or(0)));
    ends[0]
        .wrapping_mul(7)
        .wrapping_add(ends[1].wrapping_mul(29))
        .wrapping_add(bytes.len())
}

/// A string, borrowed where it has no escapes.
struct Text<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

/// A string or an array of strings, handed to the function one by one.
struct Texts<F>(F);

impl<'de, F: FnMut(Cow<'de, str>)> DeserializeSeed<'de> for Texts<F> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(Cow<'de, str>)> Visitor<'de> for Texts<F> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_borrowed_str<E: Error>(mut self, text: &'de str) -> Result<Shape, E> {
        (self.0)(Cow::Borrowed(text));
        Ok(Shape::One)
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<Shape, E> {
        (self.0)(Cow::Owned(text.to_owned()));
        Ok(Shape::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Shape, A::Error> {
        while let Some(Text(text)) = seq.next_element()? {
            (self.0)(text);
        }
        Ok(Shape::Array)
    }
}

/// Seconds since the epoch, perhaps with a fraction (RFC 7519 §2). What is out of range stops at its end.
struct NumericDate(Timestamp);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not `deserialize_any`, which serde_json answers with a map when another crate in the build
        // turns on its feature `arbitrary_precision`.
        deserializer.deserialize_f64(NumericDateVisitor)
    }
}

struct NumericDateVisitor;

impl Visitor<'_> for NumericDateVisitor {
    type Value = NumericDate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E: Error>(self, secs: i64) -> Result<NumericDate, E> {
        Ok(NumericDate(Timestamp::from_unix_secs(secs)))
    }

    fn visit_u64<E: Error>(self, secs: u64) -> Result<NumericDate, E> {
        self.visit_i64(i64::try_from(secs).unwrap_or(i64::MAX))
    }

    fn visit_f64<E: Error>(self, secs: f64) -> Result<NumericDate, E> {
        if !secs.is_finite() {
            return Err(E::custom("a number out of range"));
        }
        // The cast stops at the ends of the range.
        let millis = (secs * 1000.0).floor() as i64;
        Ok(NumericDate(Timestamp::from_unix_millis(millis)))
    }
}
