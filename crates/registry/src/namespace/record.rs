//! The record by which a domain publishes a key, and the signature that proves it:
//! `v=MCPv1; k=ed25519; p=<Base64>`, or `k=ecdsap384` with a compressed point.

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp as Time;
use surface::Digest;

use super::error::NamespaceError;
use crate::limits;

/// How far a timestamp may be from now, in seconds.
pub const WINDOW_S: u64 = 15;

/// What a key signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519: a key of 32 bytes, signatures of 64.
    Ed25519,
    /// ECDSA over P-384 with SHA-384: a compressed key of 49 bytes, signatures `r ‖ s` of 96.
    P384,
}

/// A key that a domain publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    algorithm: Algorithm,
    key: Vec<u8>,
}

impl Record {
    /// Whether the key made `signature` of `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self.algorithm {
            Algorithm::Ed25519 => {
                UnparsedPublicKey::new(&ED25519, &self.key).verify(message, signature)
            }
            Algorithm::P384 => UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, &self.key)
                .verify(message, signature),
        };
        verified.is_ok()
    }

    /// The fingerprint: algorithm and SHA-256 of the key.
    pub fn fingerprint(&self) -> String {
        let name = match self.algorithm {
            Algorithm::Ed25519 => "ed25519",
            Algorithm::P384 => "ecdsap384",
        };
        format!("{name}:{}", Digest::of_bytes(&self.key))
    }

    /// Reads one record: the whole text, with nothing before or after it.
    fn parse(text: &str) -> Result<Self, NamespaceError> {
        let refused = |why| Err(NamespaceError::Record { why });
        let mut fields = text.split(';').map(str::trim);
        let mut field = |name: &str| {
            let field = fields.next()?;
            field.strip_prefix(name).and_then(|rest| rest.strip_prefix('='))
        };
        let (version, algorithm, key) = (field("v"), field("k"), field("p"));
        if version != Some("MCPv1") || fields.next().is_some() {
            return refused("it is not `v=MCPv1; k=…; p=…` alone");
        }
        let (algorithm, length) = match algorithm {
            Some("ed25519") => (Algorithm::Ed25519, 32),
            Some("ecdsap384") => (Algorithm::P384, 49),
            _ => return refused("its algorithm is neither `ed25519` nor `ecdsap384`"),
        };
        let key = key.and_then(|key| STANDARD.decode(key).ok());
        let Some(key) = key.filter(|key| key.len() == length) else {
            return refused("its key is not Base64 of the right length");
        };
        // A compressed point begins with the sign of its y.
        let is_compressed = matches!(key.first(), Some(2 | 3));
        if algorithm == Algorithm::P384 && !is_compressed {
            return refused("its key is no compressed point");
        }
        Ok(Self { algorithm, key })
    }
}

/// The records among some texts. Texts of other purposes are passed over; what begins as a record of
/// ours and is none is passed over too, unless nothing else is there.
///
/// # Errors
/// Texts of which one begins as a record and none is one.
pub fn of_texts(texts: &[String]) -> Result<Vec<Record>, NamespaceError> {
    let texts = texts.iter().map(|text| text.trim());
    let ours = texts.filter(|text| text.starts_with("v=MCPv1"));
    let parsed: Vec<_> = ours.take(limits::NAMESPACE_RECORDS_MAX).map(Record::parse).collect();
    let (mut records, mut refused) = (Vec::new(), None);
    for record in parsed {
        match record {
            Ok(record) => records.push(record),
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(error) if records.is_empty() => Err(error),
        _ => Ok(records),
    }
}

/// A signature, as requests write it.
///
/// # Errors
/// What is no pairs of hexadecimal digits.
pub fn signature_of_hex(text: &str) -> Result<Vec<u8>, NamespaceError> {
    let is_hex = text.len() <= limits::NAMESPACE_SIGNATURE_CHARS_MAX
        && text.len().is_multiple_of(2)
        && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex {
        return Err(NamespaceError::SignatureForm);
    }
    let pairs = (0..text.len()).step_by(2).filter_map(|at| text.get(at..at + 2));
    let bytes = pairs.map(|pair| u8::from_str_radix(pair, 16));
    bytes.collect::<Result<_, _>>().map_err(|_| NamespaceError::SignatureForm)
}

/// A timestamp of now: the text is what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    text: String,
    time_s: u64,
}

