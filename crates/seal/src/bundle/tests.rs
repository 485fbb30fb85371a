#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod world;

use world::{NOW_S, World, publisher, registry};

use super::*;
use crate::key::PrivateKey;
use crate::limits;
use crate::statement::tests::{declaration, digest, key};
use crate::statement::{
    Approval, Countersignature, Revocation, Rotation, Status, Verdict, status_name,
};

/// The code of the check that failed, and what it says.
fn failed(outcome: &Outcome) -> (&'static str, &str) {
    assert_eq!(outcome.verified, None);
    let failed: Vec<_> = outcome.checks.iter().filter(|check| !check.holds).collect();
    assert_eq!(failed.len(), 1, "{:#?}", outcome.checks);
    (failed[0].code, &failed[0].says)
}

fn revoke(of: Revoked) -> Predicate {
    Predicate::Revocation(Revocation { of, reason: "stolen".to_owned() })
}

fn status(version: Option<&str>, status: &str) -> Predicate {
    let (version, status) = (version.map(str::to_owned), status.to_owned());
    Predicate::Status(Status { version, status, message: "moved".to_owned() })
}

#[test]
fn a_bundle_verifies_and_reads_back() {
    let world = World::declared();
    let bundle = world.bundle();
    let outcome = bundle.verify(&world.trust(), NOW_S);
    assert!(outcome.checks.iter().all(|check| check.holds), "{:#?}", outcome.checks);
    let codes: Vec<_> = outcome.checks.iter().map(|check| check.code).collect();
    let all: Vec<_> = CHECKS.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, all);
    let verified = outcome.verified.unwrap();
    assert_eq!(
        (verified.server.as_str(), verified.version.as_str()),
        ("io.github.acme/files", "1.4.0")
    );
    assert_eq!(verified.surface.unwrap().exact, digest("exact"));
    assert_eq!(verified.time_s, Some(NOW_S - 60));
    assert_eq!(verified.size, world.size());
    let json = bundle.to_json();
    assert_eq!(Bundle::parse(json.as_bytes()).unwrap(), bundle);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(surface::canonical::to_vec(&value), json.as_bytes());
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(Bundle::parse(pretty.as_bytes()).unwrap(), bundle, "in any formatting");
}

#[test]
fn every_part_of_the_evidence_counts() {
    let world = World::declared();
    let trust = world.trust();
    let bundle = world.bundle();
    let verify = |edit: &dyn Fn(&mut Bundle)| {
        let mut bundle = bundle.clone();
        edit(&mut bundle);
        let outcome = bundle.verify(&trust, NOW_S);
        failed(&outcome).0
    };
    let flip = |hash: &mut tlog::Hash| hash.0[7] ^= 1;
    assert_eq!(
        verify(&|b| b.checkpoint = b.checkpoint.replace("log.example", "log.exampl")),
        "seal.checkpoint"
    );
    assert_eq!(verify(&|b| b.checkpoint.truncate(b.checkpoint.len() - 1)), "seal.checkpoint");
    assert_eq!(verify(&|b| flip(&mut b.leaves[0].hashes[0])), "seal.inclusion");
    assert_eq!(verify(&|b| b.leaves[1].index += 1), "seal.inclusion");
    assert_eq!(verify(&|b| b.leaves[1].hashes.truncate(1)), "seal.inclusion");
    assert_eq!(verify(&|b| b.keys.clear()), "seal.signatures");
    assert_eq!(verify(&|b| drop(b.leaves.remove(0))), "seal.declaration");
    assert_eq!(verify(&|b| b.latest = None), "seal.latest");
    assert_eq!(verify(&|b| flip(&mut b.latest.as_mut().unwrap().hashes[0])), "seal.latest");
    assert_eq!(verify(&|b| b.latest.as_mut().unwrap().map_leaf.covers -= 1), "seal.latest");
    assert_eq!(verify(&|b| flip(&mut b.latest.as_mut().unwrap().map_leaf.root)), "seal.latest");
    for index in 0..bundle.latest.as_ref().unwrap().paths.len() {
        assert_eq!(
            verify(&|b| drop(b.latest.as_mut().unwrap().paths.remove(index))),
            "seal.latest"
        );
    }
}

