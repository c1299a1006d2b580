//! The store in an SQLite file, by the contract and over several processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tower_bearer::store::SqliteStore;
use tower_bearer::testing;

#[tokio::test]
async fn it_meets_the_contract() {
    let folder = Folder::new("contract");
    let store = open(&folder.file()).await;
    testing::store::conformance(&store).await;
    testing::revocation::conformance(&store).await;
    testing::store::conformance(&store).await;
}

#[tokio::test]
async fn its_feed_meets_the_contract() {
    let folder = Folder::new("feed");
    let store = open(&folder.file()).await;
    let listening = testing::feed::conformance(&store);
    let heard = tokio::time::timeout(Duration::from_secs(60), listening).await;
    heard.expect("all is heard in time");
}

async fn open(path: &Path) -> SqliteStore {
    // The disks of test machines stall at times.
    let builder = SqliteStore::builder(path).timeout(Duration::from_secs(10));
    builder.open().await.expect("opening")
}

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tower-bearer-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("making a folder");
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("tokens.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
