//! A private `PostgreSQL` 15, from Debian's package, on a loopback port.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Scratch;
use crate::http::free_port;

/// A server of our own, until this is dropped. It writes through to the disk, as in production.
#[derive(Debug)]
pub struct Postgres {
    directory: Scratch,
    port: u16,
    child: Option<Child>,
}

impl Postgres {
    /// A new, empty server. The thread that calls this must outlive it.
    pub fn start() -> Self {
        let directory = Scratch::new();
        open_to_all(directory.path());
        let data = directory.join("data");
        std::fs::create_dir(&data).expect("a scratch directory can be written");
        if is_root() {
            let chown = Command::new("chown").arg(USER).arg(&data).status();
            assert!(chown.is_ok_and(|status| status.success()), "there is no user `{USER}`");
        }
        let made = program("initdb", None)
            .arg("-D")
            .arg(&data)
            .args(["-U", "countersign", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut it = Self { directory, port: free_port(), child: None };
        it.restart();
        it
    }

    /// Starts the server again after [`Self::kill`], on the same data and port.
    pub fn restart(&mut self) {
        let start = Instant::now();
        loop {
            self.spawn();
            while start.elapsed() < START_TIME_MAX {
                if self.is_ready() {
                    return;
                }
                // A killed server's children may still hold its memory: then the new one gives up.
                let exited =
                    self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
                if exited {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            assert!(start.elapsed() < START_TIME_MAX, "PostgreSQL did not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// `kill -9` for the whole server.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("our own child can be killed");
            child.wait().expect("our own child can be waited for");
        }
    }

    /// Adds a line to its configuration, and restarts it.
    pub fn configure(&mut self, line: &str) {
        self.kill();
        let file = self.directory.join("data/postgresql.auto.conf");
        let before = std::fs::read_to_string(&file).unwrap_or_default();
        std::fs::write(&file, format!("{before}{line}\n"))
            .expect("its configuration can be written");
        self.restart();
    }

    /// A new database.
    pub fn database(&self, name: &str) -> String {
        let made = program("createdb", None)
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "countersign", name])
            .output()
            .expect("createdb runs");
        assert!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
        self.url(name)
    }

    /// A new database from a dump of another, made while that is in use.
    pub fn restored(&self, from: &str, to: &str) -> String {
        let dump = self.directory.join(&format!("{from}.dump"));
        let place = ["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "countersign"];
        let run = |name: &str, arguments: &[&str], file: Option<&Path>| {
            let mut command = program(name, None);
            command.args(place).args(arguments);
            let out = command.args(file).output().expect("the program runs");
            assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
            out.stdout
        };
        std::fs::write(&dump, run("pg_dump", &["-Fc", from], None)).expect("written");
        let url = self.database(to);
        run("pg_restore", &["--exit-on-error", "-d", to], Some(&dump));
        url
    }

    /// The URL of a database.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://countersign@127.0.0.1:{}/{name}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `pgbench` with these arguments on the database `postgres`: what it prints.
    pub fn pgbench(&self, arguments: &[&str]) -> String {
        let out = program("pgbench", None)
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "countersign"])
            .args(arguments)
            .arg("postgres")
            .output()
            .expect("pgbench runs");
        assert!(out.status.success(), "pgbench: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    fn spawn(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("log"))
            .expect("a scratch directory can be written");
        let child = program("postgres", Some("INT"))
            .arg("-D")
            .arg(self.directory.join("data"))
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories=", "-c", "max_connections=60"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres runs");
        self.child = Some(child);
    }

    fn is_ready(&self) -> bool {
        program("pg_isready", None)
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .status()
            .is_ok_and(|status| status.success())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        for _ in 0..100 {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// A program of `PostgreSQL`. The server refuses to run as root: then it runs as [`USER`]. It is sent
/// `signal` when the test that started it dies.
fn program(name: &str, signal: Option<&str>) -> Command {
    let path = binaries().join(name);
    assert!(
        path.exists(),
        "{} is not there: the suites over PostgreSQL need Debian's package `postgresql-15`",
        path.display()
    );
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]);
    }
    if let Some(signal) = signal {
        command.args(["--pdeathsig", signal]);
    }
    command.arg("--").arg(path).current_dir("/");
    command
}

fn binaries() -> PathBuf {
    let newest = Path::new("/usr/lib/postgresql/15/bin");
    if newest.is_dir() {
        return newest.to_path_buf();
    }
    let told = Command::new("pg_config").arg("--bindir").output();
    let told = told.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    PathBuf::from(told.unwrap_or_default())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("`id` runs");
    id.stdout.trim_ascii() == b"0"
}

fn open_to_all(directory: &Path) {
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory, mode).expect("our own directory can be opened");
}

const USER: &str = "postgres";
const START_TIME_MAX: Duration = Duration::from_mins(1);
