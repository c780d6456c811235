//! What was taken out of the stream beneath before anybody has received it.

use super::beneath::Beneath;
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

    /// Takes more of them, as far as they are there, until `missing` says of what was taken that 0
    /// are missing; does it? It neither blocks nor lets anybody else run.
    pub(super) fn take(&self, beneath: Beneath, missing: impl Fn(&[u8]) -> usize) -> bool {
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
