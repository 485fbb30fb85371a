//! Each attack of the battery, what is known from outside, and what has to be found.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::too_many_lines)]
#![allow(clippy::semicolon_if_nothing_returned, clippy::needless_for_each)]

use std::fs;

use audit::verify::Answer::{self, CannotTell, No, Yes};
use serde_json::json;

use super::world::{Outside, Victim, World, bundle, copy, hashes_of};

struct Attack<'w> {
    name: &'static str,
    outside: Outside,
    /// What is done to the files.
    does: Box<dyn Fn(&Victim) + Send + Sync + 'w>,
    /// The two verdicts, and what is among the findings.
    expected: (Answer, Answer, &'static [&'static str]),
}

fn attack<'w>(
    name: &'static str,
    outside: &Outside,
    does: impl Fn(&Victim) + Send + Sync + 'w,
    expected: (Answer, Answer, &'static [&'static str]),
) -> Attack<'w> {
    Attack { name, outside: outside.clone(), does: Box::new(does), expected }
}

#[test]
fn both_verifiers_find_every_attack_at_the_same_place() {
    let world = World::new();
    let none = Outside::default();
    let key = Outside { keys: world.keys(), ..none.clone() };
    let honest = world.victim();
    let newest = honest.notes().last().cloned();
    let expect = Outside { expect: newest.clone(), ..key.clone() };
    let tail = Outside { tail_keys: world.tail_keys(), ..key.clone() };
    for outside in [&none, &key, &expect, &tail] {
        let (changed, missing, found) = honest.verify("honest", outside);
        assert_eq!((changed, missing, found), (Yes, Yes, vec![]), "the honest trail");
    }
    let count = honest.entries().len();
    assert!(honest.notes().len() >= 5 && count > 300 && honest.file(&bundle(0)).exists());
    let last = count - 1;
    assert_eq!(last, 325, "the places below are of this trail");
    let attacks = [
        attack(
            "A1 a bit of a record",
            &key,
            |v| v.flip(&bundle(0), 700),
            (No, Yes, &["audit.changed.leaf record 1"]),
        ),
        attack(
            "A1 a bit of a length",
            &key,
            |v| v.flip(&bundle(0), 1),
            (No, No, &["audit.changed.bundle tile/entries/000"]),
        ),
        attack(
            "A1 a bit of a tile",
            &key,
            |v| v.flip(&hashes_of(0), 33),
            (No, Yes, &["audit.changed.leaf record 1"]),
        ),
        attack(
            "A1 a bit of a checkpoint's root",
            &key,
            |v| {
                let at = fs::read_to_string(v.file("checkpoints")).unwrap().find('\n').unwrap();
                v.flip("checkpoints", at + 8);
            },
            (No, Yes, &[]),
        ),
        attack(
            "A1 a bit of a signature",
            &key,
            |v| {
                let text = fs::read_to_string(v.file("checkpoints")).unwrap();
                v.flip(
                    "checkpoints",
                    text.find("\n\n").unwrap()
                        + 2
                        + text[text.find("\n\n").unwrap() + 2..].find('\n').unwrap()
                        - 20,
                );
            },
            (No, Yes, &["audit.changed.signature checkpoint 0"]),
        ),
        attack("A1 a bit of the tail", &key, |v| v.flip(&v.segment(), 400), (No, No, &[])),
        attack(
            "A1 a bit of a MAC",
            &tail,
            |v| {
                let length = fs::read(v.file(&v.segment())).unwrap().len();
                v.flip(&v.segment(), length - 1);
            },
            (No, Yes, &["audit.changed.mac record 325"]),
        ),
        attack(
            "A1 a field, everything beside made to fit",
            &key,
            |v| {
                v.rechained(|r| {
                    r[21]["outcome"] = json!({ "status": "refused", "latency_us": 900 });
                    r[21]["kind"] = json!("outcome");
                })
            },
            (No, Yes, &["audit.changed.root checkpoint 0"]),
        ),
        attack(
            "A2 insert a record",
            &key,
            |v| v.rechained(|r| r.insert(9, r[9].clone())),
            (
                No,
                No,
                &[
                    "audit.changed.duplicate record 9 and record 10",
                    "audit.changed.root checkpoint 0",
                ],
            ),
        ),
        attack(
            "A3 drop a body",
            &key,
            |v| {
                let mut entries = v.entries();
                entries.remove(30);
                v.write(&entries);
            },
            (
                No,
                No,
                &[
                    "audit.missing.seq record 30",
                    "audit.changed.link record 30",
                    "audit.missing.truncated record 325",
                ],
            ),
        ),
        attack(
            "A3 drop a record and make the rest fit",
            &key,
            |v| v.rechained(|r| drop(r.remove(30))),
            (No, No, &["audit.changed.root checkpoint 0", "audit.missing.truncated record 325"]),
        ),
        attack(
            "A4 reorder",
            &key,
            |v| {
                let mut entries = v.entries();
                entries.swap(40, 41);
                v.write(&entries);
            },
            (No, No, &["audit.changed.seq record 40", "audit.changed.link record 40"]),
        ),
        attack(
            "A5 duplicate in the file",
            &key,
            |v| {
                let mut entries = v.entries();
                entries.insert(51, entries[50].clone());
                v.write(&entries);
            },
            (
                No,
                No,
                &["audit.changed.duplicate record 50 and record 51", "audit.changed.seq record 51"],
            ),
        ),
        attack(
            "A6 a record of another log",
            &key,
            |v| {
                v.rechained(|r| {
                    r[60]["log_id"] = json!("audit.example/two");
                })
            },
            (No, Yes, &["audit.changed.log-id record 60"]),
        ),
        attack(
            "A7 the last record",
            &key,
            |v| v.write(&v.entries()[..325]),
            (Yes, No, &["audit.missing.truncated record 325", "audit.missing.open-end record 324"]),
        ),
        attack(
            "A7 a hundred records and their checkpoints",
            &key,
            |v| {
                v.write(&v.entries()[..225]);
                v.keep_notes(|size| size <= 225);
            },
            (CannotTell, No, &["audit.missing.open-end record 224"]),
        ),
        attack(
            "A7 all but the first",
            &key,
            |v| v.write(&v.entries()[..1]),
            (CannotTell, No, &["audit.missing.truncated record 1"]),
        ),
        attack(
            "A8 no records",
            &key,
            |v| v.write(&[]),
            (Yes, No, &["audit.missing.first record 0", "audit.missing.truncated record 0"]),
        ),
        attack(
            "A8 no files",
            &key,
            |v| {
                fs::remove_dir_all(&v.folder).unwrap();
                fs::create_dir_all(&v.folder).unwrap();
            },
            (Yes, No, &["audit.missing.first record 0"]),
        ),
        attack(
            "A9 an older snapshot",
            &expect,
            |v| {
                fs::remove_dir_all(&v.folder).unwrap();
                copy(&world.path("earlier"), &v.folder);
            },
            (Yes, No, &["audit.missing.expected record 244"]),
        ),
        attack(
            "A10 another log without the key",
            &key,
            |v| {
                let text = fs::read_to_string(v.file("checkpoints")).unwrap();
                let other = |line: &str| line.starts_with('\u{2014}');
                let text: Vec<_> =
                    text.lines()
                        .map(|line| {
                            if other(line) {
                                "\u{2014} audit.example/one AAAAAAAAAAA="
                            } else {
                                line
                            }
                        })
                        .collect();
                fs::write(v.file("checkpoints"), text.join("\n") + "\n").unwrap();
            },
            (
                CannotTell,
                No,
                &[
                    "audit.changed.unsigned checkpoint 0",
                    "audit.changed.uncovered record 0",
                    "audit.missing.checkpoint record 0",
                ],
            ),
        ),
        attack(
            "A11 rewritten with the stolen key",
            &expect,
            |v| {
                v.rechained(|r| r[21]["outcome"]["status"] = json!("refused"));
                v.resign(false);
            },
            (No, Yes, &["audit.changed.expected record 326"]),
        ),
        attack(
            "A12 the tail rewritten without its old keys",
            &tail,
            |v| {
                let mut entries = v.entries();
                let text = String::from_utf8(entries[324].clone()).unwrap();
                entries[324] = text.replace("executed", "errored").into_bytes();
                v.write(&entries);
            },
            (No, Yes, &["audit.changed.mac record 256", "audit.changed.link record 325"]),
        ),
        attack(
            "A13 a fork",
            &expect,
            |v| {
                v.rechained(|r| r[21]["outcome"]["latency_us"] = json!(1));
                v.resign(true);
            },
            (No, Yes, &["audit.changed.expected record 326"]),
        ),
        attack(
            "A15 a wrong size",
            &key,
            |v| {
                let mut notes = v.notes();
                let size = notes[1].lines().nth(1).unwrap().to_owned();
                notes[1] = notes[1].replacen(&size, "9", 1);
                v.write_notes(&notes);
            },
            (No, No, &["audit.changed.signature checkpoint 1"]),
        ),
        attack(
            "A16 strip the clock's signatures",
            &key,
            |v| {
                let notes: Vec<_> = v
                    .notes()
                    .iter()
                    .map(|note| {
                        let lines: Vec<_> = note.lines().collect();
                        lines[..lines.len() - 1].join("\n") + "\n"
                    })
                    .collect();
                v.write_notes(&notes);
            },
            (CannotTell, No, &["audit.changed.unsigned checkpoint 0"]),
        ),
        attack(
            "A17 back-date",
            &key,
            |v| {
                v.rechained(|r| {
                    r[200]["t"]["wall"] = json!("2026-11-01T00:00:00.000Z");
                })
            },
            (No, Yes, &["audit.changed.clock record 200"]),
        ),
        attack(
            "A17 back-date all, with the stolen key",
            &key,
            |v| {
                v.rechained(|r| {
                    r.iter_mut().for_each(|r| {
                        let wall = r["t"]["wall"].as_str().unwrap().replacen("2026", "2036", 1);
                        r["t"]["wall"] = json!(wall);
                    })
                });
                v.resign(false);
            },
            (No, Yes, &["audit.changed.time record 325"]),
        ),
        attack(
            "A18 withhold a checkpoint",
            &key,
            |v| {
                v.keep_notes(|size| size <= 82 || size > 163);
            },
            (Yes, No, &["audit.missing.checkpoint"]),
        ),
        attack(
            "A18 withhold all",
            &key,
            |v| fs::remove_file(v.file("checkpoints")).unwrap(),
            (
                CannotTell,
                No,
                &["audit.missing.checkpoint record 0", "audit.changed.uncovered record 0"],
            ),
        ),
        attack(
            "A19 off and on",
            &key,
            |v| {
                v.rechained(|r| {
                    r.drain(82..250);
                })
            },
            (CannotTell, No, &["audit.missing.silence record 82"]),
        ),
        attack(
            "A19 another configuration",
            &key,
            |v| {
                v.rechained(|r| {
                    r[325]["config"]["old"] = json!(r[0]["prev"]);
                })
            },
            (No, Yes, &["audit.changed.config record 325"]),
        ),
        attack(
            "A20 a decision without outcome, with the stolen key",
            &key,
            |v| {
                v.rechained(|r| drop(r.remove(2)));
                v.resign(false);
            },
            (Yes, No, &["audit.missing.outcome record 1"]),
        ),
        attack(
            "A21 an outcome without decision, with the stolen key",
            &key,
            |v| {
                v.rechained(|r| drop(r.remove(1)));
                v.resign(false);
            },
            (Yes, No, &["audit.missing.decision record 1"]),
        ),
        attack(
            "A22 another tool definition",
            &key,
            |v| {
                let name =
                    surface::Digest::of_bytes(&world.definition).to_string().replace("sha256:", "");
                fs::write(v.file(&format!("objects/{name}")), b"{}").unwrap();
            },
            (No, Yes, &["audit.changed.object"]),
        ),
        attack(
            "A23 a policy is gone",
            &key,
            |v| {
                let name = surface::Digest::of_bytes(b"permit;").to_string().replace("sha256:", "");
                fs::remove_file(v.file(&format!("objects/{name}"))).unwrap();
            },
            (Yes, No, &[]),
        ),
        attack(
            "A25 an approval of other arguments, with the stolen key",
            &key,
            |v| {
                v.rechained(|r| {
                    let other = r[11]["approval"]["args_root"]
                        .as_str()
                        .unwrap()
                        .replace("44136f", "000000");
                    r[11]["approval"]["args_root"] = json!(other);
                });
                v.resign(false);
            },
            (No, Yes, &["audit.changed.approval record 12"]),
        ),
        attack(
            "A27 bodies gone without a record",
            &key,
            |v| fs::remove_file(v.file(&bundle(0))).unwrap(),
            (Yes, No, &["audit.missing.body tile/entries/000"]),
        ),
        attack(
            "A28 a tile of the wrong width",
            &key,
            |v| {
                let bytes = fs::read(v.file(&hashes_of(0))).unwrap();
                fs::write(v.file(&hashes_of(0)), &bytes[..8_160]).unwrap();
            },
            (No, Yes, &["audit.changed.tile tile/0/000"]),
        ),
        attack(
            "A29 duplicate keys",
            &key,
            |v| {
                let mut entries = v.entries();
                let text = String::from_utf8(entries[7].clone()).unwrap();
                entries[7] = text.replacen("\"v\":1", "\"v\":1,\"v\":1", 1).into_bytes();
                v.write(&entries);
            },
            (No, No, &["audit.record.json record 7"]),
        ),
        attack(
            "A29 not canonical",
            &key,
            |v| {
                let mut entries = v.entries();
                let text = String::from_utf8(entries[7].clone()).unwrap();
                entries[7] = text.replacen(':', ": ", 1).into_bytes();
                v.write(&entries);
            },
            (No, No, &["audit.record.not-canonical record 7"]),
        ),
        attack(
            "A29 depth",
            &key,
            |v| {
                let mut entries = v.entries();
                entries[7] = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes();
                v.write(&entries);
            },
            (No, No, &["audit.record.json record 7"]),
        ),
    ];
    let half = attacks.len() / 2;
    let wrong = std::thread::scope(|scope| {
        let halves = [&attacks[..half], &attacks[half..]];
        let started = halves.map(|half| scope.spawn(|| run(&world, half)));
        started.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What was not found as expected.
fn run(world: &World, attacks: &[Attack<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    for Attack { name, outside, does, expected } in attacks {
        let victim = world.victim();
        does(&victim);
        let (changed, missing, found) = victim.verify(name, outside);
        let (expect_changed, expect_missing, codes) = *expected;
        let is_found = |code: &&str| {
            found.iter().any(|found| found == code || found.starts_with(&format!("{code} ")))
        };
        let is_clean = (changed, missing) == (Yes, Yes);
        if (changed, missing) != (expect_changed, expect_missing)
            || !codes.iter().all(is_found)
            || is_clean
        {
            wrong.push(format!("{name}: {changed:?} {missing:?} {found:#?}"));
        }
    }
    wrong
}
