use std::path::Path;
use std::time::Duration;

use super::port::Port;
use super::process::{Folder, Process, until};

/// How often a server is started before the test gives up.
const ATTEMPTS: u32 = 20;

/// A server in its place: a folder and a port, which stay when it is killed, and its process while it runs.
pub struct Place {
    // Dropped in this order: the server ends, then its folder goes.
    process: Option<Process>,
    folder: Folder,
    port: Port,
    name: &'static str,
}

impl Place {
    pub fn new(name: &'static str) -> Self {
        Self {
            process: None,
            folder: Folder::new(name),
            port: Port::free(),
            name,
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The process of the server, if it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Kills the server at once, as a power cut would.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Holds the server, with its connections open.
    pub fn freeze(&self) {
        self.process.as_ref().unwrap().freeze();
    }

    pub fn thaw(&self) {
        self.process.as_ref().unwrap().thaw();
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }
}

/// A server that is started in its place, and started again.
pub trait Server {
    fn place(&mut self) -> &mut Place;

    /// What starts it, and as whom if we are root.
    fn command(&self) -> (Vec<String>, Option<&'static str>);

    /// Whether the server of this process is ready, not another that answers on its port.
    fn says_ready(&self, id: u32) -> bool;
}

/// Starts a server for the first time, on whatever port is free.
pub async fn start<S: Server>(mut server: S) -> S {
    // Somebody else may have taken the port meanwhile.
    for _ in 0..ATTEMPTS {
        if is_started(&mut server).await {
            return server;
        }
        server.place().port = Port::free();
    }
    let place = server.place();
    panic!("{} does not start: {}", place.name, place.log());
}

/// Starts a server again, on its port and with what it had written; it takes connections when this returns.
pub async fn restart(server: &mut impl Server) {
    for _ in 0..ATTEMPTS {
        if is_started(server).await {
            return;
        }
        // A client's connection may hold the port for a moment.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let place = server.place();
    panic!("{} does not start again: {}", place.name, place.log());
}

async fn is_started(server: &mut impl Server) -> bool {
    server.place().kill();
    let (command, user) = server.command();
    let mut process = Process::start(&command, user, server.place().folder());
    let mut has_ended = false;
    until("the server takes connections", || {
        has_ended = process.has_ended();
        has_ended || server.says_ready(process.id())
    })
    .await;
    server.place().process = Some(process);
    !has_ended
}
