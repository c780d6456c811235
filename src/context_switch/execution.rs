//! What the switch knows of a coroutine, and what tools are told of switches.

#[cfg(dill_thread_switch)]
use super::baton::{BatonOf, NO_BATON};
use crate::intrusive::Ref;
use crate::os::instrumentation::{self, Fiber, SplitStack};
use core::cell::Cell;
use core::mem::{MaybeUninit, offset_of};
use core::ptr;

/// What the switch knows of a coroutine: where its stack stands while it does not
/// run, and what its blocked call will return.
#[repr(C)]
pub(crate) struct Execution {
    pub(super) stack_pointer: Cell<usize>,
    /// What is returned to the code that goes on; from the lowest bit: the result (32 bits),
    /// `errno`, and how resuming differs from the ordinary way. All zero by far most often,
    /// and whenever the execution runs.
    pub(super) outcome: Cell<u64>,
    errno_location: Cell<*mut libc::c_int>,
    /// Null without AddressSanitizer and Valgrind.
    instrumentation: Cell<*const Instrumentation>,
    #[cfg(dill_thread_switch)]
    pub(super) baton: BatonOf,
}

pub(super) const ERRNO_SHIFT: u32 = 32;
/// In `outcome`: AddressSanitizer must hear of this switch.
pub(super) const INSTRUMENTED: u64 = 1 << 62;
/// In `outcome`: `stack_pointer` is the address of registers that the code saved itself.
pub(crate) const SELF_SAVED: u64 = 1 << 63;

/// A new coroutine begins so many bytes below its [`Execution`]: compilers may store
/// outgoing arguments there (-maccumulate-outgoing-args).
pub(crate) const ARGUMENT_AREA: usize = 512;

/// What `dill_launch` returns in the new coroutine. C sees it as `DILL_IN_CHILD_`.
pub(crate) const IN_CHILD: i32 = i32::MIN;

/// Where assembly and debuggers find what is in an [`Execution`].
pub(crate) const STACK_POINTER: usize = offset_of!(Execution, stack_pointer);
pub(crate) const OUTCOME: usize = offset_of!(Execution, outcome);
#[cfg_attr(dill_thread_switch, expect(dead_code))]
pub(crate) const ERRNO_LOCATION: usize = offset_of!(Execution, errno_location);

/// An argument that is not there, so that another one is in the register of its position.
pub(super) type Nothing = MaybeUninit<usize>;

/// What sanitizers and Valgrind must be told of an execution.
pub(crate) struct Instrumentation {
    fiber: Fiber,
    fake_stack: Cell<*mut ()>,
    split_stack: SplitStack,
    bottom: Cell<*const u8>,
    size: Cell<usize>,
    /// Whom this execution took over from last.
    predecessor: Cell<*const Execution>,
    /// A switch to this execution has been announced.
    announced: Cell<bool>,
    /// The stack is memory of the user's.
    of_user: Cell<bool>,
    /// The stack of whom this execution took over from, if that was left for good.
    left: Cell<Option<LeftStack>>,
}

/// A stack on which no coroutine runs any more, up to the bookkeeping at its top if it is the
/// library's.
#[derive(Clone, Copy)]
struct LeftStack {
    bottom: *const u8,
    size: usize,
    of_user: bool,
}

/// So much of a stack is poisoned after its end, from the top down: the shadow of poison is
/// memory, an eighth of the range.
const MOST_POISONED: usize = 1024 * 1024;

impl LeftStack {
    fn of(execution: &Execution, own: &Instrumentation) -> LeftStack {
        let (bottom, size, of_user) = (own.bottom.get(), own.size.get(), own.of_user.get());
        if of_user {
            return LeftStack { bottom, size, of_user };
        }
        let used = ptr::from_ref(execution) as usize - bottom as usize;
        let poisoned = used.min(MOST_POISONED);
        LeftStack { bottom: bottom.wrapping_add(used - poisoned), size: poisoned, of_user }
    }

    /// Has the tools know what its memory is now.
    fn disclose(self) {
        if self.of_user {
            instrumentation::valgrind_make_accessible(self.bottom, self.size);
        } else {
            instrumentation::asan_poison(self.bottom, self.size);
        }
    }
}

impl Instrumentation {
    pub(crate) const fn new() -> Instrumentation {
        Instrumentation {
            fiber: Fiber::none(),
            fake_stack: Cell::new(ptr::null_mut()),
            split_stack: SplitStack::of_thread(),
            bottom: Cell::new(ptr::null()),
            size: Cell::new(0),
            predecessor: Cell::new(ptr::null()),
            announced: Cell::new(false),
            of_user: Cell::new(false),
            left: Cell::new(None),
        }
    }
}

