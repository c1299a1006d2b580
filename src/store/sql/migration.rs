use sqlx::SqlStr;

use super::{Columns, Connections, Dialect, SET_UP, Tx, fault, limited, problem};
use crate::store::StoreError;

const LATEST: &str = "SELECT version, compatible_from FROM tower_bearer_migrations \
     ORDER BY version DESC LIMIT 1";

/// Brings the tables to the version that is known here, or where that is not wanted, sees that they can be
/// worked with.
///
/// Of several that start at once, one makes the tables, and the others wait for it.
pub(in crate::store) async fn set_up<D: Dialect>(
    dialect: &D,
    connections: &Connections<D::Db>,
    migrate: bool,
) -> Result<(), StoreError> {
    limited(D::NAME, SET_UP, async {
        let mut tx = Tx::begin(dialect, connections, D::begin_migration()).await?;
        let done = set_up_in(&mut tx, migrate).await;
        tx.finish(done).await
    })
    .await
}

async fn set_up_in<D: Dialect>(tx: &mut Tx<'_, D>, migrate: bool) -> Result<(), StoreError> {
    let known = D::MIGRATIONS.len();
    let (version, compatible_from) = latest(tx).await?;
    // One below zero was made by nobody.
    let version = usize::try_from(version).unwrap_or(0);
    if version > known {
        return if i64::try_from(known).is_ok_and(|known| known < compatible_from) {
            let detail = format!(
                "the tables are of version {version}, which needs a program that knows version \
                 {compatible_from}; this one knows {known}"
            );
            Err(problem(D::NAME, detail))
        } else {
            Ok(())
        };
    }
    if version < known && !migrate {
        let detail = match version {
            0 => "the tables are missing, and migrations are switched off".to_owned(),
            _ => format!(
                "the tables are of version {version}, {known} is needed, and migrations are \
                 switched off"
            ),
        };
        return Err(problem(D::NAME, detail));
    }
    for migration in &D::MIGRATIONS[version..] {
        tx.script(SqlStr::from_static(migration)).await?;
    }
    Ok(())
}

/// The version of the tables, and the lowest that a program must know; zeros for none.
async fn latest<D: Dialect>(tx: &mut Tx<'_, D>) -> Result<(i64, i64), StoreError> {
    if tx.fetch(D::HAS_MIGRATIONS, &[]).await?.is_empty() {
        return Ok((0, 0));
    }
    let rows = tx.fetch(LATEST, &[]).await?;
    let number = |column| match rows.first() {
        Some(row) => row.int(column).map(Option::unwrap_or_default),
        None => Ok(0),
    };
    let read = number("version").and_then(|version| Ok((version, number("compatible_from")?)));
    read.map_err(fault::<D>)
}
