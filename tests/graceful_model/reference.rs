//! The reference model: what the contract says that the scripts of a plan see, when and
//! in which order. It shares nothing with the library and is simple rather than fast:
//! lists are vectors, and whatever a coroutine waits in is searched for it.
//!
//! This file is the scheduler; `calls` has what each call does, `objects` what happens
//! to bundles, channels and scopes.
//!
//! The order of events at one moment is part of the model: the ready queue is FIFO, a
//! launched coroutine runs at once and its parent goes on behind all that are ready,
//! timers of one deadline fire in the order of their arming, and whoever is hard-cancelled,
//! notified or woken together is so in the order of launch, registration or arrival.

use crate::log::{ANY, AT_END, Entry};
use crate::plan::*;
use std::collections::VecDeque;

/// Result and errno of a call.
pub type Outcome = (i32, i32);

pub const OK: Outcome = (0, ANY);

pub fn error(errno: i32) -> Outcome {
    (-1, errno)
}

/// What may end a wait early.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// Nothing.
    Never,
    /// Hard cancellation, and a scope's deadline.
    NotByRequest,
    Any,
}

/// Where a script stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// In front of an operation.
    Begin,
    /// In its call; done when that returns.
    Call,
    /// Waits for the moment at which it may touch a descriptor.
    OwnMoment,
    /// Cancels this bundle; the grace period runs.
    Grace(B),
    /// Awaits the hard-cancelled coroutines of this bundle; the outcome is known, but for an error
    /// that one of them has reported, if that is to be told.
    Force(B, Outcome, Tell),
    /// Closes its bundles from this one on.
    Ending(u8),
}

/// Does the end of a bundle tell the error that a member has reported?
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tell {
    Error,
    Nothing,
}

/// What an operation comes to.
pub enum Step {
    Done(Outcome),
    /// Nothing is done, and nothing logged.
    Skip,
    Block(Phase),
    Launch(S),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    No,
    ByDeadline,
    ByRequest,
}

pub struct Scope {
    pub id: u32,
    pub fired: Fired,
    /// The deadline has passed.
    pub overdue: bool,
    pub shield: bool,
}

/// A coroutine.
pub struct Co {
    /// Blocked, and by what its wait ends early.
    blocked: Option<Interrupt>,
    phase: Phase,
    /// What the call that it waits for returns.
    outcome: Outcome,
    /// The message or byte received.
    pub value: u32,
    pub hard: bool,
    pub scopes: Vec<Scope>,
    op: usize,
    round: u32,
}

impl Co {
    fn new() -> Co {
        Co {
            blocked: None,
            phase: Phase::Begin,
            outcome: OK,
            value: 0,
            hard: false,
            scopes: Vec::new(),
            op: 0,
            round: 1,
        }
    }

    fn any_scope(&self, is: impl Fn(&Scope) -> bool) -> bool {
        let outermost = self.scopes.iter().rposition(|scope| scope.shield).unwrap_or(0);
        self.scopes[outermost..].iter().any(is)
    }

    /// Do blocking calls work?
    pub fn may_block(&self) -> bool {
        !self.hard && !self.any_scope(|scope| scope.fired != Fired::No)
    }

    /// Does one go on that a request must not cut?
    pub fn may_continue(&self) -> bool {
        !self.hard && !self.any_scope(|scope| scope.overdue)
    }
}

/// Somebody who waits in a list; for `choose` with the clause.
#[derive(Clone, Copy)]
pub struct Waiter {
    pub who: usize,
    pub clause: Option<usize>,
    pub message: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    Call(usize),
    /// The scope with this number, of this script.
    Scope(usize, u32),
    Bundle(B),
}

