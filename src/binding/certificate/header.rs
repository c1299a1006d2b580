//! How proxies write a client's certificate into a header.

use base64_simd::STANDARD;
use http::{HeaderMap, HeaderName};

use super::ClientCertificate;
use crate::keys::pem;

/// The header in which a proxy hands on the certificate of its client. The proxy sets it on each request, and
/// takes off what clients send under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateHeader {
    /// `Client-Cert` (RFC 9440): base64 of the DER, between colons.
    ClientCert,
    /// PEM, percent-encoded, as nginx writes it (`$ssl_client_escaped_cert`), under this name.
    EscapedPem(HeaderName),
    /// `X-Forwarded-Client-Cert` of Envoy and Istio, of which `Hash` is read. It must tell of one client
    /// alone: `forward_client_cert_details: SANITIZE_SET`.
    XForwardedClientCert,
}

/// How long the value may be, in bytes. Certificates are of one or two thousand.
const MAX_LEN: usize = 16 * 1024;

impl CertificateHeader {
    /// The headers that nobody but the proxy may send: the first, and what goes with it.
    pub(super) fn names(&self) -> Vec<HeaderName> {
        match self {
            Self::ClientCert => vec![
                HeaderName::from_static("client-cert"),
                HeaderName::from_static("client-cert-chain"),
            ],
            Self::EscapedPem(name) => vec![name.clone()],
            Self::XForwardedClientCert => {
                vec![HeaderName::from_static("x-forwarded-client-cert")]
            }
        }
    }

    /// The certificate in the header, if it is there.
    pub(super) fn read(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<ClientCertificate>, &'static str> {
        let [name, ..] = &self.names()[..] else {
            return Ok(None);
        };
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err("the proxy's certificate header stands more than once");
        }
        let value = value.as_bytes();
        if value.len() > MAX_LEN {
            return Err("the proxy's certificate header is too long");
        }
        // What nginx writes for a client without one.
        if value.is_empty() {
            return Ok(None);
        }
        let certificate = match self {
            Self::ClientCert => byte_sequence(value).map(ClientCertificate::from_der),
            Self::EscapedPem(_) => escaped_pem(value).map(ClientCertificate::from_der),
            Self::XForwardedClientCert => hash(value).map(|digest| ClientCertificate { digest }),
        };
        certificate
            .map(Some)
            .ok_or("the proxy's certificate header is malformed")
    }
}

/// A byte sequence of RFC 9651 §3.3.5, without parameters.
fn byte_sequence(value: &[u8]) -> Option<Vec<u8>> {
    let base64 = value.strip_prefix(b":")?.strip_suffix(b":")?;
    STANDARD
        .decode_type(base64)
        .ok()
        .filter(|der: &Vec<u8>| !der.is_empty())
}

fn escaped_pem(value: &[u8]) -> Option<Vec<u8>> {
    let text = unescaped(value)?;
    let (label, der) = pem::decode(&text).ok()?;
    (label == "CERTIFICATE").then(|| der.to_vec())
}

/// Undoes percent-encoding. A plus is a plus: base64 has it.
fn unescaped(value: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            text.push(byte);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        text.push(hex(*digits)?);
        rest = after;
    }
    Some(text)
}

/// The one `Hash` of the one element, which is pairs such as `Hash=…;Subject="…"`.
fn hash(value: &[u8]) -> Option<[u8; 32]> {
    let mut hash = None;
    for pair in pairs(value)? {
        let (name, digits) = pair.split_at_checked(5).unwrap_or_default();
        if name.eq_ignore_ascii_case(b"hash=") && hash.replace(digits).is_some() {
            return None;
        }
    }
    let (digits, []) = hash?.as_chunks::<2>() else {
        return None;
    };
    let digest: Option<Vec<u8>> = digits.iter().map(|digits| hex(*digits)).collect();
    digest?.try_into().ok()
}

/// The pairs of one element; `None` where there are several elements, or an open quote.
fn pairs(value: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut pairs, mut start) = (Vec::new(), 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in value.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return None,
            b';' if !is_quoted => {
                pairs.push(&value[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pairs.push(&value[start..]);
    (!is_quoted).then_some(pairs)
}

fn hex(digits: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    Some(digit(digits[0])? << 4 | digit(digits[1])?)
}
