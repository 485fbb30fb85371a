//! State that is missing, older, another's, or meddled with.

use std::fs;

use super::*;

#[tokio::test]
async fn state_is_made_by_init_and_by_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let list = TestLog::new("log.example").list(OFTEN);
    assert_eq!(open(data.path(), &list).await.err().unwrap().code(), "witness.missing");
    init(data.path(), NAME).await.unwrap();
    assert_eq!(init(data.path(), NAME).await.unwrap_err().code(), "witness.exists");
    fs::remove_file(data.path().join("marks")).unwrap();
    assert_eq!(open(data.path(), &list).await.err().unwrap().code(), "witness.missing");
}

#[tokio::test]
async fn an_older_database_is_refused_once_more_was_cosigned() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("witness.db");
    let mut log = TestLog::new("log.example");
    init(data.path(), NAME).await.unwrap();
    let empty = fs::read(&file).unwrap();
    let witness = open(data.path(), &log.list(OFTEN)).await.unwrap();
    assert_eq!(add(&witness, log.grow(4, "a").request(0)).await.0, 200);
    witness.close().await;
    let at_four = fs::read(&file).unwrap();
    let witness = open(data.path(), &log.list(OFTEN)).await.unwrap();
    assert_eq!(add(&witness, log.grow(4, "a").request(4)).await.0, 200);
    witness.close().await;
    let at_eight = fs::read(&file).unwrap();
    // An empty database for a log that was cosigned, and a back-up from before the last cosignature.
    for older in [&empty, &at_four] {
        fs::write(&file, older).unwrap();
        let refused = open(data.path(), &log.list(OFTEN)).await.err().unwrap();
        assert_eq!(refused.code(), "witness.rolled-back");
    }
    fs::write(&file, &at_eight).unwrap();
    let witness = open(data.path(), &log.list(OFTEN)).await.unwrap();
    assert_eq!(add(&witness, log.grow(1, "a").request(8)).await.0, 200);
}

#[tokio::test]
async fn an_empty_database_is_refused_even_if_the_witness_was_killed_at_once() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("witness.db");
    let mut log = TestLog::new("log.example");
    init(data.path(), NAME).await.unwrap();
    let empty = fs::read(&file).unwrap();
    let witness = open(data.path(), &log.list(OFTEN)).await.unwrap();
    assert_eq!(add(&witness, log.grow(4, "a").request(0)).await.0, 200);
    // The marks are there before the answer is, not at an orderly end.
    let marks = fs::read_to_string(data.path().join("marks")).unwrap();
    assert!(marks.starts_with("4 ") && marks.ends_with(" log.example\n"), "{marks}");
    witness.close().await;
    fs::write(data.path().join("marks"), marks).unwrap();
    fs::write(&file, &empty).unwrap();
    let refused = open(data.path(), &log.list(OFTEN)).await.err().unwrap();
    assert_eq!(refused.code(), "witness.rolled-back");
}

#[tokio::test]
async fn one_process_at_a_time_and_one_name() {
    let data = tempfile::tempdir().unwrap();
    let list = TestLog::new("log.example").list(OFTEN);
    let witness = new(data.path(), &list).await;
    assert_eq!(open(data.path(), &list).await.err().unwrap().code(), "witness.storage");
    witness.close().await;
    let (name, keys) = ("another".to_owned(), witness_keys("another"));
    let (data, logs, verify) = (data.path().to_owned(), LogList::default(), Arc::new(Crypto));
    let refused = Witness::open(Config { data, name, keys, logs, verify, clock }).await;
    assert_eq!(refused.err().unwrap().code(), "witness.other");
}

#[tokio::test]
async fn the_database_itself_refuses_to_shrink_rewrite_or_forget() {
    let data = tempfile::tempdir().unwrap();
    let mut log = TestLog::new("log.example");
    let witness = new(data.path(), &log.list(OFTEN)).await;
    assert_eq!(add(&witness, log.grow(4, "a").request(0)).await.0, 200);
    let mut fork = TestLog::new("log.example");
    assert_eq!(add(&witness, fork.grow(4, "b").request(4)).await.0, 422);
    witness.close().await;
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(data.path().join("witness.db"));
    let mut db = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    for meddling in [
        "UPDATE heads SET size = 3",
        "UPDATE heads SET root = zeroblob(32)",
        "UPDATE heads SET origin = 'x'",
        "UPDATE heads SET time_s = 0",
        "UPDATE heads SET root = x'00'",
        "DELETE FROM heads",
        "DELETE FROM logs",
        "DELETE FROM evidence",
        "REPLACE INTO heads SELECT origin, 1, root, note, time_s FROM heads",
    ] {
        assert!(sqlx::query(meddling).execute(&mut db).await.is_err(), "{meddling}");
    }
    let row = sqlx::query("UPDATE heads SET size = 5, root = zeroblob(32)");
    assert!(row.execute(&mut db).await.is_ok(), "growing is what it is for");
}
