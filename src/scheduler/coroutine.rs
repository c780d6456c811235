//! The bookkeeping of one coroutine. It lies at the top of the coroutine's stack, so
//! that launching one allocates nothing but the stack.

use super::timers::{OnExpiry, Timer};
use crate::context_switch::{ARGUMENT_AREA, Execution, Instrumentation, SelfSaved};
use crate::intrusive::{Link, List, Ref};
use crate::stack::{StackRange, StackRegistration};
use core::cell::Cell;
use core::ffi::{c_char, c_int};
use core::mem::{MaybeUninit, offset_of};
use core::ptr;

pub(super) mod blocking;
mod flags;
pub(crate) mod inspection;
mod placing;
mod stopping;
mod waiter;

pub(crate) use flags::{care, stop};
pub(crate) use waiter::{Slot, Waiter, Waiting};

/// What a blocked coroutine is registered with, besides its timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Blocked {
    /// Nothing but the timer, or an explicit wake-up.
    Plain = 1,
    /// [`Coroutine::waiter`].
    Waiter = 2,
    /// The waiters in [`Coroutine::waiters`].
    Waiters = 4,
}

/// In `Coroutine::waits`, beside a [`Blocked`]: the timer is armed.
const TIMER: u8 = 8;

/// What may end a wait early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Interrupt {
    /// Nothing: the coroutine waits for children that are being cancelled.
    Never,
    /// Hard cancellation and a cancel scope's deadline. The operation is under way: a
    /// graceful request waits until it is complete.
    UnderWay,
    /// Those, and a request that fires a cancel scope.
    Any,
}

/// A coroutine. Pinned, and reached by [`Ref`] only.
#[repr(C, align(64))]
pub(crate) struct Coroutine {
    // What launching, ending and switching need, in one cache line.
    /// First, as a new coroutine begins at a fixed distance below it.
    pub(crate) execution: Execution,
    /// The next in the ready queue, or of the finished ones that wait for reuse.
    pub(super) next_ready: Cell<Option<Ref<Coroutine>>>,
    stop: Cell<u8>,
    care: Cell<u8>,
    /// A [`Blocked`] and [`TIMER`]; 0: running or ready.
    waits: Cell<u8>,
    interrupt: Cell<Interrupt>,
    timeout_result: Cell<c_int>,
    /// The bundle it runs in; `concurrency::bundle` knows its type.
    pub(crate) bundle: Cell<*const ()>,
    launched_at: Cell<*const c_char>,
    /// Membership in the bundle.
    pub(crate) member: Link,
    pub(crate) waiter: Waiter,
    pub(crate) timer: Timer,
    /// The clauses of a blocked `choose`: address and number.
    waiters: Cell<(*mut Waiter, usize)>,
    /// The bundles that this coroutine owns.
    pub(crate) owned_bundles: List<Untyped>,
    /// Membership in the list of hard cancellations that are under way; see `cancellations`.
    pub(super) cancellation: Link,
    /// The innermost cancel scope; `concurrency::cancel_scope` knows its type.
    pub(crate) scope: Cell<*const ()>,
    /// Operations of protocols that must not be torn by a request; nested.
    pub(crate) under_way: Cell<u32>,
    /// Calls of socket interfaces, nested where protocols are stacked.
    pub(crate) socket_calls: Cell<u32>,
    /// A layer beneath has transferred something since the outermost of them began.
    pub(crate) transferred: Cell<bool>,
    user_stack: bool,
    /// Of the launch; 0 where `launched_at` is more than the name of a file.
    line: Cell<c_int>,
    stack: StackRange,
    /// Of memory of the user's with Valgrind, which knows the stacks of the pool.
    registration: Cell<Option<StackRegistration>>,
    /// Of a parent that was compiled against libdill's own header: that code saves its
    /// registers itself.
    registers: Cell<MaybeUninit<SelfSaved>>,
    /// When the membership in that list began, in nanoseconds of the system's monotonic clock; not
    /// initialised otherwise, as launches need not write what few coroutines use.
    cancelled_at: Cell<MaybeUninit<u64>>,
    instrumentation: Instrumentation,
    /// What a coroutine needs that is in scopes; uninitialised while it is in none.
    pub(crate) scope_space: ScopeSpace,
}

/// Memory whose use `concurrency::scope_chain` knows.
pub(crate) type ScopeSpace = Cell<MaybeUninit<[*const (); 16]>>;

const _: () = assert!(offset_of!(Coroutine, execution) == 0);

/// Placeholder for a list whose items only an upper layer knows.
pub(crate) struct Untyped;
// SAFETY: never used to reach items; see `Coroutine::owned`.
#[allow(unsafe_code)]
unsafe impl crate::intrusive::Adapter for Untyped {
    type Item = Link;
    const OFFSET: usize = 0;
}

