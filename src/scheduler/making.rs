//! The beginning and the end of a scheduler.

use super::budget::{Failures, LaunchTurn};
use super::cancellations::Cancellations;
use super::clock::{CachedClock, Clock, MonotonicClock, VirtualClock};
use super::context::Context;
use super::coroutine::Coroutine;
use super::drafts::Drafts;
use super::dump;
use super::dumping::Dumping;
use super::endings::ForeignEndings;
use super::fd_table::FdTable;
use super::fork;
use super::overflow;
use super::reason::ReasonPlace;
use super::recycle::CoroutinePool;
use super::registry::{self, Locked, Place};
use super::run::Run;
use crate::handle_table::HandleTable;
use crate::intrusive::Ref;
use crate::object_cache::Spares;
use crate::os::allocation;
use crate::os::alternate_stack::AlternateStack;
use crate::os::errno::{self, Errno, Result};
use crate::os::{caught_signals, instrumentation, settings, stay_loaded, thread_context};
use core::cell::{Cell, OnceCell};
use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use std::alloc::Layout;

static SERIALS: AtomicU64 = AtomicU64::new(1);

impl Context {
    /// Makes the calling thread's scheduler, which has none. `ENOMEM`.
    #[cold]
    #[inline(never)]
    pub(super) fn create() -> Result<&'static Context> {
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
                run: Run::new(main),
                handles: HandleTable::new(),
                clock: CachedClock::new(clock),
                pool: CoroutinePool::new(),
                launch_turn: LaunchTurn::new(),
                failures: Failures::new(),
                spare_bundles: Spares::new(256),
                fds: FdTable::new(),
                drafts: Drafts::new(),
                outside_work: Cell::new(0),
                place: Place::new(),
                dumping: Dumping::new(),
                cancellations: Cancellations::new(),
                reason: ReasonPlace::new(),
                handler_stack: OnceCell::new(),
                serial: SERIALS.fetch_add(1, Ordering::Relaxed),
                checks_misuse,
                checked_launches: Cell::new(0),
                foreign_endings: ForeignEndings::new(),
                periods: Cell::new(0),
                stacks_last: Cell::new(false),
                main: Coroutine::main(errno::location(), Run::time_out),
                idle_task: Coroutine::main(errno::location(), Run::time_out),
            });
            place.as_ref()
        };
        context.run.init(context.clock.now());
        context.drafts.init();
        context.cancellations.init();
        context.begin_turns();
        context.main.pin();
        if instrumentation::present() {
            context.main.instrument();
        }
        // SAFETY: the context stays where it is, and `free` or `destroy` withdraw it.
        #[allow(unsafe_code)]
        unsafe {
            Place::enroll(&raw mut (*place.as_ptr()).place, &locked);
        }
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
            context.place.withdraw(&registry::lock());
            return;
        }
        if context.stacks_last.get() {
            context.pool.stacks.leak_if_more_are_used_than(context.pool.count());
        }
        Self::free(place, registry::lock());
    }

    fn free(place: NonNull<Context>, locked: Locked) {
        thread_context::clear();
        // SAFETY: the context can no longer be reached: the thread's pointer is null, it
        // is in no list, and the thread runs no coroutine.
        #[allow(unsafe_code)]
        unsafe {
            place.as_ref().place.withdraw(&locked);
            place.drop_in_place();
            std::alloc::dealloc(place.as_ptr().cast(), Layout::new::<Context>());
        }
        drop(locked);
    }
}
