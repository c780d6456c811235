//! What dumps see of those who wait for descriptors.

use super::{CHUNK, FdTable, Help, Watched};
use crate::intrusive::Ref;
use crate::scheduler::coroutine::Waiter;
use core::ffi::c_int;
use std::os::fd::RawFd;

/// A wait for a descriptor.
pub(crate) struct FdWait {
    /// For room to write, not for something to read.
    pub(crate) writing: bool,
    /// The descriptor is a library socket's.
    pub(crate) of_socket: bool,
    /// It tells of the end of this.
    pub(crate) help: Option<Help>,
    /// The handle of the socket on top of it, if it was noted.
    pub(crate) top: Option<c_int>,
}

impl FdTable {
    fn for_each(&self, mut action: impl FnMut(RawFd, &Watched)) {
        // Borrowed elsewhere only if the process was stopped in the middle of something.
        let Ok(chunks) = self.chunks.try_borrow() else { return };
        for (index, watched) in chunks.iter().flatten().enumerate() {
            action(index as RawFd, watched);
        }
    }

    /// Marks all waiters in the table with their descriptors, and forgets the sockets on top.
    pub(crate) fn mark_waiters(&self) {
        self.for_each(|fd, watched| {
            watched.top.set((-1, 0));
            for waiter in [watched.reader.get(), watched.writer.get()].into_iter().flatten() {
                waiter.set_mark(fd);
            }
        });
    }

    /// Notes that the socket `handle` stands on `fd`, with `depth` protocols between them. Of
    /// several the topmost is remembered.
    pub(crate) fn note_top(&self, fd: RawFd, handle: c_int, depth: u32) {
        let Ok(chunks) = self.chunks.try_borrow() else { return };
        let index = fd as usize;
        if let Some(watched) = chunks.get(index / CHUNK).map(|chunk| &chunk[index % CHUNK]) {
            let (noted, noted_depth) = watched.top.get();
            if noted < 0 || depth >= noted_depth {
                watched.top.set((handle, depth));
            }
        }
    }

    /// What `waiter`, which is marked with `fd`, waits for.
    pub(crate) fn wait_of(&self, fd: RawFd, waiter: Ref<Waiter>) -> Option<FdWait> {
        let chunks = self.chunks.try_borrow().ok()?;
        let index = usize::try_from(fd).ok()?;
        let watched = chunks.get(index / CHUNK).map(|chunk| &chunk[index % CHUNK])?;
        let is_in = |slot: &super::Slot| slot.get() == Some(waiter);
        let writing = is_in(&watched.writer);
        let (top, _) = watched.top.get();
        (writing || is_in(&watched.reader)).then_some(FdWait {
            writing,
            of_socket: watched.socket.get(),
            help: watched.help(),
            top: (top >= 0).then_some(top),
        })
    }
}
