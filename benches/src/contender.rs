//! Who is compared: the server alone, our forwarder, the guard, and the peers that are installed.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Outcome;
use crate::args::{Options, Server};
use crate::client::{Client, HttpSession, StdioSession};
use crate::process::{self, Group};
use crate::table::say;

/// The echo server that everybody stands before.
#[derive(Debug)]
pub(crate) struct Echo {
    program: String,
    args: Vec<&'static str>,
}

/// One of those compared, running.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// What its clients call the tool `echo`.
    pub(crate) tool: &'static str,
    pub(crate) client: Client,
    pub(crate) side: Side,
    /// More than this it is not asked to do at once.
    pub(crate) concurrency_max: usize,
    /// It failed under a load, and is not loaded again.
    pub(crate) failed: bool,
    _gateway: Option<Group>,
}

/// The processes whose usage is measured.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// Between client and server; empty when there is nothing between.
    pub(crate) gateway: Vec<u32>,
    pub(crate) server: Vec<u32>,
}

/// The contenders over one kind of server, and who is missing.
#[derive(Default)]
pub(crate) struct Field {
    pub(crate) contenders: Vec<Contender>,
    pub(crate) missing: Vec<String>,
    _server: Option<Group>,
}

/// The guard's binary and where a run keeps its lock files.
pub(crate) struct Guard {
    binary: PathBuf,
    directory: Scratch,
}

/// A directory that is removed when dropped.
struct Scratch(PathBuf);

impl Echo {
    /// The one that was asked for, over stdin and stdout.
    pub(crate) fn stdio(options: &Options) -> Outcome<Self> {
        let this = std::env::current_exe()?.to_string_lossy().into_owned();
        Ok(match options.server {
            Server::Rust => Self { program: this, args: vec!["echo-stdio"] },
            Server::Node => Self { program: "node".to_owned(), args: vec![ECHO_MJS, "stdio"] },
        })
    }

    /// Starts the one that was asked for over HTTP; gives its port.
    pub(crate) fn http(options: &Options) -> Outcome<(Group, u16)> {
        match options.server {
            Server::Rust => start_role(&["echo-http"]),
            Server::Node => start_listening(Command::new("node").args([ECHO_MJS, "http"])),
        }
    }

    fn words(&self) -> Vec<&str> {
        std::iter::once(self.program.as_str()).chain(self.args.iter().copied()).collect()
    }

    /// How it is run.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        command
    }

    /// How it is run behind our forwarder.
    pub(crate) fn forwarded(&self) -> Outcome<Command> {
        process::role(&[&["forward-stdio"], self.words().as_slice()].concat())
    }
}

impl Field {
    /// Everybody before a server that speaks HTTP.
    pub(crate) async fn http(options: &Options, guard: Option<&Guard>) -> Outcome<Self> {
        let (server, port) = Echo::http(options)?;
        let servers = vec![server.pid()];
        let mut field = Self { _server: Some(server), ..Self::default() };
        field.join(DIRECT, "echo", None, at(port, "/mcp"), &servers).await?;
        let upstream = format!("127.0.0.1:{port}");
        let (forwarder, front) = start_role(&["forward-http", &upstream])?;
        field.join(FORWARDER, "echo", Some(forwarder), at(front, "/mcp"), &servers).await?;
        if let Some(guard) = guard.filter(|_| options.wants(GUARD)) {
            let (group, front) = guard.before_http(port)?;
            field.join(GUARD, "echo", Some(group), at(front, "/mcp"), &servers).await?;
        }
        let proxy = options.peers.join(MCP_PROXY_RUST_PATH);
        let backend = format!("transport = \"http\"\nurl = \"http://{upstream}/mcp\"\n");
        let start = |scratch: &Path, front| mcp_proxy_rust(&proxy, scratch, front, &backend);
        let peer = Peer { name: MCP_PROXY_RUST, tool: "fast_echo", path: "/", at_once: 32 };
        field.peer(options, &peer, &proxy, &servers, start).await?;
        Ok(field)
    }

