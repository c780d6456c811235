//! Stacks of coroutines: where they come from and where they wait for reuse.

mod pool;
mod range;
mod slab;

pub(crate) use pool::{StackPool, give_deep_pages_back};
pub(crate) use range::{LEAST_USER_MEMORY, StackRange};

#[cfg(feature = "sockets")]
use crate::os::errno::{Errno, Result};
pub(crate) use crate::os::instrumentation::StackRegistration;
#[cfg(feature = "sockets")]
use corosensei::stack::DefaultStack;

/// Calls `function` on a stack that is large enough for the C library's larger functions.
/// `ENOMEM`.
#[cfg(feature = "sockets")]
pub(crate) fn on_large_stack<T>(function: impl FnOnce() -> T) -> Result<T> {
    const SIZE: usize = 1 << 20;
    let stack = DefaultStack::new(SIZE).map_err(|_| Errno::ENOMEM)?;
    Ok(corosensei::on_stack(stack, function))
}
