//! What fields are made of. Each type has one text, and no way to hold a sensitive value in clear.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use surface::Digest;

use crate::limits;

/// A salted commitment, or a Merkle root over such: `commit:sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment(Digest);

impl Commitment {
    /// INVARIANT: only `crate::commit` calls this, on hashes that a fresh salt went into.
    pub(crate) const fn from_salted(hash: [u8; 32]) -> Self {
        Self(Digest::from_sha256(hash))
    }

    /// The hash.
    pub const fn as_sha256(&self) -> &[u8; 32] {
        self.0.as_sha256()
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "commit:{}", self.0)
    }
}

impl FromStr for Commitment {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let digest = text.strip_prefix("commit:").and_then(|digest| digest.parse().ok());
        digest.map(Self).ok_or(Malformed("a commitment is `commit:sha256:` and 64 hex digits"))
    }
}

/// A random name for a person, a service or a token id, from a table that can forget it: `tok:` and
/// 32 hexadecimal digits. Never derived from what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token([u8; 16]);

impl Token {
    /// A token of these random bytes.
    pub const fn from_random(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tok:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Token {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes = text.strip_prefix("tok:").and_then(hex);
        bytes.map(Self).ok_or(Malformed("a token is `tok:` and 32 hex digits"))
    }
}

/// A `UUIDv7` (RFC 9562 section 5.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 16]);

impl Id {
    /// The id of a time and ten random bytes.
    pub fn new(time_ms: u64, random: [u8; 10]) -> Self {
        let [_, _, t0, t1, t2, t3, t4, t5] = time_ms.to_be_bytes();
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9] = random;
        let (version, variant) = (0x70 | r0 & 0x0f, 0x80 | r2 & 0x3f);
        Self([t0, t1, t2, t3, t4, t5, version, r1, variant, r3, r4, r5, r6, r7, r8, r9])
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for Id {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = Malformed("an id is a UUIDv7 in lower case");
        let id = Self(hex(&text.replace('-', "")).ok_or(wrong)?);
        let [.., version, _, variant, _, _, _, _, _, _, _] = id.0;
        let is_v7 = version >> 4 == 7 && variant >> 6 == 2;
        if is_v7 && id.to_string() == text { Ok(id) } else { Err(wrong) }
    }
}

/// A time: RFC 3339, UTC, milliseconds: `2026-11-25T12:00:00.123Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wall(u64);

impl Wall {
    /// The time of so many milliseconds since 1970, at most the last of the year 9999.
    pub fn from_ms(ms: u64) -> Self {
        Self(ms.min(LAST_MS))
    }

    /// Milliseconds since 1970.
    pub const fn ms(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = seal::time::format(self.0 / 1_000).unwrap_or_default();
        write!(f, "{}.{:03}Z", seconds.trim_end_matches('Z'), self.0 % 1_000)
    }
}

impl FromStr for Wall {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = Malformed("a time is RFC 3339 in UTC with milliseconds");
        let (seconds, rest) = text.split_at_checked(19).ok_or(wrong)?;
        let seconds = seal::time::parse(&format!("{seconds}Z")).ok_or(wrong)?;
        let ms = rest.strip_prefix('.').and_then(|ms| ms.strip_suffix('Z')).ok_or(wrong)?;
        let is_three = ms.len() == 3 && ms.bytes().all(|byte| byte.is_ascii_digit());
        let ms: u64 = ms.parse().ok().filter(|_| is_three).ok_or(wrong)?;
        Ok(Self(seconds * 1_000 + ms))
    }
}

/// A word of ours or of a specification: codes, methods, scopes, names that stand in a pin. ASCII
/// without spaces, so that no sentence fits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(String);

impl Word {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Word {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@+$#".contains(&b);
        let fits = (1..=limits::WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_part);
        let is_other = text.starts_with("commit:") || text.starts_with("tok:");
        let wrong = Malformed("a word is 1 to 255 of A-Z a-z 0-9 _ - . / : @ + $ #");
        if fits && !is_other { Ok(Self(text.to_owned())) } else { Err(wrong) }
    }
}

/// A configured address: an issuer, an audience, an origin, an executable. Printable ASCII.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

impl Address {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Address {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let fits = (1..=limits::ADDRESS_BYTES_MAX).contains(&text.len());
        let is_printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        let wrong = Malformed("an address is 1 to 2,048 printable ASCII characters");
        if fits && is_printable { Ok(Self(text.to_owned())) } else { Err(wrong) }
    }
}

/// A name that is clear only where somebody approved it: a tool in the pin, a method of the
/// protocol. What a client or a model chose is a commitment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// Approved or specified.
    Known(Word),
    /// Chosen by whoever asked.
    Committed(Commitment),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(word) => word.fmt(f),
            Self::Committed(commitment) => commitment.fmt(f),
        }
    }
}

impl FromStr for Name {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.parse().map(Self::Committed).or_else(|_| text.parse().map(Self::Known))
    }
}

/// The digest of what a server shows: of a `private` surface a commitment, as that may hold a
/// user's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// Of a surface that everybody may see.
    Public(Digest),
    /// Of one that is somebody's own.
    Private(Commitment),
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public(digest) => digest.fmt(f),
            Self::Private(commitment) => commitment.fmt(f),
        }
    }
}

impl FromStr for Shown {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let public = text.parse().map(Self::Public);
        public.or_else(|_| text.parse().map(Self::Private))
    }
}

/// A count, a size, an index: at most 2^53 - 1, so that every parser reads it alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct Count(u64);

impl Count {
    /// The count, or the largest there is.
    pub fn new(count: u64) -> Self {
        Self(count.min(limits::INTEGER_MAX))
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = u64::deserialize(deserializer)?;
        let is_safe = count <= limits::INTEGER_MAX;
        is_safe.then_some(Self(count)).ok_or_else(|| serde::de::Error::custom("beyond 2^53 - 1"))
    }
}

/// A number that may pass 2^53, as a decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Large(pub u64);

impl fmt::Display for Large {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Large {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = Malformed("a large number is a decimal string without leading zeros");
        let number: u64 = text.parse().map_err(|_| wrong)?;
        if number.to_string() == text { Ok(Self(number)) } else { Err(wrong) }
    }
}

/// `N` bytes in lower-case hexadecimal digits: the trace and span ids of W3C Trace Context, which
/// are never all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceId<const N: usize>(pub [u8; N]);

impl<const N: usize> fmt::Display for TraceId<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> FromStr for TraceId<N> {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes = hex(text).filter(|bytes| *bytes != [0; N]);
        bytes.map(Self).ok_or(Malformed("a trace or span id is lower-case hex and not zero"))
    }
}

/// A signature, in base64 with padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature(pub Vec<u8>);

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use base64::Engine as _;
        f.write_str(&base64::engine::general_purpose::STANDARD.encode(&self.0))
    }
}

impl FromStr for Signature {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        use base64::Engine as _;
        let wrong = Malformed("a signature is base64 of at most 4,096 characters");
        if text.is_empty() || text.len() > limits::SIGNATURE_BYTES_MAX {
            return Err(wrong);
        }
        base64::engine::general_purpose::STANDARD.decode(text).map(Self).map_err(|_| wrong)
    }
}

/// A text that is not of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(&'static str);

macro_rules! by_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

by_text!(
    Commitment,
    Token,
    Id,
    Wall,
    Word,
    Address,
    Name,
    Shown,
    Large,
    TraceId<16>,
    TraceId<8>,
    Signature
);

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |digit: &u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let [high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

/// The last millisecond of the year 9999.
const LAST_MS: u64 = 253_402_300_799_999;
