//! What `choose` can wait for.

use super::bundle::Bundle;
use super::{
    AsRawHandle, Deadline, Error, Receiver, Request, Result, Scope, Sender, Signal, Signals,
};
use super::{TypedBundle, choose};
use crate::concurrency::choose::{Clause, Operation};
use crate::concurrency::owned_bundle::OwnedBundle;
use crate::concurrency::typed::{End, Landing};
use core::ffi::c_int;
use core::marker::PhantomData;
use core::ptr;
use std::os::fd::{AsFd, AsRawFd};

/// What follows is of the core, and nobody else's business.
pub struct ClauseOf(pub(super) Clause);
/// See [`ClauseOf`].
pub struct EndOf<'a, T>(&'a End<T>);
/// See [`ClauseOf`].
pub struct BundleOf<'a>(&'a OwnedBundle);

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

    /// It has been chosen, and its clause is over. Called at once, before anything else happens.
    fn settle(&mut self, result: Result<()>);
}

/// An alternative and its output.
pub trait Alternative: State {
    /// What there is when it has been chosen.
    type Output;

    /// Gives the output, once. Panics when the alternative has not been chosen.
    fn take(&mut self) -> Self::Output;
}

/// What `choose` has chosen.
pub struct Chosen(usize);

impl Chosen {
    /// Is it the alternative with this index?
    pub fn is(&self, index: usize) -> bool {
        self.0 == index
    }

    /// The output of that alternative.
    pub fn take<A: Alternative>(&self, alternative: &mut A) -> A::Output {
        alternative.take()
    }
}

/// See [`choose::wait`].
pub fn wait(alternatives: &mut [&mut dyn State], deadline: impl Into<Deadline>) -> Result<Chosen> {
    choose::wait(alternatives, deadline.into()).map(Chosen)
}

/// The result of an alternative whose output is nothing else.
#[derive(Debug, Default)]
struct Settled(Option<Result<()>>);

impl Settled {
    fn take(&mut self) -> Result<()> {
        self.0.take().expect("the alternative has been chosen")
    }
}

/// What messages can be received from in a `choose`: [`Receiver`] and [`Signals`].
pub trait Receive: sealed::Receive {
    /// A message.
    type Message;

    #[doc(hidden)]
    fn message(raw: Self::Raw) -> Self::Message;
}

mod sealed {
    use super::{BundleOf, EndOf, Receiver, Signals};

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

    pub trait Finish {
        fn bundle(&self) -> BundleOf<'_>;
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
    pub(super) fn new(channel: &'a C) -> Self {
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

    fn settle(&mut self, result: Result<()>) {
        self.message = Some(result.map(|()| {
            // SAFETY: the clause has succeeded just now, so a message has landed.
            #[allow(unsafe_code)]
            unsafe {
                self.landing.take()
            }
        }));
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
    pub(super) fn new(channel: &'a Sender<T>, slot: &'a mut Option<T>) -> Self {
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

    fn settle(&mut self, result: Result<()>) {
        if result.is_ok() {
            // SAFETY: the receiver has the value now, so the slot is overwritten without a drop.
            #[allow(unsafe_code)]
            unsafe {
                ptr::write(self.slot, None);
            }
        }
        self.settled.0 = Some(result);
    }
}

impl<T> Alternative for Sent<'_, T> {
    type Output = Result<()>;

    fn take(&mut self) -> Result<()> {
        self.settled.take()
    }
}

/// Sockets and listeners on which input can be waited for: until a receive, or an accept, would not
/// block before its first byte. Input that a protocol has received already counts.
///
/// ```
/// use dill::{Deadline, TcpListener, TcpStream, choose};
/// use std::time::Duration;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let client = TcpStream::connect(listener.local_addr()?, Deadline::NEVER)?;
/// let (server, _) = listener.accept(Deadline::NEVER)?;
/// client.send(b"x", Deadline::NEVER)?;
/// choose! {
///     input(listener) -> _ => unreachable!("there is no other client"),
///     input(server) -> result => result?,
///     deadline(Duration::from_secs(10)),
/// }?;
/// # Ok::<(), dill::Error>(())
/// ```
pub trait AsInput {
    /// What `choose` waits for.
    fn as_input(&self) -> Input<'_>;
}

impl<S: AsInput> AsInput for &S {
    fn as_input(&self) -> Input<'_> {
        S::as_input(self)
    }
}

/// Where the input of a socket comes from: who is to be asked whether a receive would block. See
/// [`AsInput`].
///
/// ```
/// use dill::{AsInput, Choose, Deadline, Input, UnixStream};
///
/// /// A socket of one's own making.
/// struct Mine(UnixStream);
///
/// impl AsInput for Mine {
///     fn as_input(&self) -> Input<'_> {
///         self.0.as_input()
///     }
/// }
///
/// let (a, b) = UnixStream::pair()?;
/// let mine = Mine(b);
/// a.send(b"x", Deadline::NEVER)?;
/// assert_eq!(Choose::new().input(&mine, |result| result).wait(Deadline::NOW)?, Ok(()));
/// # Ok::<(), dill::Error>(())
/// ```
#[derive(Debug)]
pub struct Input<'a> {
    source: Source,
    settled: Settled,
    socket: PhantomData<&'a ()>,
}

/// Who is to be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// Nobody: a receive would not block.
    Ready,
    /// The socket with this handle.
    Handle(c_int),
    /// The system, for this descriptor.
    Descriptor(c_int),
    /// Nobody knows.
    Unknown,
}

