use super::*;

#[test]
fn what_a_server_shows_in_one_era_says_nothing_about_the_other() {
    let mut state = State::default();
    state.freshness.listed(Scope::Everything, None, std::time::Duration::ZERO, None, 0);
    assert_eq!(state.wanted(Era::Legacy, None), Some(Scope::Everything));
    state.asked = Some(Asked { era: Era::Legacy, meta: None });
    assert_eq!(state.wanted(Era::Legacy, None), None);
    assert_eq!(state.wanted(Era::Modern, None), Some(Scope::Everything));
}

#[test]
fn a_header_that_is_missed_makes_what_is_known_doubtful() {
    let pins = Arc::new(crate::pin::MemoryPins::default());
    let stance = crate::Stance::of(Mode::Fixed);
    let events = crate::event::Events::to(std::io::sink());
    let session = Session::new(Arc::new(Gate::new("calc".to_owned(), stance, pins, events)));
    let awaited = Awaited { era: Era::Modern, what: What::Other };
    for (code, doubts) in [(-32_602, 0), (-32_020, 1)] {
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"Mcp-Param-A"}}}}"#
        );
        let document = Document::parse(text.as_bytes(), &wire::Policy::default()).unwrap();
        let frame = wire::Frame::read(&document).unwrap();
        let wire::Frame::One(wire::Message::Response(response)) = &frame else { panic!() };
        assert_eq!(session.response(&awaited, response), None);
        assert_eq!(session.lock().freshness.doubts(), doubts, "{code}");
    }
}
