//! What handles of connections stand for, to the handle table and to those who use them.

#![allow(unsafe_code)] // Objects behind handles; interfaces for C.

use super::{Connection, state};
use crate::concurrency::atomicity::RECORDED;
use crate::concurrency::input::{self, InputVfs};
use crate::handle_table::{Interface as _, Kind};
use crate::intrusive::Ref;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::sockets::at_once::AtOnce;
use crate::sockets::byte_socket::{self, ByteStream};
use crate::sockets::io_list::IoList;
use crate::sockets::partial::Partial;
use crate::sockets::room;
use crate::sockets::storage;
use crate::sockets::stream::unblocked;
use crate::sockets::stream::{self, Family};
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ptr::{self, NonNull};

pub(super) static TCP: Kind = Kind::new("tcp", close, query);
pub(super) static IPC: Kind = Kind::new("ipc", close, query);

/// Stands in [`ByteStream`].
///
/// # Safety
/// As for [`byte_socket::send`]; the table is that of a live connection.
pub(super) unsafe extern "C" fn send(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: the table is the first field of a connection, which is alive as long as
    // somebody may use the table; the list is the caller's promise.
    byte_socket::to_c(Context::get().and_then(|context| unsafe {
        (*stream.cast::<Connection>()).send(context, first, last, deadline)
    }))
}

/// Stands in [`ByteStream`].
///
/// # Safety
/// As for [`byte_socket::receive`]; the table is that of a live connection.
pub(super) unsafe extern "C" fn receive(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: as in `send`.
    byte_socket::to_c(Context::get().and_then(|context| unsafe {
        (*stream.cast::<Connection>()).receive(context, first, last, deadline)
    }))
}

/// Stands in [`Kind`].
///
/// # Safety
/// `object` is a live connection.
unsafe fn query(object: *mut (), type_id: *const c_void) -> *mut c_void {
    let connection = object.cast::<Connection>();
    if type_id == byte_socket::type_id() {
        // SAFETY: the object is alive; only addresses of its fields are computed.
        unsafe { (&raw mut (*connection).stream).cast() }
    } else if type_id == input::type_id() {
        // SAFETY: as above.
        unsafe { (&raw mut (*connection).readiness).cast() }
    } else if type_id == Partial::type_id() {
        PARTIAL.answer()
    } else if type_id == AtOnce::type_id() {
        unblocked::AT_ONCE.answer()
    } else if type_id == room::type_id() {
        // SAFETY: as above.
        unsafe { (&raw mut (*connection).source).cast() }
    } else {
        ptr::null_mut()
    }
}

static PARTIAL: Partial = Partial { receive: receive_some };

/// Stands in [`Partial`].
///
/// # Safety
/// As for [`Connection::receive_some`]; `object` is a live connection.
unsafe fn receive_some(
    object: *mut (),
    memory: *mut u8,
    length: usize,
    deadline: i64,
) -> Result<usize> {
    // SAFETY: by the caller's promise.
    unsafe { (*object.cast::<Connection>()).receive_some(RECORDED, memory, length, deadline) }
}

/// Stands in [`InputVfs`]: a receive doesn't block where there is input, and where it
/// fails at once.
///
/// # Safety
/// The table is that of a live connection, `beneath` a place for the answer.
pub(super) unsafe extern "C" fn input_beneath(vfs: *mut InputVfs, beneath: *mut c_int) -> c_int {
    let object = vfs.wrapping_byte_sub(offset_of!(Connection, readiness)).cast::<Connection>();
    // SAFETY: the table is a field of a connection, which is alive while it is asked.
    let connection = unsafe { Ref::from_raw(object) };
    let over = connection.is(state::ENDED | state::RECEIVE_FAILED);
    if !connection.ahead.is_empty() || over {
        return input::BUFFERED;
    }
    // SAFETY: the caller gives a place for the answer.
    unsafe { *beneath = connection.source.as_raw_fd() };
    input::DESCRIPTOR
}

/// Stands in [`Kind`].
///
/// # Safety
/// `object` is a live connection.
unsafe fn close(object: *mut ()) -> Result<()> {
    // SAFETY: the handle table calls this with a live object of this kind.
    let connection = unsafe { Ref::<Connection>::from_raw(object.cast()) };
    connection.input.close();
    connection.output.close();
    connection.source.abandon_waiters();
    connection.ahead.clear();
    // What was inherited from another process is reset by nobody but that.
    let resets = !connection.is(state::ORDERLY) && !connection.source.is_inherited();
    if connection.family == Family::Internet && resets {
        // Reset the connection, so that the peer does not take a torn stream for all.
        stream::reset_when_closed(connection.source.as_raw_fd());
    }
    // SAFETY: calls inside have been told and won't touch it; the handle is going.
    unsafe {
        let own_memory = connection.is(state::OWN_MEMORY);
        storage::dispose(NonNull::new_unchecked(connection.as_ptr()), own_memory);
    }
    Ok(())
}
