//! Proof of possession: that whoever presents a bound token is the one whom it was given to.
//!
//! A token is bound by its `cnf` (RFC 7800), which a verifier reads into
//! [`Identity::confirmation`](crate::identity::Identity::confirmation): to a key, whose holder signs a proof
//! for each request ([`Dpop`], RFC 9449), or to a certificate, by which the client is known on its connection
//! ([`Certificates`], RFC 8705). A [`Binding`] checks these between the verifier and the policy. The rules, in
//! the order in which they are applied:
//!
//! 1. **`Authorization: DPoP` is a credential** where the layer has a [`Dpop`], beside `Bearer`. Otherwise it
//!    is another scheme, and no credential.
//! 2. **A header that speaks for a proxy is taken off** unless the request came from that proxy.
//! 3. **The verifier judges the token,** knowing that its binding will be looked at. Without a binding on the
//!    layer, and wherever else nobody checks proofs, it refuses a bound token.
//! 4. **What the token is bound to decides what is proved:** everything in its `cnf`, and each by its own way.
//!    A token bound to a key comes by `DPoP` and by nothing else; one that is not bound to a key does not come
//!    by `DPoP` (RFC 9449 §7.1, §7.2). One that is bound to nothing is let pass, unless
//!    [`bound_tokens_only`](Binding::bound_tokens_only) says otherwise.
//! 5. **The certificate** is compared with the token.
//! 6. **The proof** is held against the request, as [`Dpop`] says, and at last whether it comes for the first
//!    time.
//!
//! | what is wrong | reason | answer |
//! |---|---|---|
//! | a bound token without its proof, or with that of another key or certificate | [`Unproved`](crate::Reason::Unproved) | 401 `invalid_token` |
//! | no proof, several, or one that is not good for this request | [`InvalidProof`](crate::Reason::InvalidProof) | 401 `invalid_dpop_proof` |
//! | a proof that was used before | [`Replayed`](crate::Reason::Replayed) | 401 `invalid_dpop_proof` |
//! | no nonce of ours, or an old one | [`NonceRequired`](crate::Reason::NonceRequired) | 401 `use_dpop_nonce`, with `DPoP-Nonce` |
//! | the store of proofs gave no answer | [`Unavailable`](crate::Reason::Unavailable) | 503 |
//!
//! A proof is used up by the request that it was sent with, also where the policy then turns the caller away.
//! So of two layers within one another only one has a [`Dpop`] with the same store. A client signs anew for each
//! attempt, also after a 503: a retry that sends the same request again, from outside of the layer, is refused.
//!
//! On gRPC the proof is the metadata `dpop`, its method `POST`, and its URL that of the method:
//! `https://api.example.com/package.Service/Method`. A page in a browser reads the answer's headers only if
//! CORS exposes them: `DPoP-Nonce` and `WWW-Authenticate`.
//!
//! ```
//! use std::sync::Arc;
//! use tower_bearer::binding::{Binding, Certificates, Dpop};
//! use tower_bearer::replay::MemoryReplayStore;
//! use tower_bearer::{BearerAuthLayer, ConfigError, TokenVerifier};
//!
//! # fn example(verifier: impl TokenVerifier + 'static) -> Result<BearerAuthLayer, ConfigError> {
//! let dpop = Dpop::builder(Arc::new(MemoryReplayStore::new()))
//!     .url("https://api.example.com")
//!     .build()?;
//! BearerAuthLayer::builder(verifier)
//!     .binding(Binding::of(dpop).and(Certificates::of_connection()))
//!     .build()
//! # }
//! ```

mod certificate;
mod dpop;
mod proxy;

use http::HeaderMap;

use crate::credential::{Scheme, Schemes};
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::refusal::{Reason, Refusal};
use crate::verifier::{Answer, Presented};

pub use certificate::{CertificateHeader, Certificates, ClientCertificate};
pub use dpop::{Dpop, DpopBuilder, NonceKey};
pub use proxy::{PeerAddr, TrustedProxy};

/// The ways in which a layer has possession proved; see the [module](self).
#[derive(Debug)]
#[must_use = "a binding is given to a layer's builder"]
pub struct Binding {
    dpop: Option<Dpop>,
    certificates: Option<Certificates>,
    bound_only: bool,
}

