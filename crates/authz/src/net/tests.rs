#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use http::HeaderValue;
use http::header::{AUTHORIZATION, ETAG};

use harness::http::server::{CHUNKS_WITHOUT_END, Server, answer};

use super::*;

/// Answers with the next of its lists, and with the last one from then on.
struct Script {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Resolve for Script {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.answers[asked.min(self.answers.len() - 1)].clone())
    }
}

fn script(answers: &[&[&str]]) -> Arc<Script> {
    let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
    Arc::new(Script { answers: answers.iter().map(parse).collect(), asked: AtomicUsize::new(0) })
}

fn client(exceptions: &[SocketAddr], resolver: Arc<dyn Resolve>) -> Client {
    Client::new(Rules { exceptions: exceptions.to_vec(), ..Rules::default() }, resolver).unwrap()
}

/// A client that may ask one server on loopback.
fn client_for(server: &Server) -> Client {
    client(&[server.address], script(&[&["127.0.0.1"]]))
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

async fn code_of(client: &Client, request: Request) -> &'static str {
    client.send(request).await.expect_err("a refusal").code()
}

#[tokio::test]
async fn an_answer_comes_whole_with_the_name_kept() {
    let server = Server::start(|_| answer("200 OK", "etag: \"1\"\r\n", b"hello")).await;
    let client = client_for(&server);
    let port = server.address.port();
    let asked = url(&format!("http://registry.example:{port}/v0.1/servers?limit=1"));
    let response = client.send(Request::get(asked)).await.unwrap();
    assert_eq!((response.status.as_u16(), response.body.as_ref()), (200, &b"hello"[..]));
    assert_eq!(response.headers[ETAG], "\"1\"");
    assert_eq!(response.address, Some(server.address));
    let head = server.heads()[0].to_lowercase();
    assert!(head.contains(&format!("host: registry.example:{port}")), "{head}");
    for unwanted in ["accept-encoding", "cookie", "referer"] {
        assert!(!head.contains(unwanted), "{head}");
    }
}

#[tokio::test]
async fn urls_that_hide_where_they_lead_are_refused() {
    let client = client(&[], script(&[&["1.1.1.1"]]));
    for (text, code) in [
        ("http://registry.example/", "net.url-denied"),
        ("ftp://registry.example/", "net.url-denied"),
        ("file:///etc/passwd", "net.url-denied"),
        ("https://user@registry.example/", "net.url-denied"),
        ("https://user:hush@registry.example/", "net.url-denied"),
        ("https://registry.example:22/", "net.port-denied"),
        ("https://registry.example:6379/", "net.port-denied"),
        ("https://127.0.0.1/", "net.address-denied"),
        ("https://2130706433/", "net.address-denied"),
        ("https://0x7f.1/", "net.address-denied"),
        ("https://[::1]/", "net.address-denied"),
        ("https://[::ffff:169.254.169.254]/", "net.address-denied"),
        ("https://1.1.1.1/", "net.address-denied"),
    ] {
        let refused = client.send(Request::get(url(text))).await.expect_err(text);
        assert_eq!(refused.code(), code, "{text}");
        assert!(!refused.to_string().contains("hush"), "{refused}");
        assert!(client.resolve(&url(text)).await.is_err(), "{text}");
    }
}

#[tokio::test]
async fn one_denied_answer_condemns_all() {
    for answers in [
        &["127.0.0.1"][..],
        &["1.1.1.1", "127.0.0.1"],
        &["10.0.0.7", "1.1.1.1"],
        &["1.1.1.1", "::ffff:169.254.169.254"],
        &["64:ff9b::7f00:1"],
    ] {
        let client = client(&[], script(&[answers]));
        let asked = url("https://registry.example/");
        assert_eq!(code_of(&client, Request::get(asked.clone())).await, "net.address-denied");
        assert_eq!(client.resolve(&asked).await.unwrap_err().code(), "net.address-denied");
    }
    let client = client(&[], script(&[&["1.1.1.1", "2606:4700::1111"]]));
    let addresses = client.resolve(&url("https://registry.example/")).await.unwrap();
    let expected = ["1.1.1.1:443", "[2606:4700::1111]:443"].map(|a| a.parse().unwrap());
    assert_eq!(addresses, expected);
}

