use std::collections::BTreeMap;
use std::time::Duration;

use super::dialect::malformed;
use super::{Arg, Columns, Dialect, args, fault, problem};
use crate::clock::Timestamp;
use crate::identity::{CredentialKind, RoleGrant};
use crate::store::{StoreError, TokenDigest, TokenRecord, TokenSeed};

/// The columns of a record, in the order of [`Written::args`].
macro_rules! columns {
    () => {
        "subject, id, digest, pepper, kind, name, client_id, session_id, scopes, roles, created, \
         expires, idle, last_used, revoked, disabled, replaced_by, seed, display_start, auth_time, \
         acr, attributes"
    };
}

pub(in crate::store) use columns;

/// What of a record is written as JSON.
pub(in crate::store) struct Written {
    roles: String,
    attributes: String,
}

impl Written {
    pub(in crate::store) fn new<D: Dialect>(record: &TokenRecord) -> Result<Self, StoreError> {
        let texts = [&record.subject, &record.id, &record.display_start];
        let optional = [
            &record.pepper,
            &record.name,
            &record.client_id,
            &record.session_id,
            &record.replaced_by,
            &record.acr,
        ];
        for text in texts.into_iter().chain(optional.into_iter().flatten()) {
            D::check(text)?;
        }
        let roles: Vec<_> = record
            .roles
            .iter()
            .map(|grant| (grant.role(), grant.resource()))
            .collect();
        let json = |error| problem(D::NAME, error);
        Ok(Self {
            roles: serde_json::to_string(&roles).map_err(json)?,
            attributes: serde_json::to_string(&record.attributes).map_err(json)?,
        })
    }

    /// The columns of `record`, and when it is due.
    pub(in crate::store) fn args<'a>(&'a self, record: &'a TokenRecord) -> [Arg<'a>; 23] {
        args![
            &*record.subject,
            &*record.id,
            record.digest.as_bytes(),
            record.pepper.as_deref(),
            record.kind.as_str(),
            record.name.as_deref(),
            record.client_id.as_deref(),
            record.session_id.as_deref(),
            record.scopes.as_str(),
            &*self.roles,
            record.created.as_unix_millis(),
            millis(record.expires),
            record.idle.map(as_millis),
            millis(record.last_used),
            millis(record.revoked),
            record.disabled,
            record.replaced_by.as_deref(),
            record.seed.as_ref().map(TokenSeed::as_bytes),
            &*record.display_start,
            millis(record.auth_time),
            record.acr.as_deref(),
            &*self.attributes,
            due(record),
        ]
    }
}

/// When the token is over if it is not used again, or `None` for never.
pub(super) fn due(record: &TokenRecord) -> Option<i64> {
    let ends = [record.revoked, record.ends_at()];
    millis(ends.into_iter().flatten().min())
}

pub(in crate::store) fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_unix_millis)
}

/// Parts of a millisecond are not kept, since no time has them.
fn as_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Reads a record from a row with its columns.
pub(in crate::store) fn read<D: Dialect>(row: &impl Columns) -> Result<TokenRecord, StoreError> {
    read_columns(row).map_err(fault::<D>)
}

fn read_columns<R: Columns>(row: &R) -> Result<TokenRecord, sqlx::Error> {
    let text = |column| R::required(column, row.text(column)?);
    let optional = |column| Ok::<_, sqlx::Error>(row.text(column)?.map(Box::<str>::from));
    let time = |column| Ok::<_, sqlx::Error>(row.int(column)?.map(Timestamp::from_unix_millis));
    let mut record = TokenRecord::new(
        text("id")?,
        TokenDigest::from_bytes(R::required("digest", bytes(row, "digest")?)?),
        text("kind")?.parse().unwrap_or(CredentialKind::Other),
        text("subject")?,
        R::required("created", time("created")?)?,
    );
    record.pepper = optional("pepper")?;
    record.name = optional("name")?;
    record.client_id = optional("client_id")?;
    record.session_id = optional("session_id")?;
    record.scopes = text("scopes")?
        .parse()
        .map_err(|_| malformed("scopes", "is no list of scopes".into()))?;
    record.roles = roles(&text("roles")?)?;
    record.expires = time("expires")?;
    record.idle = row.int("idle")?.map(duration);
    record.last_used = time("last_used")?;
    record.revoked = time("revoked")?;
    record.disabled = row.bool("disabled")?;
    record.replaced_by = optional("replaced_by")?;
    record.seed = bytes(row, "seed")?.map(TokenSeed::from_bytes);
    record.display_start = text("display_start")?.into();
    record.auth_time = time("auth_time")?;
    record.acr = optional("acr")?;
    record.attributes = attributes(&text("attributes")?)?;
    Ok(record)
}

fn bytes(row: &impl Columns, column: &str) -> Result<Option<[u8; 32]>, sqlx::Error> {
    let bytes = row.bytes(column)?.map(<[u8; 32]>::try_from);
    let bytes = bytes.transpose();
    bytes.map_err(|_| malformed(column, "is not of 32 bytes".into()))
}

fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn roles(json: &str) -> Result<Vec<RoleGrant>, sqlx::Error> {
    let roles: Vec<(Box<str>, Option<Box<str>>)> =
        serde_json::from_str(json).map_err(|error| malformed("roles", error.into()))?;
    let grant = |(role, resource): (Box<str>, Option<Box<str>>)| match resource {
        Some(resource) => RoleGrant::on(role, resource),
        None => RoleGrant::new(role),
    };
    Ok(roles.into_iter().map(grant).collect())
}

fn attributes(json: &str) -> Result<BTreeMap<Box<str>, Box<str>>, sqlx::Error> {
    serde_json::from_str(json).map_err(|error| malformed("attributes", error.into()))
}
