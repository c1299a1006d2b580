//! Who may log in, and what they may do.

use std::collections::BTreeSet;

use common::{Change, Kv, KvError, Passwords, ServerClock, StartError};
use serde::{Deserialize, Serialize};
use tower_bearer::Refusal;
use tower_bearer::clock::Clock;
use tower_bearer::identity::Identity;
use tower_bearer::scope::ScopeSet;
use utoipa::ToSchema;
use uuid::Uuid;

const COLLECTION: &str = "sachet_users";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Permission {
    Create,
    Modify,
    Delete,
    Lock,
    List,
    Admin,
    Read,
}

impl Permission {
    pub const ALL: [Self; 7] = [
        Self::Create,
        Self::Modify,
        Self::Delete,
        Self::Lock,
        Self::List,
        Self::Admin,
        Self::Read,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Modify => "MODIFY",
            Self::Delete => "DELETE",
            Self::Lock => "LOCK",
            Self::List => "LIST",
            Self::Admin => "ADMIN",
            Self::Read => "READ",
        }
    }
}

pub type Permissions = BTreeSet<Permission>;

#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    pub username: String,
    pub permissions: Permissions,
    pub register_date: String,
    /// Another one for each registration, so that no token outlives its account under the same name.
    pub id: String,
    password: String,
}

/// The accounts, by name. A clone is the same.
#[derive(Clone)]
pub struct Accounts {
    kv: Kv,
    passwords: Passwords,
    clock: ServerClock,
}

impl Accounts {
    /// Makes the demo accounts where there are none, and prints how to log in.
    pub async fn open(kv: &Kv, clock: ServerClock) -> Result<Self, StartError> {
        use Permission::{Create, Delete, List, Read};
        let passwords = Passwords::new()?;
        let kv = kv.clone();
        let accounts = Self {
            kv,
            passwords,
            clock,
        };
        let demo = [
            ("user", "userpassword", vec![Create, Delete, List, Read]),
            ("admin", "adminpassword", Permission::ALL.to_vec()),
        ];
        for (username, password, permissions) in demo {
            let permissions = permissions.into_iter().collect();
            accounts.register(username, password, permissions).await?;
            println!("demo account: {username} / {password}");
        }
        Ok(accounts)
    }

    /// Makes an account, unless there is one of that name. Whether it did.
    pub async fn register(
        &self,
        username: &str,
        password: &str,
        permissions: Permissions,
    ) -> Result<bool, StartError> {
        let now = self.clock.now().as_unix_millis();
        let now = jiff::Timestamp::from_millisecond(now)?.to_string();
        let account = Account {
            username: username.into(),
            permissions,
            register_date: now.trim_end_matches('Z').into(),
            id: Uuid::new_v4().to_string(),
            password: self.passwords.hash(password).await?,
        };
        Ok(self.kv.insert(COLLECTION, username, &account).await?)
    }

    pub async fn get(&self, username: &str) -> Result<Option<Account>, KvError> {
        self.kv.get(COLLECTION, username).await
    }

    pub async fn list(&self) -> Result<Vec<Account>, KvError> {
        self.kv.list(COLLECTION).await
    }

    /// The account, if this is its password. It takes as long where there is none.
    pub async fn log_in(&self, name: &str, password: &str) -> Result<Option<Account>, KvError> {
        let account = self.get(name).await?;
        let kept = account.as_ref().map(|account| &*account.password);
        let is_right = self.passwords.is_right(kept, password).await;
        Ok(account.filter(|_| is_right))
    }

    /// Changes what is given. Whether there is such an account.
    pub async fn change(
        &self,
        username: &str,
        permissions: Option<&Permissions>,
        password: Option<&str>,
    ) -> Result<bool, StartError> {
        let hash = match password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let change = |account: Option<Account>| match account {
            Some(mut account) => {
                if let Some(permissions) = permissions {
                    account.permissions.clone_from(permissions);
                }
                if let Some(hash) = &hash {
                    account.password.clone_from(hash);
                }
                (Change::Put(account), true)
            }
            None => (Change::Keep, false),
        };
        Ok(self.kv.update(COLLECTION, username, change).await?)
    }

    /// Whether there was such an account.
    pub async fn delete(&self, username: &str) -> Result<bool, KvError> {
        let delete = |account: Option<Account>| (Change::Delete, account.is_some());
        self.kv.update(COLLECTION, username, delete).await
    }

    /// The identity with the permissions that its account has now.
    pub async fn owner_of(&self, identity: Identity) -> Result<Identity, Refusal> {
        match self.get(identity.subject()).await {
            Ok(Some(account)) if identity.session_id() == Some(&*account.id) => {
                Ok(identity.with_scopes(scopes(&account.permissions)))
            }
            Ok(_) => Err(Refusal::disabled("account was deleted")),
            Err(error) => {
                Err(Refusal::unavailable("the accounts gave no answer").with_source(error))
            }
        }
    }
}

/// A permission is what the crate calls a scope. Nothing, should one be none.
fn scopes(permissions: &Permissions) -> ScopeSet {
    let codes = permissions.iter().map(|permission| permission.code());
    ScopeSet::try_from_iter(codes).unwrap_or_default()
}

/// The permissions that an identity has by its account.
pub fn permissions_of(identity: &Identity) -> Permissions {
    let all = Permission::ALL.into_iter();
    all.filter(|permission| identity.has_scope(permission.code()))
        .collect()
}
