//! The registry's own login token: signed by the registry, over after five minutes, never logged.
//!
//! `<Base64url of the claims>.<Base64url of the signature>`. The signature is over a prefix of its
//! own, so that it can never pass for one over a statement or a checkpoint.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use seal::PrivateKey;
use serde::{Deserialize, Serialize};

use super::domain::{Grant, is_github};
use super::error::NamespaceError;
use crate::limits;

/// How long a token counts, in seconds: as long as the official registry's.
pub const LIFE_S: u64 = 300;

/// What a login token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Token {
    /// How the namespace was proved.
    pub method: String,
    /// The domain or account.
    pub subject: String,
    /// What is granted.
    pub grants: Vec<Grant>,
    /// The statement that records the proof.
    pub proof: u64,
    /// When it is over, in seconds since 1970.
    pub expires_s: u64,
}

/// A token, and the text that its holder shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// What it says.
    pub token: Token,
    /// The text. Secret.
    pub text: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("token", &self.token).finish_non_exhaustive()
    }
}

impl Token {
    /// The grant that covers a name. `io.github` is covered by GitHub's proofs alone.
    pub fn grant_of(&self, name: &str) -> Option<&Grant> {
        let namespace = name.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let is_of_github = self.method.starts_with("github-");
        let covers = |grant: &&Grant| grant.covers(name) && is_github(&namespace) == is_of_github;
        self.grants.iter().find(covers)
    }

    /// Signs the token with the first of the registry's keys.
    ///
    /// # Errors
    /// No key, or one that cannot sign.
    pub(super) fn seal(&self, keys: &[PrivateKey]) -> Result<String, NamespaceError> {
        let claims = serde_json::to_value(self).map_err(|_| NamespaceError::Token)?;
        let claims = surface::canonical::to_vec(&claims);
        let key = keys.first().ok_or(NamespaceError::Token)?;
        let signature = key.sign(&signed(&claims)).map_err(|_| NamespaceError::Token)?;
        Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(claims), URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// What the registry did not sign, or what is over.
    pub(super) fn open(
        text: &str,
        keys: &[PrivateKey],
        now_s: u64,
    ) -> Result<Self, NamespaceError> {
        let refused = || NamespaceError::Token;
        if text.len() > limits::TOKEN_CHARS_MAX {
            return Err(refused());
        }
        let (claims, signature) = text.split_once('.').ok_or_else(refused)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| refused())?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| refused())?;
        let signed = signed(&claims);
        if !keys.iter().any(|key| key.public().verify(&signed, &signature)) {
            return Err(refused());
        }
        // INVARIANT: these bytes are ours; they were verified before they are read.
        let document = wire::Document::parse(&claims, &wire::Policy::default());
        let document = document.map_err(|_| refused())?;
        let claims = surface::json::exact(document.root()).map_err(|_| refused())?;
        let token: Self = serde_json::from_value(claims).map_err(|_| refused())?;
        if token.expires_s > now_s { Ok(token) } else { Err(refused()) }
    }
}

fn signed(claims: &[u8]) -> Vec<u8> {
    [b"countersign registry token v1\n", claims].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use seal::key::Algorithm;

    use super::*;

    fn token(method: &str, grant: Grant) -> Token {
        let (method, subject) = (method.to_owned(), "s".to_owned());
        Token { method, subject, grants: vec![grant], proof: 7, expires_s: 1_000 }
    }

    fn keys(seed: u8) -> Vec<PrivateKey> {
        vec![PrivateKey::from_seed(Algorithm::Ed25519, &[seed; 32]).unwrap()]
    }

    #[test]
    fn a_token_counts_until_it_is_over_and_under_the_keys_that_signed_it() {
        let token = token("dns", Grant::of_domain("example.com", true));
        let text = token.seal(&keys(1)).unwrap();
        assert_eq!(Token::open(&text, &keys(1), 999).unwrap(), token);
        assert!(Token::open(&text, &keys(1), 1_000).is_err(), "over");
        assert!(Token::open(&text, &keys(2), 999).is_err(), "another registry's");
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).unwrap();
            assert!(Token::open(&forged, &keys(1), 999).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_token_is_read_to_its_bound() {
        let of = |more: usize| {
            let mut token = token("dns", Grant::of_domain("example.com", true));
            token.subject = "s".repeat(more);
            token.seal(&keys(1)).unwrap()
        };
        let short = of(1).len();
        // A character more makes the text longer by one or by two.
        let more = (limits::TOKEN_CHARS_MAX - short) * 3 / 4;
        let texts: Vec<String> = (more - 2..more + 6).map(of).collect();
        let (at, past): (Vec<_>, Vec<_>) =
            texts.iter().partition(|text| text.len() <= limits::TOKEN_CHARS_MAX);
        assert!(at.iter().any(|text| text.len() + 1 >= limits::TOKEN_CHARS_MAX));
        assert!(past.iter().any(|text| text.len() <= limits::TOKEN_CHARS_MAX + 2));
        assert!(at.iter().all(|text| Token::open(text, &keys(1), 999).is_ok()));
        assert!(past.iter().all(|text| Token::open(text, &keys(1), 999).is_err()));
    }

    #[test]
    fn github_speaks_for_its_own_names_and_for_no_others() {
        let github = token("github-oidc", Grant::of_github("alice"));
        assert!(github.grant_of("io.github.alice/x").is_some());
        // However a domain came by the grant.
        let dns = token("dns", Grant::of_domain("alice.github.io", true));
        assert!(dns.grant_of("io.github.alice/x").is_none());
        let odd = token("github-at", Grant::of_domain("example.com", false));
        assert!(odd.grant_of("com.example/x").is_none());
    }

    #[test]
    fn the_text_of_a_token_is_not_shown() {
        let token = token("dns", Grant::of_domain("example.com", true));
        let text = token.seal(&keys(1)).unwrap();
        let shown = format!("{:?}", Login { token, text: text.clone() });
        assert!(!shown.contains(&text));
    }
}
