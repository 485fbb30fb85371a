#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::key::Algorithm;
use crate::statement::tests::{declaration, every, key, say};
use crate::statement::{Finding, Observation, Observed, Predicate};

fn envelope() -> Envelope {
    Envelope::sign(say(Predicate::Declaration(declaration())), &[&key(1)]).unwrap()
}

fn edited(envelope: &Envelope, edit: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let mut value: serde_json::Value = serde_json::from_slice(envelope.bytes()).unwrap();
    edit(&mut value);
    surface::canonical::to_vec(&value)
}

fn code(bytes: &[u8]) -> &'static str {
    Envelope::parse(bytes).map(|envelope| envelope.signers().len()).unwrap_err().code()
}

#[test]
fn every_statement_under_every_kind_of_key_reads_back_and_verifies() {
    let keys = Algorithm::ALL.map(|kind| PrivateKey::from_seed(kind, &[3; 32]).unwrap());
    let publics = keys.each_ref().map(|key| key.public().clone());
    for statement in every() {
        let all = keys.each_ref();
        let envelope = Envelope::sign(statement.clone(), &all).unwrap();
        let again = Envelope::parse(envelope.bytes()).unwrap();
        assert_eq!(again, envelope);
        assert_eq!(again.statement(), &statement);
        assert_eq!(again.verify(&publics).unwrap(), again.signers());
        for public in &publics {
            assert_eq!(again.verify(std::slice::from_ref(public)).unwrap(), [public.id()]);
        }
        assert_eq!(again.verify(&[key(9).public().clone()]).unwrap(), []);
        assert_eq!(again.verify(&[]).unwrap(), []);
    }
}

#[test]
fn an_ed25519_envelope_is_the_same_bytes_each_time() {
    assert_eq!(envelope().bytes(), envelope().bytes());
    let (a, b) = (key(1), key(2));
    let statement = || say(Predicate::Declaration(declaration()));
    let both = Envelope::sign(statement(), &[&a, &b]).unwrap();
    assert_eq!(both, Envelope::sign(statement(), &[&b, &a]).unwrap());
}

#[test]
fn a_swapped_payload_type_is_refused() {
    let swapped = edited(&envelope(), |value| value["payloadType"] = "text/plain".into());
    assert_eq!(code(&swapped), "seal.envelope-payload-type");
    // A signature that was made for a payload of another type does not count either.
    let key = key(1);
    let payload = envelope().statement().to_payload().unwrap();
    let other = format!("DSSEv1 10 text/plain {} ", payload.len());
    let signature = key.sign(&[other.as_bytes(), payload.as_slice()].concat()).unwrap();
    let encoded = STANDARD.encode(signature);
    let swapped = edited(&envelope(), |value| value["signatures"][0]["sig"] = encoded.into());
    let envelope = Envelope::parse(&swapped).unwrap();
    assert_eq!(envelope.verify(&[key.public().clone()]).unwrap_err().code(), "seal.signature");
}

#[test]
fn a_spoofed_keyid_is_refused() {
    let (a, b) = (key(1).public().clone(), key(2).public().clone());
    let spoofed = edited(&envelope(), |value| {
        value["signatures"][0]["keyid"] = b.id().to_string().into();
    });
    let spoofed = Envelope::parse(&spoofed).unwrap();
    assert_eq!(spoofed.verify(&[a.clone(), b.clone()]).unwrap_err().code(), "seal.signature");
    assert_eq!(spoofed.verify(&[a]).unwrap(), [], "the real signer is not named");
}

#[test]
fn a_stripped_signature_is_missed() {
    let (a, b) = (key(1), key(2));
    let both = Envelope::sign(say(Predicate::Declaration(declaration())), &[&a, &b]).unwrap();
    let publics = [a.public().clone(), b.public().clone()];
    for index in 0..2 {
        let stripped = edited(&both, |value| {
            value["signatures"].as_array_mut().unwrap().remove(index);
        });
        let stripped = Envelope::parse(&stripped).unwrap();
        assert_eq!(stripped.verify(&publics).unwrap(), [both.signers()[1 - index]]);
        assert_ne!(stripped.bytes(), both.bytes(), "another leaf");
    }
    let none = edited(&both, |value| value["signatures"] = serde_json::json!([]));
    assert_eq!(code(&none), "seal.envelope-signature-count");
}

