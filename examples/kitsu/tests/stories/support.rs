//! A running server, and a client that says what it wants in one line.

use base64_simd::URL_SAFE_NO_PAD;
use common::testing::Server;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

pub const ADMIN: &str = "admin@example.com";
pub const ARTIST: &str = "artist@example.com";
pub const PASSWORD: &str = "mysecretpassword";
pub const DAY: u64 = 24 * 60 * 60;

pub struct Kitsu {
    pub server: Server,
    pub client: Client,
}

/// A status and a body.
pub struct Answer(pub u16, pub Value);

impl Kitsu {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(environment: &[(&str, &str)]) -> Self {
        Self {
            server: Server::start(env!("CARGO_BIN_EXE_kitsu"), environment),
            client: Client::new(),
        }
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, self.server.url(path))
    }

    pub async fn send(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, &format!("/api/{path}"));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.send("GET", path, token, None).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send("POST", path, token, Some(body)).await
    }

    pub async fn put(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send("PUT", path, token, Some(body)).await
    }

    pub async fn delete(&self, path: &str, token: &str, body: Option<Value>) -> Answer {
        self.send("DELETE", path, token, body).await
    }

    /// Access and refresh token.
    pub async fn log_in(&self, email: &str) -> (String, String) {
        let body = self.log_in_with(email, PASSWORD, json!({})).await.ok();
        (text(&body["access_token"]), text(&body["refresh_token"]))
    }

    pub async fn log_in_with(&self, email: &str, password: &str, proof: Value) -> Answer {
        let mut body = json!({"email": email, "password": password});
        let body_fields = body.as_object_mut().unwrap();
        body_fields.extend(proof.as_object().unwrap().clone());
        self.post("auth/login", "", body).await
    }

    /// Whether a token lets one in.
    pub async fn lets_in(&self, token: &str) -> bool {
        match self.get("auth/authenticated", token).await.0 {
            200 => true,
            401 => false,
            other => panic!("answered {other}"),
        }
    }

    pub async fn advance(&self, secs: u64) {
        let body = json!({"advance_secs": secs});
        let moved = self.request("POST", "/test-clock").json(&body).send();
        assert_eq!(moved.await.unwrap().status(), 204);
    }
}

pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    if body.is_empty() {
        return Answer(status, Value::Null);
    }
    let json = serde_json::from_str(&body);
    Answer(
        status,
        json.unwrap_or_else(|_| panic!("{status}, no JSON: {body}")),
    )
}

impl Answer {
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.0 < 300, "{} {}", self.0, self.1);
        self.1
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.0, status, "{}", self.1);
        self.1
    }
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    let payload = URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// The code of a secret, so many seconds from now.
pub fn totp(secret: &str, ahead: u64) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    totp.generate(now() + ahead).to_string()
}

pub fn now() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.unwrap().as_secs()
}
