//! Who may log in.

use common::{Kv, KvError, Passwords, StartError};
use serde::{Deserialize, Serialize};
use tower_bearer::Refusal;
use tower_bearer::identity::Identity;

const COLLECTION: &str = "nebula_accounts";

#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    pub id: u64,
    pub name: String,
    pub email: String,
    pub is_staff: bool,
    pub is_active: bool,
    pub available_balance: String,
    password: String,
}

impl Account {
    /// What the account's tokens say of it, in both lists.
    pub fn role(&self) -> &'static str {
        if self.is_staff { "ADMIN" } else { "GUEST" }
    }
}

/// The accounts, by e-mail. A clone is the same.
#[derive(Clone)]
pub struct Accounts {
    kv: Kv,
    passwords: Passwords,
}

impl Accounts {
    /// Makes the demo accounts where there are none, and prints how to log in.
    pub async fn open(kv: &Kv) -> Result<Self, StartError> {
        let passwords = Passwords::new()?;
        let demo = [
            (18, "Test User", "testemail@gmail.com", "123456789"),
            (19, "Second User", "second@example.com", "987654321"),
        ];
        for (id, name, email, password) in demo {
            let account = Account {
                id,
                name: name.into(),
                email: email.into(),
                is_staff: false,
                is_active: true,
                available_balance: "1228.55600".into(),
                password: passwords.hash(password).await?,
            };
            kv.insert(COLLECTION, email, &account).await?;
            println!("demo account: {email} / {password}");
        }
        let kv = kv.clone();
        Ok(Self { kv, passwords })
    }

    /// The account, if it is an active one and this its password. It takes as long where there is none.
    pub async fn log_in(&self, email: &str, password: &str) -> Result<Option<Account>, KvError> {
        let account: Option<Account> = self.kv.get(COLLECTION, &key(email)).await?;
        let kept = account.as_ref().map(|account| &*account.password);
        let is_right = self.passwords.is_right(kept, password).await;
        Ok(account.filter(|account| is_right && account.is_active))
    }

    /// The identity with the account that its token is of, as that is now.
    pub async fn owner_of(&self, identity: Identity) -> Result<Identity, Refusal> {
        match self.kv.get(COLLECTION, identity.subject()).await {
            Ok(Some(Account {
                is_active: false, ..
            })) => Err(Refusal::disabled("account is not active")),
            Ok(Some(account)) => Ok(identity.with_data::<Account>(account)),
            Ok(None) => Err(Refusal::disabled("account was deleted")),
            Err(error) => {
                Err(Refusal::unavailable("the accounts gave no answer").with_source(error))
            }
        }
    }
}

/// E-mails are one account's in whatever letters.
fn key(email: &str) -> String {
    email.to_lowercase()
}
