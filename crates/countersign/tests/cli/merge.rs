//! Two branches that pin servers, merged by git.

use crate::shell::{Shell, benign, drifted};

#[test]
fn branches_that_pin_different_servers_merge_without_a_conflict() {
    let shell = Shell::new();
    shell.git(&["add", "."]);
    shell.git(&["commit", "--quiet", "--message", "base"]);
    // First with no lock file on either side, then with one on both.
    for (round, names) in [("first", ["alpha", "beta"]), ("second", ["beta-1", "beta-2"])] {
        let branch = format!("{round}-branch");
        shell.git(&["branch", &branch]);
        pin_and_commit(&shell, names[0]);
        shell.git(&["checkout", "--quiet", &branch]);
        pin_and_commit(&shell, names[1]);
        shell.git(&["checkout", "--quiet", "main"]);
        shell.git(&["merge", "--quiet", "--message", "merged", &branch]);
        let checked = shell.run(&["check"]);
        assert_eq!(checked.exit, 0, "{}{}\n{}", checked.out, checked.err, shell.read("mcp.lock"));
        assert_eq!(shell.run(&["lock", "--verify"]).exit, 0);
    }
    let listed = shell.json(&["lock", "--json"]);
    assert_eq!(listed["pins"].as_array().unwrap().len(), 4);
    // The next write puts the merged lines back in order.
    assert_eq!(shell.run(&["pin", "--name", "zeta", "shown.json"]).exit, 0);
    let lock = shell.read("mcp.lock");
    let pins: Vec<_> = lock.lines().filter(|line| line.starts_with("server.")).collect();
    assert!(pins.is_sorted_by_key(|line| line.split('.').nth(1)), "{lock}");
}

#[test]
fn branches_that_pin_one_server_differently_are_refused_after_the_merge() {
    let shell = Shell::new();
    pin_and_commit(&shell, "alpha");
    shell.git(&["branch", "other"]);
    shell.write("shown.json", &drifted());
    replace_and_commit(&shell);
    shell.git(&["checkout", "--quiet", "other"]);
    let mut third = benign();
    third["tools"][1]["description"] = "Lists every folder.".into();
    shell.write("shown.json", &third);
    replace_and_commit(&shell);
    // The surfaces conflict, as they should; whatever a hurried person makes of that, the lock
    // file has two lines for one digest and is refused.
    let merge = ["merge", "--quiet", "--message", "merged", "--strategy-option=ours", "main"];
    shell.git(&merge);
    let checked = shell.run(&["check"]);
    assert_eq!(checked.exit, 3, "{}{}", checked.out, checked.err);
    assert!(checked.err.contains("[lock.syntax]"), "{}", checked.err);
}

fn pin_and_commit(shell: &Shell, name: &str) {
    let pinned = shell.run_server(&["pin", "--name", name], "shown.json");
    assert_eq!(pinned.exit, 0, "{}", pinned.err);
    shell.git(&["add", "."]);
    shell.git(&["commit", "--quiet", "--message", name]);
}

fn replace_and_commit(shell: &Shell) {
    let pinned = shell.run_server(&["pin", "--replace", "--name", "alpha"], "shown.json");
    assert_eq!(pinned.exit, 0, "{}", pinned.err);
    shell.git(&["add", "."]);
    shell.git(&["commit", "--quiet", "--message", "replaced"]);
}
