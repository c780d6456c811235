//! Heads that have been begun and not sent.
//!
//! A head leaves in one piece, when it is ended. A coroutine that leaves it unfinished and
//! waits for the other side instead would wait for ever, if that waits for its lines. So
//! before a coroutine receives, what it has begun is sent: by the socket that receives in any
//! case, by others as far as nobody has to wait for that.
//!
//! The scheduler owns the list of them: each is the draft of its socket.

#![allow(unsafe_code)] // Finds sockets around their drafts.

use super::state::Http;
use crate::intrusive::Ref;
use crate::scheduler::context::Context;
use crate::sockets::object::{self, Counted};
use core::mem::offset_of;

/// Notes that the running coroutine has begun a head.
pub(super) fn add(socket: &Http) {
    if let Some(context) = Context::existing() {
        // SAFETY: sockets are made where they become objects, which stay in their blocks; the
        // draft leaves the list when it is dropped there.
        let draft = unsafe { Ref::from_raw(&raw const socket.draft) };
        context.drafts.add(draft, context.current());
    }
}

/// Returns whether no coroutine of the thread has an unfinished head.
pub(super) fn is_empty() -> bool {
    Context::existing().is_none_or(|context| context.drafts.is_empty())
}

/// Calls `action` with each socket that has an unfinished head of the running coroutine. It may
/// add and remove heads and let others run.
pub(super) fn for_each(mut action: impl FnMut(Counted<Http>)) {
    let Some(context) = Context::existing() else { return };
    let visit = context.drafts.visit(context.current());
    while let Some(draft) = context.drafts.next(&visit) {
        let socket = draft.as_ptr().wrapping_byte_sub(offset_of!(Http, draft)).cast::<Http>();
        // SAFETY: all drafts are those of sockets that are alive, as `add` says.
        action(unsafe { object::hold_around(socket) });
    }
}

/// Returns whether the running coroutine has begun a head on `socket` that is not sent.
pub(super) fn is_noted(socket: &Http) -> bool {
    Context::existing().is_some_and(|context| socket.draft.is_by(context.current()))
}
