use sha2::{Digest as _, Sha256};

use crate::error::ConfigError;
use crate::replay::ReplayId;
use crate::store::format::push_base64url;
use crate::store::{StoreError, TokenDigest};

use super::error::{generic, malformed};

const MAX_PREFIX: usize = 64;
/// 32 bytes in base64url.
const TAG_LEN: usize = 43;
/// Eight bytes in hexadecimal.
const CLAIM_LEN: usize = 16;

/// The names of a store's keys.
pub(super) struct Keys {
    prefix: Box<str>,
}

impl Keys {
    pub(super) fn new(prefix: Box<str>) -> Result<Self, ConfigError> {
        // Braces would move the slot, and `*?[]\` would match other keys.
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':');
        if prefix.is_empty() || prefix.len() > MAX_PREFIX || !prefix.bytes().all(is_plain) {
            return Err(ConfigError::new(
                "key_prefix",
                "must be 1 to 64 letters, digits and characters of _-.:",
            ));
        }
        Ok(Self { prefix })
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where endings are told.
    pub(super) fn channel(&self) -> String {
        format!("{}:endings", self.prefix)
    }

    pub(super) fn home(&self, subject: &str) -> Home {
        self.home_of_tag(tag(subject))
    }

    pub(super) fn home_of_tag(&self, tag: String) -> Home {
        let path = format!("{}:{{{tag}}}", self.prefix);
        Home { tag, path }
    }

    /// Where it stands which record a digest is of.
    pub(super) fn pointer(&self, digest: &TokenDigest) -> String {
        let mut key = format!("{}:d:", self.prefix);
        push_base64url(&mut key, digest.as_bytes());
        key
    }

    /// Where it stands until when what may be presented once is remembered.
    pub(super) fn replay(&self, id: &ReplayId) -> String {
        let mut key = format!("{}:o:", self.prefix);
        push_base64url(&mut key, id.as_bytes());
        key
    }

    pub(super) fn revocation(&self, target: &str) -> String {
        format!("{}:r:{}", self.prefix, tag(target))
    }

    /// What the keys of all revocations match, and none else.
    pub(super) fn all_revocations(&self) -> String {
        // As long as they are, so that those of a store whose prefix goes on like this are not among them.
        format!("{}:r:{}", self.prefix, "?".repeat(TAG_LEN))
    }

    /// What the keys of all indexes match.
    pub(super) fn all_indexes(&self) -> String {
        format!("{}:{{*}}:i", self.prefix)
    }

    /// Whether a key that matches is an index's, and not of a record whose id ends like one.
    pub(super) fn is_index(&self, key: &[u8]) -> bool {
        key.len() == self.prefix.len() + TAG_LEN + ":{}:i".len()
    }
}

/// Where the records of a subject are.
pub(super) struct Home {
    tag: String,
    path: String,
}

impl Home {
    pub(super) fn index(&self) -> String {
        format!("{}:i", self.path)
    }

    pub(super) fn record(&self, id: &str) -> String {
        format!("{}:t:{id}", self.path)
    }

    pub(super) fn tag(&self) -> &str {
        &self.tag
    }
}

/// What stands at a digest's pointer: where its record is, its id, and by which claim.
pub(super) struct Pointer {
    pub(super) tag: String,
    pub(super) claim: String,
    pub(super) id: String,
}

impl Pointer {
    /// How long the tag is, and the tag and the claim together.
    pub(super) const PARTS: [usize; 2] = [TAG_LEN, TAG_LEN + CLAIM_LEN];

    pub(super) fn to_text(&self) -> String {
        format!("{}{}{}", self.tag, self.claim, self.id)
    }

    pub(super) fn from_stored(bytes: Vec<u8>) -> Result<Self, StoreError> {
        let text = String::from_utf8(bytes).map_err(|_| malformed("a pointer"))?;
        let parts = text.get(..TAG_LEN).zip(text.get(TAG_LEN..Self::PARTS[1]));
        let (tag, claim) = parts.ok_or_else(|| malformed("a pointer"))?;
        Ok(Self {
            tag: tag.to_owned(),
            claim: claim.to_owned(),
            id: text[Self::PARTS[1]..].to_owned(),
        })
    }
}

/// A name that nobody else gives: of a claim, or of a call that may be sent twice.
pub(super) fn unique() -> Result<String, StoreError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(generic)?;
    Ok(format!("{:016x}", u64::from_be_bytes(random)))
}

/// Any text in 43 characters that no key has a meaning for, different for different texts.
fn tag(text: &str) -> String {
    let mut tag = String::with_capacity(TAG_LEN);
    push_base64url(&mut tag, &Sha256::digest(text.as_bytes()).into());
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_cannot_move_a_slot_or_match_other_keys() {
        for prefix in ["", "a{b", "a}", "a*", "a b", "é", &"x".repeat(65)] {
            let error = Keys::new(prefix.into()).err().expect("a bad prefix");
            assert_eq!(error.setting(), "key_prefix", "{prefix:?}");
        }
        assert!(Keys::new("app-1.eu:tokens_2".into()).is_ok());
    }

    #[test]
    fn a_record_whose_id_ends_like_an_index_is_none() {
        let keys = Keys::new("p".into()).expect("a prefix");
        let home = keys.home("alice");
        assert!(keys.is_index(home.index().as_bytes()));
        for id in ["", ":i", "}:i", "i"] {
            assert!(!keys.is_index(home.record(id).as_bytes()), "{id:?}");
        }
    }
}
