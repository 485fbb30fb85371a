//! No secret reaches the lock file, an output or an error.

use std::path::Path;

use crate::shell::{Shell, ended, server};

const SECRET: &str = "Zx81mQpL0vT3bNw7";

fn assert_silent(shell: &Shell, said: &str) {
    assert!(!said.contains(SECRET), "{said}");
    let mut folders = vec![shell.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert!(!is_in(&path), "{}", path.display());
            }
        }
    }
}

fn is_in(path: &Path) -> bool {
    let bytes = std::fs::read(path).unwrap();
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

#[test]
fn a_command_is_recorded_without_its_secrets_and_runs_again_with_them() {
    let shell = Shell::new();
    let server = server();
    let assignment = format!("API_KEY={SECRET}");
    let command =
        ["env", &assignment, "python3", server.to_str().unwrap(), "--token", SECRET, "shown.json"];
    let pinned = shell.run(&[&["pin", "--name", "mail", "--"][..], &command].concat());
    assert_eq!(pinned.exit, 0, "{}", pinned.err);
    assert_silent(&shell, &(pinned.out + &pinned.err));

    let unset = shell.run(&["check"]);
    assert_eq!(unset.exit, 1);
    assert!(unset.out.contains("`API_KEY` is not set"), "{}", unset.out);
    let mut set = shell.command(&["check", "--json"]);
    let checked = ended(set.env("API_KEY", SECRET).env("TOKEN", SECRET).output().unwrap());
    assert_eq!(checked.exit, 0, "{}{}", checked.out, checked.err);
    let listed = shell.run(&["lock"]);
    assert!(listed.out.contains("--token <TOKEN>"), "{}", listed.out);
    assert_silent(&shell, &(checked.out + &checked.err + &listed.out));
}

#[test]
fn headers_and_urls_that_fail_do_not_tell_their_secrets() {
    let shell = Shell::new();
    let url = format!("http://user:{SECRET}@127.0.0.1:9/mcp?api_key={SECRET}");
    let bad_url = format!("http://user:{SECRET}@ho st/mcp");
    let header = format!("Authorization: Bearer {SECRET}");
    let bad_header = format!("Bad Name: {SECRET}");
    let nameless = format!("Bearer {SECRET}");
    for arguments in [
        &["pin", &url][..],
        &["surface", "--header", &header, "http://127.0.0.1:9/mcp"],
        &["surface", &bad_url],
        &["surface", "--header", &bad_header, &url],
        &["surface", "--header", &nameless, &url],
    ] {
        let failed = shell.run(arguments);
        assert!(matches!(failed.exit, 1 | 2), "{arguments:?}");
        assert_silent(&shell, &(failed.out + &failed.err));
    }
}
