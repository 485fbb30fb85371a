//! `aws-lc-rs` behind the traits of `tlog`, and what it leaves open closed: no key of small order,
//! no second encoding of a key or a signature.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, ML_DSA_44, UnparsedPublicKey};

/// Verifies what `tlog` asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Crypto;

impl tlog::Verify for Crypto {
    fn ed25519(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        ed25519(public_key, message, signature)
    }

    fn ml_dsa_44(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        ml_dsa_44(public_key, message, signature)
    }
}

/// RFC 8032 without cofactor, over the key's and the signature's only encodings: the library refuses
/// `S` beyond the group's order and compares `R` by its bytes; small orders are refused here.
pub(crate) fn ed25519(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Some((r, _)) = signature.split_first_chunk::<32>() else { return false };
    is_ed25519_point(public_key)
        && !is_small_order(r)
        && UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok()
}

/// FIPS 204, pure, empty context. Its signatures have one encoding by themselves.
pub(crate) fn ml_dsa_44(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    // The library would take a `SubjectPublicKeyInfo` too.
    public_key.len() == ML_DSA_44_KEY_BYTES
        && UnparsedPublicKey::new(&ML_DSA_44, public_key).verify(message, signature).is_ok()
}

/// ECDSA over P-256 with SHA-256, the signature in DER and with the lower of the two values of `s`:
/// anybody can make the other one, and would have a second envelope of one statement.
pub(crate) fn p256(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    low_s(signature).is_some_and(|low| low == signature)
        && p256_any_s(public_key, message, signature)
}

/// The same with either value of `s`, as others sign.
pub(crate) fn p256_any_s(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    public_key.len() == P256_POINT_BYTES
        && UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public_key)
            .verify(message, signature)
            .is_ok()
}

/// Whether 32 bytes can be an Ed25519 public key: the one encoding of a point whose order is not
/// small.
pub fn is_ed25519_point(bytes: &[u8]) -> bool {
    let Ok(bytes) = <&[u8; 32]>::try_from(bytes) else { return false };
    !is_small_order(bytes) && !is_beyond_the_field(bytes)
}

/// The DER of the signature that has the lower `s` of the two; `None` if it is no signature.
pub(crate) fn low_s(signature: &[u8]) -> Option<Vec<u8>> {
    let mut outer = crate::der::Reader::new(signature);
    let mut pair = outer.sequence()?;
    let (r, s) = (pair.unsigned()?, pair.unsigned()?);
    if !outer.is_at_end() || !pair.is_at_end() {
        return None;
    }
    let s = fixed(s)?;
    let other = subtract(&P256_ORDER, &s)?;
    let mut inner = crate::der::unsigned(&fixed(r)?);
    inner.extend(crate::der::unsigned(&s.min(other)));
    Some(crate::der::tagged(crate::der::SEQUENCE, &inner))
}

/// An integer as 32 bytes; `None` if it needs more.
fn fixed(integer: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let start = bytes.len().checked_sub(integer.len())?;
    bytes.get_mut(start..)?.copy_from_slice(integer);
    Some(bytes)
}

/// `a - b`, big-endian; `None` if that is negative.
fn subtract(a: &[u8; 32], b: &[u8; 32]) -> Option<[u8; 32]> {
    let mut difference = [0; 32];
    let mut borrow = false;
    for ((out, a), b) in difference.iter_mut().zip(a).zip(b).rev() {
        let (first, under) = a.overflowing_sub(*b);
        let (second, under_again) = first.overflowing_sub(u8::from(borrow));
        *out = second;
        borrow = under || under_again;
    }
    (!borrow).then_some(difference)
}

fn is_small_order(point: &[u8; 32]) -> bool {
    let mut y = *point;
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    SMALL_ORDER_Y.contains(&y)
}

/// Whether `y` is at least the field's prime, 2^255 - 19, and so a second encoding.
fn is_beyond_the_field(point: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = point;
    *first >= 0xed && last & 0x7f == 0x7f && middle.iter().all(|byte| *byte == 0xff)
}

pub(crate) const P256_POINT_BYTES: usize = 65;
pub(crate) const ML_DSA_44_KEY_BYTES: usize = 1_312;

/// The order of the group of P-256 (SEC 2 §2.4.2).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The `y` of the eight points whose order divides the cofactor: 0, 1, -1 and the two of order 8.
const SMALL_ORDER_Y: [[u8; 32]; 5] = [
    [0; 32],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

#[cfg(test)]
pub(crate) mod tests;
