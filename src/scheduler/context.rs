//! All state of one scheduler: there is one for each thread that uses the library.

use super::clock::{CachedClock, Clock, MonotonicClock, VirtualClock};
use super::coroutine::{Coroutine, Waiter};
use super::dump::{self, Dumping};
use super::endings::ForeignEndings;
use super::fd_readiness::FdTable;
use super::fork::{self, PollerPlace};
use super::overflow;
use super::poller::{Poller as _, SystemPoller};
use super::ready_queue::ReadyQueue;
use super::recycle::Quarantine;
use super::registry::{self, Locked, Place};
use super::timers::TimingWheel;
use super::trimming::Trimming;
use super::turns::LaunchTurn;
use crate::handle_table::HandleTable;
use crate::intrusive::Ref;
use crate::object_cache::{ObjectCache, Spares};
use crate::os::allocation;
use crate::os::alternate_stack::AlternateStack;
use crate::os::errno::{self, Errno, Result};
use crate::os::{caught_signals, instrumentation, settings, stay_loaded, thread_context};
use crate::stack::StackPool;
use core::cell::{Cell, OnceCell};
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use std::alloc::Layout;

static SERIALS: AtomicU64 = AtomicU64::new(1);

/// A scheduler. Pinned on the heap; it lives until its thread ends.
#[repr(C)]
pub(crate) struct Context {
    // What nearly every call needs, in one or two cache lines.
    /// First, as the coroutine that runs is read before it is known whether there is a
    /// scheduler: see [`Context::unless`].
    pub(super) ready: ReadyQueue,
    /// Switches left until the poller is asked; none ever with AddressSanitizer.
    pub(super) budget: Cell<i32>,
    /// See [`Context::has_turn`].
    pub(super) turn: Cell<i32>,
    /// Finished coroutines, linked by `next_ready`: see [`Trimming`].
    pub(super) idle: Cell<Option<Ref<Coroutine>>>,
    /// Open handles.
    pub(crate) handles: HandleTable,
    pub(crate) clock: CachedClock,
    pub(super) launch_turn: LaunchTurn,
    /// The budget given last, and the cycle counter then.
    pub(super) granted: Cell<i32>,
    pub(super) granted_at: Cell<u64>,
    /// The cycle counter when the poller was asked last.
    pub(super) polled_at: Cell<u64>,
    /// Bundles, whose type an upper layer knows.
    pub(crate) spare_bundles: Spares,
    /// Memory for small objects.
    pub(crate) objects: ObjectCache,
    /// Of finished coroutines, with AddressSanitizer. Before `stacks`, on which they lie.
    pub(super) quarantine: Quarantine,
    pub(super) trimming: Trimming,
    /// Stacks for coroutines.
    pub(super) stacks: StackPool,
    pub(super) wheel: TimingWheel,
    pub(crate) fds: FdTable,
    pub(super) poller: PollerPlace,
    /// How much other threads are doing for coroutines of this one.
    pub(super) outside_work: Cell<usize>,
    /// For debuggers and dumps.
    pub(super) place: Place,
    pub(super) dumping: Dumping,
    handler_stack: OnceCell<AlternateStack>,
    /// See [`Context::serial`].
    serial: u64,
    /// See [`Context::checks_misuse`].
    checks_misuse: bool,
    checked_launches: Cell<u32>,
    /// Coroutines that are ending bundles of others.
    pub(crate) foreign_endings: ForeignEndings<Coroutine>,
    /// See [`Context::periods`].
    periods: Cell<i64>,
    /// See [`Context::let_stacks_last`].
    stacks_last: Cell<bool>,
    pub(super) main: Coroutine,
    /// Runs, as far as the ready queue is concerned, while the poller is asked.
    pub(super) nobody: Coroutine,
}

