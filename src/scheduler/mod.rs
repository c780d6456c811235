//! Which coroutine runs next, and what the others wait for: the ready queue, timers,
//! the clock and descriptors. One scheduler per thread.

mod budget;
pub(crate) mod cancel_watch;
pub(crate) mod cancellations;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod coroutine;
pub(crate) mod drafts;
pub(crate) mod dump;
mod dumping;
mod endings;
mod failing;
pub(crate) mod fd_readiness;
mod fd_table;
mod fork;
pub(crate) mod handles;
mod making;
mod overflow;
pub(crate) mod park;
mod poll;
mod poller;
mod ready_queue;
pub(crate) mod reason;
mod recycle;
mod registry;
mod run;
pub(crate) mod shared;
pub(crate) mod time;
pub(crate) mod timers;
mod trimming;
mod turns;
