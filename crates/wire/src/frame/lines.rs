//! Newline-delimited messages (the stdio transport).

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use crate::refusal::{Code, Refusal};

/// Splits a byte stream into lines, however it was cut into reads.
#[derive(Debug)]
pub struct Lines {
    pending: BytesMut,
    bytes_max: usize,
    /// INVARIANT: `pending` holds no LF before this index.
    searched: usize,
    /// Whether `pending` continues a line that was refused already.
    discarding: bool,
}

impl Lines {
    /// Lines of at most `bytes_max` bytes, the line ending not counted.
    pub fn new(bytes_max: usize) -> Self {
        Self { pending: BytesMut::new(), bytes_max, searched: 0, discarding: false }
    }

    /// Room to read into directly; what is appended here counts as received.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.pending
    }

    /// The next whole line without its ending: LF, CR LF, or CR CR LF as Windows programs write by
    /// mistake. Empty lines are skipped. A refused line is refused once, and the stream goes on
    /// after its end.
    ///
    /// # Errors
    /// `wire.json.size` for a line past the limit, as soon as it is past it. `wire.frame.line-break`
    /// for a CR inside a line: Python reads a line there, so the rest of the line could be another
    /// message to it.
    pub fn next_line(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let unsearched = self.pending.get(self.searched..).unwrap_or_default();
            let Some(within) = memchr(b'\n', unsearched) else {
                self.searched = self.pending.len();
                return self.refuse_overlong().map(|()| None);
            };
            let mut line = self.pending.split_to(self.searched + within + 1).freeze();
            self.searched = 0;
            if std::mem::take(&mut self.discarding) {
                continue;
            }
            line.truncate(content_len(&line));
            if !line.is_empty() {
                return checked(line, self.bytes_max).map(Some);
            }
        }
    }

    /// What is left at the end of the stream, once `next_line` gives none: a last line that no line
    /// ending closed.
    ///
    /// # Errors
    /// As `next_line`.
    pub fn rest(self) -> Result<Option<Bytes>, Refusal> {
        let mut line = self.pending.freeze();
        line.truncate(content_len(&line));
        if self.discarding || line.is_empty() {
            return Ok(None);
        }
        checked(line, self.bytes_max).map(Some)
    }

    /// Refuses a line whose end is not here yet, once no ending can bring it below the limit.
    fn refuse_overlong(&mut self) -> Result<(), Refusal> {
        let was_discarding = self.discarding;
        self.discarding |= content_len(&self.pending) > self.bytes_max;
        if !self.discarding {
            return Ok(());
        }
        self.pending.clear();
        self.searched = 0;
        if was_discarding { Ok(()) } else { Err(Refusal::at(Code::Size, self.bytes_max)) }
    }
}

fn checked(line: Bytes, bytes_max: usize) -> Result<Bytes, Refusal> {
    if line.len() > bytes_max {
        return Err(Refusal::at(Code::Size, bytes_max));
    }
    memchr(b'\r', &line).map_or(Ok(line), |at| Err(Refusal::at(Code::LineBreak, at)))
}

/// The length of a line without its ending, LF, CR LF or CR CR LF.
fn content_len(line: &[u8]) -> usize {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line).len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Read = Result<Vec<u8>, (Code, usize)>;

    /// Everything that `pieces` hold, line by line.
    fn read<'a>(bytes_max: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Read> {
        let owned = |line: Result<Bytes, Refusal>| {
            line.map(|line| line.to_vec()).map_err(|refused| (refused.code, refused.offset))
        };
        let mut lines = Lines::new(bytes_max);
        let mut all = Vec::new();
        for piece in pieces {
            lines.buffer().extend_from_slice(piece);
            all.extend(std::iter::from_fn(|| lines.next_line().transpose().map(owned)));
        }
        all.extend(lines.rest().transpose().map(owned));
        all
    }

    /// The lines of a stream in which nothing is refused.
    fn lines(lines: &[&str]) -> Vec<Read> {
        lines.iter().map(|line| Ok(line.as_bytes().to_vec())).collect()
    }

    #[test]
    fn splits_at_line_feeds_and_skips_empty_lines() {
        let stream = b"a\n\r\nb c\r\n\n\x7f\nd\r\r\nlast".as_slice();
        assert_eq!(read(9, [stream]), lines(&["a", "b c", "\x7f", "d", "last"]));
        assert_eq!(read(9, [b"a\r".as_slice()]), lines(&["a"]));
        assert_eq!(read(9, [b"\r\n\r".as_slice()]), []);
    }

    #[test]
    fn refuses_a_line_in_which_others_see_two() {
        let stream = b"{\"a\":\r{}\r}\nb\nc\r\r\r\n".as_slice();
        let refused = |at| Err((Code::LineBreak, at));
        assert_eq!(read(99, [stream]), [refused(5), Ok(b"b".to_vec()), refused(1)]);
    }

    #[test]
    fn limit_holds_at_the_limit_and_refuses_one_past_it_once() {
        let ok = |text: &str| Ok(text.as_bytes().to_vec());
        let size = || Err((Code::Size, 4));
        let stream = b"1234\r\n12345\n1234\n".as_slice();
        assert_eq!(read(4, [stream]), [ok("1234"), size(), ok("1234")]);
        let pieces = [b"12345".as_slice(), b"6789".as_slice(), b"0\nab\n".as_slice()];
        assert_eq!(read(4, pieces), [size(), ok("ab")]);
        assert_eq!(read(4, [b"12345".as_slice(), b"67".as_slice()]), [size()]);
    }

    #[test]
    fn refuses_an_endless_line_before_it_ends() {
        let mut lines = Lines::new(8);
        for round in 0..1_000 {
            lines.buffer().extend_from_slice(&[b'a'; 64]);
            assert_eq!(lines.next_line().is_err(), round == 0);
            assert!(lines.buffer().is_empty());
        }
    }

    #[test]
    fn a_long_line_in_single_bytes_takes_linear_time() {
        let mut lines = Lines::new(4 << 20);
        for _ in 0..4 << 20 {
            lines.buffer().extend_from_slice(b"a");
            assert_eq!(lines.next_line(), Ok(None));
        }
        lines.buffer().extend_from_slice(b"\n");
        assert_eq!(lines.next_line().unwrap().unwrap().len(), 4 << 20);
    }

    #[test]
    fn lines_are_not_copied() {
        let mut lines = Lines::new(99);
        lines.buffer().extend_from_slice(b"first\nsecond\n");
        let at = lines.buffer().as_ptr();
        assert_eq!(lines.next_line().unwrap().unwrap().as_ptr(), at);
    }

    proptest! {
        #[test]
        fn the_cut_into_reads_changes_nothing(
            stream in "[ab\r\n]{0,40}", max in 0_usize..6, size in 1_usize..8
        ) {
            let whole = read(max, [stream.as_bytes()]);
            prop_assert_eq!(read(max, stream.as_bytes().chunks(size)), whole);
        }
    }
}