impl Binding {
    /// By a [`Dpop`], or by [`Certificates`].
    pub fn of(way: impl Into<Self>) -> Self {
        way.into()
    }

    /// And by the other as well. A token goes the way of its `cnf`. Of two of one kind the later counts.
    pub fn and(self, way: impl Into<Self>) -> Self {
        let other = way.into();
        Self {
            dpop: other.dpop.or(self.dpop),
            certificates: other.certificates.or(self.certificates),
            bound_only: self.bound_only || other.bound_only,
        }
    }

    /// Refuses tokens that are bound to nothing.
    pub fn bound_tokens_only(mut self) -> Self {
        self.bound_only = true;
        self
    }

    /// Under which schemes a token may come.
    pub(crate) fn schemes(&self) -> &'static [Scheme] {
        match self.dpop {
            Some(_) => &[Scheme::Bearer, Scheme::Dpop],
            None => &[Scheme::Bearer],
        }
    }

    /// In which schemes a client is challenged.
    pub(crate) fn challenged(&self) -> Schemes {
        Schemes {
            without_bearer: self.bound_only && self.dpop.is_some() && self.certificates.is_none(),
            dpop: self.dpop.as_ref().map(Dpop::algorithm_names),
        }
    }

    /// The headers that speak for a proxy without having come from it.
    pub(crate) fn pretended(&self, head: &RequestHead<'_>) -> &[http::HeaderName] {
        match &self.certificates {
            Some(certificates) => certificates.pretended(head),
            None => &[],
        }
    }

    /// Takes the proof off a request.
    pub(crate) fn remove_proof(&self, headers: &mut HeaderMap) {
        if self.dpop.is_some() {
            headers.remove(dpop::HEADER);
        }
    }

    /// Whether the request proves possession of what the caller's token is bound to. A nonce that the client
    /// is to use from now on is left in `nonce`.
    pub(crate) fn begin(
        &self,
        identity: Identity,
        presented: &Presented,
        head: &RequestHead<'_>,
        nonce: &mut Option<Box<http::HeaderValue>>,
    ) -> Answer {
        let named = |refusal: Refusal| refusal.naming(identity.credential_id());
        let proof = match self.check(&identity, presented, head).map_err(named) {
            Ok(Some(proof)) => proof,
            Ok(None) => return Answer::Now(Ok(identity)),
            Err(refusal) => return Answer::Now(Err(refusal)),
        };
        *nonce = proof.renewed_nonce;
        proof.first.begin(identity)
    }

    fn check(
        &self,
        identity: &Identity,
        presented: &Presented,
        head: &RequestHead<'_>,
    ) -> Result<Option<dpop::Proved>, Refusal> {
        let confirmation = identity.confirmation();
        if confirmation.is_none() && self.bound_only {
            return Err(unproved("the token is bound to nothing"));
        }
        if let Some(thumbprint) = confirmation.and_then(|bound| bound.x5t_s256()) {
            let certificates = self.certificates.as_ref().ok_or(unproved(
                "the token is bound to a certificate, and none is looked at",
            ))?;
            certificates.check(thumbprint, head)?;
        }
        let jkt = confirmation.and_then(|bound| bound.jkt());
        match (presented.scheme, jkt, &self.dpop) {
            (Scheme::Dpop, Some(jkt), Some(dpop)) => dpop.check(jkt, presented, head).map(Some),
            (Scheme::Dpop, None, _) => {
                Err(unproved("the token came by DPoP and is not bound to a key"))
            }
            (Scheme::Bearer, None, _) => Ok(None),
            (Scheme::Bearer, Some(_), _) => {
                Err(unproved("the token is bound to a key and came by Bearer"))
            }
            (Scheme::Dpop, Some(_), None) => Err(unproved(
                "the token is bound to a key, and no proof is read",
            )),
        }
    }
}

impl From<Dpop> for Binding {
    fn from(dpop: Dpop) -> Self {
        Self {
            dpop: Some(dpop),
            certificates: None,
            bound_only: false,
        }
    }
}

impl From<Certificates> for Binding {
    fn from(certificates: Certificates) -> Self {
        Self {
            dpop: None,
            certificates: Some(certificates),
            bound_only: false,
        }
    }
}

fn unproved(detail: &'static str) -> Refusal {
    Refusal::new(Reason::Unproved, detail)
}
