use std::time::Duration;

use super::record::{Written, columns, due, millis, read};
use super::{Arg, Dialect, Sql, Tx, args};
use crate::clock::Timestamp;
use crate::identity::CredentialKind;
use crate::revocation::Ending;
use crate::store::{
    Found, Page, StoreError, SubjectLimit, TokenChange, TokenDigest, TokenFilter, TokenKey,
    TokenRecord, TokenUse, WhenFull,
};

const INSERT: &str = concat!(
    "INSERT INTO tower_bearer_tokens (",
    columns!(),
    ", due) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
     $19, $20, $21, $22, $23) ON CONFLICT DO NOTHING"
);
const FIND: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM tower_bearer_tokens WHERE digest = $1"
);
const GET: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM tower_bearer_tokens WHERE subject = $1 AND id = $2"
);
/// The conditions of [`Filter::args`]: kinds, whether they are meant or not, session, and exception.
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM tower_bearer_tokens WHERE subject = $1 AND ($2 IS NULL OR id > $2) \
     AND ($3 IS NULL OR ($3 LIKE '%,' || replace(kind, '_', '\\_') || ',%' ESCAPE '\\') = $4) \
     AND ($5 IS NULL OR session_id = $5) AND ($6 IS NULL OR id <> $6) ORDER BY id LIMIT $7"
);
const UNREVOKED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM tower_bearer_tokens WHERE subject = $1 AND kind = $2 AND revoked IS NULL"
);
const REVOKE: &str = "UPDATE tower_bearer_tokens \
     SET revoked = $3, due = CASE WHEN due < $3 THEN due ELSE $3 END \
     WHERE subject = $1 AND id = $2 AND revoked IS NULL";
const HAS_DIGEST: &str = "SELECT subject FROM tower_bearer_tokens WHERE digest = $1";
const CHANGE: &str = "UPDATE tower_bearer_tokens \
     SET name = $3, disabled = $4, expires = $5, digest = $6, pepper = $7, due = $8 \
     WHERE subject = $1 AND id = $2";
const GIVE_WAY: &str = "UPDATE tower_bearer_tokens \
     SET replaced_by = $3, revoked = $4, expires = $5, due = $6 \
     WHERE subject = $1 AND id = $2";

impl<D: Dialect> Sql<D> {
    pub(in crate::store) async fn insert(&self, record: &TokenRecord) -> Result<(), StoreError> {
        self.within(async {
            let mut tx = self.begin(Some(&record.subject)).await?;
            let inserted = add(&mut tx, record).await;
            tx.finish(inserted).await
        })
        .await
    }

    pub(in crate::store) async fn insert_within(
        &self,
        record: &TokenRecord,
        limit: SubjectLimit,
        now: Timestamp,
    ) -> Result<Vec<Box<str>>, StoreError> {
        self.within(async {
            let mut tx = self.begin(Some(&record.subject)).await?;
            let ended = add_within(&mut tx, record, limit, now).await;
            tx.finish(ended).await
        })
        .await
    }

    pub(in crate::store) async fn find(
        &self,
        digest: &TokenDigest,
    ) -> Result<Option<Found>, StoreError> {
        self.within(async {
            let rows = self.read(FIND, &args![digest.as_bytes()]).await?;
            let record = rows.first().map(read::<D>).transpose()?;
            Ok(record.map(Found::new))
        })
        .await
    }

    pub(in crate::store) async fn get(
        &self,
        key: TokenKey<'_>,
    ) -> Result<Option<TokenRecord>, StoreError> {
        check_key::<D>(key)?;
        self.within(async {
            let rows = self.read(GET, &args![key.subject, key.id]).await?;
            rows.first().map(read::<D>).transpose()
        })
        .await
    }

    pub(in crate::store) async fn list(
        &self,
        subject: &str,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        D::check(subject)?;
        page.start().map_or(Ok(()), D::check)?;
        let filter = Filter::new::<D>(filter)?;
        let [kinds, meant, session, except] = filter.args();
        let limit = i64::try_from(page.limit()).unwrap_or(i64::MAX);
        let [subject, start, limit] = args![subject, page.start(), limit];
        let args = [subject, start, kinds, meant, session, except, limit];
        self.within(async {
            let rows = self.read(LIST, &args).await?;
            rows.iter().map(read::<D>).collect()
        })
        .await
    }

    pub(in crate::store) async fn touch(&self, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        for used in uses {
            check_key::<D>(used.key)?;
        }
        self.within(async {
            let mut tx = self.begin(None).await?;
            let touched = D::touch(&mut tx, uses).await;
            tx.finish(touched).await
        })
        .await
    }

