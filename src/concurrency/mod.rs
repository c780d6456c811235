//! Structured concurrency proper: bundles of coroutines, channels between them, and
//! both kinds of cancellation.

#[allow(unsafe_code)]
pub(crate) mod abilities;
pub(crate) mod atomicity;
#[allow(unsafe_code)]
pub(crate) mod bundle;
pub(crate) mod cancel;
#[allow(unsafe_code)]
pub(crate) mod cancel_scope;
#[allow(unsafe_code)]
pub(crate) mod channel;
#[allow(unsafe_code)]
pub(crate) mod choose;
#[allow(unsafe_code)]
pub(crate) mod completion;
mod debug_layout;
#[allow(unsafe_code)]
mod dump;
pub(crate) mod event;
#[allow(unsafe_code)]
pub(crate) mod input;
pub(crate) mod last_resort;
#[allow(unsafe_code)]
pub(crate) mod launch;
#[allow(unsafe_code)]
mod notification;
pub(crate) mod offload;
#[allow(unsafe_code)]
pub(crate) mod owned_bundle;
pub(crate) mod reason;
#[allow(unsafe_code)]
pub(crate) mod request;
pub(crate) mod rest;
#[allow(unsafe_code)]
mod scope_chain;
#[allow(unsafe_code)]
pub(crate) mod signals;
#[allow(unsafe_code)]
mod subscriber;
pub(crate) mod task;
pub(crate) mod time_left;
#[allow(unsafe_code)]
pub(crate) mod typed;
