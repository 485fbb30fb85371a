//! Metadata of authorization servers: what is read is bounded, about one issuer, and read the same for it.
#![no_main]

use authz::limits;
use authz::provider::Server;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(server) = Server::parse_any(data) else { return };
    assert!(data.len() <= limits::METADATA_BYTES_MAX);
    assert_eq!(Server::parse(data, &server.issuer).as_ref(), Ok(&server));
    // RFC 8414 §3.3: byte for byte.
    assert!(Server::parse(data, &format!("{}/", server.issuer)).is_err());
    let lists = [&server.grant_types, &server.auth_methods, &server.dpop_algorithms, &server.scopes];
    assert!(lists.iter().all(|list| list.len() <= limits::METADATA_ENTRIES_MAX));
    for (name, url) in server.endpoints() {
        assert!(!name.is_empty() && url.len() <= data.len());
    }
});
