//! Structured concurrency with graceful shutdown, for C and Rust.
//!
//! The layers, each of which imports only from those below it:
//!
//! ```text
//! safe           the Rust API      capi           the C ABI of libdill: translates only
//!   ↓
//! protocols      prefix, suffix, term, tls, happy eyeballs
//!   ↓
//! sockets        byte streams and message sockets, io lists, ip addresses, names, tcp, ipc, udp
//!   ↓
//! concurrency    bundles, channels, choose, cancellation
//!   ↓
//! scheduler      coroutines, ready queue, timers, clock, descriptors
//!   ↓
//! handle_table   number → object          object_cache   blocks of memory
//!   ↓
//! stack          context_switch
//!   ↓
//! intrusive      lists by address         os             system calls, errno
//! ```
//!
//! `ARCHITECTURE.md` follows a call through them.

#![deny(unsafe_code)]
#![deny(missing_docs)]
// The lower layers are made for all features; what only one of them uses stays.
#![cfg_attr(not(feature = "tls"), allow(dead_code, unused_imports))]
// The stand-in for the switch has no use for some of what surrounds it.
#![cfg_attr(dill_thread_switch, allow(dead_code))]

#[allow(unsafe_code)]
mod capi;
mod concurrency;
#[allow(unsafe_code)]
mod context_switch;
#[allow(unsafe_code)]
mod handle_table;
#[allow(unsafe_code)]
mod intrusive;
#[allow(unsafe_code)]
mod object_cache;
#[allow(unsafe_code)]
mod os;
#[cfg(feature = "sockets")]
mod protocols;
mod safe;
mod scheduler;
#[cfg(feature = "sockets")]
mod sockets;
#[allow(unsafe_code)]
mod stack;

pub use safe::*;
