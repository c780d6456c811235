//! All state of one scheduler: there is one for each thread that uses the library.

use super::budget::{Failures, LaunchTurn};
use super::cancellations::Cancellations;
use super::clock::CachedClock;
use super::coroutine::{Coroutine, Launch, stop};
use super::drafts::Drafts;
use super::dumping::Dumping;
use super::endings::ForeignEndings;
use super::fd_table::FdTable;
use super::poller::SystemPoller;
use super::ready_queue::ReadyQueue;
use super::reason::ReasonPlace;
use super::recycle::{self, CoroutinePool};
use super::registry::Place;
use super::run::Run;
use crate::handle_table::HandleTable;
use crate::intrusive::Ref;
use crate::object_cache::Spares;
use crate::os::alternate_stack::AlternateStack;
use crate::os::debug_layout::Field;
use crate::os::errno::Result;
use crate::os::thread_context;
use core::cell::{Cell, OnceCell};
use core::ffi::{c_char, c_int};
use core::mem::offset_of;
use core::ops::Deref;

/// A scheduler. Pinned on the heap; it lives until its thread ends.
///
/// It is its [`Run`], which all waits need, and what else there is.
#[repr(C)]
pub(crate) struct Context {
    /// First: see [`Context::unless`] and [`Run::existing`].
    pub(super) run: Run,
    /// Open handles. Nearly every call needs them, with the beginning of `run`.
    pub(crate) handles: HandleTable,
    pub(crate) clock: CachedClock,
    pub(super) pool: CoroutinePool,
    pub(super) launch_turn: LaunchTurn,
    pub(super) failures: Failures,
    /// Bundles, whose type an upper layer knows.
    pub(crate) spare_bundles: Spares,
    pub(crate) fds: FdTable,
    /// Heads of messages that were begun and not sent.
    pub(crate) drafts: Drafts,
    /// How much other threads are doing for coroutines of this one.
    pub(super) outside_work: Cell<usize>,
    /// For debuggers and dumps.
    pub(super) place: Place,
    pub(super) dumping: Dumping,
    /// The hard cancellations that are under way.
    pub(crate) cancellations: Cancellations,
    /// Why the last call has failed, where that was noted.
    pub(crate) reason: ReasonPlace,
    pub(super) handler_stack: OnceCell<AlternateStack>,
    /// See [`Context::serial`].
    pub(super) serial: u64,
    /// See [`Context::checks_misuse`].
    pub(super) checks_misuse: bool,
    pub(super) checked_launches: Cell<u32>,
    /// Coroutines that are ending bundles of others.
    pub(crate) foreign_endings: ForeignEndings<Coroutine>,
    /// See [`Context::periods`].
    pub(super) periods: Cell<i64>,
    /// See [`Context::let_stacks_last`].
    pub(super) stacks_last: Cell<bool>,
    pub(super) main: Coroutine,
    /// The idle task: runs, as far as the ready queue is concerned, while the poller is asked.
    pub(super) idle_task: Coroutine,
}

const _: () = assert!(offset_of!(Context, run) == 0);

impl Deref for Context {
    type Target = Run;

    #[inline(always)]
    fn deref(&self) -> &Run {
        &self.run
    }
}

