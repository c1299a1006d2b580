//! An MCP server of notes, which takes the tokens of somebody else's identity provider.
//!
//! ```console
//! $ ISSUER=https://id.example.com RESOURCE=https://notes.example.com/mcp cargo run -p mcp
//! ```
//!
//! A client needs the URL of the server and nothing else. It is answered 401, and finds the rest from there:
//! the challenge names the resource's metadata (RFC 9728), those name the identity provider, and that one has
//! metadata of its own (RFC 8414). The client registers, sends its user there, and comes back with a token for
//! this resource and no other (RFC 8707). Each tool asks for what it needs, see `access`.
//!
//! To try it on one machine, with the provider that the tests use (`tests/oidc/install` installs it):
//!
//! ```console
//! $ LISTEN=127.0.0.1:3000 tests/oidc/people.mjs
//! $ PLAIN_HTTP=1 ISSUER=http://127.0.0.1:3000 cargo run -p mcp
//! $ curl -i http://127.0.0.1:8080/mcp -d '{}'
//! $ curl -i http://127.0.0.1:8080/.well-known/oauth-protected-resource/mcp
//! ```
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `ISSUER` | the identity provider | |
//! | `LISTEN` | address and port | `127.0.0.1:8080` |
//! | `RESOURCE` | the URL of this server, as clients know it | `http://LISTEN/mcp` |
//! | `PLAIN_HTTP` | `1`: `http` will do for both of them | `https` alone |

mod access;
mod notes;

use std::env;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tower_bearer::keys::RemoteKeySet;
use tower_bearer::metadata::{ResourceMetadata, ResourceMetadataService};
use tower_bearer::remote::HttpSettings;
use tower_bearer::scope::ScopeSet;
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::{BearerAuthLayer, ConfigError};
use tracing_subscriber::EnvFilter;

use access::Access;
use notes::Notes;

type StartError = Box<dyn std::error::Error + Send + Sync>;

/// Who this server is, and whose tokens it takes.
struct Settings {
    resource: String,
    issuer: String,
    plain_http: bool,
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let value = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let listen = value("LISTEN").unwrap_or("127.0.0.1:8080".into());
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let settings = Settings {
        resource: value("RESOURCE").unwrap_or(format!("http://{address}/mcp")),
        issuer: value("ISSUER").ok_or("ISSUER: whose tokens are to be taken?")?,
        plain_http: value("PLAIN_HTTP").as_deref() == Some("1"),
    };
    let mut http = HttpSettings::new();
    if settings.plain_http {
        http = http.allow_plain_http();
    }
    // The keys are found from the issuer's name, and kept up to date in the background.
    let keys = RemoteKeySet::discover(&settings.issuer)
        .http(http)
        .start()
        .await?;
    let app = app(&settings, &keys)?;
    println!("listening on http://{address}");
    axum::serve(listener, app).await?;
    Ok(())
}

fn app(settings: &Settings, keys: &RemoteKeySet) -> Result<Router, ConfigError> {
    let mut metadata = ResourceMetadata::builder(&settings.resource)
        .authorization_server(&settings.issuer)
        .scopes_supported(access::SCOPES)
        .resource_name("Notes");
    if settings.plain_http {
        metadata = metadata.allow_plain_http();
    }
    let metadata = metadata.build()?;
    // A token for another resource of the same issuer is refused by the audience.
    let verifier = JwtVerifier::rfc9068(keys, &*settings.issuer, &*settings.resource).build()?;
    let layer = BearerAuthLayer::builder(verifier)
        .resource_metadata(metadata.url())
        .challenge_scopes(ScopeSet::from_static(access::TO_BEGIN_WITH))
        .build()?;

    let access = Arc::new(Access::new());
    let notes = Notes::new(Arc::clone(&access));
    // Without sessions, each request stands for itself, and by its own token.
    let mut config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    let url: http::Uri = settings
        .resource
        .parse()
        .map_err(|_| ConfigError::new("RESOURCE", "it is no URL"))?;
    let host = url.authority().map(ToString::to_string);
    config.allowed_hosts.extend(host);
    let mcp = StreamableHttpService::new(
        move || Ok(notes.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    Ok(Router::new()
        .route_service(url.path(), mcp)
        .layer(from_fn_with_state(access, access::by_tool))
        .layer(layer)
        .route_service(
            metadata.path(),
            ResourceMetadataService::new([metadata.clone()])?,
        ))
}
