//! `countersign watch` and webhooks, over the running service.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::{HttpClient, Program, Registry, Scratch, paths};
use serde_json::{Value, json};

/// Has somebody publish, which makes state changes.
pub(super) fn publish(registry: &Registry, scratch: &Scratch, version: &str) {
    if !scratch.join("publisher.pem").exists() {
        Registry::key(scratch, "publisher.pem");
    }
    let write = |name: &str, value: Value| {
        std::fs::write(scratch.join(name), value.to_string()).expect("written");
    };
    write(
        "server.json",
        json!({ "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
            "name": "com.example/files", "description": "Reads files.", "version": version }),
    );
    write(
        "shown.json",
        json!({ "tools": [{ "name": "read_file", "description": "Reads a file.",
        "inputSchema": { "type": "object" } }] }),
    );
    let run = || {
        registry
            .publish(scratch)
            .args(["--key", "publisher.pem", "--dns", "example.com", "--json", "shown.json"])
            .run()
    };
    let mut done = run();
    if let Some(record) = done.stderr.split('`').find(|part| part.starts_with("v=MCPv1")) {
        registry.names.publish("example.com", &[record]);
        std::thread::sleep(Duration::from_millis(1_050));
        done = run();
    }
    assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
}

/// `countersign watch`, whose lines come as they are printed.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn start(registry: &Registry, more: &[&str]) -> Self {
        let mut child = Command::new(paths::countersign())
            .args(["watch", &registry.url])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(30)).expect("a line")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn who_watches_is_told_of_each_change_once_and_in_order() {
    let (registry, scratch) = (Registry::start(""), Scratch::new());
    let watch = Watch::start(&registry, &["--since", "0", "--json"]);
    let calm = Watch::start(&registry, &["--since", "0", "--server", "com.example/*"]);
    let other = Watch::start(&registry, &["--since", "0", "--server", "com.other/*"]);
    let grave = Watch::start(&registry, &["--since", "0", "--severity", "critical"]);
    publish(&registry, &scratch, "1.0.0");
    let mut codes = Vec::new();
    while !codes.iter().any(|code| code == "publish.countersigned") {
        let change: Value = serde_json::from_str(&watch.next()).expect("a line is an object");
        assert_eq!(change["id"], codes.len() + 1, "without gaps");
        codes.push(change["code"].as_str().expect("a code").to_owned());
    }
    assert!(codes.iter().any(|code| code == "publish.declared"), "{codes:?}");
    loop {
        let line = calm.next();
        assert!(line.starts_with("info    ") || line.starts_with("notice  "), "{line}");
        assert!(line.contains("  com.example/"), "{line}");
        if line.contains("  1.0.0  publish.countersigned  ") {
            break;
        }
    }
    for silent in [&other, &grave] {
        let line = silent.lines.recv_timeout(Duration::from_millis(200));
        assert_eq!(line, Err(RecvTimeoutError::Timeout));
    }
    // All so far, from a number on, and nothing after the last.
    let once = |since: usize| {
        let since = since.to_string();
        let arguments = ["watch", &registry.url, "--once", "--json", "--since", &since];
        Program::countersign().args(arguments).run()
    };
    let rest = once(1);
    assert_eq!((rest.code, rest.stdout.lines().count()), (Some(3), codes.len() - 1));
    let nothing = once(codes.len());
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(0), ""));
    let wrong = Program::countersign().args(["watch", &registry.url, "--kind", "No!"]).run();
    assert_eq!(wrong.code, Some(1), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("`kind`"), "{}", wrong.stderr);
}

#[test]
fn who_watches_goes_on_after_a_restart_and_misses_nothing() {
    let (mut registry, scratch) = (Registry::start(""), Scratch::new());
    let address = registry.url.trim_start_matches("http://").to_owned();
    let watch = Watch::start(&registry, &["--since", "0", "--json"]);
    let mut ids = Vec::new();
    let mut read_until = |version: &str| loop {
        let change: Value = serde_json::from_str(&watch.next()).expect("a line is an object");
        ids.push(change["id"].as_u64().expect("a number"));
        if change["code"] == "publish.countersigned" && change["version"] == version {
            break;
        }
    };
    publish(&registry, &scratch, "1.0.0");
    read_until("1.0.0");
    registry.stop();
    // What happens before the watcher is back is told all the same.
    let registry = registry.restart(&["--listen", &address]);
    publish(&registry, &scratch, "1.1.0");
    read_until("1.1.0");
    let wanted: Vec<u64> = (1..).take(ids.len()).collect();
    assert_eq!(ids, wanted, "each once, without gaps");
}

