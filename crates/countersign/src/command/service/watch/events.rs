//! Server-sent events, as the HTML standard reads them (section 9.2.6).

/// An event, or an id without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// The id that counts from here on.
    pub(super) id: Option<String>,
    pub(super) kind: String,
    pub(super) data: String,
}

/// Reads events from chunks that are cut anywhere.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    /// The last byte was CR: a LF after it ends no other line.
    after_cr: bool,
    id: Option<String>,
    kind: String,
    data: Option<String>,
    bytes: usize,
}

impl Events {
    /// The events that end in this chunk; `None` once one is too long.
    pub(super) fn read(&mut self, chunk: &[u8]) -> Option<Vec<Event>> {
        let mut found = Vec::new();
        for &byte in chunk {
            let ends = match byte {
                b'\n' if self.after_cr => {
                    self.after_cr = false;
                    continue;
                }
                b'\n' | b'\r' => true,
                _ => false,
            };
            self.after_cr = byte == b'\r';
            self.bytes += 1;
            if self.bytes > EVENT_BYTES_MAX {
                return None;
            }
            if !ends {
                self.line.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            if line.is_empty() {
                found.push(self.end());
            } else {
                self.field(&String::from_utf8_lossy(&line));
            }
        }
        Some(found)
    }

    fn end(&mut self) -> Event {
        self.bytes = 0;
        let kind = std::mem::take(&mut self.kind);
        Event { id: self.id.clone(), kind, data: self.data.take().unwrap_or_default() }
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.kind),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // A comment begins with a colon: its name is empty.
            _ => {}
        }
    }
}

/// A change with the most findings has 20 kB.
const EVENT_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn event(id: Option<&str>, kind: &str, data: &str) -> Event {
        Event { id: id.map(str::to_owned), kind: kind.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_the_same_wherever_the_stream_is_cut() {
        for end in ["\n", "\r", "\r\n"] {
            let text =
                "retry: 2000|id: 6||id:7|event: change|data: {|data:}|| : no|: heartbeat|id||";
            let text = text.replace('|', end);
            let wanted = [
                event(Some("6"), "", ""),
                event(Some("7"), "change", "{\n}"),
                event(Some(""), "", ""),
            ];
            for size in 1..text.len() {
                let mut events = Events::default();
                let chunks = text.as_bytes().chunks(size);
                let found: Vec<_> = chunks.flat_map(|chunk| events.read(chunk).unwrap()).collect();
                assert_eq!(found, wanted, "{end:?} {size}");
            }
        }
    }

    #[test]
    fn an_event_has_a_megabyte_at_most() {
        let mut line = vec![b'x'; EVENT_BYTES_MAX - 2];
        line.extend(b"\n\n");
        assert_eq!(Events::default().read(&line).map(|found| found.len()), Some(1));
        line.insert(0, b'x');
        assert_eq!(Events::default().read(&line), None);
    }
}
