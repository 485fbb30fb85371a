//! Looks for secrets in what somebody wrote, in every form in which one could have got there.

use std::collections::HashMap;
use std::fmt::Write as _;

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use base64::{DecodeError, Engine as _};

/// What is looked for.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// By their first bytes.
    forms: HashMap<[u8; START], Vec<(Vec<u8>, String)>>,
}

impl Search {
    /// A token, proof or assertion: its signature, for who reads the rest only learns what it is about.
    pub(super) fn token(&mut self, name: &str, token: &str) {
        let signature = token.rsplit('.').next().unwrap_or(token);
        let bytes = decoded(signature).expect("a signature is Base64url");
        self.secret(name, signature.as_bytes());
        self.secret(name, &bytes);
    }

    /// Any other secret. Half of one is as bad.
    pub(super) fn secret(&mut self, name: &str, secret: &[u8]) {
        let (first, second) = secret.split_at(secret.len() / 2);
        for half in [first, second] {
            assert!(half.len() >= START, "`{name}` is too short to be looked for");
            for form in forms(half) {
                let start = form.first_chunk().copied().expect("no form is shorter");
                self.forms.entry(start).or_default().push((form, name.to_owned()));
            }
        }
    }

    /// The name of a secret that is in there.
    pub(super) fn find(&self, text: &[u8]) -> Option<&str> {
        (0..text.len()).find_map(|at| {
            let rest = text.get(at..)?;
            let forms = self.forms.get(rest.first_chunk::<START>()?)?;
            let found = forms.iter().find(|(form, _)| rest.starts_with(form))?;
            Some(found.1.as_str())
        })
    }
}

/// As it is; in hex; percent-encoded; in Base64, wherever in a text of three bytes it began.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![secret.to_vec()];
    let written = |each: fn(&mut String, u8)| {
        secret.iter().fold(String::new(), |mut text, byte| {
            each(&mut text, *byte);
            text
        })
    };
    let hexes: [fn(&mut String, u8); 4] = [
        |text, byte| write!(text, "{byte:02x}").expect("text"),
        |text, byte| write!(text, "{byte:02X}").expect("text"),
        |text, byte| write!(text, "%{byte:02x}").expect("text"),
        |text, byte| write!(text, "%{byte:02X}").expect("text"),
    ];
    all.extend(hexes.map(|each| written(each).into_bytes()));
    let partly = |text: &mut String, byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            text.push(char::from(byte));
        }
        _ => write!(text, "%{byte:02X}").expect("text"),
    };
    all.push(written(partly).into_bytes());
    for before in 0..3 {
        let padded = [&b"\0\0"[..before], secret].concat();
        // Characters that hold bits of what stands before or after are left out.
        let (skipped, whole) = ([0, 2, 3][before], padded.len() / 3 * 4);
        for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            all.push(text.as_bytes()[skipped..whole].to_vec());
        }
    }
    all.sort();
    all.dedup();
    all
}

fn decoded(text: &str) -> Result<Vec<u8>, DecodeError> {
    URL_SAFE_NO_PAD.decode(text)
}

const START: usize = 8;

#[test]
fn a_secret_is_found_in_every_form_and_nothing_else_is() {
    let mut search = Search::default();
    let signature: Vec<u8> = (0..64_u8).map(|at| at.wrapping_mul(7) ^ 0xa5).collect();
    let text = URL_SAFE_NO_PAD.encode(&signature);
    search.token("token", &format!("e30.e30.{text}"));
    let mut written = forms(&signature);
    written.extend(forms(text.as_bytes()));
    assert!(written.len() > 16);
    for form in &written {
        for text in [form.clone(), [b"xx", &form[..], b"yy"].concat()] {
            assert_eq!(search.find(&text), Some("token"), "{:?}", String::from_utf8_lossy(&text));
        }
        let cut = &form[..form.len() / 2 - 8];
        assert_eq!(search.find(cut), None, "less than a half");
        assert!(search.find(&form[..form.len() / 2 + 8]).is_some(), "a half");
    }
    for before in ["a", "ab", "abc"] {
        let inside = STANDARD_NO_PAD.encode(format!("{before}{text}\"}}"));
        assert_eq!(search.find(inside.as_bytes()), Some("token"), "{before}");
    }
}
