//! An issuer that is asked about its opaque tokens (RFC 7662).

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use url::Url;

use super::rules::fetched;
use super::{ConfigError, files, raw};
use crate::net::Client;
use crate::resource::protection::opaque::{ClientKey, Opaque};
use crate::token::Signer;

/// Where an issuer is asked, and as whom.
#[derive(Debug)]
pub struct Asked {
    iss: String,
    endpoint: Url,
    client_id: String,
    by: ClientKey,
}

impl Asked {
    /// What a `[[trusted]]` says of it; nothing if the issuer has no opaque tokens.
    pub(super) fn of(
        raw: &raw::Trusted,
        exceptions: &[SocketAddr],
        folder: &Path,
    ) -> Result<Option<Self>, ConfigError> {
        let refused = |what: &str| {
            let fix =
                "an issuer is asked with `client_id` and one of `client_secret` and `client_key`";
            Err(ConfigError::new("introspection", what, fix))
        };
        let (client, secret, key) = (&raw.client_id, &raw.client_secret, &raw.client_key);
        let Some(url) = &raw.introspection else {
            if client.is_none() && secret.is_none() && key.is_none() {
                return Ok(None);
            }
            return refused("a client without an endpoint to ask");
        };
        let endpoint = fetched(url, exceptions).map_err(|error| error.at("introspection"))?;
        let Some(client_id) = client.clone().filter(|client| !client.is_empty()) else {
            return refused("nobody asks");
        };
        let by = match (secret, key) {
            (Some(path), None) => {
                let text = files::private(&folder.join(path));
                let text = text.map_err(|error| error.at("client_secret"))?;
                ClientKey::Secret(text.trim_end_matches(['\r', '\n']).into())
            }
            (None, Some(path)) => {
                let path = folder.join(path);
                let pem = files::private(&path).map_err(|error| error.at("client_key"))?;
                ClientKey::Signer(Arc::new(Signer::from_pem(&pem).map_err(|error| {
                    let what = format!("{}: {error}", path.display());
                    ConfigError::new("client_key", what, "ES256 or Ed25519, as PKCS #8 in PEM")
                })?))
            }
            _ => return refused("it needs one secret or one key"),
        };
        Ok(Some(Self { iss: raw.issuer.clone(), endpoint, client_id, by }))
    }

    /// Asks through this client.
    pub fn opaque(self, client: Client) -> Opaque {
        Opaque::new(self.iss, self.endpoint, self.client_id, self.by, client)
    }
}
