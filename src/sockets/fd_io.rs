//! Moving bytes between buffer lists and stream sockets of the system.
//!
//! Everything here tries the system call first and parks the coroutine only when the
//! socket would block. While it is parked another coroutine may close the socket; then
//! nothing of the socket may be touched any more. [`Direction`] takes care of that.

mod connecting;
mod dropping;
mod lists;
mod small;
mod system_call;

pub(super) use connecting::connect;
pub(super) use small::{fill, send_slices_at_once, sent_less, try_send};
pub(super) use system_call::{AT_ONCE, BATCH, EMPTY, attempt, header};

use super::direction::Direction;
use super::io_list::Cursor;
use super::read_ahead::{ReadAhead, allocate_block};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Interrupt;
use crate::scheduler::fd_readiness::FdSource;
use crate::scheduler::time;
use core::cell::Cell;
use core::convert::Infallible;
use core::mem;
use dropping::drop_some;
use lists::{receive_some, send_some};
use system_call::Next;

impl Direction {
    /// Runs `operation`: `EBUSY` if another one is under way, `EBADF` if the socket
    /// was closed meanwhile. In the latter case the socket is gone.
    #[inline]
    pub(crate) fn occupy<T>(
        &self,
        source: &FdSource,
        deadline: i64,
        operation: impl FnOnce(&mut Call<'_>) -> Result<T>,
    ) -> Result<T> {
        self.enter(|closed| {
            operation(&mut Call {
                source,
                deadline,
                closed,
                unchecked: 0,
                last_look: true,
                begun: false,
            })
        })
    }
}

/// An operation under way on a socket.
pub(crate) struct Call<'a> {
    source: &'a FdSource,
    deadline: i64,
    closed: &'a Cell<bool>,
    /// Bytes transferred since the clock was looked at.
    unchecked: usize,
    /// The socket may be asked once more when the deadline has passed.
    last_look: bool,
    /// A byte has been transferred: a graceful request waits for the end of the call.
    begun: bool,
}

