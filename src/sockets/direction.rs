//! One call at a time: what protects a direction of a socket.

#![allow(unsafe_code)] // Tells a call by a flag in its frame.

use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness::FdSource;
use crate::scheduler::time;
use core::cell::Cell;
use core::ptr;

/// One direction of a socket: a call at a time may use it, and a call learns if the
/// socket was closed while it was parked.
pub(crate) struct Direction {
    /// The `closed` flag of the call inside, which lies on its stack; null for none.
    call: Cell<*const Cell<bool>>,
}

impl Direction {
    pub(crate) const fn new() -> Self {
        Self { call: Cell::new(ptr::null()) }
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.call.get().is_null()
    }

    /// Runs `operation`, which gets a flag that is set when the socket is closed: `EBUSY` if
    /// another one is under way, `EBADF` if the socket was closed meanwhile. In the latter
    /// case the socket is gone.
    #[inline]
    pub(crate) fn enter<T>(&self, operation: impl FnOnce(&Cell<bool>) -> Result<T>) -> Result<T> {
        if self.is_busy() {
            return Err(Errno::EBUSY);
        }
        let closed = Cell::new(false);
        self.begin(&closed);
        let result = operation(&closed);
        self.end(&closed, result)
    }

    /// Waits for input, in a direction that is not busy and for a caller that may block: what
    /// [`Direction::enter`] would make of it, in place.
    #[inline(always)]
    pub(crate) fn await_input(
        &self,
        context: &Context,
        source: &FdSource,
        deadline: i64,
    ) -> Result<()> {
        debug_assert!(!self.is_busy());
        let closed = Cell::new(false);
        self.begin(&closed);
        let result = source.wait_for_input(context, deadline);
        self.end(&closed, result)
    }

    #[inline(always)]
    fn begin(&self, closed: &Cell<bool>) {
        self.call.set(closed);
    }

    #[inline(always)]
    fn end<T>(&self, closed: &Cell<bool>, result: Result<T>) -> Result<T> {
        if closed.get() {
            return Err(Errno::EBADF);
        }
        self.call.set(ptr::null());
        result
    }

    /// Tells the call inside, if there is one, that the socket is being closed.
    pub(crate) fn close(&self) {
        // SAFETY: the flag lies in the frame of `enter`, which resets the pointer
        // before it returns.
        if let Some(closed) = unsafe { self.call.get().as_ref() } {
            closed.set(true);
        }
    }
}

/// Returns whether a call that has failed with `error`, before it has transferred anything, has
/// left the stream as it was, so that it can be repeated.
pub(crate) fn has_done_nothing(error: Errno, deadline: i64) -> bool {
    match error {
        // A `choose` was waiting for the socket, or the wait for the first byte has ended.
        Errno::EBUSY | Errno::ETIMEDOUT | Errno::ECANCELED => true,
        // What the stream says instead of `ETIMEDOUT`, see `is_late`. One that is broken says it
        // in the next call as well.
        Errno::ECONNRESET => is_late(deadline),
        _ => false,
    }
}

/// Returns whether a call with this deadline is made too late, other than on purpose with 0. If
/// such a call follows one that has timed out, and finds nothing, it fails with `ECONNRESET`
/// instead of `ETIMEDOUT`, as in libdill.
pub(crate) fn is_late(deadline: i64) -> bool {
    deadline != 0 && time::has_passed(deadline)
}

/// Returns whether a call that has failed with `ECANCELED` was ended by a cancel scope rather
/// than by hard cancellation.
pub(super) fn is_interrupted_by_scope() -> bool {
    Context::get().is_ok_and(|context| context.current().may_start().is_ok())
}
