//! Who is in the way of a hard cancellation, and the tree. In a child with a copy of the memory.

use super::limit::Limit;
use crate::os::output::Output;
use crate::os::{snapshot, thread_state};
use crate::scheduler::cancel_watch;
use crate::scheduler::context::Context;
use core::time::Duration;

/// The report was written as far as possible.
pub(super) const WRITTEN: u8 = 0;
/// The hard cancellation has been completed in the meantime.
pub(super) const NOTHING: u8 = 1;

/// For so long lists that were in the middle of a change may lead in circles.
const ROUND: Duration = Duration::from_secs(1);

/// Writes the report to the standard error within the time that is `left`, or dies.
pub(super) fn write(limit: Limit, left: Duration) -> u8 {
    snapshot::limit_child(left.min(ROUND));
    let mut is_overdue = false;
    for_each(|context| is_overdue |= is_late(context, limit));
    if !is_overdue {
        return NOTHING;
    }
    // The first time without output: a child that survives that survives the second time, too.
    compose(&mut Output::in_memory(), limit);
    snapshot::limit_child(left);
    let mut out = Output::new(libc::STDERR_FILENO);
    compose(&mut out, limit);
    // There is no other place to report an error of the standard error.
    let _ = out.finish();
    WRITTEN
}

fn for_each(action: impl FnMut(&Context)) {
    cancel_watch::for_each_scheduler_in_copy(action);
}

fn is_late(context: &Context, limit: Limit) -> bool {
    context.cancellations.oldest().is_some_and(|since| limit.time_left(since).is_zero())
}

fn compose(out: &mut Output, limit: Limit) {
    limit.write(out);
    for_each(|context| {
        if is_late(context, limit) {
            write_obstacle(context, out);
        }
    });
    for late in [true, false] {
        for_each(|context| {
            if is_late(context, limit) == late {
                context.write_dump(out);
            }
        });
    }
}

/// Writes who is in the way in one thread.
fn write_obstacle(context: &Context, out: &mut Output) {
    out.text("libdill: in the way on thread ").number(context.thread().into());
    if context.running_coroutine().is_some() {
        out.text(match thread_state::is_blocked_in_parent(context.thread()) {
            Some(true) => ", which is blocked in a system call",
            Some(false) => ", which computes",
            None => "",
        });
    }
    out.text(":\n");
    context.write_obstacles(out);
}
