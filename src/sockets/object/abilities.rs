//! What sockets can do beyond C's interfaces: a trait for each ability, and the functions that
//! stand for it in the table of a type's [`Abilities`].

#![allow(unsafe_code)] // Called with addresses of objects.

use super::{Object, Socket, hold};
use crate::intrusive::Ref;
use crate::os::errno::Result;
use crate::scheduler::fd_readiness::FdSource;
use crate::sockets::io_list::{Cursor, Direction, IoList};
use std::io::IoSlice;

pub(crate) use crate::concurrency::abilities::Abilities;

/// The object with this address, for a call that does not block. As nothing else runs meanwhile,
/// it needs no hold.
///
/// # Safety
/// It is an object of this type, and its handle stays open during the call.
unsafe fn at<'a, T: Socket>(object: *mut ()) -> &'a Object<T> {
    // SAFETY: by the caller's promise.
    unsafe { &*object.cast::<Object<T>>() }
}

/// Can do with less than the whole list.
pub(crate) trait ReceivesSome: Socket {
    /// Receives at least one byte, and as many as the list, which is not empty, has room for at
    /// most. See [`Abilities::receive_some`].
    fn receive_some(&self, list: &mut Cursor, deadline: i64) -> Result<()>;
}

/// Stands in [`Abilities`].
///
/// # Safety
/// `object` is an object of this type with an open handle; until the call returns, `length` bytes
/// can be written to `memory`.
pub(crate) unsafe fn receive_some<T: ReceivesSome>(
    object: *mut (),
    memory: *mut u8,
    length: usize,
    deadline: i64,
) -> Result<usize> {
    let list = IoList::single(memory.cast(), length);
    let list = &raw const list;
    // SAFETY: a list of one buffer, by the caller's promise.
    let mut cursor = unsafe { Cursor::new(list, list, Direction::Receive)? };
    // SAFETY: by the caller's promise.
    unsafe { hold::<T, _>(object) }.receive_some(&mut cursor, deadline)?;
    Ok(length - cursor.remaining())
}

/// Takes what is no input out of the socket beneath.
pub(crate) trait Digests: Socket {
    /// See [`Abilities::digest`].
    fn digest(&self) -> bool;
}

/// Stands in [`Abilities`].
///
/// # Safety
/// `object` is an object of this type with an open handle.
pub(crate) unsafe fn digest<T: Digests>(object: *mut ()) -> bool {
    // SAFETY: by the caller's promise.
    unsafe { at::<T>(object) }.digest()
}

/// Transfers without blocking or letting other coroutines run.
pub(crate) trait AtOnce: Socket {
    /// Receives what is there, as far as the list has room.
    fn receive_at_once(&self, list: &mut Cursor) -> Result<()>;

    /// See [`Abilities::send_at_once`].
    fn send_at_once(&self, slices: &[IoSlice<'_>]) -> Result<usize>;
}

/// Stands in [`Abilities`].
///
/// # Safety
/// `object` is an object of this type with an open handle; `length` bytes can be written to
/// `memory`.
pub(crate) unsafe fn receive_at_once<T: AtOnce>(
    object: *mut (),
    memory: *mut u8,
    length: usize,
    received: &mut usize,
) -> Result<()> {
    let list = IoList::single(memory.cast(), length);
    let list = &raw const list;
    // SAFETY: a list of one buffer, by the caller's promise.
    let mut cursor = unsafe { Cursor::new(list, list, Direction::Receive)? };
    // SAFETY: by the caller's promise.
    let result = unsafe { at::<T>(object) }.receive_at_once(&mut cursor);
    *received += length - cursor.remaining();
    result
}

/// Stands in [`Abilities`].
///
/// # Safety
/// `object` is an object of this type with an open handle.
pub(crate) unsafe fn send_at_once<T: AtOnce>(
    object: *mut (),
    slices: &[IoSlice<'_>],
) -> Result<usize> {
    // SAFETY: by the caller's promise.
    unsafe { at::<T>(object) }.send_at_once(slices)
}

/// Has bytes in memory that were received before they were asked for.
pub(crate) trait ReadsAhead: Socket {
    /// See [`Abilities::peek`].
    fn peek(&self) -> Option<u8>;

    /// See [`Abilities::length_until`].
    fn length_until(&self, last: u8, limit: usize) -> usize;
}

/// Stands in [`Abilities`].
///
/// # Safety
/// `object` is an object of this type with an open handle.
pub(crate) unsafe fn peek<T: ReadsAhead>(object: *mut ()) -> Option<u8> {
    // SAFETY: by the caller's promise.
    unsafe { at::<T>(object) }.peek()
}

/// Stands in [`Abilities`].
///
/// # Safety
/// `object` is an object of this type with an open handle.
pub(crate) unsafe fn length_until<T: ReadsAhead>(object: *mut (), last: u8, limit: usize) -> usize {
    // SAFETY: by the caller's promise.
    unsafe { at::<T>(object) }.length_until(last, limit)
}

/// Can tell of room in its output.
pub(crate) trait HasRoom: Socket {
    /// See [`Abilities::room`].
    fn room(&self) -> Option<Ref<FdSource>>;
}

/// Stands in [`Abilities`].
///
/// # Safety
/// `object` is an object of this type with an open handle.
pub(crate) unsafe fn room<T: HasRoom>(object: *mut ()) -> Option<Ref<FdSource>> {
    // SAFETY: by the caller's promise.
    unsafe { at::<T>(object) }.room()
}
