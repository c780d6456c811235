//! Transfers that never block and let nobody else run, so that the caller may hold meanwhile
//! what others need as well. They save protocols the memory between themselves and the stream.
//!
//! Streams of the system can do that; for others nothing is transferred, and the usual calls
//! have to do.

#![allow(unsafe_code)] // Calls through tables of functions.

use crate::concurrency::abilities::Abilities;
use crate::concurrency::atomicity::SocketCall;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use core::ffi::c_int;
use std::io::IoSlice;

/// Returns the object and what it can do.
fn find(context: &Context, socket: c_int) -> Option<(*mut (), &'static Abilities)> {
    let (object, table) = Abilities::find(context, socket).ok()?;
    Some((object, table?))
}

/// Receives what is there, as far as `buffer` has room, and adds the number of bytes to
/// `received`. After an error some may have been received as well.
pub(crate) fn receive(socket: c_int, buffer: &mut [u8], received: &mut usize) -> Result<()> {
    let context = Context::get()?;
    let Some((object, table)) = find(context, socket) else { return Ok(()) };
    let Some(receive) = table.receive_at_once else { return Ok(()) };
    let _call = SocketCall::begin(context);
    // SAFETY: the table is that of the object's kind, and the handle is open; the memory is that
    // of the slice.
    unsafe { receive(object, buffer.as_mut_ptr(), buffer.len(), received) }
}

/// Returns the next byte, if it was read ahead. It stays where it is.
pub(crate) fn peek(socket: c_int) -> Option<u8> {
    let (object, table) = find(Context::get().ok()?, socket)?;
    // SAFETY: the table is that of the object's kind, and the handle is open.
    unsafe { table.peek?(object) }
}

/// Returns how many bytes that were read ahead, and `limit` at most, it takes to get behind the
/// next one that is `last`; all of them if there is none. A receive of so many does not block.
pub(crate) fn length_until(socket: c_int, last: u8, limit: usize) -> usize {
    let found = Context::existing().and_then(|context| find(context, socket));
    let Some((object, Abilities { length_until: Some(length_until), .. })) = found else {
        return 0;
    };
    // SAFETY: the table is that of the object's kind, and the handle is open.
    unsafe { length_until(object, last, limit) }
}

/// Sends as much as there is room for, and returns how many bytes that was.
pub(crate) fn send(socket: c_int, slices: &[IoSlice<'_>]) -> Result<usize> {
    let context = Context::get()?;
    let Some((object, table)) = find(context, socket) else { return Ok(0) };
    let Some(send) = table.send_at_once else { return Ok(0) };
    let _call = SocketCall::begin(context);
    // SAFETY: the table is that of the object's kind, and the handle is open.
    unsafe { send(object, slices) }
}
