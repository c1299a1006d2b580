//! Claims of a token whose signature is good.
#![cfg(all(feature = "jwt", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
#![allow(clippy::needless_pass_by_value, clippy::unwrap_used)]

#[path = "support/jwt.rs"]
mod support;

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use support::{
    AUDIENCE, ISSUER, NOW, assert_refused, claims, claims_with, hs256_key, judge, judge_at, plain,
    token, token_of,
};
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::{CredentialKind, Identity, RoleGrant};
use tower_bearer::issue::{IssueError, JwtIssuer, NewJwt, SigningKey};
use tower_bearer::keys::Algorithm;
use tower_bearer::verifier::jwt::{JwtVerifier, JwtVerifierBuilder};
use tower_bearer::verifier::{Answer, Presented};
use tower_bearer::{Reason, Refusal, TokenVerifier};

fn judge_with(changes: Value) -> Result<Identity, Refusal> {
    judge(plain(), &token_of(claims_with(changes)))
}

#[track_caller]
fn assert_invalid(changes: Value, detail: &str) {
    assert_refused(judge_with(changes), Reason::Invalid, detail);
}

#[test]
fn the_identity_says_what_the_token_says() {
    let identity = judge_with(json!({
        "jti": "t-1", "client_id": "app", "scope": "orders:read orders:write",
        "iat": NOW - 5, "auth_time": NOW - 100, "acr": "phr", "roles": ["admin"],
    }))
    .unwrap();
    assert_eq!(identity.subject(), "alice");
    assert_eq!(identity.issuer(), Some(ISSUER));
    assert_eq!(identity.credential_id(), Some("t-1"));
    assert_eq!(identity.credential_kind(), CredentialKind::Jwt);
    assert_eq!(identity.client_id(), Some("app"));
    assert_eq!(identity.scopes().as_str(), "orders:read orders:write");
    assert_eq!(
        identity.issued_at(),
        Some(Timestamp::from_unix_secs(NOW - 5))
    );
    assert_eq!(
        identity.auth_time(),
        Some(Timestamp::from_unix_secs(NOW - 100))
    );
    assert_eq!(identity.acr(), Some("phr"));
    assert_eq!(
        identity.roles(),
        [],
        "roles are read only where a claim for them is named"
    );
    // As the claim has it: the leeway is the verifier's.
    assert_eq!(
        identity.expires_at(),
        Some(Timestamp::from_unix_secs(NOW + 60))
    );
}