#[test]
fn duplicate_and_unordered_signatures_are_refused() {
    let (a, b) = (key(1), key(2));
    let both = Envelope::sign(say(Predicate::Declaration(declaration())), &[&a, &b]).unwrap();
    let twice = edited(&both, |value| value["signatures"][1] = value["signatures"][0].clone());
    assert_eq!(code(&twice), "seal.envelope-signature-order");
    let swapped = edited(&both, |value| value["signatures"].as_array_mut().unwrap().swap(0, 1));
    assert_eq!(code(&swapped), "seal.envelope-signature-order");
    let statement = say(Predicate::Declaration(declaration()));
    let refused = Envelope::sign(statement.clone(), &[&a, &a]).unwrap_err();
    assert_eq!(refused.code(), "seal.envelope-signature-order");
    let keys: Vec<_> = (0..9).map(key).collect();
    let eight: Vec<_> = keys[..limits::SIGNATURES_MAX].iter().collect();
    assert!(Envelope::parse(Envelope::sign(statement.clone(), &eight).unwrap().bytes()).is_ok());
    let nine: Vec<_> = keys.iter().collect();
    assert_eq!(
        Envelope::sign(statement.clone(), &nine).unwrap_err().code(),
        "seal.envelope-signature-count"
    );
    assert_eq!(Envelope::sign(statement, &[]).unwrap_err().code(), "seal.envelope-signature-count");
}

#[test]
fn an_envelope_has_one_encoding() {
    let envelope = envelope();
    let text = String::from_utf8(envelope.bytes().to_vec()).unwrap();
    let more = edited(&envelope, |value| value["more"] = 1.into());
    assert_eq!(code(&more), "seal.envelope-not-canonical");
    let more = edited(&envelope, |value| value["signatures"][0]["cert"] = "".into());
    assert_eq!(code(&more), "seal.envelope-not-canonical");
    let payload = text.split('"').nth(3).unwrap();
    assert!(payload.ends_with('='), "the payload shows padding");
    // The last character before `==` has four bits that nobody reads.
    let stray = ["A", "Q", "g", "w"]
        .into_iter()
        .zip(["B", "R", "h", "x"])
        .fold(text.clone(), |text, (clean, stray)| {
            text.replace(&format!("{clean}==\""), &format!("{stray}==\""))
        });
    assert_ne!(stray, text);
    for (wrong, wanted) in [
        (format!("{text}\n"), "seal.envelope-not-canonical"),
        (text.replace("\",\"", "\", \""), "seal.envelope-not-canonical"),
        (text.replace("application/", "application\\/"), "seal.envelope-not-canonical"),
        (text.replace("sha256:", "sha256\\u003a"), "seal.envelope-member"),
        (text.replace(payload, payload.trim_end_matches('=')), "seal.envelope-member"),
        (stray, "seal.envelope-member"),
        (text.replace('+', "-").replace('/', "_"), "seal.envelope-payload-type"),
        (text.replace("{\"payload\"", "{\"payload\":\"\",\"payload\""), "seal.envelope-json"),
        (text.replace("{\"payload\"", "{\"Payload\":\"\",\"payload\""), "seal.envelope-json"),
        (text[..text.len() - 1].to_owned(), "seal.envelope-json"),
        ("[]".to_owned(), "seal.envelope-member"),
        (String::new(), "seal.envelope-json"),
    ] {
        assert_eq!(code(wrong.as_bytes()), wanted, "{wrong}");
    }
}

/// An envelope whose payload is filled up by `fill` bytes.
fn filled(fill: usize, keys: &[&PrivateKey]) -> Result<Envelope, EnvelopeError> {
    let finding = |place: usize| Finding {
        code: "a".to_owned(),
        severity: "info".to_owned(),
        place: "p".repeat(place),
    };
    let mut changes: Vec<_> = (0..12).map(|_| finding(3_900)).collect();
    changes.push(finding(fill));
    let of = Observed::Namespace {
        method: "dns".to_owned(),
        subject: "acme.example".to_owned(),
        state: "present".to_owned(),
        key: None,
    };
    let observation = Observation { of, changes, vantage: None, client: None };
    Envelope::sign(say(Predicate::Observation(observation)), keys)
}

