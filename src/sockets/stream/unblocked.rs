//! What a connection can do without blocking.

#![allow(unsafe_code)] // Objects behind handles.

use super::connection::Connection;
use crate::concurrency::atomicity::{self, RECORDED};
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::sockets::at_once::AtOnce;
use crate::sockets::fd_io;
use crate::sockets::io_list::{Cursor, Direction, IoList};
use std::io::IoSlice;

pub(super) static AT_ONCE: AtOnce = AtOnce { receive, peek, send };

/// Stands in [`AtOnce`].
///
/// # Safety
/// `object` is a live connection, and `length` bytes can be written to `memory`.
unsafe fn receive(
    object: *mut (),
    memory: *mut u8,
    length: usize,
    received: &mut usize,
) -> Result<()> {
    // SAFETY: by the caller's promise.
    let connection = unsafe { &*object.cast::<Connection>() };
    connection.input_open()?;
    let list = IoList::single(memory.cast(), length);
    let list = &raw const list;
    // SAFETY: by the caller's promise.
    let mut cursor = unsafe { Cursor::new(list, list, Direction::Receive)? };
    let result = fd_io::receive_at_once(&connection.source, connection.ahead(), &mut cursor);
    let count = length - cursor.remaining();
    *received += count;
    if count > 0 {
        atomicity::note_transfer(Context::get()?, RECORDED);
    }
    result.map_err(|error| connection.receive_failed(error))
}

/// Stands in [`AtOnce`].
///
/// # Safety
/// `object` is a live connection.
unsafe fn peek(object: *mut ()) -> Option<u8> {
    // SAFETY: by the caller's promise.
    let connection = unsafe { &*object.cast::<Connection>() };
    connection.input_open().ok()?;
    connection.ahead()?.first()
}

/// Stands in [`AtOnce`].
///
/// # Safety
/// `object` is a live connection.
unsafe fn send(object: *mut (), slices: &[IoSlice<'_>]) -> Result<usize> {
    // SAFETY: by the caller's promise.
    let connection = unsafe { &*object.cast::<Connection>() };
    connection.output_open()?;
    let sent = fd_io::send_slices_at_once(&connection.source, slices)
        .inspect_err(|&error| connection.send_failed(error))?;
    if sent > 0 {
        atomicity::note_transfer(Context::get()?, RECORDED);
    }
    Ok(sent)
}