    /// Everybody before a server that speaks over stdin and stdout.
    pub(crate) async fn stdio(options: &Options, guard: Option<&Guard>) -> Outcome<Self> {
        let mut field = Self::default();
        let echo = Echo::stdio(options)?;
        let server = echo.words();
        field.join_stdio(DIRECT, echo.command()).await?;
        field.join_stdio(FORWARDER, echo.forwarded()?).await?;
        if let Some(guard) = guard.filter(|_| options.wants(GUARD)) {
            field.join_stdio(GUARD, guard.before_stdio(&echo)?).await?;
        }
        let proxy = options.peers.join(MCP_PROXY_RUST_PATH);
        let Echo { program, args } = &echo;
        let backend = format!("transport = \"stdio\"\ncommand = {program:?}\nargs = {args:?}\n");
        let start = |scratch: &Path, front| mcp_proxy_rust(&proxy, scratch, front, &backend);
        let peer = Peer { name: MCP_PROXY_RUST, tool: "fast_echo", path: "/", at_once: 32 };
        field.peer(options, &peer, &proxy, &[], start).await?;

        let proxy = options.peers.join("python/bin/mcp-proxy");
        let peer = Peer { name: MCP_PROXY_PYTHON, tool: "echo", path: "/mcp", at_once: 8 };
        let start = |_: &Path, front: u16| {
            let mut command = Command::new(&proxy);
            command.args(["--host", "127.0.0.1", "--port", &front.to_string(), "--"]).args(&server);
            Ok(command)
        };
        field.peer(options, &peer, &proxy, &[], start).await?;

        let gateway = options.peers.join("node/node_modules/.bin/supergateway");
        let peer = Peer { name: SUPERGATEWAY, tool: "echo", path: "/mcp", at_once: 8 };
        let start = |_: &Path, front: u16| {
            let mut command = Command::new(&gateway);
            command.args(["--stdio", &server.join(" "), "--outputTransport", "streamableHttp"]);
            command.args(["--stateful", "--logLevel", "none", "--port", &front.to_string()]);
            Ok(command)
        };
        field.peer(options, &peer, &gateway, &[], start).await?;
        Ok(field)
    }

    /// Adds a contender that listens; `servers` is where it is not the parent of the server.
    async fn join(
        &mut self,
        name: &'static str,
        tool: &'static str,
        gateway: Option<Group>,
        dial: crate::client::Dial,
        servers: &[u32],
    ) -> Outcome<()> {
        let opened = HttpSession::open(&dial).await.map_err(|error| format!("{name}: {error}"))?;
        let (between, children) = gateway.as_ref().map(|group| process::tree(group.pid())).unzip();
        let server = [servers, &children.unwrap_or_default()].concat();
        self.contenders.push(Contender {
            name,
            tool,
            client: Client::Http { dial, sessions: vec![opened] },
            side: Side { gateway: between.unwrap_or_default(), server },
            concurrency_max: usize::MAX,
            failed: false,
            _gateway: gateway,
        });
        Ok(())
    }

    async fn join_stdio(&mut self, name: &'static str, command: Command) -> Outcome<()> {
        let session = StdioSession::open(command).await;
        let session = session.map_err(|error| format!("{name}: {error}"))?;
        let (gateway, server) = process::tree(session.pid());
        self.contenders.push(Contender {
            name,
            tool: "echo",
            client: Client::Stdio(Box::new(session)),
            side: Side { gateway, server },
            concurrency_max: usize::MAX,
            failed: false,
            _gateway: None,
        });
        Ok(())
    }

    /// Adds a peer, or says that it is missing: a run must pass without it.
    async fn peer(
        &mut self,
        options: &Options,
        peer: &Peer,
        binary: &Path,
        servers: &[u32],
        command: impl FnOnce(&Path, u16) -> Outcome<Command>,
    ) -> Outcome<()> {
        if !options.wants(peer.name) {
            return Ok(());
        }
        if !binary.exists() {
            self.missing.push(format!("{}, which `benches/setup` installs", peer.name));
            return Ok(());
        }
        let scratch = Scratch::new(peer.tool)?;
        let front = process::free_port()?;
        let joined = async {
            let mut command = command(&scratch.0, front)?;
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut group = Group::start(&mut command)?;
            process::wait_for_port(front, &mut group, PEER_START_TIME_MAX)?;
            self.join(peer.name, peer.tool, Some(group), at(front, peer.path), servers).await
        };
        match joined.await {
            Ok(()) => {
                if let Some(contender) = self.contenders.last_mut() {
                    contender.concurrency_max = peer.at_once;
                }
            }
            Err(error) => self.missing.push(format!("{}: {error}", peer.name)),
        }
        Ok(())
    }
}

/// How a peer is called.
struct Peer {
    name: &'static str,
    tool: &'static str,
    path: &'static str,
    at_once: usize,
}

impl Guard {
    /// Finds or builds the binary.
    pub(crate) fn find(options: &Options) -> Outcome<Self> {
        let binary = match &options.countersign {
            Some(binary) => binary.clone(),
            None => build()?,
        };
        Ok(Self { binary, directory: Scratch::new("guard")? })
    }

