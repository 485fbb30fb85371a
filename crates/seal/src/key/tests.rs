#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

const MESSAGE: &[u8] = b"a message";

fn keys() -> impl Iterator<Item = PrivateKey> {
    Algorithm::ALL.into_iter().map(|algorithm| PrivateKey::from_seed(algorithm, &[7; 32]).unwrap())
}

fn passphrase(text: &str) -> Passphrase<'_> {
    Passphrase { text, random: [9; 32], rounds: 1_000 }
}

#[test]
fn each_kind_signs_and_verifies_and_reads_back() {
    for key in keys() {
        let public = key.public();
        assert_eq!(PublicKey::from_der(public.der()).unwrap(), *public);
        assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), *public);
        let signature = key.sign(MESSAGE).unwrap();
        assert!(public.verify(MESSAGE, &signature));
        assert!(!public.verify(b"another message", &signature));
        let pem = key.to_pem(None).unwrap();
        let again = PrivateKey::from_pem(&pem, None).unwrap();
        assert_eq!(again.public(), public);
        assert!(public.verify(MESSAGE, &again.sign(MESSAGE).unwrap()));
        assert!(!PrivateKey::is_encrypted(&pem));
    }
}

#[test]
fn every_flipped_bit_of_a_signature_is_refused() {
    for key in keys() {
        let signature = key.sign(MESSAGE).unwrap();
        for at in 0..signature.len() {
            for bit in 0..8 {
                let mut wrong = signature.clone();
                wrong[at] ^= 1 << bit;
                assert!(!key.public().verify(MESSAGE, &wrong), "{at}.{bit}");
            }
            if signature.len() > 100 && at > 32 {
                break;
            }
        }
        for length in 0..signature.len().min(80) {
            assert!(!key.public().verify(MESSAGE, &signature[..length]));
        }
        assert!(!key.public().verify(MESSAGE, &[signature.as_slice(), &[0]].concat()));
    }
}

#[test]
fn a_key_file_opens_with_its_passphrase_only() {
    for key in keys() {
        let pem = key.to_pem(Some(&passphrase("open"))).unwrap();
        assert!(PrivateKey::is_encrypted(&pem));
        assert_eq!(PrivateKey::from_pem(&pem, Some("open")).unwrap().public(), key.public());
        for wrong in [None, Some(""), Some("Open"), Some("open ")] {
            let refused = PrivateKey::from_pem(&pem, wrong).unwrap_err();
            assert_eq!(refused.code(), "seal.key-passphrase", "{wrong:?}");
        }
    }
}

#[test]
fn a_key_file_cannot_ask_for_endless_work() {
    let key = keys().next().unwrap();
    let at_the_limit = |rounds| {
        let sealed = pkcs8::encrypt(b"", &Passphrase { text: "", random: [0; 32], rounds: 1 });
        let mut der = sealed.unwrap();
        let one = der.windows(3).position(|bytes| bytes == [2, 1, 1]).unwrap();
        let number = der::unsigned(&u32::to_be_bytes(rounds));
        der.splice(one..one + 3, number);
        // Lengths grow; the reader refuses what it cannot read, so only the limit is tested here.
        der
    };
    assert!(pkcs8::decrypt(&at_the_limit(limits().1), "").is_err());
    let many = Passphrase { text: "", random: [0; 32], rounds: limits().1 };
    assert!(matches!(
        key.to_pem(Some(&many)).unwrap_err(),
        KeyError::Malformed("more rounds of PBKDF2 than the limit")
    ));
}

const fn limits() -> (u32, u32) {
    (crate::limits::PBKDF2_ROUNDS_MAX, crate::limits::PBKDF2_ROUNDS_MAX + 1)
}

