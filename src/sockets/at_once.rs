//! Transfers that never block and let nobody else run, so that the caller may hold meanwhile
//! what others need as well. They save protocols the memory between themselves and the stream.
//!
//! Streams of the system can do that; for others nothing is transferred, and the usual calls
//! have to do.

#![allow(unsafe_code)] // Calls through tables of functions.

use crate::concurrency::atomicity::SocketCall;
use crate::handle_table::Interface;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use core::ffi::{c_int, c_void};
use std::io::IoSlice;

/// What objects of a kind can do.
pub(crate) struct AtOnce {
    /// Receives what is there to `memory`, `length` bytes at most, and adds their number to
    /// `received`. It may fail behind some of them.
    pub(crate) receive: unsafe fn(
        object: *mut (),
        memory: *mut u8,
        length: usize,
        received: &mut usize,
    ) -> Result<()>,
    /// The next byte, which stays in the stream; `None` where it would take more than a look
    /// into memory to know it.
    pub(crate) peek: unsafe fn(object: *mut ()) -> Option<u8>,
    /// Sends as much as there is room for, and returns how many bytes that was.
    pub(crate) send: unsafe fn(object: *mut (), slices: &[IoSlice<'_>]) -> Result<usize>,
}

impl Interface for AtOnce {
    fn type_id() -> *const c_void {
        static IDENTITY: u8 = 0;
        (&raw const IDENTITY).cast()
    }
}

/// The object and its table, if it has one.
fn find(context: &Context, socket: c_int) -> Option<(*mut (), &'static AtOnce)> {
    let (object, table) = context.handles.interface(socket).ok()?;
    Some((object, table?))
}

/// Receives what is there, as far as `buffer` has room, and adds the number of bytes to
/// `received`. After an error some may have been received as well.
pub(crate) fn receive(socket: c_int, buffer: &mut [u8], received: &mut usize) -> Result<()> {
    let context = Context::get()?;
    let Some((object, table)) = find(context, socket) else { return Ok(()) };
    let _call = SocketCall::begin(context);
    // SAFETY: the table is the object's, which is alive; the memory is that of the slice.
    unsafe { (table.receive)(object, buffer.as_mut_ptr(), buffer.len(), received) }
}

/// The next byte, if it was read ahead. It stays where it is.
pub(crate) fn peek(socket: c_int) -> Option<u8> {
    let (object, table) = find(Context::get().ok()?, socket)?;
    // SAFETY: the table is the object's, which is alive.
    unsafe { (table.peek)(object) }
}

/// Sends as much as there is room for; how many bytes that was.
pub(crate) fn send(socket: c_int, slices: &[IoSlice<'_>]) -> Result<usize> {
    let context = Context::get()?;
    let Some((object, table)) = find(context, socket) else { return Ok(0) };
    let _call = SocketCall::begin(context);
    // SAFETY: the table is the object's, which is alive.
    unsafe { (table.send)(object, slices) }
}
