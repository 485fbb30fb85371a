//! A resolver on loopback that knows TXT records, in the wire format of RFC 1035.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;

use super::address_of;

/// What it answers for a name.
#[derive(Clone)]
enum Said {
    /// Records, each of one or more strings.
    Texts(Vec<Vec<String>>),
    /// A response code.
    Code(u8),
}

pub(in crate::publish::tests) struct Dns {
    pub(in crate::publish::tests) address: SocketAddr,
    said: Arc<Mutex<HashMap<String, Said>>>,
}

impl Dns {
    pub(super) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let said: Arc<Mutex<HashMap<String, Said>>> = Arc::default();
        let (address, known) = (address_of(&socket), Arc::clone(&said));
        tokio::spawn(async move {
            let mut query = [0; 1_500];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                let answer = answer(&query[..length], &known.lock().unwrap());
                let _ = socket.send_to(&answer, from).await;
            }
        });
        Self { address, said }
    }

    /// Publishes records of one string each.
    pub(in crate::publish::tests) fn publish(&self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|text| vec![(*text).to_owned()]).collect();
        self.said.lock().unwrap().insert(name.to_owned(), Said::Texts(texts));
    }

    /// Publishes one record that is split into strings.
    pub(in crate::publish::tests) fn publish_split(&self, name: &str, strings: &[&str]) {
        let strings = strings.iter().map(|text| (*text).to_owned()).collect();
        self.said.lock().unwrap().insert(name.to_owned(), Said::Texts(vec![strings]));
    }

    /// Fails for a name.
    pub(in crate::publish::tests) fn fail(&self, name: &str, code: u8) {
        self.said.lock().unwrap().insert(name.to_owned(), Said::Code(code));
    }
}

fn answer(query: &[u8], known: &HashMap<String, Said>) -> Vec<u8> {
    let (mut name, mut at) = (Vec::new(), 12);
    while query[at] != 0 {
        let length = usize::from(query[at]);
        name.push(String::from_utf8_lossy(&query[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    let question = &query[12..at + 5];
    let said = known.get(&name.join(".")).cloned().unwrap_or(Said::Code(3));
    let (code, texts) = match said {
        Said::Texts(texts) => (0, texts),
        Said::Code(code) => (code, Vec::new()),
    };
    let count = u8::try_from(texts.len()).unwrap();
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    answer.extend(question);
    for strings in texts {
        let data: Vec<u8> = strings
            .iter()
            .flat_map(|text| std::iter::once(u8::try_from(text.len()).unwrap()).chain(text.bytes()))
            .collect();
        // A pointer to the name, TXT, IN, a minute.
        answer.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
        answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        answer.extend(data);
    }
    answer
}
