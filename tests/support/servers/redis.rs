use std::path::Path;
use std::process::Command;

use super::certificates::make_certificates;
use super::place::{Place, Server, restart, start};
use super::process::{program, run, until};

/// A Redis server that has each write on disk before it answers.
pub struct Redis {
    place: Place,
    server: String,
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
        let place = Place::new("redis");
        if kind == Kind::Tls {
            make_certificates(place.folder());
        }
        let redis = Self {
            place,
            server: server.to_str().unwrap().to_owned(),
            kind,
        };
        Some(start(redis).await)
    }

    pub fn url(&self) -> String {
        match self.kind {
            Kind::Tls => format!("rediss://localhost:{}", self.port()),
            _ => format!("redis://127.0.0.1:{}", self.port()),
        }
    }

    pub fn port(&self) -> u16 {
        self.place.port()
    }

    /// The certificate of the CA.
    pub fn ca_pem(&self) -> String {
        std::fs::read_to_string(self.place.folder().join("ca.crt")).unwrap()
    }

    /// Kills the server at once.
    pub async fn kill(&mut self) {
        self.place.kill();
    }

    /// Starts it again, with what it had written; it answers when this returns.
    pub async fn restart(&mut self) {
        restart(self).await;
    }

    /// Holds the server, with its connections open.
    pub fn freeze(&self) {
        self.place.freeze();
    }

    pub fn thaw(&self) {
        self.place.thaw();
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
                cli.arg(self.place.folder().join("ca.crt"));
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

    /// Every byte that the server has written.
    pub fn dump(&self) -> Vec<u8> {
        let mut all = Vec::new();
        read_all(self.place.folder(), &mut all);
        all
    }

    /// The process of the server, if it runs.
    pub fn id(&self) -> Option<u32> {
        self.place.id()
    }
}

impl Server for Redis {
    fn place(&mut self) -> &mut Place {
        &mut self.place
    }

    fn command(&self) -> (Vec<String>, Option<&'static str>) {
        let (port, folder) = (
            self.port().to_string(),
            self.place.folder().to_str().unwrap(),
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
        (command.into_iter().map(Into::into).collect(), None)
    }

    // It has read its data then.
    fn says_ready(&self, id: u32) -> bool {
        let told = self.try_cli(&["INFO"]).unwrap_or_default();
        let process = format!("process_id:{id}");
        ["loading:0", &process]
            .iter()
            .all(|line| told.lines().any(|told| told == *line))
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