#[test]
fn a_public_key_has_one_encoding() {
    for key in keys() {
        let der = key.public().der();
        for wrong in
            [[der, &[0]].concat(), der[..der.len() - 1].to_vec(), [&[0], der].concat(), Vec::new()]
        {
            assert!(PublicKey::from_der(&wrong).is_err());
        }
    }
    // P-256: a compressed point, and one that is not on the curve.
    let p256 = PrivateKey::from_seed(Algorithm::P256, &[7; 32]).unwrap();
    let raw = p256.public().raw();
    let compressed = [&[2 + (raw[64] & 1)], &raw[1..33]].concat();
    assert!(PublicKey::from_raw(Algorithm::P256, &compressed).is_err());
    let mut beside = raw.to_vec();
    beside[64] ^= 1;
    assert!(PublicKey::from_raw(Algorithm::P256, &beside).is_err());
}

#[test]
fn no_ed25519_key_has_a_small_order_or_a_second_form() {
    let minus_one = [&[0xec][..], &[0xff; 30], &[0x7f]].concat();
    let prime = [&[0xed][..], &[0xff; 30], &[0x7f]].concat();
    let beyond = [&[0xff; 31][..], &[0xff]].concat();
    let mut one = vec![0; 32];
    one[0] = 1;
    let with_sign = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[31] |= 0x80;
        bytes
    };
    for point in [vec![0; 32], one, minus_one, prime, beyond] {
        for point in [with_sign(&point), point] {
            assert!(PublicKey::from_raw(Algorithm::Ed25519, &point).is_err(), "{point:?}");
            // Under a key of order one every message has the signature `R = point, S = 0`.
            let signature = [point.as_slice(), &[0; 32]].concat();
            assert!(!crypto::ed25519(&point, MESSAGE, &signature));
        }
    }
}

#[test]
fn a_malleable_ed25519_signature_is_refused() {
    let key = PrivateKey::from_seed(Algorithm::Ed25519, &[7; 32]).unwrap();
    let mut signature = key.sign(MESSAGE).unwrap();
    // S + L, where L is the order of the group: the same signature for a lenient verifier.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "S + L has 32 bytes");
    assert!(!key.public().verify(MESSAGE, &signature));
}

#[test]
fn the_other_s_of_a_p256_signature_is_refused() {
    let key = PrivateKey::from_seed(Algorithm::P256, &[7; 32]).unwrap();
    for _ in 0..16 {
        let signature = key.sign(MESSAGE).unwrap();
        let other = crypto::tests::other_s(&signature);
        assert_ne!(other, signature);
        assert!(crypto::p256_any_s(key.public().raw(), MESSAGE, &other), "a valid signature");
        assert!(!key.public().verify(MESSAGE, &other), "but not the one form");
        assert_eq!(crypto::low_s(&other).unwrap(), signature);
    }
}

#[test]
fn a_pem_text_holds_one_block_and_nothing_else() {
    let key = keys().next().unwrap();
    let pem = key.public().to_string();
    assert!(pem.replace('\n', "\r\n").parse::<PublicKey>().is_ok());
    for wrong in [
        format!("{pem}{pem}"),
        format!("text\n{pem}"),
        format!("{pem}text"),
        pem.replace("END PUBLIC", "END PRIVATE"),
        pem.replace("PUBLIC KEY", "CERTIFICATE"),
        pem.replace("-----END PUBLIC KEY-----\n", ""),
        pem.replace("MCow", "MC w"),
        String::new(),
        "-".repeat(crate::limits::PEM_BYTES_MAX + 1),
    ] {
        assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
    }
    let private = key.to_pem(None).unwrap();
    assert_eq!(private.parse::<PublicKey>().unwrap_err().code(), "seal.key-private");
    assert_eq!(PrivateKey::from_pem(&pem, None).unwrap_err().code(), "seal.key-public");
}

#[test]
fn a_private_key_is_never_shown() {
    for key in keys() {
        let shown = format!("{key:?}");
        assert!(shown.contains("public") && !shown.contains("pair"), "{shown}");
    }
}

#[test]
fn a_seed_that_is_no_scalar_makes_no_p256_key() {
    for seed in [[0; 32], [0xff; 32]] {
        assert!(PrivateKey::from_seed(Algorithm::P256, &seed).is_err());
    }
}
