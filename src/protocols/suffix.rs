//! SUFFIX: each message is followed by a delimiter, such as the end of a line.

#![allow(unsafe_code)] // Lists of C callers.

use super::layer::{self, Layer, Operation, Protocol};
use crate::handle_table::{Kind, no_owner};
use crate::os::errno::{Errno, Result};
use crate::sockets::byte_socket;
use crate::sockets::io_list::{Cursor, IoList};
use crate::sockets::storage::{Storage, fits};
use core::ffi::{c_int, c_void};

/// Size of the C structure.
pub(crate) const STORAGE: usize = 128;
const _: () = assert!(fits::<Layer<Suffix>>(STORAGE));

/// The longest delimiter.
pub(crate) const LONGEST: usize = 32;

/// Elements of a list that go into one operation beneath.
const AT_ONCE: usize = 8;

/// Reads beneath between two looks at the clock.
const READS_AT_ONCE: usize = 4096;

struct Suffix {
    bytes: [u8; LONGEST],
    length: u8,
}

impl Suffix {
    fn new(delimiter: Option<&[u8]>) -> Result<Self> {
        let delimiter = delimiter.filter(|it| !it.is_empty()).ok_or(Errno::EINVAL)?;
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..delimiter.len()).ok_or(Errno::EINVAL)?.copy_from_slice(delimiter);
        Ok(Self { bytes, length: delimiter.len() as u8 }) // fits: at most `LONGEST`
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// How many bytes of `window`, which is as long as the delimiter, are certainly not a part
    /// of it: it may begin in the window, but not before them.
    fn payload(&self, window: &[u8]) -> usize {
        let delimiter = self.as_bytes();
        (0..window.len())
            .find(|&start| delimiter.starts_with(&window[start..]))
            .unwrap_or(window.len())
    }
}

static SUFFIX: Kind = Kind {
    name: "suffix",
    close: layer::close::<Suffix>,
    query: layer::query::<Suffix>,
    adopt: no_owner,
};

impl Protocol for Suffix {
    const OVER: Errno = Errno::ECONNRESET;

    fn kind() -> &'static Kind {
        &SUFFIX
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
        mut list: Cursor,
        _: *mut IoList,
        _: *mut IoList,
    ) -> Result<()> {
        let mut delimiter = self.bytes;
        let length = usize::from(self.length);
        loop {
            // The caller's list is not to be changed.
            let mut elements = [IoList::EMPTY; AT_ONCE];
            let (mut count, _) = list.take(&mut elements[..AT_ONCE - 1], usize::MAX);
            let is_end = list.remaining() == 0;
            if is_end {
                elements[count] = IoList::single(delimiter.as_mut_ptr().cast(), length);
                let end = &raw mut elements[count];
                if count > 0 {
                    elements[count - 1].next = end;
                }
                count += 1;
            }
            let last = &raw mut elements[count - 1];
            // SAFETY: a part of the caller's list, the last one with an element of ours.
            unsafe { operation.send_bytes(elements.as_mut_ptr(), last)? };
            if is_end {
                return Ok(());
            }
        }
    }

    unsafe fn receive(
        &self,
        operation: &mut Operation<'_>,
        mut list: Cursor,
        _: *mut IoList,
    ) -> Result<usize> {
        let mut window = [0; LONGEST];
        let window = &mut window[..usize::from(self.length)];
        let mut received = 0usize;
        operation.receive_into(window)?;
        for reads in 1usize.. {
            let payload = self.payload(window);
            if payload == 0 {
                break;
            }
            if payload > list.remaining() {
                return Err(Errno::EMSGSIZE);
            }
            list.copy_from(&window[..payload]);
            received += payload; // fits: not more than the list can hold
            window.copy_within(payload.., 0);
            if reads.is_multiple_of(READS_AT_ONCE) {
                operation.check_deadline()?;
            }
            // So many bytes at least are still to come, so none behind the delimiter is read.
            let start = window.len() - payload;
            operation.receive_into(&mut window[start..])?;
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
    let protocol = Suffix::new(delimiter);
    layer::attach(socket, storage.and_then(|storage| Ok((protocol?, storage))))
}

/// Ends the protocol and gives the bytestream back. After an error that is closed.
pub(crate) fn detach(socket: c_int) -> Result<c_int> {
    layer::detach::<Suffix>(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_ends_where_the_delimiter_may_begin() {
        let suffix = Suffix::new(Some(b"\r\n")).unwrap();
        assert_eq!(suffix.payload(b"ab"), 2);
        assert_eq!(suffix.payload(b"a\r"), 1);
        assert_eq!(suffix.payload(b"\r\r"), 1);
        assert_eq!(suffix.payload(b"\n\r"), 1);
        assert_eq!(suffix.payload(b"\r\n"), 0);
        let suffix = Suffix::new(Some(b"abab")).unwrap();
        assert_eq!(suffix.payload(b"aaba"), 1);
        assert_eq!(suffix.payload(b"xaba"), 1);
        assert_eq!(suffix.payload(b"abaa"), 3);
        assert_eq!(suffix.payload(b"abab"), 0);
    }

    #[test]
    fn delimiters_of_impossible_lengths() {
        assert!(Suffix::new(None).is_err());
        assert!(Suffix::new(Some(b"")).is_err());
        assert!(Suffix::new(Some(&[0; LONGEST + 1])).is_err());
        assert!(Suffix::new(Some(&[0; LONGEST])).is_ok());
    }
}