    pub(in crate::store) async fn revoke(
        &self,
        key: TokenKey<'_>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        check_key::<D>(key)?;
        self.within(async {
            let mut tx = self.begin(Some(key.subject)).await?;
            let ended = end(&mut tx, key, at).await;
            tx.finish(ended).await
        })
        .await
    }

    pub(in crate::store) async fn revoke_all(
        &self,
        subject: &str,
        filter: &TokenFilter,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        D::check(subject)?;
        let written = Filter::new::<D>(filter)?;
        self.within(async {
            let mut tx = self.begin(Some(subject)).await?;
            let ended = end_all(&mut tx, subject, filter, &written, at).await;
            tx.finish(ended).await
        })
        .await
    }

    pub(in crate::store) async fn update(
        &self,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, StoreError> {
        check_key::<D>(key)?;
        self.within(async {
            let mut tx = self.begin(Some(key.subject)).await?;
            let changed = apply(&mut tx, key, change).await;
            tx.finish(changed).await
        })
        .await
    }

    pub(in crate::store) async fn replace(
        &self,
        id: &str,
        successor: &TokenRecord,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = TokenKey {
            subject: &successor.subject,
            id,
        };
        check_key::<D>(key)?;
        self.within(async {
            let mut tx = self.begin(Some(key.subject)).await?;
            let replaced = give_way(&mut tx, key, successor, overlap, now).await;
            tx.finish(replaced).await
        })
        .await
    }

    /// Looks at those that are due first. One that was used since it was dated is dated anew, and the next
    /// are looked at.
    pub(in crate::store) async fn prune_tokens(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        // Further in the future than any date, and no sum with it overflows.
        let before = before.as_unix_millis().min(i64::MAX / 4);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut removed = 0;
        while removed < limit {
            let args = args![before, limit - removed];
            let (dated, over) = self
                .within(async {
                    let mut tx = self.begin(None).await?;
                    let looked = look_at_due(&mut tx, &args).await;
                    tx.finish(looked).await
                })
                .await?;
            removed += i64::try_from(over).unwrap_or(i64::MAX);
            if dated == 0 && over == 0 {
                break;
            }
        }
        Ok(u64::try_from(removed).unwrap_or(0))
    }
}

async fn look_at_due<D: Dialect>(
    tx: &mut Tx<'_, D>,
    args: &[Arg<'_>],
) -> Result<(u64, u64), StoreError> {
    let dated = tx.execute(D::DATE_ANEW, args).await?;
    let over = tx.execute(D::REMOVE_OVER, args).await?;
    Ok((dated, over))
}

async fn add<D: Dialect>(tx: &mut Tx<'_, D>, record: &TokenRecord) -> Result<(), StoreError> {
    let written = Written::new::<D>(record)?;
    let added = tx.execute(INSERT, &written.args(record)).await?;
    // The row that was in the way is not told, so that no log has its digest.
    (added == 1).then_some(()).ok_or(StoreError::AlreadyExists)
}

async fn add_within<D: Dialect>(
    tx: &mut Tx<'_, D>,
    record: &TokenRecord,
    limit: SubjectLimit,
    now: Timestamp,
) -> Result<Vec<Box<str>>, StoreError> {
    let args = args![&*record.subject, record.kind.as_str()];
    let rows = tx.fetch(UNREVOKED, &args).await?;
    let held: Result<Vec<_>, _> = rows.iter().map(read::<D>).collect();
    let mut live = held?;
    live.retain(|held| held.is_live(now));
    let surplus = (live.len() + 1).saturating_sub(limit.max.get());
    if surplus > 0 && limit.when_full == WhenFull::Refuse {
        return Err(StoreError::LimitReached);
    }
    add(tx, record).await?;
    live.sort_unstable_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    live.truncate(surplus);
    // Rows are taken in the order of their keys everywhere, or two would wait for one another.
    let mut by_key: Vec<_> = live.iter().map(TokenRecord::key).collect();
    by_key.sort_unstable_by_key(|key| key.id);
    for key in by_key {
        end(tx, key, now).await?;
    }
    Ok(live.into_iter().map(|record| record.id).collect())
}

async fn current<D: Dialect>(
    tx: &mut Tx<'_, D>,
    key: TokenKey<'_>,
) -> Result<TokenRecord, StoreError> {
    let rows = tx.fetch(GET, &args![key.subject, key.id]).await?;
    read::<D>(rows.first().ok_or(StoreError::NotFound)?)
}

async fn current_unrevoked<D: Dialect>(
    tx: &mut Tx<'_, D>,
    key: TokenKey<'_>,
) -> Result<TokenRecord, StoreError> {
    let record = current(tx, key).await?;
    match record.revoked {
        Some(_) => Err(StoreError::Ended),
        None => Ok(record),
    }
}

async fn end<D: Dialect>(
    tx: &mut Tx<'_, D>,
    key: TokenKey<'_>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let args = args![key.subject, key.id, at.as_unix_millis()];
    let ended = tx.execute(REVOKE, &args).await? > 0;
    if ended {
        tx.tell(token(key)).await?;
    } else {
        current(tx, key).await?;
    }
    Ok(ended)
}

async fn end_all<D: Dialect>(
    tx: &mut Tx<'_, D>,
    subject: &str,
    filter: &TokenFilter,
    written: &Filter,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let [kinds, meant, session, except] = written.args();
    let [whose, at] = args![subject, at.as_unix_millis()];
    let args = [whose, at, kinds, meant, session, except];
    let ended = tx.execute(D::REVOKE_ALL, &args).await?;
    if ended > 0 {
        let ending = Ending::Tokens {
            subject: subject.into(),
            filter: filter.clone(),
        };
        tx.tell(ending).await?;
    }
    Ok(ended)
}

async fn apply<D: Dialect>(
    tx: &mut Tx<'_, D>,
    key: TokenKey<'_>,
    change: &TokenChange,
) -> Result<TokenRecord, StoreError> {
    let old = current_unrevoked(tx, key).await?;
    let mut record = old.clone();
    change.apply(&mut record);
    if record.digest != old.digest {
        let digest = args![record.digest.as_bytes()];
        let taken = tx.fetch(HAS_DIGEST, &digest).await?;
        if !taken.is_empty() {
            return Err(StoreError::AlreadyExists);
        }
    }
    Written::new::<D>(&record)?;
    let args = args![
        key.subject,
        key.id,
        record.name.as_deref(),
        record.disabled,
        millis(record.expires),
        record.digest.as_bytes(),
        record.pepper.as_deref(),
        due(&record),
    ];
    if tx.execute(CHANGE, &args).await? == 0 {
        return Err(StoreError::NotFound);
    }
    tx.tell(Ending::of_update(&record)).await?;
    Ok(record)
}

async fn give_way<D: Dialect>(
    tx: &mut Tx<'_, D>,
    key: TokenKey<'_>,
    successor: &TokenRecord,
    overlap: Duration,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut record = current_unrevoked(tx, key).await?;
    add(tx, successor).await?;
    record.give_way_to(successor.id.clone(), overlap, now);
    let args = args![
        key.subject,
        key.id,
        record.replaced_by.as_deref(),
        millis(record.revoked),
        millis(record.expires),
        due(&record),
    ];
    if tx.execute(GIVE_WAY, &args).await? == 0 {
        return Err(StoreError::NotFound);
    }
    tx.tell(Ending::of_replacement(key.subject, key.id, overlap))
        .await
}

fn token(key: TokenKey<'_>) -> Ending {
    Ending::Token {
        subject: key.subject.into(),
        id: key.id.into(),
    }
}

fn check_key<D: Dialect>(key: TokenKey<'_>) -> Result<(), StoreError> {
    D::check(key.subject)?;
    D::check(key.id)
}

/// A filter as parameters.
struct Filter {
    kinds: Option<String>,
    /// Whether `kinds` are those that are meant, or those that are not.
    are_meant: bool,
    session_id: Option<Box<str>>,
    except: Option<Box<str>>,
}

impl Filter {
    fn new<D: Dialect>(filter: &TokenFilter) -> Result<Self, StoreError> {
        for text in [filter.only_session(), filter.excepted()] {
            text.map_or(Ok(()), D::check)?;
        }
        // A kind that is not known here is another one, so that others are all but those that are known.
        let only = filter.only_kinds();
        let are_meant = !only.is_some_and(|kinds| kinds.contains(&CredentialKind::Other));
        let kinds = only.map(|meant| {
            let named = KNOWN
                .iter()
                .filter(|kind| meant.contains(kind) == are_meant);
            named.fold(",".to_owned(), |list, kind| list + kind.as_str() + ",")
        });
        Ok(Self {
            kinds,
            are_meant,
            session_id: filter.only_session().map(Into::into),
            except: filter.excepted().map(Into::into),
        })
    }

    fn args(&self) -> [Arg<'_>; 4] {
        args![
            self.kinds.as_deref(),
            self.are_meant,
            self.session_id.as_deref(),
            self.except.as_deref(),
        ]
    }
}

const KNOWN: [CredentialKind; 6] = [
    CredentialKind::Jwt,
    CredentialKind::Session,
    CredentialKind::AccessToken,
    CredentialKind::ApiKey,
    CredentialKind::BotToken,
    CredentialKind::RefreshToken,
];
