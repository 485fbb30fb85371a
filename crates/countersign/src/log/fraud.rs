//! What convicts a log is kept when it is first seen: the log may not show it again.

use std::path::Path;

use seal::Fraud;
use surface::Digest;

use crate::failure::Failure;

/// Keeps a proof in a folder, under a name that it alone has, and says so where the refusal is told.
pub(crate) fn keep(fraud: &Fraud, folder: &Path, refusal: Failure) -> Failure {
    let json = fraud.to_json();
    let digest = Digest::of_bytes(json.as_bytes()).to_string();
    let short: String = digest.trim_start_matches("sha256:").chars().take(NAME_CHARS).collect();
    let path = folder.join(format!("fraud-{short}.json"));
    let shown = path.display();
    match std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, json)) {
        Ok(()) => refusal.hint(format!(
            "the proof is in {shown}; whoever knows the log's keys can check it: `countersign verify \
             {shown} --trust FILE`"
        )),
        Err(error) => refusal.hint(format!("the proof could not be written to {shown}: {error}")),
    }
}

const NAME_CHARS: usize = 16;
