//! A place for the reason why a call has failed, in words, where `errno` alone does not tell.
//!
//! Most reasons are not stored: they are found in the state of the coroutine when the program asks. A
//! call that fails for a reason that can't be found later puts it here on its failing path: as text
//! with [`Context::set_reason`], or with [`Context::defer_reason`], in a few instructions, as a
//! function that makes the text when it is asked for. It holds for the coroutine and the `errno` of
//! that failure, as long as the coroutine has no new reason to stop.

use super::context::Context;
use super::coroutine::Coroutine;
use crate::os::errno::Errno;
use crate::os::output::Output;
use core::cell::Cell;
use core::ffi::{c_char, c_int};
use core::ptr;

/// A longer text is cut.
const SIZE: usize = 512;

/// Writes a reason, given the number that was noted with the function.
pub(crate) type Render = fn(&Context, u32, &mut Output);

/// A thread's place for one reason.
pub(crate) struct ReasonPlace {
    /// Whose call has failed; null: nothing is known.
    coroutine: Cell<*const Coroutine>,
    errno: Cell<c_int>,
    /// The coroutine's reasons to stop at that time.
    stop: Cell<u8>,
    /// Makes the text, which is there otherwise.
    deferred: Cell<Option<(Render, u32)>>,
    /// Ends with a zero.
    text: [Cell<u8>; SIZE],
}

impl ReasonPlace {
    pub(super) const fn new() -> ReasonPlace {
        ReasonPlace {
            coroutine: Cell::new(ptr::null()),
            errno: Cell::new(0),
            stop: Cell::new(0),
            deferred: Cell::new(None),
            text: [const { Cell::new(0) }; SIZE],
        }
    }
}

impl Context {
    /// Notes why a call of the running coroutine is about to fail with `errno`.
    #[cold]
    #[inline(never)]
    pub(crate) fn set_reason(&self, errno: Errno, write: impl FnOnce(&mut Output)) {
        self.write_reason(write);
        self.reason.deferred.set(None);
        self.note_failure(errno);
    }

    /// Notes how to write why a call of the running coroutine is about to fail with `errno`.
    #[cold]
    pub(crate) fn defer_reason(&self, errno: Errno, render: Render, argument: u32) {
        self.reason.deferred.set(Some((render, argument)));
        self.note_failure(errno);
    }

    fn note_failure(&self, errno: Errno) {
        let current = self.current();
        self.reason.coroutine.set(current.as_ptr());
        self.reason.errno.set(errno as c_int);
        self.reason.stop.set(current.stop_reasons());
    }

    /// Forgets what was noted: a call has failed for a reason of which no more is known.
    #[inline]
    pub(crate) fn clear_reason(&self) {
        self.reason.coroutine.set(ptr::null());
    }

    /// Returns what was noted of the running coroutine's last failure, which was one with `errno`.
    pub(crate) fn noted_reason(&self, errno: c_int) -> Option<*const c_char> {
        let current = self.current();
        let is_of_it = current.same(self.reason.coroutine.get())
            && self.reason.errno.get() == errno
            && self.reason.stop.get() == current.stop_reasons();
        is_of_it.then(|| match self.reason.deferred.get() {
            None => self.reason.text.as_ptr().cast(),
            Some((render, argument)) => {
                let text = self.write_reason(|out| render(self, argument, out));
                // The next question has the same answer.
                self.reason.coroutine.set(current.as_ptr());
                text
            }
        })
    }

    /// Puts a text there that was made now. It stays until the next one.
    pub(crate) fn write_reason(&self, write: impl FnOnce(&mut Output)) -> *const c_char {
        self.clear_reason();
        let mut out = Output::in_memory();
        write(&mut out);
        let bytes = &out.bytes()[..out.bytes().len().min(SIZE - 1)];
        for (place, byte) in self.reason.text.iter().zip(bytes.iter().chain(&[0])) {
            place.set(*byte);
        }
        self.reason.text.as_ptr().cast()
    }
}
