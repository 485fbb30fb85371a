//! The server shows the change from its first answer on.

use std::collections::HashSet;

use harness::liar::{Mutation, View};
use harness::{Client, Guard, HttpClient, Liar, Scratch, StdioClient, rpc};
use serde_json::Value;

use crate::changes;

use super::{LEGACY, MODERN, is_refused, list_of, names_the_change, use_item};

#[test]
fn check_names_every_change() {
    let guard = pinned(LEGACY);
    each(Mutation::all(), |mutation| {
        let (code, report) = guard.check(&Liar::with(&mutation.name).set("era", LEGACY).command());
        assert_eq!(code, Some(3), "{report:#}");
        let changes = changes(&report);
        assert!(names_the_change(&changes, mutation), "no {}: {report:#}", mutation.code);
    });
}

#[test]
fn check_says_nothing_of_what_only_a_serialiser_changes() {
    let guard = pinned(LEGACY);
    each(Mutation::benign(), |mutation| {
        let (code, report) = guard.check(&Liar::with(&mutation.name).set("era", LEGACY).command());
        assert_eq!(code, Some(0), "{report:#}");
    });
}

#[test]
fn fixed_shows_a_legacy_client_the_pinned_surface_and_holds_what_drifted() {
    fixed(LEGACY);
}

#[test]
fn fixed_shows_a_modern_client_the_pinned_surface_and_holds_what_drifted() {
    fixed(MODERN);
}

#[test]
fn hold_withholds_from_a_legacy_client_what_drifted_and_nothing_else() {
    hold(LEGACY);
}

#[test]
fn hold_withholds_from_a_modern_client_what_drifted_and_nothing_else() {
    hold(MODERN);
}

#[test]
fn the_same_holds_over_http_for_a_change_of_each_kind() {
    let mut kinds = HashSet::new();
    let samples: Vec<Mutation> =
        Mutation::all().into_iter().filter(|one| kinds.insert(one.kind().to_owned())).collect();
    for era in [LEGACY, MODERN] {
        let guard = Guard::new();
        let honest = Liar::honest().set("era", era).listen();
        guard.pin_url(honest.url());
        let truth = View::of(&mut http_client(era, honest.url()));
        each(samples.clone(), |mutation| {
            let log = Scratch::new();
            let liar = Liar::with(&mutation.name).set("era", era).logging_to(&log.join("log"));
            let upstream = liar.listen();
            let listening = guard.listen(&["--mode", "fixed"], upstream.url());
            let mut client = http_client(era, listening.url());
            assert_same(&View::of(&mut client), &truth, mutation, &listening.stderr());
            if let Some(response) = use_item(&mut client, mutation) {
                assert!(rpc::is_held(&response), "it was not held: {response:#}");
                assert_eq!(arrived(&log, mutation), 0, "it arrived at the server");
            }
        });
    }
}

fn http_client(era: &str, url: &str) -> HttpClient {
    if era == MODERN { HttpClient::modern(url) } else { HttpClient::new(url) }
}

fn fixed(era: &str) {
    let guard = pinned(era);
    let truth = truth(&guard, era);
    each(Mutation::all(), |mutation| {
        let log = Scratch::new();
        let liar = Liar::with(&mutation.name).set("era", era).logging_to(&log.join("log"));
        let mut client = client(&guard, era, "fixed", &liar);
        let seen = View::of(&mut client);
        assert_same(&seen, &truth, mutation, &client.stderr());
        let severities: Vec<String> = changes(&guard.check(&liar.command()).1)
            .iter()
            .filter(|change| at_place(change, mutation))
            .map(|change| change["severity"].as_str().unwrap_or_default().to_owned())
            .collect();
        let is_held = severities.iter().any(|severity| severity != "info");
        assert_use(&mut client, mutation, is_held, &log);
    });
}

fn hold(era: &str) {
    let guard = pinned(era);
    let truth = truth(&guard, era);
    each(Mutation::all(), |mutation| {
        let log = Scratch::new();
        let liar = Liar::with(&mutation.name).set("era", era).logging_to(&log.join("log"));
        let mut client = client(&guard, era, "hold", &liar);
        let seen = View::of(&mut client);
        for (method, items) in &seen.lists {
            for item in items {
                assert!(truth.list(method).contains(item), "{method} shows {item:#}");
            }
            let withheld = truth.list(method).len() - items.len();
            let is_its_list = list_of(mutation.kind()).is_some_and(|(of, _)| of == *method);
            // A tool goes with the page that it shows.
            let may_withhold = is_its_list || (mutation.kind() == "ui" && *method == "tools/list");
            assert!(withheld <= usize::from(may_withhold), "{method} withholds {withheld} items");
        }
        assert!(is_part(&seen.opening, &truth.opening), "the opening: {:#}", seen.opening);
        if seen.ui["error"].is_null() {
            assert_eq!(seen.ui, truth.ui, "the ui:// body");
        }
        assert_use(&mut client, mutation, true, &log);
    });
}

#[test]
fn nothing_harmless_is_held_or_rewritten() {
    let guard = pinned(LEGACY);
    let truth = truth(&guard, LEGACY);
    for mode in ["fixed", "hold"] {
        each(Mutation::benign(), |mutation| {
            let liar = Liar::with(&mutation.name).set("era", LEGACY);
            let mut client = client(&guard, LEGACY, mode, &liar);
            let seen = View::of(&mut client);
            for (method, items) in &seen.lists {
                assert_eq!(items.len(), truth.list(method).len(), "{mode}: {method}");
            }
            for tool in ["send_letter", "search_notes", "show_board", "count_stamps"] {
                let response = client.call(tool, &serde_json::json!({}));
                assert_eq!(rpc::text_of(&response), format!("{tool} was called"), "{mode}");
            }
        });
    }
}

