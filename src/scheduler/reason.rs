//! A place for the reason why a call has failed, in words, where `errno` alone does not tell.
//!
//! Most reasons are not stored: they are found in the state of the coroutine when the program asks. A
//! call that fails for a reason that can't be found later puts it here on its failing path: as text
//! with [`ReasonPlace::set`], or with [`ReasonPlace::defer`], in a few instructions, as a function that makes the text when it is asked for. It holds for the coroutine and the `errno` of
//! that failure, as long as the coroutine has no new reason to stop.

use super::coroutine::Coroutine;
use crate::intrusive::Ref;
use crate::os::errno::Errno;
use crate::os::output::Output;
use core::cell::Cell;
use core::ffi::{c_char, c_int};
use core::ptr;

/// A longer text is cut.
const SIZE: usize = 512;

/// Writes a reason, given the number that was noted with the function.
pub(crate) type Render = fn(u32, &mut Output);

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

    /// Notes why a call of `current`, which runs, is about to fail with `errno`.
    #[cold]
    #[inline(never)]
    pub(crate) fn set(
        &self,
        current: Ref<Coroutine>,
        errno: Errno,
        write: impl FnOnce(&mut Output),
    ) {
        self.write(write);
        self.deferred.set(None);
        self.note_failure(current, errno);
    }

    /// Notes how to write why a call of `current`, which runs, is about to fail with `errno`.
    #[cold]
    pub(crate) fn defer(
        &self,
        current: Ref<Coroutine>,
        errno: Errno,
        render: Render,
        argument: u32,
    ) {
        self.deferred.set(Some((render, argument)));
        self.note_failure(current, errno);
    }

    fn note_failure(&self, current: Ref<Coroutine>, errno: Errno) {
        self.coroutine.set(current.as_ptr());
        self.errno.set(errno as c_int);
        self.stop.set(current.stop_reasons());
    }

    /// Forgets what was noted: a call has failed for a reason of which no more is known.
    #[inline]
    pub(crate) fn clear(&self) {
        self.coroutine.set(ptr::null());
    }

    /// Returns what was noted of the last failure of `current`, which runs, if that was one with
    /// `errno`.
    pub(crate) fn noted(&self, current: Ref<Coroutine>, errno: c_int) -> Option<*const c_char> {
        let is_of_it = current.same(self.coroutine.get())
            && self.errno.get() == errno
            && self.stop.get() == current.stop_reasons();
        is_of_it.then(|| match self.deferred.get() {
            None => self.text.as_ptr().cast(),
            Some((render, argument)) => {
                let text = self.write(|out| render(argument, out));
                // The next question has the same answer.
                self.coroutine.set(current.as_ptr());
                text
            }
        })
    }

    /// Puts a text there that was made now. It stays until the next one.
    pub(crate) fn write(&self, write: impl FnOnce(&mut Output)) -> *const c_char {
        self.clear();
        let mut out = Output::in_memory();
        write(&mut out);
        let bytes = &out.bytes()[..out.bytes().len().min(SIZE - 1)];
        for (place, byte) in self.text.iter().zip(bytes.iter().chain(&[0])) {
            place.set(*byte);
        }
        self.text.as_ptr().cast()
    }
}
