//! Between client and server: capture, compare, decide, forward.
//!
//! [`capture`] asks a server for its surface. [`stdio`] and [`http`] relay messages and hand each
//! to a [`Session`](session::Session), which decides by the [`Gate`](gate::Gate): the pin, the
//! newest observation, the stance. What is not changed is forwarded as its bytes came.
//! Absent on purpose: files, arguments and output, which belong to the binary.

pub mod answer;
pub mod capture;
pub mod channel;
pub mod event;
pub mod gate;
pub mod http;
pub mod limits;
pub mod pin;
pub mod session;
pub mod stdio;
pub mod target;

pub use channel::{Channel, ChannelError};
pub use gate::observer::{Observer, Seen};
pub use gate::{Gate, Mode, Stance};
pub use pin::published::{Ground, Objection, Published};
pub use pin::{Pin, PinError, PinSource};
pub use target::{Command, Endpoint, Target};
