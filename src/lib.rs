//! Structured concurrency with graceful shutdown, for C and Rust.
//!
//! Coroutines with stacks of their own, which [bundles](Bundle) and [scopes](scope()) own and end;
//! typed [channels](channel()); [`choose!`] over channels, sockets, descriptors, bundles and
//! signals; hard cancellation that reaches every blocking call, and graceful requests that
//! arrive in band. Each thread is a scheduler of its own.
//!
//! ```
//! use redill::{Bundle, Deadline, Outcome, channel};
//! use std::time::Duration;
//!
//! let (jobs, inbox) = channel::<u32>()?;
//! let workers = Bundle::new()?;
//! workers.go(move || {
//!     for job in inbox.iter() {
//!         println!("job {job}");
//!     }
//!     println!("asked to finish: cleaning up");
//! })?;
//! workers.notify(&jobs)?; // the request arrives on the channel, behind the jobs
//! for job in 0..3 {
//!     jobs.send(job, Deadline::NEVER)?;
//! }
//! // Ask, wait for ten seconds, then force.
//! assert_eq!(workers.cancel(Duration::from_secs(10))?, Outcome::Finished);
//! # Ok::<(), redill::Error>(())
//! ```
//!
//! `docs/soundness.md` has the reasons why all of this is safe, and one limit.
//!
//! # What it needs
//!
//! Linux on x86-64 or 64-bit ARM, and a C compiler (`cc`), as a few lines of the crate are C. These
//! features exist:
//!
//! - `tls`, on by default: [TLS](Tls) by rustls. Its cryptography has C code of its own. Includes
//!   `sockets`.
//! - `sockets`, on by default: TCP, Unix and UDP sockets, name resolution, and the protocols.
//! - `capi`: the functions of the C library libdill, for programs that consist of Rust and of C.
//!   Compile their C code against `libdill.h`; both sides can share bundles, channels and sockets
//!   by their [handles](AsRawHandle). A program can contain only one version of the crate with this
//!   feature. It must not be linked with `libdill.so` or `libdill.a` as well.
//!
//! Without `capi`, a program can contain several versions. Each has schedulers of its own, even on
//! one thread: a blocking call lets only coroutines of its own version run.
//!
//! # For those who want to change it
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
//! stack          stacks for coroutines    context_switch from one stack to another
//!   ↓
//! intrusive      lists by address         os             system calls, errno
//! ```
//!
//! `ARCHITECTURE.md` follows a call through them.

#![deny(unsafe_code)]
#![deny(missing_docs)]
// The lower layers are made for all features; what only one of them uses stays.
#![cfg_attr(
    not(all(feature = "capi", feature = "tls")),
    allow(dead_code, unused_imports, unused_macros)
)]
// The stand-in for the switch has no use for some of what surrounds it.
#![cfg_attr(dill_thread_switch, allow(dead_code))]

#[cfg(feature = "capi")]
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

/// The Rust code in the README is a test.
#[cfg(all(doctest, feature = "sockets"))]
#[doc = include_str!("../README.md")]
struct Readme;
