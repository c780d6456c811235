//! The safe Rust API. It stands beside `capi` on the same core and does not go through the C
//! ABI; what is public here is re-exported at the root of the crate.
//!
//! An object is a [`Handle`](handle::Handle): a number of the core that is owned, closed when it
//! is dropped, and neither `Send` nor `Sync`, as each thread is a scheduler of its own.

mod alternatives;
mod bundle;
mod cancel_scope;
mod channel;
mod choose;
mod coroutine;
mod deadline;
mod dump;
mod error;
mod grace;
pub(crate) mod handle;
mod join;
mod notify;
mod offload;
mod panics;
#[cfg(feature = "sockets")]
mod protocols;
mod request;
mod scope;
mod shutdown_limits;
mod signals;
#[cfg(feature = "sockets")]
pub(crate) mod sockets;
mod typed_bundle;

pub use alternatives::{AsInput, Finish, Input, Receive};
pub use bundle::Bundle;
pub use cancel_scope::{CancelScope, EnteredScope, Fired, timeout};
pub use channel::{IntoMessages, Messages, Receiver, SendError, Sender, channel};
pub use choose::Choose;
pub use coroutine::{is_requested, sleep, yield_now};
pub use deadline::{Deadline, now};
pub use dump::dump;
pub use error::{Error, Result};
pub use grace::{Grace, Outcome};
pub use handle::{AsRawHandle, FromRawHandle, IntoRawHandle, RawHandle};
pub use join::JoinHandle;
pub use notify::Notify;
pub use offload::offload;
#[cfg(feature = "sockets")]
pub use protocols::*;
pub use request::{Request, request};
#[cfg(feature = "tls")]
pub use rustls;
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use shutdown_limits::{cancel_reason, last_resort};
pub use signals::{Signal, Signals, signals};
#[cfg(feature = "sockets")]
pub use sockets::*;
pub use typed_bundle::TypedBundle;

/// What `choose!` is made of.
#[doc(hidden)]
pub mod __choose {
    pub use super::alternatives::{
        finished, input, next, readable, recv, request, send, wait, writable,
    };
}
