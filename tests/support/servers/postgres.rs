use std::path::PathBuf;
use std::process::Command;

use super::certificates::make_certificates;
use super::place::{Place, Server, restart, start};
use super::process::{is_root, program, run};

/// A PostgreSQL server.
pub struct Postgres {
    place: Place,
    bin: PathBuf,
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
        let place = Place::new("postgres");
        let data = place.folder().join("data");
        let mut command = as_postgres(initdb.to_str().unwrap());
        command.args([
            "--auth=trust",
            "--username=postgres",
            "--no-sync",
            "--encoding=UTF8",
        ]);
        command.args(["--locale=C", "--pgdata"]).arg(&data);
        if speaks_tls {
            make_certificates(place.folder());
        }
        if is_root() {
            run(Command::new("chown")
                .args(["-R", "postgres"])
                .arg(place.folder()));
        }
        // Another user may not be let into ours.
        run(command.current_dir(place.folder()));
        if speaks_tls {
            let rule = "hostssl all all 127.0.0.1/32 trust\n";
            std::fs::write(data.join("pg_hba.conf"), rule).unwrap();
        }
        let server = Self {
            place,
            bin,
            settings: settings.iter().map(ToString::to_string).collect(),
            speaks_tls,
        };
        Some(start(server).await)
    }

    pub fn url(&self) -> String {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.port());
        if !self.speaks_tls {
            return url;
        }
        let ca = self.place.folder().join("ca.crt");
        format!("{url}?sslmode=verify-full&sslrootcert={}", ca.display())
    }

    pub fn port(&self) -> u16 {
        self.place.port()
    }

    /// The certificate of the CA of a server that speaks TLS.
    pub fn ca_pem(&self) -> String {
        std::fs::read_to_string(self.place.folder().join("ca.crt")).unwrap()
    }

    /// Kills the server at once, as a power cut would.
    pub async fn kill(&mut self) {
        self.place.kill();
    }

    /// Starts it again, with what it had written; it takes connections when this returns.
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
        self.place.id()
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        self.place.log()
    }
}

impl Server for Postgres {
    fn place(&mut self) -> &mut Place {
        &mut self.place
    }

    fn command(&self) -> (Vec<String>, Option<&'static str>) {
        let folder = self.place.folder().display();
        let mut command = vec![self.bin.join("postgres").display().to_string()];
        command.extend(["-D".to_owned(), format!("{folder}/data")]);
        command.extend(["-p".to_owned(), self.port().to_string()]);
        command.extend(["-h".to_owned(), "127.0.0.1".to_owned()]);
        let socket = format!("unix_socket_directories={folder}");
        for setting in [socket].iter().chain(&self.settings) {
            command.extend(["-c".to_owned(), setting.clone()]);
        }
        (command, Some("postgres"))
    }

    // The first line of its lock file is its process, the eighth its state.
    fn says_ready(&self, id: u32) -> bool {
        let file = self.place.folder().join("data/postmaster.pid");
        let told = std::fs::read_to_string(file).unwrap_or_default();
        let lines: Vec<_> = told.lines().map(str::trim).collect();
        lines.first() == Some(&id.to_string().as_str()) && lines.get(7) == Some(&"ready")
    }
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
