//! Who asks, and whether they may.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tower_bearer::policy::Policy;
use tower_bearer::{AuthenticatedUser, Reason};

use crate::accounts::{Accounts, Permission};
use crate::answer::Failure;
use crate::auth::Tokens;
use crate::settings::ServerSettings;
use crate::shares::Shares;

#[derive(Clone)]
pub struct App {
    pub accounts: Accounts,
    pub tokens: Tokens,
    pub shares: Shares,
    pub settings: ServerSettings,
}

pub const CREATE: u8 = Permission::Create as u8;
pub const MODIFY: u8 = Permission::Modify as u8;
pub const DELETE: u8 = Permission::Delete as u8;
pub const LOCK: u8 = Permission::Lock as u8;
pub const LIST: u8 = Permission::List as u8;
pub const READ: u8 = Permission::Read as u8;

/// A caller with this permission: by their account, or by the settings where they have no name.
pub struct May<const PERMISSION: u8>(pub Option<AuthenticatedUser>);

impl<const PERMISSION: u8> FromRequestParts<App> for May<PERMISSION> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let permission = Permission::ALL[usize::from(PERMISSION)];
        let denied = match AuthenticatedUser::from_extensions(&parts.extensions) {
            Ok(user) => {
                user.require(&Policy::scope(permission.code()))?;
                return Ok(Self(Some(user)));
            }
            Err(denied) => denied,
        };
        let is_stranger = denied.refusal().reason() == Reason::Anonymous;
        if is_stranger
            && app
                .settings
                .get()
                .await?
                .default_permissions
                .contains(&permission)
        {
            return Ok(Self(None));
        }
        Err(denied.into())
    }
}

/// An administrator, who has a name whatever strangers may do.
pub struct Administrator;

impl FromRequestParts<App> for Administrator {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let user = <AuthenticatedUser as FromRequestParts<App>>::from_request_parts(parts, app);
        user.await?
            .require(&Policy::scope(Permission::Admin.code()))?;
        Ok(Self)
    }
}
