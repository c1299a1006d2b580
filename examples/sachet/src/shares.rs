//! Where files are kept: what is said of them apart from what is in them.

use axum::http::StatusCode;
use base64_simd::STANDARD;
use common::{Change, Kv, KvError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::Failure;

const SHARES: &str = "sachet_shares";
const CONTENTS: &str = "sachet_contents";

#[derive(Clone, Serialize, Deserialize)]
pub struct Share {
    pub share_id: String,
    /// `None` where nobody with a name made it.
    pub owner_name: Option<String>,
    pub file_name: String,
    pub locked: bool,
    /// Where its content is, once there is one.
    pub content: Option<String>,
}

/// A share as it is shown.
#[derive(Serialize, ToSchema)]
pub struct Shown {
    share_id: String,
    owner_name: Option<String>,
    file_name: String,
    /// Whether there is content.
    initialized: bool,
    locked: bool,
}

impl From<Share> for Shown {
    fn from(share: Share) -> Self {
        Self {
            share_id: share.share_id,
            owner_name: share.owner_name,
            file_name: share.file_name,
            initialized: share.content.is_some(),
            locked: share.locked,
        }
    }
}

/// The shares. A clone is the same.
#[derive(Clone)]
pub struct Shares(Kv);

impl Shares {
    pub fn new(kv: &Kv) -> Self {
        Self(kv.clone())
    }

    pub async fn get(&self, id: &str) -> Result<Share, Failure> {
        self.0.get(SHARES, id).await?.ok_or_else(not_found)
    }

    pub async fn list(&self) -> Result<Vec<Share>, KvError> {
        self.0.list(SHARES).await
    }

    /// Makes a share without content, and says under which id.
    pub async fn add(&self, owner: Option<&str>, name: Option<String>) -> Result<String, KvError> {
        let id = Uuid::new_v4().to_string();
        let share = Share {
            share_id: id.clone(),
            owner_name: owner.map(Into::into),
            file_name: name.unwrap_or_else(|| id.clone()),
            locked: false,
            content: None,
        };
        self.0.insert(SHARES, &id, &share).await?;
        Ok(id)
    }

    /// Has `change` say what becomes of a share as it is now, or why nothing does. Returns the share as it was.
    pub async fn change(
        &self,
        id: &str,
        change: impl Fn(Share) -> Result<Change<Share>, Failure>,
    ) -> Result<Share, Failure> {
        let change = |share: Option<Share>| match share {
            None => (Change::Keep, Err(not_found())),
            Some(share) => match change(share.clone()) {
                Ok(change) => (change, Ok(share)),
                Err(failure) => (Change::Keep, Err(failure)),
            },
        };
        self.0.update(SHARES, id, change).await?
    }

    /// Keeps content that no share has yet, and says where.
    pub async fn keep_content(&self, bytes: &[u8]) -> Result<String, KvError> {
        let place = Uuid::new_v4().to_string();
        let text = STANDARD.encode_to_string(bytes);
        self.0.insert(CONTENTS, &place, &text).await?;
        Ok(place)
    }

    pub async fn drop_content(&self, place: &str) -> Result<(), KvError> {
        self.0.delete(CONTENTS, place).await
    }

    pub async fn content(&self, place: &str) -> Result<Option<Vec<u8>>, KvError> {
        let text: Option<String> = self.0.get(CONTENTS, place).await?;
        Ok(text.and_then(|text| STANDARD.decode_to_vec(text).ok()))
    }
}

pub fn not_found() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "There is no such share.")
}
