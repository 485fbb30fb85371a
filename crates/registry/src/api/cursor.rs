//! Cursors: a place in a list, bound to the query it is of, under our own MAC.
//!
//! base64url of 8 bytes time, 8 bytes position, and the first 16 bytes of HMAC-SHA-256 over both and
//! the filter. Opaque to clients; whoever makes one up, or uses it with another filter, is refused.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::answer::Refusal;
use crate::service::catalogue::{After, Filter};

/// The key of cursors.
#[derive(Debug, Clone)]
pub(super) struct CursorKey(hmac::Key);

impl CursorKey {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The cursor of a place in the list that `filter` gives.
    pub(super) fn write(&self, after: After, filter: &Filter) -> String {
        let mut bytes = place(after).to_vec();
        bytes.extend_from_slice(&self.mac(after, filter));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a cursor names.
    pub(super) fn read(&self, cursor: &str, filter: &Filter) -> Result<After, Refusal> {
        let wrong = || {
            let says = "the cursor is not one of ours, or is of another query";
            Refusal::new(http::StatusCode::BAD_REQUEST, "api.cursor", says)
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
        let (updated_us, rest) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
        let (position, mac) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
        let after = After {
            updated_us: i64::from_be_bytes(*updated_us),
            position: i64::from_be_bytes(*position),
        };
        let expected = self.mac(after, filter);
        let is_ours = aws_lc_rs::constant_time::verify_slices_are_equal(mac, &expected).is_ok();
        is_ours.then_some(after).ok_or_else(wrong)
    }

    fn mac(&self, after: After, filter: &Filter) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"countersign cursor v1\n");
        context.update(&place(after));
        for part in [&filter.search, &filter.version] {
            let part = part.as_deref();
            // Lengths keep the parts apart; an absent part is not an empty one.
            let size = part.map_or(u64::MAX, |part| part.len() as u64);
            context.update(&size.to_be_bytes());
            context.update(part.unwrap_or_default().as_bytes());
        }
        context.update(&filter.updated_since_us.unwrap_or(i64::MIN).to_be_bytes());
        context.update(&[u8::from(filter.include_deleted)]);
        let tag = context.sign();
        tag.as_ref().first_chunk::<16>().copied().unwrap_or_default()
    }
}

fn place(after: After) -> [u8; 16] {
    let mut bytes = [0; 16];
    let (time, position) = bytes.split_at_mut(8);
    time.copy_from_slice(&after.updated_us.to_be_bytes());
    position.copy_from_slice(&after.position.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    const AFTER: After = After { updated_us: 7, position: 42 };

    #[test]
    fn a_cursor_reads_back_with_its_own_query_and_no_other() {
        let key = CursorKey::new(b"one");
        let filter = Filter { search: Some("files".into()), ..Filter::default() };
        let cursor = key.write(AFTER, &filter);
        assert_eq!(key.read(&cursor, &filter).unwrap(), AFTER);
        for other in [
            Filter::default(),
            Filter { search: Some("file".into()), ..Filter::default() },
            Filter { version: Some("latest".into()), ..filter.clone() },
            Filter { include_deleted: true, ..filter.clone() },
            Filter { updated_since_us: Some(0), ..filter.clone() },
            Filter { search: None, version: Some("files".into()), ..Filter::default() },
        ] {
            assert_eq!(key.read(&cursor, &other).unwrap_err().code(), "api.cursor", "{other:?}");
        }
        assert!(CursorKey::new(b"two").read(&cursor, &filter).is_err());
    }

    #[test]
    fn every_bit_of_a_cursor_counts() {
        let (key, filter) = (CursorKey::new(b"one"), Filter::default());
        let cursor = key.write(AFTER, &filter);
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(key.read(&URL_SAFE_NO_PAD.encode(bytes), &filter).is_err(), "bit {bit}");
        }
        for size in 0..bytes.len() {
            assert!(key.read(&URL_SAFE_NO_PAD.encode(&bytes[..size]), &filter).is_err());
        }
        for wrong in ["", "%", "AAAA", &format!("{cursor}A"), &format!("{cursor}=")] {
            assert!(key.read(wrong, &filter).is_err(), "{wrong}");
        }
    }
}
