//! Authorization across hops, before implementations that nobody here wrote, and before those who
//! steal and forge.

mod doctor;
mod guard;
mod jose;
mod outbound;
mod peers;
mod pinned;
mod sts;
