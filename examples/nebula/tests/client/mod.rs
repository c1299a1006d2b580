//! A client of the server, as the documentation's readers would write one.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::fs::File;

use common::testing::Server;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

pub const FIRST: (&str, &str) = ("testemail@gmail.com", "123456789");
pub const SECOND: (&str, &str) = ("second@example.com", "987654321");
pub const SECRET: &str = "a secret of thirty-two bytes, or more";

pub struct Api {
    server: Server,
    http: Client,
}

impl Api {
    pub fn start(environment: &[(&str, &str)]) -> Self {
        Self::of(Server::start(env!("CARGO_BIN_EXE_nebula"), environment))
    }

    /// With all that it can log going to a file.
    pub fn start_logging(log: File) -> Self {
        let everything = [("RUST_LOG", "trace"), ("JWT_SECRET", SECRET)];
        let program = env!("CARGO_BIN_EXE_nebula");
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

    /// A request to a path outside of the API.
    pub fn outside(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.server.url(path))
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.outside(method, &format!("/api/v1/{path}"))
    }

    pub async fn ask(&self, method: Method, path: &str, token: &str) -> Answer {
        send(self.request(method, path).bearer_auth(token)).await
    }

    pub async fn credits(&self, token: &str) -> Answer {
        self.ask(Method::GET, "users/credits", token).await
    }

    pub async fn try_login(&self, username: &str, password: &str) -> Answer {
        let form = [("username", username), ("password", password)];
        send(self.request(Method::POST, "login").form(&form)).await
    }

    pub async fn login(&self, (username, password): (&str, &str)) -> String {
        let answer = self.try_login(username, password).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        text(&answer.body["data"]["jwtToken"])
    }

    /// The new key's id and text.
    pub async fn make_key(&self, token: &str, name: &str) -> (u64, String) {
        let request = self.request(Method::POST, "api-keys").bearer_auth(token);
        let answer = send(request.json(&json!({ "name": name }))).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let data = &answer.body["data"];
        (data["id"].as_u64().unwrap(), text(&data["key"]))
    }

    pub async fn advance(&self, secs: u64) {
        let request = self.outside(Method::POST, "/test-clock");
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
    /// That it was refused with this status, in the envelope.
    #[track_caller]
    pub fn is_refused(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.body["status"], "failed");
        assert_eq!(self.body["data"], json!({}));
        assert_eq!(self.challenge.is_some(), status == 401);
        assert!(!self.body["message"].as_str().unwrap().is_empty());
        assert_eq!(self.body.as_object().unwrap().len(), 3);
    }

    /// That it succeeded with these words, in the envelope.
    #[track_caller]
    pub fn succeeded(&self, message: &str) -> &Value {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.body["status"], "success");
        assert_eq!(self.body["message"], message);
        assert_eq!(self.body.as_object().unwrap().len(), 3);
        &self.body["data"]
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
