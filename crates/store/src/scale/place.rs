//! Where the database and the objects are: URLs without secrets, over transports that keep them.

use std::net::IpAddr;
use std::str::FromStr as _;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::{Host, Url};

use super::failed;
use crate::backend::StoreError;
use crate::limits::scale::{OBJECT_STORE_CONNECT_TIME_MAX, OBJECT_STORE_TIME_MAX};

/// The database of a `postgres://` URL, and its name for messages.
pub(super) fn database(text: &str) -> Result<(PgConnectOptions, String), StoreError> {
    let place = "the database's URL";
    let url = Url::parse(text).map_err(|e| failed(place, READING, e))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(refused(place, "it begins with `postgres://`"));
    }
    if url.password().is_some() || names(&url, &["password"]) {
        let why = "it carries a password, which every list of processes shows: put it in PGPASSWORD \
                   or a password file (`~/.pgpass`)";
        return Err(refused(place, why));
    }
    let mut options = PgConnectOptions::from_str(text).map_err(|e| failed(place, READING, e))?;
    if has_to_verify(&url, &options) {
        options = options.ssl_mode(PgSslMode::VerifyFull);
    }
    let options = options
        .application_name("countersign")
        // INVARIANT: a commit that was answered is on disk, whatever the server's default says.
        .options([
            ("synchronous_commit", "on"),
            ("statement_timeout", "20s"),
            ("lock_timeout", "10s"),
        ]);
    let name = options.get_database().unwrap_or(options.get_username());
    let place = format!("postgres://{}:{}/{name}", options.get_host(), options.get_port());
    Ok((options, place))
}

/// The same URL for whoever takes nothing but a URL: it says that the server is verified, if it is
/// another machine and nothing else was chosen.
pub(super) fn verified(text: &str) -> Result<String, StoreError> {
    let (options, _) = database(text)?;
    let mut url = Url::parse(text).map_err(|e| failed("the database's URL", READING, e))?;
    if has_to_verify(&url, &options) {
        url.query_pairs_mut().append_pair("sslmode", "verify-full");
    }
    Ok(url.into())
}

fn has_to_verify(url: &Url, options: &PgConnectOptions) -> bool {
    let is_chosen = names(url, &["sslmode", "ssl-mode"]) || std::env::var_os("PGSSLMODE").is_some();
    !is_chosen && !is_local(options)
}

/// The bucket of an `s3://BUCKET/PREFIX` URL, the prefix, and its name for messages. The endpoint is
/// `endpoint`, else the environment's, else the cloud's own; plain HTTP needs `allow_http=true`, and
/// is for loopback alone.
pub(super) fn objects(
    text: &str,
    credentials: AmazonS3Builder,
) -> Result<(AmazonS3, object_store::path::Path, String), StoreError> {
    let place = "the objects' URL";
    let url = Url::parse(text).map_err(|e| failed(place, READING, e))?;
    let bucket = url.host_str().filter(|_| url.scheme() == "s3");
    let bucket = bucket.ok_or_else(|| refused(place, "it has the form `s3://BUCKET/PREFIX`"))?;
    if !url.username().is_empty() || url.password().is_some() {
        let why = "it carries credentials, which every list of processes shows: put them in \
                   AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        return Err(refused(place, why));
    }
    let mut builder = credentials.with_bucket_name(bucket).with_retry(retry());
    let mut endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    let mut allow_http = false;
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "endpoint" => endpoint = Some(value.into_owned()),
            "region" => builder = builder.with_region(value),
            "allow_http" => allow_http = value == "true",
            other => return Err(refused(place, &format!("it has no parameter `{other}`"))),
        }
    }
    if let Some(endpoint) = endpoint {
        check_endpoint(&endpoint, allow_http)?;
        builder = builder.with_endpoint(endpoint).with_virtual_hosted_style_request(false);
    }
    let client = ClientOptions::new()
        .with_timeout(OBJECT_STORE_TIME_MAX)
        .with_connect_timeout(OBJECT_STORE_CONNECT_TIME_MAX)
        .with_allow_http(allow_http);
    let name = format!("s3://{bucket}{}", url.path());
    let store =
        builder.with_client_options(client).build().map_err(|e| failed(&name, "opening", e))?;
    let prefix = object_store::path::Path::parse(url.path().trim_matches('/'))
        .map_err(|e| failed(&name, "opening", e))?;
    Ok((store, prefix, name))
}

fn check_endpoint(endpoint: &str, allow_http: bool) -> Result<(), StoreError> {
    let place = "the objects' endpoint";
    let url = Url::parse(endpoint).map_err(|e| failed(place, READING, e))?;
    let is_loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        _ => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback && allow_http => Ok(()),
        "http" if is_loopback => Err(refused(place, "plain HTTP needs `allow_http=true`")),
        _ => Err(refused(place, "it is reached by HTTPS, unless it is on a loopback address")),
    }
}

/// A name that resolves to loopback is not loopback.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    options.get_socket().is_some() || host.starts_with('/') || is_loopback || host == "localhost"
}

fn names(url: &Url, wanted: &[&str]) -> bool {
    url.query_pairs().any(|(name, _)| wanted.contains(&name.as_ref()))
}

/// A put is tried again by the caller, who can tell one that was applied from one that was not.
fn retry() -> RetryConfig {
    let backoff =
        BackoffConfig { max_backoff: OBJECT_STORE_CONNECT_TIME_MAX, ..Default::default() };
    RetryConfig { backoff, max_retries: 3, retry_timeout: OBJECT_STORE_TIME_MAX }
}

fn refused(place: &str, why: &str) -> StoreError {
    failed(place, READING, why.to_owned())
}

const READING: &str = "reading";
