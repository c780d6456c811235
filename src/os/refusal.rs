//! System calls that an older kernel, or the filter of a container, may refuse.
//!
//! Each has an older call that does the same. An old filter refuses what it does not know with
//! whatever error its author chose, not only with `ENOSYS`.

use super::errno::{Errno, Result};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Returns whether `error` may mean that a system call is not allowed here. Being interrupted
/// and a lack of memory or descriptors are no refusals: the same call may succeed later.
pub(crate) fn is_refusal(error: Errno) -> bool {
    matches!(
        error,
        Errno::ENOSYS | Errno::EPERM | Errno::EACCES | Errno::EINVAL | Errno::EOPNOTSUPP
    )
}

/// A system call for which there is a replacement.
pub(crate) struct Optional {
    refused: AtomicBool,
}

impl Optional {
    pub(crate) const fn new() -> Optional {
        Optional { refused: AtomicBool::new(false) }
    }

    /// Calls `newer`, or `older` where that is refused. Once `older` has succeeded in place of
    /// `newer`, that is not tried again. Where both fail, the error is that of `older`.
    #[inline]
    pub(crate) fn or_older<T>(
        &self,
        newer: impl FnOnce() -> Result<T>,
        older: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        if !self.refused.load(Relaxed) {
            match newer() {
                Err(error) if is_refusal(error) => {}
                result => return result,
            }
        }
        self.replaced(older)
    }

    #[cold]
    fn replaced<T>(&self, older: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = older();
        if result.is_ok() {
            self.refused.store(true, Relaxed);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    #[test]
    fn a_refused_call_is_replaced_for_good() {
        for error in [Errno::ENOSYS, Errno::EPERM, Errno::EACCES, Errno::EINVAL] {
            let (call, tries) = (Optional::new(), Cell::new(0));
            for _ in 0..3 {
                let newer = || {
                    tries.set(tries.get() + 1);
                    Err(error)
                };
                assert_eq!(call.or_older(newer, || Ok(7)), Ok(7));
            }
            assert_eq!(tries.get(), 1);
        }
    }

    #[test]
    fn a_passing_failure_replaces_nothing() {
        let call = Optional::new();
        for error in [Errno::EINTR, Errno::ENOMEM, Errno::EMFILE, Errno::ENFILE, Errno::EAGAIN] {
            assert_eq!(call.or_older(|| Err::<(), _>(error), || unreachable!()), Err(error));
        }
        assert_eq!(call.or_older(|| Ok(1), || unreachable!()), Ok(1));
    }

    #[test]
    fn where_both_fail_the_newer_is_tried_again() {
        let call = Optional::new();
        let result = call.or_older(|| Err::<(), _>(Errno::EPERM), || Err(Errno::EACCES));
        assert_eq!(result, Err(Errno::EACCES));
        assert_eq!(call.or_older(|| Ok(1), || unreachable!()), Ok(1));
    }
}
