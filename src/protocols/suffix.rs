//! SUFFIX: each message is followed by a delimiter, such as the end of a line.

mod delimiter;

pub(crate) use delimiter::LONGEST;

use super::layer::{self, Call, Layer, Protocol};
use crate::os::errno::{Errno, Result};
use crate::sockets::io_list::{Cursor, ToSend};
use crate::sockets::object::Kind;
use crate::sockets::storage::Storage;
use core::ffi::c_int;
use delimiter::{Delimiter, Window};

/// Size of the C structure.
pub(crate) const STORAGE: usize = 128;
const _: () = assert!(layer::fits::<Suffix>(STORAGE));

struct Suffix(Delimiter);

static SUFFIX: Kind<Layer<Suffix>> = Kind::new("suffix");

impl Protocol for Suffix {
    fn kind() -> &'static Kind<Layer<Self>> {
        &SUFFIX
    }

    fn send(&self, call: &mut Call<'_>, mut cursor: Cursor, _: ToSend<'_>) -> Result<()> {
        // A copy, as the protocol may be gone once a call beneath has returned.
        let delimiter = self.0;
        while !cursor.send_next(delimiter.as_bytes(), |part| call.send_bytes(part))? {}
        Ok(())
    }

    fn receive(&self, call: &mut Call<'_>, mut list: Cursor) -> Result<usize> {
        let mut window = Window::new(self.0);
        let mut received = 0usize;
        loop {
            call.receive_into(window.vacant())?;
            let payload = window.payload();
            let length = payload.len();
            if length == 0 {
                break;
            }
            if length > list.remaining() {
                return Err(Errno::EMSGSIZE);
            }
            list.copy_from(payload);
            received += length; // fits: not more than the list can hold
            window.remove(length);
            call.step()?;
        }
        Ok(received)
    }
}

/// Puts the protocol on top of a bytestream. In any case the old handle is closed.
pub(crate) fn attach(
    socket: c_int,
    delimiter: Option<&[u8]>,
    storage: Result<Storage>,
) -> Result<c_int> {
    let protocol = Delimiter::new(delimiter).map(Suffix);
    layer::attach(socket, storage.and_then(|storage| Ok((protocol?, storage))))
}

/// The handle of the socket beneath, which stays the protocol's.
pub(crate) fn beneath(socket: c_int) -> Result<c_int> {
    layer::beneath::<Suffix>(socket)
}

/// Ends the protocol and gives the bytestream back. After an error that is closed.
pub(crate) fn detach(socket: c_int) -> Result<c_int> {
    layer::detach::<Suffix>(socket)
}
