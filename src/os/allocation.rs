//! Allocations that report their failure, where those of the standard library abort.

use super::errno::{Errno, Result};
use super::symbols::c_functions;
use core::alloc::Layout;
use core::ptr::NonNull;

c_functions! {
    safe fn dill_trim_heap();
}

/// Has the allocator give free memory back to the system, if it is the C library's. This takes
/// longer the more free blocks the process has.
pub(crate) fn trim_heap() {
    dill_trim_heap();
}

/// `value` in a box, or `ENOMEM`.
pub(crate) fn boxed<T>(value: T) -> Result<Box<T>> {
    let layout = Layout::new::<T>();
    if layout.size() == 0 {
        return Ok(Box::new(value)); // allocates nothing
    }
    // SAFETY: the layout is not empty.
    let place = unsafe { std::alloc::alloc(layout) }.cast::<T>();
    let place = NonNull::new(place).ok_or(Errno::ENOMEM)?;
    // SAFETY: fresh memory of the global allocator, with the layout of a `T`.
    unsafe {
        place.write(value);
        Ok(Box::from_raw(place.as_ptr()))
    }
}

/// `count` copies of `value`, or `ENOMEM`.
#[cfg(feature = "sockets")]
pub(crate) fn filled<T: Clone>(value: T, count: usize) -> Result<Vec<T>> {
    let mut made = Vec::new();
    made.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
    made.resize(count, value);
    Ok(made)
}

/// So many zeros, or `ENOMEM`. Memory that is not written to costs hardly anything.
#[cfg(feature = "sockets")]
pub(crate) fn zeros(count: usize) -> Result<Vec<u8>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let layout = Layout::array::<u8>(count).map_err(|_| Errno::ENOMEM)?;
    // SAFETY: the layout is not empty.
    let memory = unsafe { std::alloc::alloc_zeroed(layout) };
    let memory = NonNull::new(memory).ok_or(Errno::ENOMEM)?;
    // SAFETY: fresh memory of the global allocator, with the layout of so many bytes, all of
    // them initialised.
    Ok(unsafe { Vec::from_raw_parts(memory.as_ptr(), count, count) })
}

/// The bytes, or `ENOMEM`.
#[cfg(feature = "sockets")]
pub(crate) fn copy(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| Errno::ENOMEM)?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// The bytes as a text, or `ENOMEM`. What is not UTF-8 is replaced.
#[cfg(feature = "sockets")]
pub(crate) fn text(bytes: &[u8]) -> Result<String> {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        // The replacement takes up to three bytes.
        let wrong = if chunk.invalid().is_empty() { "" } else { "\u{fffd}" };
        let room = chunk.valid().len() + wrong.len();
        text.try_reserve(room).map_err(|_| Errno::ENOMEM)?;
        text.push_str(chunk.valid());
        text.push_str(wrong);
    }
    Ok(text)
}

/// `text` as a string for C, or `ENOMEM`; `EINVAL` when there is a NUL in it.
#[cfg(feature = "sockets")]
pub(crate) fn c_string(text: &[u8]) -> Result<std::ffi::CString> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(text.len() + 1).map_err(|_| Errno::ENOMEM)?;
    bytes.extend_from_slice(text);
    bytes.push(0);
    std::ffi::CString::from_vec_with_nul(bytes).map_err(|_| Errno::EINVAL)
}

/// What `Arc` is, with a fallible birth.
pub(crate) struct Shared<T> {
    owned: NonNull<Counted<T>>,
}

struct Counted<T> {
    owners: core::sync::atomic::AtomicUsize,
    value: T,
}

mod shared {
    use super::{Counted, Result, Shared, boxed};
    use crate::os::instrumentation;
    use core::ops::Deref;
    use core::ptr::NonNull;
    use core::sync::atomic::{AtomicUsize, Ordering, fence};

    // SAFETY: as of `Arc`: any thread may use the value and be the last one.
    unsafe impl<T: Send + Sync> Send for Shared<T> {}
    // SAFETY: as above.
    unsafe impl<T: Send + Sync> Sync for Shared<T> {}

    impl<T> Shared<T> {
        /// `value` with one owner, or `ENOMEM`.
        pub(crate) fn new(value: T) -> Result<Self> {
            let counted = boxed(Counted { owners: AtomicUsize::new(1), value })?;
            Ok(Self { owned: NonNull::from(Box::leak(counted)) })
        }

        fn counted(&self) -> &Counted<T> {
            // SAFETY: alive while it has an owner, which `self` is.
            unsafe { self.owned.as_ref() }
        }
    }

    impl<T> Clone for Shared<T> {
        fn clone(&self) -> Self {
            self.counted().owners.fetch_add(1, Ordering::Relaxed);
            Self { owned: self.owned }
        }
    }

    impl<T> Deref for Shared<T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.counted().value
        }
    }

    impl<T> Drop for Shared<T> {
        fn drop(&mut self) {
            instrumentation::tsan_release(self.counted());
            if self.counted().owners.fetch_sub(1, Ordering::Release) == 1 {
                // What the other owners did happened before.
                fence(Ordering::Acquire);
                instrumentation::tsan_acquire(self.counted());
                // SAFETY: made by `new` out of a box, and this was the last owner.
                drop(unsafe { Box::from_raw(self.owned.as_ptr()) });
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_last_owner_drops_the_value() {
            let inner = std::sync::Arc::new(());
            let first = Shared::new(inner.clone()).unwrap();
            let second = first.clone();
            std::thread::spawn(move || drop(second)).join().unwrap();
            assert_eq!(std::sync::Arc::strong_count(&inner), 2);
            drop(first);
            assert_eq!(std::sync::Arc::strong_count(&inner), 1);
        }
    }
}
