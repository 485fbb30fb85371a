//! The list of logs.

use super::*;

#[test]
fn the_list_is_read_as_the_public_network_writes_it() {
    let (one, two) =
        (key(1, "one.example", Note::Ed25519), key(2, "two.example/key", Note::MlDsa44));
    let text = format!(
        "# List: test\n\n  logs/v0\n\nvkey {}\nqpd 86400\ncontact ops (at) one.example\n\
         # another\nvkey {}\norigin two words\nqpd 24\ncontact x\n",
        one.verifier(),
        two.verifier(),
    );
    let list: LogList = text.parse().unwrap();
    assert_eq!(list.logs.len(), 2);
    assert_eq!(list.logs["one.example"].requests_per_day, 86_400);
    assert_eq!(list.logs["one.example"].contact, "ops (at) one.example");
    assert_eq!(list.logs["two words"].keys, [two.verifier().clone()]);
}

#[test]
fn what_is_no_list_is_refused_with_its_line() {
    let vkey = key(1, "one.example", Note::Ed25519).verifier().to_string();
    for (text, line) in [
        (String::new(), 1),
        ("logs/v1\n".to_owned(), 1),
        (format!("vkey {vkey}\nqpd 1\ncontact x\n"), 1),
        ("logs/v0\nvkey x+y+z\n".to_owned(), 2),
        (format!("logs/v0\nvkey {vkey}\n"), 2),
        (format!("logs/v0\nvkey {vkey}\nqpd 1\n"), 3),
        (format!("logs/v0\nvkey {vkey}\ncontact x\nqpd 1\n"), 3),
        (format!("logs/v0\nvkey {vkey}\nqpd 0\ncontact x\n"), 3),
        (format!("logs/v0\nvkey {vkey}\nqpd 2147483648\ncontact x\n"), 3),
        (format!("logs/v0\nvkey {vkey}\nqpd +1\ncontact x\n"), 3),
        (format!("logs/v0\nvkey {vkey}\nqpd 1\norigin x\ncontact x\n"), 4),
        (format!("logs/v0\nvkey {vkey}\nqpd 1\ncontact\n"), 4),
    ] {
        assert_eq!(text.parse::<LogList>().unwrap_err().line, line, "{text}");
    }
    assert!(
        format!("logs/v0\nvkey {vkey}\nqpd 2147483647\ncontact x\n").parse::<LogList>().is_ok()
    );
}

#[tokio::test]
async fn a_log_that_left_the_list_is_followed_on() {
    let data = tempfile::tempdir().unwrap();
    let mut log = TestLog::new("log.example");
    let witness = new(data.path(), &log.list(OFTEN)).await;
    assert_eq!(add(&witness, log.grow(1, "a").request(0)).await.0, 200);
    witness.close().await;
    let witness = open(data.path(), &TestLog::new("other.example").list(OFTEN)).await.unwrap();
    assert_eq!(witness.logs(), 2);
    assert_eq!(add(&witness, log.grow(1, "a").request(1)).await.0, 200);
}

#[tokio::test]
async fn a_witness_does_not_take_its_own_key_for_a_log_s() {
    let data = tempfile::tempdir().unwrap();
    init(data.path(), NAME).await.unwrap();
    let own = key(8, "log.example", Note::Ed25519);
    let list = format!("vkey {}\nqpd 1\ncontact x\n", own.verifier());
    let refused = open(data.path(), &list).await.err().unwrap();
    assert_eq!(refused.code(), "witness.own-key");
}

#[test]
fn a_list_is_read_to_its_bound() {
    let of = |length: usize| format!("logs/v0\n{}", "#".repeat(length - 8)).parse::<LogList>();
    assert!(of(crate::limits::LOG_LIST_BYTES_MAX).is_ok());
    assert_eq!(of(crate::limits::LOG_LIST_BYTES_MAX + 1).unwrap_err().line, 1);
}
