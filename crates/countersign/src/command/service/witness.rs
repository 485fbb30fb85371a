//! `countersign witness`

use std::fs;
use std::path::Path;
use std::sync::Arc;

use registry::api;
use registry::witness::{self, Config, LogList, StateError, Witness};
use seal::Crypto;
use seal::key::{Algorithm, NoteKey};
use tlog::note::Algorithm as Note;
use tlog::{Sign, VerifierKey};
use tokio::net::TcpListener;

use crate::args::service as args;
use crate::args::statement::Passphrase;
use crate::command::statement::{draw, key_file};
use crate::command::{Desk, stopped};
use crate::failure::{Exit, Failure};

/// Makes a witness, serves it, or both.
///
/// # Errors
/// Keys or state that are missing or not as they were, a list that is none, an address in use.
pub(super) async fn run(desk: &Desk, arguments: &args::Witness) -> Result<Exit, Failure> {
    super::trace::start(&arguments.events)?;
    let data = &arguments.data;
    if let Some(name) = arguments.name.as_deref().filter(|_| arguments.init) {
        make(data, name).await?;
        let keys = fs::read_to_string(data.join(VERIFIERS)).map_err(reading(VERIFIERS))?;
        desk.output.data(&keys)?;
    }
    let Some(logs) = &arguments.logs else { return Ok(Exit::Same) };
    let keys = load(desk, data)?;
    let text = fs::read_to_string(logs).map_err(reading("the list of logs"))?;
    let logs: LogList = text
        .parse()
        .map_err(|error| Failure::new(format!("reading {}", logs.display())).because(error))?;
    let name = keys.first().map(|key| key.verifier().name().to_owned()).unwrap_or_default();
    let keys = keys.into_iter().map(|key| Arc::new(key) as Arc<dyn Sign>).collect();
    let (data, verify, clock) = (data.clone(), Arc::new(Crypto), crate::log::now_s as fn() -> u64);
    let config = Config { data, name: name.clone(), keys, logs, verify, clock };
    let witness = Witness::open(config).await.map_err(state)?;
    let listen = arguments.listen;
    let listening = |error| Failure::new(format!("listening on {listen}")).because(error);
    let listener = TcpListener::bind(listen).await.map_err(listening)?;
    let address = listener.local_addr().map_err(listening)?;
    let logs = witness.logs();
    desk.output.note(&format!("witness {name} on http://{address}, for {logs} logs"));
    serve(witness, listener).await
}

/// Serves until it is asked to stop, or the state can no longer be trusted.
async fn serve(witness: Witness, listener: TcpListener) -> Result<Exit, Failure> {
    let router = witness.router();
    let failed = witness.failed();
    let ends = async {
        tokio::select! {
            () = stopped() => {}
            _ = failed => {}
        }
    };
    let served = api::serve(listener, router, ends).await;
    let error = witness.close().await;
    served.map_err(|error| Failure::new("serving").because(error))?;
    match &*error {
        StateError::Stopped => Ok(Exit::Same),
        failed => Err(Failure::new("the witness cannot record what it cosigns")
            .code(failed.code())
            .because(Arc::clone(&error))),
    }
}

/// Draws the keys of a new witness, and makes its state.
async fn make(data: &Path, name: &str) -> Result<(), Failure> {
    fs::create_dir_all(data).map_err(|error| {
        Failure::new(format!("making the folder {}", data.display())).because(error)
    })?;
    let mut verifiers = String::new();
    for (algorithm, note, file) in KEYS {
        let key = draw(algorithm)?;
        let pem = key.to_pem(None).map_err(|error| Failure::new("making a key").because(error))?;
        let verifier = key.public().note_verifier(name, note);
        let verifier = verifier.map_err(|error| {
            Failure::usage(format!("`{name}` cannot name a witness")).because(error)
        })?;
        key_file::create(&data.join(file), &pem)?;
        verifiers += &verifier.to_string();
        verifiers.push('\n');
    }
    witness::init(data, name).await.map_err(state)?;
    fs::write(data.join(VERIFIERS), verifiers).map_err(reading(VERIFIERS))
}

/// The keys, which have to be those that the witness was made with.
fn load(desk: &Desk, data: &Path) -> Result<Vec<NoteKey>, Failure> {
    let path = data.join(VERIFIERS);
    let text = fs::read_to_string(&path).map_err(|error| {
        Failure::new(format!("reading {}", path.display()))
            .because(error)
            .hint("a witness is made with `countersign witness --init --name NAME --data DIR`")
    })?;
    let mut keys = Vec::new();
    for (line, (_, note, file)) in text.lines().zip(KEYS) {
        let known: VerifierKey = line
            .parse()
            .map_err(|error| Failure::new(format!("reading {}", path.display())).because(error))?;
        let none = Passphrase { passphrase_variable: None, passphrase_file: None };
        let key = key_file::load(desk.output, &data.join(file), &none)?;
        let key = key
            .into_note_key(known.name(), note)
            .map_err(|error| Failure::new(format!("reading the key {file}")).because(error))?;
        if *key.verifier() != known {
            return Err(Failure::new(format!("{file} is not the key in {}", path.display())));
        }
        keys.push(key);
    }
    if keys.len() == KEYS.len() {
        Ok(keys)
    } else {
        Err(Failure::new(format!("{} has not {} keys", path.display(), KEYS.len())))
    }
}

fn reading(what: &str) -> impl FnOnce(std::io::Error) -> Failure {
    move |error| Failure::new(format!("reading or writing {what}")).because(error)
}

fn state(error: StateError) -> Failure {
    let hint = match &error {
        StateError::Missing(_) => {
            "state is made once, with `--init`; if it was lost, retire this witness: a new one has a \
             new name and new keys"
        }
        StateError::RolledBack { .. } => {
            "this is an older copy: bring back the newest, or retire this witness; with this one it \
             could cosign a fork"
        }
        StateError::Exists(_) => "a witness is made once; serve it without `--init`",
        _ => "the guide's page on witnesses says what the state is made of",
    };
    Failure::new("opening the state of the witness").code(error.code()).because(error).hint(hint)
}

const VERIFIERS: &str = "vkeys";

const KEYS: [(Algorithm, Note, &str); 2] = [
    (Algorithm::Ed25519, Note::Cosignature, "ed25519.pem"),
    (Algorithm::MlDsa44, Note::MlDsa44, "ml-dsa-44.pem"),
];
