//! Heads that have been begun and not sent.
//!
//! A head leaves in one piece, when it is ended. A coroutine that leaves it unfinished and
//! waits for the other side instead would wait for ever, if that waits for its lines. So
//! before a coroutine receives, what it has begun is sent.

#![allow(unsafe_code)] // Knows objects by their addresses.

use super::socket::Http;
use crate::protocols::shared::Held;
use crate::scheduler::context::Context;
use core::cell::RefCell;
use core::ptr;

struct Unfinished {
    socket: *const Http,
    writer: *const (),
}

thread_local! {
    static UNFINISHED: RefCell<Vec<Unfinished>> = const { RefCell::new(Vec::new()) };
}

fn current() -> *const () {
    Context::existing().map_or(ptr::null(), |context| context.current().as_ptr().cast())
}

/// Notes that the running coroutine has begun a head. Without memory it is just not noted.
pub(super) fn add(socket: &Http) {
    let _ = UNFINISHED.try_with(|list| {
        let mut list = list.borrow_mut();
        if list.try_reserve(1).is_ok() {
            list.push(Unfinished { socket, writer: current() });
        }
    });
}

/// To be called when the head is sent, and before the socket goes.
pub(super) fn remove(socket: &Http) {
    let _ = UNFINISHED.try_with(|list| {
        list.borrow_mut().retain(|unfinished| !ptr::eq(unfinished.socket, socket));
    });
}

/// A socket with an unfinished head of the running coroutine; it is not noted any more.
pub(super) fn take() -> Option<Held<Http>> {
    let found = UNFINISHED.try_with(|list| {
        let mut list = list.borrow_mut();
        if list.is_empty() {
            return None;
        }
        let writer = current();
        let index = list.iter().position(|unfinished| unfinished.writer == writer)?;
        Some(list.swap_remove(index).socket)
    });
    // SAFETY: a socket is taken out of the list before it goes.
    found.ok().flatten().map(|socket| unsafe { Held::around(socket.cast_mut(), 0) })
}
