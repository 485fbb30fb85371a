//! How a credential is shown (RFC 6750 §2.1, RFC 9449 §7.1): check G1.

use super::Secret;
use crate::limits;

/// The scheme of `Authorization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `Bearer`: by whoever has it, or over the TLS connection that it is bound to.
    Bearer,
    /// `DPoP`: with a proof.
    Dpop,
}

/// What a request shows: a token and, beside it, a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The scheme.
    pub scheme: Scheme,
    /// The token.
    pub token: Secret,
    /// The value of the one `DPoP` header.
    pub proof: Option<Secret>,
}

impl Credential {
    /// Reads the values of `Authorization` and of `DPoP`; `None` without the former. Credentials in a
    /// query or a body are none.
    ///
    /// # Errors
    /// More than one of either, another scheme, or a value of another form or size.
    pub fn parse<'h>(
        authorization: impl IntoIterator<Item = &'h [u8]>,
        dpop: impl IntoIterator<Item = &'h [u8]>,
    ) -> Result<Option<Self>, CredentialError> {
        let mut values = authorization.into_iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(CredentialError::Several("Authorization"));
        }
        let value = std::str::from_utf8(value).map_err(|_| CredentialError::Form)?;
        let (name, token) = value.split_once(' ').ok_or(CredentialError::Form)?;
        let scheme = match name {
            name if name.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
            name if name.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
            _ => return Err(CredentialError::Scheme),
        };
        let token = token.trim_start_matches(' ');
        if token.len() > limits::TOKEN_CHARS_MAX {
            return Err(CredentialError::Size);
        }
        if !is_token68(token) {
            return Err(CredentialError::Form);
        }
        Ok(Some(Self { scheme, token: token.into(), proof: proof(dpop)? }))
    }
}

/// The value of the one `DPoP` header (RFC 9449 §4.3, check 1).
///
/// # Errors
/// More than one, or a value of another form or size.
pub fn proof<'h>(
    dpop: impl IntoIterator<Item = &'h [u8]>,
) -> Result<Option<Secret>, CredentialError> {
    let mut values = dpop.into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(CredentialError::Several("DPoP"));
    }
    if value.len() > limits::PROOF_CHARS_MAX {
        return Err(CredentialError::Size);
    }
    let text = std::str::from_utf8(value).ok().filter(|text| is_token68(text));
    text.map(|text| Some(text.into())).ok_or(CredentialError::Form)
}

/// RFC 9110 §11.2.
pub(crate) fn is_token68(text: &str) -> bool {
    let word = text.trim_end_matches('=');
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !word.is_empty() && word.bytes().all(is_allowed)
}

/// Why what a request shows is no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// Which one counts, two readers would say differently.
    #[error("there is more than one `{0}` header")]
    Several(&'static str),
    /// Neither `Bearer` nor `DPoP`.
    #[error("the scheme is neither Bearer nor DPoP")]
    Scheme,
    /// Not one scheme and one token.
    #[error("the credential is not one scheme and one token")]
    Form,
    /// Longer than it may be.
    #[error("the credential is too long")]
    Size,
}

impl CredentialError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        "authz.guard.credential-malformed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authorization: &[&str], dpop: &[&str]) -> Result<Option<Credential>, CredentialError> {
        let bytes = |list: &[&str]| list.iter().map(|v| v.as_bytes().to_vec()).collect::<Vec<_>>();
        let (authorization, dpop) = (bytes(authorization), bytes(dpop));
        Credential::parse(authorization.iter().map(Vec::as_slice), dpop.iter().map(Vec::as_slice))
    }

    #[test]
    fn one_scheme_and_one_token() {
        for (value, scheme) in [
            ("Bearer abc", Scheme::Bearer),
            ("bearer abc", Scheme::Bearer),
            ("BEARER  abc", Scheme::Bearer),
            ("DPoP abc", Scheme::Dpop),
            ("dpop abc", Scheme::Dpop),
        ] {
            let credential = read(&[value], &[]).unwrap().unwrap();
            assert_eq!((credential.scheme, credential.token.expose()), (scheme, "abc"));
        }
        assert_eq!(read(&[], &["a.b.c"]), Ok(None), "no credential is no malformed one");
        for (values, error) in [
            (&["Bearer a", "Bearer a"][..], CredentialError::Several("Authorization")),
            (&["Bearer"], CredentialError::Form),
            (&["Bearer "], CredentialError::Form),
            (&["Bearer a b"], CredentialError::Form),
            (&["Bearer a, DPoP b"], CredentialError::Form),
            (&["Bearer a\tb"], CredentialError::Form),
            (&["Bearer =="], CredentialError::Form),
            (&["Bearer é"], CredentialError::Form),
            (&[" Bearer a"], CredentialError::Scheme),
            (&["Basic YTpi"], CredentialError::Scheme),
            (&["Negotiate YTpi"], CredentialError::Scheme),
            (&["N_A a"], CredentialError::Scheme),
        ] {
            assert_eq!(read(values, &[]), Err(error), "{values:?}");
            assert_eq!(error.code(), "authz.guard.credential-malformed");
        }
    }

    #[test]
    fn at_most_one_proof() {
        let credential = read(&["DPoP a"], &["a.b.c"]).unwrap().unwrap();
        assert_eq!(credential.proof.unwrap().expose(), "a.b.c");
        for (values, error) in [
            (&["a.b.c", "a.b.c"][..], CredentialError::Several("DPoP")),
            (&["a.b.c, d.e.f"], CredentialError::Form),
            (&[""], CredentialError::Form),
        ] {
            assert_eq!(read(&["DPoP a"], values), Err(error), "{values:?}");
        }
    }

    #[test]
    fn credentials_are_bounded() {
        let token = |size: usize| format!("Bearer {}", "a".repeat(size));
        assert!(read(&[&token(limits::TOKEN_CHARS_MAX)], &[]).is_ok());
        let long = token(limits::TOKEN_CHARS_MAX + 1);
        assert_eq!(read(&[&long], &[]), Err(CredentialError::Size));
        assert!(read(&["DPoP a"], &[&"a".repeat(limits::PROOF_CHARS_MAX)]).is_ok());
        let long = "a".repeat(limits::PROOF_CHARS_MAX + 1);
        assert_eq!(read(&["DPoP a"], &[&long]), Err(CredentialError::Size));
    }
}
