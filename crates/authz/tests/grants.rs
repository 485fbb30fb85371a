//! The contract of `Grants`, over memory, SQLite and PostgreSQL; and what a store does that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use authz::grant::{
    Bounds, Durable, Fault, Grant, GrantError, Grants, Memory, Once, ProofOf, Step, Use,
};
use authz::limits;
use authz::resource::Resource;
use authz::token::{Detail, Replay as _, ReplayError, Subject, TokenHash};

const NOW_S: u64 = 1_800_000_000;
const EXPIRES_S: u64 = NOW_S + 3_600;

fn subject(sub: &str) -> Subject {
    Subject { iss: "https://idp.a.test".to_owned(), sub: sub.to_owned() }
}

fn resource(name: &str) -> Resource {
    Resource::parse(&format!("https://{name}.a.test/mcp")).unwrap()
}

/// A grant of alice, with everything that a row holds.
fn grant(name: &str) -> Grant {
    let scopes = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>();
    Grant {
        txn: format!("txn-{name}"),
        root: TokenHash(format!("root-{name}")),
        subject: subject("alice"),
        root_client: subject("agent"),
        ceiling: BTreeMap::from([
            (resource("hop1"), scopes(&["files:read", "files:write"])),
            (resource("hop2"), scopes(&["doc:get"])),
        ]),
        details: vec![Detail {
            server: "https://hop2.a.test/mcp".to_owned(),
            tool: "get".to_owned(),
            arguments: serde_json::from_str(r#"{"path":{"enum":["/a","/b"]}}"#).unwrap(),
        }],
        expires_s: EXPIRES_S,
        depth_max: 3,
        root_issued_s: NOW_S - 10,
        revoked: None,
    }
}

fn used(name: &str, target: &str, once: &[&str]) -> Use {
    let of = |(index, name): (usize, &&str)| Once {
        of: if index == 0 { ProofOf::Presenter } else { ProofOf::Holder },
        name: (*name).to_owned(),
        until_s: NOW_S + 60,
    };
    Use {
        txn: format!("txn-{name}"),
        parent: TokenHash(format!("root-{name}")),
        target: resource(target),
        once: once.iter().enumerate().map(of).collect(),
        bounds: Bounds { exchanges_max: 5, targets_max: 3 },
    }
}

async fn contract(grants: Arc<dyn Grants>) {
    founding(&*grants).await;
    proofs_count_once(&*grants).await;
    counters_have_bounds(&*grants).await;
    endings(&*grants).await;
    of_many_at_once_one_is_first(grants.clone()).await;
    sweeping(&*grants).await;
}

async fn founding(grants: &dyn Grants) {
    assert_eq!(grants.grant("txn-a").await.unwrap(), None);
    let first = grants.found(grant("a")).await.unwrap();
    assert_eq!(first, grant("a"), "all of it comes back");
    let again = Grant { txn: "txn-other".to_owned(), expires_s: EXPIRES_S + 9, ..grant("a") };
    assert_eq!(grants.found(again).await.unwrap(), grant("a"), "one grant for each root token");
    assert_eq!(grants.grant("txn-other").await.unwrap(), None);
    assert_eq!(grants.grant("txn-a").await.unwrap(), Some(grant("a")));
    let ageless = Grant { root_issued_s: 0, ..grant("ageless") };
    let ageless = grants.found(Grant { subject: subject("nobody"), ..ageless }).await.unwrap();
    assert!(ageless.live(NOW_S).is_ok(), "no event, no end, however old");
    let missing = grants.take(&used("none", "hop1", &[]), NOW_S).await;
    assert!(matches!(missing, Err(GrantError::Dead(_))));
}

async fn proofs_count_once(grants: &dyn Grants) {
    grants.found(grant("p")).await.unwrap();
    grants.take(&used("p", "hop1", &["p1", "p2"]), NOW_S).await.unwrap();
    for (names, of) in [
        (["p1", "p3"], ProofOf::Presenter),
        (["p4", "p2"], ProofOf::Holder),
        (["p1", "p2"], ProofOf::Presenter),
    ] {
        let error = grants.take(&used("p", "hop1", &names), NOW_S).await.unwrap_err();
        assert!(matches!(error, GrantError::Used(it) if it == of), "{names:?}: {error}");
    }
    grants.take(&used("p", "hop1", &["p4", "p3"]), NOW_S).await.expect("a refusal took nothing");
    assert!(matches!(grants.once("p4", NOW_S + 9).await, Err(ReplayError::Used)));
    grants.once("p5", NOW_S + 9).await.unwrap();
    assert!(matches!(grants.once("p5", NOW_S + 9).await, Err(ReplayError::Used)));
    let error = grants.take(&used("p", "hop1", &["p5"]), NOW_S).await.unwrap_err();
    assert!(matches!(error, GrantError::Used(ProofOf::Presenter)));
}

async fn counters_have_bounds(grants: &dyn Grants) {
    grants.found(grant("c")).await.unwrap();
    for target in ["t1", "t2", "t3", "t1"] {
        grants.take(&used("c", target, &[]), NOW_S).await.unwrap();
    }
    let fourth = grants.take(&used("c", "t4", &["c1"]), NOW_S).await.unwrap_err();
    let what = "targets of one token";
    assert!(matches!(fourth, GrantError::Rate { what: it, retry_s: 300 } if it == what));
    grants.once("c1", NOW_S + 9).await.expect("a refusal took nothing");
    let child = Use { parent: TokenHash("child-c".to_owned()), ..used("c", "t4", &[]) };
    grants.take(&child, NOW_S).await.expect("the bound is each parent's");
    let sixth = grants.take(&used("c", "t1", &["c2"]), NOW_S).await.unwrap_err();
    let what = "exchanges of one grant";
    assert!(matches!(sixth, GrantError::Rate { what: it, retry_s: 3_600 } if it == what));
    grants.once("c2", NOW_S + 9).await.expect("a refusal took nothing");
}

/// Guards are told what `endings` ended, and of nobody else.
async fn told(grants: &dyn Grants) {
    let ended = grants.ended(0, 100).await.unwrap();
    let mut names: Vec<_> = ended.grants.iter().map(|(it, _)| it.txn.clone()).collect();
    names.sort_unstable();
    assert_eq!(names, ["txn-b0", "txn-b1", "txn-b2", "txn-e"]);
    let (one, _) = ended.grants.iter().find(|(it, _)| it.txn == "txn-e").unwrap();
    assert_eq!((one.root.0.as_str(), one.expires_s), ("root-e", EXPIRES_S));
    let epochs: Vec<_> = ended.epochs.iter().map(|(who, epoch_s, _)| (who, *epoch_s)).collect();
    assert_eq!(epochs, [(&subject("bob"), NOW_S)]);
    assert_eq!(grants.ended(0, 1).await.unwrap().grants.len(), 1);
}

async fn endings(grants: &dyn Grants) {
    grants.found(grant("e")).await.unwrap();
    let take = async |now_s| grants.take(&used("e", "hop1", &[]), now_s).await;
    take(EXPIRES_S - 1).await.unwrap();
    assert!(matches!(take(EXPIRES_S).await, Err(GrantError::Dead("its time is over"))));
    grants.revoke("txn-e", "asked", NOW_S).await.unwrap();
    grants.revoke("txn-e", "asked again", NOW_S + 1).await.unwrap();
    grants.revoke("txn-unknown", "asked", NOW_S).await.expect("nothing to end");
    assert!(matches!(take(NOW_S).await, Err(GrantError::Dead("it was revoked"))));
    let again = grants.found(grant("e")).await.unwrap();
    assert_eq!(again.revoked, Some((NOW_S, "asked".to_owned())), "no second life, one reason");

    let bob = |name: &str, issued_s| Grant {
        subject: subject("bob"),
        root_issued_s: issued_s,
        ..grant(name)
    };
    for (name, issued_s) in [("b0", 0), ("b1", NOW_S - 1), ("b2", NOW_S), ("b3", NOW_S + 1)] {
        grants.found(bob(name, issued_s)).await.unwrap();
    }
    assert_eq!(grants.epoch(&subject("bob")).await.unwrap(), 0);
    grants.end_before(&subject("bob"), NOW_S).await.unwrap();
    grants.end_before(&subject("bob"), NOW_S - 5).await.expect("an older event changes nothing");
    assert_eq!(grants.epoch(&subject("bob")).await.unwrap(), NOW_S);
    let other = Subject { iss: "https://other.test".to_owned(), ..subject("bob") };
    assert_eq!(grants.epoch(&other).await.unwrap(), 0, "a name is its issuer's");
    let other = Grant { subject: other, ..bob("b4", 0) };
    grants.found(other).await.unwrap();
    for (name, is_live) in [("b0", false), ("b1", false), ("b2", false), ("b3", true), ("b4", true)]
    {
        let taken = grants.take(&used(name, "hop1", &[]), NOW_S).await;
        assert_eq!(taken.is_ok(), is_live, "{name}");
        let read = grants.grant(&format!("txn-{name}")).await.unwrap().unwrap();
        assert_eq!(read.live(NOW_S).is_ok(), is_live, "{name}");
        let event = Some((NOW_S, "security-event".to_owned()));
        assert_eq!(read.revoked, if is_live { None } else { event }, "{name}");
    }
    told(grants).await;
    let late = grants.found(bob("b5", NOW_S - 1)).await.unwrap();
    assert!(late.live(NOW_S).is_err(), "a token from before the event founds a dead grant");
}

async fn of_many_at_once_one_is_first(grants: Arc<dyn Grants>) {
    let found = (0..8).map(|n| {
        let grants = grants.clone();
        let grant = Grant { txn: format!("txn-many-{n}"), ..grant("many") };
        tokio::spawn(async move { grants.found(grant).await.unwrap().txn })
    });
    let mut names = BTreeSet::new();
    for task in found.collect::<Vec<_>>() {
        names.insert(task.await.unwrap());
    }
    assert_eq!(names.len(), 1, "one grant for each root token");
    let txn = names.pop_first().unwrap();
    let taken = (0..8).map(|n| {
        let grants = grants.clone();
        // Half use one proof, half their own.
        let own = format!("own-{n}");
        let once: &[&str] = if n < 4 { &["same"] } else { &[&own] };
        let used =
            Use { txn: txn.clone(), bounds: Bounds::default(), ..used("many", "hop1", once) };
        tokio::spawn(async move { (n < 4, grants.take(&used, NOW_S).await) })
    });
    let mut ok = [0, 0];
    for task in taken.collect::<Vec<_>>() {
        let (is_same, done) = task.await.unwrap();
        ok[usize::from(is_same)] += usize::from(done.is_ok());
        let is_expected = matches!(done, Ok(()) | Err(GrantError::Used(_)));
        assert!(is_expected, "{done:?}");
    }
    assert_eq!(ok, [4, 1]);
}

async fn sweeping(grants: &dyn Grants) {
    grants.found(grant("s")).await.unwrap();
    grants.revoke("txn-s", "asked", NOW_S).await.unwrap();
    grants.once("s1", NOW_S + 10).await.unwrap();
    grants.sweep(NOW_S + 9).await.unwrap();
    assert!(grants.once("s1", NOW_S + 10).await.is_err());
    grants.sweep(NOW_S + 10).await.unwrap();
    grants.once("s1", NOW_S + 10).await.expect("it need not be remembered");
    grants.sweep(EXPIRES_S + limits::GRANT_MEMORY_S - 1).await.unwrap();
    let kept = grants.found(Grant { txn: "txn-s2".to_owned(), ..grant("s") }).await.unwrap();
    assert!(kept.revoked.is_some(), "a revoked row stays until its token is over everywhere");
    grants.sweep(EXPIRES_S + limits::GRANT_MEMORY_S).await.unwrap();
    for name in ["a", "s", "c", "many"] {
        assert_eq!(grants.grant(&format!("txn-{name}")).await.unwrap(), None);
    }
    let targets = Use { bounds: Bounds::default(), ..used("c", "t4", &[]) };
    grants.found(grant("c")).await.unwrap();
    grants.take(&targets, NOW_S).await.expect("its targets are forgotten too");
    assert_eq!(grants.epoch(&subject("bob")).await.unwrap(), NOW_S, "an epoch stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_in_memory_keep_the_contract() {
    contract(Arc::new(Memory::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_in_sqlite_keep_the_contract_and_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("grants.sqlite").display());
    contract(Arc::new(Durable::open(&url).await.unwrap())).await;
    let again = Durable::open(&url).await.unwrap();
    assert_eq!(again.grant("txn-c").await.unwrap(), Some(grant("c")));
    assert_eq!(again.epoch(&subject("bob")).await.unwrap(), NOW_S);
}

#[test]
fn grants_in_postgresql_keep_the_contract() {
    let postgres = harness::Postgres::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        contract(Arc::new(Durable::open(&postgres.url("postgres")).await.unwrap())).await;
    });
}

/// Whatever fails says so; what was applied all the same is there, and what was lost is not.
#[tokio::test]
async fn a_store_that_fails_refuses_whether_it_was_applied_or_lost() {
    for fault in [Fault::Lost, Fault::Applied] {
        let failing = Arc::new(std::sync::Mutex::new(None::<Step>));
        let faults = failing.clone();
        let grants = Memory::with_faults(Arc::new(move |step| {
            (*faults.lock().unwrap() == Some(step)).then_some(fault)
        }));
        let fail = |step| *failing.lock().unwrap() = step;
        let is_applied = fault == Fault::Applied;

        fail(Some(Step::Found));
        assert!(matches!(grants.found(grant("a")).await, Err(GrantError::Store(_))));
        fail(None);
        assert_eq!(grants.grant("txn-a").await.unwrap().is_some(), is_applied);
        grants.found(grant("a")).await.unwrap();

        fail(Some(Step::Take));
        let taken = grants.take(&used("a", "hop1", &["p"]), NOW_S).await;
        assert!(matches!(taken, Err(GrantError::Store(_))));
        fail(None);
        let again = grants.take(&used("a", "hop1", &["p"]), NOW_S).await;
        assert_eq!(again.is_err(), is_applied, "a proof that may be used is used");

        fail(Some(Step::Once));
        assert!(matches!(grants.once("q", NOW_S).await, Err(ReplayError::Store(_))));
        fail(None);
        assert_eq!(grants.once("q", NOW_S).await.is_err(), is_applied);

        fail(Some(Step::End));
        assert!(grants.end_before(&subject("alice"), 7).await.is_err());
        fail(None);
        assert_eq!(grants.epoch(&subject("alice")).await.unwrap() == 7, is_applied);

        fail(Some(Step::Revoke));
        assert!(grants.revoke("txn-a", "asked", NOW_S).await.is_err());
        fail(None);
        let read = grants.grant("txn-a").await.unwrap().unwrap();
        assert_eq!(read.revoked.is_some(), is_applied);
        for step in [Step::Grant, Step::Epoch, Step::Ended, Step::Sweep] {
            fail(Some(step));
            let failed = match step {
                Step::Grant => grants.grant("txn-a").await.is_err(),
                Step::Epoch => grants.epoch(&subject("alice")).await.is_err(),
                Step::Ended => grants.ended(0, 1).await.is_err(),
                _ => grants.sweep(NOW_S).await.is_err(),
            };
            assert!(failed, "{step:?}");
        }
    }
}
