use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::certificates::make_certificates;
use super::port::Port;
use super::process::{ATTEMPTS, Folder, Process, is_root, program, run, until};

/// A PostgreSQL server.
pub struct Postgres {
    // Dropped in this order: the server ends, then its folder goes.
    process: Option<Process>,
    folder: Folder,
    bin: PathBuf,
    port: Port,
    settings: Vec<String>,
    speaks_tls: bool,
}

impl Postgres {
    /// A server that writes as it is meant to.
    pub async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// A server that may forget what it wrote when the machine fails, for tests in which it does not.
    pub async fn start_fast() -> Option<Self> {
        Self::start_with(&[
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
        ])
        .await
    }

    /// A server that takes TLS connections alone, with a certificate by a CA of its own.
    pub async fn start_tls() -> Option<Self> {
        program("openssl", &[])?;
        let settings = [
            "ssl=on",
            "ssl_cert_file=../server.crt",
            "ssl_key_file=../server.key",
        ];
        Self::start_as(&settings, true).await
    }

    /// A server with these settings, each as `name=value`.
    pub async fn start_with(settings: &[&str]) -> Option<Self> {
        Self::start_as(settings, false).await
    }

    async fn start_as(settings: &[&str], speaks_tls: bool) -> Option<Self> {
        let initdb = program("initdb", &debian_folders())?;
        let bin = initdb.parent().unwrap().to_owned();
        let folder = Folder::new("postgres");
        let data = folder.path().join("data");
        let mut command = as_postgres(initdb.to_str().unwrap());
        command.args([
            "--auth=trust",
            "--username=postgres",
            "--no-sync",
            "--encoding=UTF8",
        ]);
        command.args(["--locale=C", "--pgdata"]).arg(&data);
        if speaks_tls {
            make_certificates(folder.path());
        }
        if is_root() {
            run(Command::new("chown")
                .args(["-R", "postgres"])
                .arg(folder.path()));
        }
        // Another user may not be let into ours.
        run(command.current_dir(folder.path()));
        if speaks_tls {
            let rule = "hostssl all all 127.0.0.1/32 trust\n";
            std::fs::write(data.join("pg_hba.conf"), rule).unwrap();
        }
        let mut server = Self {
            bin,
            folder,
            port: Port::free(),
            settings: settings.iter().map(ToString::to_string).collect(),
            speaks_tls,
            process: None,
        };
        // Somebody else may have taken the port meanwhile.
        for _ in 0..ATTEMPTS {
            if server.try_restart().await {
                return Some(server);
            }
            server.port = Port::free();
        }
        panic!("PostgreSQL does not start: {}", server.log());
    }

    pub fn url(&self) -> String {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.port());
        if !self.speaks_tls {
            return url;
        }
        let ca = self.folder.path().join("ca.crt");
        format!("{url}?sslmode=verify-full&sslrootcert={}", ca.display())
    }

    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The certificate of the CA of a server that speaks TLS.
    pub fn ca_pem(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("ca.crt")).unwrap()
    }

    /// Kills the server at once, as a power cut would.
    pub async fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again, with what it had written; it takes connections when this returns.
    pub async fn restart(&mut self) {
        for _ in 0..ATTEMPTS {
            if self.try_restart().await {
                return;
            }
            // A client's connection may hold the port for a moment.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("PostgreSQL does not start again: {}", self.log());
    }

    async fn try_restart(&mut self) -> bool {
        self.process = None;
        let data = self.folder.path().join("data");
        let socket = format!("unix_socket_directories={}", self.folder.path().display());
        let (port, postgres) = (self.port().to_string(), self.bin.join("postgres"));
        let mut command = vec![postgres.to_str().unwrap(), "-D", data.to_str().unwrap()];
        command.extend(["-p", &port, "-h", "127.0.0.1", "-c", &socket]);
        for setting in &self.settings {
            command.extend(["-c", setting]);
        }
        let mut process = Process::start(&command, Some("postgres"), self.folder.path());
        let mut has_ended = false;
        until("PostgreSQL takes connections", || {
            has_ended = process.has_ended();
            has_ended || says_ready(&data, process.id())
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

    /// What the server says to a statement.
    pub fn psql(&self, statement: &str) -> String {
        let mut command = Command::new(self.bin.join("psql"));
        command.args([
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            &self.url(),
            "-c",
            statement,
        ]);
        String::from_utf8(run(&mut command))
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// All that the server holds, as text.
    pub fn dump(&self) -> String {
        let mut command = Command::new(self.bin.join("pg_dump"));
        command.args(["--inserts", "-d", &self.url()]);
        String::from_utf8(run(&mut command)).unwrap()
    }

    /// The process of the server, if it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// Whether this very server is ready, not another that answers on its port: the first line of its
/// lock file is its process, the eighth its state.
fn says_ready(data: &Path, id: u32) -> bool {
    let told = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let lines: Vec<_> = told.lines().map(str::trim).collect();
    lines.first() == Some(&id.to_string().as_str()) && lines.get(7) == Some(&"ready")
}

/// It does not run as root.
fn as_postgres(program: &str) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=postgres",
        "--regid=postgres",
        "--clear-groups",
        program,
    ]);
    command
}

/// The newest first.
fn debian_folders() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let versions = versions.into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}
