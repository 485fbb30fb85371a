//! Authorization across hops, before implementations that nobody here wrote, and before those who
//! steal and forge.

mod doctor;
mod guard;
mod jose;
mod pinned;
mod peers;
mod outbound;
mod sts;
