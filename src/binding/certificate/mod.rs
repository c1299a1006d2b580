//! Tokens bound to a certificate (RFC 8705 §3).

mod header;

use base64_simd::URL_SAFE_NO_PAD;
use http::HeaderName;
use sha2::{Digest, Sha256};

use super::proxy::TrustedProxy;
use crate::head::RequestHead;
use crate::refusal::{Reason, Refusal};

pub use header::CertificateHeader;

/// The certificate by which the client is known on its connection, which the service's own server puts into
/// the extensions of each request.
///
/// The server asks for certificates, checks what it wants to check of them, and has had the possession of the
/// key proved in the handshake. Of the certificate itself nothing is kept but its digest.
///
/// With tokio-rustls, for each connection that was accepted:
///
/// ```ignore
/// let client = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first());
/// let client = client.map(|leaf| ClientCertificate::from_der(leaf));
/// let service = service_fn(move |mut request: Request<Incoming>| {
///     if let Some(client) = client {
///         request.extensions_mut().insert(client);
///     }
///     app.clone().oneshot(request)
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    digest: [u8; 32],
}

impl ClientCertificate {
    /// The certificate with this DER encoding: the client's own, and not that of who issued it.
    #[must_use]
    pub fn from_der(der: impl AsRef<[u8]>) -> Self {
        Self {
            digest: Sha256::digest(der).into(),
        }
    }

    /// Its thumbprint, as it stands in a token's `x5t#S256` (RFC 8705 §3.1).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode_to_string(self.digest)
    }
}

/// Where the client's certificate is taken from; a way for a [`Binding`](super::Binding).
///
/// 1. A request that came from the proxy has the certificate which the proxy's header names, or none. That
///    header stands once.
/// 2. Any other has that of its connection ([`ClientCertificate`]), or none; the proxy's header is taken off
///    it, for the service inside as well.
/// 3. The SHA-256 of its DER is the token's `x5t#S256`.
#[derive(Debug, Clone)]
pub struct Certificates {
    of_connection: bool,
    of_proxy: Option<OfProxy>,
}

#[derive(Debug, Clone)]
struct OfProxy {
    header: CertificateHeader,
    names: Vec<HeaderName>,
    proxy: TrustedProxy,
}

impl Certificates {
    /// From the connection, by [`ClientCertificate`] in the request's extensions.
    #[must_use]
    pub fn of_connection() -> Self {
        Self {
            of_connection: true,
            of_proxy: None,
        }
    }

    /// From a header of the proxy that ends the clients' connections.
    #[must_use]
    pub fn from_proxy(header: CertificateHeader, proxy: TrustedProxy) -> Self {
        Self {
            of_connection: false,
            of_proxy: Some(OfProxy {
                names: header.names(),
                header,
                proxy,
            }),
        }
    }

    /// From the connection as well, where a request did not come from the proxy.
    #[must_use]
    pub fn or_of_connection(mut self) -> Self {
        self.of_connection = true;
        self
    }

    /// The headers of the proxy, on a request that it did not send.
    pub(super) fn pretended(&self, head: &RequestHead<'_>) -> &[HeaderName] {
        match &self.of_proxy {
            Some(of_proxy) if !of_proxy.proxy.sent(head) => &of_proxy.names,
            _ => &[],
        }
    }

    /// Whether the client's certificate is the one with this thumbprint.
    pub(super) fn check(&self, thumbprint: &str, head: &RequestHead<'_>) -> Result<(), Refusal> {
        let unproved = |detail| Refusal::new(Reason::Unproved, detail);
        let certificate = self.find(head).map_err(unproved)?.ok_or(unproved(
            "the token is bound to a certificate, and the client has none",
        ))?;
        if certificate.thumbprint() == thumbprint {
            Ok(())
        } else {
            Err(unproved("the token is bound to another certificate"))
        }
    }

    fn find(&self, head: &RequestHead<'_>) -> Result<Option<ClientCertificate>, &'static str> {
        if let Some(of_proxy) = &self.of_proxy
            && of_proxy.proxy.sent(head)
        {
            // The certificate of this connection, if any, is the proxy's.
            return of_proxy.header.read(head.headers);
        }
        Ok(self
            .of_connection
            .then(|| head.extensions.get::<ClientCertificate>().copied())
            .flatten())
    }
}
