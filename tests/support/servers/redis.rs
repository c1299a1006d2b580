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
    OfTlsCluster,
}

impl Kind {
    fn speaks_tls(self) -> bool {
        matches!(self, Self::Tls | Self::OfTlsCluster)
    }

    fn is_of_cluster(self) -> bool {
        matches!(self, Self::OfCluster | Self::OfTlsCluster)
    }
}

impl Redis {
    pub async fn start() -> Option<Self> {
        Self::start_as(Kind::Single, None).await
    }

    /// A server that speaks TLS alone, with a certificate for `localhost` by a CA of its own.
    pub async fn start_tls() -> Option<Self> {
        program("openssl", &[])?;
        Self::start_as(Kind::Tls, None).await
    }

    /// With the certificate of another, or with one of its own.
    async fn start_as(kind: Kind, other: Option<&Self>) -> Option<Self> {
        let server = program("redis-server", &[])?;
        program("redis-cli", &[])?;
        let place = Place::new("redis");
        if kind.speaks_tls() {
            match other {
                Some(other) => copy_certificates(other.place.folder(), place.folder()),
                None => make_certificates(place.folder()),
            }
        }
        let redis = Self {
            place,
            server: server.to_str().unwrap().to_owned(),
            kind,
        };
        Some(start(redis).await)
    }

    pub fn url(&self) -> String {
        if self.kind.speaks_tls() {
            format!("rediss://localhost:{}", self.port())
        } else {
            format!("redis://127.0.0.1:{}", self.port())
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
        cli.args(["-h", "127.0.0.1"]);
        self.trust(&mut cli);
        if self.kind.is_of_cluster() {
            cli.arg("-c");
        }
        let output = cli.args(command).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned();
        output.status.success().then_some(said)
    }

    /// Has a client take this server for whom it is.
    fn trust(&self, cli: &mut Command) {
        if self.kind.speaks_tls() {
            cli.args(["--tls", "--cacert"]);
            cli.arg(self.place.folder().join("ca.crt"));
        }
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
        if self.kind.speaks_tls() {
            let ports = ["--port", "0", "--tls-port", &port];
            command.extend(ports);
            command.extend(["--tls-auth-clients", "no", "--tls-ca-cert-file", "ca.crt"]);
            command.extend(["--tls-cert-file", "server.crt"]);
            command.extend(["--tls-key-file", "server.key"]);
        } else {
            command.extend(["--port", &port]);
        }
        if self.kind.is_of_cluster() {
            command.extend(["--cluster-enabled", "yes"]);
            command.extend(["--cluster-node-timeout", "2000"]);
        }
        if self.kind == Kind::OfTlsCluster {
            command.extend(["--tls-cluster", "yes", "--tls-replication", "yes"]);
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

/// A cluster of three masters, the first nodes, and of their replicas if it has any.
pub struct RedisCluster {
    pub nodes: Vec<Redis>,
}

impl RedisCluster {
    pub async fn start() -> Option<Self> {
        Self::start_as(Kind::OfCluster, 0).await
    }

    /// A cluster that speaks TLS alone, with certificates by a CA of its own.
    pub async fn start_tls() -> Option<Self> {
        program("openssl", &[])?;
        Self::start_as(Kind::OfTlsCluster, 0).await
    }

    /// A cluster in which each master has a replica.
    pub async fn start_with_replicas() -> Option<Self> {
        Self::start_as(Kind::OfCluster, 1).await
    }

    async fn start_as(kind: Kind, replicas: usize) -> Option<Self> {
        let mut nodes: Vec<Redis> = Vec::new();
        for _ in 0..3 * (1 + replicas) {
            let node = Redis::start_as(kind, nodes.first()).await?;
            nodes.push(node);
        }
        let mut create = Command::new("redis-cli");
        nodes[0].trust(&mut create);
        create.args(["--cluster", "create"]);
        for node in &nodes {
            create.arg(format!("127.0.0.1:{}", node.port()));
        }
        create.args(["--cluster-replicas", &replicas.to_string()]);
        run(create.arg("--cluster-yes"));
        let cluster = Self { nodes };
        cluster.settle().await;
        Some(cluster)
    }

    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// The node that has a slot, and one of the other masters.
    pub fn owner_and_other(&self, slot: &str) -> (&Redis, &Redis) {
        let has_keys = |node: &&Redis| node.cli(&["CLUSTER", "COUNTKEYSINSLOT", slot]) != "0";
        let owner = self.nodes.iter().find(has_keys).expect("keys in the slot");
        let mut masters = self.nodes[..3].iter();
        let other = masters.find(|node| node.port() != owner.port());
        (owner, other.expect("another master"))
    }

    /// Begins to move a slot.
    pub fn begin_move(&self, slot: &str, from: &Redis, to: &Redis) {
        let (from_id, to_id) = (from.cli(&["CLUSTER", "MYID"]), to.cli(&["CLUSTER", "MYID"]));
        let said = to.cli(&["CLUSTER", "SETSLOT", slot, "IMPORTING", &from_id]);
        assert_eq!(said, "OK");
        let said = from.cli(&["CLUSTER", "SETSLOT", slot, "MIGRATING", &to_id]);
        assert_eq!(said, "OK");
    }

    /// Moves a key of a slot that is being moved.
    pub fn move_key(&self, key: &str, from: &Redis, to: &Redis) {
        let port = to.port().to_string();
        let said = from.cli(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
        assert_eq!(said, "OK", "{key}");
    }

    /// Moves what is left of a slot, and has every node know it.
    pub fn end_move(&self, slot: &str, from: &Redis, to: &Redis) {
        let port = to.port().to_string();
        loop {
            let keys = from.cli(&["CLUSTER", "GETKEYSINSLOT", slot, "500"]);
            let keys: Vec<_> = keys.lines().filter(|key| !key.is_empty()).collect();
            if keys.is_empty() {
                break;
            }
            let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            migrate.extend(keys);
            assert_eq!(from.cli(&migrate), "OK");
        }
        let to_id = to.cli(&["CLUSTER", "MYID"]);
        for node in [to, from] {
            let said = node.cli(&["CLUSTER", "SETSLOT", slot, "NODE", &to_id]);
            assert_eq!(said, "OK");
        }
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

fn copy_certificates(from: &Path, to: &Path) {
    for file in ["ca.crt", "server.crt", "server.key"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
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
