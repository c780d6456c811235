//! What the layers above need of the operating system and the C runtime: the
//! errno type, the thread's context pointer, the few system calls that nix lacks,
//! the hooks of AddressSanitizer and Valgrind, and what signal handlers need.

pub(crate) mod allocation;
pub(crate) mod alternate_stack;
pub(crate) mod caught_signals;
pub(crate) mod cycles;
pub(crate) mod debug_layout;
pub(crate) mod descriptors;
mod environment;
pub(crate) mod errno;
pub(crate) mod fault_handler;
pub(crate) mod fork;
pub(crate) mod futex;
pub(crate) mod instrumentation;
mod machine;
#[cfg(feature = "sockets")]
pub(crate) mod network;
pub(crate) mod output;
#[cfg(feature = "sockets")]
pub(crate) mod random;
pub(crate) mod refusal;
pub(crate) mod settings;
pub(crate) mod signal_handlers;
pub(crate) mod snapshot;
pub(crate) mod stay_loaded;
pub(crate) mod symbols;
pub(crate) mod syscalls;
pub(crate) mod thread_context;
pub(crate) mod thread_state;
