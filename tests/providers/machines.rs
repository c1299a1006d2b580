//! Kubernetes and GitHub Actions.

use super::config::{github_actions, kubernetes};
use super::site::{Site, roles, scopes};

#[tokio::test]
async fn kubernetes_names_a_service_account_in_a_namespace() {
    let site = Site::of(include_str!("kubernetes.json"));
    let verifier = site.verifier(kubernetes::service_accounts).await;
    let invoices = verifier.admit("projected").await;
    assert_eq!(invoices.subject(), "system:serviceaccount:billing:invoices");
    assert_eq!(invoices.tenant(), Some("billing"));
    assert_eq!((scopes(&invoices), roles(&invoices)), ("", vec![]));
    assert!(invoices.credential_id().is_some());

    verifier
        .refuse(&[
            ("for the api server", "aud is another"),
            ("of a year", "too long after iat"),
            ("another namespace", "another value"),
            ("another cluster", "iss is none"),
            ("of a secret", "iss is none"),
        ])
        .await;
}

#[tokio::test]
async fn github_names_a_job_by_where_it_runs() {
    let site = Site::of(include_str!("github_actions.json"));
    let verifier = site.verifier(github_actions::deployments).await;
    let job = verifier.admit("deployment").await;
    assert_eq!(
        job.subject(),
        "repo:octo-org/octo-repo:environment:production"
    );
    assert_eq!(job.tenant(), Some("octo-org"));

    verifier
        .refuse(&[
            ("pull request", "value"),
            ("no environment", "stated value is missing"),
            ("another owner of the name", "another value"),
            ("default audience", "aud is another"),
        ])
        .await;
}
