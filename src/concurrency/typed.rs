//! Channels whose messages are values of one type, which are moved: the rendezvous copies the
//! bytes of the message exactly when both calls succeed, so a value has one owner at any time.

use super::cancel_scope::Watch;
use super::channel::{self, Buffer, Direction, Half, HalfChannel};
use super::{bundle, bundle::Bundle, choose, request, signals};
use crate::context_switch::Transfer;
use crate::intrusive::Ref;
use crate::os::caught_signals::SignalSet;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use core::cell::UnsafeCell;
use core::convert::Infallible;
use core::ffi::c_int;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr;

/// One end of a channel that carries messages of type `T`. Owns its handle.
pub(crate) struct End<T> {
    untyped: Untyped,
    messages: PhantomData<*mut T>,
}

/// What of an end does not depend on the type.
struct Untyped {
    half: Ref<HalfChannel>,
    number: c_int,
    /// Thread-local variables can outlive the scheduler.
    scheduler: u64,
}

impl Untyped {
    /// The scheduler, unless that of the channel has ended.
    #[inline(always)]
    fn context(&self) -> Result<&'static Context> {
        match Context::existing() {
            Some(context) if context.serial() == self.scheduler => Ok(context),
            _ => Err(Errno::EBADF),
        }
    }
}

impl Half for &Untyped {
    #[inline(always)]
    fn find_fast(self) -> Option<(&'static Context, Ref<HalfChannel>)> {
        let context = Context::may_block_at_once()?;
        (context.serial() == self.scheduler).then_some((context, self.half))
    }

    fn begin(self, direction: Direction, buffer: Buffer, deadline: i64) -> Result<Transfer> {
        let begun = self.context().and_then(|context| {
            context.current().may_block()?;
            channel::begin_half(context, direction, self.half, buffer, deadline)
        });
        Context::end_call(deadline, begun)
    }
}

/// As [`channel::send`], once for all types. Ends with a jump: see `context_switch`.
///
/// # Safety
/// `address` is valid for reads of `len` bytes.
unsafe extern "C" fn send(end: &Untyped, address: *mut u8, len: usize, deadline: i64) -> c_int {
    channel::send(end, address, len, deadline)
}

/// As [`channel::receive`], once for all types. Ends with a jump: see `context_switch`.
///
/// # Safety
/// `address` is valid for writes of `len` bytes.
unsafe extern "C" fn receive(end: &Untyped, address: *mut u8, len: usize, deadline: i64) -> c_int {
    channel::receive(end, address, len, deadline)
}

impl<T> End<T> {
    /// Both ends of a new channel.
    pub(crate) fn pair() -> Result<(End<T>, End<T>)> {
        let [first, second] = channel::make(None)?;
        // SAFETY: made just now, for messages of this type.
        unsafe { Ok((End::from_handle(first)?, End::from_handle(second)?)) }
    }

    /// Takes over the handle of a half-channel.
    ///
    /// # Safety
    /// Nobody else closes the handle, and all messages of the channel are of type `T`.
    pub(crate) unsafe fn from_handle(number: c_int) -> Result<End<T>> {
        let context = Context::existing().ok_or(Errno::EBADF)?;
        let half = channel::find(context, number)?;
        let untyped = Untyped { half, number, scheduler: context.serial() };
        Ok(End { untyped, messages: PhantomData })
    }

    /// The handle; -1 after the end of the scheduler.
    pub(crate) fn number(&self) -> c_int {
        if self.untyped.context().is_ok() { self.untyped.number } else { -1 }
    }

    /// Gives the handle away.
    pub(crate) fn into_number(self) -> c_int {
        ManuallyDrop::new(self).number()
    }

    /// Sends a value, which comes back when that fails: `EPIPE`, `ETIMEDOUT`, `ECANCELED`.
    #[inline(always)]
    pub(crate) fn send(&self, value: T, deadline: i64) -> core::result::Result<(), (T, Errno)> {
        let mut value = ManuallyDrop::new(value);
        // SAFETY: the place is valid until the call returns.
        let result = unsafe {
            send(&self.untyped, (&raw mut value).cast(), const { size_of::<T>() }, deadline)
        };
        if result == 0 {
            return Ok(()); // the receiver has it
        }
        Err((ManuallyDrop::into_inner(value), Errno::last()))
    }

