//! Receiving, sending, and the graceful request.

use super::{Alternative, ClauseOf, EndOf, Readiness, Settled, State};
use crate::concurrency::choose::Clause;
use crate::concurrency::typed::Landing;
use crate::safe::{Receiver, Request, Result, Sender, Signal, Signals};
use core::ptr;

/// What messages can be received from in a `choose`: [`Receiver`] and [`Signals`].
///
/// ```
/// use redill::{Choose, Deadline, Receive, channel};
///
/// fn first<C: Receive>(left: &C, right: &C) -> redill::Result<C::Message> {
///     Choose::new().recv(left, |m| m).recv(right, |m| m).wait(Deadline::NEVER)?
/// }
///
/// let ((left, rx), (right, other)) = (channel::<u8>()?, channel::<u8>()?);
/// drop((left, right));
/// assert_eq!(first(&rx, &other), Err(redill::Error::Done));
/// # Ok::<(), redill::Error>(())
/// ```
///
/// Nothing else can be such:
///
/// ```compile_fail,E0277
/// struct Mine;
/// impl redill::Receive for Mine {
///     type Message = u8;
///     fn message(raw: u8) -> u8 {
///         raw
///     }
/// }
/// ```
pub trait Receive: sealed::Receive {
    /// A message.
    type Message;

    #[doc(hidden)]
    fn message(raw: Self::Raw) -> Self::Message;
}

mod sealed {
    use super::{EndOf, Receiver, Signals};

    pub trait Receive {
        type Raw;
        fn end(&self) -> EndOf<'_, Self::Raw>;
    }

    impl<T> Receive for Receiver<T> {
        type Raw = T;
        fn end(&self) -> EndOf<'_, T> {
            EndOf(&self.end)
        }
    }

    impl Receive for Signals {
        type Raw = i32;
        fn end(&self) -> EndOf<'_, i32> {
            EndOf(&self.end)
        }
    }

    impl<C: Receive> Receive for &C {
        type Raw = C::Raw;
        fn end(&self) -> EndOf<'_, C::Raw> {
            C::end(self)
        }
    }
}

impl<T> Receive for Receiver<T> {
    type Message = T;

    fn message(raw: T) -> T {
        raw
    }
}

impl Receive for Signals {
    type Message = Signal;

    fn message(raw: i32) -> Signal {
        Signal::from_raw(raw)
    }
}

impl<C: Receive> Receive for &C {
    type Message = C::Message;

    fn message(raw: C::Raw) -> C::Message {
        C::message(raw)
    }
}

/// Receiving from a channel.
pub struct Received<'a, C: Receive> {
    channel: &'a C,
    landing: Landing<C::Raw>,
    message: Option<Result<C::Raw>>,
}

impl<'a, C: Receive> Received<'a, C> {
    pub(in crate::safe) fn new(channel: &'a C) -> Self {
        Received { channel, landing: Landing::new(), message: None }
    }
}

/// For `recv(channel)`.
pub fn recv<C: Receive>(channel: &C) -> Received<'_, C> {
    Received::new(channel)
}

impl<C: Receive> State for Received<'_, C> {
    fn readiness(&self) -> Readiness {
        Readiness::Clause(ClauseOf(self.landing.clause(self.channel.end().0)))
    }

    fn settle(&mut self, result: Result<()>) -> bool {
        self.message = Some(result.map(|()| {
            // SAFETY: the clause has succeeded just now, so a message has landed.
            #[allow(unsafe_code)]
            unsafe {
                self.landing.take()
            }
        }));
        true
    }
}

impl<C: Receive> Alternative for Received<'_, C> {
    type Output = Result<C::Message>;

    fn take(&mut self) -> Self::Output {
        self.message.take().expect("the alternative has been chosen").map(C::message)
    }
}

/// Sending to a channel.
pub struct Sent<'a, T> {
    channel: &'a Sender<T>,
    slot: &'a mut Option<T>,
    settled: Settled,
}

impl<'a, T> Sent<'a, T> {
    pub(in crate::safe) fn new(channel: &'a Sender<T>, slot: &'a mut Option<T>) -> Self {
        Sent { channel, slot, settled: Settled::default() }
    }
}

/// For `send(channel, slot)`.
pub fn send<'a, T>(channel: &'a Sender<T>, slot: &'a mut Option<T>) -> Sent<'a, T> {
    Sent::new(channel, slot)
}

impl<T> State for Sent<'_, T> {
    fn readiness(&self) -> Readiness {
        match self.slot.as_ref() {
            Some(value) => Readiness::Clause(ClauseOf(self.channel.end.send_clause(value))),
            None => Readiness::Never,
        }
    }

    fn settle(&mut self, result: Result<()>) -> bool {
        if result.is_ok() {
            // SAFETY: the receiver has the value now, so the slot is overwritten without a drop.
            #[allow(unsafe_code)]
            unsafe {
                ptr::write(self.slot, None);
            }
        }
        self.settled.put(result)
    }
}

impl<T> Alternative for Sent<'_, T> {
    type Output = Result<()>;

    fn take(&mut self) -> Result<()> {
        self.settled.take()
    }
}

/// The graceful request to the bundle in which the caller runs.
#[derive(Default)]
pub struct Made(Settled);

/// For `request(request)`.
pub fn request(_: &Request) -> Made {
    Made::default()
}

/// For `request()`.
pub fn own_request() -> Made {
    Made::default()
}

impl State for Made {
    fn readiness(&self) -> Readiness {
        Readiness::Clause(ClauseOf(Clause::of_request()))
    }

    fn settle(&mut self, result: Result<()>) -> bool {
        self.0.put(result)
    }
}

impl Alternative for Made {
    type Output = Result<()>;

    fn take(&mut self) -> Result<()> {
        self.0.take()
    }
}
