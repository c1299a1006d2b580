//! An MCP client, rmcp's own, goes from a URL to an answer: nobody tells it where tokens come from.
//!
//! The identity provider is `oidc-provider` of npm. Where node or npm are missing this says so and tests
//! nothing; with `CI=true` it fails.
#![allow(clippy::unwrap_used)]

mod browser;
mod place;

use rmcp::model::{CallToolRequestParams, ClientConfig};
use rmcp::service::{RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{
    AuthClient, AuthorizationManager, AuthorizationRequest, OAuthState, WWWAuthenticateParams,
};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{RoleClient, ServiceExt};
use serde_json::{Value, json};

use browser::Browser;
use place::Place;

/// Where the client waits for its user to come back. Nobody listens there: the browser tells what it was sent.
const REDIRECT: &str = "http://127.0.0.1:33418/callback";

type Client = RunningService<RoleClient, ClientConfig>;

/// A client, and the user in front of it.
struct Agent {
    mcp: Client,
    auth: AuthClient<reqwest::Client>,
    browser: Browser,
}

fn transport(
    url: &str,
    auth: AuthClient<reqwest::Client>,
) -> StreamableHttpClientTransport<AuthClient<reqwest::Client>> {
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    StreamableHttpClientTransport::with_client(auth, config)
}

fn parameter(challenge: &str, name: &str) -> Option<String> {
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

impl Agent {
    /// Goes from the URL of the server to a connection, by what it is answered on the way.
    async fn connect(url: &str) -> Self {
        let stranger = AuthorizationManager::new(url).await.unwrap();
        let stranger = AuthClient::new(reqwest::Client::new(), stranger);
        let refused = ClientConfig::default()
            .serve(transport(url, stranger))
            .await;
        let refused = refused.map(|_| ()).unwrap_err();
        let challenge = refused.auth_challenge().expect("a challenge").to_owned();
        assert_eq!(
            parameter(&challenge, "scope").as_deref(),
            Some("notes:read")
        );
        assert_eq!(parameter(&challenge, "error"), None);

        let mut state = OAuthState::new(url, None).await.unwrap();
        let request = AuthorizationRequest::new(REDIRECT)
            .with_client_name("a client of a test")
            .with_challenge(challenge)
            .with_initial_scope_selection();
        state.start_authorization(request).await.unwrap();
        let browser = Browser::new();
        let login = state.get_authorization_url().await.unwrap();
        assert_eq!(browser::query(&login, "resource").as_deref(), Some(url));
        assert_eq!(
            browser::query(&login, "code_challenge_method").as_deref(),
            Some("S256")
        );
        let back = browser.follow(&login, REDIRECT).await;
        state.handle_callback_url(&back).await.unwrap();
        let manager = state.into_authorization_manager().unwrap();
        let auth = AuthClient::new(reqwest::Client::new(), manager);
        let mcp = ClientConfig::default().serve(transport(url, auth.clone()));
        Self {
            mcp: mcp.await.unwrap(),
            auth,
            browser,
        }
    }

    async fn call(&self, tool: &'static str, arguments: Value) -> Result<String, ServiceError> {
        let mut call = CallToolRequestParams::new(tool);
        call.arguments = arguments.as_object().cloned();
        let answer = self.mcp.call_tool(call).await?;
        let text = answer.content.iter().find_map(|content| content.as_text());
        Ok(text.map(|text| text.text.clone()).unwrap_or_default())
    }

    /// Calls a tool that asks for more than the client has: the challenge.
    async fn refused(&self, tool: &'static str, arguments: Value) -> String {
        let error = self.call(tool, arguments).await.unwrap_err();
        error
            .auth_challenge()
            .unwrap_or_else(|| panic!("{error}"))
            .to_owned()
    }

    /// Gets what the challenge asks for: scopes by rmcp's own way, and a login as RFC 9470 §4 says.
    async fn obtain(&self, challenge: &str) {
        let mut scope = parameter(challenge, "scope").unwrap();
        if parameter(challenge, "acr_values").is_some() {
            // The parameter is OpenID Connect's.
            scope += " openid";
        }
        let manager = self.auth.auth_manager.lock().await;
        let mut login = manager.request_scope_upgrade(&scope).await.unwrap();
        for name in ["acr_values", "max_age"] {
            if let Some(value) = parameter(challenge, name) {
                login += &format!("&{name}={}", value.replace(' ', "%20"));
            }
        }
        let back = self.browser.follow(&login, REDIRECT).await;
        assert_eq!(browser::query(&back, "error"), None, "{login} {back}");
        let [code, state, issuer] =
            ["code", "state", "iss"].map(|name| browser::query(&back, name));
        manager
            .exchange_code_for_token_with_issuer(&code.unwrap(), &state.unwrap(), issuer.as_deref())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_client_that_knows_a_url_gets_as_far_as_each_tool_asks() {
    let Some(place) = Place::start() else { return };
    let url = place.url("/mcp");
    let agent = Agent::connect(&url).await;

    let tools = agent.mcp.list_all_tools().await.unwrap();
    let mut names: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["add_note", "delete_all_notes", "list_notes"]);
    assert_eq!(agent.call("list_notes", json!({})).await.unwrap(), "");

    // A scope is missing.
    let note = || json!({"text": "buy milk"});
    let challenge = agent.refused("add_note", note()).await;
    assert_eq!(
        parameter(&challenge, "error").as_deref(),
        Some("insufficient_scope")
    );
    assert_eq!(
        parameter(&challenge, "scope").as_deref(),
        Some("notes:read notes:write")
    );
    let read = WWWAuthenticateParams::parse(&challenge, &url.parse().unwrap());
    assert!(read.is_insufficient_scope());
    assert_eq!(
        read.resource_metadata_url.unwrap().as_str(),
        place.url("/.well-known/oauth-protected-resource/mcp")
    );
    agent.obtain(&challenge).await;
    assert_eq!(agent.call("add_note", note()).await.unwrap(), "added");
    assert_eq!(
        agent.call("list_notes", json!({})).await.unwrap(),
        "buy milk"
    );

    // The login is too weak.
    let challenge = agent.refused("delete_all_notes", json!({})).await;
    assert_eq!(
        parameter(&challenge, "error").as_deref(),
        Some("insufficient_user_authentication")
    );
    assert_eq!(parameter(&challenge, "acr_values").as_deref(), Some("phr"));
    assert_eq!(parameter(&challenge, "max_age").as_deref(), Some("300"));
    agent.obtain(&challenge).await;
    let deleted = agent.call("delete_all_notes", json!({})).await.unwrap();
    assert_eq!(deleted, "1 deleted");
    assert_eq!(agent.call("list_notes", json!({})).await.unwrap(), "");
    agent.mcp.cancel().await.unwrap();
}

#[tokio::test]
async fn a_token_for_another_resource_of_the_same_provider_is_refused() {
    let Some(place) = Place::start() else { return };
    let ours = place.robots_token(&place.url("/mcp"), "notes:read").await;
    let answer = place.call(Some(&ours), "list_notes").await;
    assert_eq!(answer.status(), 200);
    let told: Value = answer.json().await.unwrap();
    assert_eq!(told["result"]["content"][0]["text"], "", "{told}");

    for (resource, scope) in [
        ("https://elsewhere.example/mcp", "notes:read notes:write"),
        (&*place.url("/"), "notes:read"),
        (&*place.url("/mcp/"), "notes:read"),
    ] {
        let theirs = place.robots_token(resource, scope).await;
        let answer = place.call(Some(&theirs), "list_notes").await;
        assert_eq!(answer.status(), 401, "{resource}");
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
        assert_eq!(
            parameter(challenge, "error").as_deref(),
            Some("invalid_token")
        );
        assert_eq!(parameter(challenge, "scope").as_deref(), Some("notes:read"));
    }
    let tampered = format!("{}x", &ours[..ours.len() - 1]);
    assert_eq!(
        place.call(Some(&tampered), "list_notes").await.status(),
        401
    );
    assert_eq!(place.call(None, "list_notes").await.status(), 401);
}

#[tokio::test]
async fn a_body_that_hides_its_tool_calls_none_that_its_caller_may_not_use() {
    let Some(place) = Place::start() else { return };
    let token = place.robots_token(&place.url("/mcp"), "notes:read").await;
    let bare = |tool: &str| {
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": tool, "arguments": {"text": "smuggled"}}})
    };
    let add = bare("add_note").to_string();
    let bodies = [
        // Members that stand twice, which two readers may read in two ways.
        add.replace(
            r#""name":"add_note""#,
            r#""name":"list_notes","name":"add_note""#,
        ),
        add.replace(
            r#""name":"add_note""#,
            r#""name":"add_note","name":"list_notes""#,
        ),
        add.replace(r#""method":"#, r#""method":"tools/list","method":"#),
        // Escapes, a batch, and what stands behind the message.
        add.replace("add_note", r"\u0061dd_note"),
        format!("[{add}]"),
        format!("{} {add}", bare("list_notes")),
        add.replace("add_note", "add_note "),
        String::new(),
    ];
    for body in bodies {
        let answer = place.post(Some(&token), body.clone()).await;
        let told = answer.text().await.unwrap();
        assert!(!told.contains("added"), "{body}: {told}");
    }
    let answer = place.call(Some(&token), "list_notes").await;
    let told = answer.text().await.unwrap();
    assert!(!told.contains("smuggled"), "{told}");
}

#[tokio::test]
async fn the_metadata_are_there_for_whoever_asks() {
    let Some(place) = Place::start() else { return };
    let url = place.url("/.well-known/oauth-protected-resource/mcp");
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let told: Value = answer.json().await.unwrap();
    let expected = json!({
        "resource": place.url("/mcp"),
        "authorization_servers": [place.issuer()],
        "scopes_supported": ["notes:read", "notes:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Notes",
    });
    assert_eq!(told, expected);
}