impl Execution {
    /// The execution of whatever runs on this thread's own stack.
    pub(crate) const fn new(errno_location: *mut libc::c_int) -> Execution {
        Execution {
            stack_pointer: Cell::new(0),
            outcome: Cell::new(0),
            errno_location: Cell::new(errno_location),
            instrumentation: Cell::new(ptr::null()),
            #[cfg(dill_thread_switch)]
            baton: NO_BATON,
        }
    }

    /// Where the coroutine starts or goes on.
    #[inline(always)]
    pub(crate) fn set_stack_pointer(&self, address: usize) {
        self.stack_pointer.set(address);
    }

    /// Where the coroutine stood when it was left last.
    pub(crate) fn stack_pointer(&self) -> usize {
        self.stack_pointer.get()
    }

    /// What the blocked call will return, and the `errno` it will set: 0 and 0 unless said.
    #[inline(always)]
    pub(crate) fn set_outcome(&self, result: libc::c_int, errno: libc::c_int) {
        let result = u64::from(result.cast_unsigned());
        self.outcome.set(result | u64::from(errno.cast_unsigned()) << ERRNO_SHIFT);
    }

    /// See [`Execution::new`].
    #[inline(always)]
    pub(crate) fn errno_location(&self) -> *mut libc::c_int {
        self.errno_location.get()
    }

    /// Must AddressSanitizer hear of switches?
    #[inline(always)]
    pub(crate) fn is_instrumented(&self) -> bool {
        !self.instrumentation.get().is_null()
    }

    /// Has AddressSanitizer told of every switch; `bottom` is null for a stack whose
    /// bounds ASan knows by itself.
    pub(crate) fn instrument(
        &self,
        with: Ref<Instrumentation>,
        (bottom, size): (*const u8, usize),
        of_user: bool,
    ) {
        self.instrumentation.set(with.as_ptr());
        with.of_user.set(of_user);
        with.bottom.set(bottom);
        with.size.set(size);
        if bottom.is_null() {
            with.fiber.take_from_thread();
        } else {
            with.fiber.create();
            with.split_stack.place_on(bottom);
            instrumentation::asan_unpoison(bottom, size);
        }
    }

    /// Destroys what AddressSanitizer keeps of an execution on a stack of the library's that
    /// was left for good: with the detection of uses after return, its locals.
    pub(crate) fn forget_fake_stack(&self) {
        if let Some(own) = self.instrumentation() {
            instrumentation::asan_destroy_fake_stack(own.fake_stack.replace(ptr::null_mut()));
        }
    }

    fn instrumentation(&self) -> Option<Ref<Instrumentation>> {
        let instrumentation = self.instrumentation.get();
        // SAFETY: set by `instrument`, to what lives as long as this execution.
        (!instrumentation.is_null()).then(|| unsafe { Ref::from_raw(instrumentation) })
    }
}

/// Tells AddressSanitizer that `from` is being left for `to`; `dying`: for good. Nothing
/// happens without it and Valgrind.
#[cold]
pub(crate) fn announce(from: &Execution, to: &Execution, dying: bool) {
    if ptr::eq(from, to) {
        return; // going on with itself, as no other was ready: no switch to ASan
    }
    let (Some(own), Some(target)) = (from.instrumentation(), to.instrumentation()) else { return };
    to.outcome.set(to.outcome.get() | INSTRUMENTED);
    target.announced.set(true);
    target.predecessor.set(if dying { ptr::null() } else { from });
    target.left.set(dying.then(|| LeftStack::of(from, &own)));
    own.fiber.switch_to(&target.fiber, dying);
    own.split_stack.save();
    // The library keeps the fake stack with the stack; see `Execution::forget_fake_stack`.
    let destroy = dying && own.of_user.get();
    let saved = instrumentation::asan_start_switch(target.bottom.get(), target.size.get(), destroy);
    own.fake_stack.set(saved);
}

/// The second half of an announced switch, on the new stack.
pub(crate) extern "C" fn arrived(to: Ref<Execution>) {
    let Some(own) = to.instrumentation() else { return };
    to.outcome.set(to.outcome.get() & !INSTRUMENTED);
    if !own.announced.replace(false) {
        return;
    }
    own.split_stack.load();
    let (bottom, size) = instrumentation::asan_finish_switch(own.fake_stack.get());
    own.fake_stack.set(ptr::null_mut());
    if let Some(left) = own.left.take() {
        left.disclose();
    }
    let predecessor = own.predecessor.replace(ptr::null());
    // Without AddressSanitizer there are no bounds to learn.
    if !predecessor.is_null() && !bottom.is_null() {
        // SAFETY: it was left by the switch that ends here, so it is still alive.
        let predecessor = unsafe { Ref::from_raw(predecessor) };
        if let Some(predecessor) = predecessor.instrumentation() {
            // This is how the bounds of the thread's own stack become known.
            predecessor.bottom.set(bottom);
            predecessor.size.set(size);
        }
    }
}
