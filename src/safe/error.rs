//! Why a call has failed.

use crate::os::errno::Errno;
use crate::scheduler::context::Context;
use core::fmt;
use std::io;

/// The result of nearly every call.
///
/// ```
/// fn answer() -> redill::Result<u8> {
///     redill::yield_now()?;
///     Ok(42)
/// }
/// assert_eq!(answer(), Ok(42));
/// ```
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why a call has failed.
///
/// It converts from and to [`std::io::Error`], so `?` works in functions of either kind, and
/// what went through one as the other comes back as what it was.
///
/// ```
/// use redill::Error;
/// use std::io;
///
/// fn both_ways() -> io::Result<()> {
///     Err(Error::TimedOut)?
/// }
///
/// let error = Error::from(both_ways().unwrap_err());
/// assert_eq!(error, Error::TimedOut);
/// ```
///
/// As one of those it has the kind that the system's number has: `TimedOut`, `BrokenPipe` for
/// [`Done`](Error::Done), `ConnectionReset`, `ResourceBusy`, `Deadlock`, `OutOfMemory`,
/// `Unsupported`. A cancellation has no kind of its own, as `Interrupted` is what the standard
/// library tries again after.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The coroutine has been hard-cancelled, or a cancel scope around the call has fired
    /// (`ECANCELED`).
    Canceled,
    /// The deadline has passed (`ETIMEDOUT`).
    TimedOut,
    /// Nothing more will come, or can be sent: the other end is done (`EPIPE`).
    Done,
    /// The peer has broken the connection (`ECONNRESET`).
    Reset,
    /// The peer does not keep to the protocol (`EPROTO`).
    Protocol,
    /// A message is longer than what it must fit into, or a length is impossible (`EMSGSIZE`).
    MessageSize,
    /// Somebody else is at it already (`EBUSY`).
    Busy,
    /// The call would wait for its own end: a coroutine that waits for the bundle in which it
    /// runs (`EDEADLK`).
    Deadlock,
    /// There is no memory for it (`ENOMEM`).
    OutOfMemory,
    /// The object can't do that (`ENOTSUP`).
    Unsupported,
    /// The coroutine whose result was wanted has panicked. The panic itself goes to the owner of
    /// its bundle.
    Panicked,
    /// Another error of the system, by its `errno`.
    Os(i32),
    /// An error from elsewhere that was converted to this type.
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// An error from elsewhere. [`source`](std::error::Error::source) gives it back.
    ///
    /// ```
    /// use std::error::Error as _;
    ///
    /// let error = redill::Error::other("the tank is empty");
    /// assert_eq!(error.to_string(), "the tank is empty");
    /// assert!(error.source().is_some());
    /// ```
    pub fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Other(error.into())
    }

    /// The system's number of the error; `None` for what the system has none for.
    ///
    /// ```
    /// assert_eq!(redill::Error::Done.errno(), Some(libc::EPIPE));
    /// assert_eq!(redill::Error::Panicked.errno(), None);
    /// ```
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        Some(match *self {
            Error::Canceled => libc::ECANCELED,
            Error::TimedOut => libc::ETIMEDOUT,
            Error::Done => libc::EPIPE,
            Error::Reset => libc::ECONNRESET,
            Error::Protocol => libc::EPROTO,
            Error::MessageSize => libc::EMSGSIZE,
            Error::Busy => libc::EBUSY,
            Error::Deadlock => libc::EDEADLK,
            Error::OutOfMemory => libc::ENOMEM,
            Error::Unsupported => libc::ENOTSUP,
            Error::Os(number) => number,
            Error::Panicked | Error::Other(_) => return None,
        })
    }

    /// The error with a number of the system.
    ///
    /// ```
    /// assert_eq!(redill::Error::from_errno(libc::EPIPE), redill::Error::Done);
    /// ```
    #[must_use]
    pub fn from_errno(number: i32) -> Error {
        match number {
            libc::ECANCELED => Error::Canceled,
            libc::ETIMEDOUT => Error::TimedOut,
            libc::EPIPE => Error::Done,
            libc::ECONNRESET => Error::Reset,
            libc::EPROTO => Error::Protocol,
            libc::EMSGSIZE => Error::MessageSize,
            libc::EBUSY => Error::Busy,
            libc::EDEADLK => Error::Deadlock,
            libc::ENOMEM => Error::OutOfMemory,
            libc::ENOTSUP => Error::Unsupported,
            number => Error::Os(number),
        }
    }

    /// The core's error, of a call that may wait. Other coroutines run if it is time, so that a
    /// loop that ignores errors stops nothing but itself.
    #[allow(dead_code)]
    #[cold]
    #[inline(never)]
    pub(crate) fn of(errno: Errno) -> Error {
        Context::end_failed_call();
        Error::immediate(errno)
    }

    /// The same for calls that never wait, or that have let others run themselves.
    #[cold]
    #[inline(never)]
    pub(crate) fn immediate(errno: Errno) -> Error {
        Error::from_errno(errno as i32)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::Canceled => "canceled",
            Error::TimedOut => "the deadline has passed",
            Error::Done => "the other end is done",
            Error::Reset => "the peer has broken the connection",
            Error::Protocol => "the peer has broken the protocol",
            Error::MessageSize => "wrong size of a message",
            Error::Busy => "somebody else is at it",
            Error::Deadlock => "the call would wait for its own end",
            Error::OutOfMemory => "out of memory",
            Error::Unsupported => "not supported by the object",
            Error::Panicked => "the coroutine has panicked",
            Error::Os(number) => return io::Error::from_raw_os_error(*number).fmt(f),
            Error::Other(error) => return error.fmt(f),
        })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Other(error) => Some(&**error),
            _ => None,
        }
    }
}

