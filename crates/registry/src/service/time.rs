//! Times as the tables and the API write them.

use jiff::Timestamp;

/// Microseconds since 1970 of an RFC 3339 text; `None` if it is none.
pub fn us_of_rfc3339(text: &str) -> Option<i64> {
    Some(text.parse::<Timestamp>().ok()?.as_microsecond())
}

/// RFC 3339 in UTC with microseconds where there are any.
pub fn rfc3339_of_us(us: i64) -> String {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
