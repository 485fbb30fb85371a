//! Authorization across hops, as clients, servers and operators see it.

mod sts;
