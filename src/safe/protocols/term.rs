//! TERM.

use crate::protocols::term;
use crate::safe::sockets::lower::Lower;
use crate::safe::sockets::message_socket;
use crate::safe::sockets::socket::Socket;
use crate::sockets::storage::Storage;
use crate::{Deadline, Error, MessageSocket, Result};

/// A message that ends the messages of each direction, on top of a message socket. So both peers know
/// where the protocol has ended, and what is beneath goes on from there.
///
/// ```
/// use redill::{Deadline, Error, Suffix, Term, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// let a = Term::attach(Suffix::attach(a, b"\n")?, b"STOP")?;
/// let b = Term::attach(Suffix::attach(b, b"\n")?, b"STOP")?;
/// a.send(b"hello", Deadline::NEVER)?;
/// a.done(Deadline::NEVER)?;
/// assert_eq!(b.recv_vec(100, Deadline::NEVER)?, b"hello");
/// assert_eq!(b.recv_vec(100, Deadline::NEVER), Err(Error::Done));
///
/// b.done(Deadline::NEVER)?;
/// let a: Suffix<UnixStream> = a.detach(Deadline::NEVER)?;
/// # Ok::<(), redill::Error>(())
/// ```
pub struct Term<S> {
    // Dropped in this order: the core's protocol before what lies beneath.
    socket: Socket,
    lower: Lower<S>,
}

impl<S: MessageSocket + 'static> Term<S> {
    /// Puts the protocol on top of a message socket. The terminal message has at most 32 bytes, and may
    /// be empty.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with `EINVAL` for a longer message; [`Error::Canceled`],
    /// [`Error::OutOfMemory`]. The socket is closed then.
    ///
    /// ```
    /// # use redill::{Prefix, Term};
    /// # let (a, _b) = redill::UnixStream::pair()?;
    /// let term = Term::attach(Prefix::attach(a, 2)?, b"")?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn attach(socket: S, message: &[u8]) -> Result<Term<S>> {
        let attach = |handle| term::attach(handle, Some(message), Ok(Storage::Own));
        let (socket, lower) = Lower::attach_to_messages(socket, attach, term::beneath)?;
        Ok(Term { socket, lower })
    }

    /// Sends the terminal message, after which nothing can be sent. Receiving goes on.
    ///
    /// # Errors
    ///
    /// As [`MessageSocket::send_vectored`]; [`Error::Done`] if it was sent before.
    ///
    /// ```
    /// # use redill::{Deadline, Error, Prefix, Term, UnixStream};
    /// # let (a, _b) = UnixStream::pair()?;
    /// # let term = Term::attach(Prefix::attach(a, 2)?, b"")?;
    /// term.done(Deadline::NEVER)?;
    /// assert_eq!(term.send(b"one more", Deadline::NEVER), Err(Error::Done));
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn done(&self, deadline: impl Into<Deadline>) -> Result<()> {
        let deadline = deadline.into().raw();
        crate::sockets::adapter::carry(|| term::done(self.socket.number(), deadline))
            .map_err(Error::of)
    }

    /// Sends the terminal message, if that was not done yet, waits for the peer's, and gives the
    /// message socket back. Messages that come before are dropped.
    ///
    /// # Errors
    ///
    /// As [`MessageSocket::recv`]; [`Error::Reset`] when the peer ends without a terminal message.
    /// The socket beneath is closed then.
    ///
    /// ```
    /// # use redill::{Deadline, Prefix, Term, UnixStream};
    /// # let (a, b) = UnixStream::pair()?;
    /// # let a = Term::attach(Prefix::attach(a, 2)?, b"")?;
    /// # let b = Term::attach(Prefix::attach(b, 2)?, b"")?;
    /// # b.done(Deadline::NEVER)?;
    /// let prefix: Prefix<UnixStream> = a.detach(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn detach(self, deadline: impl Into<Deadline>) -> Result<S> {
        let deadline = deadline.into().raw();
        self.lower.detach_from_messages(self.socket, |handle| term::detach(handle, deadline))
    }

    /// The socket beneath. To send or receive there is at your own risk.
    ///
    /// ```
    /// # use redill::{Prefix, Term, UnixStream};
    /// # let (a, _b) = UnixStream::pair()?;
    /// # let term = Term::attach(Prefix::attach(a, 2)?, b"")?;
    /// let prefix: &Prefix<UnixStream> = term.get_ref();
    /// # Ok::<(), redill::Error>(())
    /// ```
    pub fn get_ref(&self) -> &S {
        self.lower.get()
    }
}

message_socket!([S] Term<S>);
