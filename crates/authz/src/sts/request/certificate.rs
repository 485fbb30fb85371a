//! The client's certificate, as whoever terminates TLS tells it (RFC 9440, RFC 8705 §3).
//!
//! INVARIANT: a header counts from a configured peer alone. From anybody else it is as if it were not
//! there: whoever can reach the service could write one.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderName;
use http::request::Parts;
use sha2::{Digest as _, Sha256};

use crate::limits;

/// Who terminates TLS before the service, and where it puts the certificate.
#[derive(Debug, Clone)]
pub struct Terminator {
    /// Its addresses.
    pub peers: Vec<IpAddr>,
    /// The header: `Client-Cert`, unless it is configured otherwise.
    pub header: HeaderName,
}

impl Terminator {
    /// The SHA-256 of the certificate's DER as Base64url, if the terminator saw one.
    ///
    /// # Errors
    /// A header of the terminator that is not one certificate.
    pub(super) fn certificate(&self, head: &Parts) -> Result<Option<String>, &'static str> {
        let peer = head.extensions.get::<SocketAddr>().map(|peer| peer.ip().to_canonical());
        if !peer.is_some_and(|peer| self.peers.contains(&peer)) {
            return Ok(None);
        }
        if !head.headers.contains_key(&self.header) {
            return Ok(None);
        }
        let refused = "the client's certificate is not one that can be read";
        let text = super::text(&head.headers, &self.header).ok_or(refused)?;
        // RFC 9440 §2.1: a byte sequence of RFC 8941 §3.3.5.
        let inner = text.strip_prefix(':').and_then(|text| text.strip_suffix(':'));
        let inner = inner.filter(|text| text.len() <= limits::CERTIFICATE_CHARS_MAX);
        let der = inner.and_then(|text| STANDARD.decode(text).ok()).ok_or(refused)?;
        // A certificate is a SEQUENCE; whether it is a good one, the terminator said.
        if der.first() != Some(&0x30) {
            return Err(refused);
        }
        Ok(Some(URL_SAFE_NO_PAD.encode(Sha256::digest(&der))))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn told(peer: Option<&str>, headers: &[&str]) -> Result<Option<String>, &'static str> {
        let terminator = Terminator {
            peers: vec!["10.0.0.7".parse().unwrap()],
            header: HeaderName::from_static("client-cert"),
        };
        let mut request = http::Request::new(());
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer.parse::<SocketAddr>().unwrap());
        }
        for header in headers {
            request.headers_mut().append("client-cert", header.parse().unwrap());
        }
        terminator.certificate(&request.into_parts().0)
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
