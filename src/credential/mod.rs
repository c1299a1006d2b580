//! Reading a bearer credential from a request's headers (RFC 6750 §2.1, RFC 9110 §11).
//!
//! The rules, in the order in which they are applied:
//!
//! 1. No `Authorization` header: no credential ([`Reason::Missing`]).
//! 2. More than one `Authorization` header: malformed, whatever they hold.
//! 3. A value longer than the cap (8 KiB unless set otherwise) is not read further.
//! 4. The value begins with a scheme (RFC 9110 §5.6.2 token). A value that does not is malformed.
//! 5. A scheme other than `Bearer`, in any letter case, is no bearer credential
//!    ([`Reason::OtherScheme`]), unless a `Bearer` comes after a comma: two headers that a proxy folded into
//!    one are malformed as two headers are. `DPoP` (RFC 9449 §7.1) is another scheme too, except to a layer
//!    with a [`binding`](crate::binding) that takes it; there it is read as `Bearer` is.
//! 6. After the scheme come one or more spaces and one token68, and nothing else. A tab, a second word, a
//!    comma, a space at the end, or no token at all is malformed.
//!
//! Bodies and query strings are never read for tokens. Any further source of credentials belongs in this
//! module, beside [`from_headers`]: it ends in the same [`BearerToken`].

mod schemes;
mod token;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue};

use crate::refusal::{Reason, Refusal};

pub(crate) use schemes::Schemes;
pub use token::{BearerToken, InvalidToken};

/// How long an `Authorization` value may be by default, in bytes.
pub const DEFAULT_MAX_LEN: usize = 8 * 1024;

/// The scheme under which a credential was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// `Bearer` (RFC 6750).
    Bearer,
    /// `DPoP` (RFC 9449 §7.1): the token is bound to a key, and a proof by that key comes with it.
    Dpop,
}

impl Scheme {
    /// The scheme as on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }

    fn is(self, name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(self.as_str().as_bytes())
    }
}

/// Reads the bearer credential in `headers`, and marks every `Authorization` value there sensitive, so that
/// it does not print; `max_len` is the cap on the whole value, in bytes.
///
/// # Errors
/// [`Reason::Missing`], [`Reason::OtherScheme`], [`Reason::Malformed`] or [`Reason::TooLarge`], as the
/// rules of this module say.
///
/// ```
/// use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
/// use tower_bearer::credential;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(AUTHORIZATION, HeaderValue::from_static("bearer mF_9.B5f-4.1JqM"));
/// let token = credential::from_headers(&mut headers, credential::DEFAULT_MAX_LEN)?;
/// assert_eq!(token.expose_secret(), "mF_9.B5f-4.1JqM");
/// # Ok::<(), tower_bearer::Refusal>(())
/// ```
pub fn from_headers(headers: &mut HeaderMap, max_len: usize) -> Result<BearerToken, Refusal> {
    read(headers, max_len, &[Scheme::Bearer]).map(|(_, token)| token)
}

/// Reads a credential of one of the schemes, of which `Bearer` is the first.
pub(crate) fn read(
    headers: &mut HeaderMap,
    max_len: usize,
    schemes: &[Scheme],
) -> Result<(Scheme, BearerToken), Refusal> {
    let Some(value) = headers.get_mut(AUTHORIZATION) else {
        return Err(Refusal::new(Reason::Missing, "no authorization header"));
    };
    value.set_sensitive(true);
    let value = value.clone();
    if headers.get_all(AUTHORIZATION).iter().nth(1).is_some() {
        mark_all_sensitive(headers);
        return Err(malformed("several authorization headers"));
    }
    if value.len() > max_len {
        return Err(Refusal::new(
            Reason::TooLarge,
            "authorization header over the size limit",
        ));
    }
    from_value(value, schemes)
}

fn mark_all_sensitive(headers: &mut HeaderMap) {
    for (name, value) in headers.iter_mut() {
        if name == AUTHORIZATION {
            value.set_sensitive(true);
        }
    }
}

fn from_value(value: HeaderValue, schemes: &[Scheme]) -> Result<(Scheme, BearerToken), Refusal> {
    let bytes = value.as_bytes();
    let (scheme, scheme_len) = match bytes.get(..7) {
        Some(start) if start.eq_ignore_ascii_case(b"bearer ") => (Some(Scheme::Bearer), 6),
        _ => {
            let len = bytes.iter().take_while(|b| is_tchar(**b)).count();
            (find(schemes, &bytes[..len]), len)
        }
    };
    let rest = &bytes[scheme_len..];
    if scheme_len == 0 {
        return Err(malformed("no authentication scheme"));
    }
    let Some(scheme) = scheme else {
        return Err(other_scheme(rest, schemes));
    };
    let spaces = rest.iter().take_while(|b| **b == b' ').count();
    if spaces == 0 || !is_token68(&rest[spaces..]) {
        return Err(malformed("not a single bearer token"));
    }
    let start = scheme_len + spaces;
    Ok((scheme, BearerToken::from_checked(value, start)))
}

fn find(schemes: &[Scheme], name: &[u8]) -> Option<Scheme> {
    schemes.iter().copied().find(|scheme| scheme.is(name))
}

fn other_scheme(rest: &[u8], schemes: &[Scheme]) -> Refusal {
    match rest.first() {
        None | Some(b' ' | b'\t') if has_folded_one(rest, schemes) => {
            malformed("several credentials")
        }
        None | Some(b' ' | b'\t') => Refusal::new(
            Reason::OtherScheme,
            "authorization header of another scheme",
        ),
        Some(_) => malformed("no authentication scheme"),
    }
}

fn has_folded_one(rest: &[u8], schemes: &[Scheme]) -> bool {
    rest.split(|b| *b == b',').skip(1).any(|part| {
        let part = part.trim_ascii_start();
        let scheme_len = part.iter().take_while(|b| is_tchar(**b)).count();
        let (scheme, after) = part.split_at(scheme_len);
        find(schemes, scheme).is_some() && matches!(after.first(), None | Some(b' ' | b'\t'))
    })
}

fn malformed(detail: &'static str) -> Refusal {
    Refusal::new(Reason::Malformed, detail)
}

/// RFC 9110 §11.2: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
pub(crate) fn is_token68(bytes: &[u8]) -> bool {
    let padding = bytes.iter().rev().take_while(|b| **b == b'=').count();
    let text = &bytes[..bytes.len() - padding];
    // Without a way out early, so that the compiler looks at many bytes at once.
    let strange = text
        .iter()
        .fold(0, |strange, &b| strange | u8::from(!is_token68_byte(b)));
    !text.is_empty() && strange == 0
}

fn is_token68_byte(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let dash_to_nine = byte.wrapping_sub(b'-') <= b'9' - b'-';
    letter | dash_to_nine | (byte == b'+') | (byte == b'_') | (byte == b'~')
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}
