//! Sockets: byte streams and message sockets, and the traits that all of them, and those of the
//! user's own making, have in common.

mod adapted;
mod address;
mod byte_stream;
mod common;
mod descriptor;
mod foreign;
pub(crate) mod lower;
mod message_socket;
mod pointers;
pub(crate) mod socket;
mod split;
mod tcp;
mod udp;
mod unix;

pub use address::{Host, ToHost, resolve};
pub use byte_stream::ByteStream;
pub use descriptor::{readable, writable};
pub use foreign::{RawByteStream, RawMessageSocket};
pub use message_socket::MessageSocket;
pub use split::{ReadHalf, WriteHalf, split};
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixListener, UnixStream};

pub(crate) use byte_stream::methods::byte_stream;
pub(crate) use common::{Deadlines, filled, handles, read_and_write};
pub(crate) use message_socket::methods::message_socket;
