use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::head::RequestHead;

/// The address at the other end of the connection, which the service's own server puts into the extensions
/// of each request.
///
/// In axum, where the server was made by `into_make_service_with_connect_info`:
///
#[cfg_attr(feature = "axum", doc = "```")]
#[cfg_attr(not(feature = "axum"), doc = "```ignore")]
/// use std::net::SocketAddr;
/// use axum::extract::{ConnectInfo, Request};
/// use axum::{Router, middleware::{Next, from_fn}, response::Response};
/// use tower_bearer::binding::PeerAddr;
///
/// async fn tell_peer(
///     ConnectInfo(peer): ConnectInfo<SocketAddr>,
///     mut request: Request,
///     next: Next,
/// ) -> Response {
///     request.extensions_mut().insert(PeerAddr(peer.ip()));
///     next.run(request).await
/// }
///
/// # let guarded: Router = Router::new();
/// let app = guarded.layer(from_fn(tell_peer)); // outside of the `BearerAuthLayer`
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub IpAddr);

/// Which requests came from a proxy whose headers are believed. A clone shares it.
#[derive(Clone)]
pub struct TrustedProxy {
    is_proxy: Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>,
}

impl TrustedProxy {
    /// Those whose connection comes from one of these addresses, by [`PeerAddr`]. A request without one came
    /// from nobody who is believed.
    #[must_use]
    pub fn at(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let addresses: Vec<_> = addresses
            .into_iter()
            .map(|address| address.to_canonical())
            .collect();
        Self::when(move |head| {
            let peer = head.extensions.get::<PeerAddr>();
            peer.is_some_and(|PeerAddr(peer)| addresses.contains(&peer.to_canonical()))
        })
    }

    /// Those of which `is_proxy` says so: by the connection, which its extensions tell of, and never by a
    /// header that anybody can send.
    #[must_use]
    pub fn when<F>(is_proxy: F) -> Self
    where
        F: Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static,
    {
        Self {
            is_proxy: Arc::new(is_proxy),
        }
    }

    pub(super) fn sent(&self, head: &RequestHead<'_>) -> bool {
        (self.is_proxy)(head)
    }
}

impl fmt::Debug for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrustedProxy(..)")
    }
}
