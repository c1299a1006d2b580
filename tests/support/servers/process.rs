//! A server's process, its port and its folder.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A folder that goes with this value.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tower-bearer-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Finds a program, or says that it is missing.
pub fn program(name: &str, places: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // These first: what is on the path may be a link to it alone.
    let found = places
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        let missing = format!("{name} is not installed: run .ci/services");
        assert!(std::env::var("CI").is_err(), "{missing}");
        eprintln!("SKIPPED: {missing}");
    }
    found
}

pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// A server, which is killed when this is dropped, or when whoever started it dies.
pub struct Process(Child);

impl Process {
    /// Starts `command`, which is to become the server, as that user if we are root.
    pub fn start(command: &[&str], user: Option<&str>, log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        let mut all = vec!["setpriv".to_owned(), "--pdeathsig=KILL".to_owned()];
        if let Some(user) = user.filter(|_| is_root()) {
            all.push(format!("--reuid={user}"));
            all.push(format!("--regid={user}"));
            all.push("--clear-groups".to_owned());
        }
        all.extend(command.iter().map(ToString::to_string));
        let mut process = Command::new(&all[0]);
        process.args(&all[1..]).stdin(Stdio::null());
        process.stdout(log.try_clone().unwrap()).stderr(log);
        Self(process.spawn().unwrap())
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal to the server and all its children, which may have groups of their own.
    pub fn signal(&self, signal: &str) {
        let id = self.0.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let mut command = Command::new("kill");
        command
            .args([signal, &id.to_string()])
            .stderr(Stdio::null());
        command.args(children.unwrap_or_default().split_whitespace());
        // Some may have ended by themselves.
        let _ = command.status().unwrap();
    }

    pub fn kill(&mut self) {
        self.signal("-CONT");
        self.signal("-KILL");
        let _ = self.0.wait();
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Asks again until it is so.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{what}: not after a minute"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs a command to its end and returns what it printed.
pub fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
    output.stdout
}
