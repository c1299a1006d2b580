use serde::de::MapAccess;

use crate::identity::Confirmation;
use crate::json::{self, Members, Value};

/// What the token is bound to, by `cnf` (RFC 7800).
#[derive(Debug)]
pub(super) enum Bound {
    ToNothing,
    To(Confirmation),
    /// To what is not understood here.
    Unknown,
}

impl Bound {
    /// Reads a `cnf`. Each of its members must be proved, so with one that is not known none is of use.
    pub(super) fn read(cnf: &str) -> Self {
        let mut members = Cnf { confirmation: None };
        match json::read_object(cnf, &mut members, UNKNOWN) {
            Ok(()) => members.confirmation.map_or(Self::Unknown, Self::To),
            Err(_) => Self::Unknown,
        }
    }
}

struct Cnf {
    confirmation: Option<Confirmation>,
}

impl<'a> Members<'a> for Cnf {
    fn member<A: MapAccess<'a>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        let text = |value: Value<'_, A>| value.text().map_err(|_| UNKNOWN);
        let read = match name {
            "jkt" => Confirmation::key(text(value)?),
            "x5t#S256" => Confirmation::certificate(text(value)?),
            _ => return Err(UNKNOWN),
        };
        let read = read.map_err(|_| UNKNOWN)?;
        self.confirmation = Some(match self.confirmation.take() {
            Some(held) => held.and(read),
            None => read,
        });
        Ok(())
    }
}

const UNKNOWN: &str = "the cnf binds to what is not known here";
