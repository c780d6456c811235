//! What must be said in the processor's own language, besides the switch of stacks
//! (`context_switch`): one file for each architecture, all with these functions.
//!
//! - `counter`, `counts_per_millisecond`: a counter that is read in a few cycles, and its rate.
//! - `thread_context`, `set_thread_context`: the variable of `thread_context.c`.
//! - `valgrind_request`: the sequence of instructions that Valgrind knows.
//! - `interrupted_stack_pointer`: what a signal handler sees.

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::*;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "aarch64")]
pub(super) use aarch64::*;
