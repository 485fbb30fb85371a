//! No token, proof or secret is in any log, error, URL or trace: two token services, a guard, and clients
//! that show them things at the right and at the wrong places. Then everything is searched that they
//! printed, kept, passed on or answered.

mod search;

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::guard::{Guard, Listening};
use harness::http::recorder::Recorder;
use harness::{HttpClient, Program};
use serde_json::{Value, json};

use self::search::Search;
use super::decisions::{ask, evaluation};
use super::federation::{Two, two_with};
use super::{Domain, HOPS};

const POLL: &str = "canary-of-the-poll-endpoint-0123456789";
const AUTHZEN: &str = "canary-of-the-decision-endpoint-0123456789";
const CLIENT_SECRET: &str = "canary-of-a-client-that-knows-no-better";

fn start() -> Two {
    two_with(|draft, others| {
        draft.write("ssf.jwks.json", &json!({ "keys": [others.jwk("ssf")] }).to_string());
        draft.write_private("poll.token", POLL);
        draft.write_private("authzen.key", AUTHZEN);
        draft.prepend("authzen_key = \"authzen.key\"\n");
        let issuer = &others.issuer;
        draft.configure(&format!(
            "\n[[transmitter]]\nissuer = \"https://ssf.a.example\"\njwks = \"ssf.jwks.json\"\n\
             subjects = [\"{issuer}\"]\npoll = \"{issuer}/poll\"\ntoken_file = \"poll.token\"\n"
        ));
    })
}

/// What is done in earnest, and what thieves try with it. Answers with a secret of each kind.
fn flows(two: &mut Two) -> Vec<String> {
    let domain = &mut two.a;
    let (root, proof) = domain.call("alice");
    let (one, next) = domain.next(0, &root, &proof, "doc:get doc:put");
    let (second, _) = domain.next(1, &one, &next, "blob:get");
    for (hop, subject, proof, scope) in [
        (0, &root, &proof, "doc:get"),
        (1, &root, &proof, "blob:get"),
        (1, &one, &root, "blob:get"),
        (2, &second, &next, "row:get"),
        (0, &proof, &root, "doc:get"),
        (0, &root, &one, &*second),
    ] {
        assert_ne!(domain.exchange(hop, subject, proof, scope)["status"], 200);
    }
    let right = domain.sts.exchange("hop1", &root, &proof, HOPS[1], "doc:get");
    for (member, value) in [("by", "hop2"), ("client", "nobody"), ("dpop", "thief")] {
        let mut wrong = right.clone();
        wrong[member] = json!(value);
        assert_ne!(domain.others.ask("ask", wrong)["status"], 200, "{member}");
    }
    let (again, proof) = domain.call("alice");
    let assertion = two.assert(&again, &proof)["body"]["access_token"].take();
    let assertion = assertion.as_str().expect("an assertion").to_owned();
    assert_ne!(two.redeem(&assertion, "thief")["status"], 200);
    let there = two.redeem(&assertion, "hop1-dpop")["body"]["access_token"].take();
    let there = there.as_str().expect("a token").to_owned();
    for wrong in [&assertion, &root, &there, &proof] {
        assert_ne!(two.redeem(wrong, "hop1-dpop")["status"], 200);
    }
    let domain = &mut two.a;
    let event = domain.event("ssf", "alice", json!({}));
    for (set, status) in [(&root, 400), (&assertion, 400), (&event, 202)] {
        assert_eq!(domain.push(set)["status"], status);
    }
    let asked = evaluation(domain, "alice").to_string();
    for (key, status) in [(AUTHZEN, 200), (&*root, 401)] {
        assert_eq!(ask(domain, "access/v1/evaluation", key, &asked)["status"], status);
    }
    assert_eq!(domain.revoke("hop1", &one)["status"], 200);
    let secrets = [root, proof, one, assertion, there, event];
    secrets.into_iter().chain([AUTHZEN, CLIENT_SECRET].map(str::to_owned)).collect()
}

