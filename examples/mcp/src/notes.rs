//! The notes, each person's their own, and the tools for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::request::Parts;
use rmcp::handler::server::tool::Extension;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{ServerCapabilities, ServerConfig};
use rmcp::{ErrorData, ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::Deserialize;
use tower_bearer::AuthenticatedUser;

use crate::access::{ADD, Access, DELETE, LIST};

type BySubject = HashMap<String, Vec<String>>;

/// The MCP server. Clones share the notes.
#[derive(Clone)]
pub(crate) struct Notes {
    access: Arc<Access>,
    notes: Arc<Mutex<BySubject>>,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct NewNote {
    /// What to write down.
    text: String,
}

#[tool_router]
impl Notes {
    pub(crate) fn new(access: Arc<Access>) -> Self {
        Self {
            access,
            notes: Arc::default(),
        }
    }

    /// Lists your notes. Asks for `notes:read`.
    #[tool(name = "list_notes")]
    async fn list(&self, Extension(head): Extension<Parts>) -> Result<String, ErrorData> {
        let user = self.caller(&head, LIST)?;
        Ok(self.of(&user, |notes| notes.join("\n")))
    }

    /// Writes a note down. Asks for `notes:read` and `notes:write`.
    #[tool(name = "add_note")]
    async fn add(
        &self,
        Parameters(note): Parameters<NewNote>,
        Extension(head): Extension<Parts>,
    ) -> Result<String, ErrorData> {
        let user = self.caller(&head, ADD)?;
        self.of(&user, |notes| notes.push(note.text));
        Ok("added".to_owned())
    }

    /// Deletes all your notes. Asks for `notes:read` and `notes:write`, and for a login of the last five minutes
    /// that cannot be phished.
    #[tool(name = "delete_all_notes")]
    async fn delete(&self, Extension(head): Extension<Parts>) -> Result<String, ErrorData> {
        let user = self.caller(&head, DELETE)?;
        let deleted = self.of(&user, |notes| std::mem::take(notes).len());
        Ok(format!("{deleted} deleted"))
    }

    /// Who calls the tool, if they may.
    fn caller(&self, head: &Parts, tool: &str) -> Result<AuthenticatedUser, ErrorData> {
        let refused = |_| ErrorData::invalid_request("this is not for you", None);
        let user = AuthenticatedUser::from_extensions(&head.extensions).map_err(refused)?;
        self.access.check(&user, tool).map_err(refused)?;
        Ok(user)
    }

    fn of<T>(&self, user: &AuthenticatedUser, what: impl FnOnce(&mut Vec<String>) -> T) -> T {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        what(notes.entry(user.subject().to_owned()).or_default())
    }
}

#[tool_handler]
impl ServerHandler for Notes {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}
