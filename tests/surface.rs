//! What can be relied on by whoever holds the crate's types, whatever is inside of them.

use std::fmt::Debug;
use std::sync::Arc;

use tower_bearer::caller::Denied;
use tower_bearer::clock::{Clock, ManualClock, SystemClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::{Identity, OnAdmitted};
use tower_bearer::metadata::{ResourceMetadata, ResourceMetadataBuilder, ResourceMetadataService};
use tower_bearer::middleware::{BearerAuth, BearerAuthLayerBuilder, Require, ResponseFuture};
use tower_bearer::observe::AuthListener;
use tower_bearer::policy::{Permit, Policy};
use tower_bearer::verifier::{Answer, Enriched, FnVerifier, Presented, TokenRouter};
use tower_bearer::{
    AuthenticatedUser, BearerAuthLayer, ConfigError, Refusal, RequireLayer, TokenVerifier,
};

fn shared<T: Debug + Send + Sync + 'static>() {}
fn copied<T: Clone + Debug + Send + Sync + 'static>() {}
fn sent<T: Debug + Send + 'static>() {}
fn error<T: std::error::Error + Send + Sync + 'static>() {}

#[test]
fn the_main_types_are_shared_between_threads_and_print() {
    copied::<AuthenticatedUser>();
    copied::<BearerAuthLayer>();
    copied::<BearerAuth<()>>();
    copied::<RequireLayer>();
    copied::<Require<()>>();
    copied::<Policy>();
    copied::<Permit>();
    copied::<Identity>();
    copied::<Refusal>();
    copied::<BearerToken>();
    copied::<Presented>();
    copied::<ManualClock>();
    copied::<SystemClock>();
    copied::<Timestamp>();
    copied::<ResourceMetadata>();
    copied::<ResourceMetadataBuilder>();
    copied::<ResourceMetadataService>();
    shared::<BearerAuthLayerBuilder>();
    shared::<TokenRouter>();
    shared::<Enriched>();
    shared::<FnVerifier>();
    sent::<Answer>();
    error::<ConfigError>();
    error::<Refusal>();
    error::<Denied>();
}

#[cfg(feature = "jwks")]
#[test]
fn keys_from_elsewhere_are_shared_between_threads_and_print() {
    use tower_bearer::keys::discovery::{AuthorizationServer, Discovery, WellKnown};
    use tower_bearer::keys::remote::{
        FetchError, RemoteKeySetBuilder, RemoteKeyStatus, SetupError, SkippedKey,
    };

    copied::<tower_bearer::keys::RemoteKeySet>();
    copied::<RemoteKeySetBuilder>();
    copied::<RemoteKeyStatus>();
    copied::<SkippedKey>();
    copied::<AuthorizationServer>();
    copied::<Discovery>();
    copied::<WellKnown>();
    error::<FetchError>();
    error::<SetupError>();
}

#[test]
fn a_response_under_way_may_change_threads() {
    type Inner = tower::util::BoxCloneService<
        http::Request<()>,
        http::Response<http_body_util::Full<bytes::Bytes>>,
        tower::BoxError,
    >;
    sent::<ResponseFuture<Inner, ()>>();
}

#[test]
fn extension_points_are_held_without_their_types() {
    fn held(
        _: Option<Arc<dyn TokenVerifier>>,
        _: Option<Arc<dyn Clock>>,
        _: Option<Arc<dyn AuthListener>>,
        _: Option<Arc<dyn OnAdmitted>>,
    ) {
    }
    held(None, None, None, None);
    copied::<Arc<dyn TokenVerifier>>();
    copied::<Arc<dyn Clock>>();
}

#[cfg(feature = "jwt")]
#[test]
fn jwts_are_judged_and_issued_on_any_thread() {
    use tower_bearer::issue::{
        IssuePolicy, IssuedJwt, JwksService, JwtIssuer, KeyRotationError, SigningKey, SigningKeys,
    };
    use tower_bearer::keys::{KeySet, SharedKeySet, VerificationKey, VerifierKeys};
    use tower_bearer::verifier::jwt::{JwtVerifier, JwtVerifierBuilder};

    shared::<JwtVerifier>();
    shared::<JwtVerifierBuilder>();
    copied::<KeySet>();
    copied::<SharedKeySet>();
    copied::<VerifierKeys>();
    copied::<SigningKeys>();
    copied::<JwksService>();
    copied::<IssuePolicy>();
    error::<KeyRotationError>();
    copied::<VerificationKey>();
    copied::<SigningKey>();
    copied::<JwtIssuer>();
    sent::<IssuedJwt>();
}

#[cfg(feature = "tokens")]
#[test]
fn tokens_are_stored_and_issued_on_any_thread() {
    use tower_bearer::issue::{IssueError, Minted, TokenIssuer};
    use tower_bearer::store::{Found, MemoryStore, StoreError, TokenRecord, TokenStore};
    use tower_bearer::verifier::{ApiKeyVerifier, OpaqueTokenVerifier};

    copied::<Arc<dyn TokenStore>>();
    shared::<MemoryStore>();
    copied::<TokenRecord>();
    copied::<Found>();
    copied::<TokenIssuer>();
    copied::<ApiKeyVerifier>();
    copied::<OpaqueTokenVerifier>();
    sent::<Minted>();
    error::<StoreError>();
    error::<IssueError>();
}
