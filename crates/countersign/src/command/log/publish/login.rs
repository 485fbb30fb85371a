//! A login: the namespace proved, for a token of a few minutes. No message repeats a credential.

use reqwest::Url;
use seal::PrivateKey;
use seal::key::Algorithm;
use serde_json::{Value, json};

use super::registry::Registry;
use crate::args::log as args;
use crate::command::Desk;
use crate::command::statement::key_file;
use crate::env;
use crate::failure::Failure;

/// A registry token.
///
/// # Errors
/// A proof that cannot be made here, or that the registry refuses.
pub(super) async fn token(
    desk: &Desk,
    registry: &Registry,
    login: &args::Login,
    keys: &[PrivateKey],
) -> Result<String, Failure> {
    if let Some(name) = &login.registry_token_env {
        return variable(name);
    }
    if login.github_oidc {
        let token = actions_token(registry).await?;
        return exchange(registry, "github-oidc", &json!({ "oidc_token": token })).await;
    }
    if let Some(name) = &login.github_token_env {
        let token = variable(name)?;
        return exchange(registry, "github-at", &json!({ "github_token": token })).await;
    }
    let (method, domain) = match (&login.dns, &login.http) {
        (Some(domain), _) => ("dns", domain),
        (None, Some(domain)) => ("http", domain),
        (None, None) => return Err(Failure::usage("say how the namespace is proved")),
    };
    let own = match &login.key {
        Some(path) => {
            let no_passphrase = crate::args::statement::Passphrase {
                passphrase_variable: None,
                passphrase_file: None,
            };
            Some(key_file::load(desk.output, path, &no_passphrase)?)
        }
        None => None,
    };
    let key = own.iter().chain(keys).find(|key| key.public().algorithm() == Algorithm::Ed25519);
    let key = key.ok_or_else(|| {
        Failure::usage("a domain is proved by an Ed25519 key")
            .hint("name the one that the domain publishes: `--login-key FILE`")
    })?;
    let timestamp = seal::time::format(crate::log::now_s());
    let timestamp = timestamp.ok_or_else(|| Failure::new("reading the clock"))?;
    let signature = key
        .sign(timestamp.as_bytes())
        .map_err(|error| Failure::new("signing the login").because(error))?;
    let form =
        json!({ "domain": domain, "timestamp": timestamp, "signed_timestamp": hex(&signature) });
    exchange(registry, method, &form)
        .await
        .map_err(|failure| failure.hint(format!("the record of this key is `{}`", record(key))))
}

async fn exchange(registry: &Registry, method: &str, form: &Value) -> Result<String, Failure> {
    let path = format!("/v0.1/auth/{method}");
    let answer = registry.post(&path, None, form.to_string().into_bytes()).await?;
    let token = answer.get("registry_token").and_then(Value::as_str).map(str::to_owned);
    token.ok_or_else(|| Failure::new("the registry's answer holds no token"))
}

/// A token of GitHub Actions for this registry and no other.
async fn actions_token(registry: &Registry) -> Result<String, Failure> {
    let missing = |_| {
        Failure::usage("this is no workflow of GitHub Actions that may ask for a token")
            .hint("give the workflow `permissions: id-token: write`")
    };
    let url = std::env::var(env::ACTIONS_TOKEN_URL).map_err(missing)?;
    let bearer = std::env::var(env::ACTIONS_TOKEN).map_err(missing)?;
    let mut url = Url::parse(&url)
        .map_err(|error| Failure::new("asking GitHub Actions for a token").because(error))?;
    url.query_pairs_mut().append_pair("audience", &registry.origin);
    let answer = registry.ask(url, &bearer).await?;
    let token = answer.get("value").and_then(Value::as_str).map(str::to_owned);
    token.ok_or_else(|| Failure::new("the answer of GitHub Actions holds no token"))
}

fn variable(name: &str) -> Result<String, Failure> {
    std::env::var(name).map_err(|_| Failure::usage(format!("`{name}` is not set")))
}

/// The record that the domain has to publish.
fn record(key: &PrivateKey) -> String {
    use base64::Engine as _;
    let raw = base64::engine::general_purpose::STANDARD.encode(key.public().raw());
    format!("v=MCPv1; k=ed25519; p={raw}")
}

fn hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}
