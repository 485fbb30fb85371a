//! What gives a surface is printed, and the print gives the same surface.

#![no_main]

use libfuzzer_sys::fuzz_target;
use surface::document::{self, Detail, DocumentError};
use surface::{CacheScope, Observation};
use wire::json::Document;

fuzz_target!(|data: &[u8]| {
    let Ok(observation) = read(data) else { return };
    for detail in [Detail::Items, Detail::Fields] {
        let print = document::write(&observation.surface, CacheScope::Public, detail);
        let again = read(print.to_string().as_bytes()).expect("a print reads back");
        assert_eq!(again.surface, observation.surface);
        assert_eq!(again.cache_scope, CacheScope::Public);
    }
});

fn read(data: &[u8]) -> Result<Observation, DocumentError> {
    document::read_observation(Document::parse(data, &document::POLICY)?.root())
}
