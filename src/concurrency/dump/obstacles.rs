//! Which coroutines keep the hard cancellations that are under way from being completed.

use super::Dump;
use crate::intrusive::Ref;
use crate::scheduler::coroutine::Coroutine;

impl Dump<'_> {
    /// Writes the coroutines that keep the hard cancellations of a thread from being completed, one
    /// a line: the one that runs first, then those that were cancelled and have not ended. Those
    /// that only wait for others to end are left out.
    pub(super) fn write_obstacles(&mut self) {
        let context = self.context;
        let running = context.running_coroutine();
        // One that was not cancelled is in the way if it keeps the others from having their turns.
        let hog = running.filter(|running| running.is_cancelled() || !context.takes_turns());
        let mut is_empty = true;
        let mut write = |coroutine| {
            is_empty = false;
            self.write_obstacle(coroutine);
        };
        if let Some(hog) = hog {
            write(hog);
        }
        context.cancellations.for_each(|coroutine| {
            let is_in_the_way = coroutine.is_cancelled() && !coroutine.is_uninterruptible();
            if is_in_the_way && Some(coroutine) != hog {
                write(coroutine);
            }
        });
        if is_empty {
            // What they wait for is to be found in the tree.
            context.cancellations.for_each(|coroutine| self.write_obstacle(coroutine));
        }
    }

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
