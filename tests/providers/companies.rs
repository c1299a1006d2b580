//! Entra ID and Google.

use serde_json::{Value, json};
use tower_bearer::Reason;
use tower_bearer::testing::provider::{Endpoint, Fault};

use super::config::{entra_id, google};
use super::site::{Site, roles, scopes};

const CONTOSO: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const FABRIKAM: &str = "fa15d692-e9c7-4460-a743-29f29522229e";

fn entra() -> Site {
    entra_whose_key_is_for("https://login.microsoftonline.com/{tenantid}/v2.0")
}

/// Entra's keys name no algorithm, and name an issuer.
fn entra_whose_key_is_for(issuer: &str) -> Site {
    let site = Site::of(include_str!("entra_id.json"));
    let mut set: Value = serde_json::from_str(&site.provider.jwks()).unwrap();
    let key = set["keys"][0].as_object_mut().unwrap();
    key.remove("alg");
    key.insert("x5t".into(), key["kid"].clone());
    key.insert("issuer".into(), json!(issuer));
    let answer = Fault::json(set.to_string());
    site.provider.fail_at(Endpoint::Jwks, answer);
    site
}

#[tokio::test]
async fn entra_id_names_people_and_services_by_oid_within_a_tenant() {
    let site = entra();
    let verifier = site.verifier(entra_id::one_tenant).await;
    let alice = verifier.admit("user").await;
    assert_eq!(alice.subject(), "690222be-ff1a-4d56-abd1-7e4f7d38e474");
    assert_eq!(alice.tenant(), Some(CONTOSO));
    assert_eq!(
        alice.client_id(),
        Some("6c7f8b1e-5d1c-4c1e-9d2f-0b8f2a6f1c11")
    );
    assert_eq!(scopes(&alice), "Orders.Read Orders.Write");
    assert_eq!(roles(&alice), ["Orders.Clerk"]);
    let service = verifier.admit("app").await;
    assert_eq!(service.subject(), "9a1e4d8f-4b7e-4d0b-9f5c-1a2b3c4d5e6f");
    assert_eq!(scopes(&service), "", "an application has roles alone");
    assert_eq!(roles(&service), ["Orders.Read.All"]);

    verifier
        .refuse(&[
            ("v1", "another value"),
            ("id", "client_id is missing"),
            ("graph", "another value"),
            ("another tenant", "another value"),
        ])
        .await;
}

#[tokio::test]
async fn entra_ids_tenants_share_keys_and_each_has_its_own_issuer() {
    let site = entra();
    let both = site
        .verifier(|keys| entra_id::many_tenants(keys, [CONTOSO, FABRIKAM]))
        .await;
    for (name, tenant) in [("user", CONTOSO), ("another tenant", FABRIKAM)] {
        let identity = both.admit(name).await;
        let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        assert_eq!(identity.issuer(), Some(&*issuer));
        assert_eq!(identity.tenant(), Some(tenant));
    }
    let one = site
        .verifier(|keys| entra_id::many_tenants(keys, [FABRIKAM]))
        .await;
    one.refuse(&[("user", "another value"), ("v1", "another value")])
        .await;
}

#[tokio::test]
async fn a_key_of_entra_id_signs_for_the_issuer_that_it_names() {
    let contoso = format!("https://login.microsoftonline.com/{CONTOSO}/v2.0");
    let personal = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
    let template_of_others = "https://login.microsoftonline.us/{tenantid}/v2.0";
    for (issuer, is_good) in [
        (&*contoso, true),
        (personal, false),
        (template_of_others, false),
    ] {
        let site = entra_whose_key_is_for(issuer);
        let verifier = site.verifier(entra_id::one_tenant).await;
        match is_good {
            true => assert_eq!(verifier.admit("user").await.issuer(), Some(&*contoso)),
            false => verifier.refuse(&[("user", "another issuer")]).await,
        }
    }
}

#[tokio::test]
async fn a_token_for_microsoft_graph_is_signed_over_another_header() {
    let site = entra();
    let verifier = site.verifier(entra_id::one_tenant).await;
    let hashed = site.token_with("graph", &json!({"nonce": "the digest of the nonce"}));
    let sent = site.token("graph");
    let (header, _) = sent.split_once('.').unwrap();
    let (_, rest) = hashed.split_once('.').unwrap();
    let refusal = verifier
        .judge(&format!("{header}.{rest}"))
        .await
        .unwrap_err();
    assert_eq!(refusal.reason(), Reason::Invalid);
    assert_eq!(refusal.detail(), "the signature is not good");
}

#[tokio::test]
async fn google_has_two_spellings_and_a_domain_that_is_not_the_addresss() {
    let site = Site::of(include_str!("google.json"));
    let people = site.verifier(google::people).await;
    for (name, issuer) in [
        ("person", "https://accounts.google.com"),
        ("other spelling", "accounts.google.com"),
    ] {
        let identity = people.admit(name).await;
        assert_eq!(identity.issuer(), Some(issuer));
        assert_eq!(identity.subject(), "10769150350006150715113082367");
        assert_eq!(identity.tenant(), Some("example.com"));
    }
    people
        .refuse(&[
            ("no workspace", "stated value is missing"),
            (
                "address of the domain, account of none",
                "stated value is missing",
            ),
            ("another client", "aud is another"),
            ("service account", "aud is another"),
        ])
        .await;

    let services = site.verifier(google::services).await;
    let billing = services.admit("service account").await;
    assert_eq!(billing.subject(), "112010400000000710080");
    services
        .refuse(&[
            ("another service account", "another value"),
            ("person", "another value"),
        ])
        .await;
}
