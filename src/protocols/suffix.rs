//! SUFFIX: each message is followed by a delimiter, such as the end of a line.

#![allow(unsafe_code)] // Lists of C callers.

mod delimiter;

pub(crate) use delimiter::LONGEST;

use super::layer::{self, Call, Layer, Protocol};
use crate::os::errno::{Errno, Result};
use crate::sockets::io_list::{Cursor, IoList};
use crate::sockets::object::Kind;
use crate::sockets::storage::Storage;
use core::ffi::c_int;
use delimiter::{Delimiter, Window};

/// Size of the C structure.
pub(crate) const STORAGE: usize = 128;
const _: () = assert!(layer::fits::<Suffix>(STORAGE));

/// Elements of a list that go into one operation beneath.
const AT_ONCE: usize = 8;

struct Suffix(Delimiter);

static SUFFIX: Kind<Layer<Suffix>> = Kind::new("suffix");

impl Protocol for Suffix {
    fn kind() -> &'static Kind<Layer<Self>> {
        &SUFFIX
    }

    unsafe fn send(
        &self,
        call: &mut Call<'_>,
        mut list: Cursor,
        _: *mut IoList,
        _: *mut IoList,
    ) -> Result<()> {
        // A copy, as the protocol may be gone once a call beneath has returned.
        let delimiter = self.0;
        loop {
            // The caller's list is not to be changed.
            let mut elements = [IoList::EMPTY; AT_ONCE];
            let (mut count, _) = list.take(&mut elements[..AT_ONCE - 1], usize::MAX);
            let is_end = list.remaining() == 0;
            if is_end {
                elements[count] = IoList::to_send(delimiter.as_bytes());
                let end = &raw mut elements[count];
                if count > 0 {
                    elements[count - 1].next = end;
                }
                count += 1;
            }
            let last = &raw mut elements[count - 1];
            // SAFETY: a part of the caller's list, the last one with an element of ours.
            unsafe { call.send_bytes(elements.as_mut_ptr(), last)? };
            if is_end {
                return Ok(());
            }
        }
    }

    unsafe fn receive(
        &self,
        call: &mut Call<'_>,
        mut list: Cursor,
        _: *mut IoList,
    ) -> Result<usize> {
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
