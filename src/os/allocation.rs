//! Allocations that report their failure, where those of the standard library abort.

use super::errno::{Errno, Result};
use core::alloc::Layout;
use core::ptr::NonNull;

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
