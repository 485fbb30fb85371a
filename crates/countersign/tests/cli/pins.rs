//! `surface`, `pin`, `lock`: what is recorded, and what is refused.

use serde_json::json;

use crate::shell::{Shell, benign, drifted, ended, server};

#[test]
fn a_pinned_server_is_the_same_until_it_changes() {
    let shell = Shell::new();
    let pinned = shell.run_server(&["pin", "--name", "mail"], "shown.json");
    assert_eq!((pinned.exit, pinned.out.as_str()), (0, ""), "{}", pinned.err);
    assert!(pinned.err.contains("pinned mail: 6 items"), "{}", pinned.err);
    let same = shell.run(&["check", "mail"]);
    assert_eq!((same.exit, same.out.as_str()), (0, "mail: same, 6 items\n"), "{}", same.err);
    shell.write("shown.json", &drifted());
    let drift = shell.run(&["check"]);
    assert_eq!(drift.exit, 3);
    assert!(drift.out.starts_with("mail: drift, "), "{}", drift.out);
    assert!(drift.err.contains("countersign approve mail"), "{}", drift.err);
    let refused = shell.run_server(&["pin", "--name", "mail"], "shown.json");
    assert_eq!(refused.exit, 3);
    assert!(refused.err.contains("[pin.exists]"), "{}", refused.err);
    assert_eq!(shell.run_server(&["pin", "--replace", "--name", "mail"], "shown.json").exit, 0);
    assert_eq!(shell.run(&["check"]).exit, 0);
}

#[test]
fn another_order_of_keys_and_items_is_the_same() {
    let shell = Shell::new();
    assert_eq!(shell.run(&["pin", "--name", "mail", "shown.json"]).exit, 0);
    let mut shown = benign();
    shown["tools"].as_array_mut().unwrap().reverse();
    shell.write("shown.json", &shown);
    let same = shell.run(&["check", "mail"]);
    assert_eq!(same.exit, 0, "{}", same.out);
}

#[test]
fn pinning_the_same_twice_changes_no_byte() {
    let shell = Shell::new();
    shell.run_server(&["pin", "--name", "mail"], "shown.json");
    let before = shell.read("mcp.lock");
    assert_eq!(shell.run_server(&["pin", "--name", "mail"], "shown.json").exit, 0);
    assert_eq!(shell.read("mcp.lock"), before);
}

#[test]
fn a_printed_surface_is_a_file_like_any_other() {
    let shell = Shell::new();
    let printed = shell.run(&["surface", "shown.json", "--json"]);
    std::fs::write(shell.path().join("printed.json"), &printed.out).unwrap();
    let same = shell.run(&["diff", "shown.json", "printed.json"]);
    assert_eq!((same.exit, same.out.as_str()), (0, "same, 2 items\n"), "{}", same.err);
    let human = shell.run(&["surface", "printed.json", "--fields"]);
    assert!(human.out.contains("tools/send_email"), "{}", human.out);
    assert!(human.out.contains("/inputSchema"), "{}", human.out);
}

#[test]
fn the_lock_file_may_be_elsewhere_and_the_alias_is_made_up() {
    let shell = Shell::new();
    std::fs::create_dir(shell.path().join("below")).unwrap();
    let pinned = shell.run_server(&["pin", "--lock", "below/own.lock"], "shown.json");
    assert_eq!(pinned.exit, 0, "{}", pinned.err);
    assert!(shell.path().join("below/own.lock.d/server.json").exists());
    assert_eq!(shell.run(&["check", "--lock", "below/own.lock", "server"]).exit, 0);
    let mut below = shell.command(&["check"]);
    below.current_dir(shell.path().join("below"));
    assert_eq!(below.output().unwrap().status.code(), Some(1), "no `mcp.lock` here or above");
}

#[test]
fn a_server_runs_where_it_was_pinned_from_wherever_it_is_checked() {
    let shell = Shell::new();
    shell.run_server(&["pin", "--name", "mail"], "shown.json");
    std::fs::create_dir_all(shell.path().join("a/b")).unwrap();
    let mut below = shell.command(&["check"]);
    below.current_dir(shell.path().join("a/b"));
    assert_eq!(below.output().unwrap().status.code(), Some(0));
}

#[test]
fn each_context_has_its_own_pin() {
    let shell = Shell::new();
    shell.run(&["pin", "--name", "mail", "shown.json"]);
    shell.write("admin.json", &drifted());
    let admin = shell.run(&["pin", "--name", "mail", "--context", "admin", "admin.json"]);
    assert_eq!(admin.exit, 0, "{}", admin.err);
    let checked = shell.run(&["check"]);
    assert_eq!(checked.out, "mail@admin: same, 3 items\nmail: same, 2 items\n");
    let crossed = shell.run(&["check", "--name", "mail", "--context", "admin", "shown.json"]);
    assert_eq!(crossed.exit, 3);
}

