//! The bookkeeping of one coroutine. It lies at the top of the coroutine's stack, so
//! that launching one allocates nothing but the stack.

use super::context::Context;
use super::ready_queue::Next;
use super::timers::{OnExpiry, Timer};
use crate::context_switch::Execution;
use crate::intrusive::{Link, List, Ref, adapter};
use crate::os::errno::{Errno, Result};
use crate::stack::{StackRange, StackRegistration};
use core::cell::Cell;
use core::ffi::{c_char, c_int};
use core::mem::{MaybeUninit, offset_of};
use core::ptr;

pub(crate) mod inspection;

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
    pub(super) const HARD: u8 = CANCELED | CLOSING;
    /// What a call that is under way does not care about.
    pub(super) const GRACEFUL: u8 = SCOPE_REQUEST;
}

/// What a blocked coroutine is registered with, besides its timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Blocked {
    /// Running or ready.
    No,
    /// Nothing but the timer, or an explicit wake-up.
    Plain,
    /// [`Coroutine::waiter`].
    Waiter,
    /// The waiters in [`Coroutine::waiters`].
    Waiters,
}

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

/// One thing that a coroutine waits for: a place in a channel's, bundle's or
/// descriptor's list of those who wait.
#[repr(C)]
pub(crate) struct Waiter {
    link: Link,
    /// For sources that hold one waiter rather than a list.
    slot: Cell<*const Slot>,
    coroutine: Cell<*const Coroutine>,
    /// The message to send or the place to receive it, and its length in bytes.
    pub(crate) value: Cell<*mut u8>,
    pub(crate) len: Cell<usize>,
    /// The clause of `choose`, or `SINGLE`.
    index: Cell<i32>,
    /// What a dump notes of the wait; nobody else uses or initialises it.
    mark: Cell<MaybeUninit<i32>>,
}

/// A place for one waiter.
pub(crate) struct Slot(Cell<*const Waiter>);

impl Slot {
    pub(crate) const fn new() -> Slot {
        Slot(Cell::new(ptr::null()))
    }

    pub(crate) fn get(&self) -> Option<Ref<Waiter>> {
        // SAFETY: a waiter clears its slot before it goes (see `Waiter::detach`).
        #[allow(unsafe_code)]
        (!self.0.get().is_null()).then(|| unsafe { Ref::from_raw(self.0.get()) })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.get().is_null()
    }

    /// Puts `waiter` in; the slot must be empty and outlive the wait.
    pub(crate) fn put(&self, waiter: Ref<Waiter>) {
        debug_assert!(self.is_empty());
        self.0.set(waiter.as_ptr());
        waiter.slot.set(self);
    }
}

adapter!(
    /// Those who wait for one thing, in the order in which they came.
    Waiting,
    Waiter,
    link
);

/// Marks the waiter of a call that waits for one thing only.
const SINGLE: i32 = -1;

impl Waiter {
    const fn new() -> Waiter {
        Waiter {
            link: Link::new(),
            slot: Cell::new(ptr::null()),
            coroutine: Cell::new(ptr::null()),
            value: Cell::new(ptr::null_mut()),
            len: Cell::new(0),
            index: Cell::new(SINGLE),
            mark: Cell::new(MaybeUninit::uninit()),
        }
    }

    /// A waiter for clause `index` of a `choose` by `coroutine`.
    pub(crate) fn for_clause(coroutine: Ref<Coroutine>, index: usize) -> Waiter {
        let waiter = Waiter::new();
        waiter.coroutine.set(coroutine.as_ptr());
        // `choose` takes an int for the number of clauses.
        waiter.index.set(index as i32);
        waiter
    }

    /// Whose wait this is.
    #[inline(always)]
    pub(crate) fn coroutine(&self) -> Ref<Coroutine> {
        // SAFETY: set when the waiter was made; a coroutine outlives its waiters.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw(self.coroutine.get())
        }
    }

    /// Takes the waiter out of whatever it waits in.
    #[inline(always)]
    pub(crate) fn detach(&self) {
        if self.link.is_linked() {
            self.link.unlink();
        } else if !self.slot.get().is_null() {
            self.leave_slot();
        }
    }

    #[inline(never)]
    fn leave_slot(&self) {
        // SAFETY: slots outlive the waits in them (see `Slot::put`).
        #[allow(unsafe_code)]
        unsafe {
            (*self.slot.get()).0.set(ptr::null());
        }
        self.slot.set(ptr::null());
    }

    /// Ends the wait: its call returns 0, or the clause's index for a `choose`, with
    /// `errno` 0; or with an error, -1 (again the index for a `choose`).
    #[inline(always)]
    pub(crate) fn complete(&self, context: &Context, errno: c_int) {
        let index = self.index.get();
        let result = match (index, errno) {
            (SINGLE, 0) => 0,
            (SINGLE, _) => -1,
            (index, _) => index as isize,
        };
        context.wake(self.coroutine(), result, errno);
    }
}

