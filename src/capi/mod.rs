#![allow(missing_docs, clippy::missing_safety_doc, non_camel_case_types)]
mod boundary;
mod entry;
mod foreign;
mod scratch;
use scratch as channels;
use scratch as handles;
use scratch as graceful;
#[cfg(feature = "sockets")] mod byte_socket;
#[cfg(feature = "sockets")] mod io_list;
#[cfg(feature = "sockets")] mod ip_address;
#[cfg(feature = "sockets")] mod tcp;
