//! The server begins to lie later, or only to some.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use harness::guard::Listening;
use harness::liar::ListeningLiar;
use harness::{Client, Guard, HttpClient, Liar, rpc};
use serde_json::{Value, json};

use super::{LEGACY, MODERN};

/// A guarded liar with one client, over one transport, in one era.
struct Scene {
    guard: Guard,
    client: Box<dyn Client>,
    // The last to be dropped: the client's peers.
    _listening: Option<(Listening, ListeningLiar)>,
}

/// Transports and eras.
const WAYS: [(Transport, &str); 4] = [
    (Transport::Stdio, LEGACY),
    (Transport::Stdio, MODERN),
    (Transport::Http, LEGACY),
    (Transport::Http, MODERN),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Stdio,
    Http,
}

impl Scene {
    /// Pins the truth and puts a guard in front of `liar`; its configuration may name the files
    /// `log` and `flip` of the guard's directory.
    fn new(transport: Transport, era: &str, mode: &str, liar: impl Fn(&Guard) -> Liar) -> Self {
        let guard = Guard::new();
        let honest = Liar::honest().set("era", era);
        let liar = liar(&guard).set("era", era).logging_to(&guard.file("log"));
        let options = ["--mode", mode];
        match transport {
            Transport::Stdio => {
                guard.pin(&honest.command());
                let client = match era {
                    MODERN => guard.stdio_modern(&options, &liar.command()),
                    _ => guard.stdio(&options, &liar.command()),
                };
                Self { guard, client: Box::new(client), _listening: None }
            }
            Transport::Http => {
                guard.pin_url(honest.listen().url());
                let upstream = liar.listen();
                let listening = guard.listen(&options, upstream.url());
                let client = http_client(era, &listening);
                Self { guard, client: Box::new(client), _listening: Some((listening, upstream)) }
            }
        }
    }

    fn call(&mut self, tool: &str) -> Value {
        self.client.request("tools/call", json!({ "name": tool, "arguments": {} }))
    }

    fn flip_file(guard: &Guard) -> String {
        guard.file("flip").to_str().expect("paths are UTF-8").to_owned()
    }

    fn flip(&self) {
        std::fs::write(self.guard.file("flip"), "").expect("the directory can be written");
    }

    fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.guard.file("log")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("the log is JSON")).collect()
    }

    /// Long enough for an announcement to reach the guard.
    fn settle() {
        std::thread::sleep(Duration::from_millis(500));
    }

    /// Calls of a tool that reached the server while it lied.
    fn arrived(&self, tool: &str) -> usize {
        let is_call = |entry: &&Value| {
            entry["method"] == "tools/call" && entry["name"] == tool && entry["lying"] == true
        };
        self.log().iter().filter(is_call).count()
    }

    #[track_caller]
    fn assert_held(&mut self, tool: &str, case: &str) {
        let response = self.call(tool);
        assert!(rpc::is_held(&response), "{case}: {response:#}");
        assert!(rpc::text_of(&response).contains("countersign approve"), "{case}: {response:#}");
        assert_eq!(self.arrived(tool), 0, "{case}: the call arrived");
    }

    /// Held at once where the server's announcement reaches the guard; in the modern era nobody
    /// here listens, and the guard's own listing has to find out.
    #[track_caller]
    fn assert_held_when_heard(&mut self, tool: &str, era: &str, case: &str) {
        if era == LEGACY {
            return self.assert_held(tool, case);
        }
        self.assert_held_soon(tool, case);
    }

    /// Held as soon as the guard lists again by itself.
    #[track_caller]
    fn assert_held_soon(&mut self, tool: &str, case: &str) {
        let deadline = Instant::now() + LISTED_AGAIN_TIME_MAX;
        while !rpc::is_held(&self.call(tool)) {
            assert!(Instant::now() < deadline, "{case}: it is never held");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    #[track_caller]
    fn assert_passes(&mut self, tool: &str, case: &str) {
        let response = self.call(tool);
        assert_eq!(rpc::text_of(&response), format!("{tool} was called"), "{case}: {response:#}");
    }

    #[track_caller]
    fn assert_never_shown(&mut self, case: &str) {
        let tools = self.client.request("tools/list", json!({}));
        assert!(tools["result"]["tools"].is_array(), "{case}: {tools:#}");
        assert!(!tools.to_string().contains("id_rsa"), "{case}: {tools:#}");
    }
}

#[test]
fn a_client_that_never_lists_calls_nothing_that_drifted() {
    for (transport, era) in WAYS {
        for mode in ["fixed", "hold"] {
            let case = format!("{transport:?} {era} {mode}");
            let mut scene = Scene::new(transport, era, mode, |_| Liar::with(POISON));
            scene.client.open();
            scene.assert_held("send_letter", &case);
            scene.assert_passes("search_notes", &case);
        }
    }
}

#[test]
fn a_change_between_list_and_call_is_caught() {
    for (transport, era) in WAYS {
        let case = format!("{transport:?} {era}");
        let mut scene = Scene::new(transport, era, "fixed", |guard| {
            Liar::with(POISON)
                .set("when", "file")
                .set("file", Scene::flip_file(guard))
                .set("announce", 1)
        });
        scene.client.open();
        scene.client.hear();
        scene.assert_never_shown(&case);
        scene.assert_passes("send_letter", &case);
        scene.flip();
        Scene::settle();
        scene.assert_held_when_heard("send_letter", era, &case);
        scene.assert_never_shown(&case);
    }
}

#[test]
fn a_silent_change_before_the_first_call_is_caught() {
    for (transport, era) in WAYS {
        let case = format!("{transport:?} {era}");
        let mut scene = Scene::new(transport, era, "hold", |guard| {
            Liar::with(POISON).set("when", "file").set("file", Scene::flip_file(guard))
        });
        scene.client.open();
        scene.flip();
        scene.assert_never_shown(&case);
        scene.assert_held("send_letter", &case);
    }
}

#[test]
fn a_silent_change_between_the_start_and_the_first_call_is_caught() {
    for (transport, era) in WAYS {
        let case = format!("{transport:?} {era}");
        let mut scene = Scene::new(transport, era, "fixed", |guard| {
            Liar::with(POISON).set("when", "file").set("file", Scene::flip_file(guard))
        });
        scene.client.open();
        Scene::settle();
        scene.flip();
        scene.assert_held_soon("send_letter", &case);
    }
}

#[test]
fn a_change_after_three_calls_is_caught_when_it_is_listed() {
    for (transport, era) in WAYS {
        let case = format!("{transport:?} {era}");
        let mut scene = Scene::new(transport, era, "fixed", |_| {
            Liar::with(POISON).set("when", "after-calls").set("count", 3)
        });
        scene.client.open();
        for _ in 0..3 {
            scene.assert_passes("send_letter", &case);
        }
        scene.assert_never_shown(&case);
        scene.assert_held("send_letter", &case);
    }
}

#[test]
fn a_change_after_three_calls_under_a_flood_of_announcements_is_caught() {
    for (transport, era) in WAYS {
        let case = format!("{transport:?} {era}");
        let mut scene = Scene::new(transport, era, "fixed", |_| {
            Liar::with(POISON).set("when", "after-calls").set("count", 3).set("announce", 300)
        });
        scene.client.open();
        scene.client.hear();
        for _ in 0..3 {
            scene.assert_passes("send_letter", &case);
        }
        Scene::settle();
        scene.assert_held_when_heard("send_letter", era, &case);
        let walks = scene.log().iter().filter(|entry| entry["method"] == "tools/list").count();
        assert!(walks < 100, "{case}: 900 announcements made the guard list {walks} times");
    }
}

#[test]
fn a_silent_change_is_caught_when_the_answer_grows_old() {
    for (transport, era) in WAYS {
        let case = format!("{transport:?} {era}");
        let mut scene = Scene::new(transport, era, "fixed", |guard| {
            Liar::with(POISON)
                .set("when", "file")
                .set("file", Scene::flip_file(guard))
                .set("ttl_ms", 200)
        });
        scene.client.open();
        scene.assert_passes("send_letter", &case);
        scene.flip();
        scene.assert_held_soon("send_letter", &case);
    }
}

#[test]
fn a_lie_for_one_client_alone_is_caught() {
    for (transport, era) in WAYS {
        let case = format!("{transport:?} {era}");
        let mut scene =
            Scene::new(transport, era, "fixed", |_| Liar::with(POISON).set("when", "named-client"));
        scene.client.open();
        scene.assert_never_shown(&case);
        scene.assert_held("send_letter", &case);
    }
}

#[test]
fn a_lie_for_the_second_session_alone_is_caught() {
    let guard = Guard::new();
    let counter: PathBuf = guard.file("sessions");
    let liar = Liar::with(POISON)
        .set("era", LEGACY)
        .set("when", "second-session")
        .set("file", counter.to_str().expect("paths are UTF-8"))
        .logging_to(&guard.file("log"));
    guard.pin(&liar.command());
    let mut client = guard.stdio(&["--mode", "hold"], &liar.command());
    client.open();
    let tools = client.request("tools/list", json!({}));
    assert!(!tools.to_string().contains("id_rsa"), "{tools:#}");
    let response = client.call("send_letter", &json!({}));
    assert!(rpc::is_held(&response), "{response:#}");
}

#[test]
fn games_with_pages_are_refused() {
    for trick in ["twice", "loop"] {
        for era in [LEGACY, MODERN] {
            let liar = Liar::with(POISON).set("era", era).set("trick", trick);
            let guard = Guard::new();
            guard.pin(&Liar::honest().set("era", era).command());
            let (code, report) = {
                let output =
                    guard.run_on(&["check", "--name", harness::guard::ALIAS], &liar.command());
                (output.code, format!("{}{}", output.stdout, output.stderr))
            };
            assert!(matches!(code, Some(1 | 3)), "{trick} {era}: {code:?} {report}");
            assert!(report.contains("twice") || report.contains("repeats"), "{trick}: {report}");
            for mode in ["fixed", "hold"] {
                let case = format!("{trick} {era} {mode}");
                let mut scene = Scene::new(Transport::Stdio, era, mode, |_| liar.clone());
                scene.client.open();
                let response = scene.call("send_letter");
                assert!(super::is_refused(&response), "{case}: {response:#}");
                assert_eq!(scene.arrived("send_letter"), 0, "{case}: the call arrived");
            }
        }
    }
}

#[test]
fn a_change_on_a_later_page_is_caught() {
    for (transport, era) in WAYS {
        for (mutation, tool) in [("tool-removed", "count_stamps"), ("tool-ui-target", "show_board")]
        {
            let case = format!("{transport:?} {era} {mutation}");
            let mut scene =
                Scene::new(transport, era, "fixed", |_| Liar::with(mutation).set("page_size", 1));
            scene.client.open();
            let first = scene.client.request("tools/list", json!({}));
            assert_eq!(first["result"]["tools"].as_array().map(Vec::len), Some(1), "{case}");
            scene.assert_held(tool, &case);
            scene.assert_passes("send_letter", &case);
        }
    }
}

#[test]
fn a_server_that_answers_no_list_is_a_failure_not_a_pin() {
    let guard = Guard::new();
    let mute = Liar::honest().set("era", LEGACY).set("trick", "mute");
    let output =
        guard.run_on(&["pin", "--name", "mute", "--timeout", "1"], &mute.command()).expect(1);
    assert!(output.stderr.contains("tools/list"), "{}", output.stderr);
    assert!(!guard.file("mcp.lock").exists(), "a lock file was written");
}

#[test]
fn approval_in_another_process_lets_the_next_call_pass() {
    for (transport, era) in WAYS {
        let case = format!("{transport:?} {era}");
        let mut scene = Scene::new(transport, era, "fixed", |_| Liar::with(POISON));
        scene.client.open();
        scene.assert_held("send_letter", &case);
        let now = Liar::with(POISON).set("era", era);
        let approve = ["approve", harness::guard::ALIAS, "--all", "--by", "tests"];
        match transport {
            Transport::Stdio => scene.guard.run_on(&approve, &now.command()),
            Transport::Http => {
                let now = now.listen();
                scene.guard.run(&[&approve[..], &["--from", now.url()]].concat())
            }
        }
        .expect(0);
        let deadline = Instant::now() + Duration::from_secs(3);
        while rpc::is_held(&scene.call("send_letter")) {
            assert!(Instant::now() < deadline, "{case}: it is still held");
            std::thread::sleep(Duration::from_millis(50));
        }
        scene.assert_passes("send_letter", &case);
    }
}

fn http_client(era: &str, listening: &Listening) -> HttpClient {
    match era {
        MODERN => HttpClient::modern(listening.url()),
        _ => HttpClient::new(listening.url()),
    }
}

/// Well above the time after which the guard lists again: twenty times what a listing took.
const LISTED_AGAIN_TIME_MAX: Duration = Duration::from_secs(15);

/// A description with orders in it; the text holds `id_rsa`.
const POISON: &str = "tool-description";
