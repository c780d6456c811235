//! Who is in the way of the hard cancellations that are under way.

use super::Dump;
use crate::intrusive::Ref;
use crate::os::output::Output;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;

/// Writes the coroutines that keep the hard cancellations of a thread from being completed, one a
/// line: the one that runs first, then those that were cancelled and have not ended. Those that
/// only wait for others to end are left out.
pub(in crate::concurrency) fn write_obstacles(context: &Context, out: &mut Output) {
    super::mark(context);
    let mut dump = Dump { context, out, now: context.clock.peek(), number: 0 };
    let running = context.running_coroutine();
    // One that was not cancelled is in the way if it keeps the others from having their turns.
    let hog = running.filter(|running| running.is_cancelled() || !context.takes_turns());
    let mut is_empty = true;
    let mut write = |coroutine| {
        is_empty = false;
        dump.write_obstacle(coroutine);
    };
    if let Some(hog) = hog {
        write(hog);
    }
    context.for_each_cancellation(|coroutine| {
        if coroutine.is_cancelled() && !coroutine.is_uninterruptible() && Some(coroutine) != hog {
            write(coroutine);
        }
    });
    if is_empty {
        // What they wait for is to be found in the tree.
        context.for_each_cancellation(|coroutine| dump.write_obstacle(coroutine));
    }
}

impl Dump<'_> {
    fn write_obstacle(&mut self, coroutine: Ref<Coroutine>) {
        self.out.text("  ");
        if coroutine == self.context.main_coroutine() {
            self.out.text("main");
        } else {
            coroutine.write_origin(self.out);
        }
        self.out.text(": ");
        self.write_state(coroutine);
        self.out.text("\n");
    }
}
