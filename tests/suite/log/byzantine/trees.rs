//! Forks, rollbacks, and two trees for two clients.

use harness::{Program, Witness};
use tlog::witness::AddCheckpoint;

use super::*;

/// The tree of somebody who was never told about the second version.
fn other_tree(world: &World, size: u64) -> LyingLog {
    let mut other = world.fork(usize::try_from(world.declared[1]).expect("small"));
    while other.size() + 1 < size {
        other.say(NAME, revocation(&format!("0.0.{}", other.size())));
    }
    other.state_rightly();
    other
}

#[test]
fn a_log_that_forks_is_refused_and_convicted() {
    let world = World::new();
    let size = world.log.size();
    let served = Loopback::log(world.log.signed_files(size));
    let (url, copy) = (served.log_url(), world.file("copy"));
    let since = world.file("since");
    world.log_command("audit", &url, &["--since", &since]).expect(0);
    world.log_command("sync", &url, &[&copy]).expect(0);
    let seen = std::fs::read(&since).expect("the audit keeps its checkpoint");
    // What was promised to whoever published 1.1.0 is no longer there.
    let promise = world.log.entries[usize::try_from(world.declared[1]).expect("small")].clone();
    for other in [other_tree(&world, size), other_tree(&world, size + 300)] {
        assert!(!other.entries.contains(&promise), "the lie");
        served.show(other.signed_files(other.size()));
        world.log_command("audit", &url, &[]).expect(0);
        refused(world.log_command("audit", &url, &["--since", &since]), "log.forked");
        world.convicted();
        refused(world.log_command("sync", &url, &[&copy]), "log.forked");
        world.convicted();
    }
    assert_eq!(std::fs::read(&since).expect("there"), seen, "what convicts is not written over");
    world.log_command("audit", &copy, &["--since", &since]).expect(0);
}

#[test]
fn a_log_that_rolls_back_is_refused() {
    let world = World::new();
    let size = world.log.size();
    let served = Loopback::log(world.log.signed_files(size));
    let (url, copy, since) = (served.log_url(), world.file("copy"), world.file("since"));
    world.log_command("audit", &url, &["--since", &since]).expect(0);
    world.log_command("sync", &url, &[&copy]).expect(0);
    let older = world.declared[0] + 3;
    served.show(world.log.signed_files(older));
    refused(world.log_command("audit", &url, &["--since", &since]), "log.forked");
    refused(world.log_command("sync", &url, &[&copy]), "log.forked");
    // In session, too: the next look is shown less than the last.
    served.show(world.log.signed_files(size));
    std::thread::scope(|scope| {
        let tail = scope.spawn(|| world.log_command("tail", &url, &["--follow"]));
        std::thread::sleep(Duration::from_secs(1));
        served.show(world.log.signed_files(older));
        let ended = tail.join().expect("it ends");
        assert!(ended.stdout.contains("declaration"), "{}", ended.stdout);
        refused(ended, "log.forked");
    });
}

#[test]
fn a_guard_that_is_shown_another_tree_holds_and_keeps_the_proof() {
    let world = World::new();
    let (size, trust) = (world.log.size(), world.witnessed());
    // Every witness helps the log.
    let show = |log: &LyingLog| {
        let note = world.cosigned(log, log.size(), now_s());
        let head = (log.size(), note.as_str());
        let bundle = log.bundle(world.declared[0], head, &log.entries, &[], &world.publisher);
        let path = format!("bundle/{}/1.0.0", NAME.replace('/', "%2F"));
        let mut files = log.files(log.size(), &note);
        files.insert(path, bundle.into_bytes());
        files
    };
    let served = Loopback::log(show(&world.log));
    let url = served.log_url();
    let guard = world.pinned(&url, &trust);
    let proofs = || -> Vec<PathBuf> {
        let folder = guard.file("cache").join("countersign/log");
        let all = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        all.map(|it| it.path()).filter(|it| text(it).contains("fraud-")).collect()
    };
    assert_eq!(world.held(&guard, &url, &trust), Vec::<String>::new());
    let mut grown = world.fork(world.log.entries.len());
    grown.say(NAME, revocation("1.1.0"));
    grown.state_rightly();
    for other in [other_tree(&world, size), other_tree(&world, size + 5)] {
        served.show(show(&other));
        world.run(&["log", "audit", &url, "--trust", &trust]).expect(0);
        assert_eq!(world.held(&guard, &url, &trust), ["guard.log-forked"]);
        let [proof] = proofs().try_into().expect("one proof");
        world.run(&["verify", text(&proof), "--trust", &world.trust()]).expect(0);
        std::fs::remove_file(proof).expect("removed");
        // Tiles that are withheld prove nothing, and nothing is taken on their word.
        served
            .show(show(&other).into_iter().filter(|(path, _)| !path.starts_with("tile")).collect());
        assert_eq!(world.held(&guard, &url, &trust), Vec::<String>::new(), "by what it had");
        served.show(show(&world.log));
        assert_eq!(world.held(&guard, &url, &trust), Vec::<String>::new());
    }
    served.show(show(&grown));
    assert_eq!(world.held(&guard, &url, &trust), Vec::<String>::new(), "it only grew");
    assert_eq!(proofs(), Vec::<PathBuf>::new());
}

#[test]
fn two_clients_that_are_shown_two_trees_find_out() {
    let world = World::new();
    let (size, other) = (world.log.size(), other_tree(&world, world.log.size() + 1));
    let (alice, bob) = (world.file("alice"), world.file("bob"));
    for (log, copy) in [(&world.log, &alice), (&other, &bob)] {
        let served = Loopback::log(log.signed_files(log.size()));
        world.log_command("sync", &served.log_url(), &[copy]).expect(0);
    }
    // Either compares what it has with the checkpoint that the other has.
    let checkpoint = |copy: &str| format!("{copy}/checkpoint");
    let hers = std::fs::read(checkpoint(&alice)).expect("a checkpoint");
    refused(world.log_command("audit", &bob, &["--since", &checkpoint(&alice)]), "log.forked");
    world.convicted();
    assert_eq!(std::fs::read(checkpoint(&alice)).expect("there"), hers);
    // And no witness cosigns both.
    let witness = Witness::serving(&world.registry.trust());
    let add = |old_size: u64, log: &LyingLog, from: &LyingLog| {
        let proof = from.consistency(old_size, from.size());
        let (path, checkpoint) = (world.file("request"), log.note(log.size()));
        std::fs::write(&path, AddCheckpoint { old_size, proof, checkpoint }.to_string())
            .expect("written");
        let asked = Program::at("curl")
            .args(["-s", "-w", "%{http_code}", "--data-binary", &format!("@{path}")])
            .arg(format!("{}add-checkpoint", witness.url()))
            .run();
        let (body, status) = asked.stdout.split_at(asked.stdout.len() - 3);
        (status.parse::<u16>().expect("a status"), body.to_owned())
    };
    assert_eq!(add(0, &world.log, &world.log).0, 200);
    assert_eq!(add(0, &other, &other), (409, format!("{size}\n")), "as if there was nothing");
    assert_eq!(add(size, &other, &other).0, 422, "with the proof of the other tree");
    let mut next = world.fork(world.log.entries.len());
    next.say(NAME, revocation("1.0.0"));
    next.state_rightly();
    assert_eq!(add(size, &next, &next).0, 200, "the tree that it holds goes on");
}
