//! People and bots, as the store keeps them.

use common::{Change, Kv, KvError};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

const ACCOUNTS: &str = "accounts";
/// Whose an e-mail address is: one account's at most.
const ADDRESSES: &str = "addresses";

/// A person or a bot, as everybody may see them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    pub id: String,
    #[serde(rename = "type", default)]
    pub kind: PersonType,
    pub first_name: String,
    pub last_name: String,
    pub full_name: String,
    pub email: String,
    pub role: Role,
    pub active: bool,
    pub is_bot: bool,
    pub departments: Vec<String>,
    /// The last day of a bot's token.
    #[schema(value_type = Option<String>, format = Date)]
    pub expiration_date: Option<Date>,
}

/// What every person says of themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub enum PersonType {
    #[default]
    Person,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Admin,
    Manager,
    Supervisor,
    #[default]
    User,
    Client,
    Vendor,
}

/// A person, and the hash of their password.
#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    pub person: Person,
    /// Bots have none, nor do people who were made without.
    pub password: Option<String>,
}

/// All of them.
#[derive(Debug, Clone)]
pub struct People(Kv);

impl People {
    pub fn new(kv: &Kv) -> Self {
        Self(kv.clone())
    }

    pub async fn get(&self, id: &str) -> Result<Option<Account>, KvError> {
        self.0.get(ACCOUNTS, id).await
    }

    pub async fn by_email(&self, email: &str) -> Result<Option<Account>, KvError> {
        let Some(id) = self.0.get::<String>(ADDRESSES, email).await? else {
            return Ok(None);
        };
        let account = self.get(&id).await?;
        Ok(account.filter(|account| account.person.email == email))
    }

    pub async fn all(&self) -> Result<Vec<Person>, KvError> {
        let accounts: Vec<Account> = self.0.list(ACCOUNTS).await?;
        Ok(accounts.into_iter().map(|account| account.person).collect())
    }

    /// Adds an account, unless there is one of that id or address. Whether it did.
    pub async fn add(&self, account: &Account) -> Result<bool, KvError> {
        let Person { id, email, .. } = &account.person;
        // In this order, a server that stops halfway leaves an account without an address, which an
        // administrator sees and deletes; and never an address that nobody can have.
        if !self.0.insert(ACCOUNTS, id, account).await? {
            return Ok(false);
        }
        let is_free = self.0.insert(ADDRESSES, email, id).await?;
        if !is_free {
            self.0.delete(ACCOUNTS, id).await?;
        }
        Ok(is_free)
    }

    /// Changes a person, and their address if it is another then. `None` if there is nobody, or the address
    /// is somebody else's.
    pub async fn change(
        &self,
        id: &str,
        edit: impl Fn(&mut Person),
    ) -> Result<Option<(Person, Person)>, KvError> {
        let Some(Account { person: before, .. }) = self.get(id).await? else {
            return Ok(None);
        };
        let mut wanted = before.clone();
        edit(&mut wanted);
        let moves = wanted.email != before.email;
        if moves && !self.0.insert(ADDRESSES, &wanted.email, &id).await? {
            return Ok(None);
        }
        let put = |account: Option<Account>| match account {
            None => (Change::Keep, None),
            Some(mut account) => {
                let before = account.person.clone();
                edit(&mut account.person);
                let after = account.person.clone();
                (Change::Put(account), Some((before, after)))
            }
        };
        let changed = self.0.update(ACCOUNTS, id, put).await?;
        if moves {
            let left = if changed.is_some() {
                &before.email
            } else {
                &wanted.email
            };
            self.0.delete(ADDRESSES, left).await?;
        }
        Ok(changed)
    }

    /// Removes an account. Who it was.
    pub async fn remove(&self, id: &str) -> Result<Option<Person>, KvError> {
        let Some(Account { person, .. }) = self.get(id).await? else {
            return Ok(None);
        };
        let disown = |owner: Option<String>| match owner {
            Some(owner) if owner == id => (Change::Delete, ()),
            _ => (Change::Keep, ()),
        };
        self.0.update(ADDRESSES, &person.email, disown).await?;
        self.0.delete(ACCOUNTS, id).await?;
        Ok(Some(person))
    }
}

impl Person {
    /// Somebody active, with a name of two parts.
    pub fn new(first: &str, last: &str, email: &str) -> Self {
        let mut person = Self {
            id: Uuid::new_v4().to_string(),
            kind: PersonType::Person,
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            full_name: String::new(),
            email: normal(email),
            role: Role::User,
            active: true,
            is_bot: false,
            departments: Vec::new(),
            expiration_date: None,
        };
        person.name_in_full();
        person
    }

    /// Writes the full name by the two parts of it.
    pub fn name_in_full(&mut self) {
        let full = format!("{} {}", self.first_name, self.last_name);
        full.trim().clone_into(&mut self.full_name);
    }
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Manager => "manager",
            Self::Supervisor => "supervisor",
            Self::User => "user",
            Self::Client => "client",
            Self::Vendor => "vendor",
        }
    }
}

/// An address in the spelling that it is kept in.
pub fn normal(email: &str) -> String {
    email.trim().to_lowercase()
}