    /// Receives a value. `EPIPE`, `ETIMEDOUT`, `ECANCELED`.
    #[inline(always)]
    pub(crate) fn receive(&self, deadline: i64) -> Result<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the place is valid until the call returns.
        let result = unsafe {
            receive(&self.untyped, value.as_mut_ptr().cast(), const { size_of::<T>() }, deadline)
        };
        if result == 0 {
            // SAFETY: a sender has moved a value of this type to it.
            return Ok(unsafe { value.assume_init() });
        }
        Err(Errno::last())
    }

    /// For the receiving end: is there nothing more to come?
    pub(crate) fn is_over(&self) -> bool {
        self.untyped.context().is_err() || self.untyped.half.is_over()
    }

    /// Nothing more will be sent: receivers get `EPIPE`.
    pub(crate) fn done(&self) {
        if let Ok(context) = self.untyped.context() {
            // `EPIPE`: done already.
            let _ = self.untyped.half.done(context);
        }
    }

    /// Has this end, which sends, become done with the request to the bundle.
    pub(crate) fn notify_sender(&self, bundle: &Bundle) -> Result<()> {
        let context = self.untyped.context()?;
        request::notify_half(context, bundle, self.untyped.half)
    }

    /// Has the other end become done with the request to the bundle, for the receiving one.
    pub(crate) fn notify_receiver(&self, bundle: &Bundle) -> Result<()> {
        let context = self.untyped.context()?;
        if self.is_over() {
            // The other end may be closed, and what is registered there never removed.
            return Ok(());
        }
        request::notify_half(context, bundle, self.untyped.half.peer())
    }

    /// What a cancel scope watches that fires when nothing more will come.
    pub(crate) fn watch(&self) -> Watch {
        Watch::Channel(self.number())
    }

    /// A clause of `choose` that sends `value`, which is the receiver's when that has succeeded.
    pub(crate) fn send_clause(&self, value: &T) -> choose::Clause {
        self.clause(choose::Operation::Send, ptr::from_ref(value).cast_mut())
    }

    fn clause(&self, operation: choose::Operation, place: *mut T) -> choose::Clause {
        let buffer = Buffer { address: place.cast(), len: size_of::<T>() };
        choose::Clause { operation: Some(operation), handle: self.number(), buffer }
    }
}

/// A place where a `choose` may put a value that it receives.
pub(crate) struct Landing<T>(UnsafeCell<MaybeUninit<T>>);

impl<T> Landing<T> {
    pub(crate) const fn new() -> Landing<T> {
        Landing(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// A clause of `choose` that receives a value here.
    pub(crate) fn clause(&self, end: &End<T>) -> choose::Clause {
        end.clause(choose::Operation::Receive, self.0.get().cast())
    }

    /// The value.
    ///
    /// # Safety
    /// The clause has succeeded, and the value has not been taken.
    pub(crate) unsafe fn take(&mut self) -> T {
        // SAFETY: by the caller's promise.
        unsafe { self.0.get_mut().assume_init_read() }
    }
}

impl<T> Drop for End<T> {
    fn drop(&mut self) {
        let Ok(context) = self.untyped.context() else { return };
        // Whichever end it is: nothing comes any more, and nothing can be sent.
        let half = self.untyped.half;
        let _ = half.done(context);
        let _ = half.peer().done(context);
        let _ = handles::close(self.untyped.number);
    }
}

impl End<c_int> {
    /// A receiving end for signals of the system: see [`signals::make`].
    pub(crate) fn of_signals(set: SignalSet) -> Result<End<c_int>> {
        // SAFETY: made just now; a message is the number of a signal.
        unsafe { End::from_handle(signals::make(set)?) }
    }
}

/// A receiving end that becomes done with the request to the bundle in which the caller runs;
/// and its peer, which keeps the channel alive. In a main coroutine nothing ever happens to it.
pub(crate) fn of_request() -> Result<(End<Infallible>, End<Infallible>)> {
    let (sender, receiver) = End::pair()?;
    let context = Context::get()?;
    if let Some(bundle) = bundle::of(context.current()) {
        sender.notify_sender(&bundle)?;
    }
    Ok((receiver, sender))
}
