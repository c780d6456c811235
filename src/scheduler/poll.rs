//! Looking at timers and descriptors, and waiting for them.

use super::context::Context;
use super::coroutine::Coroutine;
use super::failing;
use super::fd_table::delivery::Delivery;
use super::overflow;
use super::poller::{Poller as _, SystemPoller};
use crate::intrusive::Ref;
use crate::os::cycles;
use crate::os::refusal::is_refusal;
use core::time::Duration;

/// The system adds what it is told to wait to its own time, where a very long wait might overflow.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

impl Context {
    /// Returns the next coroutine, after a look at timers and descriptors when it is time, or a wait
    /// for them when no coroutine is ready. `dying` is the coroutine on whose stack this runs, if it
    /// has finished.
    pub(super) fn look_around(&self, dying: Option<Ref<Coroutine>>) -> Ref<Coroutine> {
        if self.ready.next().is_some() && self.budget.is_used_up() {
            let now = cycles::now();
            if self.budget.poll_is_due(now) {
                self.poll(Some(Duration::ZERO));
                self.trim_when_busy(now, dying);
            }
            self.grant_budget(now);
        }
        loop {
            if let Some(coroutine) = self.ready.next() {
                return coroutine;
            }
            self.pool.stacks.give_back();
            self.wait(dying);
            self.grant_budget(cycles::now());
        }
    }

    /// Grants another budget of quick switches, and returns true, if the last one is used up and
    /// that is all there is to do: timers and descriptors need not be looked at yet. Slow paths of
    /// launches and ends ask before anything else, and try the quick one again.
    #[inline(always)]
    pub(crate) fn renews_budget() -> bool {
        Self::existing()
            .is_some_and(|context| context.budget.is_used_up() && context.renew_budget())
    }

    #[cold]
    #[inline(never)]
    fn renew_budget(&self) -> bool {
        if self.is_instrumented() || self.checks_misuse() {
            return false;
        }
        let now = cycles::now();
        if self.budget.poll_is_due(now) {
            return false;
        }
        self.grant_budget(now);
        self.budget.grant_again();
        true
    }

    /// For the running coroutine, which goes on and whose budget is used up: looks at timers and
    /// descriptors if that is due, and returns whether it was.
    pub(super) fn look_again_if_due(&self) -> bool {
        let now = cycles::now();
        let is_due = self.budget.poll_is_due(now);
        if is_due {
            // Timers due at once wait until no coroutine is ready, and the caller is.
            self.wait_for_descriptors(Some(Duration::ZERO));
            self.note_poll();
            self.fire_timers(false);
        }
        self.grant_budget(now);
        self.limit_budget();
        is_due
    }

    /// Waits until a timer is due or a descriptor is ready, or until it is time to give memory
    /// back, and gives it back when no coroutine is ready.
    #[inline]
    fn wait(&self, dying: Option<Ref<Coroutine>>) {
        if !self.pool.trimming.has_finished(dying) {
            return self.poll(self.poll_timeout(dying, false));
        }
        let is_real = self.clock.passes_by_itself();
        // Under virtual time see `trim_at_once`.
        let until_trimming = is_real.then(|| self.pool.trimming.time_to_trim(dying));
        let until_timer = self.poll_timeout(dying, true);
        let timeout = match (until_trimming, until_timer) {
            (Some(trimming), Some(timer)) => Some(trimming.min(timer)),
            (trimming, timer) => trimming.or(timer),
        };
        self.poll(timeout);
        if until_trimming == Some(Duration::ZERO) && self.ready.is_empty() {
            self.trim(dying);
            if !self.pool.trimming.has_finished(dying) {
                self.pool.trimming.trim_heap(&self.objects);
            }
        }
    }

    /// Grants switches until the next look at the cycle counter.
    fn grant_budget(&self, now: u64) {
        overflow::renew();
        self.budget.grant(now);
    }

    /// Makes the next switch take the slow way where that must announce or check something.
    pub(super) fn limit_budget(&self) {
        if self.is_instrumented() || self.checks_misuse() {
            self.budget.limit();
        }
    }

