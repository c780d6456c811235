//! What dumps and debuggers see of a coroutine. Nothing here is used to run one.

use super::{Blocked, Coroutine, Interrupt, Waiter, stop};
use crate::context_switch;
use crate::intrusive::Ref;
use crate::os::debug_layout::Field;
use crate::os::output::Output;
use core::ffi::{c_char, c_int};
use core::mem::{MaybeUninit, offset_of};

/// The mark of a waiter of which nothing is known.
pub(crate) const UNMARKED: i32 = i32::MIN;

impl Waiter {
    /// Is the wait for a descriptor, or another thing that has room for one waiter?
    pub(crate) fn is_in_slot(&self) -> bool {
        !self.link.is_linked() && !self.slot.get().is_null()
    }

    /// Is the wait in a list?
    pub(crate) fn is_in_list(&self) -> bool {
        self.link.is_linked()
    }

    /// Notes what the wait is for, for [`Waiter::mark`].
    pub(crate) fn set_mark(&self, mark: i32) {
        self.mark.set(MaybeUninit::new(mark));
    }

    /// What was noted last.
    ///
    /// # Safety
    /// The waiter was given a mark since it was made.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn mark(&self) -> i32 {
        // SAFETY: by the caller's promise.
        unsafe { self.mark.get().assume_init() }
    }
}

/// The place of a launch in a program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The source file; with line 0 the text says more than that. Null where it is not known.
    file: *const c_char,
    line: c_int,
}

impl Place {
    /// Writes it, or that the library has launched.
    pub(crate) fn write(self, out: &mut Output) {
        if self.file.is_null() {
            out.text("(library)");
            return;
        }
        // SAFETY: `Coroutine::launched_at` got it from the launching macro, whose `__FILE__` is
        // static.
        #[allow(unsafe_code)]
        unsafe {
            out.c_string(self.file)
        };
        if self.line != 0 {
            out.text(":").number(self.line.into());
        }
    }
}

impl Coroutine {
    /// What it waits for; `None` while it runs or is ready.
    pub(crate) fn blocked_on(&self) -> Option<Blocked> {
        let kinds = [Blocked::Plain, Blocked::Waiter, Blocked::Waiters];
        kinds.into_iter().find(|&kind| self.waits.get() & kind as u8 != 0)
    }

    /// The place of its launch.
    pub(crate) fn launched_at(&self) -> Place {
        Place { file: self.launched_at.get(), line: self.line.get() }
    }

    /// Returns whether it was launched at the same place as another one.
    pub(crate) fn has_origin_of(&self, other: &Coroutine) -> bool {
        self.launched_at() == other.launched_at()
    }

    /// Writes where it was launched: a place in the program, unless the library did it.
    pub(crate) fn write_origin(&self, out: &mut Output) {
        self.launched_at().write(out);
    }

    /// Returns its reasons to stop: bits of `stop`.
    pub(crate) fn stop_reasons(&self) -> u8 {
        self.stop.get()
    }

    /// Returns whether it is blocked in a wait that no cancellation ends: for the end of other
    /// coroutines.
    pub(crate) fn is_uninterruptible(&self) -> bool {
        self.blocked_on().is_some() && self.interrupt.get() == Interrupt::Never
    }

    /// Was it hard-cancelled?
    pub(crate) fn is_cancelled(&self) -> bool {
        self.stop.get() & stop::CANCELED != 0
    }

    /// Is it inside a close callback?
    pub(crate) fn is_in_close(&self) -> bool {
        self.stop.get() & stop::CLOSING != 0
    }

    /// When its wait ends by itself, in milliseconds.
    pub(crate) fn wakes_at(&self) -> Option<i64> {
        self.timer.is_armed().then(|| self.timer.deadline())
    }

    /// Is the end of its wait, which comes by itself, a success rather than a deadline?
    pub(crate) fn sleeps(&self) -> bool {
        self.blocked_on() == Some(Blocked::Plain) && self.timeout_result.get() == 0
    }

    /// All its waits that are for something else than time.
    pub(crate) fn waits(&self) -> impl Iterator<Item = Ref<Waiter>> {
        let (first, count) = match self.blocked_on() {
            None | Some(Blocked::Plain) => (core::ptr::null(), 0),
            Some(Blocked::Waiter) => (&raw const self.waiter, 1),
            Some(Blocked::Waiters) => {
                let (first, count) = self.waiters.get();
                (first.cast_const(), count)
            }
        };
        // SAFETY: the coroutine's own waiter, or so many live ones that it was given.
        #[allow(unsafe_code)]
        (0..count).map(move |index| unsafe { Ref::from_raw(first.add(index)) })
    }

    /// For debuggers.
    pub(crate) const LAYOUT: &[Field] = &[
        Field::new(
            c"coroutine.stack_pointer",
            offset_of!(Coroutine, execution) + context_switch::STACK_POINTER,
        ),
        Field::new(
            c"coroutine.special",
            offset_of!(Coroutine, execution) + context_switch::OUTCOME,
        ),
        Field::new(c"special.self_saved", context_switch::SELF_SAVED as usize),
        Field::new(c"coroutine.blocked", offset_of!(Coroutine, waits)),
        Field::new(c"blocked.no", 0),
        Field::new(c"coroutine.stop", offset_of!(Coroutine, stop)),
        Field::new(c"stop.cancelled", stop::CANCELED as usize),
        Field::new(c"coroutine.member", offset_of!(Coroutine, member)),
        Field::new(c"coroutine.owned_bundles", offset_of!(Coroutine, owned_bundles)),
        Field::new(c"coroutine.stack", offset_of!(Coroutine, stack)),
        Field::new(c"coroutine.file", offset_of!(Coroutine, launched_at)),
        Field::new(c"coroutine.line", offset_of!(Coroutine, line)),
    ];
}
