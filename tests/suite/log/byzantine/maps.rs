//! A map that withholds what the log has.

use super::*;

/// The log with a revocation that its map does not know.
fn withholding(world: &World) -> (LyingLog, Vec<Vec<u8>>) {
    let mut log = world.fork(world.log.entries.len());
    let believed = log.entries.clone();
    log.say(NAME, revocation("1.0.0"));
    log.state(&believed);
    (log, believed)
}

#[test]
fn a_wrong_map_deceives_a_client_once_and_convicts_the_log_for_good() {
    let world = World::new();
    let (log, believed) = withholding(&world);
    let (size, note) = (log.size(), log.note(log.size()));
    // A client that asks for the latest state is lied to, and cannot know: the log signed the lie.
    let bundle = log.bundle(world.declared[0], (size, &note), &believed, &[], &world.publisher);
    let bundle = world.write("bundle", &bundle);
    world.run(&["verify", &bundle, "--trust", &world.trust()]).expect(0);
    // Anyone who reads the log can, and can show it to everyone.
    let served = Loopback::log(log.files(size, &note));
    refused(world.log_command("audit", &served.log_url(), &[]), "log.map");
    world.convicted();
    // Later maps that are right again mend nothing.
    let mut later = world.fork(0);
    later.entries.clone_from(&log.entries);
    later.say(NAME, revocation("1.1.0"));
    later.state_rightly();
    served.show(later.signed_files(later.size()));
    refused(world.log_command("audit", &served.log_url(), &[]), "log.map");
    world.convicted();
}

#[test]
fn a_map_leaf_that_is_missing_or_elsewhere_is_refused() {
    let world = World::new();
    // The first map of all is wrong; nothing stands before it.
    let mut first = world.fork(1);
    first.state(&[]);
    let served = Loopback::log(first.signed_files(first.size()));
    refused(world.log_command("audit", &served.log_url(), &[]), "log.map");
    world.convicted();
    // An old map leaf said again.
    let mut again = world.fork(world.log.entries.len());
    let old = again.entries.last().expect("a map leaf").clone();
    again.say(NAME, revocation("1.0.0"));
    again.entries.push(old);
    served.show(again.signed_files(again.size()));
    refused(world.log_command("audit", &served.log_url(), &[]), "log.map");
    world.convicted();
    // A checkpoint that does not end with one.
    let mut bare = world.fork(world.log.entries.len());
    bare.say(NAME, revocation("1.0.0"));
    served.show(bare.signed_files(bare.size()));
    refused(world.log_command("audit", &served.log_url(), &[]), "log.map");
}

#[test]
fn a_registry_that_admits_another_surface_for_a_version_is_convicted() {
    let world = World::new();
    let mut log = world.fork(world.log.entries.len());
    let first = &log.entries[usize::try_from(world.declared[0]).expect("small")];
    let first = seal::Envelope::parse(first).expect("a statement").statement().clone();
    let Predicate::Declaration(mut declared) = first.predicate else { panic!("{first:?}") };
    assert_eq!(declared.version, "1.0.0");
    let claim = declared.surface.as_mut().expect("a surface");
    claim.digests.exact = surface::Digest::of_bytes(b"another");
    claim.digests.semantic = surface::Digest::of_bytes(b"another, too");
    let index = log.say(NAME, Predicate::Declaration(declared));
    // So far it is an attempt, which a registry logs.
    let attempt = log.fork(&world.registry.data(), &log.entries);
    let leaf = tlog::Hash::of_leaf(&log.entries[log.entries.len() - 1]).0;
    log.say(
        NAME,
        Predicate::Countersignature(seal::statement::Countersignature {
            version: "1.0.0".to_owned(),
            declaration: index,
            leaf: surface::Digest::from_sha256(leaf),
            verdict: seal::statement::Verdict::Allow,
            findings: Vec::new(),
            namespace: "dns".to_owned(),
        }),
    );
    log.state_rightly();
    // A client that is shown only the second is deceived.
    let size = log.size();
    let note = log.note(size);
    let of = |at| log.bundle(at, (size, &note), &log.entries, &[], &world.publisher);
    let bundle = world.write("bundle", &of(index));
    world.run(&["verify", &bundle, "--trust", &world.trust()]).expect(0);
    let served = Loopback::log(log.files(size, &note));
    refused(world.log_command("audit", &served.log_url(), &[]), "log.reused");
    world.convicted();
    let mut attempt = attempt;
    attempt.state_rightly();
    served.show(attempt.signed_files(attempt.size()));
    world.log_command("audit", &served.log_url(), &[]).expect(0);
}

#[test]
fn honest_logs_are_convicted_by_nobody() {
    let world = World::new();
    let (log, believed) = withholding(&world);
    let served = Loopback::log(log.signed_files(log.size()));
    refused(world.log_command("audit", &served.log_url(), &[]), "log.map");
    let caught = std::fs::read_dir(world.scratch.join("caught")).expect("kept").next();
    let proof = std::fs::read_to_string(caught.expect("one").expect("it").path()).expect("text");
    // The same against the log that told the truth: what is signed no longer fits.
    let mut honest = world.fork(believed.len());
    honest.entries.push(log.entries[believed.len()].clone());
    honest.state_rightly();
    let framed: serde_json::Value = serde_json::from_str(&proof).expect("JSON");
    let mut framed = framed;
    framed["checkpoint"] = json!(honest.note(honest.size()));
    let framed = world.write("framed", &framed.to_string());
    let said =
        world.run(&["verify", &framed, "--trust", &world.trust(), "--json"]).expect(3).json();
    let checks = said["checks"].as_array().expect("checks").clone();
    let last = checks.last().expect("a check");
    assert_eq!((&last["code"], &last["holds"]), (&json!("seal.inclusion"), &json!(false)));
    // And it is no evidence about a server.
    let guard = Guard::new();
    refused(world.pin(&guard, &framed, &world.trust()), "log.evidence");
}
