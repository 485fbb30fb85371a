//! Protected servers and gateways that nobody here wrote (`interop/guarded`).

use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::http::free_port;
use crate::paths;

/// Which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A gateway of FastMCP with its `JWTVerifier`.
    FastMcp,
    /// The MCP SDK for Python with PyJWT.
    PythonSdk,
    /// The MCP SDK for TypeScript with jose.
    TypeScriptSdk,
}

/// One that runs; ends on drop.
#[derive(Debug)]
pub struct Guarded {
    child: Child,
    /// Its address.
    pub address: String,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Guarded {
    /// Starts one that trusts `issuer` with the keys of a file; a gateway leads to `upstream`.
    #[track_caller]
    pub fn start(kind: Kind, jwks: &Path, issuer: &str, upstream: &str) -> Self {
        let port = free_port();
        let (program, script) = match kind {
            Kind::FastMcp => (paths::python("gateway", "python"), "interop/guarded/gateway.py"),
            Kind::PythonSdk => (paths::python("new", "python"), "interop/guarded/sdk.py"),
            Kind::TypeScriptSdk => (paths::node(), "interop/guarded/sdk.mjs"),
        };
        let mut command = Command::new(program);
        command.arg(paths::tests_file(script)).arg(port.to_string()).arg(jwks).arg(issuer);
        if kind == Kind::FastMcp {
            command.arg(upstream);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let written = Arc::<Mutex<Vec<u8>>>::default();
        keep(child.stdout.take(), &written);
        keep(child.stderr.take(), &written);
        let server = Self { child, address: format!("127.0.0.1:{port}"), written };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(&server.address).is_err() {
            assert!(Instant::now() < deadline, "{kind:?} does not listen: {}", server.written());
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Where clients reach it.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// What it wrote to stdout and stderr so far.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().expect("no writer panics")).into_owned()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps what a program writes.
pub(crate) fn keep(pipe: Option<impl Read + Send + 'static>, kept: &Arc<Mutex<Vec<u8>>>) {
    let (mut pipe, kept) = (pipe.expect("a pipe"), Arc::clone(kept));
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut chunk) {
            kept.lock().expect("no writer panics").extend_from_slice(&chunk[..count]);
        }
    });
}