    /// Wakes those whose descriptors are ready at this moment.
    pub(super) fn look_at_descriptors(&self) {
        self.wait_for_descriptors(Some(Duration::ZERO));
    }

    /// Wakes those whose timers are due or whose descriptors are ready, after waiting for a
    /// descriptor that long; `None` for ever.
    fn poll(&self, timeout: Option<Duration>) {
        self.wait_for_descriptors(timeout);
        self.note_poll();
        self.fire_timers(self.ready.is_empty());
    }

    fn note_poll(&self) {
        self.budget.note_poll();
        self.begin_turns();
    }

    fn fire_timers(&self, is_idle: bool) {
        if self.next_wakeup().is_some() {
            self.advance_timers(self.clock.refresh(), is_idle);
        }
    }

    /// Returns how long the poller may wait for the next timer: `None` for ever. Under virtual time
    /// it jumps to that timer, unless a descriptor is ready, after finished coroutines were given
    /// back, if there are any.
    fn poll_timeout(&self, dying: Option<Ref<Coroutine>>, has_finished: bool) -> Option<Duration> {
        let wakeup = self.next_wakeup();
        let remaining = match wakeup {
            Some(wakeup) => self.clock.ns_until(wakeup),
            None if has_finished => u64::MAX,
            None => return None,
        };
        if remaining > 0 && !self.clock.passes_by_itself() {
            // Virtual time: descriptors first, then the jump.
            self.look_at_descriptors();
            if self.ready.is_empty() {
                if has_finished {
                    self.trim_at_once(dying);
                }
                if self.outside_work.get() > 0 {
                    return None;
                }
                self.clock.jump_to(wakeup?);
            }
            return Some(Duration::ZERO);
        }
        wakeup.map(|_| Duration::from_nanos(remaining).min(LONGEST_WAIT))
    }

    fn wait_for_descriptors(&self, timeout: Option<Duration>) {
        self.begin_rest();
        match self.fds.own_poller() {
            Some(poller) => self.wait_with(poller, timeout),
            None if self.fds.has_inherited_poller() => self.wait_first_in_child(timeout),
            None => failing::sleep(timeout),
        }
        self.stir();
    }

    #[cold]
    #[inline(never)]
    fn wait_first_in_child(&self, timeout: Option<Duration>) {
        match self.poller() {
            Ok(poller) => {
                // Some waits may have ended right away.
                let is_idle = self.ready.is_empty();
                let timeout = if is_idle { timeout } else { Some(Duration::ZERO) };
                self.wait_with(poller, timeout);
            }
            Err(error) if is_refusal(error) => failing::fail_waits(self, &self.fds, error, timeout),
            // No descriptor is free, for instance. Later one may be.
            Err(_) => failing::sleep_before_retry(timeout),
        }
    }

    /// Waits for descriptors with the poller.
    #[inline]
    fn wait_with(&self, poller: &SystemPoller, timeout: Option<Duration>) {
        let result = poller.wait(timeout, &mut Delivery { run: self, fds: &self.fds });
        failing::note_wait(self, &self.fds, result, timeout);
    }

    /// Gives memory of finished coroutines back while others are ready. `now` is the cycle counter.
    /// Does nothing under virtual time, in which a program does the same in each run.
    fn trim_when_busy(&self, now: u64, dying: Option<Ref<Coroutine>>) {
        if self.clock.passes_by_itself() {
            self.pool.trimming.end_period(now, dying);
            self.trim(dying);
        }
    }

    /// Gives all finished coroutines back, under virtual time. To be called when time is about
    /// to jump.
    #[cold]
    fn trim_at_once(&self, dying: Option<Ref<Coroutine>>) {
        while self.pool.trimming.condemn(dying) {
            self.trim(dying);
        }
        self.pool.trimming.trim_heap(&self.objects);
    }

    /// Gives a batch of finished coroutines back.
    fn trim(&self, dying: Option<Ref<Coroutine>>) {
        if self.pool.trimming.trim(&self.pool.stacks, dying) {
            self.spare_bundles.purge();
            self.objects.purge();
        }
    }
}
