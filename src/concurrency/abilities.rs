//! What sockets of this library can do beyond the interfaces that C knows.

use crate::handle_table::Opaque;
use crate::intrusive::Ref;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness::FdSource;
use core::ffi::c_int;
use core::ptr;
use std::io::IoSlice;

/// What objects of a kind can do. All entries are optional. Each is called with a live object of
/// that kind.
pub(crate) struct Abilities {
    /// For protocols of which not all that arrives is input. Takes the rest out of the socket
    /// beneath, without blocking or letting other coroutines run, and returns whether there was
    /// something. Called before the socket is asked for its input.
    pub(crate) digest: Option<unsafe fn(object: *mut ()) -> bool>,
    /// Receives at least one byte to `memory`, and `length`, which is not 0, at most. Fails with
    /// `EPIPE` at the end of the stream. Where nothing was received, `ETIMEDOUT` changes nothing.
    pub(crate) receive_some: Option<ReceiveSome>,
    /// Receives what is there to `memory`, `length` bytes at most, and adds their number to
    /// `received`. It may fail behind some of them. Neither blocks nor lets other coroutines run.
    pub(crate) receive_at_once: Option<ReceiveAtOnce>,
    /// Sends as much as there is room for, and returns how many bytes that was. Neither blocks nor
    /// lets other coroutines run.
    pub(crate) send_at_once: Option<SendAtOnce>,
    /// Returns the next byte, which stays in the stream; `None` where it would take more than a
    /// look into memory to know it.
    pub(crate) peek: Option<unsafe fn(object: *mut ()) -> Option<u8>>,
    /// Returns how many of the bytes that were read ahead it takes to get behind the next one
    /// that is `last`, all of them if there is none, and `limit` at most.
    pub(crate) length_until: Option<unsafe fn(object: *mut (), last: u8, limit: usize) -> usize>,
    /// Returns what tells of room for sending, if it can be told. It is alive until another
    /// coroutine runs.
    pub(crate) room: Option<Room>,
}

/// See [`Abilities::receive_some`].
pub(crate) type ReceiveSome =
    unsafe fn(object: *mut (), memory: *mut u8, length: usize, deadline: i64) -> Result<usize>;

/// See [`Abilities::receive_at_once`].
pub(crate) type ReceiveAtOnce =
    unsafe fn(object: *mut (), memory: *mut u8, length: usize, received: &mut usize) -> Result<()>;

/// See [`Abilities::send_at_once`].
pub(crate) type SendAtOnce = unsafe fn(object: *mut (), slices: &[IoSlice<'_>]) -> Result<usize>;

/// See [`Abilities::room`].
pub(crate) type Room = unsafe fn(object: *mut ()) -> Option<Ref<FdSource>>;

impl Abilities {
    pub(crate) const NONE: Abilities = Abilities {
        digest: None,
        receive_some: None,
        receive_at_once: None,
        send_at_once: None,
        peek: None,
        length_until: None,
        room: None,
    };
}

impl Abilities {
    /// Returns the table as its kind has it.
    pub(crate) const fn for_kind(&'static self) -> &'static Opaque {
        // SAFETY: a type without content, of which nothing is read.
        unsafe { &*(&raw const *self).cast::<Opaque>() }
    }

    /// Returns the object of an open handle, and what objects of its kind can do.
    pub(crate) fn find(
        context: &Context,
        handle: c_int,
    ) -> Result<(*mut (), Option<&'static Abilities>)> {
        let (object, kind) = context.handles.any(handle)?;
        let table = kind.abilities.map(|table| ptr::from_ref(table).cast::<Abilities>());
        // SAFETY: all tables of kinds come from `for_kind`.
        Ok((object, table.map(|table| unsafe { &*table })))
    }
}
