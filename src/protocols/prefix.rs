//! PREFIX: each message is preceded by its length.

#![allow(unsafe_code)] // Lists of C callers.

use super::layer::{self, Layer, Operation, Protocol};
use crate::handle_table::{Kind, no_owner};
use crate::os::errno::{Errno, Result};
use crate::sockets::byte_socket;
use crate::sockets::io_list::{Cursor, IoList};
use crate::sockets::storage::{Storage, fits};
use core::ffi::{c_int, c_void};

/// Size of the C structure.
pub(crate) const STORAGE: usize = 56;
const _: () = assert!(fits::<Layer<Prefix>>(STORAGE));

/// The longest header. Those of more than 8 bytes have leading zeros.
pub(crate) const LONGEST_HEADER: usize = 32;

/// The length comes with the least significant byte first.
pub(crate) const LITTLE_ENDIAN: c_int = 1;

/// Elements of a list that go into one operation beneath.
const AT_ONCE: usize = 8;

/// The format of the headers, in the one byte that the C structure has room for: the size,
/// and the byte order in the top bit.
struct Prefix(u8);

impl Prefix {
    const LITTLE: u8 = 0x80;

    fn new(header_size: usize, flags: c_int) -> Result<Self> {
        let size = u8::try_from(header_size).map_err(|_| Errno::EINVAL)?;
        if size == 0 || header_size > LONGEST_HEADER {
            return Err(Errno::EINVAL);
        }
        Ok(Self(if flags & LITTLE_ENDIAN == 0 { size } else { size | Self::LITTLE }))
    }

    fn header_size(&self) -> usize {
        usize::from(self.0 & !Self::LITTLE)
    }

    fn is_little_endian(&self) -> bool {
        self.0 & Self::LITTLE != 0
    }

    /// Writes a message's length into `header`; `EMSGSIZE` if there is no room for it.
    fn encode(&self, length: usize, header: &mut [u8]) -> Result<()> {
        let mut left = length;
        for byte in header.iter_mut().rev() {
            *byte = left as u8;
            left >>= 8;
        }
        if left > 0 {
            return Err(Errno::EMSGSIZE);
        }
        if self.is_little_endian() {
            header.reverse();
        }
        Ok(())
    }

    /// The length that `header` tells; `EMSGSIZE` if no message can be that long.
    fn decode(&self, header: &mut [u8]) -> Result<usize> {
        if self.is_little_endian() {
            header.reverse();
        }
        header
            .iter()
            .try_fold(0usize, |length, byte| length.checked_mul(256)?.checked_add((*byte).into()))
            .ok_or(Errno::EMSGSIZE)
    }
}

static PREFIX: Kind = Kind {
    name: "prefix",
    close: layer::close::<Prefix>,
    query: layer::query::<Prefix>,
    adopt: no_owner,
};

impl Protocol for Prefix {
    const OVER: Errno = Errno::ECONNRESET;

    fn kind() -> &'static Kind {
        &PREFIX
    }

    fn interface_beneath() -> *const c_void {
        byte_socket::type_id()
    }

    fn is_final(_: Errno) -> bool {
        true
    }

    unsafe fn send(
        &self,
        operation: &mut Operation<'_>,
        list: Cursor,
        first: *mut IoList,
        last: *mut IoList,
    ) -> Result<()> {
        let mut header = [0; LONGEST_HEADER];
        let header = &mut header[..self.header_size()];
        self.encode(list.remaining(), header)?;
        let mut head = IoList::single(header.as_mut_ptr().cast(), header.len());
        head.next = first;
        // SAFETY: the caller's list, with an element of ours in front.
        unsafe { operation.send_bytes(&raw mut head, last) }
    }

    unsafe fn receive(
        &self,
        operation: &mut Operation<'_>,
        mut list: Cursor,
        _: *mut IoList,
    ) -> Result<usize> {
        let mut header = [0; LONGEST_HEADER];
        let header = &mut header[..self.header_size()];
        operation.receive_into(header)?;
        let length = self.decode(header)?;
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
            unsafe { operation.receive_bytes(elements.as_mut_ptr(), last)? };
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
    let protocol = Prefix::new(header_size, flags);
    layer::attach(socket, storage.and_then(|storage| Ok((protocol?, storage))))
}

/// Ends the protocol and gives the bytestream back. After an error that is closed.
pub(crate) fn detach(socket: c_int) -> Result<c_int> {
    layer::detach::<Prefix>(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_survive_in_both_byte_orders() {
        for size in 1..=LONGEST_HEADER {
            for flags in [0, LITTLE_ENDIAN] {
                let prefix = Prefix::new(size, flags).unwrap();
                let lengths = 1u128 << (8 * size.min(8));
                for length in [0, 1, 255, 256, 65_535, 65_536, usize::MAX / 2, usize::MAX] {
                    let mut header = vec![0; size];
                    match prefix.encode(length, &mut header) {
                        Ok(()) => assert_eq!(prefix.decode(&mut header), Ok(length)),
                        Err(error) => {
                            assert_eq!(error, Errno::EMSGSIZE);
                            assert!(length as u128 >= lengths, "{length} fits into {size} bytes");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_byte_order_is_what_it_says() {
        let mut header = [0; 3];
        Prefix::new(3, 0).unwrap().encode(0x010203, &mut header).unwrap();
        assert_eq!(header, [1, 2, 3]);
        Prefix::new(3, LITTLE_ENDIAN).unwrap().encode(0x010203, &mut header).unwrap();
        assert_eq!(header, [3, 2, 1]);
    }

    #[test]
    fn a_length_beyond_memory_is_refused() {
        let prefix = Prefix::new(9, 0).unwrap();
        assert_eq!(prefix.decode(&mut [1, 0, 0, 0, 0, 0, 0, 0, 0]), Err(Errno::EMSGSIZE));
        assert_eq!(prefix.decode(&mut [0, 0, 0, 0, 0, 0, 0, 0, 7]), Ok(7));
    }

    #[test]
    fn header_sizes() {
        assert!(Prefix::new(0, 0).is_err());
        assert!(Prefix::new(LONGEST_HEADER + 1, 0).is_err());
        assert!(Prefix::new(usize::MAX, 0).is_err());
        assert_eq!(Prefix::new(LONGEST_HEADER, LITTLE_ENDIAN).unwrap().header_size(), 32);
    }
}
