//! PREFIX: each message is preceded by its length.

mod header;

pub(crate) use header::{LITTLE_ENDIAN, LONGEST_HEADER};

use super::layer::{self, Call, Layer, Protocol};
use crate::os::errno::{Errno, Result};
use crate::sockets::io_list::{Cursor, ToSend};
use crate::sockets::object::Kind;
use crate::sockets::storage::Storage;
use core::ffi::c_int;
use header::Format;

/// Size of the C structure.
pub(crate) const STORAGE: usize = 56;
const _: () = assert!(layer::fits::<Prefix>(STORAGE));

struct Prefix(Format);

static PREFIX: Kind<Layer<Prefix>> = Kind::new("prefix");

impl Protocol for Prefix {
    fn kind() -> &'static Kind<Layer<Self>> {
        &PREFIX
    }

    fn send(&self, call: &mut Call<'_>, cursor: Cursor, list: ToSend<'_>) -> Result<()> {
        let mut header = [0; LONGEST_HEADER];
        let header = &mut header[..self.0.size()];
        self.0.encode(cursor.remaining(), header)?;
        ToSend::with(header, Some(list), |all| call.send_bytes(all))
    }

    fn receive(&self, call: &mut Call<'_>, mut list: Cursor) -> Result<usize> {
        let mut header = [0; LONGEST_HEADER];
        let header = &mut header[..self.0.size()];
        call.receive_into(header)?;
        let length = self.0.decode(header)?;
        if length > list.remaining() {
            return Err(Errno::EMSGSIZE);
        }
        let mut missing = length;
        while missing > 0 {
            // The caller's list may be longer than the message.
            missing -= list.fill_next(missing, |part| call.receive_bytes(part))?;
        }
        Ok(length)
    }
}

/// Puts the protocol on top of a bytestream. In any case the old handle is closed.
pub(crate) fn attach(
    socket: c_int,
    header_size: usize,
    flags: c_int,
    storage: Result<Storage>,
) -> Result<c_int> {
    let protocol = Format::new(header_size, flags).map(Prefix);
    layer::attach(socket, storage.and_then(|storage| Ok((protocol?, storage))))
}

/// The handle of the socket beneath, which stays the protocol's.
pub(crate) fn beneath(socket: c_int) -> Result<c_int> {
    layer::beneath::<Prefix>(socket)
}

/// Ends the protocol and gives the bytestream back. After an error that is closed.
pub(crate) fn detach(socket: c_int) -> Result<c_int> {
    layer::detach::<Prefix>(socket)
}
