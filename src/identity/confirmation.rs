use std::fmt;

/// What a token is bound to (`cnf` of RFC 7800): a key by its thumbprint, a certificate, or both, each of
/// which whoever presents the token must prove to have.
///
/// A thumbprint is a SHA-256 digest in base64url without padding: 43 characters.
///
/// ```
/// use tower_bearer::identity::Confirmation;
///
/// let bound = Confirmation::key("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")?;
/// assert_eq!(bound.jkt(), Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
/// assert_eq!(bound.x5t_s256(), None);
/// # Ok::<(), tower_bearer::identity::InvalidThumbprint>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Confirmation {
    jkt: Option<Box<str>>,
    x5t_s256: Option<Box<str>>,
}

impl Confirmation {
    /// Bound to the key with this thumbprint (`jkt`, RFC 9449 §6.1): it is proved by DPoP.
    ///
    /// # Errors
    /// If `thumbprint` is no SHA-256 digest in base64url.
    pub fn key(thumbprint: impl Into<Box<str>>) -> Result<Self, InvalidThumbprint> {
        Ok(Self {
            jkt: Some(checked(thumbprint.into())?),
            x5t_s256: None,
        })
    }

    /// Bound to the certificate with this thumbprint (`x5t#S256`, RFC 8705 §3.1): it is proved by mutual TLS.
    ///
    /// # Errors
    /// If `thumbprint` is no SHA-256 digest in base64url.
    pub fn certificate(thumbprint: impl Into<Box<str>>) -> Result<Self, InvalidThumbprint> {
        Ok(Self {
            jkt: None,
            x5t_s256: Some(checked(thumbprint.into())?),
        })
    }

    /// Bound to what `other` is bound to as well.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            jkt: other.jkt.or(self.jkt),
            x5t_s256: other.x5t_s256.or(self.x5t_s256),
        }
    }

    /// The thumbprint of the key (`jkt`).
    #[must_use]
    pub fn jkt(&self) -> Option<&str> {
        self.jkt.as_deref()
    }

    /// The thumbprint of the certificate (`x5t#S256`).
    #[must_use]
    pub fn x5t_s256(&self) -> Option<&str> {
        self.x5t_s256.as_deref()
    }
}

/// 32 bytes are 43 characters, of which the last has two bits left over that are zero.
fn checked(thumbprint: Box<str>) -> Result<Box<str>, InvalidThumbprint> {
    let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match thumbprint.as_bytes() {
        [start @ .., last]
            if start.len() == 42
                && start.iter().all(is_base64url)
                && b"AEIMQUYcgkosw048".contains(last) =>
        {
            Ok(thumbprint)
        }
        _ => Err(InvalidThumbprint),
    }
}

/// A text that is no thumbprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidThumbprint;

impl fmt::Display for InvalidThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a thumbprint is a SHA-256 digest in base64url: 43 characters, without padding")
    }
}

impl std::error::Error for InvalidThumbprint {}
