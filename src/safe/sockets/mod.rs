//! Sockets: byte streams and message sockets, and the traits that all of them, and those of the
//! user's own making, have in common.

mod address;
mod byte_stream;
mod descriptor;
mod foreign;
mod io;
mod message_socket;
pub(crate) mod socket;
mod tcp;
mod udp;
mod unix;

pub use address::{Host, ToHost, resolve};
pub use byte_stream::ByteStream;
pub use descriptor::{readable, writable};
pub use foreign::{RawByteStream, RawMessageSocket};
pub use message_socket::MessageSocket;
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixListener, UnixStream};

pub(crate) use io::{Deadlines, byte_stream, handles, message_socket, read_and_write, received};