impl Call<'_> {
    /// Waits for input, the end of the stream or an error.
    pub(crate) fn wait_readable(&mut self) -> Result<()> {
        self.check_deadline()?;
        let result = self.source.wait_readable(self.deadline, self.interrupt());
        self.check_alive(result)
    }

    /// Waits for room in the output, or an error.
    pub(super) fn wait_writable(&mut self) -> Result<()> {
        self.check_deadline()?;
        let result = self.source.wait_writable(self.deadline, self.interrupt());
        self.check_alive(result)
    }

    fn interrupt(&self) -> Interrupt {
        if self.begun { Interrupt::UnderWay } else { Interrupt::Any }
    }

    /// Has a byte been transferred?
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    fn check_alive(&self, result: Result<()>) -> Result<()> {
        // Woken by input and closed before it could go on: the wait has succeeded.
        if self.closed.get() { Err(Errno::EBADF) } else { result }
    }

    /// After the deadline the socket is asked once more, as it may have all that is
    /// wanted. Not more often: a peer that sends and sends would hold the call for ever.
    #[inline]
    pub(super) fn check_deadline(&mut self) -> Result<()> {
        self.unchecked = 0;
        let passed = time::has_passed(self.deadline);
        if passed && !mem::replace(&mut self.last_look, false) {
            return Err(Errno::ETIMEDOUT);
        }
        Ok(())
    }

    /// Between two transfers that need no wait: lets others run if it is time.
    pub(super) fn let_others_run(&mut self) -> Result<()> {
        let context = Context::get()?;
        if context.has_turn(self.deadline) {
            return Ok(());
        }
        context.give_way();
        self.check_alive(Ok(()))?;
        match self.interrupt() {
            Interrupt::UnderWay => context.current().may_continue(),
            _ => context.current().may_block(),
        }
    }

    /// Notes a transfer of `count` bytes after which another one may follow at once.
    fn transferred(&mut self, count: usize) -> Result<()> {
        self.begun |= count > 0;
        self.let_others_run()?;
        self.unchecked += count;
        if self.unchecked < AT_ONCE { Ok(()) } else { self.check_deadline() }
    }

    /// Sends the whole list, or what is left of `all` bytes.
    pub(crate) fn send(&mut self, cursor: &mut Cursor, all: usize) -> Result<()> {
        while cursor.remaining() > 0 {
            let before = cursor.remaining();
            self.begun = before < all;
            if !self.source.may_write() {
                self.wait_writable()?;
            }
            let next = send_some(self.source.as_raw_fd(), cursor)?;
            next.note_write(self.source);
            if next == Next::MaySucceed && cursor.remaining() > 0 {
                self.transferred(before - cursor.remaining())?;
            }
        }
        Ok(())
    }

    /// Fills the whole list, from `buffer` first. `EPIPE` at the end of the stream. Without
    /// a buffer nothing is read ahead.
    pub(crate) fn receive(
        &mut self,
        buffer: Option<&ReadAhead>,
        cursor: &mut Cursor,
    ) -> Result<()> {
        let all = cursor.remaining();
        if let Some(buffer) = buffer {
            buffer.copy_to(cursor);
        }
        while cursor.remaining() > 0 {
            let before = cursor.remaining();
            self.begun = before < all;
            if let Some(buffer) = self.await_input(buffer)? {
                buffer.copy_to(cursor);
                continue;
            }
            let next = receive_some(self.source, buffer, cursor)?;
            next.note_read(self.source);
            if next == Next::MaySucceed && cursor.remaining() > 0 {
                self.transferred(before - cursor.remaining())?;
            }
        }
        Ok(())
    }

    /// Receives what is there, at least one byte, to a list that has room for that.
    pub(crate) fn receive_some(
        &mut self,
        buffer: Option<&ReadAhead>,
        cursor: &mut Cursor,
    ) -> Result<()> {
        let all = cursor.remaining();
        if let Some(buffer) = buffer {
            buffer.copy_to(cursor);
        }
        while cursor.remaining() == all {
            match self.await_input(buffer)? {
                Some(buffer) => buffer.copy_to(cursor),
                None => receive_some(self.source, buffer, cursor)?.note_read(self.source),
            }
        }
        Ok(())
    }

    /// Waits until a read may find something. The buffer, which was empty: what the poller has
    /// received itself is in there now, and comes first.
    fn await_input<'b>(&mut self, buffer: Option<&'b ReadAhead>) -> Result<Option<&'b ReadAhead>> {
        if !self.source.may_read() {
            self.wait_readable()?;
        }
        match buffer.filter(|_| self.source.has_arrived()) {
            Some(buffer) => absorb(self.source, buffer).map(|()| Some(buffer)),
            None => Ok(None),
        }
    }

    /// Receives and drops everything until that fails.
    pub(crate) fn receive_nothing(&mut self, buffer: Option<&ReadAhead>) -> Result<Infallible> {
        if let Some(buffer) = buffer {
            self.begun = !buffer.is_empty();
            buffer.clear();
        }
        loop {
            if let Some(buffer) = self.await_input(buffer)? {
                buffer.clear();
                self.begun = true;
                continue;
            }
            let (count, next) = drop_some(self.source.as_raw_fd(), usize::MAX, buffer.is_none())?;
            self.begun |= count > 0;
            next.note_read(self.source);
            if next == Next::MaySucceed {
                self.transferred(count)?;
            }
        }
    }
}

/// Moves what the poller has received itself to `buffer`, which is empty.
pub(super) fn absorb(source: &FdSource, buffer: &ReadAhead) -> Result<()> {
    let block = allocate_block(Context::get()?).ok_or(Errno::ENOMEM)?;
    buffer.keep(block, fill(source, block)? as usize);
    Ok(())
}

/// Receives what is there, from `ahead` first, without ever waiting for more. After an error
/// the cursor tells what was received before it.
pub(super) fn receive_at_once(
    source: &FdSource,
    ahead: Option<&ReadAhead>,
    cursor: &mut Cursor,
) -> Result<()> {
    if let Some(ahead) = ahead {
        ahead.copy_to(cursor);
    }
    while cursor.remaining() > 0 && source.may_read() {
        if let Some(ahead) = ahead
            && source.has_arrived()
        {
            absorb(source, ahead)?;
            ahead.copy_to(cursor);
            continue;
        }
        receive_some(source, ahead, cursor)?.note_read(source);
    }
    Ok(())
}
