//! Lines do not depend on how the stream is cut, and no reader finds another line inside one.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use wire::Refusal;
use wire::frame::lines::Lines;

fuzz_target!(|data: &[u8]| {
    let Some((&[bytes_max, seed], stream)) = data.split_first_chunk::<2>() else { return };
    let whole = read(usize::from(bytes_max), [stream]);
    assert_eq!(read(usize::from(bytes_max), pieces(stream, seed)), whole);
    assert_eq!(read(usize::from(bytes_max), stream.chunks(1)), whole);
    for line in whole.iter().flatten() {
        assert!(!line.is_empty() && line.len() <= usize::from(bytes_max));
        assert!(!line.iter().any(|b| matches!(b, b'\r' | b'\n')));
    }
    // What is neither refused nor a line ending comes out, in order.
    if whole.iter().all(Result::is_ok) {
        let received = stream.iter().filter(|b| !matches!(b, b'\r' | b'\n'));
        assert!(received.eq(whole.iter().flatten().flatten()));
    }
});

fn read<'a>(
    bytes_max: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Result<Bytes, Refusal>> {
    let mut lines = Lines::new(bytes_max);
    let mut all = Vec::new();
    for piece in pieces {
        lines.buffer().extend_from_slice(piece);
        all.extend(std::iter::from_fn(|| lines.next_line().transpose()));
    }
    all.extend(lines.rest().transpose());
    all
}

/// `stream` cut into pieces of 1 to 16 bytes.
fn pieces(mut stream: &[u8], mut seed: u8) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while !stream.is_empty() {
        seed = seed.wrapping_mul(29).wrapping_add(7);
        let (piece, rest) = stream.split_at(stream.len().min(usize::from(seed % 16) + 1));
        all.push(piece);
        stream = rest;
    }
    all
}