/// A coroutine. Pinned, and reached by [`Ref`] only.
#[repr(C, align(64))]
pub(crate) struct Coroutine {
    // In the order of use on the hot paths.
    pub(crate) execution: Execution,
    pub(super) next_ready: Next,
    stop: Cell<u8>,
    blocked: Cell<Blocked>,
    interrupt: Cell<Interrupt>,
    user_stack: Cell<bool>,
    timeout_result: Cell<c_int>,
    pub(crate) timer: Timer,
    pub(crate) waiter: Waiter,
    /// The clauses of a blocked `choose`: address and number.
    waiters: Cell<(*mut Waiter, usize)>,
    /// Membership in the bundle, the bundle itself, and the bundles that this
    /// coroutine owns. `concurrency::bundle` knows their types.
    pub(crate) member: Link,
    pub(crate) bundle: Cell<*const ()>,
    pub(crate) owned_bundles: List<Untyped>,
    /// The innermost cancel scope; `concurrency::cancel_scope` knows its type.
    pub(crate) scope: Cell<*const ()>,
    /// Operations of protocols that must not be torn by a request; nested.
    pub(crate) under_way: Cell<u32>,
    /// Calls of socket interfaces, nested where protocols are stacked.
    pub(crate) socket_calls: Cell<u32>,
    /// A layer beneath has transferred something since the outermost of them began.
    pub(crate) transferred: Cell<bool>,
    stack: StackRange,
    launched_at: Cell<(*const c_char, c_int)>,
    /// Of memory of the user's with Valgrind, which knows the stacks of the pool.
    registration: Cell<Option<StackRegistration>>,
    /// Of a parent that was compiled against libdill's own header: that code saves its
    /// registers itself.
    registers: Cell<MaybeUninit<[usize; 8]>>,
}

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

