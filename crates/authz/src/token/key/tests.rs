//! Keys, by the vectors of the RFCs and by what must not be one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;

use super::*;
use crate::token::Jwt;

/// RFC 7638 §3.1.
fn rfc7638() -> Value {
    json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSo\
              c_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YG\
              jQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt\
              -bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    })
}

/// RFC 7515 A.3.1, without its private member.
fn rfc7515_a3() -> Value {
    json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

/// RFC 8037 A.2.
fn rfc8037_a2() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

fn changed(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    for (jwk, jkt) in [
        (rfc7638(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        // RFC 8037 A.3.
        (rfc8037_a2(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
    ] {
        assert_eq!(Key::parse(&jwk).unwrap().thumbprint().0, jkt);
    }
}

#[test]
fn rfc_8037_a4_verifies() {
    let text = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt\
                7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let signature = jwk::decode(signature).unwrap();
    let key = Key::parse(&rfc8037_a2()).unwrap();
    assert!(key.verify(signed.as_bytes(), &signature));
    assert!(!key.verify(&signed.as_bytes()[1..], &signature));
}

#[test]
fn rfc_7515_a3_verifies_as_a_whole() {
    let text = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa\
                8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let claims = Jwt::parse(text, 1_024).unwrap().verify(&Key::parse(&rfc7515_a3()).unwrap());
    assert_eq!(claims.unwrap().seconds("exp"), Some(1_300_819_380));
}

#[test]
fn a_key_of_p_384_verifies() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(48);
    let jwk = json!({"kty": "EC", "crv": "P-384", "x": jwk::encode(x), "y": jwk::encode(y)});
    let key = Key::parse(&jwk).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Es384);
    let signature = pair.sign(&SystemRandom::new(), b"message").unwrap();
    assert!(key.verify(b"message", signature.as_ref()));
    assert!(!key.verify(b"messagE", signature.as_ref()));
}

/// The same point with a byte of `x` before `y` is no second form of one key.
#[test]
fn no_byte_moves_from_one_coordinate_to_the_other() {
    let jwk = rfc7515_a3();
    let bytes = |name: &str| jwk::decode(jwk[name].as_str().unwrap()).unwrap();
    let point = [bytes("x"), bytes("y")].concat();
    for (at, accepted) in [(31, false), (32, true), (33, false)] {
        let (x, y) = point.split_at(at);
        let moved = json!({"kty": "EC", "crv": "P-256", "x": jwk::encode(x), "y": jwk::encode(y)});
        assert_eq!(Key::parse(&moved).is_ok(), accepted, "{at}");
    }
    let long = [bytes("y"), vec![0]].concat();
    assert!(Key::parse(&changed(jwk, "y", json!(jwk::encode(&long)))).is_err());
}

#[test]
fn a_key_is_for_one_algorithm() {
    for (jwk, algorithm) in [
        (rfc7515_a3(), Algorithm::Es256),
        (rfc8037_a2(), Algorithm::EdDsa),
        (changed(rfc8037_a2(), "alg", json!("Ed25519")), Algorithm::EdDsa),
        (rfc7638(), Algorithm::Rs256),
        (changed(rfc7638(), "alg", json!("PS256")), Algorithm::Ps256),
    ] {
        assert_eq!(Key::parse(&jwk).unwrap().algorithm(), algorithm);
    }
    for (jwk, alg) in [
        (rfc7515_a3(), "ES384"),
        (rfc7515_a3(), "RS256"),
        (rfc8037_a2(), "ES256"),
        (rfc7638(), "HS256"),
        (rfc7638(), "RS512"),
        (rfc7638(), "RSA-OAEP"),
        (rfc7638(), "none"),
    ] {
        let key = Key::parse(&changed(jwk, "alg", json!(alg)));
        assert!(matches!(key, Err(KeyError::Unsupported(_))), "{alg}");
    }
}

#[test]
fn each_algorithm_has_its_name() {
    use Algorithm::{EdDsa, Es256, Es384, Ps256, Rs256};
    for algorithm in [Es256, Es384, EdDsa, Rs256, Ps256] {
        assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
    }
    for other in ["none", "HS256", "es256", "ES512", ""] {
        assert_eq!(Algorithm::parse(other), None, "{other}");
    }
}

#[test]
fn keys_differ_by_name_algorithm_and_number() {
    let key = |jwk| Key::parse(&jwk).unwrap();
    assert_eq!(key(rfc7638()), key(changed(rfc7638(), "use", json!("sig"))));
    assert_ne!(key(rfc7638()), key(changed(rfc7638(), "alg", json!("PS256"))));
    assert_ne!(key(rfc7638()), key(changed(rfc7638(), "kid", json!("another"))));
    assert_ne!(key(rfc7515_a3()), key(rfc8037_a2()));
    let shown = format!("{:?}", key(rfc7638()));
    assert!(shown.contains("2011-04-29") && shown.contains("NzbLsXh8uDCcd"), "{shown}");
}

#[test]
fn private_and_shared_keys_are_refused() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let key = Key::parse(&changed(rfc7515_a3(), name, json!("AA")));
        assert!(matches!(key, Err(KeyError::NotPublic)), "{name}");
    }
    let shared = json!({"kty": "oct", "alg": "HS256"});
    assert!(matches!(Key::parse(&shared), Err(KeyError::NotPublic)));
}

#[test]
fn a_key_that_is_not_for_signatures_is_refused() {
    for (name, value, accepted) in [
        ("use", json!("sig"), true),
        ("use", json!("enc"), false),
        ("key_ops", json!(["verify"]), true),
        ("key_ops", json!(["encrypt", "wrapKey"]), false),
        ("key_ops", json!([]), false),
        ("key_ops", json!("verify"), false),
        ("kid", json!(""), false),
        ("kid", json!(7), false),
        ("kid", json!("a".repeat(limits::NAME_BYTES_MAX)), true),
        ("kid", json!("a".repeat(limits::NAME_BYTES_MAX + 1)), false),
    ] {
        let key = Key::parse(&changed(rfc7638(), name, value.clone()));
        assert_eq!(key.is_ok(), accepted, "{name} {value}");
    }
}

#[test]
fn the_numbers_of_a_key_have_one_encoding() {
    let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    for (jwk, name, value) in [
        (rfc7515_a3(), "x", json!(format!("{x}="))),
        (rfc7515_a3(), "x", json!(format!("AA{x}"))),
        (rfc7515_a3(), "x", json!(x.replace('U', "V"))), // other bits behind the last byte
        (rfc7515_a3(), "x", json!(x.replace("f8", "f9"))), // not on the curve
        (rfc7515_a3(), "y", Value::Null),
        (rfc7515_a3(), "crv", json!("P-384")),
        (rfc7515_a3(), "crv", json!("secp256k1")),
        (rfc7515_a3(), "kty", json!("RSA")),
        (rfc8037_a2(), "x", json!("AQ")),
        // The neutral element: of order one.
        (rfc8037_a2(), "x", json!("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        (rfc8037_a2(), "crv", json!("Ed448")),
        (rfc7638(), "e", json!("AAEAAQ")),
        (rfc7638(), "n", json!(format!("AA{}", "A".repeat(340)))),
        (rfc7638(), "n", json!("")),
    ] {
        let key = Key::parse(&changed(jwk, name, value.clone()));
        assert!(key.is_err(), "{name} {value}");
    }
}

#[test]
fn an_rsa_key_has_2048_to_8192_bits() {
    // Bits of a modulus: 64 characters are 384.
    let modulus = |bytes: usize| json!(jwk::encode(&[&[0x80][..], &vec![1; bytes - 1]].concat()));
    for (bytes, accepted) in [(255, false), (256, true), (1_024, true), (1_025, false)] {
        let key = Key::parse(&changed(rfc7638(), "n", modulus(bytes)));
        assert_eq!(key.is_ok(), accepted, "{bytes}: {:?}", key.err());
    }
    let short = json!(jwk::encode(&[&[0x7f][..], &[1; 255]].concat()));
    assert!(Key::parse(&changed(rfc7638(), "n", short)).is_err(), "2047 bits");
}

#[test]
fn a_set_leaves_out_what_is_not_accepted_and_refuses_what_must_not_be_there() {
    let enc = changed(changed(rfc7638(), "use", json!("enc")), "kid", json!("enc"));
    let none = changed(rfc7515_a3(), "x", json!("AA"));
    let set = json!({"keys": [rfc7515_a3(), rfc7638(), enc, {"kty": "new", "kid": "x"}, none, 7]});
    let set = KeySet::parse(set.to_string().as_bytes()).unwrap();
    assert_eq!(set.0.len(), 2);
    assert_eq!(KeySet::from_value(&set.jwks()).unwrap(), set, "as it is published, it is read");
    for refused in [
        json!({"keys": [rfc7515_a3(), {"kty": "oct", "k": "AA"}]}),
        json!({"keys": [rfc7638(), rfc7638()]}),
        json!({"keys": rfc7638()}),
        json!([rfc7638()]),
    ] {
        assert!(KeySet::parse(refused.to_string().as_bytes()).is_err(), "{refused}");
    }
    assert!(KeySet::parse(br#"{"keys": [], "keys": []}"#).is_err(), "two members of one name");
}

#[test]
fn a_set_is_bounded() {
    let set = |count| json!({"keys": vec![rfc7515_a3(); count]}).to_string();
    assert!(KeySet::parse(set(limits::KEYS_MAX).as_bytes()).is_ok());
    assert!(KeySet::parse(set(limits::KEYS_MAX + 1).as_bytes()).is_err());
    let padded = |size: usize| set(1) + &" ".repeat(size - set(1).len());
    assert!(KeySet::parse(padded(limits::JWKS_BYTES_MAX).as_bytes()).is_ok());
    assert!(KeySet::parse(padded(limits::JWKS_BYTES_MAX + 1).as_bytes()).is_err());
}

#[test]
fn a_key_is_found_by_its_kid_or_if_it_is_the_only_one() {
    let two = KeySet(vec![
        Key::parse(&changed(rfc7515_a3(), "kid", json!("a"))).unwrap(),
        Key::parse(&changed(rfc8037_a2(), "kid", json!("b"))).unwrap(),
    ]);
    assert_eq!(two.find(Some("b"), Algorithm::Es256).unwrap().id(), Some("b"));
    assert_eq!(two.find(None, Algorithm::Es256).unwrap().id(), Some("a"));
    assert!(two.find(None, Algorithm::Rs256).is_none());
    assert!(two.find(Some("c"), Algorithm::Es256).is_none());
    let key = Signer::generate(Algorithm::Es256).unwrap().public().clone();
    let three = KeySet([two.0, vec![key]].concat());
    assert!(three.find(None, Algorithm::Es256).is_none(), "two could be meant");
}

#[test]
fn what_is_signed_verifies_and_the_key_survives_its_pem() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let signer = Signer::generate(algorithm).unwrap();
        let again = Signer::from_pem(signer.to_pem().unwrap().expose()).unwrap();
        assert_eq!(again.public(), signer.public());
        assert_eq!(signer.public().id(), Some(signer.public().thumbprint().0.as_str()));
        for _ in 0..32 {
            let token = again.sign("at+jwt", &json!({"iss": "a"})).unwrap();
            let signature = token.expose().rsplit_once('.').unwrap().1;
            assert_eq!(jwk::decode(signature).unwrap().len(), 64, "r and s, never DER");
            let jwt = Jwt::parse(token.expose(), 1_024).unwrap();
            assert_eq!((jwt.typ(), jwt.kid()), (Some("at+jwt"), signer.public().id()));
            assert_eq!(jwt.verify(signer.public()).unwrap().text("iss"), Some("a"));
        }
    }
    assert!(Signer::generate(Algorithm::Rs256).is_err());
    assert!(
        Signer::from_pem("-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n").is_err()
    );
}

#[test]
fn a_key_of_the_house_signs() {
    let pem = seal::PrivateKey::from_seed(seal::key::Algorithm::P256, &[7; 32]).unwrap();
    let signer = Signer::from_pem(&pem.to_pem(None).unwrap()).unwrap();
    assert_eq!(signer.public().algorithm(), Algorithm::Es256);
    let shown = format!("{signer:?}");
    assert!(shown.contains(signer.public().id().unwrap()) && !shown.contains("PRIVATE"), "{shown}");
}