#[test]
fn a_later_declaration_is_only_what_is_newest_of_the_server() {
    let mut world = World::declared();
    let next = crate::statement::Declaration { version: "1.5.0".to_owned(), ..declaration() };
    world.say(Predicate::Declaration(next), &[&publisher()]);
    let bundle = world.bundle();
    let verified = bundle.verify(&world.trust(), NOW_S).verified.expect("the first is proved");
    assert_eq!((verified.version.as_str(), verified.latest), ("1.4.0", 2));
    // Alone it is not admitted, whatever was admitted before.
    let mut alone = bundle;
    alone.leaves.remove(0);
    assert_eq!(alone.verify(&world.trust(), NOW_S).verified, None);
}

#[test]
fn without_its_countersignature_nothing_is_verified() {
    let world = World::declared();
    let mut bundle = world.bundle();
    bundle.leaves.remove(1);
    let outcome = bundle.verify(&world.trust(), NOW_S);
    let codes: Vec<_> = outcome.checks.iter().filter(|c| !c.holds).map(|c| c.code).collect();
    assert_eq!(codes, ["seal.publisher", "seal.countersignature"]);
    // One that names another leaf, another index or another version does not count.
    let edits: [fn(&mut Countersignature); 3] = [
        |it| it.leaf = digest("another"),
        |it| it.declaration += 1,
        |it| it.version = "1.4.1".to_owned(),
    ];
    for edit in edits {
        let mut world = World::new();
        world.say(Predicate::Declaration(declaration()), &[&publisher()]);
        let mut it = world.admission(0, Verdict::Allow);
        edit(&mut it);
        world.say(Predicate::Countersignature(it), &[&registry()]);
        let outcome = world.bundle().verify(&world.trust(), NOW_S);
        assert!(outcome.checks.iter().any(|c| c.code == "seal.countersignature" && !c.holds));
    }
    // Nor does one that somebody else signed.
    let mut world = World::new();
    world.say(Predicate::Declaration(declaration()), &[&publisher()]);
    let admission = world.admission(0, Verdict::Allow);
    world.say(Predicate::Countersignature(admission), &[&key(7)]);
    let outcome = world.bundle().verify(&world.trust(), NOW_S);
    assert!(outcome.checks.iter().any(|c| c.code == "seal.countersignature" && !c.holds));
}

#[test]
fn what_was_held_needs_an_approval_and_what_was_refused_has_none() {
    let admitted = |verdict, approval: Option<(&PrivateKey, u64)>| {
        let mut world = World::new();
        world.say(Predicate::Declaration(declaration()), &[&publisher()]);
        let admission = world.admission(0, verdict);
        world.say(Predicate::Countersignature(admission), &[&registry()]);
        if let Some((key, held)) = approval {
            let by = "ops@registry.example".to_owned();
            let (of, reason) = (digest("exact"), String::new());
            world.say(Predicate::Approval(Approval { of, held: Some(held), by, reason }), &[key]);
        }
        let outcome = world.bundle().verify(&world.trust(), NOW_S);
        outcome.checks.iter().find(|c| c.code == "seal.countersignature").unwrap().holds
    };
    assert!(!admitted(Verdict::Hold, None));
    assert!(admitted(Verdict::Hold, Some((&registry(), 1))));
    assert!(!admitted(Verdict::Hold, Some((&registry(), 0))), "of something else");
    assert!(!admitted(Verdict::Hold, Some((&publisher(), 1))), "by the publisher");
    assert!(!admitted(Verdict::Deny, Some((&registry(), 1))));
}