#[test]
fn an_envelope_of_65_535_bytes_is_a_leaf_and_one_of_65_536_is_not() {
    let keys: Vec<_> = (0..4).map(key).collect();
    // Base64 grows by four bytes at once; each signature moves the residue by one.
    let limit = limits::ENVELOPE_BYTES_MAX;
    let longest = (1..=4).find_map(|count| {
        let keys: Vec<_> = keys.iter().take(count).collect();
        let size = filled(0, &keys).unwrap().bytes().len();
        let fill = (limit - size) / 4 * 3;
        (fill - 20..fill + 4).find_map(|fill| {
            let made = filled(fill, &keys).ok()?;
            (made.bytes().len() == limit).then_some((made, fill, count))
        })
    });
    let (longest, fill, count) = longest.expect("an envelope of the limit");
    assert_eq!(Envelope::parse(longest.bytes()).unwrap().bytes(), longest.bytes());
    let over = [longest.bytes(), b" "].concat();
    assert_eq!(over.len(), 65_536);
    assert_eq!(code(&over), "seal.envelope-too-long");
    let keys: Vec<_> = keys.iter().take(count).collect();
    let refused = filled(fill + 3, &keys).map(|made| made.bytes().len()).unwrap_err();
    assert_eq!(refused.code(), "seal.envelope-too-long");
}

#[test]
fn every_flipped_bit_of_an_envelope_is_refused_or_verifies_nothing() {
    let envelope = envelope();
    let public = [key(1).public().clone()];
    for at in 0..envelope.bytes().len() {
        for bit in 0..8 {
            let mut wrong = envelope.bytes().to_vec();
            wrong[at] ^= 1 << bit;
            let verified = Envelope::parse(&wrong).and_then(|wrong| wrong.verify(&public));
            assert!(verified.map_or(true, |signers| signers.is_empty()), "{at}.{bit}");
        }
    }
}

#[test]
fn what_is_signed_is_the_pre_authentication_encoding() {
    // DSSE protocol.md, its own example of the encoding, with our payload type.
    let signed = pre_authentication_encoding(b"hello world");
    assert_eq!(signed, b"DSSEv1 28 application/vnd.in-toto+json 11 hello world");
}

#[test]
fn the_published_vectors_hold() {
    let text = include_str!("../../../../vectors/envelope.json");
    let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
    let keys = vectors["keys"].as_array().unwrap().iter();
    let keys: Vec<PublicKey> =
        keys.map(|key| key["publicKey"].as_str().unwrap().parse().unwrap()).collect();
    let envelopes = vectors["envelopes"].as_array().unwrap();
    assert_eq!(envelopes.len(), 7);
    for vector in envelopes {
        let text = vector["envelope"].as_str().unwrap();
        let envelope = Envelope::parse(text.as_bytes()).unwrap();
        assert_eq!(envelope.verify(&keys).unwrap(), envelope.signers());
        let leaf = surface::Digest::from_sha256(tlog::Hash::of_leaf(envelope.bytes()).0);
        assert_eq!(vector["leaf"], leaf.to_string());
        assert_eq!(vector["names"], serde_json::json!(envelope.statement().names()));
        // Ed25519 signs without randomness: signed again it is the same.
        let seeds = [key(1), key(2)];
        let signers: Vec<_> =
            seeds.iter().filter(|key| envelope.signers().contains(&key.public().id())).collect();
        let again = Envelope::sign(envelope.statement().clone(), &signers).unwrap();
        assert_eq!(again, envelope);
    }
}

#[test]
fn an_envelope_is_nested_to_its_bound() {
    // The object around it is one.
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        format!("{{\"payload\":{open}{close}}}").into_bytes()
    };
    assert_eq!(code(&nested(limits::DEPTH_MAX)), "seal.envelope-member");
    assert_eq!(code(&nested(limits::DEPTH_MAX + 1)), "seal.envelope-json");
}
