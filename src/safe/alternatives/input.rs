//! The input of sockets, and descriptors that are ready.

use super::{Alternative, ClauseOf, Readiness, Settled, State};
use crate::concurrency::choose::{Clause, Operation};
use crate::safe::{AsRawHandle, Error, Result};
use core::ffi::c_int;
use core::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd};

/// Sockets and listeners on which input can be waited for: until a receive, or an accept, would not
/// block before its first byte. Input that a protocol has received already counts.
///
/// ```
/// use redill::{Deadline, TcpListener, TcpStream, choose};
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
/// # Ok::<(), redill::Error>(())
/// ```
///
/// ```
/// use redill::{AsInput, Choose, Deadline};
///
/// fn is_ready(socket: &impl AsInput) -> bool {
///     Choose::new().input(socket, |ready| ready.is_ok()).wait(Deadline::NOW) == Ok(true)
/// }
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
/// use redill::{AsInput, Choose, Deadline, Input, UnixStream};
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
/// # Ok::<(), redill::Error>(())
/// ```
///
/// ```
/// use redill::{AsInput, Input};
///
/// /// A protocol of one's own waits for the input of the socket beneath.
/// struct Upper<S>(S);
///
/// impl<S: AsInput> AsInput for Upper<S> {
///     fn as_input(&self) -> Input<'_> {
///         self.0.as_input()
///     }
/// }
/// ```
///
/// The socket outlives it:
///
/// ```compile_fail,E0505
/// let (a, b) = redill::UnixStream::pair().unwrap();
/// let input = redill::Input::of(&a);
/// drop(a);
/// println!("{input:?}");
/// ```
#[derive(Debug)]
pub struct Input<'a> {
    source: Source,
    settled: Settled,
    /// A handle is the thread's.
    socket: PhantomData<(&'a (), *mut ())>,
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
    /// let (a, _b) = redill::UnixStream::pair()?;
    /// let input = redill::Input::of(&a);
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn of(socket: &'a impl AsRawHandle) -> Input<'a> {
        Input::new(Source::Handle(socket.as_raw_handle()))
    }

    /// The input of a descriptor.
    ///
    /// ```
    /// let stdin = std::io::stdin();
    /// let input = redill::Input::of_fd(&stdin);
    /// ```
    pub fn of_fd(fd: &'a impl AsFd) -> Input<'a> {
        Input::new(Source::Descriptor(fd.as_fd().as_raw_fd()))
    }

    /// A receive would not block: something has been received already, or it would fail at once.
    ///
    /// ```
    /// use redill::{AsInput, Choose, Deadline, Input};
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
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn ready() -> Input<'a> {
        Input::new(Source::Ready)
    }

    /// Nobody knows. To wait for it fails with [`Error::Unsupported`].
    ///
    /// ```
    /// use redill::{AsInput, Choose, Deadline, Error, Input};
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
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn unknown() -> Input<'a> {
        Input::new(Source::Unknown)
    }

    #[cfg(feature = "sockets")]
    pub(in crate::safe) fn source(&self) -> Source {
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

    fn settle(&mut self, result: Result<()>) -> bool {
        let unknown = self.source == Source::Unknown;
        self.settled.put(if unknown { Err(Error::Unsupported) } else { result })
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

    fn settle(&mut self, result: Result<()>) -> bool {
        self.settled.put(result)
    }
}

impl Alternative for Ready<'_> {
    type Output = Result<()>;

    fn take(&mut self) -> Result<()> {
        self.settled.take()
    }
}
