use std::collections::HashMap;
use std::time::Duration;

use redis::Value;

use crate::clock::Timestamp;
use crate::identity::{CredentialKind, RoleGrant};
use crate::store::{StoreError, TokenDigest, TokenRecord, TokenSeed};

use super::error::{fault, generic, malformed};

/// The kinds that have names. A record of any other is of [`CredentialKind::Other`].
pub(super) const KINDS: [CredentialKind; 7] = [
    CredentialKind::Jwt,
    CredentialKind::Session,
    CredentialKind::AccessToken,
    CredentialKind::ApiKey,
    CredentialKind::BotToken,
    CredentialKind::RefreshToken,
    CredentialKind::Other,
];

/// A record's fields, with their values. What is not set has no field.
pub(super) type Fields = Vec<(&'static str, Vec<u8>)>;

/// A role, and the resource on which it is held alone.
type Role = (Box<str>, Option<Box<str>>);

/// The fields of a record; its id is in its key.
pub(super) fn write(record: &TokenRecord) -> Result<Fields, StoreError> {
    let mut fields = vec![
        ("digest", record.digest.as_bytes().to_vec()),
        ("kind", record.kind.as_str().into()),
        ("subject", text(&record.subject)),
        ("created", time(record.created)),
    ];
    let mut add = |name, value: Option<Vec<u8>>| fields.extend(value.map(|value| (name, value)));
    let optional = |value: &Option<Box<str>>| value.as_deref().map(text);
    add("pepper", optional(&record.pepper));
    add("name", optional(&record.name));
    add("client", optional(&record.client_id));
    add("session", optional(&record.session_id));
    let scopes = record.scopes.as_str();
    add("scopes", (!scopes.is_empty()).then(|| text(scopes)));
    if !record.roles.is_empty() {
        let roles = record
            .roles
            .iter()
            .map(|grant| (grant.role(), grant.resource()));
        let roles = roles.collect::<Vec<_>>();
        add("roles", Some(serde_json::to_vec(&roles).map_err(generic)?));
    }
    add("expires", record.expires.map(time));
    add("idle", record.idle.map(idle));
    add("used", record.last_used.map(time));
    add("revoked", record.revoked.map(time));
    add("disabled", record.disabled.then(|| text("1")));
    add("replaced_by", optional(&record.replaced_by));
    add("seed", record.seed.map(|seed| seed.as_bytes().to_vec()));
    let start = &*record.display_start;
    add("start", (!start.is_empty()).then(|| text(start)));
    add("auth_time", record.auth_time.map(time));
    add("acr", optional(&record.acr));
    if !record.attributes.is_empty() {
        let attributes = serde_json::to_vec(&record.attributes);
        add("attributes", Some(attributes.map_err(generic)?));
    }
    Ok(fields)
}

/// The record of this id and these fields, or `None` if there are none.
pub(super) fn read(id: &str, fields: Value) -> Result<Option<TokenRecord>, StoreError> {
    let fields: HashMap<String, Vec<u8>> =
        redis::from_redis_value(fields).map_err(|error| fault(error.into()))?;
    if fields.is_empty() {
        return Ok(None);
    }
    let fields = Read(fields);
    let kind = fields.required("kind")?.parse();
    let digest = fields.bytes("digest")?.ok_or_else(|| bad("digest"))?;
    let mut record = TokenRecord::new(
        id,
        TokenDigest::from_bytes(digest),
        kind.unwrap_or(CredentialKind::Other),
        fields.required("subject")?,
        fields.time("created")?.ok_or_else(|| bad("created"))?,
    );
    record.pepper = fields.text("pepper")?;
    record.name = fields.text("name")?;
    record.client_id = fields.text("client")?;
    record.session_id = fields.text("session")?;
    if let Some(scopes) = fields.text("scopes")? {
        record.scopes = scopes.parse().map_err(|_| bad("scopes"))?;
    }
    let roles: Option<Vec<Role>> = fields.json("roles")?;
    let roles = roles.into_iter().flatten();
    record.roles = roles
        .map(|(role, resource)| match resource {
            Some(resource) => RoleGrant::on(role, resource),
            None => RoleGrant::new(role),
        })
        .collect();
    record.expires = fields.time("expires")?;
    record.idle = fields.idle()?;
    record.last_used = fields.time("used")?;
    record.revoked = fields.time("revoked")?;
    record.disabled = fields.0.contains_key("disabled");
    record.replaced_by = fields.text("replaced_by")?;
    record.seed = fields.bytes("seed")?.map(TokenSeed::from_bytes);
    record.display_start = fields.text("start")?.unwrap_or_default();
    record.auth_time = fields.time("auth_time")?;
    record.acr = fields.text("acr")?;
    record.attributes = fields.json("attributes")?.unwrap_or_default();
    Ok(Some(record))
}

pub(super) fn time(time: Timestamp) -> Vec<u8> {
    time.as_unix_millis().to_string().into()
}

fn text(text: &str) -> Vec<u8> {
    text.into()
}

/// In milliseconds, with parts of one only where it has any.
fn idle(idle: Duration) -> Vec<u8> {
    let (millis, nanos) = (idle.as_millis(), idle.subsec_nanos() % 1_000_000);
    match nanos {
        0 => millis.to_string().into(),
        nanos => format!("{millis}.{nanos:06}").into(),
    }
}

fn read_idle(text: &str) -> Option<Duration> {
    let (millis, nanos) = text.split_once('.').unwrap_or((text, "0"));
    let (millis, nanos): (u128, u32) = (millis.parse().ok()?, nanos.parse().ok()?);
    let secs = u64::try_from(millis / 1000).ok()?;
    let rest = u32::try_from(millis % 1000).ok()? * 1_000_000;
    Some(Duration::new(secs, rest.checked_add(nanos)?))
}

struct Read(HashMap<String, Vec<u8>>);

impl Read {
    fn str(&self, name: &'static str) -> Result<Option<&str>, StoreError> {
        let bytes = self.0.get(name);
        let text = bytes.map(|bytes| std::str::from_utf8(bytes));
        text.transpose().map_err(|_| bad(name))
    }

    fn text(&self, name: &'static str) -> Result<Option<Box<str>>, StoreError> {
        Ok(self.str(name)?.map(Into::into))
    }

    fn required(&self, name: &'static str) -> Result<&str, StoreError> {
        self.str(name)?.ok_or_else(|| bad(name))
    }

    fn time(&self, name: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let millis = self.str(name)?.map(str::parse).transpose();
        Ok(millis
            .map_err(|_| bad(name))?
            .map(Timestamp::from_unix_millis))
    }

    fn idle(&self) -> Result<Option<Duration>, StoreError> {
        let Some(text) = self.str("idle")? else {
            return Ok(None);
        };
        read_idle(text).map(Some).ok_or_else(|| bad("idle"))
    }

    fn bytes(&self, name: &'static str) -> Result<Option<[u8; 32]>, StoreError> {
        let bytes = self.0.get(name).map(|bytes| bytes.as_slice().try_into());
        bytes.transpose().map_err(|_| bad(name))
    }

    fn json<T: serde::de::DeserializeOwned>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let json = self.0.get(name);
        // Without the reason, which may hold what is there.
        json.map(|json| serde_json::from_slice(json))
            .transpose()
            .map_err(|_| bad(name))
    }
}

fn bad(name: &str) -> StoreError {
    malformed(&format!("the field {name} of a record"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_time_and_parts_of_a_millisecond_come_back() {
        let digest = TokenDigest::from_bytes([7; 32]);
        let first = Timestamp::from_unix_millis(i64::MIN);
        let mut record = TokenRecord::new("", digest, CredentialKind::Other, "", first);
        record.expires = Some(Timestamp::MAX);
        for idle in [Duration::MAX, Duration::from_nanos(1), Duration::ZERO] {
            record.idle = Some(idle);
            let fields = write(&record).expect("writing");
            let bulk = |bytes: Vec<u8>| Value::BulkString(bytes);
            let fields = fields
                .into_iter()
                .map(|(name, value)| (bulk(name.into()), bulk(value)));
            let read = read("", Value::Map(fields.collect())).expect("reading");
            assert_eq!(read.as_ref(), Some(&record));
        }
    }
}
