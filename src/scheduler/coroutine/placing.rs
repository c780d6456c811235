//! Where a coroutine lies on its stack.

use super::{Coroutine, Launch, care};
use crate::context_switch::ARGUMENT_AREA;
use crate::intrusive::Ref;
use crate::scheduler::timers::OnExpiry;
use crate::stack::{LEAST_USER_MEMORY, StackRange};
use core::ffi::c_int;
use core::ptr;

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
    /// Makes a coroutine at the top of `stack`. Nothing runs on it yet.
    #[cold]
    pub(crate) fn place_on(
        stack: StackRange,
        errno_location: *mut c_int,
        launch: Launch,
        time_out: OnExpiry,
    ) -> Ref<Coroutine> {
        let stagger = if launch.user_stack { 0 } else { stack.stagger() };
        let top = stack.top() as usize - stagger - size_of::<Coroutine>();
        let top = top & !(align_of::<Coroutine>() - 1);
        let place = stack.top().wrapping_byte_sub(stack.top() as usize - top).cast::<Coroutine>();
        // SAFETY: the place lies within the stack (even the smallest has room, see
        // `LEAST_USER_MEMORY`), is aligned, and the stack has no other owner.
        #[allow(unsafe_code)]
        let coroutine = unsafe {
            place.write(Self::new(errno_location, stack, launch, time_out));
            Ref::from_raw(place)
        };
        coroutine.pin();
        coroutine.note_line(launch.line);
        coroutine.rewind();
        coroutine
    }

    /// Has AddressSanitizer and Valgrind told of every switch. Only where one of them is.
    #[cold]
    pub(in crate::scheduler) fn instrument(&self) {
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
    pub(in crate::scheduler) fn return_stack(&self) {
        drop(self.registration.take());
    }
}

impl StackRange {
    /// Spreads the tops of neighbouring stacks over the cache.
    #[inline(always)]
    fn stagger(self) -> usize {
        (self.bottom() as usize >> 18) % STAGGER_LINES * STAGGER
    }
}
