//! The safe Rust API. It stands beside `capi` on the same core and does not go through the C
//! ABI; what is public here is re-exported at the root of the crate.
//!
//! An object is a [`Handle`](handle::Handle): a number of the core that is owned, closed when it
//! is dropped, and neither `Send` nor `Sync`, as each thread is a scheduler of its own.

mod deadline;
mod error;
pub(crate) mod handle;

pub use deadline::{Deadline, now};
pub use error::{Error, Result};
pub use handle::{AsRawHandle, FromRawHandle, IntoRawHandle, RawHandle};
#[cfg(feature = "sockets")]
mod protocols;
#[cfg(feature = "sockets")]
pub(crate) mod sockets;

#[cfg(feature = "sockets")]
pub use protocols::*;
#[cfg(feature = "tls")]
pub use rustls;
#[cfg(feature = "sockets")]
pub use sockets::*;
