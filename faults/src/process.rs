//! A process that issues and revokes on an SQLite file until it is killed.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::io::AsyncReadExt as _;
use tower_bearer::store::{SqliteStore, StoreError};

use crate::nodes::{Site, ask_patiently};
use crate::servers::Folder;

/// The argument by which the program runs as that process.
pub(crate) const NAME: &str = "sqlite-process";

/// How many tokens are issued and revoked at a time.
const AT_ONCE: usize = 4;

/// Issues and revokes, and says each when its call has returned.
pub(crate) async fn run(path: &str) -> ExitCode {
    let site = Arc::new(Site::new(open(path).await.expect("the store")));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..AT_ONCE {
        let site = Arc::clone(&site);
        tasks.spawn(async move {
            for number in task.. {
                issue_and_revoke(&site, number).await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    ExitCode::FAILURE
}

async fn issue_and_revoke(site: &Site, number: usize) {
    let token = match number % 3 {
        0 => site.issue_jwt("user"),
        _ => match site.issue_session("user").await {
            Some(token) => token,
            None => return say("failed\n"),
        },
    };
    let id = &token.id;
    say(&format!("issued {id} {}\n", token.text));
    if number % 2 == 1 {
        say(&format!("revoking {id}\n"));
        match site.revoke(id, token.session_of.as_deref()).await {
            Ok(()) => say(&format!("revoked {id}\n")),
            Err(_) => say("failed\n"),
        }
    }
}

/// In one write, so that a kill leaves whole lines.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).expect("saying it");
    out.flush().expect("saying it");
}

/// What a process was heard to say of its tokens.
#[derive(Debug, Default)]
struct Heard {
    issued: HashMap<String, String>,
    tried: HashSet<String>,
    revoked: HashSet<String>,
    failed: u64,
}

impl Heard {
    fn hear(&mut self, said: &str) {
        for line in said.lines() {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            match &words[..] {
                [verb, id, text] if verb == "issued" => {
                    self.issued.insert(id.clone(), text.clone());
                }
                [verb, id] if verb == "revoking" => {
                    self.tried.insert(id.clone());
                }
                [verb, id] if verb == "revoked" => {
                    self.revoked.insert(id.clone());
                }
                _ => self.failed += 1,
            }
        }
    }

    /// Holds each promise against the store; how many were broken.
    async fn hold(&self, site: &Site, when: &str) -> u64 {
        let mut broken = 0;
        for (id, text) in &self.issued {
            let status = ask_patiently(&site.plain, text).await;
            let (tried, revoked) = (self.tried.contains(id), self.revoked.contains(id));
            let is_kept = match status {
                StatusCode::OK => !revoked,
                StatusCode::UNAUTHORIZED => tried,
                _ => false,
            };
            if !is_kept {
                println!("BROKEN: {when}: {id} is answered {status}, revoked: {revoked}");
                broken += 1;
            }
        }
        broken
    }
}

/// Kills that process once a round; how many promises were broken.
pub(crate) async fn kill_again_and_again(rounds: u32) -> u64 {
    let begun = std::time::Instant::now();
    let folder = Folder::new("faults");
    let path = folder.path().join("tokens.db");
    let path = path.to_str().expect("a path in UTF-8");
    // It has the file open all along, and must not mind.
    let other = Site::new(open(path).await.expect("the store"));
    let (mut all, mut broken) = (Heard::default(), 0);
    for round in 0..rounds {
        let said = one_life(path).await;
        let mut life = Heard::default();
        life.hear(&said);
        broken += life.hold(&other, &format!("round {round}")).await;
        all.hear(&said);
    }
    drop(other);
    // What was kept after one kill must be there after all of them.
    let fresh = Site::new(open(path).await.expect("the store"));
    broken += all.hold(&fresh, "at the end").await;
    for (count, what) in [
        (all.issued.len(), "issued"),
        (all.revoked.len(), "revoked"),
        (
            all.tried.len() - all.revoked.len(),
            "killed while being revoked",
        ),
    ] {
        if count == 0 {
            println!("BROKEN: nothing was {what}, so nothing was shown");
            broken += 1;
        }
    }
    println!(
        "sqlite: {rounds} kills in {:.0} s\n  tokens: {} issued, {} revoked, {} killed or failed while \
         being revoked, {} calls failed; all kept",
        begun.elapsed().as_secs_f64(),
        all.issued.len(),
        all.revoked.len(),
        all.tried.len() - all.revoked.len(),
        all.failed,
    );
    broken
}

/// What the process said before it was killed.
async fn one_life(path: &str) -> String {
    let program = std::env::current_exe().expect("this program");
    let mut process = tokio::process::Command::new(program)
        .args([NAME, path])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the process");
    let mut stdout = process.stdout.take().expect("its output");
    let reader = tokio::spawn(async move {
        let mut said = String::new();
        stdout.read_to_string(&mut said).await.expect("its words");
        said
    });
    let life = fastrand::u64(100..600);
    tokio::time::sleep(Duration::from_millis(life)).await;
    process.kill().await.expect("the kill");
    let mut said = reader.await.expect("its words");
    // What stands after the last line break was not said to the end.
    said.truncate(said.rfind('\n').map_or(0, |end| end + 1));
    said
}

/// The disks of busy machines stall at times.
async fn open(path: &str) -> Result<Arc<SqliteStore>, StoreError> {
    let builder = SqliteStore::builder(path).timeout(Duration::from_secs(5));
    Ok(Arc::new(builder.open().await?))
}
