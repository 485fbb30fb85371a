#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

use super::*;
use crate::commit::{Disclosure, leaves, root};
use crate::{Kind, Record};

fn leaves_of(text: &str) -> Vec<Leaf> {
    leaves(Document::parse(text.as_bytes(), &Policy::default()).unwrap().root()).unwrap()
}

fn id(n: u8) -> Id {
    Id::new(1_795_610_096_000, [n; 10])
}

/// Every byte of every file below, and every name.
fn everything(folder: &Path, out: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        out.extend_from_slice(path.to_string_lossy().as_bytes());
        out.push(b' ');
        if path.is_dir() {
            everything(&path, out);
        } else {
            out.extend(fs::read(&path).unwrap());
            out.push(b' ');
        }
    }
}

#[test]
fn an_erased_subject_is_gone_and_every_other_value_and_every_proof_stays() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Vault::open(folder.path(), VaultKey::new([7; 32])).unwrap();
    let mut vault = open();
    let (jane, john) = (vault.token("mrn:0012345").unwrap(), vault.token("mrn:0099999").unwrap());
    assert_eq!(vault.token("mrn:0012345").unwrap(), jane);
    let of_jane = leaves_of(r#"{"mrn":"0012345","big":12345678901234567890}"#);
    let (of_john, shared) = (leaves_of(r#"{"other":"0099999"}"#), leaves_of(r#"{"limit":5}"#));
    let parts =
        [(Some(jane), of_jane.clone()), (Some(john), of_john.clone()), (None, shared.clone())];
    vault.put(id(1), &[jane, john], "args", &parts).unwrap();
    vault.put(id(2), &[john], "args", &[(None, shared.clone())]).unwrap();
    let all: Vec<_> = [of_jane.clone(), of_john.clone(), shared.clone()].concat();
    assert_eq!(open().leaves(id(1), &[jane, john], "args").unwrap(), all);
    // A disclosure that was made before the erasure is proven by the record after it too.
    let mut value = crate::record::tests::full(Kind::Decision);
    value["args"]["root"] = json!(root(&all));
    let record = Record::read(&surface::canonical::to_vec(&value)).unwrap();
    let before = Disclosure::of("/args/root", &all, "/mrn").unwrap();
    assert!(vault.erase(jane).unwrap() && !vault.erase(jane).unwrap());
    for vault in [&vault, &open()] {
        // What nobody was assigned went with her: it may have been about her.
        assert_eq!(vault.leaves(id(1), &[jane, john], "args").unwrap(), of_john);
        assert_eq!(vault.leaves(id(2), &[john], "args").unwrap(), shared);
        let put = vault.put(id(3), &[jane], "args", &[(Some(jane), of_jane.clone())]);
        assert!(matches!(put, Err(VaultError::Erased)));
    }
    assert!(before.is_of(&record));
    assert!(!folder.path().join("subjects").join(jane.to_string().replace("tok:", "")).exists());
    assert_ne!(open().token("mrn:0012345").unwrap(), jane, "a new token is not the old one");
}

#[test]
fn sealed_values_open_at_their_place_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = Vault::open(folder.path(), VaultKey::new([7; 32])).unwrap();
    let jane = vault.token("mrn:0012345").unwrap();
    vault.put(id(1), &[jane], "args", &[(Some(jane), leaves_of("[1]"))]).unwrap();
    let sealed = fs::read_to_string(vault.values(id(1))).unwrap();
    // A24: under another record, another member.
    fs::write(vault.values(id(2)), &sealed).unwrap();
    assert!(matches!(vault.leaves(id(2), &[jane], "args"), Err(VaultError::Sealed)));
    fs::write(vault.values(id(1)), sealed.replace("args", "result")).unwrap();
    assert!(matches!(vault.leaves(id(1), &[jane], "result"), Err(VaultError::Sealed)));
    let other = Vault::open(folder.path(), VaultKey::new([8; 32]));
    assert!(matches!(other, Err(VaultError::Sealed)), "another tenant's key");
}

/// A30, its short form: every record number of five digits, plain, in hex, base64 and hashed with
/// the functions that others use, against all that is written.
#[test]
fn no_record_number_of_a_dictionary_is_in_anything_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = Vault::open(&folder.path().join("vault"), VaultKey::new([7; 32])).unwrap();
    let mut written = Vec::new();
    for number in [12_345, 54_321, 99_001] {
        let jane = vault.token(&format!("{number:05}")).unwrap();
        let leaves = leaves_of(&format!(r#"{{"mrn":"{number:05}"}}"#));
        let mut value = crate::record::tests::full(Kind::Decision);
        value["args"]["root"] = json!(root(&leaves));
        value["data"]["subjects"] = json!([jane]);
        written.extend(surface::canonical::to_vec(&value));
        vault.put(id(1), &[jane], "args", &[(Some(jane), leaves)]).unwrap();
    }
    everything(folder.path(), &mut written);
    let text = String::from_utf8_lossy(&written).into_owned();
    let is_hex = |c: char| c.is_ascii_hexdigit();
    let words: HashSet<&str> = text.split(|c| !is_hex(c)).filter(|w| w.len() >= 32).collect();
    let mut plain = HashSet::new();
    for part in text.split(|c: char| !c.is_ascii_digit()).filter(|part| part.len() == 5) {
        plain.insert(part);
    }
    assert!(words.len() >= 10, "there is something to search");
    for number in 0..100_000 {
        let number = format!("{number:05}");
        for form in [number.clone(), format!("\"{number}\""), format!("{{\"mrn\":\"{number}\"}}")] {
            let hash = hex(&Sha256::digest(form.as_bytes()));
            assert!(!words.contains(hash.as_str()), "{form}");
            assert!(!words.contains(&hash[..32]), "{form}");
        }
    }
    for number in ["12345", "54321", "99001"] {
        assert!(!plain.contains(number), "{number} stands in clear");
    }
}
