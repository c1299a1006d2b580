//! Which tool asks for what, and how whoever lacks it is told.
//!
//! A tool is named in the body of a request, which a layer does not see. So the body is read here, before
//! MCP's own service reads it: what a tool refuses in there would be an answer of 200 with an error in it,
//! from which no client learns that it may ask for more. A refusal here is a 403, or a 401, with a challenge.
//!
//! The tools hold their callers against the same policies once more. Were a body ever read in two ways, the
//! worst would be a refusal without a challenge.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tower_bearer::AuthenticatedUser;
use tower_bearer::caller::Denied;
use tower_bearer::policy::Policy;

/// All that there are, for the metadata.
pub(crate) const SCOPES: [&str; 2] = ["notes:read", "notes:write"];
/// What a client is told to ask for before it has called any tool.
pub(crate) const TO_BEGIN_WITH: &str = "notes:read";

pub(crate) const LIST: &str = "list_notes";
pub(crate) const ADD: &str = "add_note";
pub(crate) const DELETE: &str = "delete_all_notes";

const MAX_BODY: usize = 1024 * 1024;

/// What each tool asks for.
pub(crate) struct Access {
    read: Policy,
    write: Policy,
    delete: Policy,
}

impl Access {
    pub(crate) fn new() -> Self {
        let write = Policy::scopes(SCOPES);
        Self {
            read: Policy::scope("notes:read"),
            // A login that cannot be phished, and of the last five minutes (RFC 9470).
            delete: write
                .clone()
                .and(Policy::acr(["phr"]))
                .and(Policy::max_age(Duration::from_secs(300))),
            write,
        }
    }

    /// Holds the caller against what the tool asks for. What is no tool asks for nothing: MCP's service says
    /// that there is none.
    pub(crate) fn check(&self, user: &AuthenticatedUser, tool: &str) -> Result<(), Denied> {
        let policy = match tool {
            LIST => &self.read,
            ADD => &self.write,
            DELETE => &self.delete,
            _ => return Ok(()),
        };
        user.require(policy).map(|_permit| ())
    }
}

/// Lets a request on if its caller may use the tool that it calls, if it calls one.
pub(crate) async fn by_tool(
    State(access): State<Arc<Access>>,
    user: AuthenticatedUser,
    request: Request,
    next: Next,
) -> Result<Response, Response> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await;
    let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE.into_response())?;
    if let Some(tool) = tool_called(&body) {
        let checked = access.check(&user, &tool);
        checked.map_err(IntoResponse::into_response)?;
    }
    Ok(next.run(Request::from_parts(head, Body::from(body))).await)
}

/// The tool that a JSON-RPC message calls.
fn tool_called(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Message {
        method: String,
        params: Params,
    }
    #[derive(Deserialize)]
    struct Params {
        name: String,
    }
    let message: Message = serde_json::from_slice(body).ok()?;
    (message.method == "tools/call").then_some(message.params.name)
}
