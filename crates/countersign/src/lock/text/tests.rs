use serde_json::json;
use surface::{CacheScope, Digest, Era, Kind, Surface};

use super::*;
use crate::lock::entry::{Pinned, Withheld};

fn entry(origin: Origin, tool: &str) -> Entry {
    let mut surface = Surface::empty(Era::Modern);
    surface.items.insert(Place::new(Kind::Tool, tool), json!({ "name": tool }));
    let protocol = Protocol {
        era: Era::Modern,
        version: "2026-07-28".to_owned(),
        cache_scope: CacheScope::Public,
    };
    let artefact = Artefact {
        registry: "npm".to_owned(),
        name: "@acme/files".to_owned(),
        version: Some("1.0.0".to_owned()),
        integrity: None,
        authorizers: None,
    };
    let mut pinned = Pinned::of(surface, origin, Some(artefact), protocol);
    let from = Some(Digest::of_bytes(b"before"));
    pinned.approve(
        Timestamp::UNIX_EPOCH,
        "\"A\" <a@example.com>",
        from,
        vec!["tools/a".to_owned()],
    );
    pinned.approve(Timestamp::UNIX_EPOCH, "b", None, Vec::new());
    pinned.entry
}

fn entries() -> BTreeMap<Key, Entry> {
    let run = vec![
        Word::Plain("npx".to_owned()),
        Word::Withheld(Withheld { before: "--token=".to_owned(), env: "TOKEN".to_owned() }),
        Word::Withheld(Withheld { before: String::new(), env: "SECRET_2".to_owned() }),
    ];
    let headers = BTreeMap::from([("Authorization".to_owned(), "MCP_TOKEN".to_owned())]);
    let key = |alias, context| Key::new(alias, context).unwrap();
    BTreeMap::from([
        (
            key("files", "default"),
            entry(Origin::Command { run, directory: Some(".".to_owned()) }, "a\"\\\n.b"),
        ),
        (key("files", "admin"), entry(Origin::File("shown.json".to_owned()), "tag\u{e0041}")),
        (
            key("mcp.example.com", "default"),
            entry(Origin::Url { url: "https://mcp.example.com/mcp".to_owned(), headers }, "ü"),
        ),
        (key("stdin", "default"), entry(Origin::Unknown, "x")),
    ])
}

#[test]
fn what_is_written_reads_back_and_is_written_the_same() {
    let text = write(&entries());
    let back = read(&text).unwrap();
    assert_eq!(back, entries());
    assert_eq!(write(&back), text);
}

#[test]
fn nothing_hides_in_a_lock_file_and_no_two_lines_are_equal() {
    let text = write(&entries());
    assert!(!text.chars().any(|c| safe::is_unseen(c) || (c.is_control() && c != '\n')), "{text}");
    let mut lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
    let count = lines.len();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), count);
}

#[test]
fn the_order_of_lines_has_no_meaning() {
    let text = write(&entries());
    let mut lines: Vec<_> = text.lines().collect();
    lines.reverse();
    assert_eq!(read(&lines.join("\n")).unwrap(), entries());
}

#[test]
fn a_lock_file_that_could_mean_two_things_is_refused() {
    let text = write(&entries());
    let surface = text.lines().find(|line| line.contains(".surface = ")).unwrap();
    for wrong in [
        format!("{text}{surface}\n"),
        text.replace("version = 1\n", "version = 2\n"),
        text.replace("version = 1\n", ""),
        format!("{text}server.files.default.trusted = true\n"),
        format!("{text}server.files.default.url = \"https://elsewhere.example\"\n"),
        format!("{text}server.\"../up\".default.surface = {{}}\n"),
        text.replace("item.\"tools/x\"", "item.\"toolz/x\""),
        text.replace("sha256:", "sha1:"),
    ] {
        assert!(read(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_finding_points_at_the_line_that_pins_its_item() {
    let text = write(&entries());
    let key = Key::new("mcp.example.com", "default").unwrap();
    let line = |place: Place| {
        let number = line_of(&text, &key, Some(&place));
        text.lines().nth(number - 1).unwrap().to_owned()
    };
    assert!(line(Place::new(Kind::Tool, "ü")).contains("item.\"tools/ü\""));
    assert!(line(Place::new(Kind::Tool, "new")).contains(".surface = "));
}
