//! A token bound to a key, at the handlers of axum, plain tower and tonic, over HTTP/1.1 and HTTP/2.
#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tower::ServiceBuilder;
use tower_bearer::binding::{Dpop, NonceKey};
use tower_bearer::replay::MemoryReplayStore;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer};

use support::answers::Seen;
use support::bound::{Desk, SITE, challenges};
use support::grpc::{GreeterServer, HELLO, Polite};
use support::inner::Inner;
use support::wire::{Http2, Wire, listener, serve_axum, serve_tower};

async fn axum(layer: BearerAuthLayer) -> SocketAddr {
    let hello = async |user: AuthenticatedUser| format!("hello {}", user.subject());
    let router = Router::new().route(HELLO, axum::routing::any(hello));
    serve_axum(router.layer(layer)).await
}

async fn tower(layer: BearerAuthLayer) -> SocketAddr {
    serve_tower(ServiceBuilder::new().layer(layer).service(Inner::default())).await
}

async fn tonic(layer: BearerAuthLayer) -> SocketAddr {
    let (listener, address) = listener().await;
    let server = tonic::transport::Server::builder()
        .accept_http1(true)
        .layer(layer)
        .add_service(GreeterServer::new(Polite))
        .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
    tokio::spawn(server);
    address
}

/// The request in both versions of HTTP, each with a proof of its own.
async fn over_both(to: SocketAddr, wire: impl Fn() -> Wire) -> [Seen; 2] {
    let http2 = Http2::connect(to).await;
    [wire().over_http1(to).await, wire().over_http2(&http2).await]
}

#[tokio::test]
async fn a_bound_token_is_let_in_by_its_proof_on_every_stack() {
    let desk = Desk::new();
    let layer = || {
        let dpop = Dpop::builder(Arc::new(MemoryReplayStore::new())).url(SITE);
        desk.layer(dpop.build().unwrap()).build().unwrap()
    };
    let token = desk.bound_token();
    let url = format!("{SITE}{HELLO}");
    for address in [
        axum(layer()).await,
        tower(layer()).await,
        tonic(layer()).await,
    ] {
        let bare = || Wire::grpc(HELLO).header("authorization", format!("DPoP {token}"));
        let proof = || desk.client.proof("POST", &url, &token).at(desk.now());
        let good = || bare().header("dpop", proof().sign());
        for seen in over_both(address, good).await {
            assert_eq!(seen.status, 200, "{}", seen.text());
            assert!(
                matches!(seen.grpc_status(), None | Some("0")),
                "{}",
                seen.text()
            );
        }
        let elsewhere = || bare().header("dpop", proof().claim("htu", SITE).sign());
        let by_bearer = || {
            Wire::grpc(HELLO)
                .header("authorization", format!("Bearer {token}"))
                .header("dpop", proof().sign())
        };
        for seen in over_both(address, bare).await {
            assert_refused(&seen, "invalid_dpop_proof");
        }
        for seen in over_both(address, elsewhere).await {
            assert_refused(&seen, "invalid_dpop_proof");
        }
        for seen in over_both(address, by_bearer).await {
            assert_refused(&seen, "invalid_token");
        }
        let once = proof().sign();
        let [first, again] = over_both(address, || bare().header("dpop", once.clone())).await;
        assert!(matches!(first.grpc_status(), None | Some("0")));
        assert_refused(&again, "invalid_dpop_proof");
    }
}

fn assert_refused(seen: &Seen, error: &str) {
    assert_eq!(seen.grpc_status(), Some("16"), "{}", seen.text());
    let challenges = challenges(&seen.headers);
    let dpop = challenges.iter().find(|one| one.scheme == "DPoP").unwrap();
    assert_eq!(dpop.get("error"), Some(error));
}

#[tokio::test]
async fn the_caller_reaches_a_handler_and_a_nonce_the_client() {
    let desk = Desk::new();
    let dpop = Dpop::builder(Arc::new(MemoryReplayStore::new()))
        .url(SITE)
        .require_nonce(NonceKey::random().unwrap());
    let layer = desk.layer(dpop.build().unwrap()).build().unwrap();
    let token = desk.bound_token();
    let url = format!("{SITE}{HELLO}");
    let address = axum(layer).await;
    let get = |proof: String| {
        Wire::get(&format!("{HELLO}?page=2"))
            .header("authorization", format!("DPoP {token}"))
            .header("dpop", proof)
    };
    let proof = || desk.client.proof("GET", &url, &token);
    for seen in over_both(address, || get(proof().sign())).await {
        assert_eq!(seen.status, 401);
        let nonce = seen.header("dpop-nonce").unwrap();
        for seen in over_both(address, || get(proof().nonce(nonce).sign())).await {
            assert_eq!(
                (seen.status.as_u16(), &*seen.body),
                (200, &b"hello alice"[..])
            );
        }
    }
}
