//! What the poller tells, and who is woken by it.

use super::{FdTable, Watched, operations, rearm, token};
use crate::scheduler::poller::{Completion, Event, Readiness, Sink};
use crate::scheduler::run::Run;

/// Takes what the poller tells, and wakes those who waited for it.
pub(in crate::scheduler) struct Delivery<'a> {
    pub(in crate::scheduler) run: &'a Run,
    pub(in crate::scheduler) fds: &'a FdTable,
}

impl Sink for Delivery<'_> {
    #[inline(always)]
    fn ready(&mut self, event: Event) {
        let Delivery { run, fds } = *self;
        run.stir();
        let watched = Watched::of(event.token);
        if token(&watched) != event.token {
            return; // of a file closed since
        }
        let ready = watched.filter(event.ready);
        watched.ready.set(watched.ready.get() | ready);
        if ready.has(Readiness::READABLE) {
            watched.reader.wake(run);
        }
        if ready.has(Readiness::WRITABLE) {
            watched.writer.wake(run);
        }
        if !watched.socket.get() {
            watched.serve_others(run, fds);
        }
    }

    fn completed(&mut self, completion: Completion) {
        self.run.stir();
        operations::completed(self.run, self.fds.own_poller(), completion);
    }
}

impl Watched {
    /// After an event of a descriptor that is not a socket's: runs the handler, or keeps the
    /// one-shot interest, which covers both directions, for the one not served.
    fn serve_others(&self, run: &Run, fds: &FdTable) {
        if let Some((handler, argument)) = self.handler.get() {
            handler(argument);
        } else if !self.reader.is_empty() || !self.writer.is_empty() {
            let _ = fds.poller(run).and_then(|poller| rearm(poller, self));
        }
    }
}
