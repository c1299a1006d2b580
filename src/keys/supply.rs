//! What fetches keys that a verifier lacks; nothing does, without the feature `jwks`.

use crate::refusal::Refusal;

#[cfg(feature = "jwks")]
pub(crate) use super::remote::{RemoteKeySet as Supply, Waiting};

/// What is to be done with a token that means no key that is held.
#[cfg_attr(
    not(feature = "jwks"),
    allow(dead_code, reason = "without the feature nothing is looked up")
)]
pub(crate) enum Lookup {
    /// Wait for a fetch, and look again.
    Wait(Waiting),
    /// It was looked up a moment ago, and is not there.
    Unknown,
    /// It cannot be looked up.
    Unavailable(Refusal),
}

#[cfg(not(feature = "jwks"))]
mod none {
    use super::Lookup;
    use crate::clock::Timestamp;
    use crate::refusal::Refusal;

    #[derive(Debug, Clone)]
    pub(crate) enum Supply {}

    pub(crate) enum Waiting {}

    impl Supply {
        pub(crate) fn attend(&self, _: Timestamp) -> bool {
            match *self {}
        }

        pub(crate) fn look_up(&self, _: Timestamp) -> Lookup {
            match *self {}
        }

        pub(crate) fn unattended(&self) -> Self {
            match *self {}
        }
    }

    impl Waiting {
        pub(crate) async fn wait(self, _: bool) -> Result<bool, Refusal> {
            match self {}
        }
    }
}

#[cfg(not(feature = "jwks"))]
pub(crate) use none::{Supply, Waiting};
