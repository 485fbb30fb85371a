//! The file by which a domain publishes its key: status 200, no redirect, at most 4 KiB.

use http::header::{ACCEPT, HeaderValue};
use http::{HeaderMap, StatusCode};
use url::Url;

use super::error::NamespaceError;
use crate::{limits, net};

/// The text of a domain's file. One file holds one record.
///
/// # Errors
/// Nobody who answers, or an answer that is no such file.
pub async fn text(
    client: &net::Client,
    template: &str,
    domain: &str,
) -> Result<String, NamespaceError> {
    let url = Url::parse(&template.replace("{domain}", domain));
    let url = url.map_err(|_| NamespaceError::Domain { why: "it makes no URL" })?;
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/plain"))]);
    let bytes_max = limits::WELL_KNOWN_BYTES_MAX;
    let response =
        client.send(net::Request { headers, bytes_max, ..net::Request::get(url) }).await?;
    match response.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            return Err(NamespaceError::Absent { domain: domain.to_owned() });
        }
        status => return Err(NamespaceError::Status { status: status.as_u16() }),
    }
    let text = std::str::from_utf8(&response.body);
    let text = text.map_err(|_| NamespaceError::Record { why: "it is not UTF-8" })?;
    if !text.trim_start().starts_with("v=MCPv1") {
        return Err(NamespaceError::Record { why: "it is not `v=MCPv1; k=…; p=…` alone" });
    }
    Ok(text.to_owned())
}
