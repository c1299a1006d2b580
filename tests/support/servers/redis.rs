use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::certificates::make_certificates;
use super::port::Port;
use super::process::{ATTEMPTS, Folder, Process, program, run, until};

/// A Redis server that has each write on disk before it answers.
pub struct Redis {
    // Dropped in this order: the server ends, then its folder goes.
    process: Option<Process>,
    folder: Folder,
    server: String,
    port: Port,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Single,
    Tls,
    OfCluster,
}

impl Redis {
    pub async fn start() -> Option<Self> {
        Self::start_as(Kind::Single).await
    }

    /// A server that speaks TLS alone, with a certificate for `localhost` by a CA of its own.
    pub async fn start_tls() -> Option<Self> {
        program("openssl", &[])?;
        Self::start_as(Kind::Tls).await
    }

    async fn start_as(kind: Kind) -> Option<Self> {
        let server = program("redis-server", &[])?;
        program("redis-cli", &[])?;
        let folder = Folder::new("redis");
        if kind == Kind::Tls {
            make_certificates(folder.path());
        }
        let mut redis = Self {
            server: server.to_str().unwrap().to_owned(),
            folder,
            port: Port::free(),
            kind,
            process: None,
        };
        // Somebody else may have taken the port meanwhile.
        for _ in 0..ATTEMPTS {
            if redis.try_restart().await {
                return Some(redis);
            }
            redis.port = Port::free();
        }
        panic!("Redis does not start: {}", redis.log());
    }

    pub fn url(&self) -> String {
        match self.kind {
            Kind::Tls => format!("rediss://localhost:{}", self.port()),
            _ => format!("redis://127.0.0.1:{}", self.port()),
        }
    }

    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The certificate of the CA.
    pub fn ca_pem(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("ca.crt")).unwrap()
    }

    /// Kills the server at once.
    pub async fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again, with what it had written; it answers when this returns.
    pub async fn restart(&mut self) {
        for _ in 0..ATTEMPTS {
            if self.try_restart().await {
                return;
            }
            // A client's connection may hold the port for a moment.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("Redis does not start again: {}", self.log());
    }

    async fn try_restart(&mut self) -> bool {
        self.process = None;
        let (port, folder) = (
            self.port().to_string(),
            self.folder.path().to_str().unwrap(),
        );
        let mut command = vec![self.server.as_str(), "--bind", "127.0.0.1", "--dir", folder];
        command.extend([
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ]);
        match self.kind {
            Kind::Single => command.extend(["--port", &port]),
            Kind::Tls => {
                command.extend([
                    "--port",
                    "0",
                    "--tls-port",
                    &port,
                    "--tls-auth-clients",
                    "no",
                ]);
                command.extend([
                    "--tls-cert-file",
                    "server.crt",
                    "--tls-key-file",
                    "server.key",
                ]);
                command.extend(["--tls-ca-cert-file", "ca.crt"]);
            }
            Kind::OfCluster => {
                command.extend(["--port", &port, "--cluster-enabled", "yes"]);
                command.extend(["--cluster-node-timeout", "2000"]);
            }
        }
        let mut process = Process::start(&command, None, self.folder.path());
        let mut has_ended = false;
        until("Redis answers", || {
            has_ended = process.has_ended();
            has_ended || self.says_ready(process.id())
        })
        .await;
        self.process = Some(process);
        !has_ended
    }

    /// Holds the server, with its connections open.
    pub fn freeze(&self) {
        self.process.as_ref().unwrap().freeze();
    }

    pub fn thaw(&self) {
        self.process.as_ref().unwrap().thaw();
    }

    /// What the server says to a command.
    pub fn cli(&self, command: &[&str]) -> String {
        self.try_cli(command).expect("an answer of redis-cli")
    }

    fn try_cli(&self, command: &[&str]) -> Option<String> {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &self.port().to_string()]);
        match self.kind {
            Kind::Tls => {
                cli.args(["-h", "localhost", "--tls", "--cacert"]);
                cli.arg(self.folder.path().join("ca.crt"));
            }
            Kind::OfCluster => {
                cli.args(["-h", "127.0.0.1", "-c"]);
            }
            Kind::Single => {
                cli.args(["-h", "127.0.0.1"]);
            }
        }
        let output = cli.args(command).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned();
        output.status.success().then_some(said)
    }

    /// Whether this very server has read its data, not another that answers on its port.
    fn says_ready(&self, id: u32) -> bool {
        let told = self.try_cli(&["INFO"]).unwrap_or_default();
        let process = format!("process_id:{id}");
        ["loading:0", &process]
            .iter()
            .all(|line| told.lines().any(|told| told == *line))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Every byte that the server has written.
    pub fn dump(&self) -> Vec<u8> {
        let mut all = Vec::new();
        read_all(self.folder.path(), &mut all);
        all
    }

    /// The process of the server, if it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }
}

/// A cluster of three masters.
pub struct RedisCluster {
    pub nodes: Vec<Redis>,
}

impl RedisCluster {
    pub async fn start() -> Option<Self> {
        let mut nodes = Vec::new();
        for _ in 0..3 {
            nodes.push(Redis::start_as(Kind::OfCluster).await?);
        }
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]);
        for node in &nodes {
            create.arg(format!("127.0.0.1:{}", node.port()));
        }
        run(create.arg("--cluster-yes"));
        let cluster = Self { nodes };
        cluster.settle().await;
        Some(cluster)
    }

    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// Waits until every node knows that the cluster is whole.
    pub async fn settle(&self) {
        for node in &self.nodes {
            until("the cluster is whole", || {
                let info = node.try_cli(&["CLUSTER", "INFO"]).unwrap_or_default();
                info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
            })
            .await;
        }
    }
}

fn read_all(folder: &Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, into);
        } else {
            into.extend(std::fs::read(path).unwrap());
        }
    }
}
