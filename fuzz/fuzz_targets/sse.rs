//! Events do not depend on how the stream is cut, and are those of the specification's algorithm.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::Refusal;
use wire::frame::sse::{Event, Events};

fuzz_target!(|data: &[u8]| {
    let Some((&[bytes_max, seed], stream)) = data.split_first_chunk::<2>() else { return };
    let bytes_max = usize::from(bytes_max);
    let whole = read(bytes_max, [stream]);
    assert_eq!(read(bytes_max, pieces(stream, seed)), whole);
    assert_eq!(read(bytes_max, stream.chunks(1)), whole);
    let Ok(events) = whole.into_iter().collect::<Result<Vec<_>, _>>() else { return };
    let raw: Vec<u8> = events.iter().flat_map(|event| event.raw.to_vec()).collect();
    assert!(stream.starts_with(&raw));
    let dispatched: Vec<_> = events.iter().filter_map(|event| event.data.clone()).collect();
    let Ok(text) = std::str::from_utf8(&raw) else { panic!("bytes that are not UTF-8 passed") };
    assert_eq!(dispatched, by_the_specification(text));
});

/// The data buffers at each blank line, by the algorithm of WHATWG HTML, 9.2.6.
fn by_the_specification(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut all = Vec::new();
    let mut data = None::<String>;
    for line in text.split_terminator('\n') {
        if line.is_empty() {
            all.extend(data.take().map(|mut data| {
                data.pop();
                data
            }));
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        if field == "data" {
            let data = data.get_or_insert_default();
            data.push_str(value.strip_prefix(' ').unwrap_or(value));
            data.push('\n');
        }
    }
    all
}

fn read<'a>(
    bytes_max: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Result<Event, Refusal>> {
    let mut events = Events::new(bytes_max);
    let mut all = Vec::new();
    for piece in pieces {
        events.buffer().extend_from_slice(piece);
        all.extend(std::iter::from_fn(|| events.next_event().transpose()));
    }
    all.extend(events.rest().transpose());
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
