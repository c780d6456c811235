//! Structured concurrency proper: bundles of coroutines, channels between them, and
//! both kinds of cancellation.

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
pub(crate) mod dump;
pub(crate) mod event;
pub(crate) mod handle_close;
#[allow(unsafe_code)]
pub(crate) mod input;
pub(crate) mod last_resort;
#[allow(unsafe_code)]
pub(crate) mod launch;
#[allow(unsafe_code)]
pub(crate) mod notification;
pub(crate) mod offload;
#[allow(unsafe_code)]
pub(crate) mod owned_bundle;
pub(crate) mod reason;
#[allow(unsafe_code)]
pub(crate) mod request;
#[allow(unsafe_code)]
pub(crate) mod rest;
#[allow(unsafe_code)]
pub(crate) mod signals;
pub(crate) mod time_left;
#[allow(unsafe_code)]
pub(crate) mod typed;
