//! An example server as a running program, for the examples' own tests.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// A server that listens on a port of its own, until this is dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    // Held open, since a server that cannot print what it has to say at its end does not end well.
    _output: BufReader<ChildStdout>,
    base: String,
    /// What it printed before it listened.
    pub greeting: String,
}

impl Server {
    /// Starts `program` (of `env!("CARGO_BIN_EXE_…")`) with these in its environment, and a clock that may be
    /// moved.
    ///
    /// # Panics
    /// If it does not come to listen.
    #[must_use]
    pub fn start(program: &str, environment: &[(&str, &str)]) -> Self {
        Self::start_logging(program, environment, Stdio::inherit())
    }

    /// As [`start`](Self::start), with what it logs going to `log`, such as a file.
    ///
    /// # Panics
    /// If it does not come to listen.
    #[must_use]
    pub fn start_logging(
        program: &str,
        environment: &[(&str, &str)],
        log: impl Into<Stdio>,
    ) -> Self {
        let mut process = Command::new(program)
            .env("LISTEN", "127.0.0.1:0")
            .env("TEST_CLOCK", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let mut output = BufReader::new(process.stdout.take().expect("it was piped"));
        let mut greeting = String::new();
        let base = loop {
            let mut line = String::new();
            let read = output.read_line(&mut line).expect("it prints text");
            assert_ne!(read, 0, "it ended before it listened: {greeting}");
            if let Some(base) = line.strip_prefix("listening on ") {
                break base.trim().to_owned();
            }
            greeting += &line;
        };
        Self {
            process,
            _output: output,
            base,
            greeting,
        }
    }

    /// The address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    /// If it cannot be asked.
    pub fn stop(mut self) -> ExitStatus {
        let pid = self.process.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.expect("kill runs").success());
        self.process.wait().expect("it was started")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What an OpenAPI description says that can be asked for.
#[derive(Debug)]
pub struct Operation {
    /// In capital letters.
    pub method: String,
    /// With names in braces.
    pub path: String,
    /// Whether a credential is asked for.
    pub is_guarded: bool,
    /// What may be answered.
    pub statuses: Vec<u16>,
}

/// Everything that a description describes.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn operations(openapi: &serde_json::Value) -> Vec<Operation> {
    let object = |value: &serde_json::Value| value.as_object().expect("an object").clone();
    let mut found = Vec::new();
    for (path, methods) in object(&openapi["paths"]) {
        for (method, operation) in object(&methods) {
            let responses = object(&operation["responses"]);
            let statuses = responses
                .keys()
                .map(|status| status.parse().expect("a number"));
            found.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                is_guarded: operation.get("security").is_some(),
                statuses: statuses.collect(),
            });
        }
    }
    found
}
