//! Who may have which token issued.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, proptest};
use proptest::{option, prop_assert, prop_assert_eq, prop_oneof};
use tower_bearer::clock::Timestamp;
use tower_bearer::identity::{CredentialKind, Identity, RoleGrant};
use tower_bearer::issue::{IssueError, IssuePolicy, Minted, NewToken, TokenIssuer};
use tower_bearer::scope::ScopeSet;
use tower_bearer::store::{
    MemoryStore, Page, StoreError, TokenChange, TokenFilter, TokenFormat, TokenKey,
};
use tower_bearer::{Reason, Refusal};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn desk(policy: Option<IssuePolicy>) -> TokenIssuer {
    let store = Arc::new(MemoryStore::new());
    let issuer = TokenIssuer::opaque(store, TokenFormat::new("st_").unwrap());
    match policy {
        Some(policy) => issuer.with_policy(policy),
        None => issuer,
    }
}

fn by(kind: CredentialKind) -> Identity {
    Identity::new("alice", kind)
}

fn session() -> Identity {
    by(CredentialKind::Session)
}

fn wish() -> NewToken {
    NewToken::access_token("alice").lifetime(90 * DAY)
}

fn scopes(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

async fn ask(policy: &IssuePolicy, issuer: &Identity, new: NewToken) -> Result<Minted, Refusal> {
    match desk(Some(policy.clone())).mint_as(issuer, new).await {
        Ok(minted) => Ok(minted),
        Err(IssueError::NotAllowed(refusal)) => {
            assert_eq!(refusal.reason(), Reason::Forbidden);
            Err(refusal)
        }
        Err(other) => panic!("{other}"),
    }
}

#[track_caller]
fn assert_not_allowed(judged: Result<Minted, Refusal>, why: &str) {
    let refusal = judged.expect_err("it should not be allowed");
    assert!(refusal.detail().contains(why), "{refusal} and not {why}");
}

#[tokio::test]
async fn what_is_not_allowed_is_not_minted() {
    let desk = desk(None);
    let stranger = Identity::new("mallory", CredentialKind::Session);
    let refused = desk.mint_as(&stranger, wish()).await.unwrap_err();
    assert!(matches!(refused, IssueError::NotAllowed(_)));
    assert_eq!(refused.to_string(), "the token is for somebody else");
    let listed = desk
        .list("alice", &TokenFilter::all(), &Page::first(10))
        .await;
    assert_eq!(listed.unwrap(), []);
    let minted = desk.mint_as(&session(), wish()).await.unwrap();
    let listed = desk
        .list("alice", &TokenFilter::all(), &Page::first(10))
        .await;
    assert_eq!(listed.unwrap(), [minted.record]);
}

#[tokio::test]
async fn what_takes_the_place_of_a_token_is_held_to_the_same_rules() {
    let desk = desk(None);
    let first = desk.mint(wish()).await.unwrap().record;
    let role = || wish().role(RoleGrant::new("admin"));
    let refused = desk.replace_as(&session(), &first.id, role()).await;
    assert!(matches!(refused, Err(IssueError::NotAllowed(_))));
    let kept = desk.get(first.key()).await.unwrap();
    assert_eq!(kept, Some(first.clone()));
    let admin = session().with_role(RoleGrant::new("admin"));
    let second = desk.replace_as(&admin, &first.id, role()).await.unwrap();
    let spent = desk.get(first.key()).await.unwrap().unwrap();
    assert_eq!(spent.replaced_by, Some(second.record.id));
}

#[tokio::test]
async fn a_session_issues_and_nothing_else_does_unless_named() {
    use CredentialKind::{AccessToken, ApiKey, BotToken, Jwt, Other, RefreshToken};
    let strict = IssuePolicy::strict();
    assert!(ask(&strict, &session(), wish()).await.is_ok());
    for kind in [AccessToken, ApiKey, BotToken, Jwt, Other, RefreshToken] {
        assert_not_allowed(ask(&strict, &by(kind), wish()).await, "such a credential");
    }
    let keys = IssuePolicy::strict().by_kinds([ApiKey, AccessToken]);
    assert!(ask(&keys, &by(ApiKey), wish()).await.is_ok());
    assert_not_allowed(ask(&keys, &session(), wish()).await, "such a credential");
    // One that lasts does not turn into a login.
    let login = || NewToken::session("alice").lifetime(DAY);
    assert_not_allowed(ask(&keys, &by(ApiKey), login()).await, "login");
    assert!(ask(&strict, &session(), login()).await.is_ok());
}

#[tokio::test]
async fn an_owner_or_admin_issues_for_the_site_where_they_are_one() {
    let policy = IssuePolicy::strict().by_roles(["owner", "admin"]);
    let on = |role: &str| wish().role(RoleGrant::on(role, "site-1"));
    for role in ["owner", "admin"] {
        let issuer = session().with_role(RoleGrant::on(role, "site-1"));
        let minted = ask(&policy, &issuer, on(role)).await.unwrap();
        assert_eq!(minted.record.roles, [RoleGrant::on(role, "site-1")]);
        let elsewhere = wish().role(RoleGrant::on(role, "site-2"));
        assert_not_allowed(ask(&policy, &issuer, elsewhere).await, "lacks the role");
        let both = on(role).role(RoleGrant::on(role, "site-2"));
        assert_not_allowed(ask(&policy, &issuer, both).await, "lacks the role");
        let everywhere = wish().role(RoleGrant::new(role));
        assert_not_allowed(ask(&policy, &issuer, everywhere).await, "lacks the role");
        assert_not_allowed(ask(&policy, &issuer, wish()).await, "lacks the role");
        let issuer = session().with_role(RoleGrant::new(role));
        for new in [on(role), wish().role(RoleGrant::new(role)), wish()] {
            assert!(ask(&policy, &issuer, new).await.is_ok());
        }
    }
    let editor = session().with_role(RoleGrant::on("editor", "site-1"));
    assert_not_allowed(ask(&policy, &editor, on("editor")).await, "lacks the role");
}

#[tokio::test]
async fn roles_beyond_the_issuers_own_are_granted_where_the_policy_says_so() {
    let owner = session().with_role(RoleGrant::on("owner", "site-1"));
    let editor_of = |site: &str| wish().role(RoleGrant::on("editor", site));
    let strict = IssuePolicy::strict();
    let refused = ask(&strict, &owner, editor_of("site-1")).await;
    assert_not_allowed(refused, "role that its issuer lacks");

    let wider = strict.may_grant(|issuer, grant| {
        let site = grant.resource().unwrap_or_default();
        grant.role() == "editor" && issuer.has_role_on("owner", site)
    });
    assert!(ask(&wider, &owner, editor_of("site-1")).await.is_ok());
    let refused = ask(&wider, &owner, editor_of("site-2")).await;
    assert_not_allowed(refused, "role that its issuer lacks");
    let both = editor_of("site-1").role(RoleGrant::on("admin", "site-1"));
    assert_not_allowed(
        ask(&wider, &owner, both).await,
        "role that its issuer lacks",
    );
}

#[tokio::test]
async fn scopes_are_the_issuers_own_unless_waived() {
    let issuer = session().with_scopes(scopes("read write"));
    let strict = IssuePolicy::strict();
    let minted = ask(&strict, &issuer, wish().scopes(scopes("write"))).await;
    assert_eq!(minted.unwrap().record.scopes, scopes("write"));
    let more = || wish().scopes(scopes("read delete"));
    assert_not_allowed(ask(&strict, &issuer, more()).await, "scope");
    let waived = IssuePolicy::strict().allow_any_scope();
    assert!(ask(&waived, &issuer, more()).await.is_ok());
}

#[tokio::test]
async fn tokens_for_others_are_issued_where_the_policy_says_so() {
    let policy = IssuePolicy::strict()
        .may_issue_for(|issuer, subject| subject == format!("{}-bot", issuer.subject()));
    let bot = |name: &str| NewToken::bot_token(name);
    assert!(ask(&policy, &session(), bot("alice-bot")).await.is_ok());
    assert!(ask(&policy, &session(), bot("alice")).await.is_ok());
    assert_not_allowed(
        ask(&policy, &session(), bot("bob-bot")).await,
        "somebody else",
    );
    assert_not_allowed(
        ask(&policy, &session(), bot("Alice")).await,
        "somebody else",
    );
}

#[tokio::test]
async fn a_token_tells_of_no_better_login_than_its_issuers() {
    let at = Timestamp::from_unix_secs;
    let strict = IssuePolicy::strict();
    let issuer = session().with_auth_time(at(1000)).with_acr("pwd");
    for good in [
        wish(),
        wish().auth_time(at(1000)).acr("pwd"),
        wish().auth_time(at(999)),
    ] {
        assert!(ask(&strict, &issuer, good).await.is_ok());
    }
    for bad in [
        wish().auth_time(at(1001)),
        wish().acr("phr"),
        wish().acr(""),
    ] {
        assert_not_allowed(ask(&strict, &issuer, bad).await, "another login");
    }
    for bad in [wish().auth_time(at(0)), wish().acr("pwd")] {
        assert_not_allowed(ask(&strict, &session(), bad).await, "another login");
    }
}

#[cfg(all(feature = "jwt", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
#[test]
fn a_jwt_is_issued_by_the_same_rules() {
    use tower_bearer::issue::{JwtIssuer, NewJwt, SigningKey};
    use tower_bearer::keys::Algorithm;

    let builder = || {
        JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA).unwrap())
            .issuer("https://id.example.com")
            .audience("https://api.example.com")
            .lifetime(DAY)
    };
    let strict = builder().build().unwrap();
    let issuer = session().with_scopes(scopes("read"));
    let new = || NewJwt::new("alice");
    assert!(
        strict
            .issue_as(&issuer, new().scopes(scopes("read")))
            .is_ok()
    );
    let own = || {
        new()
            .claims(&serde_json::json!({"roles": ["admin"]}))
            .unwrap()
    };
    for (issuer, bad) in [
        (&issuer, new().scopes(scopes("write"))),
        (&issuer, NewJwt::new("bob")),
        (&issuer, new().acr("phr")),
        (&issuer, own()),
        (&by(CredentialKind::Jwt), new()),
    ] {
        let refused = strict.issue_as(issuer, bad.clone()).unwrap_err();
        assert!(matches!(refused, IssueError::NotAllowed(_)), "{bad:?}");
    }
    let waived = builder().policy(IssuePolicy::strict().allow_own_claims());
    assert!(waived.build().unwrap().issue_as(&issuer, own()).is_ok());
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn a_handler_answers_403_with_the_refusal() {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::routing::post;
    use tower::ServiceExt;
    use tower_bearer::caller::Denied;
    use tower_bearer::verifier::verify_fn;
    use tower_bearer::{AuthenticatedUser, BearerAuthLayer};

    async fn issue(user: AuthenticatedUser) -> Result<String, Denied> {
        let new = NewToken::access_token("alice").lifetime(DAY);
        match desk(None).mint_as(&user, new).await {
            Ok(minted) => Ok(minted.token.reveal()),
            Err(IssueError::NotAllowed(refusal)) => Err(user.deny(refusal)),
            Err(other) => panic!("{other}"),
        }
    }
    let verifier = verify_fn(async |presented| {
        let kind = match presented.token.expose_secret() {
            "session" => CredentialKind::Session,
            _ => CredentialKind::AccessToken,
        };
        Ok(by(kind))
    });
    let app: axum::Router = axum::Router::new()
        .route("/", post(issue))
        .layer(BearerAuthLayer::new(verifier));
    for (token, status) in [
        ("session", StatusCode::OK),
        ("access", StatusCode::FORBIDDEN),
    ] {
        let request = Request::post("/").header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        let challenged = response.headers().contains_key("www-authenticate");
        assert_eq!(challenged, status == StatusCode::FORBIDDEN);
    }
}

