//! Heads that have been begun and not sent.
//!
//! A head leaves in one piece, when it is ended. A coroutine that leaves it unfinished and
//! waits for the other side instead would wait for ever, if that waits for its lines. So
//! before a coroutine receives, what it has begun is sent: by the socket that receives in any
//! case, by others as far as nobody has to wait for that.

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
        let noted = list.iter().any(|unfinished| ptr::eq(unfinished.socket, socket));
        if !noted && list.try_reserve(1).is_ok() {
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

/// Returns whether no coroutine of the thread has an unfinished head.
pub(super) fn is_empty() -> bool {
    UNFINISHED.try_with(|list| list.borrow().is_empty()).unwrap_or(true)
}

/// Calls `action` with each socket that has an unfinished head of the running coroutine. It may
/// change the list and let others run.
pub(super) fn for_each(mut action: impl FnMut(Held<Http>)) {
    let mut index = 0;
    while let Some((found, socket)) = next(index) {
        let address = ptr::from_ref::<Http>(&socket);
        action(socket);
        index = if at(found) == Some(address) { found + 1 } else { found };
    }
}

/// The first such socket from `index` on, and where it is.
fn next(index: usize) -> Option<(usize, Held<Http>)> {
    let found = UNFINISHED.try_with(|list| {
        let list = list.borrow();
        let writer = current();
        let mut rest = list.iter().enumerate().skip(index);
        let (index, found) = rest.find(|(_, unfinished)| unfinished.writer == writer)?;
        Some((index, found.socket))
    });
    let (index, socket) = found.ok().flatten()?;
    // SAFETY: a socket is taken out of the list before it goes.
    Some((index, unsafe { Held::around(socket.cast_mut(), 0) }))
}

fn at(index: usize) -> Option<*const Http> {
    UNFINISHED.try_with(|list| list.borrow().get(index).map(|it| it.socket)).ok().flatten()
}

/// Has the running coroutine begun a head on `socket` that is not sent?
pub(super) fn is_noted(socket: &Http) -> bool {
    let writer = current();
    let mine = |it: &Unfinished| it.writer == writer && ptr::eq(it.socket, socket);
    UNFINISHED.try_with(|list| list.borrow().iter().any(mine)).unwrap_or(false)
}