#[test]
fn a_revocation_undoes_whatever_it_names() {
    let version = || Revoked::Version { version: "1.4.0".to_owned() };
    let surface = || Revoked::Surface { exact: digest("exact") };
    let of_key = |since| Revoked::Key { key: publisher().public().id(), since };
    for (of, signer) in [
        (version(), publisher()),
        (version(), registry()),
        (surface(), publisher()),
        (surface(), registry()),
    ] {
        let mut world = World::declared();
        world.say(revoke(of), &[&signer]);
        let outcome = world.bundle().verify(&world.trust(), NOW_S);
        let (code, says) = failed(&outcome);
        assert_eq!(code, "seal.revocation");
        assert!(says.contains("stolen"), "{says}");
    }
    let mut world = World::declared();
    world.say(revoke(of_key(0)), &[&registry()]);
    let outcome = world.bundle().verify(&world.trust(), NOW_S);
    let codes: Vec<_> = outcome.checks.iter().filter(|c| !c.holds).map(|c| c.code).collect();
    assert_eq!(codes, ["seal.publisher", "seal.revocation"]);
    // A key revoked from later on: what it signed before stands.
    let mut world = World::declared();
    world.say(revoke(of_key(1)), &[&publisher()]);
    assert!(world.bundle().verify(&world.trust(), NOW_S).verified.is_some());
}

#[test]
fn a_withheld_revocation_is_missed() {
    let mut world = World::declared();
    let before = world.bundle();
    world.say(revoke(Revoked::Version { version: "1.4.0".to_owned() }), &[&registry()]);
    let after = world.bundle();
    // The old leaves and the old map under the new checkpoint.
    let mut mixed = before.clone();
    mixed.checkpoint = after.checkpoint.clone();
    assert_eq!(failed(&mixed.verify(&world.trust(), NOW_S)).0, "seal.inclusion");
    // The new map, but not the leaf that it names.
    let mut withheld = after.clone();
    withheld.leaves.retain(|leaf| leaf.index != 2);
    assert_eq!(failed(&withheld.verify(&world.trust(), NOW_S)).0, "seal.latest");
    // The old bundle whole: only its age tells.
    let late = NOW_S + limits::FRESHNESS_S;
    assert_eq!(failed(&before.verify(&world.trust(), late)).0, "seal.freshness");
}

#[test]
fn an_unauthorised_revocation_hides_nothing() {
    let mut world = World::declared();
    world.say(revoke(Revoked::Version { version: "1.4.0".to_owned() }), &[&registry()]);
    world.say(revoke(Revoked::Version { version: "1.4.0".to_owned() }), &[&key(7)]);
    let outcome = world.bundle().verify(&world.trust(), NOW_S);
    let (code, says) = failed(&outcome);
    assert_eq!(code, "seal.revocation");
    assert!(says.contains("nobody"), "{says}");
}

#[test]
fn the_newer_of_two_statuses_holds() {
    let verify = |said: &[(Option<&str>, &str)], signer: &PrivateKey| {
        let mut world = World::declared();
        for (version, is) in said {
            world.say(status(*version, is), &[signer]);
        }
        world.bundle().verify(&world.trust(), NOW_S)
    };
    for said in [
        &[(Some("1.4.0"), "deleted")][..],
        &[(None, "deleted")],
        &[(Some("1.4.0"), "active"), (None, "deleted")],
    ] {
        assert_eq!(failed(&verify(said, &registry())).0, "seal.status");
    }
    for said in
        [&[(Some("1.4.0"), "deprecated")][..], &[(None, "deleted"), (Some("1.4.0"), "active")]]
    {
        assert!(verify(said, &publisher()).verified.is_some());
    }
    assert_eq!(failed(&verify(&[(None, "active")], &key(7))).0, "seal.status");
}

