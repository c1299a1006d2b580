//! The examples as running programs.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use super::answers::Seen;
use super::wire::Wire;

/// An example that listens on a port of its own, until this is dropped.
pub struct Example {
    process: Child,
    output: BufReader<ChildStdout>,
    pub address: SocketAddr,
}

impl Example {
    /// Starts the example and waits until it listens.
    pub fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// Starts the example with these in its environment.
    pub fn start_with(name: &str, environment: &[(&str, &str)]) -> Self {
        let mut process = Command::new(program(name))
            .env("LISTEN", "127.0.0.1:0")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("the example {name} does not start ({error}): `cargo build --examples`")
            });
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line
            .strip_prefix("listening on http://")
            .and_then(|rest| rest.split([',', '\n']).next())
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("{name} said: {line}"));
        Self {
            process,
            output,
            address,
        }
    }

    /// The next line that it prints and that is not empty.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        while line.trim().is_empty() {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "it closed");
        }
        line.trim_end().to_owned()
    }

    /// What follows `start` in the next line.
    pub fn value(&mut self, start: &str) -> String {
        let line = self.line();
        let value = line.strip_prefix(start);
        value
            .unwrap_or_else(|| panic!("{start} was expected: {line}"))
            .trim()
            .to_owned()
    }

    pub async fn send(&self, wire: Wire) -> Seen {
        wire.over_http1(self.address).await
    }

    /// A request with a token, or without where that is empty.
    pub async fn ask(&self, method: &'static str, path: &str, token: &str) -> Seen {
        let mut wire = Wire::get(path);
        wire.method = method;
        if !token.is_empty() {
            wire = wire.header("authorization", format!("Bearer {token}"));
        }
        self.send(wire).await
    }

    /// Presses Ctrl-C, and waits for the end.
    pub fn interrupt(&mut self) -> ExitStatus {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(sent.success());
        self.process.wait().unwrap()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The examples lie beside the tests, where cargo builds both.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    profile.join("examples").join(name)
}
