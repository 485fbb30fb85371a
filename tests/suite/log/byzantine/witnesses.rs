//! A registry before witnesses that lie.

use std::time::Instant;

use harness::lying_log::{Reply, Request};
use tlog::Checkpoint;
use tlog::witness::AddCheckpoint;

use super::*;

/// How a witness lies, and how often it did.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lie {
    OtherRoot,
    OtherSize,
    Old,
    Ahead,
    Nonsense,
    Boast,
    Page,
    Endless,
    Silent,
    None,
}

fn answer(lie: Lie, witness: &LyingWitness, request: &Request) -> Reply {
    // It claims to hold nothing, so that the registry opens its log.
    if !request.path.ends_with("/add-checkpoint") {
        return Reply::Is(404, "text/plain", Vec::new());
    }
    let asked = AddCheckpoint::parse(&request.body).expect("the registry asks as is specified");
    let head = asked.claimed().expect("a checkpoint");
    let now_s = now_s();
    let line = match lie {
        Lie::OtherRoot => witness.cosign(&Checkpoint { root: tlog::Hash([9; 32]), ..head }, now_s),
        Lie::OtherSize => witness.cosign(&Checkpoint { size: head.size + 1, ..head }, now_s),
        Lie::Old => witness.cosign(&head, now_s - 4_000),
        Lie::Ahead => witness.cosign(&head, now_s + 4_000),
        Lie::Nonsense => return Reply::Is(409, "text/x.tlog.size", b"seven\n".to_vec()),
        Lie::Boast => return Reply::Is(409, "text/x.tlog.size", b"4294967296\n".to_vec()),
        Lie::Page => return Reply::Is(200, "text/html", b"<h1>Welcome</h1>\n".to_vec()),
        Lie::Endless => return Reply::Endless,
        Lie::Silent => return Reply::Silence,
        Lie::None => witness.cosign(&head, now_s),
    };
    Reply::Is(200, "text/plain", line.into_bytes())
}

#[test]
fn a_registry_publishes_nothing_that_a_lying_witness_cosigned() {
    let lies = [
        Lie::OtherRoot,
        Lie::OtherSize,
        Lie::Old,
        Lie::Ahead,
        Lie::Nonsense,
        Lie::Boast,
        Lie::Page,
        Lie::Endless,
        Lie::Silent,
    ];
    // One registry for each lie, at once: a registry is patient with a witness that failed.
    std::thread::scope(|scope| {
        for lie in lies {
            scope.spawn(move || refuses(lie));
        }
    });
}

fn refuses(lie: Lie) {
    let witness = LyingWitness::new("witness.test/w", 43);
    let verifier = witness.verifier();
    let manner = Arc::new(Mutex::new((lie, 0_u32)));
    let state = Arc::clone(&manner);
    let served = Loopback::answering(move |request| {
        let lie = {
            let mut state = state.lock().expect("nobody panics with it");
            state.1 += u32::from(request.path.ends_with("/add-checkpoint"));
            state.0
        };
        answer(lie, &witness, request)
    });
    let scratch = Scratch::new();
    let policy = format!("witness w {verifier} {}/\nquorum w\n", served.url);
    let path = scratch.join("policy");
    std::fs::write(&path, policy).expect("written");
    let registry = Registry::start_with(&["--policy", text(&path)]);
    let asked = || manner.lock().expect("nobody panics with it").1;
    let checkpoint = || {
        let url = format!("{}/log/checkpoint", registry.url);
        Program::at("curl").args(["-s", "-f", &url]).run()
    };
    // Every lie was told, and told again where it ends at all.
    let times = if matches!(lie, Lie::Silent) { 1 } else { 2 };
    let deadline = Instant::now() + Duration::from_secs(30);
    while asked() < times {
        assert!(Instant::now() < deadline, "{lie:?}: the witness is not asked");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_ne!(checkpoint().code, Some(0), "{lie:?}");
    // Nothing of it is forgotten when the witness comes to its senses.
    manner.lock().expect("nobody panics with it").0 = Lie::None;
    let note = loop {
        let shown = checkpoint();
        if shown.code == Some(0) {
            break shown.stdout;
        }
        assert!(Instant::now() < deadline, "{lie:?}: nothing is published");
        std::thread::sleep(Duration::from_millis(50));
    };
    let trust = std::fs::read_to_string(registry.trust()).expect("trust roots");
    let trust = seal::Trust::parse(&trust).expect("trust roots");
    let opened = trust.policy.open(note.as_bytes(), &seal::Crypto).expect("a quorum");
    trust.freshness(opened.time_s(), now_s()).expect("fresh");
}
