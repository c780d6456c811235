//! The bookkeeping of one coroutine. It lies at the top of the coroutine's stack, so
//! that launching one allocates nothing but the stack.

use super::timers::Timer;
use crate::context_switch::{ARGUMENT_AREA, Execution, Instrumentation, SelfSaved};
use crate::intrusive::{Link, List, Ref};
use crate::os::errno::{Errno, Result};
use crate::os::thread_context;
use crate::stack::{LEAST_USER_MEMORY, StackRange, StackRegistration};
use core::cell::Cell;
use core::ffi::{c_char, c_int};
use core::mem::{MaybeUninit, offset_of};
use core::ptr;

mod blocking;
pub(crate) mod inspection;
mod waiter;

pub(crate) use waiter::{Slot, Waiter, Waiting};

/// Reasons why blocking calls of a coroutine fail with `ECANCELED`.
pub(crate) mod stop {
    /// Hard-cancelled; for good.
    pub(crate) const CANCELED: u8 = 1;
    /// Inside a close callback, which must not block.
    pub(crate) const CLOSING: u8 = 2;
    /// In a cancel scope whose deadline has passed.
    pub(crate) const SCOPE_DEADLINE: u8 = 4;
    /// In a cancel scope that a request has fired.
    pub(crate) const SCOPE_REQUEST: u8 = 8;

    /// What also forbids to start anything.
    pub(crate) const HARD: u8 = CANCELED | CLOSING;
    /// All of them.
    pub(crate) const ANY: u8 = u8::MAX;
    /// What a call that is under way does not care about.
    pub(super) const GRACEFUL: u8 = SCOPE_REQUEST;
}

/// What the end of a coroutine must see to, besides the membership in its bundle.
pub(crate) mod care {
    /// It has the user's memory for a stack, or AddressSanitizer watches it.
    pub(crate) const STACK: u8 = 1;
    /// It has owned bundles.
    pub(crate) const BUNDLES: u8 = 2;
    /// It has entered cancel scopes.
    pub(crate) const SCOPES: u8 = 4;
    /// A member of its bundle has reported an error, of which those who wait for it are told.
    pub(crate) const BUNDLE_ERROR: u8 = 16;
    /// `line` is not zero.
    pub(super) const LINE: u8 = 8;
}

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
    instrumentation: Instrumentation,
    /// What a coroutine needs that is in scopes; uninitialised while it is in none.
    pub(crate) scope_space: ScopeSpace,
}

/// Memory whose use `concurrency::scope_chain` knows.
pub(crate) type ScopeSpace = Cell<MaybeUninit<[*const (); 16]>>;

const _: () = assert!(offset_of!(Coroutine, execution) == 0);
// A thread without a scheduler seems to have a coroutine with every reason to stop.
const _: () = assert!(offset_of!(Coroutine, stop) < thread_context::NOBODY_SIZE);

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

/// In place of [`ARGUMENT_AREA`] with AddressSanitizer, on stacks of the library: the launching
/// macro can't make more room there.
const INSTRUMENTED_ARGUMENT_AREA: usize = 32 * 1024;
/// What is left below it of the least memory for a stack, which may lose some to alignment:
/// what calls take that wait for something.
const _: () = assert!(
    LEAST_USER_MEMORY
        > 2 * 16 + size_of::<Coroutine>() + align_of::<Coroutine>() + ARGUMENT_AREA + 2048
);
/// The tops of neighbouring stacks differ by this much, up to `STAGGER_LINES` lines:
/// at equal page offsets all coroutines would compete for the same few cache sets.
const STAGGER: usize = 64;
const STAGGER_LINES: usize = 16;

impl Coroutine {
    /// The coroutine of whatever runs on the thread's own stack.
    pub(crate) fn main(errno_location: *mut c_int) -> Coroutine {
        // The thread's own stack; nobody needs its bounds.
        let stack = StackRange::unknown();
        let launch = Launch { file: ptr::null(), line: 0, user_stack: true };
        Self::new(errno_location, stack, launch)
    }

