//! Where one stack lies.

use crate::os::instrumentation::StackRegistration;

/// Less memory of the user's is refused: common calls would write below it. libdill's own
/// tests get by with this much.
pub(crate) const LEAST_USER_MEMORY: usize = 4096;

/// A stack for one coroutine, aligned to 16 bytes at both ends.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct StackRange {
    pub(super) bottom: *mut u8,
    pub(super) top: *mut u8,
}

impl StackRange {
    /// The usable part of memory that a user supplied; `None` when that is less than
    /// [`LEAST_USER_MEMORY`].
    pub(crate) fn from_user(memory: *mut u8, len: usize) -> Option<StackRange> {
        let bottom = memory.wrapping_byte_add(memory.align_offset(16));
        let end = memory.wrapping_byte_add(len);
        let top = end.wrapping_byte_sub(end as usize % 16);
        (len >= LEAST_USER_MEMORY && end >= memory).then_some(StackRange { bottom, top })
    }

    /// For the stack of a thread, whose bounds are not needed.
    pub(crate) fn unknown() -> StackRange {
        StackRange { bottom: core::ptr::null_mut(), top: core::ptr::null_mut() }
    }

    /// Announces the stack to Valgrind.
    pub(crate) fn register(self) -> StackRegistration {
        StackRegistration::new(self.bottom, self.size())
    }

    /// Lowest usable address.
    pub(crate) fn bottom(self) -> *mut u8 {
        self.bottom
    }

    /// One past the highest address.
    pub(crate) fn top(self) -> *mut u8 {
        self.top
    }

    /// Usable bytes.
    pub(crate) fn size(self) -> usize {
        self.top as usize - self.bottom as usize
    }
}
