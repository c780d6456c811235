//! A mistake that `DILL_CHECK=1` reports: a call that blocks among the arguments of a launch.
//! Arguments are evaluated in the new coroutine, so a loop around such a launch never waits.

use super::{Bundle, HAS_FINISHED, REPORTED};
use crate::intrusive::Ref;
use crate::os::output::Output;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;

/// So many members of a bundle are suspicious.
const MANY: usize = 4096;
/// After so many launches of the thread the bundle that is launched into is looked at.
const INTERVAL: u32 = 1024;

/// Call for every launch into a bundle of the user's. Writes one line, once for a bundle, where
/// thousands of members were launched at one place and none has finished.
#[inline]
pub(super) fn check(context: &Context, bundle: Ref<Bundle>, coroutine: Ref<Coroutine>) {
    if context.is_checked_launch(INTERVAL) && !bundle.is(HAS_FINISHED | REPORTED) {
        look_at(&bundle, coroutine);
    }
}

#[cold]
fn look_at(bundle: &Bundle, coroutine: Ref<Coroutine>) {
    let mut count = 0;
    let mut member = bundle.members.first();
    while let Some(seen) = member {
        if !seen.has_origin_of(&coroutine) {
            return;
        }
        count += 1;
        member = bundle.members.after(seen);
    }
    if count < MANY {
        return;
    }
    bundle.add_state(REPORTED);
    let mut out = Output::new(libc::STDERR_FILENO);
    out.text("libdill: ").count(count, "coroutine").text(" of one bundle were launched at ");
    coroutine.write_origin(&mut out);
    out.text(
        " and none has finished. Arguments of a launch are evaluated in the new coroutine: \
         a call that blocks belongs before it\n",
    );
    let _ = out.finish();
}
