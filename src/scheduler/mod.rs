//! Which coroutine runs next, and what the others wait for: the ready queue, timers,
//! the clock and descriptors. One scheduler per thread.

pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod coroutine;
pub(crate) mod dump;
mod endings;
mod failing;
pub(crate) mod fd_readiness;
mod fork;
pub(crate) mod handles;
mod overflow;
pub(crate) mod park;
mod poller;
mod ready_queue;
mod recycle;
mod registry;
pub(crate) mod shared;
pub(crate) mod timers;
mod trimming;
mod turns;