#[tokio::test]
async fn a_name_that_is_rebound_between_check_and_use_is_not_dialled() {
    let server = Server::start(|_| answer("200 OK", "", b"ours")).await;
    // The same port at another loopback address: whoever dials it has been led astray.
    let inner = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), server.address.port()));
    let inner = Server::at(inner, |_| answer("200 OK", "", b"secret")).await;
    let resolver = script(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let client = client(&[server.address], Arc::clone(&resolver) as Arc<dyn Resolve>);
    let asked = url(&format!("http://rebind.example:{}/", server.address.port()));
    assert_eq!(client.resolve(&asked).await.unwrap(), [server.address]);
    assert_eq!(code_of(&client, Request::get(asked)).await, "net.address-denied");
    assert_eq!((server.heads().len(), inner.heads().len()), (0, 0));
}

#[tokio::test]
async fn a_request_resolves_its_name_once() {
    let server = Server::start(|_| answer("200 OK", "", b"ours")).await;
    let resolver = script(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let client = client(&[server.address], Arc::clone(&resolver) as Arc<dyn Resolve>);
    let asked = url(&format!("http://rebind.example:{}/", server.address.port()));
    for _ in 0..2 {
        assert_eq!(client.send(Request::get(asked.clone())).await.unwrap().body, "ours");
    }
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_exception_is_one_address_and_one_port() {
    let server = Server::start(|_| answer("200 OK", "", b"ours")).await;
    let other = Server::start(|_| answer("200 OK", "", b"other")).await;
    let client = client_for(&server);
    assert!(client.send(Request::get(url(&format!("http://{}/", server.address)))).await.is_ok());
    for address in
        [other.address, SocketAddr::new(Ipv4Addr::new(127, 0, 0, 2).into(), server.address.port())]
    {
        let refused = code_of(&client, Request::get(url(&format!("http://{address}/")))).await;
        assert_eq!(refused, "net.address-denied");
    }
    // With exceptions, http to anybody else is refused still.
    let public = super::tests::client(&[server.address], script(&[&["1.1.1.1"]]));
    let asked = url(&format!("http://registry.example:{}/", server.address.port()));
    assert_eq!(code_of(&public, Request::get(asked)).await, "net.address-denied");
    assert_eq!(other.heads().len(), 0);
}

#[tokio::test]
async fn a_redirect_is_followed_only_when_asked_for_and_each_is_checked() {
    let inner = Server::start(|_| answer("200 OK", "", b"secret")).await;
    let leads = format!("location: http://{}/admin\r\n", inner.address);
    let server = Server::start(move |head| match head.split(' ').nth(1).unwrap() {
        "/inward" => answer("302 Found", &leads, b""),
        "/nowhere" => answer("302 Found", "", b""),
        "/loop" => answer("307 Temporary Redirect", "location: /loop\r\n", b""),
        "/one" => answer("301 Moved Permanently", "location: two\r\n", b""),
        "/two" => answer("308 Permanent Redirect", "location: /three\r\n", b""),
        "/three" => answer("303 See Other", "location: /four\r\n", b""),
        _ => answer("200 OK", "", b"there"),
    })
    .await;
    let client = client_for(&server);
    let ask = |path: &str, redirects_max| {
        let asked = url(&format!("http://{}{path}", server.address));
        client.send(Request { redirects_max, ..Request::get(asked) })
    };
    let code = |result: Result<Response, NetError>| result.expect_err("a refusal").code();
    assert_eq!(code(ask("/one", 0).await), "net.redirect");
    assert_eq!(code(ask("/one", 2).await), "net.redirect");
    let there = ask("/one", 3).await.unwrap();
    assert_eq!((there.body.as_ref(), there.url.path()), (&b"there"[..], "/four"));
    assert_eq!(code(ask("/loop", 200).await), "net.redirect");
    assert_eq!(code(ask("/nowhere", 3).await), "net.redirect");
    assert_eq!(code(ask("/inward", 3).await), "net.address-denied");
    assert_eq!(inner.heads().len(), 0);
    let posted = url(&format!("http://{}/one", server.address));
    let posted = Request { redirects_max: 3, ..Request::post(posted, "body".into()) };
    assert_eq!(code_of(&client, posted).await, "net.redirect");
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_origin() {
    let other = Server::start(|_| answer("200 OK", "", b"other")).await;
    let leads = format!("location: http://{}/\r\n", other.address);
    let server = Server::start(move |_| answer("302 Found", &leads, b"")).await;
    let client = client(&[server.address, other.address], script(&[&["127.0.0.1"]]));
    let asked = url(&format!("http://{}/", server.address));
    let plain = Request { redirects_max: 1, ..Request::get(asked) };
    assert_eq!(client.send(plain.clone()).await.unwrap().body, "other");
    let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer hush"))]);
    assert_eq!(code_of(&client, Request { headers, ..plain }).await, "net.redirect");
    assert!(other.heads().iter().all(|head| !head.contains("hush")));
}

#[tokio::test]
async fn a_body_is_read_up_to_its_bound_and_no_further() {
    let server = Server::start(|head| match head.split(' ').nth(1).unwrap() {
        "/announced" => b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n".to_vec(),
        "/chunked" => CHUNKS_WITHOUT_END.to_vec(),
        _ => answer("200 OK", "", &[b'x'; 1000]),
    })
    .await;
    let client = client_for(&server);
    let ask = |path: &str, bytes_max| {
        let asked = url(&format!("http://{}{path}", server.address));
        client.send(Request { bytes_max, ..Request::get(asked) })
    };
    assert_eq!(ask("/whole", 1000).await.unwrap().body.len(), 1000);
    assert_eq!(ask("/whole", 999).await.unwrap_err().code(), "net.too-large");
    let start = Instant::now();
    assert_eq!(ask("/announced", 1 << 20).await.unwrap_err().code(), "net.too-large");
    assert_eq!(ask("/chunked", 1 << 20).await.unwrap_err().code(), "net.too-large");
    assert!(start.elapsed() < Duration::from_secs(10), "it does not read on");
    let sent = server.bytes_sent.load(Ordering::Relaxed);
    assert!(sent < 64 << 20, "of 1 GB without end, {sent} bytes were taken");
}

#[tokio::test]
async fn a_compressed_body_that_nobody_asked_for_is_refused() {
    // The head of a gzip stream; what it would become is never seen.
    let bomb = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    for encoding in ["gzip", "br", "zstd", "gzip, gzip", "deflate"] {
        let header = format!("content-encoding: {encoding}\r\n");
        let server = Server::start(move |_| answer("200 OK", &header, &bomb)).await;
        let asked = Request::get(url(&format!("http://{}/", server.address)));
        assert_eq!(code_of(&client_for(&server), asked).await, "net.encoded", "{encoding}");
    }
    let server = Server::start(|_| answer("200 OK", "content-encoding: identity\r\n", b"x")).await;
    let asked = Request::get(url(&format!("http://{}/", server.address)));
    assert!(client_for(&server).send(asked).await.is_ok());
}

#[tokio::test]
async fn a_slow_drip_ends_with_the_time_of_the_request() {
    let server = Server::dripping().await;
    let asked = url(&format!("http://{}/", server.address));
    let time_max = Duration::from_millis(400);
    let start = Instant::now();
    let request = Request { time_max, ..Request::get(asked) };
    assert_eq!(code_of(&client_for(&server), request).await, "net.timed-out");
    assert!(start.elapsed() >= time_max && start.elapsed() < 10 * time_max);
}

#[tokio::test]
async fn tls_is_spoken_to_the_name_and_not_done_without() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = Server::raw(Arc::clone(&seen), b"HTTP/1.1 200 OK\r\n\r\n").await;
    let asked = url(&format!("https://registry.example:{}/", server.port()));
    let client = client(&[server], script(&[&["127.0.0.1"]]));
    assert_eq!(code_of(&client, Request::get(asked)).await, "net.tls");
    let hello = seen.lock().unwrap().clone();
    let name = b"registry.example";
    assert_eq!(hello[0], 0x16, "a TLS handshake, and nothing before it");
    assert!(hello.windows(name.len()).any(|window| window == name), "the name is asked for");
}

#[tokio::test]
async fn nobody_there_and_no_such_name_are_told_apart() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let gone = client(&[address], script(&[&["127.0.0.1"]]));
    let code = code_of(&gone, Request::get(url(&format!("http://{address}/")))).await;
    assert_eq!(code, "net.unreachable");
    let nameless = client(&[], script(&[&[]]));
    let asked = Request::get(url("https://registry.example/"));
    assert_eq!(code_of(&nameless, asked).await, "net.unresolved");
}

#[test]
fn every_code_has_its_sentence() {
    let source = include_str!("error.rs");
    for (code, sentence) in CODES {
        assert!(
            !sentence.is_empty() && source.matches(&format!("\"{code}\"")).count() == 2,
            "{code}"
        );
    }
}
