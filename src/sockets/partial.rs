//! Receiving what is there rather than all that was asked for.
//!
//! C's interface of byte streams always fills the whole list. A stream that can do with less
//! says so by a table of its own, of which there is one for all objects of a kind.

#![allow(unsafe_code)] // Calls through tables of functions.

use super::byte_socket;
use super::io_list::IoList;
use crate::concurrency::cancel_scope::SocketCall;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use core::ffi::{c_int, c_void};

/// What objects of a kind can do.
pub(crate) struct Partial {
    /// Receives at least one byte to `memory`, and `length`, which is not 0, at most. Fails with
    /// `EPIPE` at the end of the stream. Where nothing was received, `ETIMEDOUT` changes nothing.
    pub(crate) receive:
        unsafe fn(object: *mut (), memory: *mut u8, length: usize, deadline: i64) -> Result<usize>,
}

/// The address of this, not its content, tells the interface from others.
static IDENTITY: u8 = 0;

/// Identifies the interface in queries. Only objects of this library answer to it.
pub(crate) const fn type_id() -> *const c_void {
    (&raw const IDENTITY).cast()
}

impl Partial {
    /// As queries return it.
    pub(crate) const fn as_interface(&'static self) -> *mut c_void {
        core::ptr::from_ref(self).cast_mut().cast()
    }
}

/// Receives at least one byte, and `length` at most; 0 only if that is 0. `EPIPE` at the end of
/// the stream. From streams that know nothing of this, `least` bytes are received: so many
/// must be certain to come.
///
/// # Safety
/// So many bytes can be written to `memory` until the call returns.
pub(crate) unsafe fn receive(
    socket: c_int,
    memory: *mut u8,
    length: usize,
    least: usize,
    deadline: i64,
) -> Result<usize> {
    if length == 0 {
        return Ok(0);
    }
    let context = Context::get()?;
    let (object, kind) = context.handles.any(socket)?;
    // SAFETY: the object of an open handle is alive.
    let table = unsafe { (kind.query)(object, type_id()) }.cast::<Partial>();
    // SAFETY: what answers to this identifier is such a table.
    let Some(table) = (unsafe { table.as_ref() }) else {
        let length = least.clamp(1, length);
        let mut list = IoList::single(memory.cast(), length);
        let list = &raw mut list;
        // SAFETY: a list of one buffer, by the caller's promise.
        return unsafe { byte_socket::receive(socket, list, list, deadline) }.map(|()| length);
    };
    let _call = SocketCall::begin(context);
    // SAFETY: the table is the object's, which is alive; the memory is the caller's promise.
    unsafe { (table.receive)(object, memory, length, deadline) }
}