impl<'a> Input<'a> {
    fn new(source: Source) -> Input<'a> {
        Input { source, settled: Settled::default(), socket: PhantomData }
    }

    /// The input of a socket of this library.
    ///
    /// ```
    /// let (a, _b) = dill::UnixStream::pair()?;
    /// let input = dill::Input::of(&a);
    /// # Ok::<(), dill::Error>(())
    /// ```
    pub fn of(socket: &'a impl AsRawHandle) -> Input<'a> {
        Input::new(Source::Handle(socket.as_raw_handle()))
    }

    /// The input of a descriptor.
    ///
    /// ```
    /// let stdin = std::io::stdin();
    /// let input = dill::Input::of_fd(&stdin);
    /// ```
    pub fn of_fd(fd: &'a impl AsFd) -> Input<'a> {
        Input::new(Source::Descriptor(fd.as_fd().as_raw_fd()))
    }

    /// A receive would not block: something has been received already, or it would fail at once.
    ///
    /// ```
    /// use dill::{AsInput, Choose, Deadline, Input};
    ///
    /// struct Full;
    ///
    /// impl AsInput for Full {
    ///     fn as_input(&self) -> Input<'_> {
    ///         Input::ready()
    ///     }
    /// }
    ///
    /// assert_eq!(Choose::new().input(&Full, |result| result).wait(Deadline::NEVER)?, Ok(()));
    /// # Ok::<(), dill::Error>(())
    /// ```
    pub fn ready() -> Input<'a> {
        Input::new(Source::Ready)
    }

    /// Nobody knows. To wait for it fails with [`Error::Unsupported`].
    ///
    /// ```
    /// use dill::{AsInput, Choose, Deadline, Error, Input};
    ///
    /// struct Opaque;
    ///
    /// impl AsInput for Opaque {
    ///     fn as_input(&self) -> Input<'_> {
    ///         Input::unknown()
    ///     }
    /// }
    ///
    /// let result = Choose::new().input(&Opaque, |result| result).wait(Deadline::NEVER)?;
    /// assert_eq!(result, Err(Error::Unsupported));
    /// # Ok::<(), dill::Error>(())
    /// ```
    pub fn unknown() -> Input<'a> {
        Input::new(Source::Unknown)
    }

    #[cfg(feature = "sockets")]
    pub(super) fn source(&self) -> Source {
        self.source
    }
}

/// For `input(socket)`.
pub fn input(socket: &impl AsInput) -> Input<'_> {
    socket.as_input()
}

fn plain(operation: Operation, handle: c_int) -> Readiness {
    let clause = Clause { operation: Some(operation), handle, ..Clause::NOTHING };
    Readiness::Clause(ClauseOf(clause))
}

impl State for Input<'_> {
    fn readiness(&self) -> Readiness {
        match self.source {
            Source::Ready | Source::Unknown => Readiness::Over,
            Source::Handle(handle) => plain(Operation::Socket, handle),
            Source::Descriptor(fd) => plain(Operation::FdIn, fd),
        }
    }

    fn settle(&mut self, result: Result<()>) {
        let unknown = self.source == Source::Unknown;
        self.settled.0 = Some(if unknown { Err(Error::Unsupported) } else { result });
    }
}

