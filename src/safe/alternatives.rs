//! What `choose` can wait for.

mod channels;
mod finish;
mod input;
mod waiting;

pub use channels::{Made, Receive, Received, Sent, recv, request, send};
pub use finish::{Finish, Finished, finished, next};
#[cfg(feature = "sockets")]
pub(crate) use input::Source;
pub use input::{AsInput, Input, input, readable, writable};
pub use waiting::wait;
pub(super) use waiting::wait_for_index;

use super::Result;
use crate::concurrency::choose::Clause;
use crate::concurrency::event::Event;
use crate::concurrency::owned_bundle::OwnedBundle;
use crate::concurrency::typed::End;

/// What follows is of the core, and nobody else's business.
pub struct ClauseOf(pub(super) Clause);
/// See [`ClauseOf`].
pub struct EndOf<'a, T>(&'a End<T>);
/// Where the end of coroutines is seen. See [`ClauseOf`].
#[allow(private_interfaces)]
pub enum FinishOf<'a> {
    /// That of all coroutines of a bundle.
    Bundle(&'a OwnedBundle),
    /// That of one.
    Event(&'a Event),
}

/// What an alternative has to say before anybody waits.
pub enum Readiness {
    /// This is to be waited for.
    Clause(ClauseOf),
    /// It is over already.
    Over,
    /// It never will be.
    Never,
}

/// An alternative, whatever its output.
pub trait State {
    /// See [`Readiness`]. The buffer in it stays the alternative's.
    fn readiness(&self) -> Readiness;

    /// Its clause is over. Called at once, before anything else happens. `false` when there is
    /// nothing to be had, after all: then all of them wait on.
    fn settle(&mut self, result: Result<()>) -> bool;
}

/// An alternative and its output.
pub trait Alternative: State {
    /// What there is when it has been chosen.
    type Output;

    /// Gives the output, once. Panics when the alternative has not been chosen.
    fn take(&mut self) -> Self::Output;
}

/// The result of an alternative whose output is nothing else.
#[derive(Debug, Default)]
struct Settled(Option<Result<()>>);

impl Settled {
    fn put(&mut self, result: Result<()>) -> bool {
        self.0 = Some(result);
        true
    }

    fn take(&mut self) -> Result<()> {
        self.0.take().expect("the alternative has been chosen")
    }
}