#[test]
fn a_registry_with_open_streams_stops_at_once() {
    let mut registry = Registry::start("");
    let url = format!("{}/v0.1/countersign/changes/stream?since=0", registry.url);
    let streams: Vec<_> = (0..8).map(|_| HttpClient::new(&url).send("GET", &[], b"")).collect();
    assert!(streams.iter().all(|stream| stream.status == 200));
    let asked = Instant::now();
    registry.stop();
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    for mut stream in streams {
        // What was said is said to its end, and then the stream is over.
        while stream.event().is_some() {}
    }
}

const SECRET: &[u8] = b"a secret of thirty-two bytes: 32";

/// A delivery: the head in lower case, the body.
pub(super) type Delivery = (String, String);

/// A receiver that answers its deliveries with these, in order, and takes all that come after them.
pub(super) fn receive(
    listener: TcpListener,
    answers: &'static [&'static str],
    told: Sender<Delivery>,
) {
    std::thread::spawn(move || {
        for (count, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut reader = BufReader::new(&stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or_default() <= 2 {
                    break;
                }
                let line = line.trim_end();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                    length = value.parse().expect("a length");
                }
                head.push_str(line);
                head.push('\n');
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            let body = String::from_utf8(body).expect("text");
            let status = answers.get(count).unwrap_or(&"204 Fine");
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = (&stream).write_all(answer.as_bytes());
            let _ = told.send((head, body));
        }
    });
}

pub(super) fn header<'h>(head: &'h str, name: &str) -> &'h str {
    let prefix = format!("{name}: ");
    let line = head.lines().find(|line| line.to_lowercase().starts_with(&prefix));
    &line.unwrap_or_else(|| panic!("{head}"))[prefix.len()..]
}

/// HMAC-SHA-256 by RFC 2104, over a hash that is not the registry's.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    let pad = |byte: u8| (0..64).map(move |at| key.get(at).copied().unwrap_or_default() ^ byte);
    let inner: Vec<u8> = pad(0x36).chain(message.iter().copied()).collect();
    let outer: Vec<u8> = pad(0x5c).chain(Sha256::digest(&inner)).collect();
    Sha256::digest(&outer).to_vec()
}

#[test]
fn a_webhook_is_signed_and_comes_again_until_it_is_taken() {
    let scratch = Scratch::new();
    let secret = scratch.join("secret");
    std::fs::write(&secret, format!("whsec_{}\n", STANDARD.encode(SECRET))).expect("written");
    let chmod = Command::new("chmod").arg("600").arg(&secret).status();
    assert!(chmod.is_ok_and(|status| status.success()));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, told) = channel();
    receive(listener, &["500 Oh", "500 Oh"], sender);
    let registry = Registry::start(&format!(
        "[[webhook]]\nname = 'team'\nurl = 'http://{address}/hook'\nsecret_file = '{}'\n\
         kind = 'publish.countersigned'\nexceptions = ['{address}']\n",
        secret.display()
    ));
    publish(&registry, &scratch, "1.0.0");
    let mut ids = Vec::new();
    // Twice in vain, after 5 and 20 seconds, a fifth more or less: the third time it is taken.
    for _ in 0..3 {
        let (head, body) = told.recv_timeout(Duration::from_mins(1)).expect("a delivery");
        let (id, time) = (header(&head, "webhook-id"), header(&head, "webhook-timestamp"));
        let wanted = hmac(SECRET, format!("{id}.{time}.{body}").as_bytes());
        let wanted = format!("v1,{}", STANDARD.encode(wanted));
        assert_eq!(header(&head, "webhook-signature"), wanted);
        let change: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(change["data"]["code"], "publish.countersigned");
        ids.push(id.to_owned());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let more = told.recv_timeout(Duration::from_secs(2));
    assert!(more.is_err(), "what was taken comes no more");
}