    /// Pins the echo server behind `port` and stands before it.
    pub(crate) fn before_http(&self, port: u16) -> Outcome<(Group, u16)> {
        self.pin("http", &[&url(port)])?;
        self.start_http(port)
    }

    /// Starts again what [`Self::before_http`] pinned.
    pub(crate) fn start_http(&self, port: u16) -> Outcome<(Group, u16)> {
        let front = process::free_port()?;
        let listen = format!("127.0.0.1:{front}");
        let mut command = self.command("guard", "http");
        command.args(["--listen", &listen, "--upstream", &url(port)]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut group = Group::start(&mut command)?;
        process::wait_for_port(front, &mut group, Duration::from_secs(10))
            .map_err(|error| format!("the guard: {error}"))?;
        Ok((group, front))
    }

    /// Pins the echo server over stdio; gives the command of the guard before it.
    pub(crate) fn before_stdio(&self, echo: &Echo) -> Outcome<Command> {
        let server = [&["--"], echo.words().as_slice()].concat();
        self.pin("stdio", &server)?;
        let mut command = self.command("guard", "stdio");
        command.args(server);
        Ok(command)
    }

    fn pin(&self, alias: &str, server: &[&str]) -> Outcome<()> {
        let pinned = self.command("pin", alias).args(server).stderr(Stdio::piped()).output()?;
        if pinned.status.success() {
            return Ok(());
        }
        Err(format!("pinning failed: {}", String::from_utf8_lossy(&pinned.stderr)).into())
    }

    /// Events go where stderr goes: they are made and written, and nobody reads them.
    fn command(&self, verb: &str, alias: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg(verb).args(["--name", alias, "--lock"]);
        command.arg(self.directory.0.join(format!("{alias}.lock"))).stderr(Stdio::null());
        command
    }
}

/// Builds the binary as `cargo run --release` built this one, and gives its path.
fn build() -> Outcome<PathBuf> {
    let this = std::env::current_exe()?;
    let cargo = std::env::var_os("CARGO").ok_or("give --countersign PATH, or run with cargo")?;
    say("building countersign (release)");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--package", "countersign"])
        .args(["--manifest-path", manifest])
        .status()?;
    if !built.success() {
        return Err("countersign does not build".into());
    }
    Ok(this.with_file_name("countersign"))
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/mcp")
}

fn at(port: u16, path: &'static str) -> crate::client::Dial {
    crate::client::Dial { port, path }
}

/// Starts this binary in a role that listens; gives its port.
pub(crate) fn start_role(args: &[&str]) -> Outcome<(Group, u16)> {
    start_listening(&mut process::role(args)?)
}

/// Starts what prints its port first.
fn start_listening(command: &mut Command) -> Outcome<(Group, u16)> {
    let mut group = Group::start(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let output = group.child().stdout.take().ok_or("no stdout")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    Ok((group, line.trim().parse()?))
}

fn mcp_proxy_rust(binary: &Path, scratch: &Path, front: u16, backend: &str) -> Outcome<Command> {
    let config = scratch.join("proxy.toml");
    let text = format!(
        "[proxy]\nname = \"bench\"\nversion = \"1.0.0\"\nseparator = \"_\"\n\
         [proxy.listen]\nhost = \"127.0.0.1\"\nport = {front}\n\
         [[backends]]\nname = \"fast\"\n{backend}"
    );
    std::fs::write(&config, text)?;
    let mut command = Command::new(binary);
    command.env("RUST_LOG", "warn").arg("--config").arg(config);
    Ok(command)
}

impl Scratch {
    fn new(name: &str) -> Outcome<Self> {
        let name = format!("countersign-bench-{}-{name}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory)?;
        Ok(Self(directory))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The server with nothing before it.
pub(crate) const DIRECT: &str = "direct";
/// Our stack with every check off: the baseline of the guard.
pub(crate) const FORWARDER: &str = "forwarder";
/// The guard, pin and checks on.
pub(crate) const GUARD: &str = "guard";
/// The best of the peers.
pub(crate) const MCP_PROXY_RUST: &str = "mcp-proxy 0.6.0 (Rust)";
const MCP_PROXY_PYTHON: &str = "mcp-proxy 0.13.0 (Python)";
const SUPERGATEWAY: &str = "supergateway 4.0.0 (Node)";

const ECHO_MJS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/echo.mjs");
const MCP_PROXY_RUST_PATH: &str = "rust/bin/mcp-proxy";
const PEER_START_TIME_MAX: Duration = Duration::from_secs(30);
