use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Backend, KvError};

#[derive(Default)]
pub(super) struct Memory(Mutex<BTreeMap<(String, String), String>>);

impl Memory {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Backend for Memory {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<String>, KvError> {
        Ok(self.lock().get(&place(collection, key)).cloned())
    }

    async fn list(&self, collection: &str) -> Result<Vec<String>, KvError> {
        let values = self.lock();
        let from = values.range(place(collection, "")..);
        let rows = from
            .take_while(|((held, _), _)| held == collection)
            .map(|(_, value)| value.clone());
        Ok(rows.collect())
    }

    async fn swap(
        &self,
        collection: &str,
        key: &str,
        old: Option<&str>,
        new: Option<&str>,
    ) -> Result<bool, KvError> {
        let mut values = self.lock();
        let place = place(collection, key);
        if values.get(&place).map(String::as_str) != old {
            return Ok(false);
        }
        match new {
            Some(new) => values.insert(place, new.to_owned()),
            None => values.remove(&place),
        };
        Ok(true)
    }
}

fn place(collection: &str, key: &str) -> (String, String) {
    (collection.to_owned(), key.to_owned())
}
