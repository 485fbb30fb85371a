//! What is served is not what the checkpoint commits to.

use harness::lying_log::ENDLESS;

use super::*;

#[test]
fn forged_overlong_and_withheld_tiles_and_entries_are_refused() {
    let world = World::new();
    let mut log = world.fork(world.log.entries.len());
    while log.size() < 299 {
        log.say(NAME, revocation(&format!("0.1.{}", log.size())));
    }
    log.state_rightly();
    let honest = log.signed_files(log.size());
    let served = Loopback::log(honest.clone());
    let url = served.log_url();
    // Entry 7 of the log, its bundle, and every tile on the way to the root.
    let all: [(&str, &[&str]); 4] =
        [("audit", &[]), ("tail", &["-n", "300"]), ("prove", &["7"]), ("sync", &["copy"])];
    let fresh = |verb: &str, more: &[&str]| {
        let _ = std::fs::remove_dir_all(world.scratch.join("copy"));
        world.log_command(verb, &url, more)
    };
    for (verb, more) in all {
        fresh(verb, more).expect(0);
    }
    let flipped = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let longer = |bytes: &[u8], more: &[u8]| [bytes, more].concat();
    for path in ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000"] {
        let is = honest.get(path).unwrap_or_else(|| panic!("{path} is not in {:?}", honest.keys()));
        let lies = [
            ("log.forged", Some(flipped(is, 2))),
            ("log.forged", Some(flipped(is, is.len() - 1))),
            ("log.forged", Some(is[..is.len() - 1].to_vec())),
            ("log.too-long", Some(ENDLESS.to_vec())),
            ("log.withheld", None),
        ];
        for (code, lie) in lies {
            served.tamper(path, lie);
            for (verb, more) in all {
                refused(fresh(verb, more), code);
            }
        }
        // A byte more is too long for a tile; a bundle may be as long as its entries.
        served.tamper(path, Some(longer(is, b"x")));
        let code = if path.contains("entries") { "log.forged" } else { "log.too-long" };
        refused(fresh("audit", &[]), code);
        served.show(honest.clone());
    }
    // An entry that a neighbour's takes the place of, in a bundle that adds up.
    let mut swapped = world.fork(0);
    swapped.entries.clone_from(&log.entries);
    swapped.entries.swap(2, 7);
    served.tamper("tile/entries/000", swapped.signed_files(300).remove("tile/entries/000"));
    for (verb, more) in all {
        refused(fresh(verb, more), "log.forged");
    }
    served.tamper("checkpoint", Some(ENDLESS.to_vec()));
    refused(fresh("audit", &[]), "log.too-long");
}
