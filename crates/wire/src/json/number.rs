//! Numbers: their grammar, and whether a double carries them without loss.

use crate::refusal::Code;

/// Measures the number at the start of `rest`: its length, and what is odd about it.
pub(super) fn measure(rest: &[u8]) -> Result<(usize, Option<Code>), (Code, usize)> {
    let digit_run = |from: usize| {
        let digits = rest.get(from..).unwrap_or_default();
        digits.iter().take_while(|b| b.is_ascii_digit()).count()
    };
    let required = |from: usize| match (digit_run(from), rest.get(from)) {
        (0, None) => Err((Code::Truncated, from)),
        (0, Some(_)) => Err((Code::Syntax, from)),
        (run, _) => Ok(from + run),
    };
    let start = usize::from(rest.first() == Some(&b'-'));
    let mut at = required(start)?;
    if rest.get(start) == Some(&b'0') && at > start + 1 {
        return Err((Code::Syntax, start + 1));
    }
    let mut is_integer = true;
    if rest.get(at) == Some(&b'.') {
        is_integer = false;
        at = required(at + 1)?;
    }
    if let Some(b'e' | b'E') = rest.get(at) {
        is_integer = false;
        let sign = usize::from(matches!(rest.get(at + 1), Some(b'+' | b'-')));
        at = required(at + 1 + sign)?;
    }
    let text = rest.get(..at).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    Ok((at, note(text, is_integer)))
}

/// The integer that a number is, however it is written, if every parser reads it alike.
#[expect(clippy::cast_possible_truncation, reason = "the double is a safe integer")]
#[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is a double")]
pub(crate) fn integer(text: &str) -> Option<i64> {
    let (length, note) = measure(text.as_bytes()).ok()?;
    let is_exact = length == text.len() && note.is_none();
    let double = is_exact.then(|| text.parse::<f64>().ok()).flatten()?;
    let is_safe = double.fract() == 0.0 && double.abs() <= SAFE_INTEGER_MAX as f64;
    is_safe.then_some(double as i64)
}

#[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is a double")]
fn note(text: &str, is_integer: bool) -> Option<Code> {
    if is_integer {
        // 2^53 - 1 has 16 digits: fewer cannot reach it, more always pass it.
        let digits = text.trim_start_matches('-');
        let is_safe = digits.len() < 16
            || digits.len() == 16 && digits.parse().is_ok_and(|n: u64| n <= SAFE_INTEGER_MAX);
        return (!is_safe).then_some(Code::Integer);
    }
    let Ok(double) = text.parse::<f64>() else { return Some(Code::Number) };
    // Of two shortest forms that are equally near, ECMAScript's is the one that RFC 8785 writes.
    let is_same =
        double.is_finite() && decimal(text) == decimal(ryu_js::Buffer::new().format_finite(double));
    if !is_same {
        return Some(Code::Number);
    }
    // RFC 8785 writes these in digits, and in digits they are refused: a canonical form would not
    // pass its own door.
    let is_written_in_digits = double.abs() > SAFE_INTEGER_MAX as f64 && double.abs() < 1e21;
    is_written_in_digits.then_some(Code::Integer)
}

/// A number's significant digits and the power of ten of the first, so that equal values compare
/// equal however they are written; `None` when the exponent is absurd.
fn decimal(text: &str) -> Option<(String, i64)> {
    let text = text.trim_start_matches('-');
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    if significant.is_empty() {
        return Some((String::new(), 0));
    }
    let leading_zeros = i64::try_from(all.len() - significant.len()).ok()?;
    let whole_digits = i64::try_from(whole.len()).ok()?;
    let exponent: i64 = exponent.parse().ok()?;
    let first = exponent.checked_add(whole_digits)?.checked_sub(leading_zeros)?;
    Some((significant.trim_end_matches('0').to_owned(), first))
}

/// 2^53 - 1, the largest integer below which every integer is a double of its own.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;
