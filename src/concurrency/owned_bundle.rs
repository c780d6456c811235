//! A bundle as Rust code owns it: reached by address, by any number of users at once, one of
//! whom may end it while others still have it.

use super::bundle::{self, Bundle, Failure};
use super::cancel::{self, Period};
use super::typed::End;
use super::{choose, launch, request};
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use core::cell::Cell;
use core::ffi::c_int;
use core::marker::PhantomData;
use core::panic::Location;

/// A bundle that may have ended already. It doesn't end by itself when it is dropped: see
/// [`OwnedBundle::end`]. Neither `Send` nor `Sync`.
pub(crate) struct OwnedBundle {
    /// `None` once it has ended.
    bundle: Cell<Option<Ref<Bundle>>>,
    number: c_int,
    /// Thread-local variables can outlive the scheduler.
    scheduler: u64,
    not_send: PhantomData<*mut ()>,
}

/// How the coroutines of a bundle have ended.
pub(crate) struct Ended {
    /// By themselves; `ETIMEDOUT`: some had to be hard-cancelled; `ECANCELED`: the caller was.
    pub(crate) outcome: Result<()>,
    /// The first panic of one of them.
    pub(crate) failure: Option<Failure>,
}

impl OwnedBundle {
    /// A new, empty bundle. `ECANCELED`, `ENOMEM`, `EMFILE`.
    pub(crate) fn new() -> Result<OwnedBundle> {
        let context = Context::may_start()?;
        let (bundle, number) = bundle::make_in(context, context.current())?;
        Ok(OwnedBundle::of(context, bundle, number))
    }

    fn of(context: &Context, bundle: Ref<Bundle>, number: c_int) -> OwnedBundle {
        context.let_stacks_last();
        let (bundle, scheduler) = (Cell::new(Some(bundle)), context.serial());
        OwnedBundle { bundle, number, scheduler, not_send: PhantomData }
    }

    /// Takes over the handle of a bundle. `EBADF`, `ENOTSUP`.
    ///
    /// # Safety
    /// Nobody else closes the handle.
    pub(crate) unsafe fn from_handle(number: c_int) -> Result<OwnedBundle> {
        let context = Context::existing().ok_or(Errno::EBADF)?;
        Ok(OwnedBundle::of(context, bundle::find(context, number)?, number))
    }

    /// The handle; -1 when the bundle has ended.
    pub(crate) fn number(&self) -> c_int {
        self.get().map_or(-1, |_| self.number)
    }

    #[inline(always)]
    fn get(&self) -> Option<(&'static Context, Ref<Bundle>)> {
        let context = Context::existing()?;
        let bundle = self.bundle.get()?;
        (context.serial() == self.scheduler).then_some((context, bundle))
    }

    /// Launches a coroutine: [`launch::go`]. `ECANCELED` when the bundle has ended.
    ///
    /// # Safety
    /// What the function borrows outlives the coroutine.
    #[inline(always)]
    pub(crate) unsafe fn go<F: FnOnce()>(
        &self,
        at: &'static Location<'static>,
        function: F,
    ) -> Result<()> {
        // SAFETY: the function outlives the coroutine by this function's contract; `end` empties
        // the cell before the bundle goes, and the number is that of the bundle's scheduler.
        unsafe { launch::go(&self.bundle, self.scheduler, at, function) }
    }

    /// Waits until the last coroutine has finished. `ETIMEDOUT`, `ECANCELED`, `EBUSY`, `EDEADLK`.
    pub(crate) fn wait(&self, deadline: i64) -> Result<()> {
        while let Some((_, bundle)) = self.get() {
            let context = Context::may_block()?;
            let transfer = bundle::begin_wait_for(context, bundle, deadline)?;
            // The bundle may be gone when this returns; or others have been launched since the
            // last one finished.
            match context.carry_out(transfer) {
                (0, _) if self.is_empty() => break,
                (0, _) => {}
                (_, errno) => return Err(Errno::from_raw(errno)),
            }
        }
        Ok(())
    }

    /// Has the last coroutine finished?
    pub(crate) fn is_empty(&self) -> bool {
        self.get().is_none_or(|(_, bundle)| bundle.is_empty())
    }

    /// The panic of a coroutine, once all have finished.
    #[inline]
    pub(crate) fn take_failure(&self) -> Option<Failure> {
        let (_, bundle) = self.get()?;
        if bundle.is_empty() { bundle.take_failure() } else { None }
    }

    /// Ends the bundle as `bundle_cancel` does; `None` when it has ended before. After an error
    /// (`EDEADLK`, `EBUSY`) nothing has happened.
    #[inline]
    pub(crate) fn end(&self, period: Period) -> Result<Option<Ended>> {
        let Some((context, bundle)) = self.get() else { return Ok(None) };
        if period == Period::Zero && bundle::close_at_once(context, bundle, self.number) {
            self.bundle.set(None);
            return Ok(Some(Ended { outcome: Ok(()), failure: None }));
        }
        self.end_in_any_case(context, bundle, period)
    }

    #[inline(never)]
    fn end_in_any_case(
        &self,
        context: &Context,
        bundle: Ref<Bundle>,
        period: Period,
    ) -> Result<Option<Ended>> {
        bundle.check_closable(context)?;
        let had_members = !bundle.is_empty();
        let mut outcome = cancel::end_members(context, &bundle, period);
        if outcome.is_ok() && had_members && bundle.was_forced() {
            outcome = Err(Errno::ETIMEDOUT);
        }
        if let Some(error) = bundle.error()
            && outcome != Err(Errno::ECANCELED)
        {
            outcome = Err(Errno::from_raw(error));
        }
        let failure = bundle.take_failure();
        self.bundle.set(None);
        bundle.destroy(context);
        context.handles.release(self.number);
        Ok(Some(Ended { outcome, failure }))
    }

    /// Has the coroutines hard-cancelled when `deadline` passes.
    pub(crate) fn set_deadline(&self, deadline: i64) -> Result<()> {
        match self.get() {
            Some(_) => request::set_deadline(self.number, deadline),
            None => Ok(()),
        }
    }

    /// Gets the request with the bundle in which the caller runs.
    pub(crate) fn follow(&self) -> Result<()> {
        match self.get() {
            Some(_) => request::follow(self.number),
            None => Ok(()),
        }
    }

    /// Has the receivers of a channel see its end with the request; this is its sending end.
    pub(crate) fn notify_sender<T>(&self, end: &End<T>) -> Result<()> {
        match self.get() {
            Some((_, bundle)) => end.notify_sender(&bundle),
            None => Ok(()),
        }
    }

    /// As [`OwnedBundle::notify_sender`]; this is its receiving end.
    pub(crate) fn notify_receiver<T>(&self, end: &End<T>) -> Result<()> {
        match self.get() {
            Some((_, bundle)) => end.notify_receiver(&bundle),
            None => Ok(()),
        }
    }

    /// A clause of `choose` for the end of the last coroutine; `None` when that was long ago.
    pub(crate) fn clause(&self) -> Option<choose::Clause> {
        self.get()?;
        let operation = Some(choose::Operation::Bundle);
        Some(choose::Clause { operation, handle: self.number, ..choose::Clause::NOTHING })
    }
}

/// Hands a panic to the bundle in which the caller runs, when it can't go on here.
pub(crate) fn pass_up(failure: Failure) {
    bundle::fail_current(failure);
}
