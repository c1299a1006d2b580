//! Tokens of issuers that write things elsewhere than RFC 7519 and RFC 9068 say.
#![cfg(all(feature = "jwt", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
#![allow(clippy::needless_pass_by_value, clippy::unwrap_used)]

#[path = "support/jwt.rs"]
mod support;

use serde_json::{Value, json};
use support::{
    AUDIENCE, ISSUER, NOW, assert_refused, claims_with, hs256_key, judge, plain, token, token_of,
};
use tower_bearer::identity::{CredentialKind, Identity, RoleGrant};
use tower_bearer::verifier::jwt::{JwtVerifier, JwtVerifierBuilder};
use tower_bearer::{Reason, Refusal};

const DEEP: [&str; 3] = ["resource_access", "orders.api/v1", "roles"];

fn judge_with(verifier: JwtVerifierBuilder, changes: Value) -> Result<Identity, Refusal> {
    judge(verifier, &token_of(claims_with(changes)))
}

fn admit(verifier: JwtVerifierBuilder, changes: Value) -> Identity {
    judge_with(verifier, changes).unwrap()
}

#[track_caller]
fn assert_invalid(verifier: JwtVerifierBuilder, changes: Value, detail: &str) {
    assert_refused(judge_with(verifier, changes), Reason::Invalid, detail);
}

#[test]
fn roles_deep_inside_are_found_by_the_names_on_the_way_whatever_is_in_them() {
    let verifier = || {
        plain()
            .roles_at(["realm_access", "roles"])
            .roles_at(DEEP)
            .roles_at(["resource_access", "billing", "roles"])
            .roles_claim("https://example.com/roles")
    };
    let identity = admit(
        verifier(),
        json!({
            "realm_access": {"verify_caller": true, "roles": ["staff"]},
            "resource_access": {
                "account": {"roles": ["view-profile"]},
                "orders.api/v1": {"roles": ["buyer", "seller"], "more": {"roles": 1}},
            },
            "https://example.com/roles": ["admin"],
        }),
    );
    let mut roles: Vec<&str> = identity.roles().iter().map(RoleGrant::role).collect();
    roles.sort_unstable();
    assert_eq!(roles, ["admin", "buyer", "seller", "staff"]);
    assert!(identity.has_role("buyer"));
    assert!(!identity.has_role("view-profile"));
}

#[test]
fn a_source_that_is_not_there_gives_nothing() {
    let verifier = || {
        plain()
            .roles_at(DEEP)
            .scopes_at(["authorization", "scopes"])
            .tenant_claim("tid")
    };
    for changes in [
        json!({}),
        json!({"resource_access": {}, "authorization": {}}),
        json!({"resource_access": {"account": {"roles": ["x"]}}}),
        json!({"resource_access": {"orders.api/v1": {"other": ["x"]}}}),
        json!({"resource_access.orders.api/v1.roles": ["x"]}),
        json!({"resource_access": {"orders": {"api/v1": {"roles": ["x"]}}}}),
    ] {
        let identity = admit(verifier(), changes);
        assert_eq!(identity.roles(), []);
        assert!(identity.scopes().is_empty());
        assert_eq!(identity.tenant(), None);
    }
}

#[test]
fn a_source_of_another_type_is_refused() {
    let verifier = || plain().roles_at(DEEP).tenant_at(["org", "id"]);
    let null = Value::Null;
    for outer in [
        json!("x"),
        json!(1),
        json!([]),
        json!(["roles"]),
        json!(true),
    ] {
        assert_invalid(
            verifier(),
            json!({"resource_access": outer}),
            "holds others",
        );
        assert_invalid(
            verifier(),
            json!({"resource_access": {"orders.api/v1": outer}}),
            "holds others",
        );
    }
    assert_invalid(
        verifier(),
        json!({"resource_access": {"orders.api/v1": null}}),
        "holds others",
    );
    for roles in [json!("buyer"), json!({}), json!([1]), json!(["a", null])] {
        assert_invalid(
            verifier(),
            json!({"resource_access": {"orders.api/v1": {"roles": roles}}}),
            "roles claim",
        );
    }
    for id in [json!(1), json!(["a"]), null] {
        assert_invalid(verifier(), json!({"org": {"id": id}}), "no string");
    }
    assert_invalid(verifier(), json!({"org": {"id": ""}}), "tenant");
}

