//! `GET /ended?since=SECONDS` (ours): what ended before its time, for the guards of the domain (G11).
//!
//! It names people, so it is told to whoever shows the key alone; without one in the configuration it
//! is not there.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::super::answer::{self, Refusal};
use super::super::{MALFORMED, Sts, request};
use crate::grant::Ended;
use crate::limits;

/// Answers a guard.
pub(in crate::sts) async fn endpoint(State(sts): State<Sts>, asked: Request) -> Response {
    let Some(key) = &sts.inner.ended_key else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let shown = request::text(asked.headers(), &AUTHORIZATION);
    let shown = shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    // Of one length: then the comparison takes as long wherever they differ.
    let is_known = aws_lc_rs::constant_time::verify_slices_are_equal(
        shown.as_bytes(),
        key.expose().as_bytes(),
    );
    if is_known.is_err() {
        let says = "show the key of this endpoint: `Authorization: Bearer KEY`";
        let status = StatusCode::UNAUTHORIZED;
        return Refusal::new(status, "invalid_token", UNAUTHENTICATED, says).into_response();
    }
    let since_s = asked.uri().query().and_then(|query| query.strip_prefix("since="));
    let Some(since_s) = since_s.and_then(|text| text.parse().ok()) else {
        return Refusal::malformed(MALFORMED, "ask as `?since=SECONDS`").into_response();
    };
    match sts.inner.grants.ended(since_s, limits::ENDED_MAX).await {
        Ok(ended) => answer::secret(StatusCode::OK, &body(&ended, sts.now_s())),
        Err(error) => Refusal::store(&error).into_response(),
    }
}

fn body(ended: &Ended, now_s: u64) -> Value {
    let grants: Vec<_> = ended
        .grants
        .iter()
        .map(|(it, _)| json!({ "txn": it.txn, "root": it.root.0, "exp": it.expires_s }))
        .collect();
    let epochs: Vec<_> = ended
        .epochs
        .iter()
        .map(|(it, epoch_s, _)| json!({ "iss": it.iss, "sub": it.sub, "epoch": epoch_s }))
        .collect();
    let mut body = json!({ "now": now_s, "grants": grants, "epochs": epochs });
    let last = |told_s: Option<u64>, count: usize| told_s.filter(|_| count >= limits::ENDED_MAX);
    let grants_to_s = last(ended.grants.last().map(|(_, told_s)| *told_s), grants.len());
    let epochs_to_s = last(ended.epochs.last().map(|(_, _, told_s)| *told_s), epochs.len());
    // As far as both lists reach: whoever asks on from there misses nothing of either.
    if let (Some(next_s), Some(members)) =
        (grants_to_s.into_iter().chain(epochs_to_s).min(), body.as_object_mut())
    {
        members.insert("next".to_owned(), next_s.into());
    }
    body
}

/// The code of a caller without the key.
pub(in crate::sts) const UNAUTHENTICATED: &str = "authz.sts.key-unknown";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::EndedGrant;
    use crate::token::{Subject, TokenHash};

    #[test]
    fn a_full_answer_says_from_where_to_ask_on() {
        let of = |count: usize| {
            let grant = |at: usize| {
                let (txn, root) = (at.to_string(), TokenHash(at.to_string()));
                (EndedGrant { txn, root, expires_s: 9 }, at as u64)
            };
            let subject = Subject { iss: "https://a.test".to_owned(), sub: "u".to_owned() };
            let ended =
                Ended { grants: (0..count).map(grant).collect(), epochs: vec![(subject, 5, 7)] };
            body(&ended, 77)
        };
        let part = of(limits::ENDED_MAX - 1);
        assert_eq!((&part["now"], &part["next"]), (&json!(77), &Value::Null));
        assert_eq!(part["epochs"], json!([{"iss": "https://a.test", "sub": "u", "epoch": 5}]));
        assert_eq!(part["grants"][1], json!({"txn": "1", "root": "1", "exp": 9}));
        assert_eq!(of(limits::ENDED_MAX)["next"], limits::ENDED_MAX - 1);
    }
}
