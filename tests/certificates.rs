//! Tokens bound to a certificate (RFC 8705): by that of the connection, or by what a trusted proxy says.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderName, HeaderValue, Request};
use sha2::{Digest, Sha256};
use tower_bearer::binding::{
    Binding, CertificateHeader, Certificates, ClientCertificate, Dpop, PeerAddr, TrustedProxy,
};
use tower_bearer::identity::Confirmation;
use tower_bearer::replay::MemoryReplayStore;
use tower_bearer::{Reason, RequestHead};

use support::answers::{Seen, Told};
use support::bound::{Desk, SITE, ask, bearing, challenges, guarded, proved, refusal};
use support::inner::Inner;

/// RFC 8705, appendix A: figure 6, and its thumbprint in figure 5.
const PEM: &str = "-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----
";
const THUMBPRINT: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";

const PROXY: &str = "10.0.0.1";

fn base64() -> String {
    PEM.lines().filter(|line| !line.starts_with('-')).collect()
}

fn der() -> Vec<u8> {
    STANDARD.decode_to_vec(base64()).unwrap()
}

/// As nginx escapes it: whatever is no letter, digit or one of a few marks.
fn escaped(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |byte: u8| match keep(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

fn hex() -> String {
    Sha256::digest(der())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn bound(desk: &Desk) -> String {
    desk.bound_to(Confirmation::certificate(THUMBPRINT).unwrap())
}

fn on_connection(mut request: Request<String>, der: impl AsRef<[u8]>) -> Request<String> {
    let certificate = ClientCertificate::from_der(der);
    request.extensions_mut().insert(certificate);
    request
}

fn from(peer: &str, mut request: Request<String>) -> Request<String> {
    request
        .extensions_mut()
        .insert(PeerAddr(peer.parse().unwrap()));
    request
}

fn with(mut request: Request<String>, name: &'static str, value: &str) -> Request<String> {
    let value = HeaderValue::from_str(value).unwrap();
    request.headers_mut().append(name, value);
    request
}

fn proxy() -> TrustedProxy {
    TrustedProxy::at([PROXY.parse().unwrap()])
}

#[track_caller]
fn assert_unproved(seen: &Seen, detail: &str) {
    let refusal = refusal(seen);
    assert_eq!(refusal.reason(), Reason::Unproved, "{refusal}");
    assert!(
        refusal.detail().contains(detail),
        "{refusal} says nothing of {detail:?}"
    );
    Told::INVALID.assert_http(seen, None);
}

#[test]
fn the_thumbprint_is_that_of_the_rfc() {
    assert_eq!(ClientCertificate::from_der(der()).thumbprint(), THUMBPRINT);
}

#[tokio::test]
async fn a_bound_token_is_let_in_on_a_connection_with_its_certificate_and_on_no_other() {
    let desk = Desk::new();
    let service = guarded(desk.layer(Certificates::of_connection()));
    let token = bound(&desk);
    for _ in 0..2 {
        let seen = ask(&service, on_connection(bearing(&token), der())).await;
        assert_eq!(seen.status, 200, "as often as the client likes");
    }
    let seen = ask(&service, bearing(&token)).await;
    assert_unproved(&seen, "the client has none");
    let seen = ask(&service, on_connection(bearing(&token), b"another")).await;
    assert_unproved(&seen, "another certificate");
    // One that is bound to nothing needs none, and is none the worse for it.
    let free = desk.free_token();
    assert_eq!(ask(&service, bearing(&free)).await.status, 200);
    let seen = ask(&service, on_connection(bearing(&free), der())).await;
    assert_eq!(seen.status, 200);
}

#[tokio::test]
async fn bound_tokens_alone_may_be_demanded() {
    let desk = Desk::new();
    let binding = Binding::of(Certificates::of_connection()).bound_tokens_only();
    let service = guarded(desk.layer(binding));
    let free = desk.free_token();
    let seen = ask(&service, on_connection(bearing(&free), der())).await;
    assert_unproved(&seen, "bound to nothing");
    let seen = ask(&service, on_connection(bearing(&bound(&desk)), der())).await;
    assert_eq!(seen.status, 200);
}

#[tokio::test]
async fn a_layer_proves_what_it_was_set_up_for_and_nothing_else() {
    let desk = Desk::new();
    let dpop = || {
        let replays = Arc::new(MemoryReplayStore::new());
        Dpop::builder(replays).url(SITE).build().unwrap()
    };
    let certificates = guarded(desk.layer(Certificates::of_connection()));
    let proofs = guarded(desk.layer(dpop()));
    let both = guarded(desk.layer(Binding::of(dpop()).and(Certificates::of_connection())));

    let to_certificate = bound(&desk);
    let request = || on_connection(bearing(&to_certificate), der());
    assert_eq!(ask(&both, request()).await.status, 200);
    let refused = ask(&proofs, request()).await;
    assert_eq!(refusal(&refused).reason(), Reason::Unproved);

    let to_key = desk.bound_token();
    let request = || on_connection(proved(&to_key, &desk.proof(&to_key)), der());
    assert_eq!(ask(&both, request()).await.status, 200);
    let refused = ask(&certificates, request()).await;
    assert_eq!(refusal(&refused).reason(), Reason::OtherScheme);
    let refused = ask(&certificates, on_connection(bearing(&to_key), der())).await;
    assert_eq!(refusal(&refused).reason(), Reason::Unproved);

    // Bound to both, a token is proved in both ways.
    let certificate = Confirmation::certificate(THUMBPRINT).unwrap();
    let to_both = desk.bound_to(desk.client.confirmation().and(certificate));
    let request = || proved(&to_both, &desk.proof(&to_both));
    assert_eq!(
        ask(&both, on_connection(request(), der())).await.status,
        200
    );
    let refused = ask(&both, request()).await;
    assert_eq!(refusal(&refused).reason(), Reason::Unproved);
    let refused = ask(&both, on_connection(bearing(&to_both), der())).await;
    assert_eq!(refusal(&refused).reason(), Reason::Unproved);
    let refused = ask(&proofs, on_connection(request(), der())).await;
    assert_eq!(refusal(&refused).reason(), Reason::Unproved);
    assert_eq!(challenges(&refused.headers).len(), 2);
}

/// Each way in which proxies write certificates: the header, and a good value.
fn headers() -> [(CertificateHeader, &'static str, String); 3] {
    let nginx = HeaderName::from_static("ssl-client-cert");
    [
        (
            CertificateHeader::ClientCert,
            "client-cert",
            format!(":{}:", base64()),
        ),
        (
            CertificateHeader::EscapedPem(nginx),
            "ssl-client-cert",
            escaped(PEM),
        ),
        (
            CertificateHeader::XForwardedClientCert,
            "x-forwarded-client-cert",
            format!(
                "By=spiffe://a;Hash={};Subject=\"CN=m\\\"tls, O=x;y\";URI=",
                hex()
            ),
        ),
    ]
}

#[tokio::test]
async fn the_certificate_in_a_trusted_proxys_header_is_believed() {
    let desk = Desk::new();
    let token = bound(&desk);
    for (header, name, value) in headers() {
        let service = guarded(desk.layer(Certificates::from_proxy(header, proxy())));
        for peer in [PROXY, "::ffff:10.0.0.1"] {
            let seen = ask(&service, from(peer, with(bearing(&token), name, &value))).await;
            assert_eq!(seen.status, 200, "{name} {}", seen.text());
        }
        let seen = ask(&service, from(PROXY, bearing(&token))).await;
        assert_unproved(&seen, "the client has none");
        // The proxy has a certificate of its own, which is not its clients'.
        let seen = ask(&service, from(PROXY, on_connection(bearing(&token), der()))).await;
        assert_unproved(&seen, "the client has none");
    }
}

#[tokio::test]
async fn a_header_from_somebody_who_is_not_the_proxy_proves_nothing_and_goes_no_further() {
    let desk = Desk::new();
    let token = bound(&desk);
    for (header, name, value) in headers() {
        for of_connection in [false, true] {
            let mut certificates = Certificates::from_proxy(header.clone(), proxy());
            if of_connection {
                certificates = certificates.or_of_connection();
            }
            let inner = Inner::default();
            let layer = desk.layer(certificates).optional().build().unwrap();
            let service = tower::Layer::layer(&layer, inner.clone());
            let forged = || with(bearing(&token), name, &value);
            for request in [forged(), from("10.0.0.2", forged()), from("::1", forged())] {
                assert_unproved(&ask(&service, request).await, "the client has none");
            }
            // Nor does it take the place of the certificate of the connection.
            let seen = ask(&service, on_connection(forged(), b"another")).await;
            assert_eq!(refusal(&seen).reason(), Reason::Unproved);
            assert_eq!(inner.calls(), 0);

            // Whoever is let in for another reason does not bring it along.
            let free = desk.free_token();
            let anonymous = support::answers::bare();
            for request in [bearing(&free), anonymous] {
                let seen = ask(&service, with(request, name, &value)).await;
                assert_eq!(seen.status, 200);
                assert!(!inner.last().headers.contains_key(name), "{name}");
            }
            let seen = ask(&service, from(PROXY, with(bearing(&free), name, &value))).await;
            assert_eq!(seen.status, 200);
            assert!(
                inner.last().headers.contains_key(name),
                "the proxy's own stays"
            );

            let seen = ask(&service, on_connection(forged(), der())).await;
            assert_eq!(seen.status == 200, of_connection);
        }
    }
}

#[tokio::test]
async fn a_proxys_header_stands_once_and_is_well_formed() {
    let desk = Desk::new();
    let token = bound(&desk);
    let (hash, base64, pem) = (hex(), base64(), escaped(PEM));
    let bad: [&[String]; 3] = [
        &[
            base64.clone(),
            format!(":{base64}"),
            format!("{base64}:"),
            format!(":{base64}:;a=1"),
            format!(":{base64}:, :{base64}:"),
            format!(":{}:", URL_SAFE_NO_PAD.encode_to_string(der())),
            format!(":{}:", base64.trim_end_matches('=')),
            ":".to_owned(),
            "::".to_owned(),
            format!(":{}:", "A".repeat(20_000)),
            pem.clone(),
        ],
        &[
            PEM.replace('\n', " ").replace('=', "%3"),
            pem.replace("%0A", "%0"),
            pem.replace("CERTIFICATE", "PUBLIC%20KEY"),
            format!("{pem}{pem}"),
            pem.replace("%2B", "%20"),
            format!(":{base64}:"),
            "x".to_owned(),
        ],
        &[
            hash.clone(),
            format!("Hash={}", &hash[2..]),
            format!("Hash={hash}00"),
            format!("Hash={}g0", &hash[2..]),
            format!("Hash=\"{hash}\""),
            format!("Hash={hash};Hash={hash}"),
            format!("Hash={hash},Hash={hash}"),
            format!("By=a,Hash={hash}"),
            format!("Hash={hash};Subject=\"x"),
            "Hash=".to_owned(),
            "By=a".to_owned(),
            format!("Subject=\";Hash={hash}\""),
        ],
    ];
    for ((header, name, value), bad) in headers().into_iter().zip(bad) {
        let service = guarded(desk.layer(Certificates::from_proxy(header, proxy())));
        for bad in bad {
            let request = from(PROXY, with(bearing(&token), name, bad));
            let seen = ask(&service, request).await;
            assert_eq!(refusal(&seen).reason(), Reason::Unproved, "{name}: {bad}");
            Told::INVALID.assert_http(&seen, None);
        }
        let twice = with(with(bearing(&token), name, &value), name, &value);
        assert_unproved(&ask(&service, from(PROXY, twice)).await, "more than once");
        let none = from(PROXY, with(bearing(&token), name, ""));
        assert_unproved(&ask(&service, none).await, "the client has none");
    }
}

#[tokio::test]
async fn who_the_proxy_is_may_be_told_by_the_service() {
    #[derive(Clone)]
    struct ByUnixSocket;

    let desk = Desk::new();
    let token = bound(&desk);
    let by_socket = |head: &RequestHead<'_>| head.extensions.get::<ByUnixSocket>().is_some();
    let proxy = TrustedProxy::when(by_socket);
    let certificates = Certificates::from_proxy(CertificateHeader::ClientCert, proxy);
    let service = guarded(desk.layer(certificates));
    let value = format!(":{}:", base64());
    let mut request = with(bearing(&token), "client-cert", &value);
    assert_unproved(&ask(&service, request.clone()).await, "the client has none");
    request.extensions_mut().insert(ByUnixSocket);
    assert_eq!(ask(&service, request).await.status, 200);
}

/// RFC 9440 §2.1 has the chain in a header of its own, which is no more for anybody to send.
#[tokio::test]
async fn the_chain_goes_with_the_certificate() {
    let desk = Desk::new();
    let inner = Inner::default();
    let certificates = Certificates::from_proxy(CertificateHeader::ClientCert, proxy());
    let layer = desk.layer(certificates).build().unwrap();
    let service = tower::Layer::layer(&layer, inner.clone());
    let free = desk.free_token();
    ask(
        &service,
        with(bearing(&free), "client-cert-chain", ":AAAA:"),
    )
    .await;
    assert!(!inner.last().headers.contains_key("client-cert-chain"));
}
