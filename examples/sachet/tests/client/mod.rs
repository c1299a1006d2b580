//! A client of the server, as the documentation's readers would write one.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::fs::File;

use common::testing::Server;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

pub const SECRET: &str = "a secret of thirty-two bytes, or more";

pub struct Api {
    server: Server,
    http: Client,
}

impl Api {
    pub fn start(environment: &[(&str, &str)]) -> Self {
        Self::of(Server::start(env!("CARGO_BIN_EXE_sachet"), environment))
    }

    /// With all that it can log going to a file.
    pub fn start_logging(log: File) -> Self {
        let everything = [("RUST_LOG", "trace"), ("JWT_SECRET", SECRET)];
        let program = env!("CARGO_BIN_EXE_sachet");
        Self::of(Server::start_logging(program, &everything, log))
    }

    fn of(server: Server) -> Self {
        Self {
            server,
            // A connection whose request was refused half read is closed, and none to ask by again.
            http: Client::builder().pool_max_idle_per_host(0).build().unwrap(),
        }
    }

    pub fn greeting(&self) -> &str {
        &self.server.greeting
    }

    pub fn stop(self) {
        assert!(self.server.stop().success());
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.server.url(path))
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        send(self.request(Method::GET, path).bearer_auth(token)).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, token, body).await
    }

    pub async fn ask(&self, method: Method, path: &str, token: &str, body: Value) -> Answer {
        send(self.request(method, path).bearer_auth(token).json(&body)).await
    }

    pub async fn anonymous(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub async fn try_login(&self, username: &str, password: &str) -> Answer {
        let body = json!({ "username": username, "password": password });
        send(self.request(Method::POST, "/users/login").json(&body)).await
    }

    pub async fn login(&self, username: &str, password: &str) -> String {
        let answer = self.try_login(username, password).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        text(&answer.body["auth_token"])
    }

    pub async fn user(&self) -> String {
        self.login("user", "userpassword").await
    }

    pub async fn admin(&self) -> String {
        self.login("admin", "adminpassword").await
    }

    /// Says what strangers may do.
    pub async fn set_defaults(&self, admin: &str, permissions: &[&str]) {
        let body = json!({ "default_permissions": permissions });
        let answer = self
            .ask(Method::PATCH, "/admin/settings", admin, body)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Makes a file without content, and says where it is.
    pub async fn make_file(&self, token: &str, name: &str) -> String {
        let answer = self
            .post("/files", token, json!({ "file_name": name }))
            .await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        text(&answer.body["url"])
    }

    pub fn content(&self, method: Method, url: &str, content: &[u8]) -> RequestBuilder {
        let part = Part::bytes(content.to_vec()).file_name("upload");
        let form = Form::new().part("upload", part);
        self.request(method, &format!("{url}/content"))
            .multipart(form)
    }

    pub async fn logout(&self, token: &str, of: &str) -> Answer {
        self.post("/users/logout", token, json!({ "token": of }))
            .await
    }

    pub async fn advance(&self, secs: u64) {
        let request = self.request(Method::POST, "/test-clock");
        let answer = request.json(&json!({ "advance_secs": secs })).send().await;
        assert_eq!(answer.unwrap().status(), 204);
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub challenge: Option<String>,
    pub body: Value,
}

impl Answer {
    /// That it was refused with this status, in Sachet's form.
    #[track_caller]
    pub fn is_refused(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.body["status"], "fail");
        assert!(!self.body["message"].as_str().unwrap().is_empty());
        assert_eq!(self.body.as_object().unwrap().len(), 2);
        assert_eq!(
            self.challenge.is_some(),
            status == 401 || self.is_forbidden_by_the_layer()
        );
    }

    /// That it was refused so, in these words.
    #[track_caller]
    pub fn says(&self, status: u16, message: &str) {
        self.is_refused(status);
        assert_eq!(self.body["message"], message);
    }

    fn is_forbidden_by_the_layer(&self) -> bool {
        self.body["message"] == "Missing permissions to access this page."
    }
}

pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let challenge = response.headers().get("www-authenticate");
    Answer {
        status: response.status(),
        challenge: challenge.map(|value| value.to_str().unwrap().to_owned()),
        body: response.json().await.expect("JSON"),
    }
}

#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
