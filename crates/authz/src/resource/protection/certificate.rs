//! Client certificates that a terminator of TLS saw (G9; RFC 8705, RFC 9440).
//!
//! Deliberately absent: chains. Who holds the key of the certificate that a token names is its holder,
//! whoever issued it (RFC 8705 §3); whether to ask for certificates is the terminator's to know.

use std::collections::BTreeSet;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};

/// What stands in front, and how it says which certificate a client showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminator {
    /// The header that has the certificate.
    pub header: HeaderName,
    /// How it is written.
    pub form: Form,
    /// The addresses that it speaks from; whoever else writes the header is not believed. Loopback if
    /// there is none.
    pub peers: BTreeSet<IpAddr>,
}

/// How a certificate is written in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `:Base64 of the DER:` (RFC 9440 §2.1).
    Rfc9440,
    /// PEM, percent-encoded, as nginx writes `$ssl_client_escaped_cert`.
    Pem,
}

impl Terminator {
    /// The SHA-256 of the client's certificate, as Base64url; nothing without one, or if two are named.
    pub(super) fn certificate(&self, peer: IpAddr, headers: &HeaderMap) -> Option<String> {
        if !self.is_believed(peer) {
            return None;
        }
        let mut values = headers.get_all(&self.header).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() {
            return None;
        }
        let der = match self.form {
            Form::Rfc9440 => rfc9440(value)?,
            Form::Pem => pem(value)?,
        };
        Some(URL_SAFE_NO_PAD.encode(Sha256::digest(is_whole(&der).then_some(der)?)))
    }

    fn is_believed(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        if self.peers.is_empty() { peer.is_loopback() } else { self.peers.contains(&peer) }
    }
}

/// One byte sequence of a structured field (RFC 8941 §3.3.5).
fn rfc9440(value: &str) -> Option<Vec<u8>> {
    STANDARD.decode(value.trim().strip_prefix(':')?.strip_suffix(':')?).ok()
}

fn pem(value: &str) -> Option<Vec<u8>> {
    let text = unescaped(value)?;
    let body = text.trim().strip_prefix("-----BEGIN CERTIFICATE-----")?;
    let body = body.strip_suffix("-----END CERTIFICATE-----")?;
    // A chain would have more of them; a dash is not of Base64.
    let body: String = body.chars().filter(|char| !char.is_ascii_whitespace()).collect();
    STANDARD.decode(body).ok()
}

fn unescaped(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Whether bytes are one DER sequence with nothing after it: another length would be another hash.
fn is_whole(der: &[u8]) -> bool {
    match der {
        [0x30, 0x82, high, low, rest @ ..] => {
            rest.len() == usize::from(u16::from_be_bytes([*high, *low]))
        }
        [0x30, 0x81, size, rest @ ..] => rest.len() == usize::from(*size),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use http::HeaderValue;

    use super::*;

    fn terminator(form: Form) -> Terminator {
        Terminator { header: HeaderName::from_static("client-cert"), form, peers: BTreeSet::new() }
    }

    fn der() -> Vec<u8> {
        let mut der = vec![0x30, 0x82, 1, 0];
        der.extend([7; 256]);
        der
    }

    fn shown(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("client-cert", HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn g9_a_certificate_counts_from_the_terminator_alone_and_in_its_one_form() {
        let loopback: IpAddr = [127, 0, 0, 1].into();
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(der()));
        let text = STANDARD.encode(der());
        let field = format!(":{text}:");
        let escaped = format!(
            "-----BEGIN%20CERTIFICATE-----%0A{}%0A-----END%20CERTIFICATE-----%0A",
            text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
        );
        let (of_field, of_pem) = (terminator(Form::Rfc9440), terminator(Form::Pem));
        assert_eq!(of_field.certificate(loopback, &shown(&[&field])), Some(hash.clone()));
        assert_eq!(of_pem.certificate(loopback, &shown(&[&escaped])), Some(hash.clone()));
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        assert_eq!(of_field.certificate(mapped, &shown(&[&field])), Some(hash.clone()));
        let stranger: IpAddr = [10, 0, 0, 1].into();
        assert_eq!(of_field.certificate(stranger, &shown(&[&field])), None, "another peer");
        let named = Terminator { peers: BTreeSet::from([stranger]), ..of_field.clone() };
        assert_eq!(named.certificate(stranger, &shown(&[&field])), Some(hash));
        assert_eq!(named.certificate(loopback, &shown(&[&field])), None, "loopback is not named");
        for wrong in [
            &[field.as_str(), field.as_str()][..],
            &[],
            &[text.as_str()],
            &[escaped.as_str()],
            &["::"],
            &[":AAAA:"],
            &[&format!(":{}:", STANDARD.encode([der(), vec![0]].concat()))],
            &[&format!(":{}:", STANDARD.encode(&der()[..200]))],
        ] {
            assert_eq!(of_field.certificate(loopback, &shown(wrong)), None, "{wrong:?}");
        }
        for wrong in [&field, "%", "%2", "%zz", &format!("{escaped}{escaped}")] {
            assert_eq!(of_pem.certificate(loopback, &shown(&[wrong])), None, "{wrong}");
        }
    }
}