pub struct Timer {
    at: i64,
    pub alarm: Alarm,
    /// What a call returns.
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Grace {
    None,
    Until(i64),
    Unlimited,
}

/// A bundle that is open.
pub struct Bundle {
    pub owner: Option<usize>,
    pub members: Vec<usize>,
    pub waiters: Vec<Waiter>,
    /// Scopes that fire with the request.
    pub watchers: Vec<(usize, u32)>,
    pub notified: Vec<End>,
    /// Clauses of `choose` for the request.
    pub askers: Vec<Waiter>,
    pub followers: Vec<B>,
    pub requested: bool,
    pub grace: Grace,
    /// Coroutines have been hard-cancelled since the grace period began.
    pub forced: bool,
    /// The deadline has passed, and members were cut by it.
    pub overdue: bool,
    pub cut: bool,
    /// The first that a member has reported.
    pub error: Option<i32>,
    /// Who is ending it.
    pub ended_by: Option<usize>,
    /// Nothing can be launched any more.
    pub closing: bool,
}

/// One end of a channel.
#[derive(Default)]
pub struct Half {
    pub receivers: Vec<Waiter>,
    pub senders: Vec<Waiter>,
    pub watchers: Vec<(usize, u32)>,
    /// Nothing more comes.
    pub done: bool,
    pub closed: bool,
}

/// What can be read from a descriptor, and who waits for it.
#[derive(Default)]
pub struct Fd {
    pub bytes: VecDeque<u8>,
    pub reader: Option<Waiter>,
}

pub struct Model<'a> {
    pub plan: &'a Plan,
    pub now: i64,
    pub cos: Vec<Co>,
    ready: VecDeque<usize>,
    /// In the order of their arming.
    pub timers: Vec<Timer>,
    pub bundles: [Option<Bundle>; MOST_BUNDLES],
    pub halves: [[Half; 2]; CHANNELS],
    pub fds: [Fd; FDS],
    pub next_scope: u32,
    log: Vec<Entry>,
}

/// The log that the plan must give.
pub fn predict(plan: &Plan) -> Vec<Entry> {
    let mut model = Model {
        plan,
        now: 0,
        cos: (0..plan.scripts.len()).map(|_| Co::new()).collect(),
        ready: VecDeque::new(),
        timers: Vec::new(),
        bundles: [const { None }; MOST_BUNDLES],
        halves: Default::default(),
        fds: Default::default(),
        next_scope: 0,
        log: Vec::with_capacity(64),
    };
    let mut current = Some(0);
    while let Some(who) = current {
        current = model.run(who);
    }
    model.log
}

