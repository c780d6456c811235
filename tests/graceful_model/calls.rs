//! What each call does, by the contract.

use crate::log::ANY;
use crate::plan::*;
use crate::reference::*;
use libc::{EBADF, EBUSY, ECANCELED, EDEADLK, EINVAL, ENOTSUP, EPIPE, ETIMEDOUT};

/// A call that fails.
pub fn fail(errno: i32) -> Step {
    Step::Done(error(errno))
}

impl Model<'_> {
    /// Begins an operation.
    pub fn begin(&mut self, who: usize, op: &Op) -> Step {
        let message = |clause| Plan::message(who, self.operation(who), clause);
        match *op {
            Op::Sleep(n) => self.sleep(who, Limit::After(n).deadline(self.now), Phase::Call),
            Op::SleepForever => self.sleep(who, None, Phase::Call),
            Op::Yield if self.cos[who].may_block() => {
                self.requeue(who);
                Step::Block(Phase::Call)
            }
            Op::Yield => fail(ECANCELED),
            Op::Send(end, limit) => {
                let message = message(0);
                self.exchange(who, Clause::Send(end), message, limit)
            }
            Op::Recv(end, limit) | Op::RecvAll(end, limit) => {
                self.exchange(who, Clause::Recv(end), 0, limit)
            }
            Op::Done(end) if self.half(end).closed => fail(EBADF),
            Op::Done(end) => {
                if self.done(end) {
                    Step::Done(OK)
                } else {
                    fail(EPIPE)
                }
            }
            Op::CloseEnd(end) if self.half(end).closed => fail(EBADF),
            Op::CloseEnd(end) => {
                self.close_end(end);
                Step::Done(OK)
            }
            Op::Choose(ref clauses, limit) => self.choose(who, clauses, limit),
            Op::FdIn(..) | Op::FdWrite(_) => {
                let moment = Plan::own_moment(who, self.now);
                self.sleep(who, Some(moment), Phase::OwnMoment)
            }
            Op::Channel | Op::Bundle(_) | Op::Go(..) if self.cos[who].hard => fail(ECANCELED),
            Op::Channel => Step::Done(OK),
            Op::Bundle(bundle) => self.make_bundle(who, bundle),
            Op::Go(bundle, script) => self.go(bundle, script),
            Op::Own(bundle) => self.own(who, bundle),
            Op::Wait(bundle, limit) => self.wait(who, bundle, limit),
            Op::Cancel(bundle, period) => self.cancel(who, bundle, period),
            Op::Close(bundle) => self.begin_close(who, bundle),
            Op::CancelChannel(end) if self.half(end).closed => fail(EBADF),
            Op::CancelChannel(_) => fail(ENOTSUP),
            Op::Deadline(bundle, limit) => self.set_deadline(bundle, limit),
            Op::Notify(bundle, end) => self.notify(bundle, end),
            Op::Request(bundle) => self.request(who, bundle),
            Op::Requested => Step::Done((self.is_requested(who).into(), ANY)),
            Op::Fail(error) => self.fail_own(who, error.into()),
            Op::Follow(bundle) => self.follow(who, bundle),
            Op::Enter(..) if self.cos[who].scopes.len() == MOST_SCOPES => Step::Skip,
            Op::Enter(watch, limit) => Step::Done(self.enter_scope(who, watch, limit)),
            Op::Leave if self.cos[who].scopes.is_empty() => Step::Skip,
            Op::Leave => Step::Done(self.leave_scope(who)),
            Op::LeaveOuter if self.cos[who].scopes.len() < 2 => Step::Skip,
            Op::LeaveOuter => fail(EINVAL),
        }
    }

    /// The call that `who` waited for has returned.
    pub fn returned(&mut self, who: usize) -> Step {
        let outcome = self.outcome(who);
        let readable = match self.plan.scripts[who].ops[self.operation(who)] {
            Op::FdIn(fd, _) if outcome.0 == 0 => Some(fd),
            Op::Choose(ref clauses, _) if outcome.0 >= 0 && outcome.1 == 0 => {
                match clauses[outcome.0 as usize] {
                    Clause::Readable(fd) => Some(fd),
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some(fd) = readable {
            self.read(who, fd);
        }
        Step::Done(outcome)
    }

    fn read(&mut self, who: usize, fd: u8) {
        let byte = self.fds[usize::from(fd)].bytes.pop_front();
        self.cos[who].value = byte.map_or(u32::MAX, u32::from);
    }

    fn sleep(&mut self, who: usize, until: Option<i64>, phase: Phase) -> Step {
        if !self.cos[who].may_block() {
            return fail(ECANCELED);
        }
        self.block(who, Interrupt::Any, until, (0, 0));
        Step::Block(phase)
    }

    /// The sleep to the script's own moment is over.
    pub fn at_own_moment(&mut self, who: usize) -> Step {
        let outcome = self.outcome(who);
        if outcome.0 != 0 {
            return Step::Done(outcome);
        }
        match self.plan.scripts[who].ops[self.operation(who)] {
            Op::FdWrite(fd) => {
                self.fds[usize::from(fd)].bytes.push_back(who as u8);
                self.sleep(who, Limit::After(1).deadline(self.now), Phase::Call)
            }
            Op::FdIn(..) if !self.cos[who].may_block() => fail(ECANCELED),
            Op::FdIn(fd, _) if self.fds[usize::from(fd)].reader.is_some() => fail(EBUSY),
            Op::FdIn(fd, limit) => {
                let waiter = Waiter { who, clause: None, message: 0 };
                self.fds[usize::from(fd)].reader = Some(waiter);
                self.block_until(who, limit)
            }
            _ => unreachable!("only these wait for it"),
        }
    }

    /// An ordinary blocking call: whatever interrupts, interrupts it.
    fn block_until(&mut self, who: usize, limit: Limit) -> Step {
        self.block(who, Interrupt::Any, limit.deadline(self.now), error(ETIMEDOUT));
        Step::Block(Phase::Call)
    }

    fn exchange(&mut self, who: usize, clause: Clause, message: u32, limit: Limit) -> Step {
        if !self.cos[who].may_block() {
            return fail(ECANCELED);
        }
        match self.attempt(who, clause, message) {
            Some(0) => Step::Done(OK),
            Some(errno) => fail(errno),
            None if limit == Limit::Now => fail(ETIMEDOUT),
            None => {
                self.enqueue(clause, Waiter { who, clause: None, message });
                self.block_until(who, limit)
            }
        }
    }

    fn choose(&mut self, who: usize, clauses: &[Clause], limit: Limit) -> Step {
        if !self.cos[who].may_block() {
            return fail(ECANCELED);
        }
        let operation = self.operation(who);
        for (index, &clause) in clauses.iter().enumerate() {
            let message = Plan::message(who, operation, index + 1);
            if let Some(errno) = self.attempt(who, clause, message) {
                if let (Clause::Readable(fd), 0) = (clause, errno) {
                    self.read(who, fd);
                }
                return Step::Done((index as i32, errno));
            }
        }
        if limit == Limit::Now {
            return fail(ETIMEDOUT);
        }
        // Before anything else: at most one reader waits for a descriptor.
        for (index, &clause) in clauses.iter().enumerate() {
            let Clause::Readable(fd) = clause else { continue };
            let fd = usize::from(fd);
            if self.fds[fd].reader.is_some() {
                return Step::Done((index as i32, EBUSY));
            }
        }
        for (index, &clause) in clauses.iter().enumerate() {
            let message = Plan::message(who, operation, index + 1);
            self.enqueue(clause, Waiter { who, clause: Some(index), message });
        }
        self.block_until(who, limit)
    }

    /// Carries out what can be done at once: the errno, or 0. `None`: it must wait.
    fn attempt(&mut self, who: usize, clause: Clause, message: u32) -> Option<i32> {
        match clause {
            Clause::Send(end) | Clause::Recv(end) if self.half(end).closed => Some(EBADF),
            Clause::Send(end) => {
                let target = self.half(end.peer());
                if target.done {
                    return Some(EPIPE);
                }
                let receiver = *target.receivers.first()?;
                self.cos[receiver.who].value = message;
                self.complete(receiver, 0);
                Some(0)
            }
            Clause::Recv(end) => {
                let target = self.half(end);
                if target.done {
                    return Some(EPIPE);
                }
                let sender = *target.senders.first()?;
                self.cos[who].value = sender.message;
                self.complete(sender, 0);
                Some(0)
            }
            Clause::Readable(fd) => (!self.fds[usize::from(fd)].bytes.is_empty()).then_some(0),
            Clause::Writable(_) => Some(0),
            Clause::Bundle(bundle) => match self.bundle(bundle) {
                None => Some(EBADF),
                Some(_) if self.is_inside(who, bundle) => Some(EDEADLK),
                Some(bundle) => bundle.members.is_empty().then_some(0),
            },
            Clause::Request => {
                let own = self.plan.scripts[who].bundle?;
                self.bundle_mut(own).requested.then_some(0)
            }
        }
    }

    fn enqueue(&mut self, clause: Clause, waiter: Waiter) {
        match clause {
            Clause::Send(end) => self.half(end.peer()).senders.push(waiter),
            Clause::Recv(end) => self.half(end).receivers.push(waiter),
            // The first clause for it waits for all.
            Clause::Readable(fd) => {
                self.fds[usize::from(fd)].reader.get_or_insert(waiter);
            }
            Clause::Writable(_) => unreachable!("always ready"),
            Clause::Bundle(bundle) => self.bundle_mut(bundle).waiters.push(waiter),
            Clause::Request => {
                if let Some(own) = self.plan.scripts[waiter.who].bundle {
                    self.bundle_mut(own).askers.push(waiter);
                }
            }
        }
    }

    fn make_bundle(&mut self, who: usize, bundle: B) -> Step {
        self.bundles[usize::from(bundle.0)] = Some(Bundle {
            owner: Some(who),
            members: Vec::new(),
            waiters: Vec::new(),
            watchers: Vec::new(),
            notified: Vec::new(),
            askers: Vec::new(),
            overdue: false,
            cut: false,
            error: None,
            followers: Vec::new(),
            requested: false,
            grace: Grace::None,
            forced: false,
            ended_by: None,
            closing: false,
        });
        Step::Done(OK)
    }

    fn go(&mut self, bundle: B, script: S) -> Step {
        match self.bundle(bundle) {
            None => fail(EBADF),
            Some(open) if open.closing || open.overdue || open.error.is_some() => fail(ECANCELED),
            Some(_) => {
                self.bundle_mut(bundle).members.push(usize::from(script.0));
                Step::Launch(script)
            }
        }
    }

    fn wait(&mut self, who: usize, bundle: B, limit: Limit) -> Step {
        if !self.cos[who].may_block() {
            return fail(ECANCELED);
        }
        let Some(open) = self.bundle(bundle) else { return fail(EBADF) };
        if open.members.is_empty() {
            return Step::Done(open.error.map_or(OK, |error| (error, error)));
        }
        if self.is_inside(who, bundle) {
            return fail(EDEADLK);
        }
        // Whoever ends the bundle, or has it as a clause, waits beside.
        let waits = |waiter: &Waiter| waiter.clause.is_none() && Some(waiter.who) != open.ended_by;
        if open.waiters.iter().any(waits) {
            return fail(EBUSY);
        }
        self.bundle_mut(bundle).waiters.push(Waiter { who, clause: None, message: 0 });
        self.block_until(who, limit)
    }

    fn set_deadline(&mut self, bundle: B, limit: Limit) -> Step {
        if self.bundle(bundle).is_none() {
            return fail(EBADF);
        }
        if self.bundle_mut(bundle).closing {
            return Step::Done(OK);
        }
        self.disarm(Alarm::Bundle(bundle));
        let open = self.bundle_mut(bundle);
        (open.overdue, open.cut) = (false, false);
        match limit.deadline(self.now) {
            Some(at) if at <= self.now => self.pass_deadline(bundle),
            Some(at) => self.arm(at, Alarm::Bundle(bundle)),
            None => {}
        }
        Step::Done(OK)
    }

    fn notify(&mut self, bundle: B, end: End) -> Step {
        if self.bundle(bundle).is_none() || self.half(end).closed {
            return fail(EBADF);
        }
        if self.bundle_mut(bundle).requested {
            self.done(end);
        } else if !self.bundle_mut(bundle).notified.contains(&end) {
            self.bundle_mut(bundle).notified.push(end);
        }
        Step::Done(OK)
    }

    fn request(&mut self, who: usize, bundle: Option<B>) -> Step {
        let Some(asked) = bundle.or(self.plan.scripts[who].bundle) else { return fail(ENOTSUP) };
        if self.bundle(asked).is_none() {
            return fail(EBADF);
        }
        self.deliver(asked);
        Step::Done(OK)
    }

    fn is_requested(&self, who: usize) -> bool {
        let own = self.plan.scripts[who].bundle.and_then(|own| self.bundle(own));
        self.cos[who].hard || own.is_some_and(|own| own.requested)
    }

    fn fail_own(&mut self, who: usize, error: i32) -> Step {
        let Some(own) = self.plan.scripts[who].bundle else { return fail(ENOTSUP) };
        if self.cos[who].hard {
            return fail(ECANCELED);
        }
        self.fail_bundle(own, who, error);
        Step::Done(OK)
    }

    fn follow(&mut self, who: usize, bundle: B) -> Step {
        if self.bundle(bundle).is_none() {
            return fail(EBADF);
        }
        let Some(own) = self.plan.scripts[who].bundle else { return fail(ENOTSUP) };
        if self.is_inside(who, bundle) {
            return fail(EDEADLK);
        }
        if self.bundle_mut(own).requested {
            self.deliver(bundle);
        } else {
            let followers = &mut self.bundle_mut(own).followers;
            if !followers.contains(&bundle) {
                followers.push(bundle);
            }
        }
        Step::Done(OK)
    }
}
