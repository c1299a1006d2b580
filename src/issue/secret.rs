use std::fmt;

use zeroize::Zeroizing;

/// The text of a token that was just minted: it can be read once.
///
/// Nothing keeps another copy, it does not print, and it is wiped when dropped unread.
///
/// ```
/// # use tower_bearer::issue::SecretToken;
/// # fn example(token: SecretToken) {
/// println!("{token:?}"); // SecretToken([REDACTED])
/// let text: String = token.reveal(); // and the token is gone from here
/// # }
/// ```
#[must_use = "a token that is not revealed is lost"]
pub struct SecretToken(Zeroizing<String>);

impl SecretToken {
    /// Gives the text out, once. Whoever calls this keeps it out of logs.
    #[must_use]
    pub fn reveal(mut self) -> String {
        std::mem::take(&mut self.0)
    }

    #[cfg(all(feature = "jwt", feature = "tokens"))]
    pub(super) fn into_text(self) -> Zeroizing<String> {
        self.0
    }

    #[cfg(any(feature = "jwt", feature = "tokens"))]
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretToken([REDACTED])")
    }
}
