//! `server.json` by the official schema of 2025-12-11.
