#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::HashMap;

use async_trait::async_trait;
use seal::key::Algorithm;
use seal::statement::{
    Countersignature, Declaration, Finding, Observation, Observed, Revocation, Revoked, Rotation,
    Status, SurfaceClaim, Verdict,
};
use seal::{KeyId, PrivateKey, Statement};
use sqlx::{AnyPool, Executor as _};
use surface::{Digest, Digests, Era};

use super::*;

const SERVER: &str = "com.example/files";

/// Tables in memory, and the entries that were applied to them.
struct Tables {
    pool: AnyPool,
    position: Position,
    entries: Vec<Bytes>,
    objects: Kept,
}

#[derive(Default)]
struct Kept(HashMap<Digest, Bytes>);

#[async_trait]
impl Objects for Kept {
    async fn object(&self, digest: &Digest) -> Result<Option<Bytes>, store::StoreError> {
        Ok(self.0.get(digest).cloned())
    }
}

impl Tables {
    async fn new() -> Self {
        sqlx::any::install_default_drivers();
        let options = sqlx::pool::PoolOptions::new().max_connections(1);
        let pool = options.connect("sqlite::memory:").await.unwrap();
        for (_, migration) in crate::service::MIGRATIONS {
            pool.execute(sqlx::raw_sql(*migration)).await.unwrap();
        }
        let position = follow::empty(&mut pool.acquire().await.unwrap()).await.unwrap();
        Self { pool, position, entries: Vec::new(), objects: Kept::default() }
    }

    fn object(&mut self, bytes: &str) -> Digest {
        let digest = Digest::of_bytes(bytes.as_bytes());
        self.objects.0.insert(digest, Bytes::copy_from_slice(bytes.as_bytes()));
        digest
    }

    /// Applies a statement of `signer` and gives its index.
    async fn say(&mut self, signer: &PrivateKey, predicate: Predicate) -> u64 {
        let statement = Statement {
            server: SERVER.into(),
            time: "2026-11-25T12:00:00Z".into(),
            previous: None,
            predicate,
        };
        let envelope = Envelope::sign(statement, &[signer]).unwrap();
        self.add(Bytes::copy_from_slice(envelope.bytes())).await
    }

    async fn add(&mut self, entry: Bytes) -> u64 {
        let mut tx = self.pool.begin().await.unwrap();
        let index = self.position.size;
        self.position = apply(&mut tx, self.position, &entry, &self.objects).await.unwrap();
        store_position(&mut tx, self.position).await.unwrap();
        tx.commit().await.unwrap();
        self.entries.push(entry);
        index.unsigned_abs()
    }

    async fn declare(&mut self, signer: &PrivateKey, version: &str, surface: Option<&str>) -> u64 {
        let body = format!(r#"{{ "name": "{SERVER}",  "version": "{version}" }}"#);
        let it = Declaration {
            version: version.into(),
            entry: Digest::of_bytes(format!("{version} canonical").as_bytes()),
            object: self.object(&body),
            surface: surface.map(|surface| claim(surface, "anonymous")),
            artefacts: std::collections::BTreeMap::new(),
        };
        self.say(signer, Predicate::Declaration(it)).await
    }

    async fn countersign(&mut self, version: &str, declaration: u64, verdict: Verdict) -> u64 {
        let it = Countersignature {
            version: version.into(),
            declaration,
            leaf: Digest::of_bytes(b"leaf"),
            verdict,
            findings: vec![],
            namespace: "dns".into(),
        };
        self.say(&key(9), Predicate::Countersignature(it)).await
    }

    /// The codes of the feed, in order.
    async fn codes(&self) -> Vec<String> {
        self.column("SELECT code FROM changes ORDER BY id").await
    }

    /// The states of the versions, in order.
    async fn states(&self) -> Vec<String> {
        self.column("SELECT state FROM versions ORDER BY position").await
    }

    async fn latest(&self) -> Vec<String> {
        self.column("SELECT version FROM versions WHERE is_latest = 1").await
    }

    async fn column(&self, query: &'static str) -> Vec<String> {
        let rows = sqlx::query(query).fetch_all(&self.pool).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    }

    /// Everything that is rebuilt, as text.
    async fn dump(&self) -> Vec<String> {
        let mut dump = Vec::new();
        for query in DUMPED {
            let rows = sqlx::query(query).fetch_all(&self.pool).await.unwrap();
            for row in rows {
                let values = (0..row.len()).map(|at| {
                    let text = row.try_get::<Option<String>, _>(at).map(|text| format!("{text:?}"));
                    text.unwrap_or_else(|_| format!("{:?}", row.get::<Option<i64>, _>(at)))
                });
                dump.push(values.collect::<Vec<_>>().join("|"));
            }
        }
        dump
    }
}

const DUMPED: [&str; 12] = [
    "SELECT * FROM projection",
    "SELECT * FROM statements ORDER BY position",
    "SELECT * FROM servers ORDER BY server",
    "SELECT * FROM versions ORDER BY position",
    "SELECT * FROM keys ORDER BY since, key_id",
    "SELECT * FROM holds ORDER BY position",
    "SELECT * FROM revocations ORDER BY position",
    "SELECT * FROM surfaces ORDER BY position",
    "SELECT * FROM upstream_entries ORDER BY position",
    "SELECT * FROM namespaces ORDER BY position",
    "SELECT * FROM public_objects ORDER BY digest",
    "SELECT * FROM changes ORDER BY id",
];

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(Algorithm::Ed25519, &[seed; 32]).unwrap()
}

