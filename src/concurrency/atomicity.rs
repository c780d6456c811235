//! Atomicity: a request does not interrupt an operation that has transferred its first byte, which
//! may lie several layers of sockets further down.

use super::scope_chain::update;
use crate::intrusive::Ref;
use crate::os::errno::Result;
use crate::scheduler::clock::is_never;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;

/// Returns whether anything may end a wait of the running coroutine with this deadline before it
/// succeeds: the deadline, a scope, or hard cancellation, which main does not know.
pub(crate) fn may_end(context: &Context, deadline: i64) -> bool {
    let coroutine = context.current();
    !is_never(deadline) || !coroutine.scope.get().is_null() || !coroutine.bundle.get().is_null()
}

/// While it exists, requests do not interrupt the coroutine that made it: an operation of
/// a protocol has transferred its first byte and must not be torn, whatever calls to the
/// layers beneath it consists of.
pub(crate) struct UnderWay(Ref<Coroutine>);

impl UnderWay {
    /// For protocols, once the first byte of an operation has been transferred.
    pub(crate) fn begin() -> Result<UnderWay> {
        let coroutine = Context::get()?.current();
        set_under_way(coroutine, coroutine.under_way.get() + 1);
        Ok(UnderWay(coroutine))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        set_under_way(self.0, self.0.under_way.get() - 1);
    }
}

/// Sets how many operations of the coroutine have begun, one within the other.
fn set_under_way(coroutine: Ref<Coroutine>, count: u32) {
    let before = coroutine.under_way.replace(count);
    // Only scopes let requests interrupt.
    if (before == 0) != (count == 0) && !coroutine.scope.get().is_null() {
        update(coroutine);
    }
}

/// A call of a socket's interface. Where protocols are stacked, ours or those of C programs,
/// such calls nest: from the first byte that a layer beneath has transferred until the end of
/// the outermost call, requests do not interrupt it.
pub(crate) struct SocketCall(Ref<Coroutine>);

impl SocketCall {
    #[inline]
    pub(crate) fn begin(context: &Context) -> SocketCall {
        let coroutine = context.current();
        coroutine.socket_calls.set(coroutine.socket_calls.get() + 1);
        SocketCall(coroutine)
    }
}

impl Drop for SocketCall {
    #[inline]
    fn drop(&mut self) {
        let depth = self.0.socket_calls.get() - 1;
        self.0.socket_calls.set(depth);
        if depth == 0 && self.0.transferred.get() {
            self.0.transferred.set(false);
            drop(UnderWay(self.0));
        }
    }
}

/// How many [`SocketCall`]s stand for a call of a socket's interface itself.
pub(crate) const RECORDED: u32 = 1;
/// For calls without a [`SocketCall`].
pub(crate) const UNRECORDED: u32 = 0;

/// For the sockets at the bottom: bytes have been transferred by a call that is one of `own`
/// calls on record. A call without protocols on top takes care of itself.
#[inline(always)]
pub(crate) fn note_transfer(context: &Context, own: u32) {
    let coroutine = context.current();
    if coroutine.socket_calls.get() > own {
        note_nested_transfer(coroutine);
    }
}

#[inline(never)]
fn note_nested_transfer(coroutine: Ref<Coroutine>) {
    if !coroutine.transferred.replace(true) {
        set_under_way(coroutine, coroutine.under_way.get() + 1);
    }
}

/// For protocols: what was transferred beneath was complete in itself, and requests may
/// interrupt the call again. Not when a protocol on top has received something in the same
/// call.
pub(crate) fn forget_transfer(context: &Context) {
    let coroutine = context.current();
    if coroutine.socket_calls.get() <= 1 && coroutine.transferred.replace(false) {
        drop(UnderWay(coroutine));
    }
}

/// For protocols: calls `function`, whose transfers are no part of the call under way.
pub(crate) fn aside<R>(function: impl FnOnce() -> R) -> Result<R> {
    let before = Transferred::so_far()?;
    let result = function();
    before.forget_later();
    Ok(result)
}

/// For protocols: whether the call under way had transferred something at some moment.
pub(crate) struct Transferred {
    coroutine: Ref<Coroutine>,
    any: bool,
}

impl Transferred {
    pub(crate) fn so_far() -> Result<Transferred> {
        let coroutine = Context::get()?.current();
        Ok(Transferred { coroutine, any: coroutine.transferred.get() })
    }

    /// What was transferred since then is no part of the call under way.
    pub(crate) fn forget_later(self) {
        if !self.any && self.coroutine.transferred.replace(false) {
            drop(UnderWay(self.coroutine));
        }
    }
}
