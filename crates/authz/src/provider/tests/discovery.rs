use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::http::server::{CHUNKS_WITHOUT_END, Server as Web, answer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::discovery::{self, Discovery, Form, Miss, Place};
use super::super::server::{Server, ServerError};
use crate::limits;
use crate::net::{Client, Rules, System};
use crate::resource::Resource;

fn client(exceptions: &[SocketAddr]) -> Client {
    let rules = Rules { exceptions: exceptions.to_vec(), ..Rules::default() };
    Client::new(rules, Arc::new(System)).unwrap()
}

fn document(issuer: &str) -> Value {
    json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"), "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
    })
}

fn ok(body: &Value) -> Vec<u8> {
    answer("200 OK", "content-type: application/json\r\n", body.to_string().as_bytes())
}

fn not_found() -> Vec<u8> {
    answer("404 Not Found", "", b"")
}

/// A server whose small document comes a byte at a time.
async fn dripping() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let asked = stream.read(&mut [0; 1024]).await.unwrap();
                assert!(asked > 0, "a request came");
                let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
                let mut sent = stream.write_all(head).await;
                while sent.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    sent = stream.write_all(b" ").await;
                }
            });
        }
    });
    address
}

/// What a server answers knows its own address.
async fn web(answers: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static) -> Web {
    Web::start(move |head| {
        let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let path = head.split(' ').nth(1).unwrap();
        answers(&format!("http://{host}"), path)
    })
    .await
}

#[tokio::test]
async fn the_three_places_are_asked_and_the_issuer_is_compared_as_it_is() {
    let server = web(|origin, path| match path {
        "/a/.well-known/openid-configuration" => ok(&document(&format!("{origin}/a"))),
        _ => not_found(),
    })
    .await;
    let issuer = format!("http://{}/a", server.address);
    let client = client(&[server.address]);
    let found = Discovery::of(&client, &issuer).await.unwrap();
    let forms: Vec<_> =
        found.asked.iter().map(|asked| (asked.place, asked.found.is_ok())).collect();
    let expected =
        [(Form::Rfc8414Insert, false), (Form::OidcInsert, false), (Form::OidcAppend, true)];
    assert_eq!(forms, expected);
    assert_eq!(found.server().unwrap().issuer, issuer);
    assert!(found.is_of_own_origin());
    // The same place answers for the issuer with a slash, and is not about it.
    let slash = Discovery::of(&client, &format!("{issuer}/")).await.unwrap();
    assert!(slash.server().is_none());
    let told = &slash.asked[2].found;
    assert!(matches!(told, Err(Miss::Invalid(ServerError::Issuer(said))) if *said == issuer));
}

#[tokio::test]
async fn one_document_of_another_issuer_spoils_the_others() {
    let server = web(|origin, path| match path {
        "/.well-known/oauth-authorization-server" => ok(&document(origin)),
        _ => ok(&document("https://good.example")),
    })
    .await;
    let issuer = format!("http://{}", server.address);
    let found = Discovery::of(&client(&[server.address]), &issuer).await.unwrap();
    assert!(found.asked[0].found.is_ok());
    assert!(found.server().is_none(), "T12");
}

#[tokio::test]
async fn a_redirect_inside_is_not_followed_and_one_elsewhere_is_remembered() {
    let inner = Web::start(|_| answer("200 OK", "", b"secret")).await;
    let location = format!("location: http://{}/\r\n", inner.address);
    let server = Web::start(move |_| answer("302 Found", &location, b"")).await;
    let issuer = format!("http://{}", server.address);
    let found = Discovery::of(&client(&[server.address]), &issuer).await.unwrap();
    for asked in &found.asked {
        let Err(Miss::Net(error)) = &asked.found else { panic!("{asked:?}") };
        assert_eq!(error.code(), "net.address-denied");
    }
    assert!(inner.heads().is_empty(), "it was asked");

    let other = Arc::new(std::sync::OnceLock::<String>::new());
    let says = Arc::clone(&other);
    let elsewhere = Web::start(move |_| ok(&document(says.get().unwrap()))).await;
    let location = format!("location: http://{}/\r\n", elsewhere.address);
    let server = Web::start(move |_| answer("302 Found", &location, b"")).await;
    let issuer = format!("http://{}", server.address);
    other.set(issuer.clone()).unwrap();
    let asker = client(&[server.address, elsewhere.address]);
    let found = Discovery::of(&asker, &issuer).await.unwrap();
    assert!(found.server().is_some());
    assert!(!found.is_of_own_origin(), "no credential follows it");
}

