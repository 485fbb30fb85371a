//! The grammar of RFC 9110 §11.6.1. A comma ends a parameter or a challenge; only what follows says
//! which.

use super::ChallengeError;
use crate::limits;

/// A challenge of any scheme.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) scheme: String,
    /// Whether a token follows the scheme, in place of parameters.
    pub(super) has_token68: bool,
    /// Names in lower case, each once; values without quotes and escapes.
    pub(super) params: Vec<(String, String)>,
}

/// The challenges of all values, each value a list of its own.
pub(super) fn scan<'h>(
    values: impl IntoIterator<Item = &'h [u8]>,
) -> Result<Vec<Raw>, ChallengeError> {
    let mut challenges = Vec::new();
    let mut bytes_left = limits::CHALLENGE_BYTES_MAX;
    for value in values {
        bytes_left = bytes_left.checked_sub(value.len()).ok_or(ChallengeError::TooMuch)?;
        // Texts beyond ASCII may be quoted, and there is no telling their encoding.
        let value = String::from_utf8_lossy(value);
        let mut reader = Reader { rest: &value };
        let first = challenges.len();
        while reader.next_element() {
            reader.element(&mut challenges, first)?;
            if challenges.len() > limits::CHALLENGES_MAX {
                return Err(ChallengeError::TooMuch);
            }
        }
    }
    Ok(challenges)
}

struct Reader<'v> {
    rest: &'v str,
}

impl<'v> Reader<'v> {
    /// Goes to the next element of the list. Empty ones are passed over (RFC 9110 §5.6.1.2).
    fn next_element(&mut self) -> bool {
        self.rest = self.rest.trim_start_matches([' ', '\t', ',']);
        !self.rest.is_empty()
    }

    /// One element: a parameter of the challenge before it in this value, or a new challenge.
    fn element(&mut self, challenges: &mut Vec<Raw>, first: usize) -> Result<(), ChallengeError> {
        let name = self.token()?;
        if self.equals() {
            let is_of_this_value = challenges.len() > first;
            let last = challenges.last_mut().filter(|_| is_of_this_value);
            self.param(last.ok_or(MISPLACED)?, name)?;
        } else {
            let spaces = self.rest.len() - self.rest.trim_start_matches(' ').len();
            self.rest = self.rest.trim_start_matches(' ');
            let mut raw = Raw { scheme: name.to_owned(), has_token68: false, params: Vec::new() };
            if spaces > 0 && !self.is_at_end() {
                self.first(&mut raw)?;
            }
            challenges.push(raw);
        }
        self.end()
    }

    /// What follows a scheme, and neither `=` nor the end does: a token, or its first parameter.
    fn first(&mut self, raw: &mut Raw) -> Result<(), ChallengeError> {
        let is_token68 = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
        let after = self.rest.trim_start_matches(is_token68);
        let after = Self { rest: after.trim_start_matches('=') };
        if after.is_at_end() {
            raw.has_token68 = true;
            self.rest = after.rest;
            return Ok(());
        }
        let name = self.token()?;
        if !self.equals() {
            return Err(ChallengeError::Malformed("a scheme and a word that is no parameter"));
        }
        self.param(raw, name)
    }

    fn param(&mut self, raw: &mut Raw, name: &str) -> Result<(), ChallengeError> {
        if raw.has_token68 {
            return Err(MISPLACED);
        }
        let name = name.to_ascii_lowercase();
        if raw.params.iter().any(|(other, _)| *other == name) {
            return Err(ChallengeError::Malformed("a parameter twice"));
        }
        if raw.params.len() == limits::CHALLENGE_PARAMS_MAX {
            return Err(ChallengeError::TooMuch);
        }
        let value = match self.rest.strip_prefix('"') {
            Some(quoted) => self.quoted(quoted)?,
            None => self.token()?.to_owned(),
        };
        raw.params.push((name, value));
        Ok(())
    }

    /// RFC 9110 §5.6.4.
    fn quoted(&mut self, quoted: &'v str) -> Result<String, ChallengeError> {
        let mut value = String::new();
        let mut chars = quoted.chars();
        loop {
            let c = match chars.next() {
                Some('"') => break,
                Some('\\') => chars.next(),
                c => c,
            };
            let c = c.ok_or(ChallengeError::Malformed("a quote without end"))?;
            if c.is_control() && c != '\t' {
                return Err(ChallengeError::Malformed("a control character"));
            }
            value.push(c);
        }
        self.rest = chars.as_str();
        Ok(value)
    }

    /// RFC 9110 §5.6.2.
    fn token(&mut self) -> Result<&'v str, ChallengeError> {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let after = self.rest.trim_start_matches(is_token);
        let length = self.rest.len() - after.len();
        let token = self.rest.get(..length).filter(|token| !token.is_empty());
        self.rest = after;
        token.ok_or(ChallengeError::Malformed("a character that belongs in no word"))
    }

    /// Passes `=` and the white space that is bad around it.
    fn equals(&mut self) -> bool {
        let Some(after) = self.rest.trim_start_matches([' ', '\t']).strip_prefix('=') else {
            return false;
        };
        self.rest = after.trim_start_matches([' ', '\t']);
        true
    }

    fn is_at_end(&self) -> bool {
        let rest = self.rest.trim_start_matches([' ', '\t']);
        rest.is_empty() || rest.starts_with(',')
    }

    fn end(&self) -> Result<(), ChallengeError> {
        if self.is_at_end() {
            return Ok(());
        }
        Err(ChallengeError::Malformed("no comma between two elements"))
    }
}

const MISPLACED: ChallengeError =
    ChallengeError::Malformed("a parameter that belongs to no challenge");