#[test]
fn the_payload_is_one_object_with_unique_members() {
    let good = claims().to_string();
    let inside = &good[1..good.len() - 1];
    for payload in [
        String::new(),
        "null".into(),
        "[]".into(),
        r#""text""#.into(),
        format!("[{good}]"),
        format!("{good}{good}"),
        format!("{good} x"),
        format!("{{{inside},}}"),
        format!(r#"{{{inside},"sub":"bob"}}"#),
        format!(r#"{{{inside},"s\u0075b":"bob"}}"#),
        format!(r#"{{{inside},"x":1,"x":2}}"#),
        format!(r#"{{{inside},"\u0078":1,"x":2}}"#),
        format!("\u{feff}{good}"),
        format!("{{{inside},'x':1}}"),
        format!(r#"{{{inside},"x":NaN}}"#),
    ] {
        assert_refused(
            judge(plain(), &token_of(&payload)),
            Reason::Invalid,
            "payload",
        );
    }
    let latin1 = [&good.as_bytes()[..good.len() - 1], b",\"x\":\"\xe9\"}"].concat();
    assert_refused(judge(plain(), &token_of(latin1)), Reason::Invalid, "UTF-8");
    assert!(judge(plain(), &token_of(format!(" \r\n\t{good} \n"))).is_ok());
    let nested = format!(r#"{{{inside},"x":{{"y":1,"y":2}}}}"#);
    assert!(
        judge(plain(), &token_of(nested)).is_ok(),
        "members further down are the service's"
    );
}

#[test]
fn a_claim_of_another_type_is_refused() {
    for (name, values) in [
        ("iss", vec![json!([ISSUER]), json!(1), json!({})]),
        (
            "sub",
            vec![json!(["alice"]), json!(1), json!(true), json!("")],
        ),
        (
            "aud",
            vec![
                json!(1),
                json!({}),
                json!([]),
                json!([1]),
                json!([AUDIENCE, 1]),
            ],
        ),
        (
            "exp",
            vec![
                json!((NOW + 60).to_string()),
                json!([NOW]),
                json!(true),
                json!({}),
            ],
        ),
        ("nbf", vec![json!("0"), json!([0]), json!(false)]),
        ("iat", vec![json!("0"), json!([0]), json!(false)]),
        ("jti", vec![json!(1), json!(["a"]), json!("")]),
        ("client_id", vec![json!(1), json!(["app"])]),
        ("acr", vec![json!(1), json!(["phr"])]),
        ("auth_time", vec![json!("0"), json!([0])]),
        (
            "scope",
            vec![
                json!(1),
                json!({}),
                json!([1]),
                json!(["a b"]),
                json!("a\"b"),
                json!("é"),
            ],
        ),
    ] {
        for value in values {
            let detail = if name == "scope" { "scope" } else { name };
            assert_invalid(json!({name: value}), detail);
        }
        if name != "scope" {
            let payload = claims_with(json!({name: "x"})).replace(r#""x""#, "null");
            let token = token_of(payload);
            assert_refused(judge(plain(), &token), Reason::Invalid, name);
        }
    }
}

#[test]
fn issuer_and_audience_are_stated_or_waived() {
    assert_invalid(json!({"iss": null}), "iss is missing");
    assert_invalid(json!({"aud": null}), "aud is missing");
    for issuer in [
        "",
        "https://id.example.co",
        "https://id.example.com/",
        "HTTPS://id.example.com",
    ] {
        assert_invalid(json!({"iss": issuer}), "iss is none");
    }
    assert_invalid(
        json!({"aud": "https://other.example.com"}),
        "aud is another",
    );
    assert_invalid(json!({"aud": ["a", "b"]}), "aud is another");
    assert!(judge_with(json!({"aud": ["other", AUDIENCE]})).is_ok());

    let two = || plain().issuer("second").audience("third");
    let token = token_of(claims_with(json!({"iss": "second", "aud": ["third"]})));
    assert_eq!(judge(two(), &token).unwrap().issuer(), Some("second"));

    let open = || {
        JwtVerifier::builder(hs256_key())
            .allow_any_issuer()
            .allow_any_audience()
    };
    assert_eq!(judge(open(), &token).unwrap().issuer(), Some("second"));
    let bare = token_of(claims_with(json!({"iss": null, "aud": null})));
    assert_eq!(judge(open(), &bare).unwrap().issuer(), None);
    let malformed = token_of(claims_with(json!({"aud": 1})));
    assert_refused(judge(open(), &malformed), Reason::Invalid, "aud");
}

#[test]
fn a_verifier_that_cannot_be_right_is_not_built() {
    let new = || JwtVerifier::builder(hs256_key());
    for (bad, setting) in [
        (new(), "issuer"),
        (new().issuer(ISSUER), "audience"),
        (new().audience(AUDIENCE), "issuer"),
        (plain().allow_any_issuer(), "issuer"),
        (plain().allow_any_audience(), "audience"),
        (plain().issuer(""), "issuer"),
        (plain().audience(""), "audience"),
        (plain().leeway(Duration::from_secs(301)), "leeway"),
        (
            plain()
                .allow_missing_exp()
                .max_lifetime(Duration::from_secs(1)),
            "max_lifetime",
        ),
        (plain().require_claim("iss", "x"), "require_claim \"iss\""),
        (plain().require_claim("exp", 1), "require_claim \"exp\""),
        (
            plain().require_claim("scope", "x"),
            "require_claim \"scope\"",
        ),
        (plain().require_claim("acr", 1), "require_claim \"acr\""),
        (
            plain().require_claim("a", "x").require_claim("a", "y"),
            "require_claim \"a\"",
        ),
        (
            plain().roles_claim("roles").require_claim("roles", "x"),
            "require_claim \"roles\"",
        ),
        (plain().roles_claim("sub"), "roles_claim"),
        (plain().roles_claim("scope"), "roles_claim"),
        (plain().scope_claim("aud"), "scope_claim"),
    ] {
        assert_eq!(bad.build().unwrap_err().setting(), setting);
    }
    assert!(plain().leeway(Duration::from_secs(300)).build().is_ok());
}

#[test]
fn a_token_is_good_until_its_end_and_the_leeway_to_the_millisecond() {
    let end = Timestamp::from_unix_secs(NOW + 60);
    let token = token_of(claims().to_string());
    let at = |leeway: u64, millis: i64| {
        let now = Timestamp::from_unix_millis(end.as_unix_millis() + millis);
        judge_at(plain().leeway(Duration::from_secs(leeway)), &token, now)
    };
    assert!(at(0, -1).is_ok());
    assert_refused(at(0, 0), Reason::Expired, "exp");
    assert!(at(30, 29_999).is_ok());
    assert_refused(at(30, 30_000), Reason::Expired, "exp");
    assert_refused(judge_with(json!({"exp": NOW - 30})), Reason::Expired, "exp");
    assert!(judge_with(json!({"exp": NOW - 29})).is_ok());
}

#[test]
fn a_token_is_not_good_before_its_start() {
    for name in ["nbf", "iat"] {
        assert!(judge_with(json!({name: NOW + 30})).is_ok());
        assert_refused(
            judge_with(json!({name: NOW + 31})),
            Reason::NotYetValid,
            name,
        );
        let exact = |at: i64| {
            let token = token_of(claims_with(json!({name: at})));
            judge(plain().leeway(Duration::ZERO), &token)
        };
        assert!(exact(NOW).is_ok());
        assert_refused(exact(NOW + 1), Reason::NotYetValid, name);
    }
}

#[test]
fn dates_of_any_size_are_compared_without_overflow() {
    let date = |name: &str, number: &str| {
        let payload = claims_with(json!({name: "@"})).replace(r#""@""#, number);
        judge(plain(), &token_of(payload))
    };
    for far in [
        "9223372036854775807",
        "18446744073709551615",
        "1e300",
        "99999999999999999999999",
    ] {
        assert!(date("exp", far).is_ok(), "{far}");
        assert_refused(date("nbf", far), Reason::NotYetValid, "nbf");
        assert_refused(date("iat", far), Reason::NotYetValid, "iat");
    }
    for past in [
        "0",
        "-0",
        "-1",
        "-9223372036854775808",
        "-1e300",
        "1.5",
        "-0.5",
    ] {
        assert_refused(date("exp", past), Reason::Expired, "exp");
        assert!(date("nbf", past).is_ok(), "{past}");
    }
    for bad in [
        "1e999", "-1e999", "01", "0x10", "1.", "+1", "1_0", "Infinity",
    ] {
        let refusal = date("exp", bad).unwrap_err();
        assert_eq!(refusal.reason(), Reason::Invalid, "{bad}");
    }
    // exp 0.25 s after NOW - 30 s, with 30 s of leeway: good for a quarter of a second.
    let token = token_of(claims_with(json!({"exp": NOW as f64 - 29.75})));
    let at = |millis| Timestamp::from_unix_millis(NOW * 1000 + millis);
    assert!(judge_at(plain(), &token, at(249)).is_ok());
    assert_refused(judge_at(plain(), &token, at(250)), Reason::Expired, "exp");
    let identity = date("exp", "9223372036854775807").unwrap();
    assert_eq!(identity.expires_at(), Some(Timestamp::MAX));
}

#[test]
fn what_may_be_missing_can_be_demanded_and_what_may_not_waived() {
    assert_invalid(json!({"sub": null}), "sub");
    assert_invalid(json!({"exp": null}), "exp is missing");
    let endless = token_of(claims_with(json!({"exp": null})));
    let identity = judge(plain().allow_missing_exp(), &endless).unwrap();
    assert_eq!(identity.expires_at(), None);
    let over = token_of(claims_with(json!({"exp": NOW - 100})));
    assert_refused(
        judge(plain().allow_missing_exp(), &over),
        Reason::Expired,
        "exp",
    );

    type Demand = fn(JwtVerifierBuilder) -> JwtVerifierBuilder;
    let demands: [(&str, Value, Demand); 4] = [
        ("nbf", json!(NOW), JwtVerifierBuilder::require_nbf),
        ("iat", json!(NOW), JwtVerifierBuilder::require_iat),
        ("jti", json!("t-1"), JwtVerifierBuilder::require_jti),
        (
            "client_id",
            json!("app"),
            JwtVerifierBuilder::require_client_id,
        ),
    ];
    for (name, value, demand) in demands {
        let without = token_of(claims().to_string());
        assert_refused(judge(demand(plain()), &without), Reason::Invalid, name);
        let with = token_of(claims_with(json!({name: value})));
        assert!(judge(demand(plain()), &with).is_ok());
    }
}

#[test]
fn a_token_given_out_for_too_long_is_refused() {
    let verifier = || plain().max_lifetime(Duration::from_secs(600));
    let token = |exp: i64| token_of(claims_with(json!({"iat": NOW - 10, "exp": exp})));
    assert!(judge(verifier(), &token(NOW + 590)).is_ok());
    assert_refused(
        judge(verifier(), &token(NOW + 591)),
        Reason::Invalid,
        "too long",
    );
    let without = token_of(claims().to_string());
    assert_refused(
        judge(verifier(), &without),
        Reason::Invalid,
        "iat is missing",
    );
}

#[test]
fn a_claim_has_its_stated_value() {
    let verifier = || {
        plain()
            .require_claim("type", "access")
            .require_claim("v", 2)
            .require_claim("mfa", true)
    };
    let good = json!({"type": "access", "v": 2, "mfa": true});
    assert!(judge(verifier(), &token_of(claims_with(good.clone()))).is_ok());
    for (name, values) in [
        (
            "type",
            vec![
                json!("refresh"),
                json!("Access"),
                json!(["access"]),
                json!(1),
                json!({}),
            ],
        ),
        (
            "v",
            vec![
                json!(3),
                json!("2"),
                json!(2.0),
                json!(2.5),
                json!(u64::MAX),
            ],
        ),
        ("mfa", vec![json!(false), json!("true"), json!(1)]),
    ] {
        for value in values.into_iter().chain([Value::Null]) {
            let mut changed = good.clone();
            changed[name] = value;
            let token = token_of(claims_with(changed));
            assert_refused(judge(verifier(), &token), Reason::Invalid, "value");
        }
    }
    let client = || plain().require_claim("client_id", "app");
    let with = |id: &str| token_of(claims_with(json!({"client_id": id})));
    assert_eq!(
        judge(client(), &with("app")).unwrap().client_id(),
        Some("app")
    );
    assert_refused(judge(client(), &with("other")), Reason::Invalid, "value");
    assert_refused(
        judge(client(), &token_of(claims().to_string())),
        Reason::Invalid,
        "value",
    );
}

/// RFC 9449 §6.1 and RFC 8705, appendix A.
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const X5T: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";

fn judge_with_proof(cnf: Value) -> Result<Identity, Refusal> {
    judge_text_with_proof(claims_with(json!({"cnf": "x"})).replace(r#""x""#, &cnf.to_string()))
}

fn judge_text_with_proof(claims: String) -> Result<Identity, Refusal> {
    let token = token_of(claims);
    let now = Timestamp::from_unix_secs(NOW);
    let mut presented = Presented::new(BearerToken::new(&token).unwrap(), now);
    presented.checks_proof = true;
    match plain().build().unwrap().begin(&presented) {
        Some(Answer::Now(judged)) => judged,
        _ => panic!("a JWT is judged at once"),
    }
}

#[test]
fn a_bound_token_is_unproved_where_nobody_checks_the_proof() {
    for cnf in [
        json!({"jkt": JKT}),
        json!({"x5t#S256": X5T}),
        json!({"jkt": JKT, "x5t#S256": X5T}),
    ] {
        assert_refused(judge_with(json!({"cnf": cnf})), Reason::Unproved, "cnf");
    }
}

#[test]
fn a_bound_token_says_what_it_is_bound_to() {
    let of = |cnf| {
        judge_with_proof(cnf)
            .unwrap()
            .confirmation()
            .cloned()
            .unwrap()
    };
    let key = of(json!({"jkt": JKT}));
    assert_eq!((key.jkt(), key.x5t_s256()), (Some(JKT), None));
    let certificate = of(json!({"x5t#S256": X5T}));
    assert_eq!(
        (certificate.jkt(), certificate.x5t_s256()),
        (None, Some(X5T))
    );
    let both = of(json!({"x5t#S256": X5T, "jkt": JKT}));
    assert_eq!((both.jkt(), both.x5t_s256()), (Some(JKT), Some(X5T)));
    let free = judge(plain(), &token_of(claims().to_string())).unwrap();
    assert_eq!(free.confirmation(), None);
}

#[test]
fn what_is_bound_to_something_unknown_is_never_proved() {
    let padded = format!("{JKT}=");
    let twice = claims_with(json!({"cnf": {"jkt": JKT}}))
        .replace(r#""cnf":{"#, &format!(r#""cnf":{{"jkt":"{JKT}","#));
    for cnf in [
        json!({}),
        json!(null),
        json!(false),
        json!("x"),
        json!([]),
        json!([{"jkt": JKT}]),
        json!({"jkt": "abc"}),
        json!({"jkt": ""}),
        json!({"jkt": null}),
        json!({"jkt": 7}),
        json!({"jkt": [JKT]}),
        json!({"jkt": padded}),
        json!({"jkt": JKT.replace('I', "J")}),
        // The example of RFC 8705 §3.1, whose last character has bits left over: no digest is written so.
        json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
        json!({"jkt": JKT.replace('-', "+")}),
        json!({"jkt": JKT, "kid": "one"}),
        json!({"x5t#S256": X5T, "x5t": "x"}),
        json!({"jwk": {"kty": "EC"}}),
        json!({"jkt": JKT, "jwk": {"kty": "EC"}}),
        json!({"JKT": JKT}),
    ] {
        assert_refused(judge_with_proof(cnf), Reason::Unproved, "cnf");
    }
    assert_refused(
        judge_text_with_proof(twice),
        Reason::Unproved,
        "cannot be proved",
    );
}

#[test]
fn scopes_and_roles_come_from_the_claims_that_are_named() {
    let verifier = || plain().scope_claim("scp").roles_claim("groups");
    let token = token_of(claims_with(
        json!({"scp": ["a", "b", "a"], "groups": ["editor"], "scope": 1}),
    ));
    let identity = judge(verifier(), &token).unwrap();
    assert_eq!(identity.scopes().as_str(), "a b");
    assert_eq!(identity.roles(), [RoleGrant::new("editor")]);
    for groups in [json!("editor"), json!([1]), json!({})] {
        let token = token_of(claims_with(json!({"groups": groups})));
        assert_refused(judge(verifier(), &token), Reason::Invalid, "roles");
    }
    let kind = judge(
        plain().credential_kind(CredentialKind::BotToken),
        &token_of(claims().to_string()),
    );
    assert_eq!(kind.unwrap().credential_kind(), CredentialKind::BotToken);
}

#[derive(Debug, Deserialize, PartialEq)]
struct Tenant {
    tenant: String,
    seats: u32,
}

#[test]
fn the_services_own_claims_are_typed() {
    let verifier = || plain().claims::<Tenant>();
    let token = token_of(claims_with(json!({"tenant": "acme", "seats": 3})));
    let expected = Tenant {
        tenant: "acme".into(),
        seats: 3,
    };
    assert_eq!(
        judge(verifier(), &token).unwrap().data::<Tenant>(),
        Some(&expected)
    );
    for bad in [json!({"tenant": "acme"}), json!({"tenant": 1, "seats": 3})] {
        let token = token_of(claims_with(bad));
        assert_refused(judge(verifier(), &token), Reason::Invalid, "own type");
    }
}

#[test]
fn a_refusal_names_the_token_once_its_signature_is_good() {
    let refusal = judge_with(json!({"jti": "t-1", "exp": NOW - 100})).unwrap_err();
    assert_eq!(refusal.credential_id(), Some("t-1"));
    let token = token_of(claims_with(json!({"jti": "t-1"})));
    let forged = format!("{}.AA", token.rsplit_once('.').unwrap().0);
    assert_eq!(judge(plain(), &forged).unwrap_err().credential_id(), None);
}

#[test]
fn an_access_token_of_rfc_9068_has_all_that_it_must() {
    let verifier = || JwtVerifier::rfc9068(hs256_key(), ISSUER, AUDIENCE);
    let full = json!({"client_id": "app", "iat": NOW, "jti": "t-1"});
    let header = r#"{"alg":"HS256","typ":"at+jwt"}"#;
    assert!(judge(verifier(), &token(header, claims_with(full.clone()))).is_ok());
    for typ in ["", r#","typ":"JWT""#, r#","typ":"dpop+jwt""#] {
        let token = token(
            &format!(r#"{{"alg":"HS256"{typ}}}"#),
            claims_with(full.clone()),
        );
        assert_refused(judge(verifier(), &token), Reason::Invalid, "typ");
    }
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        let mut without = full.clone();
        without[name] = Value::Null;
        let token = token(header, claims_with(without));
        assert_refused(judge(verifier(), &token), Reason::Invalid, name);
    }
    let mut nameless = full;
    nameless["client_id"] = json!("");
    let token = token(header, claims_with(nameless));
    assert_refused(judge(verifier(), &token), Reason::Invalid, "client_id");
}

#[test]
fn an_issuer_gives_out_what_its_own_verifier_takes() {
    let clock = ManualClock::new(Timestamp::from_unix_millis(NOW * 1000 + 700));
    let issuer = JwtIssuer::builder(
        SigningKey::generate(Algorithm::EdDSA)
            .unwrap()
            .with_kid("k1"),
    )
    .issuer(ISSUER)
    .audience(AUDIENCE)
    .lifetime(Duration::from_secs(60))
    .clock(clock)
    .build()
    .unwrap();
    let new = || {
        NewJwt::new("alice")
            .client_id("app")
            .scopes("a b".parse().unwrap())
            .claims(&json!({"type": "access"}))
            .unwrap()
    };
    let verifier = || issuer.verifier().require_claim("type", "access");
    let issued = issuer.issue(new()).unwrap();
    let token = issued.token.reveal();
    let identity = judge(verifier(), &token).unwrap();
    assert_eq!(identity.credential_id(), Some(&*issued.id));
    assert_eq!(identity.client_id(), Some("app"));
    assert_eq!(identity.scopes().as_str(), "a b");
    assert_eq!(identity.expires_at(), issued.expires_at);
    assert_eq!(issued.expires_at, Some(Timestamp::from_unix_secs(NOW + 60)));
    let over = judge_at(verifier(), &token, Timestamp::from_unix_secs(NOW + 60));
    assert_refused(over, Reason::Expired, "exp");

    let again = issuer.issue(new()).unwrap();
    assert_ne!(again.id, issued.id);
    let endless = issuer.issue(new().never_expiring()).unwrap();
    assert_eq!(endless.expires_at, None);
    let token = endless.token.reveal();
    assert_refused(judge(verifier(), &token), Reason::Invalid, "exp is missing");
    assert!(judge(verifier().allow_missing_exp(), &token).is_ok());
}

#[test]
fn an_issuer_does_not_let_its_own_claims_be_overwritten() {
    let own = NewJwt::new("alice").claims(&json!({"iss": "me"}));
    assert_eq!(own.unwrap_err().setting(), "claims");
    let list = NewJwt::new("alice").claims(&json!(["x"]));
    assert_eq!(list.unwrap_err().setting(), "claims");
    let builder =
        || JwtIssuer::builder(SigningKey::generate(Algorithm::HS256).unwrap()).issuer(ISSUER);
    assert!(builder().lifetime(Duration::from_secs(1)).build().is_err());
    assert!(builder().audience(AUDIENCE).build().is_err());
    let issuer = builder()
        .audience(AUDIENCE)
        .lifetime(Duration::from_secs(1))
        .build()
        .unwrap();
    match issuer.issue(NewJwt::new("")).unwrap_err() {
        IssueError::Config(error) => assert_eq!(error.setting(), "subject"),
        other => panic!("{other}"),
    }
}