impl Alternative for Input<'_> {
    type Output = Result<()>;

    fn take(&mut self) -> Result<()> {
        self.settled.take()
    }
}

/// A descriptor that is ready.
pub struct Ready<'a> {
    fd: c_int,
    operation: Operation,
    settled: Settled,
    descriptor: PhantomData<&'a ()>,
}

impl<'a> Ready<'a> {
    fn new(descriptor: &'a impl AsFd, operation: Operation) -> Self {
        let fd = descriptor.as_fd().as_raw_fd();
        Ready { fd, operation, settled: Settled::default(), descriptor: PhantomData }
    }
}

/// For `readable(fd)`.
pub fn readable(descriptor: &impl AsFd) -> Ready<'_> {
    Ready::new(descriptor, Operation::FdIn)
}

/// For `writable(fd)`.
pub fn writable(descriptor: &impl AsFd) -> Ready<'_> {
    Ready::new(descriptor, Operation::FdOut)
}

impl State for Ready<'_> {
    fn readiness(&self) -> Readiness {
        plain(self.operation, self.fd)
    }

    fn settle(&mut self, result: Result<()>) {
        self.settled.0 = Some(result);
    }
}

impl Alternative for Ready<'_> {
    type Output = Result<()>;

    fn take(&mut self) -> Result<()> {
        self.settled.take()
    }
}

/// What has coroutines whose end can be waited for: [`Bundle`], [`TypedBundle`] and [`Scope`].
pub trait Finish: sealed::Finish {}

impl sealed::Finish for Bundle {
    fn bundle(&self) -> BundleOf<'_> {
        BundleOf(&self.core)
    }
}

impl<T> sealed::Finish for TypedBundle<T> {
    fn bundle(&self) -> BundleOf<'_> {
        BundleOf(&self.bundle.core)
    }
}

impl sealed::Finish for Scope<'_, '_> {
    fn bundle(&self) -> BundleOf<'_> {
        BundleOf(&self.core)
    }
}

impl<B: sealed::Finish> sealed::Finish for &B {
    fn bundle(&self) -> BundleOf<'_> {
        B::bundle(self)
    }
}

impl Finish for Bundle {}
impl<T> Finish for TypedBundle<T> {}
impl Finish for Scope<'_, '_> {}
impl<B: Finish> Finish for &B {}

/// The end of a bundle's coroutines.
pub struct Finished<'a> {
    bundle: &'a OwnedBundle,
    settled: Settled,
}

impl<'a> Finished<'a> {
    pub(super) fn new(bundle: &'a impl Finish) -> Self {
        Finished { bundle: bundle.bundle().0, settled: Settled::default() }
    }
}

/// For `finished(bundle)`.
pub fn finished(bundle: &impl Finish) -> Finished<'_> {
    Finished::new(bundle)
}

impl State for Finished<'_> {
    fn readiness(&self) -> Readiness {
        self.bundle.clause().map_or(Readiness::Over, |clause| Readiness::Clause(ClauseOf(clause)))
    }

    fn settle(&mut self, result: Result<()>) {
        self.settled.0 = Some(result);
    }
}

impl Alternative for Finished<'_> {
    type Output = Result<()>;

    fn take(&mut self) -> Result<()> {
        self.settled.take()
    }
}

/// The graceful request.
pub struct Made<'a> {
    request: &'a Request,
    landing: Landing<core::convert::Infallible>,
    settled: Settled,
}

impl<'a> Made<'a> {
    pub(super) fn new(request: &'a Request) -> Self {
        Made { request, landing: Landing::new(), settled: Settled::default() }
    }
}

/// For `request(request)`.
pub fn request(request: &Request) -> Made<'_> {
    Made::new(request)
}

impl State for Made<'_> {
    fn readiness(&self) -> Readiness {
        Readiness::Clause(ClauseOf(self.landing.clause(&self.request.receiver)))
    }

    fn settle(&mut self, result: Result<()>) {
        // The request is the end of its channel.
        self.settled.0 = Some(match result {
            Err(Error::Done) => Ok(()),
            result => result,
        });
    }
}

impl Alternative for Made<'_> {
    type Output = Result<()>;

    fn take(&mut self) -> Result<()> {
        self.settled.take()
    }
}