#[test]
fn a_touched_surface_is_refused_by_every_command() {
    let shell = Shell::new();
    shell.run_server(&["pin", "--name", "mail"], "shown.json");
    assert_eq!(shell.run(&["lock", "--verify"]).exit, 0);
    let path = shell.path().join("mcp.lock.d/mail.json");
    let approved = shell.read("mcp.lock.d/mail.json");
    std::fs::write(&path, approved.replace("Sends an email.", "Sends it to everybody.")).unwrap();
    for command in
        [&["lock", "--verify"][..], &["check"], &["approve", "mail", "--all"], &["guard", "mail"]]
    {
        let refused = shell.run(command);
        assert_eq!(refused.exit, 3, "{command:?}: {}", refused.err);
        let said = refused.out + &refused.err;
        assert!(said.contains("[lock.surface-unreadable]"), "{command:?}: {said}");
    }
}

#[test]
fn failures_usage_and_refusals_have_their_own_exit_codes() {
    let shell = Shell::new();
    for (arguments, exit) in [
        (&["check"][..], 1),
        (&["check", "nobody"], 1),
        (&["surface", "missing.json"], 1),
        (&["surface", "--", "/no/such/program"], 1),
        (&["surface"], 2),
        (&["pin", "--name", "../up", "shown.json"], 2),
        (&["check", "--json", "--sarif"], 2),
        (&["diff", "shown.json", "nobody"], 2),
        (&["check", "--fail-on", "high"], 2),
        (&["guard"], 2),
    ] {
        let ran = shell.run(arguments);
        assert_eq!(ran.exit, exit, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains("error:") && ran.out.is_empty(), "{arguments:?}: {}", ran.err);
    }
    for text in
        [r#"{"tools":[{"name":"a","name":"b"}]}"#, r#"{"tools":[{"name":"a"},{"name":"a"}]}"#]
    {
        std::fs::write(shell.path().join("bad.json"), text).unwrap();
        let refused = shell.run(&["surface", "bad.json"]);
        assert_eq!(refused.exit, 3, "{}", refused.err);
    }
}

#[test]
fn what_a_server_writes_cannot_move_the_cursor() {
    let shell = Shell::new();
    let shown =
        json!({ "tools": [{ "name": "a\u{1b}[2J\u{202e}b", "description": "\u{1b}]0;x\u{7}" }] });
    shell.write("odd.json", &shown);
    for arguments in [
        &["surface", "odd.json"][..],
        &["surface", "odd.json", "--json"],
        &["diff", "shown.json", "odd.json"],
        &["diff", "shown.json", "odd.json", "--json"],
    ] {
        let ran = shell.run(arguments);
        let unsafe_to_show = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!ran.out.is_empty() && !ran.out.contains(unsafe_to_show), "{:?}", ran.out);
    }
}

#[test]
fn a_relative_record_never_names_this_machine() {
    let shell = Shell::new();
    std::fs::copy(server(), shell.path().join("server.py")).unwrap();
    let pinned = shell.run(&["pin", "--", "python3", "server.py", "shown.json"]);
    assert_eq!(pinned.exit, 0, "{}", pinned.err);
    let lock = shell.read("mcp.lock");
    assert!(!lock.contains(shell.path().to_str().unwrap()), "{lock}");
    assert!(lock.contains(r#"server.server.default.directory = ".""#), "{lock}");
}

#[test]
fn outside_a_repository_pins_are_the_users_own() {
    let shell = Shell::new();
    std::fs::remove_dir_all(shell.path().join(".git")).unwrap();
    let data = shell.path().join("data");
    let run = |arguments: &[&str]| {
        ended(shell.command(arguments).env("COUNTERSIGN_DATA", &data).output().unwrap())
    };
    let pinned = run(&["pin", "--name", "mail", "shown.json"]);
    assert_eq!(pinned.exit, 0, "{}", pinned.err);
    assert!(data.join("pins.db").exists() && !shell.path().join("mcp.lock").exists());
    assert_eq!(run(&["check"]).out, "mail: same, 2 items\n");
    shell.write("shown.json", &drifted());
    assert_eq!(run(&["check", "mail"]).exit, 3);
    assert_eq!(run(&["approve", "mail", "--all"]).exit, 0);
    assert_eq!(run(&["check", "mail"]).exit, 0);
    let listed = run(&["lock"]);
    assert!(listed.out.contains("mail: 3 items, verified"), "{}", listed.out);
}

#[test]
fn an_interrupted_command_leaves_no_server_behind() {
    let shell = Shell::new();
    let server = "trap '' HUP; echo $$ > pid; while :; do sleep 1; done";
    let mut pinning =
        shell.command(&["pin", "--name", "mute", "--", "sh", "-c", server]).spawn().unwrap();
    let pid =
        wait_for(|| std::fs::read_to_string(shell.path().join("pid")).ok()?.trim().parse().ok());
    let is_alive = || std::path::Path::new(&format!("/proc/{pid}/stat")).exists();
    assert!(is_alive());
    let signal = |name: &str, pid: u32| {
        std::process::Command::new("kill").args([name, &pid.to_string()]).status().unwrap()
    };
    signal("-INT", pinning.id());
    assert_eq!(pinning.wait().unwrap().code(), Some(1));
    wait_for(|| (!is_alive()).then_some(0));
    assert!(!shell.path().join("mcp.lock").exists());
}

/// What `look` finds within some seconds.
fn wait_for(look: impl Fn() -> Option<u32>) -> u32 {
    for _ in 0..200 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("nothing happened within ten seconds");
}