    fn new(errno_location: *mut c_int, stack: StackRange, launch: Launch) -> Coroutine {
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
            timer: Timer::new(Self::TIMED_OUT),
            waiters: Cell::new((ptr::null_mut(), 0)),
            owned_bundles: List::new(),
            scope: Cell::new(ptr::null()),
            under_way: Cell::new(0),
            socket_calls: Cell::new(0),
            transferred: Cell::new(false),
            user_stack: launch.user_stack,
            line: Cell::new(0),
            stack,
            registration: Cell::new(None),
            registers: Cell::new(MaybeUninit::uninit()),
            instrumentation: Instrumentation::new(),
            scope_space: ScopeSpace::new(MaybeUninit::uninit()),
        }
    }

    /// Completes what needs the final address. Call once, in place.
    #[inline(always)]
    pub(crate) fn pin(&self) {
        self.waiter.coroutine.set(self);
        self.owned_bundles.init();
    }

    /// Makes a coroutine at the top of `stack`. Nothing runs on it yet.
    #[cold]
    pub(crate) fn place_on(
        stack: StackRange,
        errno_location: *mut c_int,
        launch: Launch,
    ) -> Ref<Coroutine> {
        let stagger = if launch.user_stack { 0 } else { stack.stagger() };
        let top = stack.top() as usize - stagger - size_of::<Coroutine>();
        let top = top & !(align_of::<Coroutine>() - 1);
        let place = stack.top().wrapping_byte_sub(stack.top() as usize - top).cast::<Coroutine>();
        // SAFETY: the place lies within the stack (even the smallest has room, see
        // `LEAST_USER_MEMORY`), is aligned, and the stack is nobody else's.
        #[allow(unsafe_code)]
        let coroutine = unsafe {
            place.write(Self::new(errno_location, stack, launch));
            Ref::from_raw(place)
        };
        coroutine.pin();
        coroutine.note_line(launch.line);
        coroutine.rewind();
        coroutine
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

    /// Has AddressSanitizer and Valgrind told of every switch. Only where one of them is.
    #[cold]
    pub(super) fn instrument(&self) {
        // SAFETY: part of this pinned coroutine, and of no use without it.
        #[allow(unsafe_code)]
        let with = unsafe { Ref::from_raw(&raw const self.instrumentation) };
        let known = !self.stack.bottom().is_null();
        let (bottom, size) =
            if known { (self.stack.bottom(), self.stack.size()) } else { (ptr::null_mut(), 0) };
        let of_user = known && self.has_user_stack();
        self.execution.instrument(with, (bottom, size), of_user);
        if of_user {
            self.registration.set(Some(self.stack.register()));
        }
        if known && !self.has_user_stack() {
            let place = ptr::from_ref(self) as usize;
            let area = INSTRUMENTED_ARGUMENT_AREA.min(self.stack.size() / 4) & !15;
            self.execution.set_stack_pointer(place - area);
        }
        self.take_care(care::STACK);
    }

    /// The coroutine is about to leave its stack, which is the user's, for good.
    pub(super) fn return_stack(&self) {
        drop(self.registration.take());
    }

    /// The stack that [`Coroutine::place_on`] was given.
    pub(crate) fn stack(&self) -> StackRange {
        self.stack
    }

    /// Memory of the user rather than of the stack pool.
    pub(crate) fn has_user_stack(&self) -> bool {
        self.user_stack
    }

    /// Notes what the end must see to: bits of [`care`].
    #[inline(always)]
    pub(crate) fn take_care(&self, of: u8) {
        self.care.set(self.care.get() | of);
    }

    /// Takes [`Coroutine::take_care`] back.
    pub(crate) fn forget_care(&self, of: u8) {
        self.care.set(self.care.get() & !of);
    }

    /// Is there something of this kind to see to at the end?
    #[inline(always)]
    pub(crate) fn takes_care(&self, of: u8) -> bool {
        self.care.get() & of != 0
    }

    /// Is there nothing to see to at the end, not even reasons to stop?
    ///
    /// # Safety
    /// As for [`Coroutine::stop_of`].
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(super) unsafe fn ends_easily(this: *const Coroutine) -> bool {
        const { assert!(offset_of!(Coroutine, care) == offset_of!(Coroutine, stop) + 1) };
        // SAFETY: by the caller's promise, and the assertions on the fields' offsets.
        unsafe { (&raw const (*this).stop).cast::<u16>().read_unaligned() == 0 }
    }

    /// Is there nothing to see to at the end, except that it may have reasons to stop?
    ///
    /// # Safety
    /// As for [`Coroutine::stop_of`].
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(super) unsafe fn is_carefree(this: *const Coroutine) -> bool {
        // SAFETY: by the caller's promise, and the assertions on the fields' offsets.
        unsafe { (&raw const (*this).care).cast::<u8>().read() == 0 }
    }

    /// Forgets the reasons to stop of a coroutine that has ended, and what it took care of.
    #[inline(always)]
    pub(crate) fn end(&self) {
        self.stop.set(0);
        self.care.set(0);
        self.line.set(0);
    }

    /// Fails with `ECANCELED` where a blocking call must.
    #[inline(always)]
    pub(crate) fn may_block(&self) -> Result<()> {
        self.unless_stopped(stop::ANY)
    }

    /// Fails with `ECANCELED` where an operation under way must end.
    #[inline(always)]
    pub(crate) fn may_continue(&self) -> Result<()> {
        self.unless_stopped(!stop::GRACEFUL)
    }

    /// Fails with `ECANCELED` where nothing may be started any more.
    #[inline(always)]
    pub(crate) fn may_start(&self) -> Result<()> {
        self.unless_stopped(stop::HARD)
    }

    /// Fails with `ECANCELED` when there is one of these reasons to stop.
    #[inline(always)]
    pub(super) fn unless_stopped(&self, reasons: u8) -> Result<()> {
        if self.stop.get() & reasons == 0 { Ok(()) } else { Err(Errno::ECANCELED) }
    }

    /// The reasons to stop of what may be no more than the beginning of a coroutine.
    ///
    /// # Safety
    /// The first [`thread_context::NOBODY_SIZE`] bytes are readable.
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(super) unsafe fn stop_of(this: *const Coroutine) -> u8 {
        // SAFETY: by the caller's promise, and the assertion on the field's offset.
        unsafe { (&raw const (*this).stop).cast::<u8>().read() }
    }

    /// Adds reasons to stop; returns all that were there before.
    pub(crate) fn add_stop(&self, reasons: u8) -> u8 {
        self.stop.replace(self.stop.get() | reasons)
    }

    /// Takes reasons to stop back.
    pub(crate) fn remove_stop(&self, reasons: u8) {
        self.stop.set(self.stop.get() & !reasons);
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

impl StackRange {
    /// Spreads the tops of neighbouring stacks over the cache.
    #[inline(always)]
    fn stagger(self) -> usize {
        (self.bottom() as usize >> 18) % STAGGER_LINES * STAGGER
    }
}
