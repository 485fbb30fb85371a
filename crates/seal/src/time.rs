//! Times as statements write them: RFC 3339 in UTC with whole seconds, `2026-11-25T12:00:00Z`.

/// Seconds since 1970 of a time; `None` unless it has exactly the one form and is in the calendar.
pub fn parse(text: &str) -> Option<u64> {
    let bytes: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        m0,
        m1,
        b'-',
        d0,
        d1,
        b'T',
        h0,
        h1,
        b':',
        i0,
        i1,
        b':',
        s0,
        s1,
        b'Z',
    ] = *bytes
    else {
        return None;
    };
    let two = |a: u8, b: u8| Some(digit(a)? * 10 + digit(b)?);
    let (century, year) = (two(y0, y1)?, two(y2, y3)?);
    let (month, day) = (two(m0, m1)?, two(d0, d1)?);
    let (hour, minute, second) = (two(h0, h1)?, two(i0, i1)?, two(s0, s1)?);
    if hour > 23 || minute > 59 || second > 59 || day == 0 {
        return None;
    }
    let days = days(century * 100 + year, month)? + day - 1;
    let time_s = days * 86_400 + hour * 3_600 + minute * 60 + second;
    // The day beyond its month's end is the only thing left that could be wrong.
    (format(time_s)? == text).then_some(time_s)
}

/// The text of a time; `None` beyond the year 9999.
pub fn format(time_s: u64) -> Option<String> {
    if time_s > LAST_S {
        return None;
    }
    let (days_since_1970, second) = (time_s / 86_400, time_s % 86_400);
    // The average year ends at most a year beside the right one.
    let guess = 1970 + days_since_1970 * 400 / 146_097;
    let year = (guess.saturating_sub(1)..=guess + 1)
        .rev()
        .find(|year| days(*year, 1).is_some_and(|first| first <= days_since_1970))?;
    let month = (1..=12)
        .rev()
        .find(|month| days(year, *month).is_some_and(|first| first <= days_since_1970))?;
    let day = days_since_1970 - days(year, month)? + 1;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

fn digit(byte: u8) -> Option<u64> {
    byte.is_ascii_digit().then(|| u64::from(byte - b'0'))
}

/// The days from 1970 to the first of a month.
fn days(year: u64, month: u64) -> Option<u64> {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let past = year.checked_sub(1970)?;
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let leap_days = leaps(year - 1) - leaps(1969) + u64::from(month > 2 && is_leap(year));
    let in_year = BEFORE.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    Some(past * 365 + leap_days + in_year)
}

/// The last second of the year 9999.
const LAST_S: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_second_has_one_text() {
        for (text, time_s) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1999-12-31T23:59:59Z", 946_684_799),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-25T12:34:56Z", 1_795_610_096),
            ("9999-12-31T23:59:59Z", LAST_S),
        ] {
            assert_eq!(parse(text), Some(time_s), "{text}");
            assert_eq!(format(time_s).unwrap(), text);
        }
        assert_eq!(format(LAST_S + 1), None);
        for day in 0..100_000 {
            let time_s = day * 86_400 + day % 86_400;
            assert_eq!(parse(&format(time_s).unwrap()), Some(time_s));
        }
    }

    #[test]
    fn no_other_text_is_a_time() {
        for text in [
            "",
            "2026-11-25T12:34:56",
            "2026-11-25t12:34:56Z",
            "2026-11-25 12:34:56Z",
            "2026-11-25T12:34:56+00:00",
            "2026-11-25T12:34:56.0Z",
            "2026-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "1969-12-31T23:59:59Z",
            "+026-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