/// Bytes that must stay free above a new coroutine's stack pointer: compilers may
/// store outgoing arguments there (-maccumulate-outgoing-args).
const ARGUMENT_AREA: usize = 512;
/// The least that is useful below it.
const LEAST_STACK: usize = 1024;
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
            blocked: Cell::new(Blocked::No),
            interrupt: Cell::new(Interrupt::Any),
            user_stack: Cell::new(launch.user_stack),
            timeout_result: Cell::new(-1),
            timer: Timer::new(Self::TIMED_OUT),
            waiter: Waiter::new(),
            waiters: Cell::new((ptr::null_mut(), 0)),
            member: Link::new(),
            bundle: Cell::new(ptr::null()),
            owned_bundles: List::new(),
            scope: Cell::new(ptr::null()),
            under_way: Cell::new(0),
            socket_calls: Cell::new(0),
            transferred: Cell::new(false),
            stack,
            launched_at: Cell::new((launch.file, launch.line)),
            registration: Cell::new(None),
            registers: Cell::new(MaybeUninit::uninit()),
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
    ) -> Result<Ref<Coroutine>> {
        let least = size_of::<Coroutine>() + align_of::<Coroutine>() + ARGUMENT_AREA + LEAST_STACK;
        if stack.size() < least {
            return Err(Errno::ENOMEM);
        }
        let stagger = if launch.user_stack { 0 } else { stack.stagger() };
        let top = stack.top() as usize - stagger - size_of::<Coroutine>();
        let top = top & !(align_of::<Coroutine>() - 1);
        let place = stack.top().wrapping_byte_sub(stack.top() as usize - top).cast::<Coroutine>();
        // SAFETY: the place lies within the stack (its size was checked), is aligned,
        // and the stack is nobody else's.
        #[allow(unsafe_code)]
        let coroutine = unsafe {
            place.write(Self::new(errno_location, stack, launch));
            Ref::from_raw(place)
        };
        coroutine.pin();
        if launch.user_stack {
            coroutine.registration.set(Some(stack.register()));
        }
        coroutine.execution.set_stack_pointer(top - ARGUMENT_AREA);
        Ok(coroutine)
    }

    /// Makes a finished coroutine one that has not begun, on the same stack: all else is
    /// as it was when it was made, since a coroutine that finishes waits for nothing.
    #[inline(always)]
    pub(super) fn relaunch(&self, file: *const c_char, line: c_int) {
        debug_assert!(!self.timer.is_armed() && !self.member.is_linked());
        self.stop.set(0);
        self.launched_at.set((file, line));
        self.execution.set_stack_pointer(ptr::from_ref(self) as usize - ARGUMENT_AREA);
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
    #[inline(always)]
    pub(crate) fn has_user_stack(&self) -> bool {
        self.user_stack.get()
    }

    /// Fails with `ECANCELED` where a blocking call must.
    #[inline(always)]
    pub(crate) fn may_block(&self) -> Result<()> {
        if self.stop.get() == 0 { Ok(()) } else { Err(Errno::ECANCELED) }
    }

    /// Fails with `ECANCELED` where an operation under way must end.
    #[inline(always)]
    pub(crate) fn may_continue(&self) -> Result<()> {
        if self.stop.get() & !stop::GRACEFUL == 0 { Ok(()) } else { Err(Errno::ECANCELED) }
    }

    /// Fails with `ECANCELED` where nothing may be started any more.
    #[inline(always)]
    pub(crate) fn may_start(&self) -> Result<()> {
        if self.stop.get() & stop::HARD == 0 { Ok(()) } else { Err(Errno::ECANCELED) }
    }

    /// Adds reasons to stop; returns all that were there before.
    pub(crate) fn add_stop(&self, reasons: u8) -> u8 {
        self.stop.replace(self.stop.get() | reasons)
    }

    /// Takes reasons to stop back.
    pub(crate) fn remove_stop(&self, reasons: u8) {
        self.stop.set(self.stop.get() & !reasons);
    }

    /// Notes what the coroutine is about to wait for.
    #[inline(always)]
    pub(crate) fn will_block(&self, on: Blocked, interrupt: Interrupt) {
        self.blocked.set(on);
        self.interrupt.set(interrupt);
    }

    /// Is it blocked in a call that the reasons to stop, as they are now, must end?
    pub(crate) fn must_be_interrupted(&self) -> bool {
        self.blocked.get() != Blocked::No
            && match self.interrupt.get() {
                Interrupt::Never => false,
                Interrupt::UnderWay => self.may_continue().is_err(),
                Interrupt::Any => self.may_block().is_err(),
            }
    }

    /// What the call returns when its deadline passes: 0 for a sleep, which then has
    /// done its work, otherwise -1 with `ETIMEDOUT`.
    #[inline(always)]
    pub(crate) fn set_timeout_result(&self, result: c_int) {
        self.timeout_result.set(result);
    }

    /// The memory for the clauses of a blocked `choose`.
    pub(crate) fn set_waiters(&self, address: *mut Waiter, count: usize) {
        self.waiters.set((address, count));
    }

    /// Ends all waits but the timer's and frees the clauses of a `choose`.
    #[inline(always)]
    pub(super) fn detach(&self, context: &Context) {
        match self.blocked.replace(Blocked::No) {
            Blocked::Waiter => self.waiter.detach(),
            Blocked::Plain | Blocked::No => {}
            Blocked::Waiters => self.detach_all(context),
        }
    }

    #[inline(never)]
    fn detach_all(&self, context: &Context) {
        let (address, count) = self.waiters.replace((ptr::null_mut(), 0));
        for index in 0..count {
            // SAFETY: `set_waiters` named `count` live waiters.
            #[allow(unsafe_code)]
            unsafe {
                (*address.add(index)).detach();
            }
        }
        context.free_waiters(address, count);
    }

    const TIMED_OUT: OnExpiry = |timer| {
        // SAFETY: only `Coroutine::timer` has this function.
        #[allow(unsafe_code)]
        let coroutine: Ref<Coroutine> =
            unsafe { Ref::from_raw(timer.as_ptr().byte_sub(offset_of!(Coroutine, timer)).cast()) };
        let Some(context) = Context::existing() else { return };
        match coroutine.timeout_result.get() {
            0 => context.wake(coroutine, 0, 0),
            result => context.wake(coroutine, result as isize, Errno::ETIMEDOUT as c_int),
        }
    };

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

    /// Prepares a parent whose code saves its registers itself. Returns the buffer for
    /// them: rbx rbp r12 r13 r14 r15 rsp rip.
    pub(crate) fn will_save_itself(&self) -> *mut [usize; 8] {
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
