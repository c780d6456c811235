//! Work that blocks its thread, done by helper threads.
//!
//! The coroutine waits for an eventfd (see [`Wakeup`]). When its deadline passes or it is cancelled it goes on at
//! once: the helper goes on alone, for nobody, and drops the result.

mod helpers;

pub(crate) use crate::scheduler::fd_readiness::Help;
pub(crate) use helpers::Crew;

use crate::os::allocation::{self, Shared};
use crate::os::descriptors::Wakeup;
use crate::os::errno::{Errno, Result};
use crate::os::{fork, instrumentation, signal_handlers, syscalls};
use crate::scheduler::context::{Context, OutsideWork};
use crate::scheduler::coroutine::Interrupt;
use crate::scheduler::fd_readiness::FdSource;
use crate::scheduler::time;
use core::any::Any;
use core::mem;
use core::ptr;
use std::os::fd::{OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a function has returned, or what it has panicked with.
pub(crate) type Answer<T> = core::result::Result<T, Box<dyn Any + Send>>;

/// Has a helper of `crew` call `function`; what that returns.
///
/// `ETIMEDOUT`, `ECANCELED`: the function may not have been called, or still be running; `EAGAIN`
/// when no thread can be started at present (the system's own error where it refuses threads), or
/// when the process has forked and this is the child, where the helpers are not; `ENOMEM`,
/// `EMFILE`, `ENFILE`.
pub(crate) fn offload<T: Send + 'static>(
    crew: &'static Crew,
    function: impl FnOnce() -> T + Send + 'static,
    deadline: i64,
) -> Result<Answer<T>> {
    let context = Context::may_block()?;
    if time::has_passed(deadline) {
        return Err(Errno::ETIMEDOUT);
    }
    let question = Question::ask(context, crew, function)?;
    question.wait(deadline)
}

/// What a helper is to do.
trait Task: Send {
    /// Does it, unless nobody waits any more. Never unwinds.
    fn perform(&self);

    /// Its address, to tell it from others.
    fn address(&self) -> usize;
}

/// A function to call, and its result.
struct Job<F, T> {
    function: Mutex<Option<F>>,
    state: Mutex<State<T>>,
    /// What the thread that asks blocks: a function of the program's is called with the same mask,
    /// which programs that it starts inherit. `None`: the helper's own.
    mask: Option<libc::sigset_t>,
}

enum State<T> {
    /// A coroutine waits until something is written to this descriptor, which is open as long as
    /// the state is this one.
    Asked(RawFd),
    /// Nobody waits any more.
    Abandoned,
    Answered(Answer<T>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
    // It knows nothing of this mutex.
    instrumentation::tsan_acquire(mutex);
    guard
}

impl<F: FnOnce() -> T + Send, T: Send> Task for Shared<Job<F, T>> {
    fn address(&self) -> usize {
        ptr::from_ref::<Job<F, T>>(self) as usize
    }

    fn perform(&self) {
        if matches!(*lock(&self.state), State::Abandoned) {
            return;
        }
        let Some(function) = lock(&self.function).take() else { return };
        let own_mask = self.mask.as_ref().map(signal_handlers::set_mask);
        let answer = catch_unwind(AssertUnwindSafe(function));
        if let Some(mask) = own_mask {
            signal_handlers::set_mask(&mask);
        }
        let mut state = lock(&self.state);
        // With the lock held, so that the number still means the same file.
        if let State::Asked(fd) = *state {
            *state = State::Answered(answer);
            syscalls::signal_event(fd);
            instrumentation::tsan_release(&self.state);
            return;
        }
        drop(state);
        // Its drop may panic, too; then it is leaked.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(answer))) {
            mem::forget(panic);
        }
    }
}

/// The side of the coroutine that waits.
struct Question<F: FnOnce() -> T + Send + 'static, T: Send + 'static> {
    job: Shared<Job<F, T>>,
    crew: &'static Crew,
    answered: FdSource,
    /// Keeps open what the helper writes to, where that is another descriptor.
    _writer: Option<OwnedFd>,
    /// Of the process, see [`fork::generation`].
    process: u8,
    /// In virtual time nothing happens before the helper has answered.
    _outside: OutsideWork,
}

impl<F: FnOnce() -> T + Send + 'static, T: Send + 'static> Question<F, T> {
    #[inline(never)] // the stack of a waiting coroutine needs nothing of this
    fn ask(context: &'static Context, crew: &'static Crew, function: F) -> Result<Self> {
        let wakeup = Wakeup::new()?;
        let state = Mutex::new(State::Asked(wakeup.writer()));
        let mask = (crew.help() == Help::Offload).then(signal_handlers::mask);
        let job = Shared::new(Job { function: Mutex::new(Some(function)), state, mask })?;
        let (reader, _writer) = wakeup.into_parts();
        let answered = FdSource::register_local(reader, crew.help())?;
        let process = fork::generation();
        let _outside = context.outside_work();
        let question = Self { job, crew, answered, _writer, process, _outside };
        // When this fails the question is abandoned, as at every other end.
        crew.submit(allocation::boxed(question.job.clone())?)?;
        Ok(question)
    }

    fn wait(self, deadline: i64) -> Result<Answer<T>> {
        loop {
            if self.is_parents() {
                return Err(Errno::EAGAIN);
            }
            // First: what is answered after that is a new edge.
            self.answered.read_has_blocked();
            if let Some(answer) = self.take_answer() {
                return Ok(answer);
            }
            self.answered.wait_readable(deadline, Interrupt::Any)?;
        }
    }

    /// Has the process forked, so that nobody will answer here? A helper may have had a lock at
    /// that moment, which stays locked.
    fn is_parents(&self) -> bool {
        self.process != fork::generation()
    }

    fn take_answer(&self) -> Option<Answer<T>> {
        let mut state = lock(&self.job.state);
        match mem::replace(&mut *state, State::Abandoned) {
            State::Answered(answer) => Some(answer),
            other => {
                *state = other;
                None
            }
        }
    }
}

impl<F: FnOnce() -> T + Send + 'static, T: Send + 'static> Drop for Question<F, T> {
    fn drop(&mut self) {
        if self.is_parents() {
            return; // what a helper was busy with stays as it was: it is one of the owners
        }
        // Before the eventfd is closed. An answer that came just now is dropped without the lock.
        let late = mem::replace(&mut *lock(&self.job.state), State::Abandoned);
        drop(late);
        self.crew.withdraw(self.job.address());
    }
}

#[cfg(test)]
mod tests;
