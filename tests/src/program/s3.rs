//! An S3-compatible object store: PyPI's `moto`, in memory, on a loopback port.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::http::free_port;
use crate::paths;

/// A store with one bucket, until this is dropped.
#[derive(Debug)]
pub struct S3 {
    child: Child,
    port: u16,
}

impl S3 {
    /// The bucket.
    pub const BUCKET: &'static str = "countersign";
    /// What any request is signed with: `moto` takes all.
    pub const KEY: &'static str = "testing";

    /// An empty store. The thread that calls this must outlive it.
    ///
    /// It must refuse to overwrite under `If-None-Match: *`: with one that does not, no test of a
    /// fork could fail.
    pub fn start() -> Self {
        let port = free_port();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(paths::python("store", "moto_server"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server runs");
        let it = Self { child, port };
        let start = Instant::now();
        while it.request("PUT", Self::BUCKET, "", b"").is_none_or(|status| status != 200) {
            assert!(start.elapsed() < START_TIME_MAX, "moto_server did not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        let probe = format!("{}/harness", Self::BUCKET);
        let once = "If-None-Match: *\r\n";
        assert_eq!(it.request("PUT", &probe, once, b"first"), Some(200));
        assert_eq!(it.request("PUT", &probe, once, b"second"), Some(412), "moto overwrites");
        it
    }

    /// The URL of objects under a prefix, as `--objects` takes it.
    pub fn url(&self, prefix: &str) -> String {
        Self::url_at(self.port, prefix)
    }

    /// The same through another port, such as a proxy's.
    pub fn url_at(port: u16, prefix: &str) -> String {
        format!(
            "s3://{}/{prefix}?endpoint=http://127.0.0.1:{port}&region=us-east-1&allow_http=true",
            Self::BUCKET
        )
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Overwrites an object behind everybody's back.
    pub fn overwrite(&self, path: &str, bytes: &[u8]) {
        let path = format!("{}/{path}", Self::BUCKET);
        assert_eq!(self.request("PUT", &path, "", bytes), Some(200));
    }

    fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Option<u16> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let head = format!(
            "{method} /{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n{AUTHORIZATION}{headers}\
             Content-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Any signature will do, but without one `moto` takes the request for a stranger's.
const AUTHORIZATION: &str = "Authorization: AWS4-HMAC-SHA256 \
    Credential=testing/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00\r\n";
const START_TIME_MAX: Duration = Duration::from_mins(1);
