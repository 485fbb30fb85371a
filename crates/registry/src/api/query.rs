//! Query parameters: each once, percent-decoded, bounded. A `+` is a plus sign, as versions and time
//! zones have it.

use crate::limits;

use super::answer::Refusal;
use super::path::decode;

/// The parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Query {
    parameters: Vec<(String, String)>,
}

impl Query {
    /// Reads a query string. Parameters that are empty count as absent.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Refusal> {
        let query = query.unwrap_or_default();
        if query.len() > limits::QUERY_BYTES_MAX {
            return Err(Refusal::query(format!(
                "the query is longer than {} bytes",
                limits::QUERY_BYTES_MAX
            )));
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let read =
                |text| decode(text).ok_or_else(|| Refusal::query("a parameter is not UTF-8"));
            let (name, value) = (read(name)?, read(value)?);
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(Refusal::query(format!("the parameter `{name}` is there twice")));
            }
            parameters.push((name, value));
        }
        parameters.retain(|(_, value)| !value.is_empty());
        Ok(Self { parameters })
    }

    /// A parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is `true` or `false`.
    pub(crate) fn boolean(&self, name: &str) -> Result<bool, Refusal> {
        match self.text(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(Refusal::query(format!("`{name}` is `true` or `false`"))),
        }
    }

    /// A time, in microseconds since 1970.
    pub(crate) fn time_us(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let us = crate::service::time::us_of_rfc3339(text);
        let wrong = || {
            Refusal::query(format!("`{name}` is an RFC 3339 time, such as 2026-11-25T12:00:00Z"))
        };
        us.map(Some).ok_or_else(wrong)
    }

    /// How many rows are wanted.
    pub(crate) fn limit(&self) -> Result<usize, Refusal> {
        let Some(text) = self.text("limit") else { return Ok(limits::PAGE_ROWS_USUAL) };
        let wanted =
            text.parse::<usize>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        wanted.filter(|limit| (1..=limits::PAGE_ROWS_SERVED_MAX).contains(limit)).ok_or_else(|| {
            let most = limits::PAGE_ROWS_SERVED_MAX;
            Refusal::query(format!("`limit` is a number from 1 to {most}"))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn parameters_are_read_once_and_exactly() {
        let query = Query::parse(Some("search=a%2Fb&version=1.0.0+7&cursor=&x=%20")).unwrap();
        assert_eq!(query.text("search"), Some("a/b"));
        assert_eq!(query.text("version"), Some("1.0.0+7"));
        assert_eq!(query.text("cursor"), None);
        assert_eq!(query.text("x"), Some(" "));
        assert!(Query::parse(Some("limit=1&limit=2")).is_err());
        assert!(Query::parse(Some("search=%ff")).is_err());
        let long = |size| format!("search={}", "a".repeat(size - 7));
        assert!(Query::parse(Some(&long(limits::QUERY_BYTES_MAX))).is_ok());
        assert!(Query::parse(Some(&long(limits::QUERY_BYTES_MAX + 1))).is_err());
    }

    #[test]
    fn limits_and_times_are_refused_beyond_their_bounds() {
        let limit = |text: &str| Query::parse(Some(&format!("limit={text}"))).unwrap().limit();
        assert_eq!(limit("1").unwrap(), 1);
        assert_eq!(limit("100").unwrap(), 100);
        assert_eq!(limit("").unwrap(), limits::PAGE_ROWS_USUAL);
        for wrong in ["0", "101", "-1", "+5", "1e1", "99999999999999999999", "x", "%201"] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
        let since = |text: &str| {
            Query::parse(Some(&format!("updated_since={text}"))).unwrap().time_us("updated_since")
        };
        assert_eq!(since("1970-01-01T00:00:01Z").unwrap(), Some(1_000_000));
        assert_eq!(since("1970-01-01T01:00:01+01:00").unwrap(), Some(1_000_000));
        for wrong in ["yesterday", "2026-11-25", "1700000000", "2026-13-01T00:00:00Z"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
