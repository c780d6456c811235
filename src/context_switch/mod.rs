//! Leaving one stack and going on with another.
//!
//! A blocking C entry point has two phases. Its *begin* function is ordinary Rust:
//! it either completes the call, or leaves everything behind for whoever will wake
//! the coroutine and picks the coroutine to go on with. The naked entry around it
//! then returns or switches; the resumed side jumps straight into the user's code
//! with the result in the return register and `errno` set. So no Rust frame stays
//! on a stack while its coroutine is blocked, and no `ret` is executed on another
//! stack than its `call`, which would be mispredicted every time.

use crate::intrusive::Ref;
use crate::os::instrumentation;
use core::cell::Cell;
use core::ptr;

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;

#[cfg(not(target_arch = "x86_64"))]
compile_error!("redill has no context switch for this architecture yet");

/// What the switch knows of a coroutine: where its stack stands while it does not
/// run, and what its blocked call will return.
#[repr(C)]
pub(crate) struct Execution {
    stack_pointer: Cell<usize>,
    errno_location: Cell<*mut libc::c_int>,
    result: Cell<isize>,
    errno: Cell<libc::c_int>,
    /// Zero, or how resuming differs from the ordinary way.
    special: Cell<u32>,
    instrumentation: Instrumentation,
}

/// In `special`: AddressSanitizer or Valgrind must hear of switches.
const INSTRUMENTED: u32 = 1;
/// In `special`: `stack_pointer` is the address of registers that the code saved itself.
pub(crate) const SELF_SAVED: u32 = 2;

struct Instrumentation {
    fake_stack: Cell<*mut ()>,
    bottom: Cell<*const u8>,
    size: Cell<usize>,
    /// Whom this execution took over from last.
    predecessor: Cell<*const Execution>,
    /// A switch to this execution has been announced.
    announced: Cell<bool>,
    /// The stack is memory of the user's.
    of_user: Cell<bool>,
    /// Memory of the user's that was the stack of whom this execution took over from.
    returned: Cell<(*const u8, usize)>,
}

/// The two registers that a begin function returns: `(result, 0)` when the call is
/// complete, or the executions to leave and to go on with.
#[repr(C)]
pub(crate) struct Transfer {
    first: usize,
    second: usize,
}

impl Transfer {
    /// The call is complete and returns `result`; `errno` is set already if need be.
    #[inline(always)]
    pub(crate) fn complete(result: isize) -> Transfer {
        Transfer { first: result.cast_unsigned(), second: 0 }
    }

    /// Leave `from` and go on with `to`.
    #[inline(always)]
    pub(crate) fn switch(from: &Execution, to: &Execution) -> Transfer {
        if from.is_instrumented() {
            announce(from, to, false);
        }
        Transfer { first: ptr::from_ref(from) as usize, second: ptr::from_ref(to) as usize }
    }

    /// As [`Transfer::switch`] and [`Transfer::finish`], where AddressSanitizer is known
    /// not to be in the program.
    #[inline(always)]
    pub(crate) fn unannounced(from: &Execution, to: &Execution) -> Transfer {
        debug_assert!(!from.is_instrumented());
        Transfer { first: ptr::from_ref(from) as usize, second: ptr::from_ref(to) as usize }
    }

    /// Is it a switch rather than a complete call?
    #[inline(always)]
    pub(crate) fn is_switch(&self) -> bool {
        self.second != 0
    }

    /// Leave `from` for good and go on with `to`.
    #[inline(always)]
    pub(crate) fn finish(from: &Execution, to: &Execution) -> Transfer {
        if from.is_instrumented() {
            announce(from, to, true);
        }
        Transfer { first: ptr::from_ref(from) as usize, second: ptr::from_ref(to) as usize }
    }
}

