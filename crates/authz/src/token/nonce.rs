//! Nonces for proofs (RFC 9449 §8): a MAC over the time.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::limits;

/// Nonces that need no memory: a MAC over the time. Guards and STS of a domain share the key.
#[derive(Clone)]
pub struct Nonces {
    key: hmac::Key,
}

impl Nonces {
    /// By a shared key.
    pub fn new(key: [u8; 32]) -> Self {
        let key = zeroize::Zeroizing::new(key);
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()) }
    }

    /// The nonce of a time.
    pub fn issue(&self, now_s: u64) -> String {
        let time = now_s.to_be_bytes();
        let mut nonce = Vec::from(time);
        nonce.extend_from_slice(&self.mac(time));
        URL_SAFE_NO_PAD.encode(nonce)
    }

    /// Whether a nonce is ours and no older than `age_s_max`, nor than five minutes.
    pub fn is_fresh(&self, nonce: &str, age_s_max: u64, now_s: u64) -> bool {
        if nonce.len() != NONCE_CHARS {
            return false;
        }
        let bytes = URL_SAFE_NO_PAD.decode(nonce).unwrap_or_default();
        let Some((time, mac)) = bytes.split_first_chunk::<8>() else { return false };
        let is_ours = constant_time::verify_slices_are_equal(mac, &self.mac(*time)).is_ok();
        let issued_s = u64::from_be_bytes(*time);
        let age_s_max = age_s_max.min(limits::NONCE_AGE_S_MAX);
        // The clocks of one domain differ a little, and another instance may have issued it.
        is_ours
            && issued_s <= now_s.saturating_add(limits::OWN_SKEW_S_MAX)
            && issued_s.saturating_add(age_s_max) >= now_s
    }

    /// The label keeps another use of the key apart.
    fn mac(&self, time: [u8; 8]) -> [u8; MAC_BYTES] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"countersign dpop nonce\0");
        context.update(&time);
        let mut mac = [0; MAC_BYTES];
        for (out, byte) in mac.iter_mut().zip(context.sign().as_ref()) {
            *out = *byte;
        }
        mac
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces")
    }
}

const MAC_BYTES: usize = 16;
const NONCE_CHARS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_795_600_000;

    #[test]
    fn a_nonce_is_fresh_for_its_age_and_no_longer() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(NOW_S);
        for (age_s, later_s, fresh) in [
            (60, 60, true),
            (60, 61, false),
            (300, 300, true),
            (300, 301, false),
            (900, 301, false),
        ] {
            assert_eq!(nonces.is_fresh(&nonce, age_s, NOW_S + later_s), fresh, "{age_s} {later_s}");
        }
        assert!(nonces.is_fresh(&nonce, 60, NOW_S - limits::OWN_SKEW_S_MAX));
        assert!(!nonces.is_fresh(&nonce, 60, NOW_S - limits::OWN_SKEW_S_MAX - 1), "of the future");
    }

    #[test]
    fn a_nonce_of_another_key_or_changed_in_any_character_is_not_ours() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(NOW_S);
        assert!(Nonces::new([7; 32]).is_fresh(&nonce, 60, NOW_S), "instances share the key");
        assert!(!Nonces::new([8; 32]).is_fresh(&nonce, 60, NOW_S));
        assert_eq!(format!("{nonces:?}"), "Nonces", "nothing of the key");
        for at in 0..nonce.len() {
            let mut other = nonce.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap_or_default();
            assert!(!nonces.is_fresh(&other, 60, NOW_S), "{at}");
        }
        for refused in ["", "AAAA", &format!("{nonce}A"), &format!("{nonce}=")] {
            assert!(!nonces.is_fresh(refused, 60, NOW_S));
        }
    }
}
