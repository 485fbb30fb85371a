//! Tokens of other domains: hostile bytes never panic; an event ends only what its transmitter may speak
//! of, an assertion gives only what its issuer may give.
#![no_main]

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use authz::federation::{Asserter, Assertion, Event, Transmitter};
use authz::resource::Resource;
use authz::token::{Algorithm, KeySet, Signer};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NOW_S: u64 = 1_795_600_000;
const US: &str = "https://sts.b.test";
const THEM: &str = "https://sts.a.test";
const IDP: &str = "https://idp.a.test";
const HOP: &str = "https://hop3.b.test/mcp";

static SIGNER: LazyLock<Signer> =
    LazyLock::new(|| Signer::generate(Algorithm::EdDsa).expect("a key can be drawn"));

static TRANSMITTER: LazyLock<Transmitter> = LazyLock::new(|| Transmitter {
    iss: THEM.to_owned(),
    keys: Arc::new(tokio::sync::watch::Sender::new(KeySet(vec![SIGNER.public().clone()]))),
    audience: US.to_owned(),
    subjects: BTreeSet::from([IDP.to_owned()]),
});

static ASSERTER: LazyLock<Asserter> = LazyLock::new(|| Asserter {
    iss: THEM.to_owned(),
    keys: Arc::clone(&TRANSMITTER.keys),
    resources: BTreeSet::from([Resource::parse(HOP).expect("a resource")]),
    may_return: false,
});

fn event(text: &str) {
    if let Ok(event) = Event::verify(text, std::slice::from_ref(&*TRANSMITTER), NOW_S) {
        assert_eq!(event.iss, THEM);
        if let Some((subject, event_s)) = event.ends {
            assert!(subject.iss == IDP && event_s <= NOW_S + 300);
        }
    }
}

fn assertion(text: &str) {
    let asserters = std::slice::from_ref(&*ASSERTER);
    if let Ok(read) = Assertion::verify(text, asserters, US, "hop2-at-b", None, NOW_S) {
        assert!(read.subject.iss == THEM && read.resource.as_str() == HOP);
        assert!(read.expires_s > NOW_S && !read.jti.is_empty());
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        event(text);
        assertion(text);
    }
    // The same bytes as the claims of tokens that are signed rightly.
    let Ok(claims) = serde_json::from_slice::<Value>(data) else { return };
    event(SIGNER.sign("secevent+jwt", &claims).expect("a key signs").expose());
    assertion(SIGNER.sign("oauth-id-jag+jwt", &claims).expect("a key signs").expose());
});
