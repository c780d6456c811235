//! The end of all waits, where the poller can't wait.

use super::FdTable;
use crate::os::errno::Errno;
use crate::scheduler::run::Run;

impl FdTable {
    /// Ends all waits with `error`. The library's own descriptors count as ready, as there is no
    /// telling whether they are.
    pub(in crate::scheduler) fn fail_waits(&self, run: &Run, error: Errno) {
        for watched in self.chunks.borrow().iter().flatten() {
            for waiter in [watched.reader.get(), watched.writer.get()].into_iter().flatten() {
                waiter.complete(run, error as i32);
            }
            if let Some((handler, argument)) = watched.handler.get() {
                handler(argument);
            }
        }
    }
}
