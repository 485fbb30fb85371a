#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::der::Reader;

/// The signature with the other of the two values of `s`.
pub(crate) fn other_s(signature: &[u8]) -> Vec<u8> {
    let mut pair = Reader::new(signature).sequence().unwrap();
    let (r, s) = (pair.unsigned().unwrap(), pair.unsigned().unwrap());
    let other = subtract(&P256_ORDER, &fixed(s).unwrap()).unwrap();
    let inner = [crate::der::unsigned(r), crate::der::unsigned(&other)].concat();
    crate::der::tagged(crate::der::SEQUENCE, &inner)
}

#[test]
fn subtraction_borrows() {
    let mut one = [0; 32];
    one[31] = 1;
    let mut high = [0; 32];
    high[0] = 1;
    let mut below = [0xff; 32];
    below[0] = 0;
    assert_eq!(subtract(&high, &one), Some(below));
    assert_eq!(subtract(&one, &high), None);
    assert_eq!(subtract(&one, &one), Some([0; 32]));
}
