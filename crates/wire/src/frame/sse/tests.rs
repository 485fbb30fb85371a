use proptest::prelude::*;

use super::*;

type Read = Result<Event, (Code, usize)>;

/// Everything that `pieces` hold, block by block.
fn read_all<'a>(bytes_max: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Read> {
    let coded = |event: Result<Event, Refusal>| event.map_err(|r| (r.code, r.offset));
    let mut events = Events::new(bytes_max);
    let mut all = Vec::new();
    for piece in pieces {
        events.buffer().extend_from_slice(piece);
        all.extend(std::iter::from_fn(|| events.next_event().transpose().map(coded)));
    }
    all.extend(events.rest().transpose().map(coded));
    all
}

/// The `data` of every event, and the code of every refusal.
fn data(stream: &str) -> Vec<Result<Option<String>, Code>> {
    let text = |data: Bytes| String::from_utf8(data.to_vec()).unwrap();
    let events = read_all(9_999, [stream.as_bytes()]).into_iter();
    events.map(|e| e.map(|e| e.data.map(text)).map_err(|(code, _)| code)).collect()
}

/// The `data` of events of which none is refused.
fn all(data: &[Option<&str>]) -> Vec<Result<Option<String>, Code>> {
    data.iter().map(|data| Ok(data.map(str::to_owned))).collect()
}

#[test]
fn reads_every_field() {
    let stream = ": hi\nevent: message\nid: 7\nretry: 250\ndata: {\"a\":\ndata:1}\nother: x\n\n";
    let events = read_all(99, [stream.as_bytes()]);
    let expected = Event {
        raw: Bytes::from(stream.to_owned()),
        name: Some("message".to_owned()),
        id: Some("7".to_owned()),
        retry_ms: Some(250),
        data: Some(Bytes::from_static(b"{\"a\":\n1}")),
    };
    assert_eq!(events, [Ok(expected)]);
}

#[test]
fn lines_end_in_three_ways() {
    for ending in ["\n", "\r\n", "\r"] {
        let stream = "data: a\ndata: b\n\n: c\n\ndata:  d\n\n".replace('\n', ending);
        assert_eq!(data(&stream), all(&[Some("a\nb"), None, Some(" d")]), "{ending:?}");
    }
    assert_eq!(data("data: a\r\n\ndata: b\n\r\n"), all(&[Some("a"), Some("b")]));
}

#[test]
fn reads_what_is_empty_as_the_specification_does() {
    assert_eq!(data("data\n\n"), all(&[Some("")]));
    assert_eq!(data("data:\n\n"), all(&[Some("")]));
    assert_eq!(data("data\ndata\n\n"), all(&[Some("\n")]));
    assert_eq!(data("\n\r\n"), all(&[None, None]));
    assert_eq!(data(":\n\n"), all(&[None]));
    assert_eq!(data("data: never closed\n"), []);
    assert_eq!(data("data: a\n\ndata: b"), all(&[Some("a")]));
}

#[test]
fn a_byte_order_mark_counts_only_at_the_start() {
    assert_eq!(data("\u{feff}data: a\n\n"), all(&[Some("a")]));
    assert_eq!(data("\u{feff}\ndata: a\n\n"), all(&[None, Some("a")]));
    assert_eq!(data("data: a\n\n\u{feff}data: b\n\n")[1], Err(Code::FieldForm));
    assert_eq!(data("\u{feff}\u{feff}data: b\n\n"), [Err(Code::FieldForm)]);
}

#[test]
fn ids_with_nul_and_odd_retries_are_ignored() {
    let events = read_all(99, [b"id: a\0b\nretry: 5s\ndata: x\n\n".as_slice()]);
    let event = events[0].as_ref().unwrap();
    assert_eq!((event.id.as_deref(), event.retry_ms), (None, None));
    let events = read_all(99, [b"id\nretry: 99999999999999999999\nevent\n\n".as_slice()]);
    let event = events[0].as_ref().unwrap();
    assert_eq!((event.id.as_deref(), event.retry_ms), (Some(""), None));
    assert_eq!(event.name.as_deref(), Some(""));
}

