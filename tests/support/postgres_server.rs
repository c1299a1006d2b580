//! A PostgreSQL server of the test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub struct Postgres {
    folder: PathBuf,
    bin: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Postgres {
    pub async fn start() -> Option<Self> {
        let bin = std::fs::read_dir("/usr/lib/postgresql")
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
            .max()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .ok()?
            .local_addr()
            .ok()?
            .port();
        let folder =
            std::env::temp_dir().join(format!("tower-bearer-pg-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("making a folder");
        let mut server = Self {
            folder,
            bin,
            port,
            child: None,
        };
        server.run(Command::new("chown").arg("postgres").arg(&server.folder));
        let data = server.data();
        let mut initdb = server.command("initdb");
        initdb
            .args([
                "-A",
                "trust",
                "-U",
                "postgres",
                "-N",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-D",
            ])
            .arg(&data);
        server.run(&mut initdb);
        server.restart().await;
        Some(server)
    }
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
            .arg(self.bin.join(name));
        command
    }
    fn run(&self, command: &mut Command) -> String {
        let output = command.current_dir("/").output().expect("running");
        assert!(
            output.status.success(),
            "{command:?} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    }
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
    pub fn psql(&self, sql: &str) -> String {
        self.run(Command::new(self.bin.join("psql")).args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            &self.url(),
            "-c",
            sql,
        ]))
    }
    pub fn dump(&self) -> String {
        self.run(Command::new(self.bin.join("pg_dump")).arg(self.url()))
    }
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid =
                std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
            let pid = pid.lines().next().unwrap_or("x").to_owned();
            Command::new("kill").args(["-QUIT", &pid]).output().ok();
            child.wait().ok();
        }
    }
    pub async fn restart(&mut self) {
        self.kill();
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args([
            "-p",
            &self.port.to_string(),
            "-h",
            "127.0.0.1",
            "-c",
            "unix_socket_directories=",
            "-F",
        ]);
        let child = command
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.expect("starting the server"));
        for _ in 0..600 {
            let ready = Command::new(self.bin.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status();
            if ready.is_ok_and(|status| status.success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server did not start");
    }
    #[allow(dead_code)]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
