use zeroize::Zeroizing;

use crate::error::ConfigError;

/// How long a prefix may be.
const MAX_PREFIX: usize = 32;
/// 32 bytes in base64url without padding.
const RANDOM_LEN: usize = 43;
/// A CRC-32 in base62, padded with zeros on the left.
const CHECKSUM_LEN: usize = 6;

const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How the text of a token looks: a prefix, 256 random bits in base64url, and a checksum.
///
/// The checksum is the CRC-32 of all that stands before it, in six base62 characters. It keeps no secret:
/// it lets a mistyped or invented token be refused without asking a store, and a scanner recognise one
/// that leaked. A format that must look like somebody else's may do without.
///
/// ```
/// use tower_bearer::store::TokenFormat;
///
/// let format = TokenFormat::new("acme_")?;
/// assert!(!format.matches_shape(b"acme_hello"));
///
/// // "ak_" and 43 characters, as keys that were given out before may look.
/// let keys = TokenFormat::new("ak_")?.without_checksum();
/// assert!(keys.matches_shape(b"ak_0123456789abcdefghijklmnopqrstuvwxyzABCDEFA"));
/// # Ok::<(), tower_bearer::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFormat {
    prefix: Box<str>,
    checksum: bool,
}

impl TokenFormat {
    /// Tokens that begin with `prefix`, such as `acme_`, and end in a checksum.
    ///
    /// The prefix may be empty where nothing else is told apart by it; API keys need one.
    ///
    /// # Errors
    /// If the prefix has a character that a bearer token cannot have before its end (letters, digits and
    /// `-._~+/` may stand there), or is longer than 32 characters.
    pub fn new(prefix: impl Into<Box<str>>) -> Result<Self, ConfigError> {
        let prefix = prefix.into();
        if !prefix.bytes().all(is_prefix_byte) {
            return Err(ConfigError::new(
                "prefix",
                format!("{prefix:?} has a character other than letters, digits and -._~+/"),
            ));
        }
        if prefix.len() > MAX_PREFIX {
            return Err(ConfigError::new("prefix", "longer than 32 characters"));
        }
        Ok(Self {
            prefix,
            checksum: true,
        })
    }

    /// Without the checksum.
    #[must_use]
    pub fn without_checksum(mut self) -> Self {
        self.checksum = false;
        self
    }

    /// What every token of this format begins with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether `text` could be a token of this format: prefix, length, alphabet and checksum are right,
    /// all of them to the letter.
    #[must_use]
    pub fn matches_shape(&self, text: &[u8]) -> bool {
        if text.len() != self.len() || !text.starts_with(self.prefix.as_bytes()) {
            return false;
        }
        let (body, checksum) = text.split_at(self.prefix.len() + RANDOM_LEN);
        let random = &body[self.prefix.len()..];
        is_base64url(random)
            && is_last(random[RANDOM_LEN - 1])
            && (!self.checksum || checksum == checksum_of(body))
    }

    /// Refuses a format without a prefix, for tokens that are told from others by it.
    pub(crate) fn require_prefix(&self) -> Result<(), ConfigError> {
        if self.prefix.is_empty() {
            return Err(ConfigError::new("prefix", "empty, and API keys need one"));
        }
        Ok(())
    }

    /// A new token.
    pub(crate) fn generate(&self) -> Result<Zeroizing<String>, getrandom::Error> {
        let mut random = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *random)?;
        Ok(self.of_bytes(&random))
    }

    /// The token of these bytes.
    pub(crate) fn of_bytes(&self, bytes: &[u8; 32]) -> Zeroizing<String> {
        // As long as it will ever be, so that no copy is left behind by growing.
        let mut text = Zeroizing::new(String::with_capacity(self.len()));
        text.push_str(&self.prefix);
        push_base64url(&mut text, bytes);
        if self.checksum {
            let checksum = checksum_of(text.as_bytes());
            text.extend(checksum.map(char::from));
        }
        text
    }

    /// The start of a token that may be shown in a listing: the prefix and four characters, which leave
    /// 232 bits unknown.
    pub(crate) fn display_start<'t>(&self, text: &'t str) -> &'t str {
        text.get(..self.prefix.len() + 4).unwrap_or_default()
    }

    fn len(&self) -> usize {
        let checksum = if self.checksum { CHECKSUM_LEN } else { 0 };
        self.prefix.len() + RANDOM_LEN + checksum
    }
}

fn is_prefix_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

fn is_base64url(bytes: &[u8]) -> bool {
    // A fold without a way out early, so that the compiler can look at many bytes at once.
    bytes.iter().fold(true, |all, &b| {
        all & (b.is_ascii_alphanumeric() | (b == b'-') | (b == b'_'))
    })
}

/// What the last of the 43 characters can be, as it holds four bits and not six.
fn is_last(byte: u8) -> bool {
    matches!(
        byte,
        b'A' | b'E'
            | b'I'
            | b'M'
            | b'Q'
            | b'U'
            | b'Y'
            | b'c'
            | b'g'
            | b'k'
            | b'o'
            | b's'
            | b'w'
            | b'0'
            | b'4'
            | b'8'
    )
}

pub(super) fn push_base64url(text: &mut String, bytes: &[u8; 32]) {
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(group);
        for place in 0..=chunk.len() {
            let digit = (bits >> (18 - 6 * place)) & 0x3f;
            text.push(char::from(BASE64URL[digit as usize]));
        }
    }
}

fn checksum_of(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut rest = crc32fast::hash(body);
    let mut digits = [0; CHECKSUM_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}
