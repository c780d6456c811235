//! TERM: a message that ends the stream of messages in each direction, so that both peers
//! know where the protocol on top has ended and what is beneath goes on.

use super::layer::{self, Call, Layer, Protocol};
use crate::concurrency::atomicity::UnderWay;
use crate::os::errno::{Errno, Result};
use crate::scheduler::handles;
use crate::scheduler::time;
use crate::sockets::io_list::{Cursor, ToFill, ToSend};
use crate::sockets::message_socket;
use crate::sockets::object::{Kind, Messages as _, Placed};
use crate::sockets::storage::Storage;
use core::ffi::{c_int, c_void};

/// Size of the C structure.
pub(crate) const STORAGE: usize = 88;
const _: () = assert!(layer::fits::<Term>(STORAGE));

/// The longest terminal message.
pub(crate) const LONGEST: usize = 32;

/// Bytes of messages dropped by [`detach`] between two looks at the clock, and how many bytes
/// a message counts for at least.
const DROP_AT_ONCE: usize = 16 << 20;
const LEAST_SIZE: usize = 1024;

/// The terminal message.
struct Term {
    bytes: [u8; LONGEST],
    length: u8,
}

impl Term {
    fn new(message: Option<&[u8]>) -> Result<Self> {
        let message = message.ok_or(Errno::EINVAL)?;
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..message.len()).ok_or(Errno::EINVAL)?.copy_from_slice(message);
        Ok(Self { bytes, length: message.len() as u8 }) // fits: at most `LONGEST`
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

static TERM: Kind<Layer<Term>> = Kind::new("term");

impl Protocol for Term {
    const OVER: Errno = Errno::EPIPE;

    fn kind() -> &'static Kind<Layer<Self>> {
        &TERM
    }

    fn interface_beneath() -> *const c_void {
        message_socket::type_id()
    }

    /// The socket beneath remembers its own failures; here only the terminal message counts.
    fn is_final(error: Errno) -> bool {
        error == Errno::EPIPE
    }

    fn send(&self, call: &mut Call<'_>, _: Cursor, list: ToSend<'_>) -> Result<()> {
        call.send_message(list)
    }

    fn receive(&self, call: &mut Call<'_>, mut list: Cursor) -> Result<usize> {
        // The beginning of the message goes to memory of our own first, as the caller is not
        // to get the terminal message; what follows goes to the caller.
        let mut beginning = [0; LONGEST];
        let beginning = &mut beginning[..usize::from(self.length)];
        let capacity = list.remaining();
        let received = list.fill_behind(beginning, |all| call.receive_message(all));
        let length = received.map_err(|error| match error {
            // The stream beneath has ended without the terminal message.
            Errno::EPIPE => Errno::ECONNRESET,
            error => error,
        })?;
        if length == self.as_bytes().len() && *beginning == *self.as_bytes() {
            return Err(Errno::EPIPE);
        }
        if length > capacity {
            return Err(Errno::EMSGSIZE);
        }
        list.copy_from(&beginning[..length.min(beginning.len())]);
        Ok(length)
    }
}

/// Puts the protocol on top of a message socket. In any case the old handle is closed.
pub(crate) fn attach(
    socket: c_int,
    message: Option<&[u8]>,
    storage: Result<Storage>,
) -> Result<c_int> {
    let protocol = Term::new(message);
    layer::attach(socket, storage.and_then(|storage| Ok((protocol?, storage))))
}

/// The handle of the socket beneath, which stays the protocol's.
pub(crate) fn beneath(socket: c_int) -> Result<c_int> {
    layer::beneath::<Term>(socket)
}

/// Sends the terminal message, after which nothing can be sent. Receiving goes on.
pub(crate) fn done(socket: c_int, deadline: i64) -> Result<()> {
    send_terminal(layer::find(socket)?, deadline)
}

fn send_terminal(term: Placed<Layer<Term>>, deadline: i64) -> Result<()> {
    // A copy, as the protocol may be gone once a call beneath has returned.
    let bytes = term.protocol.bytes;
    let bytes = &bytes[..usize::from(term.protocol.length)];
    ToSend::with(bytes, None, |list| term.send(list, deadline))?;
    term.end_output();
    Ok(())
}

/// Sends the terminal message if that wasn't done yet, waits for the peer's and gives the
/// socket beneath back. Messages that come before are dropped. After an error the socket
/// beneath is closed, too.
pub(crate) fn detach(socket: c_int, deadline: i64) -> Result<c_int> {
    let term = layer::find::<Term>(socket)?;
    let outcome = shake_hands(term, deadline);
    // Meanwhile others may have closed the handle or taken over what it stood for.
    if outcome == Err(Errno::EBADF) || layer::find::<Term>(socket) != Ok(term) {
        return Err(Errno::EBADF);
    }
    match outcome {
        Ok(()) => layer::release(socket, term),
        Err(error) => {
            handles::close(socket)?;
            Err(error)
        }
    }
}

fn shake_hands(term: Placed<Layer<Term>>, deadline: i64) -> Result<()> {
    if term.is_busy() {
        return Err(Errno::EBUSY);
    }
    let mut under_way = None;
    if !term.is_output_over() {
        send_terminal(term, deadline)?;
        under_way = Some(UnderWay::begin()?);
    }
    let mut unchecked = 0;
    while !term.is_input_over() {
        match term.receive(ToFill::NONE, deadline) {
            Ok(length) => unchecked += length.max(LEAST_SIZE),
            Err(Errno::EPIPE) => break,
            Err(error) => return Err(error),
        }
        // A peer that sends and sends must not hold the call beyond its deadline.
        if unchecked >= DROP_AT_ONCE {
            unchecked = 0;
            if time::has_passed(deadline) {
                return Err(Errno::ETIMEDOUT);
            }
        }
        if under_way.is_none() {
            under_way = Some(UnderWay::begin()?);
        }
    }
    Ok(())
}