#[test]
fn an_object_that_is_read_says_each_thing_once() {
    let written = |roles: &str| {
        let payload = claims_with(json!({"realm_access": "@"})).replace(r#""@""#, roles);
        judge(
            plain().roles_at(["realm_access", "roles"]),
            &token_of(payload),
        )
    };
    assert!(written(r#"{"roles":["a"],"x":1}"#).is_ok());
    for twice in [
        r#"{"roles":["a"],"roles":["b"]}"#,
        r#"{"roles":["a"],"r\u006fles":["b"]}"#,
        r#"{"roles":["a"],"x":1,"x":2}"#,
    ] {
        assert_refused(written(twice), Reason::Invalid, "unique members");
    }
    let escaped = written(r#"{"r\u006fles":["\u0061dmin"]}"#).unwrap();
    assert!(escaped.has_role("admin"));
}

#[test]
fn scopes_of_several_sources_are_joined() {
    let verifier = || plain().scopes_at(["scp"]).scopes_at(["permissions"]);
    let identity = admit(
        verifier(),
        json!({
            "scope": "openid read:orders",
            "scp": ["a", "b"],
            "permissions": ["read:orders", "write:orders"],
        }),
    );
    let mut scopes: Vec<&str> = identity.scopes().iter().collect();
    scopes.sort_unstable();
    assert_eq!(
        scopes,
        ["a", "b", "openid", "read:orders", "write:orders"],
        "each once"
    );
    let text = admit(verifier(), json!({"scp": "Files.Read Files.Write"}));
    assert_eq!(text.scopes().as_str(), "Files.Read Files.Write");
    let alone = admit(
        plain().scope_claim("scp"),
        json!({"scp": "a", "scope": "b"}),
    );
    assert_eq!(alone.scopes().as_str(), "a");
    for bad in [json!(1), json!({}), json!(["a b"]), json!([1])] {
        assert_invalid(verifier(), json!({"permissions": bad}), "scope");
    }
}

#[test]
fn a_subject_may_be_taken_from_elsewhere_where_that_is_said() {
    let other = admit(
        plain().subject_claim("oid").tenant_claim("tid"),
        json!({"oid": "o-1", "tid": "t-1"}),
    );
    assert_eq!(
        (other.subject(), other.tenant()),
        ("o-1", Some("t-1")),
        "and not sub"
    );
    assert_invalid(plain().subject_claim("oid"), json!({}), "sub");
    assert_invalid(plain().subject_claim("oid"), json!({"oid": ""}), "sub");
    assert_invalid(plain().subject_claim("oid"), json!({"oid": 1}), "no string");

    let fallback = || {
        plain()
            .subject_fallback("client_id")
            .subject_fallback("azp")
    };
    let subject = |changes: Value| admit(fallback(), changes).subject().to_owned();
    assert_eq!(
        subject(json!({"client_id": "app", "azp": "other"})),
        "alice"
    );
    assert_eq!(
        subject(json!({"sub": null, "client_id": "app", "azp": "other"})),
        "app"
    );
    assert_eq!(subject(json!({"sub": null, "azp": "other"})), "other");
    assert_invalid(fallback(), json!({"sub": null}), "sub");
    assert_invalid(fallback(), json!({"sub": "", "client_id": "app"}), "sub");
    assert_invalid(plain(), json!({"sub": null, "client_id": "app"}), "sub");
}

#[test]
fn a_client_may_be_taken_from_elsewhere_where_that_is_said() {
    let client = |verifier: JwtVerifierBuilder, changes: Value| {
        admit(verifier, changes).client_id().map(str::to_owned)
    };
    let both = json!({"client_id": "app", "azp": "party"});
    assert_eq!(client(plain(), json!({"azp": "party"})), None);
    let fallback = || plain().client_id_fallback("azp");
    assert_eq!(client(fallback(), both.clone()).as_deref(), Some("app"));
    assert_eq!(
        client(fallback(), json!({"azp": "party"})).as_deref(),
        Some("party")
    );
    assert_eq!(
        client(plain().client_id_claim("azp"), both).as_deref(),
        Some("party")
    );
    let required = || fallback().require_client_id();
    assert!(judge_with(required(), json!({"azp": "party"})).is_ok());
    assert_invalid(required(), json!({}), "client_id");
    assert_invalid(required(), json!({"azp": ""}), "client_id");
    assert_invalid(fallback(), json!({"azp": ["party"]}), "no string");
}

#[test]
fn a_token_without_aud_may_name_its_audience_elsewhere() {
    let verifier = || {
        JwtVerifier::builder(hs256_key())
            .issuer(ISSUER)
            .audience("app-1")
            .audience("app-2")
            .audience_fallback("client_id")
    };
    let without = |client: Value| json!({"aud": null, "client_id": client});
    let identity = admit(verifier(), without(json!("app-2")));
    assert_eq!(identity.client_id(), Some("app-2"));
    assert_invalid(verifier(), without(json!("app-3")), "aud is another");
    assert_invalid(verifier(), json!({"aud": null}), "aud is missing");
    assert_invalid(
        verifier(),
        json!({"aud": "elsewhere", "client_id": "app-1"}),
        "aud is another",
    );
    assert!(
        judge_with(verifier(), json!({"aud": "app-1"})).is_ok(),
        "one that is there counts"
    );
    let azp = || {
        JwtVerifier::builder(hs256_key())
            .issuer(ISSUER)
            .audience("app-1")
            .audience_fallback("azp")
    };
    assert!(judge_with(azp(), json!({"aud": null, "azp": "app-1"})).is_ok());
    assert_invalid(
        azp(),
        json!({"aud": null, "azp": "app-2"}),
        "aud is another",
    );
}

#[test]
fn the_tenant_is_claimed_or_fixed_or_none() {
    let tenant = |verifier: JwtVerifierBuilder, changes: Value| {
        admit(verifier, changes).tenant().map(str::to_owned)
    };
    let claimed = json!({"tid": "t-1", "kubernetes.io": {"namespace": "shop"}});
    assert_eq!(tenant(plain(), claimed.clone()), None);
    assert_eq!(
        tenant(plain().tenant_claim("tid"), claimed.clone()).as_deref(),
        Some("t-1")
    );
    assert_eq!(
        tenant(
            plain().tenant_at(["kubernetes.io", "namespace"]),
            claimed.clone()
        )
        .as_deref(),
        Some("shop")
    );
    assert_eq!(
        tenant(plain().tenant("acme"), claimed).as_deref(),
        Some("acme")
    );
    let made = Identity::new("alice", CredentialKind::Session);
    assert_eq!(made.tenant(), None);
    assert_eq!(made.with_tenant("acme").tenant(), Some("acme"));
}

#[test]
fn an_issuer_made_of_the_tenant_is_that_of_the_tokens_own_tenant() {
    let verifier = || {
        JwtVerifier::builder(hs256_key())
            .issuer_template("https://login.example.com/{tenantid}/v2.0")
            .tenant_claim("tid")
            .audience(AUDIENCE)
    };
    let token =
        |issuer: &str, tenant: &str| judge_with(verifier(), json!({"iss": issuer, "tid": tenant}));
    let identity = token("https://login.example.com/t-1/v2.0", "t-1").unwrap();
    assert_eq!(
        identity.issuer(),
        Some("https://login.example.com/t-1/v2.0")
    );
    assert_eq!(identity.tenant(), Some("t-1"));
    for (issuer, tenant) in [
        ("https://login.example.com/t-1/v2.0", "t-2"),
        ("https://login.example.com/t-1/v2.0/", "t-1"),
        ("https://login.example.com/t-1/v1.0", "t-1"),
        ("https://login.example.com.evil.org/t-1/v2.0", "t-1"),
        ("https://login.example.com/T-1/v2.0", "t-1"),
        ("https://login.example.com/v2.0", ""),
        ("https://login.example.com//v2.0", ""),
        ("https://login.example.com/{tenantid}/v2.0", "t-1"),
        ("t-1", "t-1"),
    ] {
        assert_refused(token(issuer, tenant), Reason::Invalid, "iss");
    }
    let nobodys = json!({"iss": "https://login.example.com/t-1/v2.0"});
    assert_invalid(verifier(), nobodys, "iss");
    let one = json!({"iss": "https://login.example.com/t-1/v2.0", "tid": "t-1"});
    let chosen = || verifier().require_claim_in("tid", ["t-2", "t-3"]);
    assert_invalid(chosen(), one.clone(), "value");
    let beside = admit(verifier().issuer(ISSUER), json!({"tid": "t-1"}));
    assert_eq!(beside.issuer(), Some(ISSUER));
    assert!(judge_with(verifier().issuer(ISSUER), one).is_ok());
}

#[test]
fn a_claim_may_have_one_of_several_values() {
    let verifier = || {
        plain()
            .require_claim_in("env", ["staging", "production"])
            .require_claim_in("level", [2, 3])
            .require_claim_at(["kubernetes.io", "namespace"], ["shop", "billing"])
    };
    let with = |name: &str, value: Value| {
        let mut claims = json!({
            "env": "staging", "level": 3, "kubernetes.io": {"namespace": "shop", "pod": {}},
        });
        claims[name] = value;
        claims
    };
    assert!(judge_with(verifier(), with("env", json!("production"))).is_ok());
    assert!(judge_with(verifier(), with("level", json!(2))).is_ok());
    for (name, values) in [
        (
            "env",
            vec![
                json!("test"),
                json!("Staging"),
                json!(1),
                json!(["staging"]),
            ],
        ),
        (
            "level",
            vec![json!(1), json!("2"), json!(2.0), json!([2]), json!({})],
        ),
        (
            "kubernetes.io",
            vec![json!({"namespace": "kube-system"}), json!({"namespace": 1})],
        ),
    ] {
        for value in values {
            assert_invalid(verifier(), with(name, value), "value");
        }
        assert_invalid(verifier(), with(name, Value::Null), "missing");
    }
    assert_invalid(verifier(), with("kubernetes.io", json!({})), "missing");
    let mixed = || {
        plain().require_claim_in(
            "verified",
            [
                true.into(),
                "true".into(),
                tower_bearer::verifier::jwt::ClaimValue::from(1),
            ],
        )
    };
    for good in [json!(true), json!("true"), json!(1)] {
        assert!(judge_with(mixed(), json!({"verified": good})).is_ok());
    }
    for bad in [json!(false), json!("TRUE"), json!(1.5), json!([true])] {
        assert_invalid(mixed(), json!({"verified": bad}), "value");
    }
}

#[test]
fn a_claim_may_be_kept_and_compared_at_once() {
    let verifier = || {
        plain()
            .tenant_claim("tid")
            .client_id_fallback("azp")
            .require_claim_in("tid", ["t-1", "t-2"])
            .require_claim("azp", "party")
            .require_claim_in("sub", ["alice", "bob"])
    };
    let identity = admit(verifier(), json!({"tid": "t-2", "azp": "party"}));
    assert_eq!(identity.tenant(), Some("t-2"));
    assert_eq!(identity.client_id(), Some("party"));
    for bad in [
        json!({"tid": "t-3", "azp": "party"}),
        json!({"tid": "t-1", "azp": "other"}),
        json!({"tid": "t-1", "azp": "party", "sub": "carol"}),
        json!({"tid": "t-1"}),
    ] {
        assert_invalid(verifier(), bad, "value");
    }
}

#[test]
fn a_claim_may_have_to_be_there_whatever_it_says() {
    let verifier = || {
        plain()
            .require_presence("email")
            .require_presence("acr")
            .require_presence("email")
    };
    for email in [json!("a@example.com"), json!(1), json!({}), json!([])] {
        assert!(judge_with(verifier(), json!({"email": email, "acr": "phr"})).is_ok());
    }
    let null = claims_with(json!({"email": "@", "acr": "phr"})).replace(r#""@""#, "null");
    assert!(judge(verifier(), &token_of(null)).is_ok());
    assert_invalid(verifier(), json!({"acr": "phr"}), "required is missing");
    assert_invalid(verifier(), json!({"email": 1}), "required is missing");
    assert_invalid(
        verifier(),
        json!({"email": 1, "acr": 1}),
        "acr is no string",
    );
}

#[test]
fn several_types_of_token_may_be_taken() {
    let judge_typ = |verifier: JwtVerifierBuilder, typ: &str| {
        judge(
            verifier,
            &token(
                &format!(r#"{{"alg":"HS256"{typ}}}"#),
                claims_with(json!({"iat": NOW})),
            ),
        )
    };
    let usual = ["", r#","typ":"JWT""#, r#","typ":"at+jwt""#];
    for typ in usual {
        assert!(judge_typ(plain(), typ).is_ok());
    }
    let either = || plain().token_type("at+jwt").token_type("application/jwt");
    for typ in [
        "at+jwt",
        "application/at+jwt",
        "JWT",
        "AT+JWT",
        "Application/JWT",
    ] {
        assert!(judge_typ(either(), &format!(r#","typ":"{typ}""#)).is_ok());
    }
    for typ in ["", r#","typ":"dpop+jwt""#, r#","typ":"logout+jwt""#] {
        assert_refused(judge_typ(either(), typ), Reason::Invalid, "typ");
    }
}

#[test]
fn settings_that_want_different_things_of_a_claim_are_found_when_built() {
    let none: [&str; 0] = [];
    for (bad, setting) in [
        (plain().roles_at(none), "roles_at"),
        (plain().roles_at([""]), "roles_at"),
        (plain().roles_at(["a", ""]), "roles_at"),
        (plain().roles_at(["sub", "roles"]), "roles_at"),
        (plain().roles_at(["cnf"]), "roles_at"),
        (plain().roles_at(["scope"]), "roles_at"),
        (plain().roles_claim("a").roles_at(["a"]), "roles_at"),
        (plain().roles_claim("a").roles_at(["a", "b"]), "roles_at"),
        (plain().roles_at(["a", "b"]).roles_at(["a"]), "roles_at"),
        (plain().roles_claim("a").scopes_at(["a"]), "roles_claim"),
        (plain().scopes_at(["scope"]), "scopes_at"),
        (plain().scopes_at(["aud"]), "scopes_at"),
        (plain().tenant_claim("iss"), "tenant_claim"),
        (plain().tenant_claim("scope"), "tenant_claim"),
        (plain().tenant_claim("a").tenant_claim("b"), "tenant_claim"),
        (plain().tenant_claim("a").tenant("b"), "tenant"),
        (plain().tenant(""), "tenant"),
        (plain().tenant_at(none), "tenant_at"),
        (plain().subject_claim("exp"), "subject_claim"),
        (plain().subject_fallback(""), "subject_fallback"),
        (plain().client_id_claim("jti"), "client_id_claim"),
        (plain().client_id_fallback("sid"), "client_id_fallback"),
        (plain().audience_fallback("iss"), "audience_fallback"),
        (
            JwtVerifier::builder(hs256_key())
                .issuer(ISSUER)
                .allow_any_audience()
                .audience_fallback("client_id"),
            "audience_fallback",
        ),
        (
            plain().issuer_template("https://a/{tenantid}"),
            "issuer_template",
        ),
        (
            plain().issuer_template("https://a/").tenant_claim("tid"),
            "issuer_template",
        ),
        (
            plain()
                .issuer_template("https://{tenantid}/{tenantid}")
                .tenant_claim("tid"),
            "issuer_template",
        ),
        (
            plain().issuer_template("{tenantid}").tenant_claim("tid"),
            "issuer_template",
        ),
        (plain().require_presence(""), "require_presence"),
        (
            plain().require_claim_in("a", Vec::<&str>::new()),
            "require_claim \"a\"",
        ),
        (
            plain().tenant_claim("a").require_claim("a", 1),
            "require_claim \"a\"",
        ),
        (
            plain().require_claim_in("sub", [1, 2]),
            "require_claim \"sub\"",
        ),
        (
            plain()
                .roles_at(["a", "roles"])
                .require_claim_at(["a"], ["x"]),
            "require_claim \"a\"",
        ),
        (
            plain()
                .roles_at(["a", "roles"])
                .require_claim_at(["a", "roles"], ["x"]),
            "require_claim \"a.roles\"",
        ),
        (
            plain().token_type("at+jwt").token_type("text/plain"),
            "token_type",
        ),
    ] {
        assert_eq!(bad.build().unwrap_err().setting(), setting);
    }
    assert!(
        plain()
            .subject_claim("oid")
            .client_id_fallback("oid")
            .tenant_claim("oid")
            .build()
            .is_ok(),
        "one text may be used twice"
    );
}
