use std::path::PathBuf;

use common::testing::Server;
use reqwest::multipart::Form;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

pub(crate) const GARDEN: &str = "8-f48cf3a682-7fthvk";
pub(crate) const KITCHEN: &str = "8-b2d1a6c4e0-x9k2mq";
pub(crate) const OWNER: &str = "owner@example.com";
pub(crate) const EDITOR: &str = "editor@example.com";
pub(crate) const MINUTE: u64 = 60;
pub(crate) const DAY: u64 = 24 * 60 * MINUTE;

/// A server, and who talks to it.
pub(crate) struct Zesty {
    pub(crate) server: Server,
    pub(crate) http: Client,
}

impl Zesty {
    pub(crate) fn start() -> Self {
        Self::on("memory")
    }

    pub(crate) fn on(store: &str) -> Self {
        Self {
            server: Server::start(env!("CARGO_BIN_EXE_zesty"), &[("STORE", store)]),
            http: Client::new(),
        }
    }

    pub(crate) async fn advance(&self, secs: u64) {
        let clock = self.http.post(self.server.url("/test-clock"));
        let moved = clock.json(&json!({ "advance_secs": secs })).send().await;
        assert_eq!(moved.unwrap().status(), 204);
    }

    pub(crate) async fn try_login(&self, email: &str, password: &str) -> (u16, Value) {
        let form = Form::new()
            .text("email", email.to_owned())
            .text("password", password.to_owned());
        answer(self.http.post(self.server.url("/login")).multipart(form)).await
    }

    /// The token of a new session.
    pub(crate) async fn login(&self, email: &str) -> String {
        let (status, body) = self.try_login(email, "password").await;
        assert_eq!(status, 200, "{body}");
        text(&body["meta"]["token"])
    }

    pub(crate) fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let request = self.http.request(method, self.server.url(path));
        request.bearer_auth(token)
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> (u16, Value) {
        answer(self.request(Method::GET, path, token)).await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(Method::POST, path, token).json(&body)).await
    }

    pub(crate) async fn put(&self, token: &str, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(Method::PUT, path, token).json(&body)).await
    }

    pub(crate) async fn delete(&self, token: &str, path: &str) -> (u16, Value) {
        answer(self.request(Method::DELETE, path, token)).await
    }

    /// The ZUID of the role of this name.
    pub(crate) async fn role(&self, session: &str, instance: &str, name: &str) -> String {
        let path = format!("/v1/instances/{instance}/roles");
        let (status, body) = self.get(session, &path).await;
        assert_eq!(status, 200, "{body}");
        let roles = body["data"].as_array().unwrap();
        let role = roles.iter().find(|role| role["name"] == name);
        text(&role.unwrap_or_else(|| panic!("no {name} in {body}"))["ZUID"])
    }

    pub(crate) async fn try_issue(&self, issuer: &str, role: &str, name: &str) -> (u16, Value) {
        let wanted = json!({ "roleZUID": role, "name": name });
        self.post(issuer, "/v1/tokens", wanted).await
    }

    /// The ZUID and the value of a new access token.
    pub(crate) async fn issue(&self, issuer: &str, role: &str, name: &str) -> (String, String) {
        let (status, body) = self.try_issue(issuer, role, name).await;
        assert_eq!(status, 201, "{body}");
        (text(&body["data"]["ZUID"]), text(&body["data"]["token"]))
    }

    /// The value of a new access token of the owner's, with the role of this name.
    pub(crate) async fn issue_as(&self, session: &str, instance: &str, role: &str) -> String {
        let zuid = self.role(session, instance, role).await;
        self.issue(session, &zuid, role).await.1
    }

    pub(crate) async fn is_good(&self, token: &str) -> bool {
        let (status, body) = self.get(token, "/v1/instances").await;
        assert!(status == 200 || status == 401, "{status} {body}");
        status == 200
    }
}

/// A file for SQLite, until this is dropped.
pub(crate) struct Database(PathBuf);

impl Database {
    pub(crate) fn new(name: &str) -> Self {
        let file = format!("zesty-{name}-{}.db", std::process::id());
        Self(std::env::temp_dir().join(file))
    }

    /// For `STORE`.
    pub(crate) fn store(&self) -> String {
        format!("sqlite:{}", self.0.display())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        for beside in ["", "-wal", "-shm"] {
            let file = format!("{}{beside}", self.0.display());
            // Not each is there in the end.
            let _ = std::fs::remove_file(file);
        }
    }
}

/// The status and body of an answer, which is in the envelope.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["code"], status.as_u16(), "{body}");
    assert_eq!(body["status"], status.canonical_reason().unwrap(), "{body}");
    if !status.is_success() {
        assert!(body["message"].is_string(), "{body}");
        assert!(body["error"].is_string(), "{body}");
    }
    (status.as_u16(), body)
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(crate) fn models(instance: &str) -> String {
    format!("/{instance}/v1/content/models")
}

pub(crate) fn audits(instance: &str) -> String {
    format!("/{instance}/v1/env/audits")
}