const _: () = assert!(offset_of!(Context, ready) == 0);

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
    pub(super) fn unless(reasons: u8) -> Option<&'static Context> {
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
            let running = ReadyQueue::running_of(&raw const (*pointer).ready);
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

    #[cold]
    #[inline(never)]
    fn create() -> Result<&'static Context> {
        stay_loaded::ensure();
        // Held to the end: what is made once for the process is made under it, too.
        let locked = registry::lock();
        fork::watch_out(&locked)?;
        let checks_misuse = settings::check();
        let clock: Box<dyn Clock> = if settings::virtual_clock() {
            allocation::boxed(VirtualClock::new())?
        } else {
            allocation::boxed(MonotonicClock)?
        };
        let layout = Layout::new::<Context>();
        // SAFETY: the layout is not empty.
        #[allow(unsafe_code)]
        let memory = unsafe { std::alloc::alloc(layout) }.cast::<Context>();
        let place = NonNull::new(memory).ok_or(Errno::ENOMEM)?;
        // SAFETY: the place is fresh memory of the right layout. `main` inside of it is
        // pinned with it, so the `Ref` to it is good for as long as the context lives.
        #[allow(unsafe_code)]
        let context: &'static Context = unsafe {
            let main = Ref::from_raw(&raw const (*place.as_ptr()).main);
            place.write(Context {
                ready: ReadyQueue::new(main),
                budget: Cell::new(0),
                turn: Cell::new(0),
                launch_turn: LaunchTurn::new(),
                idle: Cell::new(None),
                handles: HandleTable::new(),
                clock: CachedClock::new(clock),
                granted: Cell::new(1),
                granted_at: Cell::new(0),
                polled_at: Cell::new(0),
                spare_bundles: Spares::new(256),
                objects: ObjectCache::new(),
                quarantine: Quarantine::new(),
                trimming: Trimming::new(),
                stacks: StackPool::new(),
                wheel: TimingWheel::new(),
                fds: FdTable::new(),
                poller: PollerPlace::new(),
                outside_work: Cell::new(0),
                place: Place::new(),
                dumping: Dumping::new(),
                handler_stack: OnceCell::new(),
                serial: SERIALS.fetch_add(1, Ordering::Relaxed),
                checks_misuse,
                checked_launches: Cell::new(0),
                foreign_endings: ForeignEndings::new(),
                periods: Cell::new(0),
                stacks_last: Cell::new(false),
                main: Coroutine::main(errno::location()),
                nobody: Coroutine::main(errno::location()),
            });
            place.as_ref()
        };
        context.wheel.init(context.clock.now());
        context.begin_turns();
        context.main.pin();
        if instrumentation::present() {
            context.main.instrument();
        }
        context.enroll(&locked);
        thread_context::set(place.cast());
        if let Err(error) = thread_context::at_thread_exit(place.as_ptr().cast(), Self::destroy) {
            Self::free(place, locked);
            return Err(error);
        }
        context.install_handlers();
        // A value that can't be understood is told of at once, not only by the first who waits.
        let _ = settings::io_uring();
        Ok(context)
    }

    /// Installs the handlers of stack overflows and of the signal that asks for a dump, where they
    /// are wanted, and the stack for all handlers of the library.
    fn install_handlers(&self) {
        overflow::install();
        dump::install();
        if let Some(stack) = AlternateStack::install() {
            let _ = self.handler_stack.set(stack);
        }
    }

    /// Ends the scheduler of a thread that ends. Coroutines that still exist are
    /// abandoned with their stacks.
    #[allow(unsafe_code)]
    unsafe extern "C" fn destroy(context: *mut c_void) {
        let Some(place) = NonNull::new(context.cast::<Context>()) else { return };
        // SAFETY: called by the thread's exit with the pointer given to `at_thread_exit`.
        let context = unsafe { place.as_ref() };
        caught_signals::end_thread();
        if !context.current().same(&context.main) {
            // The thread ends from within a coroutine, on a stack of ours: leave it all.
            thread_context::clear();
            context.withdraw(&registry::lock());
            return;
        }
        if context.stacks_last.get() {
            let finished = context.count_finished() + context.quarantine.count();
            context.stacks.leak_if_more_are_used_than(finished);
        }
        Self::free(place, registry::lock());
    }

    fn free(place: NonNull<Context>, locked: Locked) {
        thread_context::clear();
        // SAFETY: nobody can reach the context any more: the thread's pointer is null, it
        // is in no list, and the thread runs no coroutine.
        #[allow(unsafe_code)]
        unsafe {
            place.as_ref().withdraw(&locked);
            place.drop_in_place();
            std::alloc::dealloc(place.as_ptr().cast(), Layout::new::<Context>());
        }
        drop(locked);
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

    /// The coroutine that runs.
    #[inline(always)]
    pub(crate) fn current(&self) -> Ref<Coroutine> {
        self.ready.running()
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
        match self.poller.get() {
            Some(poller) => Ok(poller),
            None => self.make_poller(),
        }
    }

    #[cold]
    #[inline(never)]
    fn make_poller(&self) -> Result<&SystemPoller> {
        match self.poller.inherited() {
            None => self.poller.put(allocation::boxed(SystemPoller::new()?)?),
            Some(inherited) => {
                let made = inherited.successor(&self.fds.buffers_in_use())?;
                self.poller.put(allocation::boxed(made)?);
                self.fds.renew(self);
            }
        }
        self.poller.get().ok_or(Errno::ENOMEM)
    }

    /// The poller, if there is one; in a forked child also if its parent had one.
    #[inline]
    pub(super) fn existing_poller(&self) -> Option<&SystemPoller> {
        match self.poller.get() {
            Some(poller) => Some(poller),
            None if self.poller.inherited().is_some() => self.make_poller().ok(),
            None => None,
        }
    }

    /// Memory for the clauses of a blocked `choose`, not initialised.
    pub(crate) fn allocate_waiters(&self, count: usize) -> Result<NonNull<Waiter>> {
        let size = count.checked_mul(size_of::<Waiter>()).ok_or(Errno::ENOMEM)?;
        Ok(self.objects.allocate_bytes(size)?.cast())
    }

    /// Gives up a `choose` that could not begin: detaches the first `made` of its waiters.
    pub(crate) fn abandon_waiters(&self, waiters: NonNull<Waiter>, made: usize, count: usize) {
        for index in 0..made {
            // SAFETY: these were made by the caller in a block for `count` of them.
            #[allow(unsafe_code)]
            unsafe {
                (*waiters.as_ptr().add(index)).detach();
            }
        }
        self.free_waiters(waiters.as_ptr(), count);
    }

    /// Frees what [`Context::allocate_waiters`] gave.
    pub(super) fn free_waiters(&self, address: *mut Waiter, count: usize) {
        if let Some(block) = NonNull::new(address) {
            // SAFETY: allocated above for `count` waiters, all of which are detached.
            #[allow(unsafe_code)]
            unsafe {
                self.objects.free_bytes(block.cast(), count * size_of::<Waiter>());
            }
        }
    }
}