#[tokio::test]
async fn documents_are_bounded_in_size_and_time() {
    let endless = Web::start(|_| CHUNKS_WITHOUT_END.to_vec()).await;
    let (asker, issuer) = (client(&[endless.address]), format!("http://{}", endless.address));
    let found = Discovery::of(&asker, &issuer).await.unwrap();
    let Err(Miss::Net(error)) = &found.asked[0].found else { panic!("{found:?}") };
    assert_eq!(error.code(), "net.too-large");

    let slow = dripping().await;
    let began = Instant::now();
    let (asker, issuer) = (client(&[slow]), format!("http://{slow}"));
    let found = Discovery::of(&asker, &issuer).await.unwrap();
    let Err(Miss::Net(error)) = &found.asked[0].found else { panic!("{found:?}") };
    assert_eq!(error.code(), "net.timed-out");
    assert!(began.elapsed() < limits::DISCOVERY_TIME_MAX * 3, "{:?}", began.elapsed());
}

#[tokio::test]
async fn resource_metadata_is_where_the_challenge_says_at_the_path_and_at_the_root() {
    let server = web(|origin, path| match path {
        "/elsewhere" | "/.well-known/oauth-protected-resource/mcp" => {
            ok(&json!({ "resource": format!("{origin}/mcp") }))
        }
        "/.well-known/oauth-protected-resource" => ok(&json!({ "resource": origin })),
        _ => not_found(),
    })
    .await;
    let origin = format!("http://{}", server.address);
    let of = Resource::parse(&format!("{origin}/mcp")).unwrap();
    let client = client(&[server.address]);
    let asked = discovery::resource(&client, &of, Some(&format!("{origin}/elsewhere"))).await;
    let said: Vec<_> =
        asked.iter().map(|it| (it.place, it.found.as_ref().unwrap().resource.as_str())).collect();
    let (mcp, root) = (of.as_str(), origin.as_str());
    assert_eq!(said, [(Place::Header, mcp), (Place::Path, mcp), (Place::Root, root)]);
    // What is named twice is asked once.
    let path = of.metadata_uri();
    let asked = discovery::resource(&client, &of, Some(&path)).await;
    let places: Vec<_> = asked.iter().map(|it| it.place).collect();
    assert_eq!(places, [Place::Header, Place::Root]);
}

#[test]
fn metadata_of_a_server_is_read_strictly() {
    let good = document("https://as.example");
    let read = Server::parse(good.to_string().as_bytes(), "https://as.example").unwrap();
    assert_eq!(read.pkce_methods.as_deref(), Some(&["S256".to_owned()][..]));
    assert_eq!(read.endpoints().len(), 2);
    for (member, value) in [
        ("issuer", json!(null)),
        ("issuer", json!("http://as.example")),
        ("issuer", json!("https://as.example?a")),
        ("token_endpoint", json!(["https://as.example/token"])),
        ("code_challenge_methods_supported", json!("S256")),
        ("authorization_response_iss_parameter_supported", json!("true")),
        ("scopes_supported", json!([1])),
    ] {
        let mut wrong = good.clone();
        wrong[member] = value;
        let error = Server::parse_any(wrong.to_string().as_bytes()).unwrap_err();
        assert_eq!(error, ServerError::Member(member));
    }
    let twice = good.to_string().replacen('{', "{\"issuer\":\"https://as.example\",", 1);
    assert!(matches!(Server::parse_any(twice.as_bytes()), Err(ServerError::Json(_))));
    let padded = |bytes: usize| format!("{good}{}", " ".repeat(bytes - good.to_string().len()));
    assert!(Server::parse_any(padded(limits::METADATA_BYTES_MAX).as_bytes()).is_ok());
    assert!(Server::parse_any(padded(limits::METADATA_BYTES_MAX + 1).as_bytes()).is_err());
}
