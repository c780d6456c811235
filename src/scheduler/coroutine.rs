//! The bookkeeping of one coroutine. It lies at the top of the coroutine's stack, so
//! that launching one allocates nothing but the stack.

use super::context::Context;
use super::timers::{OnExpiry, Timer};
use crate::context_switch::{ARGUMENT_AREA, Execution, Instrumentation};
use crate::intrusive::{Link, List, Ref, adapter};
use crate::os::errno::{Errno, Result};
use crate::os::thread_context;
use crate::stack::StackRange;
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

/// One thing that a coroutine waits for: a place in a channel's, bundle's or
/// descriptor's list of those who wait.
#[repr(C)]
pub(crate) struct Waiter {
    link: Link,
    /// The message to send or the place to receive it, and its length in bytes.
    pub(crate) value: Cell<*mut u8>,
    pub(crate) len: Cell<usize>,
    coroutine: Cell<*const Coroutine>,
    /// What the call returns when the wait ends with success and with an error: 0 and -1, or
    /// twice the index of the clause of a `choose`.
    on_success: Cell<c_int>,
    on_error: Cell<c_int>,
    /// For sources that hold one waiter rather than a list.
    slot: Cell<*const Slot>,
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
        waiter.link.forget();
        waiter.slot.set(self);
    }
}

adapter!(
    /// Those who wait for one thing, in the order in which they came.
    Waiting,
    Waiter,
    link
);

impl Waiter {
    const fn new(coroutine: *const Coroutine, on_success: c_int, on_error: c_int) -> Waiter {
        Waiter {
            link: Link::new(),
            value: Cell::new(ptr::null_mut()),
            len: Cell::new(0),
            coroutine: Cell::new(coroutine),
            on_success: Cell::new(on_success),
            on_error: Cell::new(on_error),
            slot: Cell::new(ptr::null()),
            mark: Cell::new(MaybeUninit::uninit()),
        }
    }

    /// A waiter for clause `index` of a `choose` by `coroutine`.
    pub(crate) fn for_clause(coroutine: Ref<Coroutine>, index: usize) -> Waiter {
        // There are not more clauses than an int can count.
        Waiter::new(coroutine.as_ptr(), index as c_int, index as c_int)
    }

    /// Is it one of a `choose`?
    pub(crate) fn is_clause(&self) -> bool {
        self.on_error.get() >= 0
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
    pub(super) fn detach(&self) {
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
        let result = if errno == 0 { self.on_success.get() } else { self.on_error.get() };
        context.wake(self.coroutine(), result, errno);
    }

    /// The wait of its coroutine. The waiter is in a list.
    #[inline(always)]
    pub(crate) fn waits(&self) -> Waits<'_> {
        let coroutine = self.coroutine();
        Waits { waiter: self, coroutine, waits: coroutine.waits.get() }
    }
}

/// A coroutine that is blocked, and one of its waiters, which is in a list.
pub(crate) struct Waits<'w> {
    waiter: &'w Waiter,
    coroutine: Ref<Coroutine>,
    waits: u8,
}

