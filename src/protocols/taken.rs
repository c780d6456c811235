//! What was taken out of the stream beneath before anybody has received it.

use super::lower::Lower;
use crate::concurrency::atomicity;
use crate::os::errno::Result;
use crate::sockets::at_once;
use core::cell::Cell;

/// Bytes that the next receive begins with, `N` at most.
pub(super) struct Taken<const N: usize> {
    bytes: Cell<[u8; N]>,
    length: Cell<usize>,
}

impl<const N: usize> Taken<N> {
    pub(super) const fn new() -> Taken<N> {
        Taken { bytes: Cell::new([0; N]), length: Cell::new(0) }
    }

    /// How many bytes there are.
    pub(super) fn length(&self) -> usize {
        self.length.get()
    }

    /// Those bytes, in the beginning of what is returned.
    pub(super) fn bytes(&self) -> [u8; N] {
        self.bytes.get()
    }

    /// Copies those from `start` on to `place`, as far as that has room; how many that were.
    pub(super) fn copy_to(&self, start: usize, place: &mut [u8]) -> usize {
        let count = self.length.get().saturating_sub(start).min(place.len());
        if count > 0 {
            place[..count].copy_from_slice(&self.bytes.get()[start..start + count]);
        }
        count
    }

    /// They have been received.
    pub(super) fn clear(&self) {
        self.length.set(0);
    }

    /// Adds bytes that were received.
    pub(super) fn add(&self, received: &[u8]) {
        let (mut bytes, start) = (self.bytes.get(), self.length.get());
        let end = start + received.len();
        bytes[start..end].copy_from_slice(received);
        self.bytes.set(bytes);
        self.length.set(end);
    }

    /// Waits for more of them, and receives at least one and at most `missing`. They are no part
    /// of what the call is to receive: if it ends before that has begun, the next call goes on
    /// with them.
    pub(super) fn receive(&self, beneath: Lower, missing: usize, deadline: i64) -> Result<()> {
        let mut bytes = self.bytes.get();
        let length = self.length.get();
        let place = &mut bytes[length..length + missing];
        let count = atomicity::aside(|| beneath.receive_some(place, deadline))??;
        self.bytes.set(bytes);
        self.length.set(length + count);
        Ok(())
    }

    /// Takes more of them, as far as they are there, until `missing` says of what was taken that 0
    /// are missing; does it? It neither blocks nor lets anybody else run.
    pub(super) fn take(&self, beneath: Lower, missing: impl Fn(&[u8]) -> usize) -> bool {
        let mut bytes = self.bytes.get();
        let mut length = self.length.get();
        let complete = loop {
            let place = match missing(&bytes[..length]) {
                0 => break true,
                missing => &mut bytes[length..length + missing],
            };
            // An error comes again, in the receive that tells of it.
            let mut count = 0;
            let _ = at_once::receive(beneath.handle(), place, &mut count);
            let short = count < place.len();
            length += count;
            if short {
                break false;
            }
        };
        self.bytes.set(bytes);
        self.length.set(length);
        complete
    }
}
