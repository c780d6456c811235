//! Room in the output of a byte stream. A protocol that can't take back what it has prepared
//! for sending waits for that first: until then it can be interrupted.

#![allow(unsafe_code)] // Calls through tables of functions.

use crate::concurrency::abilities::Abilities;
use crate::intrusive::Ref;
use crate::os::errno::Result;
use crate::os::syscalls;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Interrupt;
use crate::scheduler::fd_readiness::{FdSource, poll_user};
use crate::scheduler::time;
use core::cell::Cell;
use core::ffi::c_int;
use nix::sys::socket::{self, sockopt};

/// Returns what tells of room on `socket`, if it can be told. It is alive until another coroutine
/// runs: not used after a wait.
pub(crate) fn find(context: &Context, socket: c_int) -> Option<Ref<FdSource>> {
    let (object, table) = Abilities::find(context, socket).ok()?;
    let room = table?.room?;
    // SAFETY: the table is that of the object's kind, and the handle is open.
    unsafe { room(object) }
}

/// Can it be told for `socket`? Then [`at_once`](super::at_once) transfers what there is room for.
pub(crate) fn is_known(socket: c_int) -> bool {
    Context::get().is_ok_and(|context| find(context, socket).is_some())
}

/// Is there room on `socket` for transfers at once?
pub(crate) fn is_there(socket: c_int) -> Result<bool> {
    let Some(source) = find(Context::get()?, socket) else { return Ok(false) };
    Ok(source.may_write() && poll_user(source.as_raw_fd(), true)?)
}

/// Is there room on `socket`? Looks anew if it was found full, and sees to it that transfers at
/// once know. Others may run meanwhile, but nobody is waited for.
pub(crate) fn look(socket: c_int, deadline: i64) -> Result<bool> {
    let Some(source) = find(Context::may_block()?, socket) else { return Ok(false) };
    if !poll_user(source.as_raw_fd(), true)? {
        return Ok(false);
    }
    if source.may_write() {
        return Ok(true);
    }
    // The poller reports it in its next round.
    let soon = time::now().saturating_add(1);
    let deadline = if deadline < 0 { soon } else { deadline.min(soon) };
    source.wait_writable(deadline, Interrupt::Any)?;
    Ok(true)
}

/// Waits, after a transfer at once for which there was not enough room, until there is again.
/// False: that can't be told.
pub(crate) fn wait_again(socket: c_int, deadline: i64) -> Result<bool> {
    let Some(source) = find(Context::may_block()?, socket) else { return Ok(false) };
    if source.may_write() && !poll_user(source.as_raw_fd(), true)? {
        source.write_has_blocked();
    }
    source.wait_writable(deadline, Interrupt::Any)?;
    Ok(true)
}

/// What a protocol knows of the room on the stream beneath, to which it alone sends.
pub(crate) struct Room {
    /// Of the bytes that fitted in for sure when the system was asked, those not sent since.
    left: Cell<usize>,
    /// That is of use: the stream beneath does not ask the system itself.
    counts: bool,
}

/// What a send takes of the room beside its bytes, at most.
const OVERHEAD: usize = 1024;

impl Room {
    pub(crate) const fn new(counts: bool) -> Room {
        Room { left: Cell::new(0), counts }
    }

    /// Notes a send of `bytes`.
    pub(crate) fn used(&self, bytes: usize) {
        self.left.set(self.left.get().saturating_sub(bytes.saturating_add(OVERHEAD)));
    }

    /// Waits until a send on `socket` transfers its first byte without blocking, if that can be
    /// told. Asks the system only where the last send was short, or much has been sent since
    /// it was asked: a send that fits in to the last byte looks as if there were more room.
    pub(crate) fn wait(&self, socket: c_int, deadline: i64) -> Result<()> {
        let context = Context::may_block()?;
        let Some(source) = find(context, socket) else { return Ok(()) };
        if source.may_write() && self.left.get() > 0 {
            return Ok(());
        }
        if !poll_user(source.as_raw_fd(), true)? {
            source.write_has_blocked();
            source.wait_writable(deadline, Interrupt::Any)?;
        }
        // Anew: the socket may have been closed during the wait.
        if let Some(source) = find(context, socket).filter(|_| self.counts) {
            self.left.set(certain(&source));
        }
        Ok(())
    }
}

/// How much fits in for sure where the system says that there is room: of TCP's buffer a third
/// is free then, and more of local ones.
fn certain(source: &FdSource) -> usize {
    let size = socket::getsockopt(&syscalls::borrow(source.as_raw_fd()), sockopt::SndBuf);
    size.unwrap_or(0) / 4
}