impl Waits<'_> {
    /// Is the waiter all that it waits with, without a deadline?
    #[inline(always)]
    pub(crate) fn is_alone(&self) -> bool {
        self.waits == Blocked::Waiter as u8
    }

    /// The same, but with a deadline.
    #[inline(always)]
    pub(crate) fn is_alone_with_timer(&self) -> bool {
        self.waits == Blocked::Waiter as u8 | TIMER
    }

    /// As [`Waiter::complete`] with success, in fewer instructions, where one of the above is
    /// known.
    #[inline(always)]
    pub(crate) fn complete(self, context: &Context, has_timer: bool) {
        debug_assert!(if has_timer { self.is_alone_with_timer() } else { self.is_alone() });
        debug_assert!(self.waiter.link.is_linked());
        // SAFETY: it is in a list.
        #[allow(unsafe_code)]
        unsafe {
            self.waiter.link.unlink_quickly();
        }
        self.coroutine.waits.set(0);
        context.wake_detached(self.coroutine, has_timer);
    }
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
    /// Of a parent that was compiled against libdill's own header: that code saves its
    /// registers itself.
    registers: Cell<MaybeUninit<[usize; 8]>>,
    instrumentation: Instrumentation,
}

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
            registers: Cell::new(MaybeUninit::uninit()),
            instrumentation: Instrumentation::new(),
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
        coroutine.note_line(launch.line);
        coroutine.rewind();
        Ok(coroutine)
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

    /// Has AddressSanitizer told of every switch. Only where it is in the program.
    #[cold]
    pub(super) fn instrument(&self) {
        // SAFETY: part of this pinned coroutine, and of no use without it.
        #[allow(unsafe_code)]
        let with = unsafe { Ref::from_raw(&raw const self.instrumentation) };
        let known = !self.stack.bottom().is_null();
        let (bottom, size) =
            if known { (self.stack.bottom(), self.stack.size()) } else { (ptr::null_mut(), 0) };
        self.execution.instrument(with, bottom, size);
        if known && !self.has_user_stack() {
            let place = ptr::from_ref(self) as usize;
            let area = INSTRUMENTED_ARGUMENT_AREA.min(self.stack.size() / 4) & !15;
            self.execution.set_stack_pointer(place - area);
        }
        self.take_care(care::STACK);
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

    /// Notes what the coroutine is about to wait for. A timer is armed afterwards.
    #[inline(always)]
    pub(crate) fn will_block(&self, on: Blocked, interrupt: Interrupt) {
        debug_assert!(self.waits.get() == 0 && !self.timer.is_armed());
        self.waits.set(on as u8);
        self.interrupt.set(interrupt);
    }

    /// Notes that the timer is armed, and what the call returns when its time comes: 0 for
    /// a sleep, which then has done its work, otherwise -1 with `ETIMEDOUT`.
    #[inline(always)]
    pub(super) fn will_time_out(&self, result: c_int) {
        debug_assert!(self.waits.get() != 0);
        self.waits.set(self.waits.get() | TIMER);
        self.timeout_result.set(result);
    }

    /// Is it blocked in a call that the reasons to stop, as they are now, must end?
    pub(crate) fn must_be_interrupted(&self) -> bool {
        self.waits.get() != 0
            && match self.interrupt.get() {
                Interrupt::Never => false,
                Interrupt::UnderWay => self.may_continue().is_err(),
                Interrupt::Any => self.may_block().is_err(),
            }
    }

    /// The memory for the clauses of a blocked `choose`.
    pub(crate) fn set_waiters(&self, address: *mut Waiter, count: usize) {
        self.waiters.set((address, count));
    }

    /// Ends the wait of a coroutine that waits in one list and for nothing else. False: it waits
    /// in another way, and nothing has happened.
    #[inline(always)]
    pub(super) fn leave_only_list(&self) -> bool {
        if self.waits.get() != Blocked::Waiter as u8 || !self.waiter.link.is_linked() {
            return false;
        }
        self.waits.set(0);
        // SAFETY: it is in a list.
        #[allow(unsafe_code)]
        unsafe {
            self.waiter.link.unlink_quickly();
        }
        true
    }

    /// Ends all waits but the timer's, and frees the clauses of a `choose`. True: the timer
    /// may be armed.
    #[inline(always)]
    pub(super) fn detach(&self, context: &Context) -> bool {
        let waits = self.waits.replace(0);
        if waits & Blocked::Waiter as u8 != 0 {
            self.waiter.detach();
        } else if waits & Blocked::Waiters as u8 != 0 {
            self.detach_all(context);
        }
        waits & TIMER != 0
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
            result => context.wake(coroutine, result, Errno::ETIMEDOUT as c_int),
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
