//! `countersign up` follows an upstream and watches a live server, both on loopback.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::Registry;
use harness::{HttpClient, Liar};
use serde_json::{Value, json};

/// An upstream with one page, which answers until the test ends.
struct Upstream {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    fn start(page: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (body, asked) = (page.to_string(), Arc::<Mutex<Vec<String>>>::default());
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
                let head: Vec<String> =
                    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                heard.lock().expect("nobody panics").extend(head.first().cloned());
                let length = body.len();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n");
                let _ = write!(stream, "{head}connection: close\r\n\r\n{body}");
            }
        });
        Self { address, asked }
    }
}

/// The statements of the log so far, as anybody reads them.
pub(super) fn statements(registry: &Registry) -> Vec<Value> {
    let get =
        |path: &str| HttpClient::new(&format!("{}{path}", registry.url)).send("GET", &[], b"");
    let checkpoint = String::from_utf8(get("/log/checkpoint").bytes()).expect("a note");
    let size: u64 = checkpoint.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0);
    if size == 0 {
        return Vec::new();
    }
    let bundle = get(&format!("/log/tile/entries/000.p/{size}")).bytes();
    let (mut rest, mut statements) = (&bundle[..], Vec::new());
    while let [high, low, after @ ..] = rest {
        let (entry, next) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        rest = next;
        let Ok(envelope) = serde_json::from_slice::<Value>(entry) else { continue };
        let payload = envelope["payload"].as_str().and_then(|text| STANDARD.decode(text).ok());
        statements.extend(payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()));
    }
    statements
}

/// Waits until a statement is as it is wanted.
pub(super) fn wait(registry: &Registry, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let statements = statements(registry);
        if let Some(found) = statements.iter().find(|statement| is_wanted(statement)) {
            return found.clone();
        }
        assert!(Instant::now() < deadline, "{statements:#?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn an_upstream_and_a_live_server_are_observed_by_the_running_service() {
    let liar = Liar::honest().listen();
    let listener = liar.url().trim_start_matches("http://").trim_end_matches("/mcp").to_owned();
    let server = json!({ "name": "io.github.acme/letters", "version": "1.2.0", "description": "Letters",
        "remotes": [{ "type": "streamable-http", "url": liar.url() }] });
    let official =
        json!({ "status": "active", "isLatest": true, "updatedAt": "2026-01-01T00:00:00Z" });
    let row = json!({ "server": server,
        "_meta": { "io.modelcontextprotocol.registry/official": official } });
    let upstream = Upstream::start(&json!({ "servers": [row], "metadata": { "count": 1 } }));
    let address = upstream.address;
    let registry = Registry::start(&format!(
        "[[mirror]]\nurl = 'http://{address}'\nrequests_per_second = 100\nexceptions = ['{address}']\n\
         [monitor]\nvantage = 'loopback'\nclients = ['ordinary-client/2']\nexceptions = ['{listener}']\n\
         [[monitor.server]]\nname = 'io.github.acme/letters'\nendpoint = '{}'\n",
        liar.url()
    ));
    let entry = wait(&registry, |it| it["predicate"]["of"]["kind"] == "entry");
    assert_eq!(entry["subject"][0]["name"], "io.github.acme/letters");
    assert_eq!(entry["predicate"]["of"]["version"], "1.2.0");
    let asked = upstream.asked.lock().expect("nobody panics").clone();
    assert!(asked[0].starts_with("GET /v0.1/servers?limit=100&include_deleted=true "), "{asked:?}");
    let seen = wait(&registry, |it| it["predicate"]["of"]["kind"] == "surface");
    let of = &seen["predicate"]["of"];
    assert_eq!((&of["outcome"], &of["endpoint"]), (&json!("surface"), &json!(liar.url())));
    assert!(of["surface"]["digests"]["exact"].as_str().is_some_and(|it| it.starts_with("sha256:")));
    assert_eq!(seen["predicate"]["client"], "ordinary-client/2");
    assert_eq!(seen["predicate"]["vantage"], "loopback");
    // The registry is an upstream itself: what it follows, others can.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let list = HttpClient::new(&format!("{}/v0.1/servers", registry.url)).send("GET", &[], b"");
        let list: Value = serde_json::from_slice(&list.bytes()).expect("JSON");
        if list["servers"][0]["server"] == server {
            break;
        }
        assert!(Instant::now() < deadline, "{list}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