#[test]
fn a_publisher_that_rotated_still_verifies_and_its_old_key_says_nothing_more() {
    let (old, new) = (publisher(), key(2));
    let rotation = || Rotation { from: old.public().id(), to: new.public().to_string() };
    let mut world = World::declared();
    world.say(Predicate::Rotation(rotation()), &[&old, &new]);
    assert!(world.bundle().verify(&world.trust(), NOW_S).verified.is_some(), "declared before");
    let declare_by = |signer: &PrivateKey| {
        let mut world = World::new();
        world.say(Predicate::Rotation(rotation()), &[&old, &new]);
        world.say(Predicate::Declaration(declaration()), &[signer]);
        let admission = world.admission(1, Verdict::Allow);
        world.say(Predicate::Countersignature(admission), &[&registry()]);
        let mut trust = world.trust();
        trust.publishers = vec![("io.github.acme/*".to_owned(), old.public().clone())];
        world.bundle().verify(&trust, NOW_S)
    };
    assert!(declare_by(&new).verified.is_some(), "the new key speaks for the old one");
    assert!(declare_by(&old).verified.is_none(), "the old key says nothing more");
}

#[test]
fn a_publisher_that_is_known_beforehand_binds() {
    let world = World::declared();
    let mut trust = world.trust();
    trust.publishers = vec![("io.github.acme/*".to_owned(), publisher().public().clone())];
    assert!(world.bundle().verify(&trust, NOW_S).verified.is_some());
    trust.publishers[0].1 = key(7).public().clone();
    assert_eq!(failed(&world.bundle().verify(&trust, NOW_S)).0, "seal.publisher");
    trust.publishers[0].0 = "io.github.acm/*".to_owned();
    assert!(world.bundle().verify(&trust, NOW_S).verified.is_some(), "of another namespace");
}

#[test]
fn freshness_is_what_witnesses_vouch_for() {
    let world = World::declared();
    let (bundle, mut trust) = (world.bundle(), world.trust());
    let at = |trust: &Trust, now_s| bundle.verify(trust, now_s);
    let made = NOW_S - 60;
    assert!(at(&trust, made + trust.freshness_s_max).verified.is_some());
    assert_eq!(failed(&at(&trust, made + trust.freshness_s_max + 1)).0, "seal.freshness");
    assert!(at(&trust, made - limits::CLOCK_SKEW_S).verified.is_some());
    assert_eq!(failed(&at(&trust, made - limits::CLOCK_SKEW_S - 1)).0, "seal.freshness");
    trust.freshness_s_max = u64::MAX;
    assert!(at(&trust, made + (1 << 40)).verified.is_some());
    // Without witnesses nobody vouches for an age.
    let mut alone = world.trust();
    alone.policy = tlog::Policy::of_log(alone.policy.logs().to_vec());
    assert_eq!(failed(&at(&alone, NOW_S)).0, "seal.freshness");
    alone.freshness_s_max = u64::MAX;
    assert!(at(&alone, NOW_S).verified.is_some());
}

#[test]
fn a_checkpoint_without_a_quorum_is_refused() {
    let world = World::declared();
    let mut bundle = world.bundle();
    let lines: Vec<_> = bundle.checkpoint.lines().map(str::to_owned).collect();
    bundle.checkpoint = format!("{}\n", lines[..lines.len() - 1].join("\n"));
    assert_eq!(failed(&bundle.verify(&world.trust(), NOW_S)).0, "seal.checkpoint");
}

#[test]
fn the_names_that_could_undo_a_declaration_are_listed() {
    let world = World::declared();
    let envelopes: Vec<_> = world.bundle().leaves.into_iter().map(|leaf| leaf.envelope).collect();
    let names = names(&envelopes[0], &[&envelopes[1]]);
    let (publisher, registry) = (publisher().public().id(), registry().public().id());
    let server = "io.github.acme/files";
    for name in [
        server.to_owned(),
        status_name(server, None),
        status_name(server, Some("1.4.0")),
        format!("{server} revoked version 1.4.0"),
        format!("{server} revoked surface {}", digest("exact")),
        format!("revoked key {publisher}"),
        format!("rotated key {publisher}"),
        format!("revoked key {registry}"),
        format!("rotated key {registry}"),
    ] {
        assert!(names.contains(&name), "{name}");
    }
    assert_eq!(names.len(), 9);
}

