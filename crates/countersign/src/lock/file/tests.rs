use std::collections::BTreeMap;

use guard::PinSource as _;
use jiff::Timestamp;
use serde_json::json;
use surface::{CacheScope, Era, Kind, Place};

use super::*;
use crate::lock::Pins;
use crate::lock::entry::{Origin, Protocol};
use crate::lock::pins::LOOK_PAUSE;

pub(crate) fn pinned(description: &str) -> Pinned {
    let mut surface = Surface::empty(Era::Legacy);
    let tool = json!({ "name": "a", "description": description });
    surface.items.insert(Place::new(Kind::Tool, "a"), tool);
    let (version, cache_scope) = ("2025-11-25".to_owned(), CacheScope::Private);
    let protocol = Protocol { era: Era::Legacy, version, cache_scope };
    let mut pinned = Pinned::of(surface, Origin::Unknown, None, protocol);
    pinned.approve(Timestamp::UNIX_EPOCH, "a@example.com", None, Vec::new());
    pinned
}

pub(crate) fn key(alias: &str) -> Key {
    Key::new(alias, "default").unwrap()
}

fn store() -> (tempfile::TempDir, FileStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::at(folder.path().join("mcp.lock"));
    (folder, store)
}

#[test]
fn a_pin_is_kept_and_replaced_only_by_who_knows_it() {
    let (folder, store) = store();
    assert_eq!(store.load(&key("a")).unwrap(), None);
    let (first, second) = (pinned("first"), pinned("second"));
    store.replace(&key("a"), None, &first).unwrap();
    assert_eq!(store.load(&key("a")).unwrap(), Some(first.clone()));
    let again = store.replace(&key("a"), None, &second);
    assert!(matches!(again, Err(StoreError::Moved(_))));
    store.replace(&key("a"), Some(first.entry.digests.exact), &second).unwrap();
    assert_eq!(store.load(&key("a")).unwrap(), Some(second));
    let only_case = store.replace(&key("A"), None, &first);
    assert!(matches!(only_case, Err(StoreError::CaseOnly { .. })));
    let left = fs::read_dir(folder.path().join("mcp.lock.d")).unwrap().count();
    assert_eq!(left, 1, "no temporary file stays");
}

#[test]
fn a_surface_that_somebody_touched_is_refused() {
    let (_folder, store) = store();
    store.replace(&key("a"), None, &pinned("first")).unwrap();
    let path = store.surface_path(&key("a"));
    let approved = fs::read_to_string(&path).unwrap();

    fs::write(&path, approved.replace("first", "worse")).unwrap();
    assert_eq!(store.load(&key("a")).unwrap_err().code(), "lock.surface-unreadable");

    // A whole surface with digests of its own, but not the approved one.
    fs::write(&path, print_surface(&pinned("worse"))).unwrap();
    let error = store.load(&key("a")).unwrap_err();
    assert_eq!(error.code(), "lock.surface-mismatch");
    assert!(error.to_string().contains("tools/a"), "{error}");

    fs::remove_file(&path).unwrap();
    assert_eq!(store.load(&key("a")).unwrap_err().code(), "lock.surface-unreadable");

    fs::write(&path, &approved).unwrap();
    assert!(store.load(&key("a")).is_ok());
    let lock = fs::read_to_string(&store.path).unwrap();
    fs::write(&store.path, lock.replace("era = \"legacy\"", "era = \"modern\"")).unwrap();
    assert_eq!(store.load(&key("a")).unwrap_err().code(), "lock.surface-mismatch");
}

#[test]
fn pins_of_many_writers_all_stand() {
    let (_folder, store) = store();
    std::thread::scope(|scope| {
        for index in 0..16 {
            let store = FileStore::at(store.path.clone());
            scope.spawn(move || {
                let name = format!("server-{index}");
                store.replace(&key(&name), None, &pinned(&name)).unwrap();
                assert!(store.load(&key(&name)).unwrap().is_some());
            });
        }
    });
    let entries: BTreeMap<_, _> = store.entries().unwrap();
    assert_eq!(entries.len(), 16);
    assert!(entries.keys().all(|key| store.load(key).is_ok()));
}

#[test]
fn the_guard_sees_an_approval_at_its_next_look_and_a_removal_as_an_error() {
    let (_folder, store) = store();
    let path = store.path.clone();
    let pins = Pins::new(std::sync::Arc::new(store), key("a"), Origin::Unknown, None);
    assert!(pins.current().unwrap().is_none());

    let store = FileStore::at(path.clone());
    let (first, second) = (pinned("first"), pinned("second"));
    store.replace(&key("a"), None, &first).unwrap();
    store.replace(&key("b"), None, &second).unwrap();
    let seen = pins.current().unwrap().unwrap();
    assert_eq!(seen.surface, first.surface);
    assert!(std::sync::Arc::ptr_eq(&seen, &pins.current().unwrap().unwrap()), "nothing was read");
    assert_eq!(pins.neighbours().len(), 1);

    store.replace(&key("a"), Some(first.entry.digests.exact), &second).unwrap();
    std::thread::sleep(LOOK_PAUSE);
    assert_eq!(pins.current().unwrap().unwrap().surface, second.surface);
    fs::remove_file(&path).unwrap();
    std::thread::sleep(LOOK_PAUSE);
    assert!(pins.current().is_err(), "never pinned anew on first use");
}

#[test]
fn two_first_uses_make_one_pin() {
    let (_folder, store) = store();
    let store: std::sync::Arc<dyn Store> = std::sync::Arc::new(store);
    let pins = || Pins::new(std::sync::Arc::clone(&store), key("a"), Origin::Unknown, None);
    let observation = |description| surface::Observation {
        surface: pinned(description).surface,
        cache_scope: CacheScope::Private,
        ttl: None,
    };
    let first = pins().pin_first(&observation("first")).unwrap();
    let second = pins().pin_first(&observation("second")).unwrap();
    assert_eq!(first, second);
}

#[test]
fn git_is_asked_once_to_merge_by_lines() {
    let (folder, store) = store();
    fs::create_dir(folder.path().join(".git")).unwrap();
    let attributes = folder.path().join(".gitattributes");
    fs::write(&attributes, "*.md text").unwrap();
    store.replace(&key("a"), None, &pinned("a")).unwrap();
    let written = fs::read_to_string(&attributes).unwrap();
    assert_eq!(written, "*.md text\nmcp.lock merge=union\n");
    fs::write(&attributes, "*.md text\n").unwrap();
    store.replace(&key("b"), None, &pinned("b")).unwrap();
    assert_eq!(fs::read_to_string(&attributes).unwrap(), "*.md text\n");
}
