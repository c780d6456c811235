//! What happens to bundles, channels and cancel scopes.

use crate::plan::*;
use crate::reference::*;

impl Model<'_> {
    pub fn bundle(&self, bundle: B) -> Option<&Bundle> {
        self.bundles[usize::from(bundle.0)].as_ref()
    }

    /// A bundle that is known to be open.
    pub fn bundle_mut(&mut self, bundle: B) -> &mut Bundle {
        self.bundles[usize::from(bundle.0)].as_mut().expect("open")
    }

    pub fn half(&mut self, end: End) -> &mut Half {
        &mut self.halves[usize::from(end.channel)][usize::from(end.end)]
    }

    /// Does `who` run in `bundle`, at any depth?
    pub fn is_inside(&self, who: usize, bundle: B) -> bool {
        let mut next = Some(who);
        while let Some(own) = next.and_then(|script| self.plan.scripts[script].bundle) {
            if own == bundle {
                return true;
            }
            next = self.bundle(own).and_then(|own| own.owner);
        }
        false
    }

    /// All coroutines that are in the bundle now fail from now on.
    pub fn hard_cancel(&mut self, bundle: B) {
        let members = self.bundle_mut(bundle).members.clone();
        self.bundle_mut(bundle).forced |= !members.is_empty();
        for member in members {
            self.cos[member].hard = true;
            self.interrupt(member);
        }
    }

    /// The deadline of the bundle has passed.
    pub fn pass_deadline(&mut self, bundle: B) {
        let overdue = self.bundle_mut(bundle);
        if !overdue.closing {
            overdue.overdue = true;
            overdue.cut = !overdue.members.is_empty();
            self.hard_cancel(bundle);
        }
    }

    /// A member reports an error.
    pub fn fail_bundle(&mut self, bundle: B, reporter: usize, error: i32) {
        if self.bundle_mut(bundle).error.is_some() {
            return;
        }
        self.bundle_mut(bundle).error = Some(error);
        for member in self.bundle_mut(bundle).members.clone() {
            if member != reporter {
                self.bundle_mut(bundle).forced = true;
                self.cos[member].hard = true;
                self.interrupt(member);
            }
        }
    }

    /// Those who wait until the last coroutine has finished go on.
    pub fn end_bundle_waits(&mut self, bundle: B) {
        // One by one: a `choose` may wait in several places at once.
        while let Some(&waiter) = self.bundle_mut(bundle).waiters.first() {
            let open = self.bundle_mut(bundle);
            match open.error {
                // `bundle_wait`: who ends the bundle is told later, and a clause never.
                Some(error) if waiter.clause.is_none() && open.ended_by != Some(waiter.who) => {
                    self.wake(waiter.who, (error, error));
                }
                _ => self.complete(waiter, 0),
            }
        }
    }

    /// The graceful request: to the bundle's channels and scopes, then to its followers.
    pub fn deliver(&mut self, bundle: B) {
        let mut pending = std::collections::VecDeque::from([bundle]);
        while let Some(next) = pending.pop_front() {
            let bundle = self.bundle_mut(next);
            if std::mem::replace(&mut bundle.requested, true) {
                continue;
            }
            let notified = std::mem::take(&mut bundle.notified);
            let watchers = std::mem::take(&mut bundle.watchers);
            pending.extend(std::mem::take(&mut bundle.followers));
            notified.into_iter().for_each(|end| _ = self.done(end));
            while let Some(&asker) = self.bundle_mut(next).askers.first() {
                self.complete(asker, 0);
            }
            self.fire_scopes(watchers);
        }
    }

    /// `chdone`: nothing more comes to the peer of `end`. False when that was so already.
    pub fn done(&mut self, end: End) -> bool {
        let peer = self.half(end.peer());
        if std::mem::replace(&mut peer.done, true) {
            return false;
        }
        let watchers = std::mem::take(&mut peer.watchers);
        self.end_channel_waits(end.peer());
        self.fire_scopes(watchers);
        true
    }

    fn end_channel_waits(&mut self, end: End) {
        while let Some(&waiter) = {
            let half = self.half(end);
            half.receivers.first().or(half.senders.first())
        } {
            self.complete(waiter, libc::EPIPE);
        }
    }

    pub fn close_end(&mut self, end: End) {
        for bundle in self.bundles.iter_mut().flatten() {
            bundle.notified.retain(|&notified| notified != end);
        }
        let half = self.half(end);
        half.closed = true;
        half.watchers.clear();
        let peer = self.half(end.peer());
        let watchers = std::mem::take(&mut peer.watchers);
        let both_closed = peer.closed;
        self.fire_scopes(watchers);
        // Closing one end alone ends no wait, as in libdill.
        if both_closed {
            self.end_channel_waits(End { end: 0, ..end });
            self.end_channel_waits(End { end: 1, ..end });
        }
    }

    fn fire_scopes(&mut self, scopes: Vec<(usize, u32)>) {
        for (who, id) in scopes {
            self.fire_scope(who, id);
        }
    }

    /// What a scope watches has happened. Its deadline may still come.
    fn fire_scope(&mut self, who: usize, id: u32) {
        self.unwatch(who, id);
        self.scope(who, id).fired = Fired::ByRequest;
        self.interrupt(who);
    }

    /// The deadline of a scope has passed.
    pub fn scope_overdue(&mut self, who: usize, id: u32) {
        self.unwatch(who, id);
        let scope = self.scope(who, id);
        scope.overdue = true;
        if scope.fired == Fired::No {
            scope.fired = Fired::ByDeadline;
        }
        self.interrupt(who);
    }

    fn scope(&mut self, who: usize, id: u32) -> &mut Scope {
        self.cos[who].scopes.iter_mut().find(|scope| scope.id == id).expect("entered")
    }

    /// A scope watches nothing any more.
    fn unwatch(&mut self, who: usize, id: u32) {
        let others = |watcher: &(usize, u32)| *watcher != (who, id);
        self.bundles.iter_mut().flatten().for_each(|bundle| bundle.watchers.retain(others));
        self.halves.iter_mut().flatten().for_each(|half| half.watchers.retain(others));
    }

    pub fn enter_scope(&mut self, who: usize, watch: Watch, limit: Limit) -> Outcome {
        if let Watch::Channel(end) = watch
            && self.half(end).closed
        {
            return error(libc::EBADF);
        }
        let id = self.next_scope;
        self.next_scope += 1;
        let own = self.plan.scripts[who].bundle;
        let mut fired = Fired::No;
        match watch {
            Watch::Channel(end) if self.half(end).done || self.half(end.peer()).closed => {
                fired = Fired::ByRequest;
            }
            Watch::Channel(end) => self.half(end).watchers.push((who, id)),
            Watch::Request if own.is_some_and(|own| self.bundle_mut(own).requested) => {
                fired = Fired::ByRequest;
            }
            Watch::Request => {
                if let Some(own) = own {
                    self.bundle_mut(own).watchers.push((who, id));
                }
            }
            Watch::Nothing | Watch::Shield => {}
        }
        let shield = watch == Watch::Shield;
        self.cos[who].scopes.push(Scope { id, fired, overdue: false, shield });
        match limit.deadline(self.now) {
            Some(at) if at > self.now => self.arm(at, Alarm::Scope(who, id)),
            Some(_) => self.scope_overdue(who, id),
            None => {}
        }
        OK
    }

    /// Leaves the innermost scope.
    pub fn leave_scope(&mut self, who: usize) -> Outcome {
        let scope = self.cos[who].scopes.pop().expect("entered");
        self.disarm(Alarm::Scope(who, scope.id));
        self.unwatch(who, scope.id);
        match scope.fired {
            Fired::No => OK,
            Fired::ByRequest => error(libc::ECANCELED),
            Fired::ByDeadline => error(libc::ETIMEDOUT),
        }
    }

    /// The bundle is gone, and whatever referred to it.
    pub fn destroy(&mut self, bundle: B) {
        self.end_bundle_waits(bundle);
        self.disarm(Alarm::Bundle(bundle));
        self.bundles[usize::from(bundle.0)] = None;
        for other in self.bundles.iter_mut().flatten() {
            other.followers.retain(|&follower| follower != bundle);
        }
    }
}
