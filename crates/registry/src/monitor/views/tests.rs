#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

const MINUTE_US: i64 = 60_000_000;
const HOUR_US: i64 = 60 * MINUTE_US;

/// Looks written as `minute observer surface`; an observer is a vantage and a client: `1x`.
fn looks(text: &'static str) -> Vec<Look<'static>> {
    let look = |(index, line): (usize, &'static str)| {
        let mut parts = line.split_whitespace();
        let minute: i64 = parts.next().unwrap().parse().unwrap();
        let (vantage, client) = parts.next().unwrap().split_at(1);
        let shown = Digest::of_bytes(parts.next().unwrap().as_bytes());
        let index = u64::try_from(index).unwrap() + 100;
        Look { time_us: minute * MINUTE_US, shown, vantage, client, index }
    };
    text.split(',').enumerate().map(look).collect()
}

fn view(text: &'static str) -> View {
    let looks = looks(text);
    let now_us = looks.last().map_or(0, |look| look.time_us);
    judge(&looks, HOUR_US, now_us)
}

fn name(view: &View) -> &'static str {
    match view {
        View::One => "one",
        View::Update => "update",
        View::RollOut => "roll-out",
        View::Open => "open",
        View::Nondeterministic => "nondeterministic",
        View::SplitView(_) => "split-view",
        View::Cloaking(_) => "cloaking",
    }
}

#[test]
fn each_sequence_has_its_verdict() {
    for (sequence, verdict) in [
        ("0 1x A", "one"),
        ("0 1x A, 60 2x A, 600 1y A", "one"),
        // A…A, then B…B everywhere.
        ("0 1x A, 60 2x A, 120 1x B, 180 2x B", "update"),
        ("0 1x A, 60 2x B, 120 1x C, 180 2x D", "update"),
        // Taken back after a day: an update and another.
        ("0 1x A, 60 2x A, 120 1x B, 180 2x B, 1500 1x A, 1560 2x A", "update"),
        // Mixed, settling within the window.
        ("0 1x A, 10 2x B, 20 1x A, 30 2x B, 40 1x B, 200 2x B", "roll-out"),
        ("0 1x A, 10 1x B, 20 1x A, 30 1x B, 200 1x B", "roll-out"),
        ("0 1x A, 10 2x B, 20 1x A, 30 2x B", "open"),
        // Just inside the window, and just past it.
        ("0 1x A, 10 2x B, 20 1x A, 30 2x B, 70 1x A", "open"),
        ("0 1x A, 10 2x B, 20 1x A, 30 2x B, 71 1x A", "split-view"),
        // A, B, A, B between vantages beyond it.
        ("0 1x A, 60 2x B, 120 1x A, 180 2x B", "split-view"),
        ("0 1x A, 60 2x B, 120 3x A, 180 2x B, 240 1x A, 300 2x B", "split-view"),
        // Two turns are not three.
        ("0 1x A, 60 2x B, 180 1x A", "update"),
        // Each vantage asks as a client of its own: a split view, and no more can be said.
        ("0 1x A, 60 2y B, 120 1x A, 180 2y B", "split-view"),
        // B tied to the client, at one vantage or at two.
        ("0 1x A, 60 1y B, 120 1x A, 180 1y B", "cloaking"),
        ("0 1x A, 30 2x A, 60 1y B, 90 2y B, 120 1x A, 150 2x A, 180 1y B, 210 2y B", "cloaking"),
        // A, B, A, B at one vantage with one client.
        ("0 1x A, 60 1x B, 120 1x A, 180 1x B", "nondeterministic"),
        ("0 1x A, 60 2x B, 120 1x B, 180 2x A, 240 1x A, 300 2x B", "nondeterministic"),
        // An update while two faces are shown hides neither.
        (
            "0 1x A, 60 2x B, 120 1x A, 180 2x B, 240 1x C, 300 2x D, 360 1x C, 420 2x D",
            "split-view",
        ),
    ] {
        assert_eq!(name(&view(sequence)), verdict, "{sequence}");
    }
}

#[test]
fn both_sides_are_the_evidence() {
    let View::SplitView(evidence) = view("0 1x A, 60 2x B, 120 1x A, 180 2x B") else { panic!() };
    // The last look of the last return, and the last before it that saw the other surface.
    assert_eq!(evidence.observations, [102, 103]);
    let shown = BTreeSet::from(["A", "B"].map(|it| Digest::of_bytes(it.as_bytes())));
    assert_eq!(evidence.shown, shown);
}

#[test]
fn the_window_is_an_hour_or_three_times_what_the_server_says() {
    assert_eq!(window_us(None), HOUR_US);
    assert_eq!(window_us(Some(60_000)), HOUR_US);
    assert_eq!(window_us(Some(3_600_000)), 3 * HOUR_US);
    // A server does not buy itself a year.
    assert_eq!(window_us(Some(u64::MAX)), limits::MIXED_US_MAX);
    let sequence = "0 1x A, 60 2x B, 120 1x A, 180 2x B";
    let looks = looks(sequence);
    let now_us = 181 * MINUTE_US;
    assert_eq!(judge(&looks, window_us(Some(3_600_000)), now_us), View::Open);
}

#[test]
fn no_order_of_looks_of_one_surface_accuses_anybody() {
    assert_eq!(view("0 1x A, 0 2y A, 500 3z A"), View::One);
    assert_eq!(judge(&[], HOUR_US, 0), View::One);
}