/// Errors from elsewhere equal nothing, not even themselves.
impl PartialEq for Error {
    fn eq(&self, other: &Error) -> bool {
        match (self, other) {
            (Error::Panicked, Error::Panicked) => true,
            _ => self.errno().is_some() && self.errno() == other.errno(),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        if let Some(number) = error.raw_os_error() {
            return Error::from_errno(number);
        }
        match error.kind() {
            _ if error.get_ref().is_some() => match error.downcast::<Error>() {
                Ok(error) => error,
                Err(error) => Error::Other(error.into()),
            },
            io::ErrorKind::TimedOut => Error::TimedOut,
            io::ErrorKind::BrokenPipe => Error::Done,
            io::ErrorKind::ConnectionReset => Error::Reset,
            io::ErrorKind::ResourceBusy => Error::Busy,
            io::ErrorKind::Deadlock => Error::Deadlock,
            io::ErrorKind::OutOfMemory => Error::OutOfMemory,
            io::ErrorKind::Unsupported => Error::Unsupported,
            _ => Error::Other(error.into()),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        match error {
            Error::Other(inner) => match inner.downcast::<io::Error>() {
                Ok(error) => *error,
                Err(inner) => io::Error::other(inner),
            },
            error => match error.errno() {
                // Not by kind: for `Interrupted`, which would suit a cancellation, the
                // standard library tries again.
                Some(number) => io::Error::from_raw_os_error(number),
                None => io::Error::other(error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_survives_the_way_through_io_error() {
        let numbers = (1..130).map(Error::from_errno);
        for error in numbers.chain([Error::Panicked]) {
            let text = format!("{error:?}");
            let back = Error::from(io::Error::from(error));
            assert_eq!(format!("{back:?}"), text);
        }
    }

    #[test]
    fn foreign_errors_come_back_as_themselves() {
        let foreign = io::Error::new(io::ErrorKind::UnexpectedEof, "cut short");
        let back = io::Error::from(Error::from(foreign));
        assert_eq!(back.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(back.to_string(), "cut short");
    }

    #[test]
    fn simple_kinds_become_variants() {
        for (kind, error) in [
            (io::ErrorKind::TimedOut, Error::TimedOut),
            (io::ErrorKind::BrokenPipe, Error::Done),
            (io::ErrorKind::ConnectionReset, Error::Reset),
            (io::ErrorKind::ResourceBusy, Error::Busy),
            (io::ErrorKind::Deadlock, Error::Deadlock),
            (io::ErrorKind::OutOfMemory, Error::OutOfMemory),
            (io::ErrorKind::Unsupported, Error::Unsupported),
        ] {
            assert_eq!(Error::from(io::Error::from(kind)), error);
            assert_eq!(io::Error::from(error).kind(), kind);
        }
        assert_ne!(io::Error::from(Error::Canceled).kind(), io::ErrorKind::Interrupted);
        let other = Error::from(io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(io::Error::from(other).kind(), io::ErrorKind::NotFound);
    }
}
