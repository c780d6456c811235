//! The C ABI: everything that `include/libdill.h` declares.
//!
//! It translates only: each entry point checks its arguments, calls one function of the
//! core, and turns its result into -1 and `errno`. Blocking ones have a naked body around
//! a begin function in `entry`, see `context_switch`.
//!
//! The doc comments are the C documentation: `make header` makes the headers from them, one
//! section for each file, a large one for a file and those in its folder, and `make man` the manual
//! pages. So they name things as C does, and the promises of a caller are in `# Parameters` rather
//! than in `# Safety`.

#![allow(non_camel_case_types, non_upper_case_globals)] // C's names
#![allow(clippy::missing_safety_doc)] // see above
#![allow(rustdoc::broken_intra_doc_links)] // cbindgen's annotations look like links

mod boundary;
mod cancel_scopes;
mod channels;
mod coroutines;
mod debugging;
mod entry;
mod foreign;
mod graceful;
mod handles;
mod requests;
mod shutdown_limits;
mod signals;
mod time;

#[cfg(feature = "sockets")]
mod arguments;
#[cfg(feature = "sockets")]
mod byte_socket;
#[cfg(feature = "sockets")]
mod happy_eyeballs;
#[cfg(feature = "sockets")]
mod http;
#[cfg(feature = "sockets")]
mod input;
#[cfg(feature = "sockets")]
mod io_list;
#[cfg(feature = "sockets")]
mod ip_address;
#[cfg(feature = "sockets")]
mod ipc;
#[cfg(feature = "sockets")]
mod message_socket;
#[cfg(feature = "sockets")]
mod prefix;
#[cfg(feature = "sockets")]
mod socks5;
#[cfg(feature = "sockets")]
mod suffix;
#[cfg(feature = "sockets")]
mod tcp;
#[cfg(feature = "sockets")]
mod term;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "sockets")]
mod udp;
#[cfg(feature = "sockets")]
mod websocket;