fn claim(surface: &str, authorization: &str) -> SurfaceClaim {
    let exact = Digest::of_bytes(surface.as_bytes());
    SurfaceClaim {
        digests: Digests { exact, semantic: exact },
        object: exact,
        era: Era::Modern,
        protocol_version: "2026-07-28".into(),
        authorization: authorization.into(),
    }
}

fn observed(surface: Option<SurfaceClaim>, changes: &[(&str, &str)]) -> Predicate {
    let outcome = if surface.is_some() { "surface" } else { "unreachable" };
    let changes = changes.iter().map(|(code, severity)| Finding {
        code: (*code).into(),
        severity: (*severity).into(),
        place: "tools/x".into(),
    });
    Predicate::Observation(Observation {
        of: Observed::Surface {
            endpoint: "https://mcp.example.com/mcp".into(),
            surface,
            outcome: outcome.into(),
            cache_scope: None,
            ttl_ms: None,
        },
        changes: changes.collect(),
        vantage: None,
        client: None,
    })
}

fn listed(entry: Option<(&str, Digest)>, status: &str, changes: &[(&str, &str)]) -> Predicate {
    let changes = changes.iter().map(|(code, severity)| Finding {
        code: (*code).into(),
        severity: (*severity).into(),
        place: String::new(),
    });
    Predicate::Observation(Observation {
        of: Observed::Entry {
            upstream: "https://upstream.example".into(),
            version: "1.0.0".into(),
            entry: entry.map(|(text, _)| Digest::of_bytes(text.as_bytes())),
            object: entry.map(|(_, object)| object),
            status: status.into(),
            official: None,
        },
        changes: changes.collect(),
        vantage: None,
        client: None,
    })
}

fn namespace(state: &str) -> Predicate {
    Predicate::Observation(Observation {
        of: Observed::Namespace {
            method: "dns".into(),
            subject: "example.com".into(),
            state: state.into(),
            key: None,
        },
        changes: vec![],
        vantage: None,
        client: None,
    })
}