impl Model<'_> {
    /// Runs `who` until it blocks, and says who is next; `None` when main has finished.
    fn run(&mut self, who: usize) -> Option<usize> {
        loop {
            let phase = std::mem::replace(&mut self.cos[who].phase, Phase::Begin);
            let step = match phase {
                Phase::Begin => match self.plan.scripts[who].ops.get(self.cos[who].op) {
                    Some(op) => self.begin(who, op),
                    None => {
                        while !self.cos[who].scopes.is_empty() {
                            self.leave_scope(who);
                        }
                        self.cos[who].op = usize::from(AT_END);
                        match self.close_next(who, 0) {
                            Some(step) => step,
                            None => return self.finish(who),
                        }
                    }
                },
                Phase::Ending(bundle) => match self.close_next(who, bundle) {
                    Some(step) => step,
                    None => return self.finish(who),
                },
                Phase::Call => self.returned(who),
                Phase::OwnMoment => self.at_own_moment(who),
                Phase::Grace(bundle) => self.graceful_end(who, bundle, self.cos[who].outcome),
                Phase::Force(bundle, outcome, tell) => self.forced_end(who, bundle, outcome, tell),
            };
            match step {
                Step::Done(outcome) => self.log(who, outcome),
                Step::Skip => self.cos[who].op += 1,
                Step::Block(phase) => {
                    self.cos[who].phase = phase;
                    return Some(self.next());
                }
                Step::Launch(script) => {
                    self.cos[who].phase = Phase::Call;
                    self.requeue(who);
                    return Some(usize::from(script.0));
                }
            }
        }
    }

    /// Closes the first bundle, from `from` on, that `who` has left open; the main script all
    /// that are open.
    fn close_next(&mut self, who: usize, from: u8) -> Option<Step> {
        let closes = |bundle: &Bundle| bundle.owner == Some(who) || who == MAIN;
        let bundle = (from..MOST_BUNDLES as u8)
            .map(B)
            .find(|&bundle| self.bundle(bundle).is_some_and(closes))?;
        self.cos[who].value = u32::from(bundle.0);
        Some(self.begin_close(who, bundle))
    }

    /// Notes that an operation has returned, and goes on to the next one.
    fn log(&mut self, who: usize, (result, errno): Outcome) {
        let co = &mut self.cos[who];
        let value = std::mem::take(&mut co.value);
        let op = co.op as u8;
        self.log.push(Entry { script: who as u8, op, time: self.now, result, errno, value });
        if op == AT_END {
            let again = who == MAIN && result == 0;
            co.phase = Phase::Ending(if again { 0 } else { value as u8 + 1 });
            return;
        }
        let script = &self.plan.scripts[who];
        let again = matches!(script.ops[co.op], Op::RecvAll(..));
        if again && result == 0 && co.round < MOST_RECEIVED {
            co.round += 1;
            return;
        }
        co.round = 1;
        co.op += 1;
        if script.polite && (result, errno) == error(libc::ECANCELED) && co.scopes.is_empty() {
            co.op = script.ops.len();
        }
    }

    fn finish(&mut self, who: usize) -> Option<usize> {
        for bundle in self.bundles.iter_mut().flatten() {
            bundle.owner = bundle.owner.filter(|&owner| owner != who);
        }
        if let Some(own) = self.plan.scripts[who].bundle {
            let bundle = self.bundle_mut(own);
            bundle.members.retain(|&member| member != who);
            if bundle.members.is_empty() {
                self.end_bundle_waits(own);
            }
        }
        if who == 0 { None } else { Some(self.next()) }
    }

    /// Who goes on; time passes when nobody is ready.
    fn next(&mut self) -> usize {
        loop {
            if let Some(who) = self.ready.pop_front() {
                return who;
            }
            for fd in 0..FDS {
                if !self.fds[fd].bytes.is_empty()
                    && let Some(reader) = self.fds[fd].reader
                {
                    self.complete(reader, 0);
                }
            }
            if self.ready.is_empty() {
                let next = self.timers.iter().map(|timer| timer.at).min();
                self.now = next.expect("main waits with a deadline");
                while let Some(index) = self.timers.iter().position(|timer| timer.at <= self.now) {
                    let timer = self.timers.remove(index);
                    match timer.alarm {
                        Alarm::Call(who) => self.wake(who, timer.outcome),
                        Alarm::Scope(who, id) => self.scope_overdue(who, id),
                        Alarm::Bundle(bundle) => self.pass_deadline(bundle),
                    }
                }
            }
        }
    }

    /// Has `who` wait, until `deadline` at most; then the call returns `outcome`.
    pub fn block(
        &mut self,
        who: usize,
        interrupt: Interrupt,
        deadline: Option<i64>,
        outcome: Outcome,
    ) {
        self.cos[who].blocked = Some(interrupt);
        if let Some(at) = deadline {
            self.timers.push(Timer { at, alarm: Alarm::Call(who), outcome });
        }
    }

    pub fn arm(&mut self, at: i64, alarm: Alarm) {
        self.timers.push(Timer { at, alarm, outcome: OK });
    }

    pub fn disarm(&mut self, alarm: Alarm) {
        self.timers.retain(|timer| timer.alarm != alarm);
    }

    /// Lets all who are ready go first.
    pub fn requeue(&mut self, who: usize) {
        self.cos[who].outcome = (0, 0);
        self.ready.push_back(who);
    }

    /// The call of `who`, which is blocked, returns `outcome`.
    pub fn wake(&mut self, who: usize, outcome: Outcome) {
        self.cos[who].blocked = None;
        self.cos[who].outcome = outcome;
        self.disarm(Alarm::Call(who));
        let others = |waiter: &Waiter| waiter.who != who;
        for half in self.halves.iter_mut().flatten() {
            half.receivers.retain(others);
            half.senders.retain(others);
        }
        for bundle in self.bundles.iter_mut().flatten() {
            bundle.waiters.retain(others);
            bundle.askers.retain(others);
        }
        for fd in &mut self.fds {
            fd.reader = fd.reader.filter(others);
        }
        self.ready.push_back(who);
    }

    /// The wait of `waiter` is over, successfully or not.
    pub fn complete(&mut self, waiter: Waiter, errno: i32) {
        let result = match waiter.clause {
            Some(clause) => clause as i32,
            None => -i32::from(errno != 0),
        };
        self.wake(waiter.who, (result, errno));
    }

    /// Ends the wait of `who` if there is a reason.
    pub fn interrupt(&mut self, who: usize) {
        let co = &self.cos[who];
        let ended = match co.blocked {
            Some(Interrupt::Any) => !co.may_block(),
            Some(Interrupt::NotByRequest) => !co.may_continue(),
            Some(Interrupt::Never) | None => false,
        };
        if ended {
            self.wake(who, error(libc::ECANCELED));
        }
    }

    /// What the call that `who` waited for has returned.
    pub fn outcome(&self, who: usize) -> Outcome {
        self.cos[who].outcome
    }

    /// The index of the operation in the script.
    pub fn operation(&self, who: usize) -> usize {
        self.cos[who].op
    }
}
