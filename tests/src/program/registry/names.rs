//! A resolver on loopback that knows TXT records, in the wire format of RFC 1035.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

type Texts = Arc<Mutex<HashMap<String, Vec<String>>>>;

/// A resolver.
#[derive(Debug, Clone)]
pub struct Names {
    /// Where it listens.
    pub address: SocketAddr,
    texts: Texts,
}

impl Names {
    /// A resolver that knows nothing yet.
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        let texts = Texts::default();
        let known = Arc::clone(&texts);
        std::thread::spawn(move || {
            let mut query = [0; 1_500];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                let known = known.lock().expect("the names").clone();
                if let Some(answer) = answer(&query[..length], &known) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self { address, texts }
    }

    /// Publishes the records of a name.
    pub fn publish(&self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        self.texts.lock().expect("the names").insert(name.to_owned(), texts);
    }
}

fn answer(query: &[u8], known: &HashMap<String, Vec<String>>) -> Option<Vec<u8>> {
    let (mut name, mut at) = (Vec::new(), 12);
    while *query.get(at)? != 0 {
        let length = usize::from(query[at]);
        name.push(String::from_utf8_lossy(query.get(at + 1..=at + length)?).to_lowercase());
        at += length + 1;
    }
    let texts = known.get(&name.join("."));
    let code = if texts.is_some() { 0 } else { 3 };
    let texts = texts.map(Vec::as_slice).unwrap_or_default();
    let mut answer = query.get(..2)?.to_vec();
    let count = u8::try_from(texts.len()).ok()?;
    answer.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    answer.extend(query.get(12..at + 5)?);
    for text in texts {
        let length = u8::try_from(text.len()).ok()?;
        // A pointer to the name, TXT, IN, a minute, the data.
        answer.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, length + 1, length]);
        answer.extend(text.bytes());
    }
    Some(answer)
}
