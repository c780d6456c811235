//! Room in the output of a byte stream. A protocol that can't take back what it has prepared
//! for sending waits for that first: until then it can be interrupted.

#![allow(unsafe_code)] // Answers to queries.

use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Interrupt;
use crate::scheduler::fd_readiness::{FdSource, poll_user};
use core::ffi::{c_int, c_void};

/// The address of this, not its content, tells the interface from others.
static IDENTITY: u8 = 0;

/// Identifies the interface in queries. A stream of the system answers with its [`FdSource`],
/// a protocol of ours with what the stream beneath answers.
pub(crate) const fn type_id() -> *const c_void {
    (&raw const IDENTITY).cast()
}

/// Waits until a send on `socket` transfers its first byte without blocking. False: that
/// can't be told.
pub(crate) fn wait(socket: c_int, deadline: i64) -> Result<bool> {
    let context = Context::may_block()?;
    loop {
        // Each time anew: the socket may be closed during the wait.
        let Ok(source) = context.handles.query(socket, type_id()) else { return Ok(false) };
        // SAFETY: what answers to this identifier is such an object, alive as long as nobody
        // else runs.
        let source = unsafe { &*source.cast::<FdSource>() };
        if poll_user(source.as_raw_fd(), true)? {
            return Ok(true);
        }
        source.write_has_blocked();
        source.wait_writable(deadline, Interrupt::Any)?;
    }
}
