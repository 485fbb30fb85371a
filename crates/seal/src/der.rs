//! DER (X.690), as much as keys, signatures and certificates need: definite lengths, each in its
//! shortest form, low tag numbers.

/// The tag of an `INTEGER`.
pub(crate) const INTEGER: u8 = 0x02;
/// The tag of an `OCTET STRING`.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// The tag of a `NULL`.
pub(crate) const NULL: u8 = 0x05;
/// The tag of an `OBJECT IDENTIFIER`.
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
/// The tag of a `SEQUENCE`.
pub(crate) const SEQUENCE: u8 = 0x30;

/// Reads one value after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    /// A reader of the values in `bytes`.
    pub(crate) const fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    pub(crate) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next value, whatever it is: its tag and contents.
    pub(crate) fn any(&mut self) -> Option<(u8, &'b [u8])> {
        let (&tag, rest) = self.rest.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = digits.iter().fold(0, |all, digit| all << 8 | usize::from(*digit));
                let is_shortest = length > 0x7f && digits.first() != Some(&0);
                (is_shortest.then_some(length)?, rest)
            }
            _ => return None,
        };
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (contents, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some((tag, contents))
    }

    /// The contents of the next value, which has this tag; else nothing is read.
    pub(crate) fn tagged(&mut self, tag: u8) -> Option<&'b [u8]> {
        let mut ahead = *self;
        let (found, contents) = ahead.any()?;
        (found == tag).then(|| {
            *self = ahead;
            contents
        })
    }

    /// The values of the `SEQUENCE` that comes next.
    pub(crate) fn sequence(&mut self) -> Option<Self> {
        self.tagged(SEQUENCE).map(Self::new)
    }

    /// The `INTEGER` that comes next, not negative, without leading zero.
    pub(crate) fn unsigned(&mut self) -> Option<&'b [u8]> {
        match self.tagged(INTEGER)? {
            [0] => Some(&[]),
            [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Some(rest),
            all @ [0x01..=0x7f, ..] => Some(all),
            _ => None,
        }
    }

    /// The `INTEGER` that comes next, as far as it fits.
    pub(crate) fn small(&mut self) -> Option<u32> {
        let digits = self.unsigned()?;
        let fits = digits.len() <= 4;
        fits.then(|| digits.iter().fold(0, |all, digit| all << 8 | u32::from(*digit)))
    }
}

/// A value with its header.
pub(crate) fn tagged(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = contents.len().to_be_bytes();
    let digits: Vec<u8> = length.into_iter().skip_while(|digit| *digit == 0).collect();
    match digits.as_slice() {
        [] => out.push(0),
        [short @ ..=0x7f] => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(contents);
    out
}

/// An `INTEGER` that is not negative, from its big-endian bytes.
pub(crate) fn unsigned(digits: &[u8]) -> Vec<u8> {
    let mut contents: Vec<u8> = digits.iter().copied().skip_while(|digit| *digit == 0).collect();
    if contents.first().is_none_or(|first| *first >= 0x80) {
        contents.insert(0, 0);
    }
    tagged(INTEGER, &contents)
}