#[test]
fn bytes_that_are_no_bundle_are_refused() {
    let json = World::declared().bundle().to_json();
    let edited = |edit: &dyn Fn(&mut serde_json::Value)| {
        let mut value = serde_json::from_str(&json).unwrap();
        edit(&mut value);
        Bundle::parse(value.to_string().as_bytes()).unwrap_err().code()
    };
    let list = |element: &serde_json::Value, count| vec![element.clone(); count];
    assert_eq!(edited(&|v| v["more"] = 1.into()), "seal.bundle-malformed");
    assert_eq!(edited(&|v| v["mediaType"] = "application/json".into()), "seal.bundle-malformed");
    assert_eq!(edited(&|v| v["leaves"][0]["more"] = 1.into()), "seal.bundle-malformed");
    assert_eq!(edited(&|v| v["leaves"][0]["index"] = (-1).into()), "seal.bundle-malformed");
    assert_eq!(
        edited(&|v| v["leaves"].as_array_mut().unwrap().swap(0, 1)),
        "seal.bundle-malformed"
    );
    assert_eq!(edited(&|v| v["leaves"][0]["hashes"][0] = "AA==".into()), "seal.bundle-malformed");
    assert_eq!(edited(&|v| v["keys"][0] = "AA==".into()), "seal.key-malformed");
    assert_eq!(edited(&|v| v["keys"] = list(&v["keys"][0], 33).into()), "seal.bundle-malformed");
    assert_eq!(
        edited(&|v| v["leaves"] = list(&v["leaves"][0], 33).into()),
        "seal.bundle-malformed"
    );
    let hash = serde_json::json!("A".repeat(43) + "=");
    assert_eq!(
        edited(&|v| v["latest"]["hashes"] = list(&hash, 64).into()),
        "seal.bundle-malformed"
    );
    assert_eq!(edited(&|v| v["latest"]["mapLeaf"] = "AA==".into()), "seal.bundle-malformed");
    assert_eq!(
        edited(&|v| v["latest"]["paths"][0]["proof"] = "AA==".into()),
        "seal.bundle-malformed"
    );
    let path = |v: &serde_json::Value| v["latest"]["paths"][0].clone();
    assert_eq!(
        edited(&|v| v["latest"]["paths"] = list(&path(v), 65).into()),
        "seal.bundle-malformed"
    );
    assert_eq!(
        edited(&|v| v["leaves"][0]["envelope"]["payloadType"] = "x".into()),
        "seal.envelope-payload-type"
    );
    let long = format!("{json}{}", " ".repeat(limits::BUNDLE_BYTES_MAX));
    assert_eq!(Bundle::parse(long.as_bytes()).unwrap_err().code(), "seal.bundle-json");
    let at_the_limit = format!("{json}{}", " ".repeat(limits::BUNDLE_BYTES_MAX - json.len()));
    assert!(Bundle::parse(at_the_limit.as_bytes()).is_ok());
}

/// Refuses a value that the schema in `docs/schema` does not allow.
fn fits(schema: &str, value: &serde_json::Value) -> bool {
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    jsonschema::validator_for(&schema).unwrap().is_valid(value)
}

#[test]
fn bundles_statements_and_trust_roots_fit_their_schemas() {
    let of_statement = include_str!("../../../../docs/schema/statement.json");
    for statement in crate::statement::tests::every() {
        let mut value = serde_json::from_slice(&statement.to_payload().unwrap()).unwrap();
        assert!(fits(of_statement, &value), "{value}");
        value["predicate"]["more"] = 1.into();
        assert!(!fits(of_statement, &value));
    }
    let of_bundle = include_str!("../../../../docs/schema/bundle.json");
    let mut value = serde_json::from_str(&World::declared().bundle().to_json()).unwrap();
    assert!(fits(of_bundle, &value));
    value["more"] = 1.into();
    assert!(!fits(of_bundle, &value));
    let of_trust = include_str!("../../../../docs/schema/trust.json");
    let mut value: serde_json::Value = toml::from_str(&World::trust_text()).unwrap();
    assert!(fits(of_trust, &value), "{value}");
    value["registry"] = serde_json::json!([]);
    assert!(!fits(of_trust, &value));
}
