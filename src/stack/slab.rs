//! Slabs: one mapping holds many stacks, each with a guard made inside the mapping.
//!
//! A guard made with `mprotect` splits the mapping, and a process may have some
//! 65,000 of those; libdill dies near 32,000 coroutines for that reason.
//! `MADV_GUARD_INSTALL` (Linux 6.13) splits nothing.

use super::{StackRange, StackRegistration};
use crate::os::errno::Result;
use crate::os::{instrumentation, syscalls};

/// A mapping from which stacks are carved one by one, from low to high addresses.
pub(super) struct Slab {
    address: *mut u8,
    len: usize,
    carved: usize,
    registrations: Vec<StackRegistration>,
}

impl Slab {
    /// Reserves room for `count` stacks of `stride` bytes, their guards included.
    pub(super) fn new(stride: usize, count: usize) -> Result<Slab> {
        let len = stride.checked_mul(count).ok_or(crate::os::errno::Errno::ENOMEM)?;
        Ok(Slab { address: syscalls::map_stacks(len)?, len, carved: 0, registrations: Vec::new() })
    }

    /// The next stack, or `None` when the slab is used up.
    pub(super) fn carve(&mut self, stride: usize, guard: usize) -> Result<Option<StackRange>> {
        if self.carved + stride > self.len {
            return Ok(None);
        }
        self.registrations.try_reserve(1).map_err(|_| crate::os::errno::Errno::ENOMEM)?;
        // SAFETY: the offset is within the mapping.
        let address = unsafe { self.address.byte_add(self.carved) };
        // SAFETY: the guard lies in this mapping, below a stack not handed out yet.
        unsafe { syscalls::install_guard(address, guard)? };
        self.carved += stride;
        let range = StackRange {
            bottom: address.wrapping_byte_add(guard),
            top: address.wrapping_byte_add(stride),
        };
        self.registrations.push(range.register());
        Ok(Some(range))
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        self.registrations.clear();
        instrumentation::asan_unpoison(self.address, self.carved);
        // SAFETY: slabs are dropped with their scheduler, when no coroutine can run
        // on any of its stacks any more.
        unsafe { syscalls::unmap_stacks(self.address, self.len) };
    }
}