/// What a launch needs besides the stack.
#[derive(Clone, Copy)]
pub(crate) struct Launch {
    pub(crate) file: *const c_char,
    pub(crate) line: c_int,
    pub(crate) user_stack: bool,
}

impl Coroutine {
    /// The coroutine of whatever runs on the thread's own stack.
    pub(crate) fn main(errno_location: *mut c_int, time_out: OnExpiry) -> Coroutine {
        // The thread's own stack, whose bounds are not needed.
        let stack = StackRange::unknown();
        let launch = Launch { file: ptr::null(), line: 0, user_stack: true };
        Self::new(errno_location, stack, launch, time_out)
    }

    /// `time_out` is called when the time of a blocking call has come.
    fn new(
        errno_location: *mut c_int,
        stack: StackRange,
        launch: Launch,
        time_out: OnExpiry,
    ) -> Coroutine {
        Coroutine {
            execution: Execution::new(errno_location),
            next_ready: Cell::new(None),
            stop: Cell::new(0),
            care: Cell::new(if launch.user_stack { care::STACK } else { 0 }),
            waits: Cell::new(0),
            interrupt: Cell::new(Interrupt::Any),
            timeout_result: Cell::new(-1),
            bundle: Cell::new(ptr::null()),
            launched_at: Cell::new(launch.file),
            member: Link::new(),
            waiter: Waiter::new(ptr::null(), 0, -1),
            timer: Timer::new(time_out),
            waiters: Cell::new((ptr::null_mut(), 0)),
            owned_bundles: List::new(),
            cancellation: Link::new(),
            scope: Cell::new(ptr::null()),
            under_way: Cell::new(0),
            socket_calls: Cell::new(0),
            transferred: Cell::new(false),
            user_stack: launch.user_stack,
            line: Cell::new(0),
            stack,
            registration: Cell::new(None),
            registers: Cell::new(MaybeUninit::uninit()),
            cancelled_at: Cell::new(MaybeUninit::uninit()),
            instrumentation: Instrumentation::new(),
            scope_space: ScopeSpace::new(MaybeUninit::uninit()),
        }
    }

    /// Completes what needs the final address. Call once, in place.
    #[inline(always)]
    pub(crate) fn pin(&self) {
        self.waiter.coroutine.set(ptr::from_ref(self).cast());
        self.owned_bundles.init();
    }

    /// Sets the stack pointer to where a coroutine begins.
    pub(super) fn rewind(&self) {
        self.execution.set_stack_pointer(ptr::from_ref(self) as usize - ARGUMENT_AREA);
    }

    /// Makes a finished coroutine one that has not begun, on the same stack: all else is
    /// as it was when it was made, since a coroutine that finishes waits for nothing.
    #[inline(always)]
    pub(super) fn relaunch(&self, place: *const c_char) {
        debug_assert!(!self.timer.is_armed() && self.waits.get() == 0 && self.line.get() == 0);
        debug_assert!(self.stop.get() == 0 && self.care.get() == 0);
        self.launched_at.set(place);
    }

    /// Sets the line of the launch.
    pub(super) fn note_line(&self, line: c_int) {
        if line != 0 {
            self.line.set(line);
            self.take_care(care::LINE);
        }
    }

    /// As [`Coroutine::note_line`], for those who set it to 0 again before the end.
    #[inline(always)]
    pub(crate) fn set_line_for_now(&self, line: c_int) {
        self.line.set(line);
    }

    /// The stack that [`Coroutine::place_on`] was given.
    pub(crate) fn stack(&self) -> StackRange {
        self.stack
    }

    /// Memory of the user rather than of the stack pool.
    pub(crate) fn has_user_stack(&self) -> bool {
        self.user_stack
    }

    /// Notes when its hard cancellation began, for [`Coroutine::cancelled_at`].
    pub(super) fn set_cancelled_at(&self, now: u64) {
        self.cancelled_at.set(MaybeUninit::new(now));
    }

    /// Returns what was noted last.
    ///
    /// # Safety
    /// Something was noted since the coroutine was made.
    #[allow(unsafe_code)]
    pub(super) unsafe fn cancelled_at(&self) -> u64 {
        // SAFETY: by the caller's promise.
        unsafe { self.cancelled_at.get().assume_init() }
    }

    /// The bundles owned by this coroutine, as the layer that knows their type sees them.
    #[inline(always)]
    pub(crate) fn owned<A: crate::intrusive::Adapter>(&self) -> &List<A> {
        // SAFETY: `List` has the same layout for every adapter, and this list is used
        // with one adapter only, that of `concurrency::bundle`.
        #[allow(unsafe_code)]
        unsafe {
            &*(&raw const self.owned_bundles).cast::<List<A>>()
        }
    }

    /// Prepares a parent whose code saves its registers itself. Returns the place
    /// for them.
    pub(crate) fn will_save_itself(&self) -> *mut SelfSaved {
        let registers = self.registers.as_ptr().cast();
        self.execution.will_save_itself(registers);
        registers
    }
}
