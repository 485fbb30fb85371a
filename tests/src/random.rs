//! Repeatable randomness, and JSON texts that no serialiser would write.

use std::fmt::Write as _;

/// A small generator; the same seed gives the same sequence for ever.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator for `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next 64 bits (xorshift64*).
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).expect("usize fits u64");
        usize::try_from(self.bits() % limit).expect("less than a usize")
    }

    /// One of `choices`.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A JSON value as text: odd spacing, odd escapes, odd numbers, any key order.
    pub fn json(&mut self, depth: usize) -> String {
        match if depth == 0 { self.below(4) } else { self.below(6) } {
            0 => self.pick(&["true", "false", "null"]).to_owned(),
            1 => self.pick(NUMBERS).to_owned(),
            2 | 3 => self.text(),
            4 => {
                let members: Vec<String> =
                    (0..self.below(5)).map(|_| self.padded_json(depth - 1)).collect();
                format!("[{}]", members.join(","))
            }
            _ => {
                let mut out = String::from("{");
                for number in 0..self.below(5) {
                    if number > 0 {
                        out.push(',');
                    }
                    // The number keeps keys apart: duplicate keys are refused by design.
                    let stem = self.pick(&["b", "a", "Z", "é", "_", "0"]);
                    let _ = write!(out, "\"{stem}{number}\"{}:", self.space());
                    out.push_str(&self.padded_json(depth - 1));
                }
                out.push('}');
                out
            }
        }
    }

    fn padded_json(&mut self, depth: usize) -> String {
        format!("{}{}{}", self.space(), self.json(depth), self.space())
    }

    fn text(&mut self) -> String {
        let mut out = String::from("\"");
        for _ in 0..self.below(8) {
            out.push_str(self.pick(TEXTS));
        }
        out.push('"');
        out
    }

    fn space(&mut self) -> &'static str {
        self.pick(&["", "", "", " ", "\t", "   "])
    }
}

/// Numbers that a parser and a serialiser seldom give back as they were.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-0.0",
    "1.0",
    "1e3",
    "1E+3",
    "0.1e-7",
    "9007199254740993",
    "-9223372036854775808",
    "18446744073709551616",
    "123456789012345678901234567890",
    "1e400",
    "3.141592653589793238462643",
];

/// Pieces of string bodies: raw characters, escapes of both kinds, half a surrogate pair.
const TEXTS: &[&str] = &[
    "a",
    "é",
    "日本",
    "👩‍👩‍👧",
    "\\u00e9",
    "\\u00E9",
    "\\ud83d\\ude00",
    "\\ud83d",
    "\\/",
    "/",
    "\\n",
    "\\u000a",
    "\\\"",
    "\\\\",
    "\u{7f}",
    "\u{200b}",
    "\u{2028}",
    " ",
    "<&>",
    "\\u0000",
];
