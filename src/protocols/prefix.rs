//! PREFIX: each message is preceded by its length.

#![allow(unsafe_code)] // Lists of C callers.

mod header;

pub(crate) use header::{LITTLE_ENDIAN, LONGEST_HEADER};

use super::layer::{self, Call, Layer, Protocol};
use crate::os::errno::{Errno, Result};
use crate::sockets::io_list::{Cursor, IoList};
use crate::sockets::object::Kind;
use crate::sockets::storage::Storage;
use core::ffi::c_int;
use header::Format;

/// Size of the C structure.
pub(crate) const STORAGE: usize = 56;
const _: () = assert!(layer::fits::<Prefix>(STORAGE));

/// Elements of a list that go into one operation beneath.
const AT_ONCE: usize = 8;

struct Prefix(Format);

static PREFIX: Kind<Layer<Prefix>> = Kind::new("prefix");

impl Protocol for Prefix {
    fn kind() -> &'static Kind<Layer<Self>> {
        &PREFIX
    }

    unsafe fn send(
        &self,
        call: &mut Call<'_>,
        list: Cursor,
        first: *mut IoList,
        last: *mut IoList,
    ) -> Result<()> {
        let mut header = [0; LONGEST_HEADER];
        let header = &mut header[..self.0.size()];
        self.0.encode(list.remaining(), header)?;
        let mut head = IoList::single(header.as_mut_ptr().cast(), header.len());
        head.next = first;
        // SAFETY: the caller's list, with an element of ours in front.
        unsafe { call.send_bytes(&raw mut head, last) }
    }

    unsafe fn receive(
        &self,
        call: &mut Call<'_>,
        mut list: Cursor,
        _: *mut IoList,
    ) -> Result<usize> {
        let mut header = [0; LONGEST_HEADER];
        let header = &mut header[..self.0.size()];
        call.receive_into(header)?;
        let length = self.0.decode(header)?;
        if length > list.remaining() {
            return Err(Errno::EMSGSIZE);
        }
        let mut missing = length;
        while missing > 0 {
            // The caller's list is not to be changed, and it may be longer than the message.
            let mut elements = [IoList::EMPTY; AT_ONCE];
            let (count, bytes) = list.take(&mut elements, missing);
            let last = &raw mut elements[count - 1];
            // SAFETY: a part of the caller's list.
            unsafe { call.receive_bytes(elements.as_mut_ptr(), last)? };
            missing -= bytes;
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