impl Timestamp {
    /// Reads a timestamp.
    ///
    /// # Errors
    /// What is not RFC 3339, or more than [`WINDOW_S`] from now.
    pub fn checked(text: &str, now_s: u64) -> Result<Self, NamespaceError> {
        let refused = || NamespaceError::Timestamp;
        if text.len() > limits::NAMESPACE_TIMESTAMP_CHARS_MAX {
            return Err(refused());
        }
        // `jiff` reads more than RFC 3339: what names a zone in brackets has no `T…Z` or offset only.
        let is_plain =
            |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b':' | b'.' | b'T' | b'Z');
        if !text.bytes().all(is_plain) {
            return Err(refused());
        }
        let time: Time = text.parse().map_err(|_| refused())?;
        let time_s = u64::try_from(time.as_second()).map_err(|_| refused())?;
        if time_s.abs_diff(now_s) > WINDOW_S {
            return Err(refused());
        }
        Ok(Self { text: text.to_owned(), time_s })
    }

    /// The text, as it was signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Seconds since 1970.
    pub const fn time_s(&self) -> u64 {
        self.time_s
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn text(algorithm: &str, key: &[u8]) -> String {
        format!("v=MCPv1; k={algorithm}; p={}", STANDARD.encode(key))
    }

    #[test]
    fn a_record_is_the_whole_text_or_none() {
        let key = text("ed25519", &[7; 32]);
        for good in [key.clone(), format!(" {key}\r\n"), key.replace("; ", ";")] {
            assert_eq!(of_texts(std::slice::from_ref(&good)).unwrap().len(), 1, "{good}");
        }
        let long = text("ecdsap384", &[4; 49]);
        for bad in [
            format!("{key}; x=1"),
            format!("{key}\n{key}"),
            text("ed25519", &[7; 31]),
            text("ed25519", &[7; 33]),
            text("rsa", &[7; 32]),
            long,
            "v=MCPv1".to_owned(),
            key.replace("v=MCPv1", "v=MCPv11"),
        ] {
            assert_eq!(
                of_texts(std::slice::from_ref(&bad)).unwrap_err().code(),
                "namespace.record",
                "{bad}"
            );
        }
        // Found inside another text: the official pattern is not anchored, ours is.
        let inside = format!("<html>{key}</html>");
        assert_eq!(of_texts(&[inside]).unwrap(), []);
        assert_eq!(of_texts(&["v=spf1 -all".to_owned()]).unwrap(), []);
    }

    #[test]
    fn several_records_are_several_keys_up_to_the_limit() {
        let texts: Vec<String> = (0..=limits::NAMESPACE_RECORDS_MAX)
            .map(|n| text("ed25519", &[u8::try_from(n).unwrap(); 32]))
            .collect();
        let records = of_texts(&texts).unwrap();
        assert_eq!(records.len(), limits::NAMESPACE_RECORDS_MAX);
        let stale = ["v=MCPv1; k=old; p=AA==".to_owned(), text("ed25519", &[1; 32])];
        assert_eq!(of_texts(&stale).unwrap().len(), 1);
    }

    #[test]
    fn a_timestamp_counts_for_fifteen_seconds_both_ways() {
        let at = |s: i64| Time::from_second(s).unwrap().to_string();
        let now = 1_795_000_000;
        for s in [0, -15, 15] {
            Timestamp::checked(&at(1_795_000_000 + s), now).unwrap();
        }
        for s in [-16, 16] {
            assert!(Timestamp::checked(&at(1_795_000_000 + s), now).is_err());
        }
        Timestamp::checked("2026-11-18T10:26:40+00:00", 1_794_997_600).unwrap();
        for bad in ["", "now", "1795000000", "2026-11-18T10:26:40[UTC]", "2026-11-18"] {
            assert_eq!(
                Timestamp::checked(bad, 1_794_997_600).unwrap_err().code(),
                "namespace.timestamp"
            );
        }
    }

    #[test]
    fn a_signature_is_pairs_of_hexadecimal_digits() {
        assert_eq!(signature_of_hex("00fFa1").unwrap(), [0, 255, 161]);
        for bad in ["0", "0g", "+1", "é"] {
            assert!(signature_of_hex(bad).is_err(), "{bad}");
        }
        let limit = limits::NAMESPACE_SIGNATURE_CHARS_MAX;
        signature_of_hex(&"0".repeat(limit)).unwrap();
        assert!(signature_of_hex(&"0".repeat(limit + 2)).is_err());
    }
}
