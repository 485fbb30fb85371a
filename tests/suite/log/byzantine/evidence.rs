//! Evidence that leaves something out.

use super::*;

/// The code of the check that fails.
fn failing(world: &World, bundle: &str, trust: &str) -> Option<String> {
    let file = world.write("bundle.json", bundle);
    let said = world.run(&["verify", &file, "--trust", trust, "--json"]);
    let holds = said.code == Some(0);
    let checks = said.json()["checks"].as_array().expect("checks").clone();
    let code = checks.iter().find(|check| check["holds"] == false);
    let code = code.map(|check| check["code"].as_str().expect("a code").to_owned());
    assert_eq!(holds, code.is_none(), "{}", said.stdout);
    code
}

#[test]
fn a_revocation_cannot_be_left_out_of_evidence() {
    let world = World::new();
    let trust = world.witnessed();
    let now_s = now_s();
    let mut log = world.fork(world.log.entries.len());
    let believed = log.entries.clone();
    let revoked = log.say(NAME, revocation("1.0.0"));
    log.state_rightly();
    let about = |size: u64, time_s: u64, believed: &[Vec<u8>], hidden: &[u64]| {
        let note = world.cosigned(&log, size, time_s);
        log.bundle(world.declared[0], (size, &note), believed, hidden, &world.publisher)
    };
    let (before, after) = (world.log.size(), log.size());
    let honest = about(before, now_s, &believed, &[]);
    assert_eq!(failing(&world, &honest, &trust), None);
    let good = world.write("good", &honest);
    let guard = world.pinned(&good, &trust);
    assert_eq!(world.held(&guard, &good, &trust), Vec::<String>::new());
    // The map says that there is one: the leaf is missing. The map of yesterday: it is not this one.
    let lies = [
        ("seal.latest", about(after, now_s, &log.entries, &[revoked])),
        ("seal.latest", about(after, now_s, &believed, &[])),
        ("seal.freshness", about(before, now_s - 4_000, &believed, &[])),
        ("seal.freshness", about(before, now_s + 4_000, &believed, &[])),
        ("seal.revocation", about(after, now_s, &log.entries, &[])),
    ];
    let held = |of: &str| match of {
        "seal.freshness" => "guard.log-stale",
        "seal.revocation" => "guard.log-revoked",
        _ => "guard.log-unproved",
    };
    for (code, lie) in &lies {
        assert_eq!(failing(&world, lie, &trust).as_deref(), Some(*code));
        let file = world.write("lie", lie);
        refused(world.pin(&Guard::new(), &file, &trust), "log.evidence");
        // A guard that has nothing better.
        let bare = Guard::new();
        bare.pin(&world.server());
        let why = world.held(&bare, &file, &trust);
        assert_eq!(why, [held(code)], "{code}");
    }
    // A guard that knows better goes by what it knows, and never forgets a revocation.
    let file = world.write("lie", &lies[0].1);
    assert_eq!(world.held(&guard, &file, &trust), Vec::<String>::new());
    let file = world.write("truth", &lies[4].1);
    assert_eq!(world.held(&guard, &file, &trust), ["guard.log-revoked"]);
    assert_eq!(world.held(&guard, &good, &trust), ["guard.log-revoked"]);
}

#[test]
fn evidence_that_a_log_does_not_give_is_missed() {
    let world = World::new();
    let served = Loopback::log(world.log.signed_files(world.log.size()));
    let guard = Guard::new();
    refused(world.pin(&guard, &served.log_url(), &world.trust()), "log.evidence");
    let path = format!("bundle/{}/1.0.0", NAME.replace('/', "%2F"));
    served.tamper(&path, Some(harness::lying_log::ENDLESS.to_vec()));
    refused(world.pin(&guard, &served.log_url(), &world.trust()), "log.too-long");
    // Another version's evidence, and evidence of another log, are none.
    let size = world.log.size();
    let bundle = |log: &LyingLog, declared| {
        log.bundle(declared, (size, &log.note(size)), &log.entries, &[], &world.publisher)
    };
    let entries = world.log.entries.clone();
    assert_eq!(entries.len(), usize::try_from(size).expect("small"));
    served.tamper(&path, Some(bundle(&world.log, world.declared[1]).into_bytes()));
    refused(world.pin(&guard, &served.log_url(), &world.trust()), "log.evidence");
    let mut other = world.fork(entries.len());
    other.origin = "other.test/log".to_owned();
    served.tamper(&path, Some(bundle(&other, world.declared[0]).into_bytes()));
    refused(world.pin(&guard, &served.log_url(), &world.trust()), "log.evidence");
    served.tamper(&path, Some(bundle(&world.log, world.declared[0]).into_bytes()));
    world.pin(&guard, &served.log_url(), &world.trust()).expect(0);
}

#[test]
fn evidence_of_something_else_than_was_published_is_refused() {
    let world = World::new();
    let note = world.log.note(world.log.size());
    let head = (world.log.size(), note.as_str());
    let of = |declared| world.log.bundle(declared, head, &world.log.entries, &[], &world.publisher);
    let (first, second) = (of(world.declared[0]), of(world.declared[1]));
    let publish = |evidence: &str, description: &str| {
        let evidence = evidence.to_owned();
        let liar = Loopback::answering(move |request| {
            let answer = match request.path.as_str() {
                "/v0.1/auth/dns" => json!({ "registry_token": "yes" }).to_string(),
                "/v0.1/countersign/publish" => {
                    json!({ "index": 0, "verdict": "allow", "findings": [] }).to_string()
                }
                _ => evidence.clone(),
            };
            harness::lying_log::Reply::Is(200, "application/json", answer.into_bytes())
        });
        let script = std::fs::read_to_string(world.published.scratch.join("server.py"));
        let script = script.expect("text").replace("Reads a file.", description);
        let script = world.write("mine.py", &script);
        let entry = json!({
            "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
            "name": NAME, "description": "Reads files.", "version": "1.0.0",
        });
        world.write("server.json", &entry.to_string());
        let (trust, key) = (world.trust(), world.published.scratch.join("publisher.pem"));
        let publish = ["publish", "--registry", &liar.url, "--trust", &trust, "--key", text(&key)];
        let python = paths::python("new", "python");
        let of = ["--dns", "example.com", "--", text(&python), &script];
        world.run(&[&publish[..], &of].concat())
    };
    refused(publish(&first, "Reads a file, and sends it."), "publish.evidence");
    refused(publish(&second, "Reads a file."), "publish.evidence");
    publish(&first, "Reads a file.").expect(0);
}

#[test]
fn a_registry_whose_changes_loop_ends_a_watch() {
    let page = json!({ "changes": [], "next": 5, "more": true }).to_string();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = std::sync::Arc::clone(&asked);
    let served = Loopback::answering(move |_| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        harness::lying_log::Reply::Is(200, "application/json", page.clone().into_bytes())
    });
    run(&["watch", &served.url, "--once", "--since", "0"]).expect(0);
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 2);
    let endless = Loopback::answering(|_| harness::lying_log::Reply::Endless);
    run(&["watch", &endless.url, "--once", "--since", "0"]).expect(1);
}
