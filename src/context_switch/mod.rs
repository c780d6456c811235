//! Leaving one stack and going on with another.
//!
//! A blocking entry point has two phases. First ordinary Rust: it either completes the
//! call, or leaves everything behind for whoever will wake the coroutine and picks the
//! coroutine to go on with. Then it ends with a call of [`switch`], which compilers
//! turn into a jump: the registers are saved right behind the user's `call`, and the
//! resumed side jumps straight into the user's code, with the result in the return
//! register and `errno` set. So no Rust frame stays on a stack while its coroutine is
//! blocked, and no `ret` is executed on another stack than its `call`, which would be
//! mispredicted every time. Where the compiler does not make a jump of it, or the caller
//! goes on in Rust, the same call works, just not as fast.

mod execution;
mod transfer;
pub(crate) use execution::*;
pub(crate) use transfer::*;

#[cfg(dill_thread_switch)]
mod baton;
#[cfg(dill_thread_switch)]
mod threads;
#[cfg(dill_thread_switch)]
pub(crate) use threads::*;

#[cfg(all(target_arch = "x86_64", not(dill_thread_switch)))]
pub(crate) mod x86_64;
#[cfg(all(target_arch = "x86_64", not(dill_thread_switch)))]
pub(crate) use x86_64::*;

#[cfg(all(target_arch = "aarch64", not(dill_thread_switch)))]
pub(crate) mod aarch64;
#[cfg(all(target_arch = "aarch64", not(dill_thread_switch)))]
pub(crate) use aarch64::*;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("redill has no context switch for this architecture yet");
