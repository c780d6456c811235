//! Sending and receiving as one call each: the common cases in a few instructions, and all else in
//! a function of its own.

use super::rendezvous::{Direction, begin, begin_half_at_once};
use super::{Buffer, HalfChannel, find_at_once};
use crate::concurrency::completion::{carry_out, complete_immediately};
use crate::context_switch::Transfer;
use crate::intrusive::Ref;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use core::ffi::c_int;

/// How a caller names a half-channel.
pub(crate) trait Half: Copy {
    /// Fast path: the half and the scheduler, if the caller may block. May return `None` for a
    /// valid name.
    fn find_fast(self) -> Option<(&'static Context, Ref<HalfChannel>)>;

    /// Begin function of a call on the half, for all cases.
    fn begin(self, direction: Direction, buffer: Buffer, deadline: i64) -> Result<Transfer>;
}

/// C has handles.
impl Half for c_int {
    #[inline(always)]
    fn find_fast(self) -> Option<(&'static Context, Ref<HalfChannel>)> {
        let context = Context::may_block_at_once()?;
        Some((context, find_at_once(context, self)?))
    }

    #[inline(always)]
    fn begin(self, direction: Direction, buffer: Buffer, deadline: i64) -> Result<Transfer> {
        begin(direction, self, buffer, deadline)
    }
}

#[inline(always)]
fn begin_fast(
    direction: Direction,
    half: impl Half,
    buffer: Buffer,
    deadline: i64,
) -> Option<Transfer> {
    let (context, half) = half.find_fast()?;
    begin_half_at_once(context, direction, half, buffer, deadline)
}

/// Sends the `len` bytes at `address`. Returns 0, or -1 and `errno`.
#[inline(always)]
pub(crate) fn send(half: impl Half, address: *mut u8, len: usize, deadline: i64) -> c_int {
    match begin_fast(Direction::Send, half, Buffer { address, len }, deadline) {
        Some(transfer) => carry_out(transfer),
        None => send_slow(half, address, len, deadline),
    }
}

#[inline(never)]
extern "C" fn send_slow(half: impl Half, address: *mut u8, len: usize, deadline: i64) -> c_int {
    complete_immediately(half.begin(Direction::Send, Buffer { address, len }, deadline))
}

/// Receives `len` bytes to `address`. Returns 0, or -1 and `errno`.
#[inline(always)]
pub(crate) fn receive(half: impl Half, address: *mut u8, len: usize, deadline: i64) -> c_int {
    match begin_fast(Direction::Receive, half, Buffer { address, len }, deadline) {
        Some(transfer) => carry_out(transfer),
        None => receive_slow(half, address, len, deadline),
    }
}

#[inline(never)]
extern "C" fn receive_slow(half: impl Half, address: *mut u8, len: usize, deadline: i64) -> c_int {
    complete_immediately(half.begin(Direction::Receive, Buffer { address, len }, deadline))
}
