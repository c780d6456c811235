//! The real run: the scripts of a plan as coroutines of the library, in virtual time.

use crate::ffi::{self, CancelScope, Chclause, call};
use crate::invariants::Invariants;
use crate::log::{AT_END, Entry};
use crate::pairs::Pairs;
use crate::plan::*;
use core::ffi::{c_int, c_void};
use std::cell::{Cell, RefCell};
use std::ptr;

/// In place of a handle that is not open.
pub const NO_HANDLE: c_int = 1 << 30;

/// A case under way. All coroutines share it.
pub struct Run<'a> {
    pub plan: &'a Plan,
    pairs: &'a Pairs,
    start: i64,
    tasks: Vec<Task>,
    pub bundles: [Cell<c_int>; MOST_BUNDLES],
    /// Who closes the bundle at his end.
    pub owners: [Cell<Option<usize>>; MOST_BUNDLES],
    channels: [[Cell<c_int>; 2]; CHANNELS],
    log: RefCell<Vec<Entry>>,
    pub invariants: Invariants<'a>,
}

/// The argument of a coroutine.
struct Task {
    run: Cell<*const c_void>,
    script: usize,
}

/// Runs `plan`; the log, and what was wrong whatever the model says.
pub fn run(plan: &Plan, pairs: &Pairs) -> (Vec<Entry>, Vec<String>) {
    // SAFETY: the library's functions are called as documented, here and below.
    let start = unsafe {
        let aligned = (ffi::dill_now() / GRID + 1) * GRID;
        assert_eq!(ffi::dill_msleep(aligned), 0);
        aligned
    };
    let tasks = (0..plan.scripts.len())
        .map(|script| Task { run: Cell::new(ptr::null()), script })
        .collect();
    let run = Run {
        plan,
        pairs,
        start,
        tasks,
        bundles: [const { Cell::new(NO_HANDLE) }; MOST_BUNDLES],
        owners: [const { Cell::new(None) }; MOST_BUNDLES],
        channels: std::array::from_fn(|_| make_channel()),
        log: RefCell::new(Vec::with_capacity(64)),
        invariants: Invariants::new(plan),
    };
    for task in &run.tasks {
        task.run.set((&raw const run).cast());
    }
    run.script(0);
    for end in run.channels.iter().flatten().filter(|end| end.get() != NO_HANDLE) {
        // SAFETY: as above.
        assert_eq!(unsafe { ffi::dill_hclose(end.get()) }, 0);
    }
    pairs.drain();
    let log = run.log.into_inner();
    let violations = run.invariants.finish(&log);
    (log, violations)
}

fn make_channel() -> [Cell<c_int>; 2] {
    let mut ends = [0; 2];
    // SAFETY: room for two handles.
    assert_eq!(unsafe { ffi::dill_chmake(ends.as_mut_ptr()) }, 0);
    assert!(ends.iter().all(|&handle| handle < 1000), "handles leak");
    ends.map(Cell::new)
}

/// What coroutines run.
unsafe extern "C" fn coroutine(task: *mut c_void) {
    // SAFETY: tasks and their run outlive all coroutines, which end before `run` does;
    // both are shared only.
    unsafe {
        let task = &*task.cast::<Task>();
        let run = &*task.run.get().cast::<Run>();
        run.script(task.script);
    }
}

/// The cancel scopes of one coroutine, in place.
struct Scopes {
    memory: [CancelScope; MOST_SCOPES],
    depth: usize,
}

