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
    Integer = "wire.json.integer", "an integer, or a number that canonical JSON writes as one, lies beyond 2^53 - 1, where parsers disagree";
    Number = "wire.json.number", "a number cannot be carried by a double without loss";
    KeyForm = "wire.rpc.key-form", "a key that decides is written in another case or Unicode form";
    NotMessage = "wire.rpc.not-a-message", "a message is an object, or an array of objects";
    Version = "wire.rpc.version", "`jsonrpc` is missing or is not \"2.0\"";
    Id = "wire.rpc.id", "an id is neither a string nor an integer within 2^53 - 1";
    IdMissing = "wire.rpc.id-missing", "a result has no id";
    Method = "wire.rpc.method", "`method` is empty or not a string";
    MethodForm = "wire.rpc.method-form", "a method that decides is written in another form";
    Notification = "wire.rpc.notification", "a notification is named `notifications/…` and has no id, a request is not";
    Long = "wire.rpc.long", "an id or a method is longer than the limit";
    Params = "wire.rpc.params", "`params` is not an object";
    Mixed = "wire.rpc.mixed", "a message is both a request and a response";
    BothOutcomes = "wire.rpc.both-outcomes", "a response has both `result` and `error`";
    NoOutcome = "wire.rpc.no-outcome", "a message has neither a method nor a result nor an error";
    Error = "wire.rpc.error", "`error` is not an object with an integer `code` and a string `message`";
    BatchEmpty = "wire.rpc.batch-empty", "a batch is empty";
    BatchNested = "wire.rpc.batch-nested", "a batch lies inside a batch";
    BatchSize = "wire.rpc.batch-size", "a batch has more messages than the limit";
    BatchId = "wire.rpc.batch-id", "two requests of a batch have the same id";
    BatchInitialize = "wire.rpc.batch-initialize", "`initialize` stands in a batch";
    Subject = "wire.request.subject", "the name of what a request acts on is missing or not a string";
    Meta = "wire.request.meta", "`_meta` is not an object";
    ProtocolVersion = "wire.request.protocol-version", "a protocol version is missing or not a string";
    Cursor = "wire.request.cursor", "a cursor is neither a string nor null";
    ResultType = "wire.result.type", "`resultType` is not a string";
    HeaderMissing = "wire.header.missing", "a header that must repeat the body is missing";
    HeaderMalformed = "wire.header.malformed", "a header is not written as its value must be";
    HeaderRepeated = "wire.header.repeated", "a header that must be single stands twice";
    HeaderMismatch = "wire.header.mismatch", "a header says another thing than the body";
    LineBreak = "wire.frame.line-break", "some readers end a line at this byte, others do not";
    FieldForm = "wire.frame.field-form", "the name of an event field is written in another form";
}

impl Refusal {
    pub(crate) const fn at(code: Code, offset: usize) -> Self {
        Self { code, offset }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_name_and_a_sentence_of_its_own() {
        for (index, code) in Code::ALL.iter().enumerate() {
            let name = code.as_str();
            let is_plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
            assert!(name.starts_with("wire.") && name.bytes().all(is_plain), "{name}");
            for other in Code::ALL.iter().take(index) {
                assert_ne!(name, other.as_str());
                assert_ne!(code.sentence(), other.sentence());
            }
        }
    }
}
