//! The identity provider and the server, each on a port of its own.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use common::testing::Server;
use reqwest::{Client, Response};
use serde_json::{Value, json};

static INSTALLED: OnceLock<bool> = OnceLock::new();

pub(crate) struct Place {
    provider: Server,
    server: Server,
}

impl Place {
    /// Starts both; `None` where the provider cannot be had here.
    pub(crate) fn start() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oidc");
        if !*INSTALLED.get_or_init(|| is_installed(&folder)) {
            let why =
                "oidc-provider cannot be installed here: the flow of an MCP client is not tested";
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
            eprintln!("SKIPPED: {why}");
            return None;
        }
        let provider = Server::start(folder.join("people.mjs").to_str().unwrap(), &[]);
        let issuer = provider.url("");
        let environment = [("ISSUER", &*issuer), ("PLAIN_HTTP", "1")];
        let server = Server::start(env!("CARGO_BIN_EXE_mcp"), &environment);
        Some(Self { provider, server })
    }

    pub(crate) fn issuer(&self) -> String {
        self.provider.url("")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// A token of a client without a user.
    pub(crate) async fn robots_token(&self, resource: &str, scope: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", resource),
            ("scope", scope),
        ];
        let request = Client::new().post(self.provider.url("/token"));
        let request = request.basic_auth("robot", Some("secret-of-the-robot"));
        let answer = request.form(&form).send().await.unwrap();
        let told: Value = answer.json().await.unwrap();
        let token = told["access_token"].as_str();
        token.unwrap_or_else(|| panic!("{told}")).to_owned()
    }

    /// Calls a tool without any of rmcp's own client.
    pub(crate) async fn call(&self, token: Option<&str>, tool: &str) -> Response {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": tool, "arguments": {}}});
        self.post(token, call.to_string()).await
    }

    pub(crate) async fn post(&self, token: Option<&str>, body: String) -> Response {
        let mut request = Client::new()
            .post(self.url("/mcp"))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }
}

fn is_installed(folder: &Path) -> bool {
    let installed = Command::new(folder.join("install")).status();
    installed.is_ok_and(|status| status.success())
}
