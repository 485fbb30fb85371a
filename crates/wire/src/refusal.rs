//! Why bytes were refused: a stable code and the offset of the first byte that earned it.

use std::fmt;

/// A refusal of received bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} (byte {offset})", .code.sentence())]
pub struct Refusal {
    /// What is wrong.
    pub code: Code,
    /// Offset, in bytes from the start of the message, of what is wrong.
    pub offset: usize,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $sentence:literal;)*) => {
        /// The stable name of a refusal. One table makes the type, the text and the documentation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $(#[doc = $sentence] $(#[$doc])* $variant,)* }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as it stands in answers, events and documentation.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// One sentence for a person.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}

codes! {
    Syntax = "wire.json.syntax", "the bytes are not JSON";
    Utf8 = "wire.json.utf8", "the bytes are not UTF-8";
    Truncated = "wire.json.truncated", "the message ends in the middle of a value";
    Trailing = "wire.json.trailing", "bytes follow the end of the message";
    Size = "wire.json.size", "the message is larger than the limit";
    Depth = "wire.json.depth", "the message is nested deeper than the limit";
    DuplicateKey = "wire.json.duplicate-key", "an object has the same key twice";
    FoldedKey = "wire.json.folded-key", "two keys of an object differ only in case or Unicode form";
    LoneSurrogate = "wire.json.lone-surrogate", "a string holds half of a surrogate pair";
    Integer = "wire.json.integer", "an integer lies beyond 2^53 - 1, where parsers disagree";
    Number = "wire.json.number", "a number cannot be carried by a double without loss";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