/// Each secret at each place where somebody who is wrong might put it.
fn misplaced(domain: &mut Domain, secrets: &[String]) {
    let form = "application/x-www-form-urlencoded";
    let json = "application/json";
    for secret in secrets {
        let get = |path: String| json!({ "url": domain.sts.endpoint(&path) });
        let post = |path: &str, media_type: &str, body: String| {
            json!({ "url": domain.sts.endpoint(path), "method": "POST", "body": body,
                    "headers": { "content-type": media_type } })
        };
        let mut asked = vec![
            get(format!("token?subject_token={secret}")),
            get(format!("{secret}/token")),
            get(format!("metrics?{secret}")),
            get(format!(".well-known/oauth-authorization-server/{secret}")),
            post(&format!("token?client_secret={secret}"), form, String::new()),
            post("token", secret, String::new()),
            post("events", "application/secevent+jwt", format!("{secret}x")),
            post("access/v1/evaluation", json, format!("{{\"{secret}\": \"{secret}\"")),
            post("access/v1/evaluation", json, secret.clone()),
            post("token", json, format!("{{\"client_secret\": \"{secret}\"}}")),
            post("revoke", form, format!("token={secret}&token={secret}")),
            post("token", form, format!("{secret}=1&{secret}=2")),
            post("token", form, format!("{secret}=%")),
        ];
        for header in ["authorization", "dpop", "cookie", "host", "accept"] {
            let mut one = post("token", form, "grant_type=x".to_owned());
            one["headers"][header] = json!(secret);
            asked.push(one);
        }
        for command in asked {
            let answer = domain.others.ask("fetch", command.clone());
            assert!(answer["status"].is_u64(), "{command}");
        }
        for member in ["grant_type", "subject_token_type", "resource", "scope", "subject_token"] {
            let mut asked = domain.sts.exchange("hop1", secret, secret, HOPS[1], "doc:get");
            asked["form"][member] = json!(secret);
            assert_ne!(domain.others.ask("ask", asked)["status"], 200, "{member}");
        }
        let mut asked = domain.sts.exchange("hop1", secret, secret, HOPS[1], "doc:get");
        asked["client"] = json!(secret);
        assert_ne!(domain.others.ask("ask", asked)["status"], 200);
    }
    for path in ["metrics", "healthz", "jwks", ".well-known/oauth-authorization-server"] {
        let asked = json!({ "url": domain.sts.endpoint(path) });
        assert_eq!(domain.others.ask("fetch", asked)["status"], 200, "{path}");
    }
}

/// A guard before hop 2 that is shown tokens of the service, and the server behind it.
struct Hop {
    guard: Guard,
    listening: Listening,
    upstream: Recorder,
    /// What it answered.
    answered: String,
}

impl Hop {
    fn start(domain: &mut Domain) -> Self {
        let guard = Guard::new();
        let asked = json!({ "url": domain.sts.endpoint("jwks") });
        let jwks = domain.others.ask("fetch", asked)["text"].take();
        fs::write(guard.file("sts.json"), jwks.as_str().expect("keys")).expect("written");
        let config = format!(
            "resource = \"{}\"\nscopes = [\"doc:get\"]\ndpop_required = true\n\
             [[trusted]]\nissuer = \"{}\"\njwks = \"sts.json\"\n",
            HOPS[1], domain.sts.issuer
        );
        fs::write(guard.file("authorize.toml"), config).expect("written");
        let upstream = Recorder::start();
        let options = ["--mode", "observe", "--authorize", "authorize.toml"];
        let listening = guard.listen(&options, &upstream.url);
        Self { guard, listening, upstream, answered: String::new() }
    }

