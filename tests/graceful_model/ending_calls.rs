//! What the calls do that end a bundle, or hand it over.

use crate::calls::fail;
use crate::log::ANY;
use crate::plan::*;
use crate::reference::*;
use libc::{EBADF, EBUSY, ECANCELED, EDEADLK, EINVAL, ETIMEDOUT};

impl Model<'_> {
    /// Why `who` can't end `bundle`.
    fn refusal(&self, who: usize, bundle: B) -> Option<Step> {
        let open = self.bundle(bundle);
        if open.is_some() && self.is_awaiting(bundle, who) {
            return Some(fail(EDEADLK));
        }
        self.refusal_to_owner(who, bundle)
    }

    /// Why `who` can't take `bundle` over.
    fn refusal_to_owner(&self, who: usize, bundle: B) -> Option<Step> {
        let Some(open) = self.bundle(bundle) else { return Some(fail(EBADF)) };
        if self.is_inside(who, bundle) {
            return Some(fail(EDEADLK));
        }
        open.ended_by.map(|_| fail(EBUSY))
    }

    /// Can the last coroutine in `bundle` not end before `who` does?
    fn is_awaiting(&self, bundle: B, who: usize) -> bool {
        let mut awaited = vec![who];
        let mut seen = Vec::new();
        while let Some(who) = awaited.pop() {
            let Some(own) = self.plan.scripts[who].bundle else { continue };
            if own == bundle {
                return true;
            }
            if seen.contains(&own) {
                continue;
            }
            seen.push(own);
            if let Some(own) = self.bundle(own) {
                awaited.extend(own.owner);
                awaited.extend(own.ended_by);
            }
        }
        false
    }

    /// `hown`, which closes the bundle where a handle can't be made any more.
    pub fn own(&mut self, who: usize, bundle: B) -> Step {
        let hard = self.cos[who].hard;
        let refusal =
            if hard { self.refusal(who, bundle) } else { self.refusal_to_owner(who, bundle) };
        if let Some(refusal) = refusal {
            return refusal;
        }
        self.bundle_mut(bundle).owner = Some(who);
        if hard {
            return self.force(who, bundle, error(ECANCELED), Tell::Nothing);
        }
        Step::Done(OK)
    }

    /// `hclose`.
    pub fn begin_close(&mut self, who: usize, bundle: B) -> Step {
        match self.refusal(who, bundle) {
            Some(refusal) => refusal,
            None => self.force(who, bundle, OK, Tell::Nothing),
        }
    }

    /// `bundle_cancel`.
    pub fn cancel(&mut self, who: usize, bundle: B, period: Period) -> Step {
        if period == Period::Invalid {
            return fail(EINVAL);
        }
        if let Some(refusal) = self.refusal(who, bundle) {
            return refusal;
        }
        if period == Period::Zero {
            return self.force(who, bundle, OK, Tell::Error);
        }
        if !self.cos[who].may_continue() {
            return self.force(who, bundle, error(ECANCELED), Tell::Error);
        }
        let grace = match period {
            Period::Until(_) => Some(Grace::Until(self.now + period.milliseconds(self.now))),
            Period::Inherit => self.inherited(who),
            Period::Zero | Period::Invalid | Period::Unlimited => Some(Grace::Unlimited),
        };
        let ending = self.bundle_mut(bundle);
        ending.forced = false;
        if ending.members.is_empty() {
            return self.graceful_end(who, bundle, OK);
        }
        ending.ended_by = Some(who);
        ending.grace = grace.unwrap_or(Grace::None);
        self.deliver(bundle);
        match grace {
            Some(_) => self.wait_in_grace(who, bundle),
            None => self.graceful_end(who, bundle, error(ETIMEDOUT)),
        }
    }

    /// The nearest grace period that runs, from the bundle of `who` up; `Grace::None` where there is
    /// none. `None`: it has ended, or its bundle is being hard-cancelled.
    fn inherited(&self, mut who: usize) -> Option<Grace> {
        while let Some(own) = self.plan.scripts[who].bundle.and_then(|own| self.bundle(own)) {
            if own.closing || own.overdue || own.error.is_some() {
                return None;
            }
            match own.grace {
                Grace::Until(end) if end <= self.now => return None,
                Grace::Until(_) | Grace::Unlimited => return Some(own.grace),
                Grace::None => {}
            }
            match own.owner {
                Some(owner) if self.cos[owner].hard => return None,
                Some(owner) => who = owner,
                None => break,
            }
        }
        Some(Grace::None)
    }

    fn wait_in_grace(&mut self, who: usize, bundle: B) -> Step {
        let ending = self.bundle_mut(bundle);
        let deadline = match ending.grace {
            Grace::Until(end) => Some(end),
            Grace::None | Grace::Unlimited => None,
        };
        ending.waiters.push(Waiter { who, clause: None, message: 0 });
        self.block(who, Interrupt::NotByRequest, deadline, error(ETIMEDOUT));
        Step::Block(Phase::Grace(bundle))
    }

    /// The wait for the end of the grace period is over.
    pub fn graceful_end(&mut self, who: usize, bundle: B, outcome: Outcome) -> Step {
        let empty = self.bundle_mut(bundle).members.is_empty();
        match outcome {
            (0, _) if !empty => {
                // Somebody has been launched since. A hard cancellation that came
                // meanwhile must not be waited out.
                if !self.cos[who].may_continue() {
                    return self.force(who, bundle, error(ECANCELED), Tell::Error);
                }
                self.wait_in_grace(who, bundle)
            }
            (0, _) | (_, ETIMEDOUT) => {
                // A deadline of the bundle may have been faster than the period. Or the
                // last one finished just when that ended: nobody is forced then.
                let ending = self.bundle_mut(bundle);
                let forced = !empty || ending.forced || ending.cut;
                let outcome = if forced { error(ETIMEDOUT) } else { (0, ANY) };
                self.force(who, bundle, outcome, Tell::Error)
            }
            outcome => self.force(who, bundle, outcome, Tell::Error),
        }
    }

    /// Hard-cancels what still runs, then awaits it.
    fn force(&mut self, who: usize, bundle: B, outcome: Outcome, tell: Tell) -> Step {
        let ending = self.bundle_mut(bundle);
        if !ending.members.is_empty() {
            ending.closing = true;
            ending.grace = Grace::None;
            ending.ended_by = Some(who);
            self.hard_cancel(bundle);
        }
        self.forced_end(who, bundle, outcome, tell)
    }

    /// Somebody hard-cancelled has finished.
    pub fn forced_end(&mut self, who: usize, bundle: B, outcome: Outcome, tell: Tell) -> Step {
        let ending = self.bundle_mut(bundle);
        if !ending.members.is_empty() {
            ending.waiters.push(Waiter { who, clause: None, message: 0 });
            self.block(who, Interrupt::Never, None, OK);
            return Step::Block(Phase::Force(bundle, outcome, tell));
        }
        let outcome = match ending.error {
            Some(told) if tell == Tell::Error && outcome != error(ECANCELED) => (told, told),
            _ => outcome,
        };
        self.destroy(bundle);
        Step::Done(outcome)
    }
}
