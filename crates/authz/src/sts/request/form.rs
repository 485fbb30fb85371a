//! The form of a request (`application/x-www-form-urlencoded`), read in one way only.
//!
//! RFC 6749 §3.2: no parameter twice, one without a value counts as absent, unknown ones are ignored.
//! `resource` and `audience` may come several times (RFC 8707 §2, RFC 8693 §2.1): their number is the
//! exchange's to check.

use std::collections::BTreeMap;

use crate::limits;
use crate::token::Secret;

/// The parameters.
#[derive(Debug, Default)]
pub(in crate::sts) struct Form {
    once: BTreeMap<String, Secret>,
    resource: Vec<String>,
    audience: Vec<String>,
}

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    /// Whatever is not exactly a form, or a parameter that is there twice.
    pub(in crate::sts) fn parse(body: &[u8]) -> Result<Self, FormError> {
        let text = std::str::from_utf8(body).map_err(|_| FormError::Encoding)?;
        let mut form = Self::default();
        let mut seen = std::collections::BTreeSet::new();
        if text.is_empty() {
            return Ok(form);
        }
        for (index, pair) in text.split('&').enumerate() {
            if index >= limits::FORM_PARAMETERS_MAX {
                return Err(FormError::TooMany);
            }
            let (name, value) = pair.split_once('=').ok_or(FormError::Encoding)?;
            let (name, value) = (decoded(name)?, decoded(value)?);
            let is_list = matches!(name.as_str(), "resource" | "audience");
            if !seen.insert(name.clone()) && !is_list {
                return Err(FormError::Repeated);
            }
            match name.as_str() {
                _ if value.is_empty() => {}
                "resource" => form.resource.push(value),
                "audience" => form.audience.push(value),
                _ => {
                    form.once.insert(name, value.into());
                }
            }
        }
        Ok(form)
    }

    /// Takes a parameter that is a credential.
    pub(in crate::sts) fn secret(&mut self, name: &str) -> Option<Secret> {
        self.once.remove(name)
    }

    /// Takes a parameter.
    pub(in crate::sts) fn text(&mut self, name: &str) -> Option<String> {
        self.once.remove(name).map(|value| value.expose().to_owned())
    }

    /// Takes every `resource`.
    pub(in crate::sts) fn resource(&mut self) -> Vec<String> {
        std::mem::take(&mut self.resource)
    }

    /// Takes every `audience`.
    pub(in crate::sts) fn audience(&mut self) -> Vec<String> {
        std::mem::take(&mut self.audience)
    }
}

/// A name or a value, decoded strictly: what two decoders could read differently is refused.
fn decoded(text: &str) -> Result<String, FormError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or(FormError::Encoding)?;
                u8::try_from(high << 4 | low).map_err(|_| FormError::Encoding)?
            }
            0x21..=0x7e => byte,
            _ => return Err(FormError::Encoding),
        });
    }
    String::from_utf8(bytes).map_err(|_| FormError::Encoding)
}

/// Why a body is no form. Never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::sts) enum FormError {
    /// Not the encoding.
    #[error("the body is not application/x-www-form-urlencoded, or in more than one way")]
    Encoding,
    /// One parameter twice.
    #[error("a parameter is there twice")]
    Repeated,
    /// More than there may be.
    #[error("there are more than {} parameters", limits::FORM_PARAMETERS_MAX)]
    TooMany,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_form_is_read_once_and_what_is_empty_is_absent() {
        let mut form = Form::parse(b"grant_type=a%3Ab+c&scope=&resource=x&resource=y&z=1").unwrap();
        assert_eq!(form.text("grant_type").unwrap(), "a:b c");
        assert_eq!(form.text("grant_type"), None);
        assert_eq!(form.text("scope"), None);
        assert_eq!(form.resource(), ["x", "y"]);
        assert!(form.audience().is_empty());
        assert_eq!(Form::parse(b"audience=a&audience=b").unwrap().audience(), ["a", "b"]);
        assert_eq!(Form::parse(b"").unwrap().text("a"), None);
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for body in
            ["a=%", "a=%4", "a=%zz", "a=%c3", "a=%ff", "a", "a=1&", "a=1&&b=2", "a=\u{e4}", "a=1 2"]
        {
            assert_eq!(Form::parse(body.as_bytes()).unwrap_err(), FormError::Encoding, "{body}");
        }
        assert_eq!(Form::parse(b"\xff=1").unwrap_err(), FormError::Encoding);
        // A second one counts even if the first, or its name, is written otherwise or empty.
        for body in ["a=1&a=1", "a=&a=1", "%61=1&a=2", "unknown=1&unknown=2"] {
            assert_eq!(Form::parse(body.as_bytes()).unwrap_err(), FormError::Repeated, "{body}");
        }
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        let of = |count| (0..count).map(|at| format!("p{at}=1")).collect::<Vec<_>>().join("&");
        assert!(Form::parse(of(limits::FORM_PARAMETERS_MAX).as_bytes()).is_ok());
        let more = of(limits::FORM_PARAMETERS_MAX + 1);
        assert_eq!(Form::parse(more.as_bytes()).unwrap_err(), FormError::TooMany);
    }
}
