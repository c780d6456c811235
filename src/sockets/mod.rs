//! Sockets: byte streams, message sockets, and what they are made of.

pub(crate) mod adapter;
pub(crate) mod at_once;
pub(crate) mod byte_socket;
pub(crate) mod direction;
mod fd_io;
pub(crate) mod io_list;
pub(crate) mod ip_address;
pub(crate) mod ipc;
pub(crate) mod message_socket;
mod name_resolution;
pub(crate) mod object;
pub(crate) mod partial;
mod read_ahead;
pub(crate) mod room;
pub(crate) mod single_buffer;
pub(crate) mod slices;
pub(crate) mod storage;
mod stream;
mod taking_over;
pub(crate) mod tcp;
pub(crate) mod udp;
