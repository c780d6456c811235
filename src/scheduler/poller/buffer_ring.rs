//! Buffers that the system picks from when something is received.

#![allow(unsafe_code)] // Memory that the system writes to.

use super::interface::{BUFFERS, Buffer, Buffers, RECEIVED_AT_ONCE};
use crate::os::errno::{Errno, Result};
use core::ffi::c_void;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU16, Ordering};
use io_uring::Submitter;
use io_uring::types::BufRingEntry;

const STRIDE: usize = 2048;
/// The ring's number in system calls.
pub(super) const GROUP: u16 = 0;

const ENTRIES_SIZE: usize = BUFFERS as usize * size_of::<BufRingEntry>();
const SIZE: usize = ENTRIES_SIZE + BUFFERS as usize * STRIDE;

/// A mapping: first the ring of free buffers, then the buffers. The system takes buffers from
/// the ring's head, we put them back at its tail.
pub(super) struct BufferRing {
    memory: NonNull<u8>,
}

impl BufferRing {
    /// Makes the buffers and tells the system of them.
    pub(super) fn register(submitter: &Submitter<'_>) -> Result<BufferRing> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let memory = unsafe { libc::mmap(ptr::null_mut(), SIZE, access, flags, -1, 0) };
        if memory == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let memory = NonNull::new(memory.cast()).ok_or(Errno::ENOMEM)?;
        let ring = BufferRing { memory };
        ring.announce(submitter, &Buffers::default())?;
        Ok(ring)
    }

    /// In a forked child: tells another io_uring of the same buffers, but for those in use, whose
    /// content stays. After that `self` must not be dropped or used; after an error it is as it
    /// was.
    pub(super) fn register_again(
        &self,
        submitter: &Submitter<'_>,
        in_use: &Buffers,
    ) -> Result<BufferRing> {
        let ring = ManuallyDrop::new(BufferRing { memory: self.memory });
        ring.announce(submitter, in_use)?;
        Ok(ManuallyDrop::into_inner(ring))
    }

    fn announce(&self, submitter: &Submitter<'_>, in_use: &Buffers) -> Result<()> {
        let address = self.memory.as_ptr() as u64;
        // SAFETY: the entries are page-aligned and stay until the ring is closed: the poller
        // drops that first.
        unsafe { submitter.register_buf_ring_with_flags(address, BUFFERS, GROUP, 0) }
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EINVAL)))?;
        self.tail().store(0, Ordering::Release);
        let free = (0..BUFFERS).map(Buffer).filter(|&buffer| !in_use.has(buffer));
        free.for_each(|buffer| self.give_back(buffer));
        Ok(())
    }

    fn tail(&self) -> &AtomicU16 {
        let entries = self.memory.as_ptr().cast::<BufRingEntry>();
        // SAFETY: `tail` only computes an address in the first entry of the ring. The system
        // reads it concurrently, so it is atomic; only we write it.
        unsafe { AtomicU16::from_ptr(BufRingEntry::tail(entries).cast_mut()) }
    }

    /// Where a buffer's bytes are.
    pub(super) fn address(&self, buffer: Buffer) -> *mut c_void {
        debug_assert!(buffer.0 < BUFFERS);
        let offset = ENTRIES_SIZE + usize::from(buffer.0) * STRIDE;
        self.memory.as_ptr().wrapping_add(offset).cast()
    }

    /// Makes a buffer free.
    pub(super) fn give_back(&self, buffer: Buffer) {
        let entries = self.memory.as_ptr().cast::<BufRingEntry>();
        let tail = self.tail();
        let position = tail.load(Ordering::Relaxed);
        // SAFETY: a slot of the ring behind the tail, where the system doesn't look. There is
        // one for each buffer. The fields written don't overlap the tail.
        unsafe {
            let entry = &mut *entries.add(usize::from(position % BUFFERS));
            entry.set_addr(self.address(buffer) as u64);
            entry.set_len(RECEIVED_AT_ONCE as u32);
            entry.set_bid(buffer.0);
        }
        tail.store(position.wrapping_add(1), Ordering::Release);
    }
}

impl Drop for BufferRing {
    fn drop(&mut self) {
        // SAFETY: mapped by `register` with this size; the io_uring, the only other user, is
        // closed.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), SIZE) };
    }
}
