//! Old checkpoints, times that are not now, and signatures that are not enough.

use super::*;

#[test]
fn a_log_that_is_back_dated_or_ahead_is_refused() {
    let world = World::new();
    let (size, trust) = (world.log.size(), world.witnessed());
    let served = Loopback::log(world.log.signed_files(size));
    let url = served.log_url();
    let commands: [&[&str]; 4] =
        [&["audit", &url], &["tail", &url], &["prove", &url, "0"], &["sync", &url, "copy"]];
    let all = |expected: Option<&str>| {
        for command in commands {
            let ended = world.run(&[&["log"], command, &["--trust", &trust]].concat());
            match expected {
                None => drop(ended.expect(0)),
                Some(code) => refused(ended, code),
            }
        }
    };
    let show = |checkpoint: String| served.tamper("checkpoint", Some(checkpoint.into_bytes()));
    let now_s = now_s();
    for (time_s, code) in [
        (now_s, None),
        (now_s - 3_500, None),
        (now_s - 3_700, Some("log.stale")),
        (now_s + 200, None),
        (now_s + 400, Some("log.stale")),
    ] {
        show(world.cosigned(&world.log, size, time_s));
        all(code);
    }
    // A copy is as old as it is.
    show(world.cosigned(&world.log, size, now_s - 3_700));
    let copy = world.file("copy");
    std::fs::write(world.scratch.join("copy/checkpoint"), world.cosigned(&world.log, size, 1))
        .expect("written");
    world.run(&["log", "audit", &copy, "--trust", &trust]).expect(0);
}

#[test]
fn a_checkpoint_without_every_signature_is_refused() {
    let world = World::new();
    let (size, trust) = (world.log.size(), world.witnessed());
    let head = world.log.head(size);
    let served = Loopback::log(world.log.signed_files(size));
    let now_s = now_s();
    let good = world.cosigned(&world.log, size, now_s);
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let without = |at: usize| {
        let kept = lines.iter().enumerate().filter(|(line, _)| *line != at);
        kept.map(|(_, line)| *line).collect::<String>()
    };
    let other = tlog::Checkpoint { size: size - 1, ..head.clone() };
    let root = tlog::Checkpoint { root: tlog::Hash([7; 32]), ..head.clone() };
    let signed = world.log.sign(&head);
    let stranger = harness::LyingWitness::new("witness.test/w", 42);
    let lies = [
        ("the log's Ed25519 signature", without(4)),
        ("the log's ML-DSA-44 signature", without(5)),
        ("the witness", signed.clone()),
        ("a stranger of its name", signed.clone() + &stranger.cosign(&head, now_s)),
        ("a cosignature of another size", signed.clone() + &world.witness.cosign(&other, now_s)),
        ("a cosignature of another root", signed.clone() + &world.witness.cosign(&root, now_s)),
        (
            "a right cosignature beside a wrong one",
            good.clone() + &world.witness.cosign(&root, now_s),
        ),
        ("another size", good.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size - 1), 1)),
        ("another name", good.replace(&world.log.origin, "registry.test/lag")),
        ("a carriage return", good.replace('\n', "\r\n")),
        ("an extension line", good.replacen("\n\n", "\nmore\n\n", 1)),
    ];
    let bundle = |note: &str| {
        let entries = &world.log.entries;
        world.log.bundle(world.declared[0], (size, note), entries, &[], &world.publisher)
    };
    let audit = ["log", "audit", &served.log_url(), "--trust", &trust].map(str::to_owned);
    let audit = || Program::countersign().args(&audit).run();
    for (what, lie) in lies {
        assert_ne!(lie, good, "{what}");
        served.tamper("checkpoint", Some(lie.clone().into_bytes()));
        refused(audit(), "log.checkpoint");
        let file = world.write("bundle.json", &bundle(&lie));
        let said = world.run(&["verify", &file, "--trust", &trust, "--json"]).expect(3).json();
        assert_eq!(said["checks"][0]["code"], "seal.checkpoint", "{what}");
        assert_eq!(said["checks"][0]["holds"], false, "{what}");
        refused(world.pin(&Guard::new(), &file, &trust), "log.evidence");
    }
    served.tamper("checkpoint", Some(good.clone().into_bytes()));
    audit().expect(0);
    let file = world.write("bundle.json", &bundle(&good));
    world.run(&["verify", &file, "--trust", &trust]).expect(0);
}