fn kinds() -> impl Strategy<Value = CredentialKind> {
    prop_oneof![
        4 => Just(CredentialKind::Session),
        1 => Just(CredentialKind::AccessToken),
        1 => Just(CredentialKind::Jwt),
    ]
}

fn few_scopes() -> impl Strategy<Value = ScopeSet> {
    let scope = prop::sample::select(vec!["read", "write", "reader", "Read"]);
    prop::collection::vec(scope, 0..3).prop_map(|scopes| ScopeSet::try_from_iter(scopes).unwrap())
}

fn few_roles() -> impl Strategy<Value = Vec<RoleGrant>> {
    let role = prop::sample::select(vec!["owner", "editor", ""]);
    let resource = option::of(prop::sample::select(vec!["site-1", "site-2", ""]));
    let grant = (role, resource).prop_map(|(role, resource)| match resource {
        Some(resource) => RoleGrant::on(role, resource),
        None => RoleGrant::new(role),
    });
    prop::collection::vec(grant, 0..3)
}

/// The same in other words: a grant is covered by itself, or by the role everywhere.
fn covers(held: &[RoleGrant], wanted: &RoleGrant) -> bool {
    held.contains(wanted) || held.contains(&RoleGrant::new(wanted.role()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_issues_by_default_what_they_may_not_themselves(
        (kind, held, own_roles) in (kinds(), few_scopes(), few_roles()),
        (asked, roles, for_self) in (few_scopes(), few_roles(), any::<bool>()),
    ) {
        let issuer = by(kind).with_scopes(held.clone()).with_roles(own_roles.clone());
        let subject = if for_self { "alice" } else { "bob" };
        let mut new = NewToken::access_token(subject).scopes(asked.clone()).lifetime(DAY);
        for role in &roles {
            new = new.role(role.clone());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let minted = runtime.block_on(desk(None).mint_as(&issuer, new));

        let allowed = kind == CredentialKind::Session
            && for_self
            && asked.iter().all(|scope| held.iter().any(|own| own == scope))
            && roles.iter().all(|role| covers(&own_roles, role));
        prop_assert_eq!(minted.is_ok(), allowed);
        if let Ok(minted) = minted {
            let record = minted.record;
            prop_assert_eq!(&*record.subject, issuer.subject());
            prop_assert!(record.scopes.iter().all(|scope| issuer.has_scope(scope)));
            for grant in &record.roles {
                let holds = match grant.resource() {
                    Some(resource) => issuer.has_role_on(grant.role(), resource),
                    None => issuer.has_role(grant.role()),
                };
                prop_assert!(holds, "{:?}", grant);
            }
        }
    }
}

#[tokio::test]
async fn a_token_is_given_a_later_end_only_by_whoever_might_have_it_minted() {
    let policy = IssuePolicy::strict()
        .by_roles(["owner"])
        .may_grant(|_, grant| grant.role() == "editor")
        .may_issue_for(|_, subject| subject == "site-1");
    let desk = desk(Some(policy));
    let owner = session().with_role(RoleGrant::on("owner", "site-1"));
    let wish = NewToken::access_token("site-1")
        .role(RoleGrant::on("editor", "site-1"))
        .lifetime(90 * DAY);
    let minted = desk.mint_as(&owner, wish).await.unwrap();
    let key = minted.record.key();
    let end = minted.record.created.saturating_add(180 * DAY);
    let later = TokenChange::new().expires_at(end);

    let itself = Identity::new("site-1", CredentialKind::AccessToken)
        .with_role(RoleGrant::on("owner", "site-1"));
    let elsewhere = session().with_role(RoleGrant::on("owner", "site-2"));
    for stranger in [itself, elsewhere, session()] {
        let refused = desk.update_as(&stranger, key, &later).await;
        assert!(matches!(refused, Err(IssueError::NotAllowed(_))));
        let kept = desk.get(key).await.unwrap().unwrap();
        assert_eq!(kept.expires, minted.record.expires);
    }

    let renewed = desk.update_as(&owner, key, &later).await.unwrap();
    assert_eq!(renewed.expires, Some(end));
    let nobodys = TokenKey {
        subject: "site-1",
        id: "none",
    };
    let missed = desk.update_as(&owner, nobodys, &later).await;
    assert!(matches!(
        missed,
        Err(IssueError::Store(StoreError::NotFound))
    ));
}
