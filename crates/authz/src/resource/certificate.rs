//! The client's certificate, as whoever terminates TLS tells it (RFC 9440, RFC 8705 §3).
//!
//! INVARIANT: a header counts from a configured peer alone. From anybody else it is as if it were not
//! there: whoever can reach the service could write one.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};

use crate::limits;

/// Who terminates TLS before the service, and where it puts the certificate.
#[derive(Debug, Clone)]
pub struct Terminator {
    /// Its addresses.
    pub peers: Vec<IpAddr>,
    /// The header: `Client-Cert`, unless it is configured otherwise.
    pub header: HeaderName,
    /// How the certificate is written in it.
    pub form: CertificateForm,
}

/// How a certificate is written in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateForm {
    /// `:Base64 of the DER:` (RFC 9440 §2.1, RFC 8941 §3.3.5).
    Rfc9440,
    /// PEM, percent-encoded, as nginx writes `$ssl_client_escaped_cert`.
    Pem,
}

impl Terminator {
    /// The SHA-256 of the certificate's DER as Base64url, if the terminator saw one.
    ///
    /// # Errors
    /// A header of the terminator that is not one certificate.
    pub fn certificate(
        &self,
        peer: Option<IpAddr>,
        headers: &HeaderMap,
    ) -> Result<Option<String>, &'static str> {
        let is_told = peer.is_some_and(|peer| self.peers.contains(&peer.to_canonical()));
        let mut values = headers.get_all(&self.header).iter();
        let Some(value) = values.next().filter(|_| is_told) else { return Ok(None) };
        let refused = "the client's certificate is not one that can be read";
        let text = value.to_str().ok().filter(|_| values.next().is_none()).ok_or(refused)?;
        let der = match self.form {
            CertificateForm::Rfc9440 => field(text),
            CertificateForm::Pem => pem(text),
        };
        // A certificate is a SEQUENCE; whether it is a good one, the terminator said.
        let der = der.filter(|der| der.first() == Some(&0x30)).ok_or(refused)?;
        Ok(Some(URL_SAFE_NO_PAD.encode(Sha256::digest(&der))))
    }
}

fn field(text: &str) -> Option<Vec<u8>> {
    bounded(text.strip_prefix(':')?.strip_suffix(':')?)
}

fn pem(text: &str) -> Option<Vec<u8>> {
    let text = unescaped(text)?;
    let body = text.trim().strip_prefix("-----BEGIN CERTIFICATE-----")?;
    let body = body.strip_suffix("-----END CERTIFICATE-----")?;
    // A chain would have more of them; a dash is not of Base64.
    let body: String = body.chars().filter(|char| !char.is_ascii_whitespace()).collect();
    bounded(&body)
}

fn bounded(base64: &str) -> Option<Vec<u8>> {
    let base64 = Some(base64).filter(|text| text.len() <= limits::CERTIFICATE_CHARS_MAX)?;
    STANDARD.decode(base64).ok()
}

/// RFC 3986 §2.1. A plus sign is one: it is of Base64.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn told(peer: Option<&str>, headers: &[&str]) -> Result<Option<String>, &'static str> {
        told_as(CertificateForm::Rfc9440, peer, headers)
    }

    fn told_as(
        form: CertificateForm,
        peer: Option<&str>,
        headers: &[&str],
    ) -> Result<Option<String>, &'static str> {
        let terminator = Terminator {
            peers: vec!["10.0.0.7".parse().unwrap()],
            header: HeaderName::from_static("client-cert"),
            form,
        };
        let peer = peer.map(|peer| peer.parse::<std::net::SocketAddr>().unwrap().ip());
        let mut all = HeaderMap::new();
        for header in headers {
            all.append("client-cert", header.parse().unwrap());
        }
        terminator.certificate(peer, &all)
    }

    #[test]
    fn g9_pem_is_read_as_nginx_writes_it() {
        let mut der = vec![0x30, 0x82, 1, 0];
        der.extend([0xfb; 256]);
        let text = STANDARD.encode(&der);
        assert!(text.contains('+') && text.ends_with('='), "what has to be escaped is there");
        let whole = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        let escape = |text: &str| {
            let each = text.replace('%', "%25").replace(' ', "%20").replace('\n', "%0A");
            each.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
        };
        let told = |text: &str| told_as(CertificateForm::Pem, Some("10.0.0.7:1"), &[text]);
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&der));
        assert_eq!(told(&escape(&whole)), Ok(Some(hash.clone())));
        assert_eq!(told(&escape(&whole).replace("%2B", "+")), Ok(Some(hash)));
        let field = format!(":{text}:");
        for bad in [&field, "%", "%2", "%zz", &escape(&whole.repeat(2)), &escape(&text)] {
            assert!(told(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_certificate_counts_from_the_terminator_alone() {
        let der = [0x30, 0x03, 1, 2, 3];
        let header = format!(":{}:", STANDARD.encode(der));
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(der));
        assert_eq!(told(Some("10.0.0.7:4000"), &[&header]), Ok(Some(hash.clone())));
        assert_eq!(told(Some("[::ffff:10.0.0.7]:4000"), &[&header]), Ok(Some(hash)));
        for stranger in [Some("10.0.0.8:4000"), Some("127.0.0.1:4000"), None] {
            assert_eq!(told(stranger, &[&header]), Ok(None), "{stranger:?}");
        }
        assert_eq!(told(Some("10.0.0.7:4000"), &[]), Ok(None));
    }

    #[test]
    fn what_the_terminator_tells_is_one_certificate() {
        let header = |der: &[u8]| format!(":{}:", STANDARD.encode(der));
        let good = header(&[0x30, 0]);
        for bad in [
            "",
            ":",
            "::",
            "MAA=",
            ":MAA",
            ":MAA:",
            ":M A A=:",
            &header(&[0x31, 0]),
            &format!("{good}, {good}"),
        ] {
            assert!(told(Some("10.0.0.7:1"), &[bad]).is_err(), "{bad}");
        }
        assert!(told(Some("10.0.0.7:1"), &[&good, &good]).is_err(), "two headers");
        let of = |chars: usize| {
            let mut der = vec![0; chars / 4 * 3];
            if let Some(first) = der.first_mut() {
                *first = 0x30;
            }
            told(Some("10.0.0.7:1"), &[&header(&der)])
        };
        assert!(of(limits::CERTIFICATE_CHARS_MAX).is_ok());
        assert!(of(limits::CERTIFICATE_CHARS_MAX + 4).is_err());
    }
}