/// A guard whose pin is the truth.
fn pinned(era: &str) -> Guard {
    let guard = Guard::new();
    guard.pin(&Liar::honest().set("era", era).command());
    guard
}

/// What a client sees of the honest server, without a guard.
fn truth(guard: &Guard, era: &str) -> View {
    let mut command = Liar::honest().set("era", era).command().direct(guard.directory());
    View::of(&mut match era {
        MODERN => StdioClient::start_modern(&mut command),
        _ => StdioClient::start(&mut command),
    })
}

fn client(guard: &Guard, era: &str, mode: &str, liar: &Liar) -> StdioClient {
    match era {
        MODERN => guard.stdio_modern(&["--mode", mode], &liar.command()),
        _ => guard.stdio(&["--mode", mode], &liar.command()),
    }
}

/// A fixed client sees the pinned surface, less an item that is not there any more.
fn assert_same(seen: &View, truth: &View, mutation: &Mutation, stderr: &str) {
    assert_eq!(seen.opening, truth.opening, "the opening; stderr:\n{stderr}");
    for (method, items) in &truth.lists {
        let its = list_of(mutation.kind()).filter(|(of, _)| of == method && mutation.removes);
        let kept = |item: &&Value| its.is_none_or(|(_, key)| item[key] != mutation.item());
        let expected: Vec<Value> = items.iter().filter(kept).cloned().collect();
        assert_eq!(by_text(seen.list(method)), by_text(&expected), "{method}");
    }
    // To read a page is to use it: it is held when it drifted, when no tool leads to it any more,
    // and, like every use, when what the server says of itself drifted badly.
    let may_be_held =
        matches!(mutation.kind(), "ui" | "server") || mutation.name == "tool-ui-target";
    if !(may_be_held && rpc::is_held(&seen.ui)) {
        assert_eq!(seen.ui, truth.ui, "the ui:// body");
    }
}

/// Uses the changed item and an unchanged tool; the first only passes if it may.
fn assert_use(client: &mut StdioClient, mutation: &Mutation, is_held: bool, log: &Scratch) {
    let Some(response) = use_item(client, mutation) else { return };
    if is_held {
        assert!(is_refused(&response), "it was not held: {response:#}");
        let arrived = arrived(log, mutation);
        assert_eq!(arrived, 0, "it arrived at the server");
        if !mutation.adds {
            assert!(rpc::is_held(&response), "it was refused, but not held: {response:#}");
            let reasons = |event: &Value| event["reasons"].as_array().cloned().unwrap_or_default();
            client.event(|event| {
                event["verdict"] == "hold"
                    && event["item"] == mutation.place
                    && reasons(event).iter().any(|reason| reason["code"] == mutation.code)
            });
        }
    } else {
        assert!(!is_refused(&response), "it was held for an info: {response:#}");
    }
    let other = if mutation.item() == "search_notes" { "show_board" } else { "search_notes" };
    let response = client.call(other, &serde_json::json!({}));
    assert_eq!(rpc::text_of(&response), format!("{other} was called"), "an unchanged tool");
}

/// How many requests that use the item by its name reached the server. A `ui://` body is read by
/// the guard itself, so that reads of it prove nothing.
fn arrived(log: &Scratch, mutation: &Mutation) -> usize {
    let method = match mutation.kind() {
        "tools" => "tools/call",
        "prompts" => "prompts/get",
        "resources" => "resources/read",
        _ => return 0,
    };
    let text = std::fs::read_to_string(log.join("log")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|entry| entry["method"] == method && entry["name"] == mutation.item())
        .count()
}

/// Whether `value` says nothing that `whole` does not say.
fn is_part(value: &Value, whole: &Value) -> bool {
    match (value, whole) {
        (Value::Object(members), Value::Object(whole)) => members
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|whole| is_part(value, whole))),
        _ => value == whole,
    }
}

fn at_place(change: &Value, mutation: &Mutation) -> bool {
    change["place"].as_str().is_some_and(|place| place.starts_with(mutation.place.as_str()))
}

fn by_text(items: &[Value]) -> Vec<String> {
    let text = |item| String::from_utf8(surface::canonical::to_vec(item)).expect("text");
    let mut texts: Vec<String> = items.iter().map(text).collect();
    texts.sort();
    texts
}

/// Runs `test` for each mutation, on two threads, and fails with every mutation that failed.
fn each(mutations: Vec<Mutation>, test: impl Fn(&Mutation) + Sync) {
    let failures = std::sync::Mutex::new(Vec::new());
    let queue = std::sync::Mutex::new(mutations.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("the queue is not poisoned").next();
                    let Some(mutation) = next else { break };
                    let run = std::panic::AssertUnwindSafe(|| test(&mutation));
                    if let Err(cause) = std::panic::catch_unwind(run) {
                        let text = cause.downcast_ref::<String>().cloned();
                        let text =
                            text.or_else(|| cause.downcast_ref::<&str>().map(|s| (*s).to_owned()));
                        let mut failures = failures.lock().expect("the list is not poisoned");
                        failures.push(format!("{}: {}", mutation.name, text.unwrap_or_default()));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("the list is not poisoned");
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n\n"));
}
