//! Token records.

mod changing;
mod ending;
mod filter;
mod inserting;
mod pruning;
mod reading;

use super::Dialect;
use crate::store::{StoreError, TokenKey};

fn check_key<D: Dialect>(key: TokenKey<'_>) -> Result<(), StoreError> {
    D::check(key.subject)?;
    D::check(key.id)
}
