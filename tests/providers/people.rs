//! Keycloak, Auth0, Okta and Cognito.

use super::config::{auth0, cognito, keycloak, okta};
use super::site::{Site, roles, scopes};

#[tokio::test]
async fn keycloak_has_roles_of_the_realm_and_of_the_client() {
    let site = Site::of(include_str!("keycloak.json"));
    // Beside those that sign, a realm publishes a key for encryption.
    site.provider
        .add_jwk(r#"{"kid":"enc","kty":"RSA","alg":"RSA-OAEP","use":"enc","n":"AQAB","e":"AQAB"}"#);
    let verifier = site.verifier(keycloak::access_tokens).await;

    let alice = verifier.admit("access").await;
    assert_eq!(alice.subject(), "1c2b8c8e-90c8-4f4a-8f58-5a7dd2fdc2f0");
    assert_eq!(alice.client_id(), Some("shop-web"));
    assert_eq!(
        alice.session_id(),
        Some("f0f6a0d2-6d4b-4d2f-8d0b-9ad6a0f0a5b3")
    );
    assert_eq!(
        roles(&alice),
        [
            "default-roles-shop",
            "offline_access",
            "staff",
            "orders-reader",
            "orders-writer"
        ],
        "and none of the client account"
    );
    assert_eq!(scopes(&alice), "openid profile email");

    let billing = verifier.admit("service account").await;
    assert_eq!(billing.client_id(), Some("billing"));
    assert_eq!(roles(&billing), ["orders-reader"]);

    verifier
        .refuse(&[
            ("without an audience mapper", "aud is another"),
            ("id", "another value"),
            ("another realm", "iss is none"),
            ("without the basic scope", "sub is missing"),
        ])
        .await;
}

#[tokio::test]
async fn auth0_has_scopes_of_the_client_and_permissions_of_the_user() {
    let site = Site::of(include_str!("auth0.json"));
    let (by_scope, by_permission) = (
        site.verifier(auth0::by_scope).await,
        site.verifier(auth0::by_permission).await,
    );
    let jane = by_scope.admit("auth0 profile").await;
    assert_eq!(jane.subject(), "auth0|663a1f0e8c5b1f0012345678");
    assert_eq!(jane.client_id(), Some("my_client_id"));
    assert_eq!(jane.tenant(), Some("org_9ybsU1dN2dKfDkBi"));
    assert_eq!(roles(&jane), ["clerk"]);
    assert_eq!(scopes(&jane), "openid profile read:orders");
    let jane = by_permission.admit("auth0 profile").await;
    assert_eq!(scopes(&jane), "read:orders write:orders");

    let standard = by_scope.admit("rfc9068 profile").await;
    assert_eq!(standard.client_id(), Some("my_client_id"));
    assert_eq!(standard.credential_id(), Some("73WakrfVbNJBaAmhQtEeDv"));
    assert_eq!(standard.tenant(), None);
    let machine = by_permission.admit("client credentials").await;
    assert_eq!(machine.subject(), "my_client_id@clients");
    assert_eq!(scopes(&machine), "read:orders");

    for verifier in [by_scope, by_permission] {
        verifier
            .refuse(&[
                ("id", "aud is another"),
                ("management api", "aud is another"),
                ("another tenant", "iss is none"),
            ])
            .await;
    }
}

#[tokio::test]
async fn okta_has_scopes_and_groups_in_arrays_and_the_client_in_cid() {
    let site = Site::of(include_str!("okta.json"));
    let verifier = site.verifier(okta::access_tokens).await;
    let alice = verifier.admit("user").await;
    assert_eq!(alice.subject(), "00ujmkLgagxeRrAg20g3");
    assert_eq!(alice.client_id(), Some("nmdP1fcyvdVO11AL7ECm"));
    assert_eq!(scopes(&alice), "openid orders.read");
    assert_eq!(roles(&alice), ["Everyone", "Clerks"]);
    assert!(alice.auth_time().is_some());
    let service = verifier.admit("service").await;
    assert_eq!(service.subject(), "0oa1hzr2qtxPC6bLh0h8");
    assert_eq!(Some(service.subject()), service.client_id());

    verifier
        .refuse(&[
            ("id", "aud is another"),
            ("org authorization server", "typ"),
            ("another server", "iss is none"),
        ])
        .await;
}

#[tokio::test]
async fn cognito_has_the_client_in_place_of_an_audience() {
    let site = Site::of(include_str!("cognito.json"));
    let verifier = site.verifier(cognito::access_tokens).await;
    let alice = verifier.admit("user").await;
    assert_eq!(alice.subject(), "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
    assert_eq!(alice.client_id(), Some("1example23456789"));
    assert_eq!(roles(&alice), ["clerks", "staff"]);
    assert_eq!(scopes(&alice), "openid orders-api/read orders-api/write");
    let machine = verifier.admit("client credentials").await;
    assert_eq!(machine.subject(), "1example23456789");

    verifier
        .refuse(&[
            ("id", "another value"),
            ("another client", "aud is another"),
            ("another resource", "aud is another"),
            ("another pool", "iss is none"),
        ])
        .await;
}
