//! Challenges: what `WWW-Authenticate` asks for (RFC 9110 §11.6.1; RFC 6750 §3, RFC 9449 §7.1,
//! RFC 9470 §3, RFC 9728 §5.1). Written in one form, and read from whoever sends them.

mod scan;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use http::HeaderValue;

use crate::token::{Scheme, scope};

/// A challenge of one of the two schemes of OAuth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme.
    pub scheme: Scheme,
    /// What was wrong; nothing if there was no credential (RFC 6750 §3.1).
    pub error: Option<String>,
    /// The same for people.
    pub error_description: Option<String>,
    /// All scopes that the request needs; empty if it does not say.
    pub scope: BTreeSet<String>,
    /// Where the metadata of the resource is.
    pub resource_metadata: Option<String>,
    /// The algorithms of proofs.
    pub algs: Vec<String>,
    /// How long ago the person may have signed in, in seconds.
    pub max_age_s: Option<u64>,
    /// How the person has to sign in.
    pub acr_values: Vec<String>,
}

impl Challenge {
    /// One that says nothing but its scheme.
    pub const fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            error: None,
            error_description: None,
            scope: BTreeSet::new(),
            resource_metadata: None,
            algs: Vec::new(),
            max_age_s: None,
            acr_values: Vec::new(),
        }
    }

    /// Reads the values of all `WWW-Authenticate` headers of an answer: the challenges of the two
    /// schemes, in their order. Others are passed over.
    ///
    /// # Errors
    /// Anything that two readers could read differently, or that is too much.
    pub fn parse<'h>(
        values: impl IntoIterator<Item = &'h [u8]>,
    ) -> Result<Vec<Self>, ChallengeError> {
        let mut challenges = Vec::new();
        for raw in scan::scan(values)? {
            let scheme = match raw.scheme.to_ascii_lowercase().as_str() {
                "bearer" => Scheme::Bearer,
                "dpop" => Scheme::Dpop,
                _ => continue,
            };
            challenges.push(Self::read(scheme, raw)?);
        }
        Ok(challenges)
    }

    /// The value of its header.
    ///
    /// # Errors
    /// A text that no header can carry.
    pub fn header(&self) -> Result<HeaderValue, ChallengeError> {
        HeaderValue::try_from(self.text()?).map_err(|_| ChallengeError::Unwritable)
    }

    /// The same as a text, as `_meta["mcp/www_authenticate"]` has it.
    ///
    /// # Errors
    /// As [`header`](Self::header).
    pub fn text(&self) -> Result<String, ChallengeError> {
        let listed = |list: &[String]| (!list.is_empty()).then(|| list.join(" "));
        let scope = (!self.scope.is_empty()).then(|| scope::join(&self.scope));
        let params = [
            ("error", self.error.clone()),
            ("error_description", self.error_description.clone()),
            ("scope", scope),
            ("resource_metadata", self.resource_metadata.clone()),
            ("algs", listed(&self.algs)),
            ("max_age", self.max_age_s.map(|age_s| age_s.to_string())),
            ("acr_values", listed(&self.acr_values)),
        ];
        let mut text = String::from(match self.scheme {
            Scheme::Bearer => "Bearer",
            Scheme::Dpop => "DPoP",
        });
        let written = params.into_iter().filter_map(|(name, value)| Some((name, value?)));
        for (at, (name, value)) in written.enumerate() {
            if !value.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
                return Err(ChallengeError::Unwritable);
            }
            let value = value.replace('\\', r"\\").replace('"', "\\\"");
            let comma = if at == 0 { "" } else { "," };
            write!(text, r#"{comma} {name}="{value}""#).map_err(|_| ChallengeError::Unwritable)?;
        }
        Ok(text)
    }

    fn read(scheme: Scheme, raw: scan::Raw) -> Result<Self, ChallengeError> {
        if raw.has_token68 {
            return Err(ChallengeError::Malformed("it has a token where parameters belong"));
        }
        let mut challenge = Self::new(scheme);
        for (name, value) in raw.params {
            let words = || value.split(' ').filter(|word| !word.is_empty()).map(str::to_owned);
            match name.as_str() {
                "scope" => {
                    let words = scope::parse(&value);
                    challenge.scope = words.ok_or(ChallengeError::Param("scope"))?;
                }
                "algs" => challenge.algs = words().collect(),
                "acr_values" => challenge.acr_values = words().collect(),
                "max_age" => challenge.max_age_s = Some(age_s(&value)?),
                "error" => challenge.error = Some(value),
                "error_description" => challenge.error_description = Some(value),
                "resource_metadata" => challenge.resource_metadata = Some(value),
                // `realm`, `error_uri` and whatever comes later (RFC 6750 §3).
                _ => {}
            }
        }
        Ok(challenge)
    }
}

/// RFC 9470 §3: a non-negative integer.
fn age_s(text: &str) -> Result<u64, ChallengeError> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).ok_or(ChallengeError::Param("max_age"))
}

/// Why there is no challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeError {
    /// Not the form of RFC 9110.
    #[error("reading WWW-Authenticate: {0}")]
    Malformed(&'static str),
    /// More than anybody sends.
    #[error("reading WWW-Authenticate: too much of it")]
    TooMuch,
    /// A parameter that is not what it has to be.
    #[error("reading WWW-Authenticate: its `{0}` is not what it has to be")]
    Param(&'static str),
    /// A text that no header can carry.
    #[error("writing WWW-Authenticate: a text that no header can carry")]
    Unwritable,
}

#[cfg(test)]
mod tests;