impl Execution {
    /// The execution of whatever runs on this thread's own stack.
    pub(crate) fn new(errno_location: *mut libc::c_int) -> Execution {
        Execution {
            stack_pointer: Cell::new(0),
            errno_location: Cell::new(errno_location),
            result: Cell::new(0),
            errno: Cell::new(0),
            special: Cell::new(0),
            instrumentation: Instrumentation {
                fake_stack: Cell::new(ptr::null_mut()),
                bottom: Cell::new(ptr::null()),
                size: Cell::new(0),
                predecessor: Cell::new(ptr::null()),
                announced: Cell::new(false),
                of_user: Cell::new(false),
                returned: Cell::new((ptr::null(), 0)),
            },
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

    /// The code that runs now will save its registers itself, to `registers`, before it
    /// leaves its stack; it goes on from there.
    pub(crate) fn will_save_itself(&self, registers: *const [usize; 8]) {
        self.special.set(self.special.get() | SELF_SAVED);
        self.stack_pointer.set(registers as usize);
    }

    /// What the blocked call will return, and the `errno` it will set.
    #[inline(always)]
    pub(crate) fn set_outcome(&self, result: isize, errno: libc::c_int) {
        self.result.set(result);
        self.errno.set(errno);
    }

    /// What [`Execution::set_outcome`] stored last.
    #[inline(always)]
    pub(crate) fn outcome(&self) -> (isize, libc::c_int) {
        (self.result.get(), self.errno.get())
    }

    /// See [`Execution::new`].
    #[inline(always)]
    pub(crate) fn errno_location(&self) -> *mut libc::c_int {
        self.errno_location.get()
    }

    /// Must AddressSanitizer hear of switches?
    #[inline(always)]
    pub(crate) fn is_instrumented(&self) -> bool {
        self.special.get() & INSTRUMENTED != 0
    }

    /// Has AddressSanitizer told of every switch; `bottom` is null for a stack whose
    /// bounds ASan knows by itself.
    pub(crate) fn instrument(&self, bottom: *const u8, size: usize, of_user: bool) {
        self.instrumentation.of_user.set(of_user);
        self.special.set(self.special.get() | INSTRUMENTED);
        self.instrumentation.bottom.set(bottom);
        self.instrumentation.size.set(size);
        if !bottom.is_null() {
            instrumentation::asan_unpoison(bottom, size);
        }
    }
}

/// Carries out a transfer from Rust code; returns when the execution left is resumed.
///
/// # Safety
/// `transfer` is a switch (not a complete call) from the running execution to one that
/// was left by a switch or prepared for its start.
pub(crate) unsafe fn switch_by(transfer: &Transfer) {
    // SAFETY: by the caller's promise.
    unsafe { switch(transfer.first, transfer.second) };
}

/// Has `execution`, which has not begun, start with a call of `entry` with `argument`. `start`
/// is a naked function made of [`start_entry`].
///
/// # Safety
/// The stack pointer of `execution` is aligned to 16 bytes, and the stack below it is free.
pub(crate) unsafe fn prepare(
    execution: &Execution,
    start: unsafe extern "C" fn(),
    entry: extern "C" fn(*mut ()),
    argument: *mut (),
) {
    let address = execution.stack_pointer() - size_of::<InitialFrame>();
    // SAFETY: by the caller's promise there is room for the frame.
    unsafe { (address as *mut InitialFrame).write(InitialFrame::new(start, entry, argument)) };
    execution.set_stack_pointer(address);
}

#[cold]
#[inline(never)]
fn announce(from: &Execution, to: &Execution, dying: bool) {
    if ptr::eq(from, to) {
        return; // going on with itself, as nobody else was ready: no switch to ASan
    }
    let target = &to.instrumentation;
    target.announced.set(true);
    target.predecessor.set(if dying { ptr::null() } else { from });
    if dying && from.instrumentation.of_user.get() {
        let left = &from.instrumentation;
        target.returned.set((left.bottom.get(), left.size.get()));
    }
    let saved = instrumentation::asan_start_switch(target.bottom.get(), target.size.get(), dying);
    from.instrumentation.fake_stack.set(saved);
}

/// The second half of an announced switch, on the new stack.
extern "C" fn arrived(to: Ref<Execution>) {
    let own = &to.instrumentation;
    if !own.announced.replace(false) {
        return;
    }
    let (bottom, size) = instrumentation::asan_finish_switch(own.fake_stack.get());
    own.fake_stack.set(ptr::null_mut());
    let (returned, len) = own.returned.replace((ptr::null(), 0));
    if !returned.is_null() {
        instrumentation::valgrind_make_accessible(returned, len);
    }
    let predecessor = own.predecessor.replace(ptr::null());
    // Without AddressSanitizer there are no bounds to learn.
    if !predecessor.is_null() && !bottom.is_null() {
        // SAFETY: it was left by the switch that ends here, so it is still alive.
        let predecessor = unsafe { Ref::from_raw(predecessor) };
        // This is how the bounds of the thread's own stack become known.
        predecessor.instrumentation.bottom.set(bottom);
        predecessor.instrumentation.size.set(size);
    }
}