#[test]
fn refuses_blocks_that_others_read_differently_and_goes_on() {
    for (block, code, offset) in [
        (": x\u{2028}data: {}\n\n", Code::LineBreak, 3),
        ("event: x\u{85}data: {}\n\n", Code::LineBreak, 8),
        ("id: 1\u{b}data: {}\n\n", Code::LineBreak, 5),
        ("x\u{1c}data: {}\n\n", Code::LineBreak, 1),
        ("id: 1\nData: {}\n\n", Code::FieldForm, 6),
        (" data: {}\n\n", Code::FieldForm, 0),
        ("data : {}\n\n", Code::FieldForm, 0),
    ] {
        let stream = format!("{block}data: a\n\n");
        let events = read_all(99, [stream.as_bytes()]);
        assert_eq!(events[0], Err((code, offset)), "{block}");
        assert_eq!(events[1].as_ref().unwrap().data.as_deref(), Some(b"a".as_slice()), "{block}");
    }
    let events = read_all(99, [b"data: \xff\n\n: ok\n\n".as_slice()]);
    assert_eq!(events[0], Err((Code::Utf8, 6)));
    assert!(events[1].is_ok());
    assert_eq!(data("data: \"\u{2028}\"\n\n"), all(&[Some("\"\u{2028}\"")]));
}

#[test]
fn limit_holds_at_the_limit_and_refuses_one_past_it_once() {
    let codes = |pieces: &[&str]| {
        let events = read_all(10, pieces.iter().map(|piece| piece.as_bytes()));
        events.into_iter().map(|event| event.map(|e| e.raw.len())).collect::<Vec<_>>()
    };
    let size = Err((Code::Size, 10));
    assert_eq!(codes(&["data: ab\n\n"]), [Ok(10)]);
    assert_eq!(codes(&["data: abc\n\n"]), [size]);
    assert_eq!(codes(&["data: abcde\nfgh", "ij\nk\n", "\n:\n\n"]), [size, Ok(3)]);
    assert_eq!(codes(&["data: abcdefg\r", "\n\r", "\n:\n\n"]), [size, Ok(3)]);
}

#[test]
fn a_byte_order_mark_in_pieces_is_one_even_past_the_limit() {
    let stream = b"\xef\xbb\xbf\r\ndata: a\n\n".as_slice();
    let whole = read_all(0, [stream]);
    assert_eq!(whole.len(), 2);
    assert_eq!(read_all(0, stream.chunks(1)), whole);
}

#[test]
fn refuses_an_endless_block_before_it_ends() {
    let mut events = Events::new(8);
    for round in 0..1_000 {
        events.buffer().extend_from_slice(&[b'a'; 64]);
        assert_eq!(events.next_event().is_err(), round == 0);
        assert!(events.buffer().is_empty());
    }
}

#[test]
fn a_long_block_in_single_bytes_takes_linear_time() {
    let mut events = Events::new(4 << 20);
    for byte in b"data: ".iter().chain(std::iter::repeat_n(&b'a', (4 << 20) - 8)) {
        events.buffer().extend_from_slice(&[*byte]);
        assert_eq!(events.next_event(), Ok(None));
    }
    events.buffer().extend_from_slice(b"\n\n");
    let event = events.next_event().unwrap().unwrap();
    assert_eq!(event.data.unwrap().len(), (4 << 20) - 8);
    assert_eq!(event.raw.len(), 4 << 20);
}

#[test]
fn a_single_data_line_is_not_copied() {
    let mut events = Events::new(99);
    events.buffer().extend_from_slice(b"data: {}\n\n");
    let at = events.buffer().as_ptr();
    let event = events.next_event().unwrap().unwrap();
    assert_eq!(event.data.unwrap().as_ptr(), at.wrapping_add(6));
}

proptest! {
    #[test]
    fn the_cut_into_reads_changes_nothing(
        stream in "(\u{feff}|data|:| |[ab\\r\\n]|\u{2028}){0,30}", max in 0_usize..30, size in 1_usize..8
    ) {
        let whole = read_all(max, [stream.as_bytes()]);
        prop_assert_eq!(read_all(max, stream.as_bytes().chunks(size)), whole);
    }

    #[test]
    fn nothing_is_lost(stream in "(data|:|[ab\\r\\n]){0,30}") {
        let events = read_all(99, [stream.as_bytes()]);
        if let Ok(events) = events.into_iter().collect::<Result<Vec<_>, _>>() {
            let raw: Vec<u8> = events.iter().flat_map(|event| event.raw.to_vec()).collect();
            prop_assert!(stream.as_bytes().starts_with(&raw));
        }
    }
}