/// While it exists, another thread is at work for the coroutine that made it: virtual time
/// stands still, as the result would otherwise come at a random moment of it.
pub(crate) struct OutsideWork(&'static Context);

impl Drop for OutsideWork {
    fn drop(&mut self) {
        self.0.outside_work.set(self.0.outside_work.get() - 1);
    }
}

impl Context {
    /// The calling thread's scheduler, if it has one.
    #[inline(always)]
    pub(crate) fn existing() -> Option<&'static Context> {
        let pointer = thread_context::get()?.cast::<Context>();
        // SAFETY: the pointer is that of this thread's context, which lives until the
        // thread ends; only shared references to it are made. `'static` is right as
        // long as no reference leaves the thread: `Context` is not `Sync`.
        #[allow(unsafe_code)]
        Some(unsafe { pointer.as_ref() })
    }

    /// The calling thread's scheduler, unless the running coroutine has one of these reasons
    /// to stop, of which it must be at least one; `None` also without a scheduler.
    #[inline(always)]
    fn unless(reasons: u8) -> Option<&'static Context> {
        // SAFETY: as large a part of the coroutine exists.
        #[allow(unsafe_code)]
        Self::if_running(|running| unsafe { Coroutine::stop_of(running) } & reasons == 0)
    }

    /// The calling thread's scheduler, if the running coroutine passes the test. Without a
    /// scheduler that looks at a block of [`thread_context::NOBODY_SIZE`] bytes, all ones,
    /// and must fail.
    #[inline(always)]
    fn if_running(test: impl FnOnce(*const Coroutine) -> bool) -> Option<&'static Context> {
        let pointer = thread_context::raw().cast::<Context>();
        // SAFETY: the pointer is that of this thread's context, as in `existing`, or of the
        // address of that block.
        #[allow(unsafe_code)]
        unsafe {
            let running = Run::running_of(&raw const (*pointer).run);
            if test(running) { Some(&*pointer) } else { None }
        }
    }

    /// The calling thread's scheduler, if the end of the running coroutine is an easy one, see
    /// [`Coroutine::ends_easily`].
    #[inline(always)]
    pub(crate) fn if_ends_easily() -> Option<&'static Context> {
        // SAFETY: as in `unless`.
        #[allow(unsafe_code)]
        Self::if_running(|running| unsafe { Coroutine::ends_easily(running) })
    }

    /// The same, but the coroutine may have reasons to stop.
    #[inline(always)]
    pub(crate) fn if_carefree() -> Option<&'static Context> {
        // SAFETY: as in `unless`.
        #[allow(unsafe_code)]
        Self::if_running(|running| unsafe { Coroutine::is_carefree(running) })
    }

    /// The calling thread's scheduler, made if need be. `ENOMEM` when it can't be.
    #[inline(always)]
    pub(crate) fn get() -> Result<&'static Context> {
        match Self::existing() {
            Some(context) => Ok(context),
            None => Self::create(),
        }
    }

    /// Fails with `ECANCELED` where nothing may be started, with `ENOMEM` when the
    /// thread can't have a scheduler.
    #[inline(always)]
    pub(crate) fn may_start() -> Result<&'static Context> {
        match Self::unless(stop::HARD) {
            Some(context) => Ok(context),
            None => Self::made_unless(stop::HARD),
        }
    }

    /// Fails with `ECANCELED` where a blocking call must, with `ENOMEM` when the thread
    /// can't have a scheduler.
    #[inline(always)]
    pub(crate) fn may_block() -> Result<&'static Context> {
        match Self::may_block_at_once() {
            Some(context) => Ok(context),
            None => Self::made_unless(stop::ANY),
        }
    }

    /// As [`Context::may_block`], without a reason for a failure, and without making a scheduler.
    #[inline(always)]
    pub(crate) fn may_block_at_once() -> Option<&'static Context> {
        Self::unless(stop::ANY)
    }

    /// As [`Context::may_start`], likewise.
    #[inline(always)]
    pub(crate) fn may_start_at_once() -> Option<&'static Context> {
        Self::unless(stop::HARD)
    }

    /// The thread's scheduler, unless a close callback runs; `None` also without a scheduler.
    #[inline(always)]
    pub(crate) fn not_closing_at_once() -> Option<&'static Context> {
        Self::unless(stop::CLOSING)
    }

    #[cold]
    #[inline(never)]
    fn made_unless(reasons: u8) -> Result<&'static Context> {
        let context = Context::get()?;
        context.reason.clear();
        context.current().unless_stopped(reasons)?;
        Ok(context)
    }

    /// Coroutines that are left behind when the thread ends keep their stacks: safe code may
    /// have lent what lies there to other threads, and only its destructors would wait for them.
    pub(crate) fn let_stacks_last(&self) {
        self.stacks_last.set(true);
    }

    /// Returns whether `DILL_CHECK=1` asks for reports of likely mistakes. All launches and
    /// ends then take the slow ways, which check.
    #[inline]
    pub(crate) fn checks_misuse(&self) -> bool {
        self.checks_misuse
    }

    /// Counts a launch, and returns whether it is one to check: every one of so many, when
    /// mistakes are to be reported.
    #[inline]
    pub(crate) fn is_checked_launch(&self, interval: u32) -> bool {
        if !self.checks_misuse {
            return false;
        }
        let count = self.checked_launches.get().wrapping_add(1);
        self.checked_launches.set(count);
        count.is_multiple_of(interval)
    }

    /// Distinguishes this scheduler from all others of the process, those that have ended
    /// included. Never 0.
    #[inline(always)]
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// A number that is another one whenever a search for grace periods may have another result
    /// than before.
    pub(crate) fn periods(&self) -> i64 {
        self.periods.get()
    }

    /// Notes that a grace period has begun, that coroutines were hard-cancelled, or that a bundle
    /// has another owner or none.
    #[inline(always)]
    pub(crate) fn note_periods(&self) {
        self.periods.set(self.periods.get() + 1);
    }

    /// The coroutine of whatever runs on the thread's own stack.
    pub(crate) fn main_coroutine(&self) -> Ref<Coroutine> {
        // SAFETY: pinned with the context.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw(&raw const self.main)
        }
    }

    /// Address of this thread's `errno`.
    #[inline(always)]
    pub(crate) fn errno_location(&self) -> *mut c_int {
        self.main.execution.errno_location()
    }

    /// True when the program was built with AddressSanitizer.
    #[inline(always)]
    pub(crate) fn is_instrumented(&self) -> bool {
        self.main.execution.is_instrumented()
    }

    /// Notes that another thread is at work, whose end a descriptor will tell.
    pub(crate) fn outside_work(&'static self) -> OutsideWork {
        self.outside_work.set(self.outside_work.get() + 1);
        OutsideWork(self)
    }

    /// The poller, made if need be: threads that wait for no descriptor have none.
    #[inline]
    pub(super) fn poller(&self) -> Result<&SystemPoller> {
        self.fds.poller(self)
    }

    /// The poller, if there is one; in a forked child also if its parent had one.
    #[inline]
    pub(super) fn existing_poller(&self) -> Option<&SystemPoller> {
        self.fds.existing_poller(self)
    }

    /// Returns whether [`Context::reuse_coroutine`] has a coroutine.
    #[inline(always)]
    pub(crate) fn has_idle_coroutine(&self) -> bool {
        self.pool.has_idle()
    }

    /// A coroutine on a warm stack that has not begun, if there is one.
    #[inline(always)]
    pub(crate) fn reuse_coroutine(&self, place: *const c_char) -> Option<Ref<Coroutine>> {
        self.pool.reuse(place)
    }

    /// A coroutine on a stack of the library that has not begun.
    pub(crate) fn make_coroutine(&self, launch: Launch) -> Result<Ref<Coroutine>> {
        self.pool.make(launch, &self.main)
    }

    /// A coroutine on the user's memory that has not begun. `ENOMEM`: too little of it.
    pub(crate) fn make_coroutine_in(
        &self,
        memory: (*mut u8, usize),
        launch: Launch,
    ) -> Result<Ref<Coroutine>> {
        recycle::make_in(memory, launch, &self.main)
    }

    /// The scheduler of which this is the place in the list of all.
    ///
    /// # Safety
    /// It is a part of a scheduler that lives, and the pointer came from one to all of it.
    #[allow(unsafe_code)]
    pub(super) unsafe fn of_place<'a>(place: *const Place) -> &'a Context {
        // SAFETY: by the caller's promise.
        unsafe { &*place.byte_sub(offset_of!(Context, place)).cast() }
    }

    /// For debuggers. The list of all schedulers is one of their places.
    pub(crate) const LAYOUT: &[Field] = &[
        Field::new(c"context.place", offset_of!(Context, place)),
        Field::new(c"context.next", offset_of!(Context, place) + Place::NEXT),
        Field::new(c"context.thread", offset_of!(Context, place) + Place::THREAD),
        Field::new(c"context.main", offset_of!(Context, main)),
        Field::new(c"context.current", offset_of!(Run, ready) + ReadyQueue::RUNNING),
        Field::new(c"context.handles", offset_of!(Context, handles)),
    ];
}
