//! Publishing: server.json and surface, under the publisher's key, admitted and countersigned.

pub mod server_json;