    fn call(&mut self, path: &str, shown: &[(&str, &str)]) -> u16 {
        let mut headers = vec![
            ("Accept".to_owned(), "application/json, text/event-stream".to_owned()),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        let shown = shown.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        headers.extend(shown);
        let body = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let url = format!("{}{path}", self.listening.url());
        let answer = HttpClient::new(&url).send("POST", &headers, body);
        self.answered += answer.header("www-authenticate").unwrap_or_default();
        let status = answer.status;
        self.answered += &String::from_utf8_lossy(&answer.bytes());
        status
    }

    fn flows(&mut self, domain: &mut Domain, secrets: &[String]) {
        let (root, proof) = domain.call("carol");
        let (token, proof) = domain.next(0, &root, &proof, "doc:get");
        let held = format!("DPoP {token}");
        let right = [("Authorization", &*held), ("DPoP", &*proof)];
        assert_eq!(self.call("", &right), 200, "{}", self.listening.stderr());
        assert_eq!(self.call("", &right), 401, "the proof was used");
        assert_eq!(self.call("", &right[..1]), 401, "no proof");
        for secret in secrets.iter().chain([&root, &token, &proof]) {
            let bearer = format!("Bearer {secret}");
            for shown in [("Authorization", &*bearer), ("Authorization", secret), ("DPoP", secret)]
            {
                assert_ne!(self.call("", &[shown]), 200);
                assert_ne!(self.call("", &[shown, right[0]]), 200);
            }
            assert_ne!(self.call(&format!("?access_token={secret}"), &right[..1]), 200);
            assert_ne!(self.call(&format!("/{secret}"), &right[..1]), 200);
        }
        assert!(self.upstream.seen().contains("ping"));
    }
}

/// Configurations that are wrong where a secret stands.
fn mistakes(two: &mut Two) -> Vec<u8> {
    let folder = two.a.sts.folder().to_owned();
    let right = fs::read_to_string(folder.join("sts.toml")).expect("a configuration");
    let mut printed = Vec::new();
    for (from, to) in [
        ("authzen_key = \"authzen.key\"", format!("authzen_key = \"authzen.key\" {AUTHZEN}")),
        ("authzen_key = \"authzen.key\"", format!("authzen_key = [\"{AUTHZEN}\"]")),
        ("token_file = \"poll.token\"", format!("token = \"{POLL}\"")),
        ("jwks = \"ssf.jwks.json\"", "jwks = \"poll.token\"".to_owned()),
        ("jwks = \"ssf.jwks.json\"", "jwks = \"keys/current.pem\"".to_owned()),
        ("nonce_key = \"nonce.key\"", "nonce_key = \"keys/current.pem\"".to_owned()),
        ("nonce_key = \"nonce.key\"", "nonce_key = \"authzen.key\"".to_owned()),
        ("edges = \"edges.json\"", "edges = \"authzen.key\"".to_owned()),
        ("current = \"keys/current.pem\"", "current = \"poll.token\"".to_owned()),
    ] {
        let wrong = right.replace(from, &to);
        assert_ne!(wrong, right, "{from}");
        fs::write(folder.join("wrong.toml"), wrong).expect("written");
        let ran = Program::countersign()
            .args(["sts", "--log-level", "trace", "--listen", "127.0.0.1:0", "--config"])
            .arg(folder.join("wrong.toml"))
            .run();
        assert_ne!(ran.code, Some(0), "{to}");
        printed.extend(ran.stdout.into_bytes());
        printed.extend(ran.stderr.into_bytes());
    }
    fs::remove_file(folder.join("wrong.toml")).expect("removed");
    printed
}

/// Whether a file is where a secret is kept.
fn is_secret(path: &Path) -> bool {
    path.extension().is_some_and(|end| ["pem", "key", "token"].iter().any(|each| end == *each))
}

/// Every file below a folder, by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.display().to_string(), fs::read(&path).expect("a file")));
        }
    }
    all
}

/// The private half of a key in a file: the octets of RFC 5915's `privateKey`, or of RFC 8410's.
fn private(pem: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(pem);
    let lines: String = text.lines().filter(|line| !line.starts_with("---")).collect();
    let der = STANDARD.decode(lines).expect("a key");
    let at = der.windows(2).position(|two| two == [0x04, 0x20]).expect("a private key");
    der[at + 2..at + 34].to_vec()
}

#[test]
fn no_token_proof_or_secret_is_printed_kept_or_answered() {
    let mut two = start();
    let secrets = flows(&mut two);
    misplaced(&mut two.a, &secrets);
    let mut hop = Hop::start(&mut two.a);
    hop.flows(&mut two.a, &secrets);
    let printed = mistakes(&mut two);

    let mut search = Search::default();
    for (name, secret) in [("poll", POLL), ("decisions", AUTHZEN), ("client secret", CLIENT_SECRET)]
    {
        search.secret(name, secret.as_bytes());
    }
    let mut traces = vec![
        ("A's log".to_owned(), two.a.sts.written().into_bytes()),
        ("B's log".to_owned(), two.b.written().into_bytes()),
        ("wrong configurations".to_owned(), printed),
        ("the guard's events".to_owned(), hop.listening.stderr().into_bytes()),
        ("the guard's answers".to_owned(), hop.answered.into_bytes()),
        ("the server".to_owned(), hop.upstream.seen().into_bytes()),
    ];
    for (path, bytes) in [two.a.sts.folder(), two.b.folder()].into_iter().flat_map(files) {
        match Path::new(&path) {
            file if file.extension().is_some_and(|end| end == "pem") => {
                search.secret(&path, &private(&bytes));
            }
            file if is_secret(file) => search.secret(&path, bytes.trim_ascii()),
            _ => traces.push((path, bytes)),
        }
    }
    traces.extend(files(hop.guard.directory()));
    let kept = two.a.others.ask("kept", json!({}));
    let texts = |name: &str| -> Vec<String> {
        let all = kept[name].as_array().into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let tokens = texts("secrets");
    assert!(tokens.len() > 100, "{} tokens, proofs and assertions", tokens.len());
    for token in &tokens {
        search.token("a token, proof or assertion", token);
    }
    traces.push(("answers".to_owned(), texts("heard").join("\n").into_bytes()));
    for (place, text) in &traces {
        assert_eq!(search.find(text), None, "in {place}");
    }
    for (name, size_min) in [("A's log", 10_000), ("answers", 10_000)] {
        let found = traces.iter().find(|(place, _)| place == name).expect("a trace");
        assert!(found.1.len() > size_min, "{name}: {} bytes", found.1.len());
    }
    assert!(two.b.folder().join("grants.db").exists());
}