impl Run<'_> {
    pub fn now(&self) -> i64 {
        // SAFETY: no conditions.
        unsafe { ffi::dill_now() - self.start }
    }

    pub fn bundle(&self, bundle: B) -> c_int {
        self.bundles[usize::from(bundle.0)].get()
    }

    fn end(&self, end: End) -> c_int {
        self.channels[usize::from(end.channel)][usize::from(end.end)].get()
    }

    /// The deadline of a call as the library takes it.
    fn deadline(&self, limit: Limit) -> i64 {
        match limit {
            Limit::Now => 0,
            limit => limit.deadline(self.now()).map_or(-1, |at| self.start + at),
        }
    }

    fn log(&self, script: usize, op: u8, (result, errno): (c_int, c_int), value: u32) -> Entry {
        let entry = Entry { script: script as u8, op, time: self.now(), result, errno, value };
        self.log.borrow_mut().push(entry);
        entry
    }

    fn script(&self, me: usize) {
        self.invariants.begins(me);
        let mut scopes = Scopes {
            memory: [const { CancelScope([ptr::null_mut(); 16]) }; MOST_SCOPES],
            depth: 0,
        };
        let script = &self.plan.scripts[me];
        'script: for (number, op) in script.ops.iter().enumerate() {
            let mut round = 1;
            while let Some((outcome, value)) = self.operate(me, number, op, &mut scopes) {
                let entry = self.log(me, number as u8, outcome, value);
                self.invariants.returned(&entry, op, scopes.depth);
                let canceled = outcome == (-1, libc::ECANCELED);
                if canceled && script.polite && scopes.depth == 0 {
                    break 'script;
                }
                if !matches!(op, Op::RecvAll(..)) || outcome.0 != 0 || round == MOST_RECEIVED {
                    break;
                }
                round += 1;
            }
        }
        while scopes.depth > 0 {
            scopes.leave();
        }
        let mut index = 0;
        while index < MOST_BUNDLES {
            let bundle = B(index as u8);
            index += 1;
            let mine = self.owners[usize::from(bundle.0)].get() == Some(me);
            if (mine || me == MAIN) && self.bundles[usize::from(bundle.0)].get() != NO_HANDLE {
                let outcome = self.close(me, bundle);
                self.log(me, AT_END, outcome, u32::from(bundle.0));
                if me == MAIN && outcome.0 == 0 {
                    index = 0; // others may have left theirs meanwhile
                }
            }
        }
        for owner in self.owners.iter().filter(|owner| owner.get() == Some(me)) {
            owner.set(None);
        }
        self.invariants.ends(me);
    }

    /// Carries out one operation; its outcome, and the message or byte received. `None`:
    /// nothing is done, and nothing logged.
    fn operate(
        &self,
        me: usize,
        number: usize,
        op: &Op,
        scopes: &mut Scopes,
    ) -> Option<((c_int, c_int), u32)> {
        let mut value = 0u32;
        let place = (&raw mut value).cast();
        let len = size_of::<u32>();
        // SAFETY: buffers and clauses outlive the calls, scopes are left in `script`.
        let outcome = unsafe {
            match *op {
                Op::Sleep(n) => {
                    let deadline = self.deadline(Limit::After(n));
                    call(|| ffi::dill_msleep(deadline))
                }
                Op::SleepForever => call(|| ffi::dill_msleep(-1)),
                Op::Yield => call(|| ffi::dill_yield()),
                Op::Send(end, limit) => {
                    let message = Plan::message(me, number, 0);
                    let deadline = self.deadline(limit);
                    let message = (&raw const message).cast();
                    call(|| ffi::dill_chsend(self.end(end), message, len, deadline))
                }
                Op::Recv(end, limit) | Op::RecvAll(end, limit) => {
                    let deadline = self.deadline(limit);
                    call(|| ffi::dill_chrecv(self.end(end), place, len, deadline))
                }
                Op::Done(end) => call(|| ffi::dill_chdone(self.end(end))),
                Op::CloseEnd(end) => {
                    let outcome = call(|| ffi::dill_hclose(self.end(end)));
                    if outcome.0 == 0 {
                        self.channels[usize::from(end.channel)][usize::from(end.end)]
                            .set(NO_HANDLE);
                    }
                    outcome
                }
                Op::Choose(ref clauses, limit) => {
                    return Some(self.choose(me, number, clauses, limit));
                }
                Op::FdIn(fd, limit) => {
                    let outcome = self.sleep_to_own_moment(me);
                    if outcome.0 != 0 {
                        return Some((outcome, 0));
                    }
                    let deadline = self.deadline(limit);
                    let readable = self.pairs.readable(fd);
                    let outcome = call(|| ffi::dill_fdin(readable, deadline));
                    if outcome.0 == 0 {
                        value = self.pairs.read(fd).map_or(u32::MAX, u32::from);
                    }
                    outcome
                }
                Op::FdWrite(fd) => {
                    let outcome = self.sleep_to_own_moment(me);
                    if outcome.0 != 0 {
                        return Some((outcome, 0));
                    }
                    self.pairs.write(fd, me as u8);
                    let deadline = self.deadline(Limit::After(1));
                    call(|| ffi::dill_msleep(deadline))
                }
                Op::Channel => {
                    let mut ends = [0; 2];
                    let outcome = call(|| ffi::dill_chmake(ends.as_mut_ptr()));
                    if outcome.0 == 0 {
                        ends.iter().for_each(|&end| assert_eq!(ffi::dill_hclose(end), 0));
                    }
                    outcome
                }
                Op::Bundle(bundle) => {
                    let outcome = call(|| ffi::dill_bundle());
                    if outcome.0 < 0 {
                        return Some((outcome, 0));
                    }
                    let index = usize::from(bundle.0);
                    self.bundles[index].set(outcome.0);
                    self.owners[index].set(Some(me));
                    (0, outcome.1)
                }
                Op::Go(bundle, script) => {
                    let task = &raw const self.tasks[usize::from(script.0)];
                    call(|| ffi::launch(self.bundle(bundle), coroutine, task.cast_mut().cast()))
                }
                Op::Own(bundle) => self.own(me, bundle),
                Op::Wait(bundle, limit) => {
                    let deadline = self.deadline(limit);
                    call(|| ffi::dill_bundle_wait(self.bundle(bundle), deadline))
                }
                Op::Cancel(bundle, period) => {
                    let milliseconds = period.milliseconds(self.now());
                    self.end_bundle(me, bundle, milliseconds, |handle| {
                        ffi::dill_bundle_cancel(handle, milliseconds)
                    })
                }
                Op::Close(bundle) => self.close(me, bundle),
                Op::CancelChannel(end) => call(|| ffi::dill_bundle_cancel(self.end(end), 1)),
                Op::Deadline(bundle, limit) => {
                    let deadline = self.deadline(limit);
                    let outcome = call(|| ffi::dill_bundle_deadline(self.bundle(bundle), deadline));
                    if outcome.0 == 0 {
                        self.invariants.deadline_set(
                            bundle,
                            limit.deadline(self.now()),
                            self.now(),
                        );
                    }
                    outcome
                }
                Op::Notify(bundle, end) => {
                    call(|| ffi::dill_bundle_notify(self.bundle(bundle), self.end(end)))
                }
                Op::Request(bundle) => {
                    let handle = bundle.map_or(-1, |bundle| self.bundle(bundle));
                    call(|| ffi::dill_bundle_request(handle))
                }
                Op::Requested => call(|| ffi::dill_bundle_requested()),
                Op::Fail(error) => {
                    let outcome = call(|| ffi::dill_bundle_fail(error.into()));
                    if outcome.0 == 0 {
                        self.invariants.failed(me);
                    }
                    outcome
                }
                Op::Follow(bundle) => call(|| ffi::dill_bundle_follow(self.bundle(bundle))),
                Op::Enter(..) if scopes.depth == MOST_SCOPES => return None,
                Op::Enter(watch, limit) => {
                    let watched = match watch {
                        Watch::Nothing => -1,
                        Watch::Channel(end) => self.end(end),
                        Watch::Request => ffi::REQUEST,
                        Watch::Shield => ffi::SHIELD,
                    };
                    scopes.enter(watched, self.deadline(limit))
                }
                Op::Leave if scopes.depth == 0 => return None,
                Op::Leave => scopes.leave(),
                Op::LeaveOuter if scopes.depth < 2 => return None,
                Op::LeaveOuter => {
                    let outer = &raw mut scopes.memory[scopes.depth - 2];
                    call(|| ffi::dill_cancel_leave(outer))
                }
            }
        };
        let received =
            matches!(op, Op::Recv(..) | Op::RecvAll(..) | Op::FdIn(..)) && outcome.0 == 0;
        Some((outcome, if received { value } else { 0 }))
    }

    fn sleep_to_own_moment(&self, me: usize) -> (c_int, c_int) {
        let deadline = self.start + Plan::own_moment(me, self.now());
        // SAFETY: no conditions.
        call(|| unsafe { ffi::dill_msleep(deadline) })
    }

    fn choose(
        &self,
        me: usize,
        number: usize,
        clauses: &[Clause],
        limit: Limit,
    ) -> ((c_int, c_int), u32) {
        let mut buffers: Vec<u32> =
            (0..clauses.len()).map(|index| Plan::message(me, number, index + 1)).collect();
        let mut own: Vec<Chclause> = clauses
            .iter()
            .zip(&mut buffers)
            .map(|(clause, buffer)| {
                let (op, ch) = match *clause {
                    Clause::Send(end) => (ffi::CHSEND, self.end(end)),
                    Clause::Recv(end) => (ffi::CHRECV, self.end(end)),
                    Clause::Readable(fd) => (ffi::CHFDIN, self.pairs.readable(fd)),
                    Clause::Writable(fd) => (ffi::CHFDOUT, self.pairs.writable(fd)),
                    Clause::Bundle(bundle) => (ffi::CHBUNDLE, self.bundle(bundle)),
                    Clause::Request => (ffi::CHREQUEST, -1),
                };
                match op {
                    ffi::CHSEND | ffi::CHRECV => {
                        let val = (&raw mut *buffer).cast();
                        Chclause { op, ch, val, len: size_of::<u32>() }
                    }
                    _ => Chclause { op, ch, val: ptr::null_mut(), len: 0 },
                }
            })
            .collect();
        let deadline = self.deadline(limit);
        // SAFETY: clauses and buffers outlive the call.
        let outcome =
            call(|| unsafe { ffi::dill_choose(own.as_mut_ptr(), own.len() as c_int, deadline) });
        let done = usize::try_from(outcome.0).ok().filter(|_| outcome.1 == 0);
        let value = match done.map(|index| (index, clauses[index])) {
            Some((index, Clause::Recv(_))) => buffers[index],
            Some((_, Clause::Readable(fd))) => self.pairs.read(fd).map_or(u32::MAX, u32::from),
            _ => 0,
        };
        for (index, clause) in clauses.iter().enumerate() {
            let received = matches!(clause, Clause::Recv(_)) && done == Some(index);
            if !received && buffers[index] != Plan::message(me, number, index + 1) {
                self.invariants
                    .broken(format!("a clause not chosen wrote to its buffer: {clause:?}"));
            }
        }
        (outcome, value)
    }
}

impl Scopes {
    fn enter(&mut self, watched: c_int, deadline: i64) -> (c_int, c_int) {
        let scope = &raw mut self.memory[self.depth];
        // SAFETY: the scope stays in place until it is left.
        let outcome = call(|| unsafe { ffi::dill_cancel_enter(scope, watched, deadline) });
        self.depth += usize::from(outcome.0 == 0);
        outcome
    }

    fn leave(&mut self) -> (c_int, c_int) {
        self.depth -= 1;
        let scope = &raw mut self.memory[self.depth];
        // SAFETY: the innermost scope.
        call(|| unsafe { ffi::dill_cancel_leave(scope) })
    }
}
