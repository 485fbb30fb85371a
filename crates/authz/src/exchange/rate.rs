//! X13, of a client: how many exchanges it has in a minute, on this instance. It keeps one client from
//! the others' share; what a person may do in all, the grant bounds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::ExchangeError;

/// Counts the exchanges of each client. Clients are authenticated, so there are not many.
#[derive(Debug)]
pub(super) struct Rates {
    per_minute_max: u64,
    /// The minute, and how many there were in it.
    counts: Mutex<HashMap<String, (u64, u64)>>,
}

impl Rates {
    pub(super) fn new(per_minute_max: u64) -> Self {
        Self { per_minute_max, counts: Mutex::default() }
    }

    /// Counts one.
    pub(super) fn take(&self, client: &str, now_s: u64) -> Result<(), ExchangeError> {
        let minute = now_s / 60;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = match counts.get_mut(client) {
            Some(count) => count,
            None => counts.entry(client.to_owned()).or_default(),
        };
        if count.0 != minute {
            *count = (minute, 0);
        }
        if count.1 >= self.per_minute_max {
            let retry_s = 60 - now_s % 60;
            return Err(ExchangeError::Rate { what: "exchanges of one client", retry_s });
        }
        count.1 += 1;
        Ok(())
    }
}
