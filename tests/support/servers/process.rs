//! A server's process and its folder.

use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
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
        is_missing(&format!("{name} is not installed (run .ci/services)"));
    }
    found
}

/// Says what keeps a test from being run; in CI that is a failure.
pub fn is_missing(what: &str) {
    let is_required = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!is_required, "{what}");
    // Not by `eprintln`: the harness keeps to itself what a test that passes says by that.
    let line = format!("SKIPPED: {what}\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
}

pub fn is_root() -> bool {
    user_id() == 0
}

/// Who runs this process.
pub fn user_id() -> u32 {
    std::fs::metadata("/proc/self").unwrap().uid()
}

/// A server, which is killed when this is dropped, or when whoever started it dies.
pub struct Process(Child);

impl Process {
    /// Starts `command`, which is to become the server, in its folder, as that user if we are root.
    pub fn start(command: &[String], user: Option<&str>, folder: &Path) -> Self {
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut all = vec!["setpriv".to_owned(), "--pdeathsig=KILL".to_owned()];
        if let Some(user) = user.filter(|_| is_root()) {
            all.push(format!("--reuid={user}"));
            all.push(format!("--regid={user}"));
            all.push("--clear-groups".to_owned());
        }
        all.extend(command.iter().cloned());
        let mut process = Command::new(&all[0]);
        process.args(&all[1..]).stdin(Stdio::null());
        // Another user may not be let into ours.
        process.current_dir(folder);
        process.stdout(log.try_clone().unwrap()).stderr(log);
        Self(spawn(process))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Holds the server and all its children, which may have process groups of their own.
    pub fn freeze(&self) {
        send("-STOP", &[self.id()]);
        // Then it starts no more children.
        while !matches!(state(self.id()), None | Some('T' | 'Z')) {
            std::thread::sleep(Duration::from_millis(1));
        }
        send("-STOP", &self.children());
    }

    pub fn thaw(&self) {
        send("-CONT", &self.children());
        send("-CONT", &[self.id()]);
    }

    /// Kills the server and all its children; none is left when this returns.
    pub fn kill(&mut self) {
        // Its number may be another's by now.
        if self.has_ended() {
            return;
        }
        self.freeze();
        let children = self.children();
        send("-KILL", &[&[self.id()], children.as_slice()].concat());
        let _ = self.0.wait();
        while children
            .iter()
            .any(|child| !matches!(state(*child), None | Some('Z')))
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    fn children(&self) -> Vec<u32> {
        let id = self.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace();
        children.map(|child| child.parse().unwrap()).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts it from a thread that lives as long as this process: the kernel sends the signal of
/// `--pdeathsig` when the thread that started the server ends, and that of a test ends early.
fn spawn(command: Command) -> Child {
    type Order = (Command, Sender<io::Result<Child>>);
    static STARTER: LazyLock<Sender<Order>> = LazyLock::new(|| {
        let (sender, receiver) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, started) in receiver {
                let _ = started.send(command.spawn());
            }
        });
        sender
    });
    let (sender, started) = channel();
    STARTER.send((command, sender)).unwrap();
    started.recv().unwrap().unwrap()
}

fn send(signal: &str, ids: &[u32]) {
    if ids.is_empty() {
        return;
    }
    // The shell's own: the program comes with a package that not every machine has.
    let mut command = Command::new("sh");
    command.args(["-c", "kill \"$@\"", "sh", signal]);
    command.stderr(Stdio::null());
    command.args(ids.iter().map(ToString::to_string));
    // Some may have ended by themselves.
    let _ = command.status().unwrap();
}

/// The state of a process as proc(5) has it, `T` where it is stopped; none where there is none.
fn state(id: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
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
