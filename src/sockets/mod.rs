//! Sockets: byte streams and what they are made of.

pub(crate) mod byte_socket;
mod fd_io;
pub(crate) mod io_list;
pub(crate) mod ip_address;
mod read_ahead;
pub(crate) mod storage;
pub(crate) mod tcp;
