//! Times as the tables and the API write them.

use jiff::Timestamp;

/// Microseconds since 1970 of an RFC 3339 text; `None` if it is none.
pub fn us_of_rfc3339(text: &str) -> Option<i64> {
    Some(text.parse::<Timestamp>().ok()?.as_microsecond())
}

/// RFC 3339 in UTC with microseconds, always six digits: the order of the texts is that of the times.
pub fn rfc3339_of_us(us: i64) -> String {
    let time = Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.6}")
}
