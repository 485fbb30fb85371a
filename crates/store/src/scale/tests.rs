#![allow(clippy::unwrap_used)]

use super::place;

#[test]
fn tables_verify_their_server_as_the_log_does() {
    let verified = |url| place::verified(url).unwrap();
    let elsewhere = verified("postgres://a@db.example/registry");
    assert_eq!(elsewhere, "postgres://a@db.example/registry?sslmode=verify-full");
    for url in ["postgres://a@127.0.0.1:5432/r", "postgres://a@db.example/r?sslmode=require"] {
        assert_eq!(verified(url), url);
    }
    assert!(place::verified("postgres://a:hush@db.example/registry").is_err());
}
