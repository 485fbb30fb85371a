//! Resource metadata and identifiers: what is read is written and read the same; what is normalised is
//! normal.
#![no_main]

use authz::resource::{Metadata, Resource, is_same_target};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(metadata) = Metadata::parse_any(data) {
        let again = Metadata::parse(&metadata.to_vec(), &metadata.resource);
        assert_eq!(again.expect("what was written can be read"), metadata);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(resource) = Resource::parse(text) {
        let normal = resource.as_str();
        assert_eq!(Resource::parse(normal).as_ref(), Ok(&resource));
        assert!(is_same_target(text, normal) && is_same_target(normal, text));
        let uri = resource.metadata_uri();
        assert!(uri.len() > 2_048 || Resource::parse(&uri).is_ok());
    }
});
