//! How fast texts are scanned.

use std::time::Instant;

use serde_json::Value;

use crate::data::Server;

/// Bytes and seconds of one scan.
pub(crate) struct Speed {
    pub(crate) bytes: usize,
    pub(crate) seconds: f64,
}

impl Speed {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    pub(crate) fn mb_per_second(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.seconds
    }
}

/// Scans every text of the benign servers: the fastest of some rounds, since other work on the
/// machine only adds.
pub(crate) fn of_scan(servers: &[Server]) -> Speed {
    let mut texts = Vec::new();
    for server in servers {
        server.surface.items.values().for_each(|item| collect(item, &mut texts));
    }
    let scan = || texts.iter().map(|text| drift::tripwire::scan(text).len()).sum::<usize>();
    let mut seconds = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        std::hint::black_box(scan());
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    let bytes = texts.iter().map(|text| text.len()).sum();
    Speed { bytes, seconds }
}

/// Every text in `value`, keys included.
pub(crate) fn collect<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, texts)),
        Value::Object(members) => members.iter().for_each(|(key, member)| {
            texts.push(key);
            collect(member, texts);
        }),
        _ => {}
    }
}

const ROUNDS: usize = 20;