#[tokio::test]
async fn a_declaration_is_shown_as_published_and_then_countersigned() {
    let mut tables = Tables::new().await;
    let at = tables.declare(&key(1), "1.0.0", Some("surface")).await;
    assert_eq!(tables.states().await, ["declared"]);
    let bodies = tables.column("SELECT body FROM versions").await;
    assert_eq!(bodies, [r#"{ "name": "com.example/files",  "version": "1.0.0" }"#]);
    tables.countersign("1.0.0", at, Verdict::Allow).await;
    assert_eq!(tables.states().await, ["countersigned"]);
    assert_eq!(tables.latest().await, ["1.0.0"]);
    let codes = ["key.added", "publish.declared", "publish.countersigned"];
    assert_eq!(tables.codes().await, codes);
}

#[tokio::test]
async fn the_first_declaration_of_a_version_owns_it() {
    let mut tables = Tables::new().await;
    let first = tables.declare(&key(1), "1.0.0", Some("surface")).await;
    let before = tables.column("SELECT entry FROM versions").await;
    let thief = tables.declare(&key(2), "1.0.0", Some("worse")).await;
    assert_eq!(tables.codes().await[2..], ["key.replaced", "publish.version-reused"]);
    // Nor does a verdict about the attempt touch the version.
    tables.countersign("1.0.0", thief, Verdict::Deny).await;
    assert_eq!(tables.states().await, ["declared"]);
    tables.countersign("1.0.0", first, Verdict::Allow).await;
    assert_eq!(tables.states().await, ["countersigned"]);
    assert_eq!(tables.column("SELECT entry FROM versions").await, before);
    // The same again, by the same key, says nothing new.
    let count = tables.codes().await.len();
    tables.declare(&key(1), "1.0.0", Some("surface")).await;
    assert_eq!(tables.codes().await.len(), count);
}

#[tokio::test]
async fn an_entry_without_a_surface_is_undeclared_until_the_surface_follows() {
    let mut tables = Tables::new().await;
    let at = tables.declare(&key(1), "1.0.0", None).await;
    tables.countersign("1.0.0", at, Verdict::Allow).await;
    assert_eq!(tables.states().await, ["undeclared"], "admitted, but nothing is fixed");
    let at = tables.declare(&key(1), "1.0.0", Some("surface")).await;
    assert_eq!(tables.states().await, ["declared"]);
    tables.countersign("1.0.0", at, Verdict::Allow).await;
    assert_eq!(tables.states().await, ["countersigned"]);
}

#[tokio::test]
async fn a_held_version_is_not_latest_until_it_is_released() {
    let mut tables = Tables::new().await;
    let one = tables.declare(&key(1), "1.0.0", Some("a")).await;
    tables.countersign("1.0.0", one, Verdict::Allow).await;
    let two = tables.declare(&key(1), "2.0.0", Some("b")).await;
    tables.countersign("2.0.0", two, Verdict::Hold).await;
    assert_eq!(tables.latest().await, ["1.0.0"]);
    let holds = "SELECT version FROM holds WHERE released IS NULL";
    assert_eq!(tables.column(holds).await, ["2.0.0"]);
    tables.countersign("2.0.0", two, Verdict::Allow).await;
    assert_eq!(tables.latest().await, ["2.0.0"]);
    assert!(tables.column(holds).await.is_empty());
    assert_eq!(tables.codes().await.last().unwrap(), "publish.released");
}

#[tokio::test]
async fn latest_that_moves_back_is_told() {
    let mut tables = Tables::new().await;
    tables.declare(&key(1), "2026.7.1", None).await;
    tables.declare(&key(1), "2025.06.18", None).await;
    assert_eq!(tables.latest().await, ["2025.06.18"]);
    assert!(tables.codes().await.contains(&"entry.latest-moved-back".to_owned()));
}

#[tokio::test]
async fn a_status_of_all_versions_is_one_change_and_deletion_leaves_the_row() {
    let mut tables = Tables::new().await;
    tables.declare(&key(1), "1.0.0", None).await;
    tables.declare(&key(1), "2.0.0", None).await;
    let before = tables.codes().await.len();
    let status = |version: Option<&str>, status: &str| {
        Predicate::Status(Status {
            version: version.map(str::to_owned),
            status: status.into(),
            message: String::new(),
        })
    };
    tables.say(&key(9), status(None, "deprecated")).await;
    assert_eq!(tables.codes().await[before..], ["entry.status"]);
    tables.say(&key(9), status(None, "deprecated")).await;
    assert_eq!(tables.codes().await.len(), before + 1, "no change, no news");
    tables.say(&key(9), status(Some("2.0.0"), "deleted")).await;
    assert_eq!(tables.latest().await, ["1.0.0"]);
    let severities = "SELECT CAST(severity AS TEXT) FROM changes ORDER BY id DESC LIMIT 1";
    assert_eq!(tables.column(severities).await, ["2"]);
    let statuses = tables.column("SELECT status FROM versions ORDER BY position").await;
    assert_eq!(statuses, ["deprecated", "deleted"]);
}

#[tokio::test]
async fn a_revoked_key_takes_with_it_what_it_signed_from_an_index_on() {
    let mut tables = Tables::new().await;
    tables.declare(&key(1), "1.0.0", Some("a")).await;
    let since = tables.declare(&key(1), "2.0.0", Some("b")).await;
    let of = Revoked::Key { key: key(1).public().id(), since };
    let it = Revocation { of, reason: "stolen".into() };
    tables.say(&key(1), Predicate::Revocation(it)).await;
    assert_eq!(tables.states().await, ["declared", "revoked"]);
    assert_eq!(tables.latest().await, ["1.0.0"]);
    assert_eq!(tables.column("SELECT state FROM keys").await, ["revoked"]);
    assert_eq!(tables.codes().await.last().unwrap(), "key.revoked");
    // A revoked version stays revoked, whatever is countersigned later.
    tables.countersign("2.0.0", since, Verdict::Allow).await;
    assert_eq!(tables.states().await, ["declared", "revoked"]);
}

#[tokio::test]
async fn of_several_revocations_of_a_key_the_strictest_stands() {
    let mut tables = Tables::new().await;
    let first = tables.declare(&key(1), "1.0.0", Some("one")).await;
    let of = |since| {
        let of = Revoked::Key { key: key(1).public().id(), since };
        Predicate::Revocation(Revocation { of, reason: "stolen".into() })
    };
    let revoked = tables.say(&key(9), of(first + 1)).await;
    assert_eq!(tables.states().await, ["declared"]);
    // For later only, which nobody can, and then from the first statement on.
    tables.say(&key(9), of(1_000)).await;
    tables.say(&key(9), of(first)).await;
    tables.say(&key(9), of(first + 1)).await;
    let since = "SELECT CAST(since AS TEXT) FROM revocations ORDER BY position";
    let (later, earlier) = ((first + 1).to_string(), first.to_string());
    let wanted = [later.clone(), later, earlier.clone(), earlier];
    assert_eq!(tables.column(since).await, wanted);
    assert_eq!(tables.states().await, ["revoked"]);
    let until = tables.column("SELECT CAST(until AS TEXT) FROM keys").await;
    assert_eq!(until, [revoked.to_string()], "it ended with the first of them");
}

#[tokio::test]
async fn a_rotation_needs_the_key_before_and_any_other_new_key_is_critical() {
    let mut tables = Tables::new().await;
    tables.declare(&key(1), "1.0.0", Some("a")).await;
    let rotation = |from: KeyId, to: &PrivateKey| {
        Predicate::Rotation(Rotation { from, to: to.public().to_string() })
    };
    tables.say(&key(1), rotation(key(1).public().id(), &key(2))).await;
    tables.declare(&key(2), "2.0.0", Some("a")).await;
    tables.say(&key(7), rotation(key(7).public().id(), &key(8))).await;
    tables.declare(&key(3), "3.0.0", Some("a")).await;
    let codes = tables.codes().await;
    let of_keys: Vec<_> = codes.iter().filter(|code| code.starts_with("key.")).collect();
    assert_eq!(of_keys, ["key.added", "key.rotated", "key.replaced"]);
}

#[tokio::test]
async fn what_an_upstream_lists_becomes_a_row_and_its_changes_become_news() {
    let mut tables = Tables::new().await;
    let raw = r#"{"server":{"name":"com.example/files", "version":"1.0.0"},"_meta":{}}"#;
    let object = tables.object(raw);
    tables.say(&key(9), listed(Some(("one", object)), "active", &[])).await;
    assert_eq!(tables.states().await, ["observed"]);
    let bodies = tables.column("SELECT body FROM versions").await;
    assert_eq!(bodies, [r#"{"name":"com.example/files", "version":"1.0.0"}"#]);
    let rewritten = [("entry.rewritten", "critical")];
    tables.say(&key(9), listed(Some(("two", object)), "active", &rewritten)).await;
    tables.say(&key(9), listed(None, "active", &[("entry.vanished", "warning")])).await;
    assert_eq!(tables.states().await, ["vanished"]);
    tables.say(&key(9), listed(Some(("two", object)), "active", &[("no.such", "info")])).await;
    assert_eq!(tables.states().await, ["observed"]);
    assert_eq!(tables.codes().await, ["entry.rewritten", "entry.vanished"]);
    // Once it is published here, the upstream changes it no more.
    tables.declare(&key(1), "1.0.0", Some("surface")).await;
    tables.say(&key(9), listed(None, "active", &[])).await;
    assert_eq!(tables.states().await, ["declared"]);
}

#[tokio::test]
async fn a_surface_that_changes_goes_and_comes_back_is_told_by_its_worst_finding() {
    let mut tables = Tables::new().await;
    tables.say(&key(5), observed(Some(claim("a", "anonymous")), &[])).await;
    let changes = [("surface.tool.description-changed", "warning"), ("surface.tool.added", "info")];
    tables.say(&key(5), observed(Some(claim("b", "anonymous")), &changes)).await;
    tables.say(&key(5), observed(None, &[])).await;
    tables.say(&key(5), observed(Some(claim("b", "anonymous")), &[])).await;
    let codes = tables.codes().await;
    assert_eq!(codes, ["surface.changed", "surface.unavailable", "surface.restored"]);
    let severity = "SELECT CAST(severity AS TEXT) FROM changes WHERE code = 'surface.changed'";
    assert_eq!(tables.column(severity).await, ["2"]);
}

#[tokio::test]
async fn only_what_everybody_is_shown_may_be_read_by_everybody() {
    let mut tables = Tables::new().await;
    let private = Digest::of_bytes(b"issuer and scopes").to_string();
    tables.say(&key(5), observed(Some(claim("public", "anonymous")), &[])).await;
    tables.say(&key(5), observed(Some(claim("private", &private)), &[])).await;
    let public = tables.column("SELECT digest FROM public_objects").await;
    assert_eq!(public, [Digest::of_bytes(b"public").to_string()]);
}

#[tokio::test]
async fn a_namespace_is_told_once_for_each_change() {
    let mut tables = Tables::new().await;
    for state in ["present", "present", "absent", "absent", "present", "changed", "unreachable"] {
        tables.say(&key(9), namespace(state)).await;
    }
    let codes = [
        "namespace.proved",
        "namespace.lost",
        "namespace.restored",
        "namespace.rekeyed",
        "namespace.unreachable",
    ];
    assert_eq!(tables.codes().await, codes);
}

#[tokio::test]
async fn tables_are_a_function_of_the_log_and_the_outbox_is_filled_once() {
    let mut tables = Tables::new().await;
    let at = tables.declare(&key(1), "1.0.0", Some("a")).await;
    tables.countersign("1.0.0", at, Verdict::Hold).await;
    tables.countersign("1.0.0", at, Verdict::Allow).await;
    tables.say(&key(9), namespace("present")).await;
    tables.say(&key(5), observed(Some(claim("a", "anonymous")), &[])).await;
    tables.add(Bytes::from_static(b"{\"no\":\"statement\"}")).await;
    let object = tables.object(r#"{"name":"com.example/files"}"#);
    tables.say(&key(9), listed(Some(("one", object)), "active", &[])).await;
    let of = Revoked::Version { version: "1.0.0".into() };
    let it = Revocation { of, reason: "withdrawn".into() };
    tables.say(&key(1), Predicate::Revocation(it)).await;
    let before = tables.dump().await;
    let told = "SELECT CAST(change_id AS TEXT) FROM outbox ORDER BY change_id";
    let outbox = tables.column(told).await;
    assert_eq!(outbox.len(), tables.codes().await.len());
    sqlx::query("DELETE FROM outbox WHERE change_id < 3").execute(&tables.pool).await.unwrap();
    let left = tables.column(told).await;

    tables.position = follow::empty(&mut tables.pool.acquire().await.unwrap()).await.unwrap();
    assert_eq!(tables.dump().await.len(), 1);
    for entry in std::mem::take(&mut tables.entries) {
        tables.add(entry).await;
    }
    assert_eq!(tables.dump().await, before);
    assert_eq!(tables.column(told).await, left, "what was told is not told again");
}

#[tokio::test]
async fn times_grow_with_the_index_whatever_statements_claim() {
    let mut tables = Tables::new().await;
    for version in ["1.0.0", "1.0.1", "1.0.2"] {
        tables.declare(&key(1), version, None).await;
    }
    let times = tables.column("SELECT CAST(time_us AS TEXT) FROM statements ORDER BY position");
    let times: Vec<i64> = times.await.iter().map(|time| time.parse().unwrap()).collect();
    assert_eq!(times[1] - times[0], 1);
    assert_eq!(times[2] - times[1], 1);
    assert_eq!(crate::service::time::rfc3339_of_us(times[2]), "2026-11-25T12:00:00.000002Z");
}

#[tokio::test]
async fn tables_that_another_process_emptied_are_not_filled_from_the_middle() {
    let mut tables = Tables::new().await;
    let start = tables.position;
    tables.add(Bytes::from_static(b"a leaf of the log's own")).await;
    let (at, next) = (tables.position, Position { size: 2, ..tables.position });
    let mut connection = tables.pool.acquire().await.unwrap();
    follow::empty(&mut connection).await.unwrap();
    assert!(!move_position(&mut connection, at, next).await.unwrap());
    assert!(move_position(&mut connection, start, at).await.unwrap());
}
