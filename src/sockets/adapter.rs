//! Sockets written in Rust, behind handles: whatever is on top of them, ours or C's, sees the
//! interfaces of C.

#![allow(unsafe_code)] // Objects behind handles; interfaces for C.

mod panics;
mod scatter;

pub(crate) use panics::carry;

use super::byte_socket::{self, ByteStream, to_c};
use super::direction::Direction;
use super::io_list::IoList;
use super::message_socket::{self, MessageSocket, length_to_c};
use super::partial::Partial;
use crate::concurrency::input::{self, InputVfs};
use crate::handle_table::{Interface as _, Kind};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use crate::scheduler::shared::Shared;
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ptr::{self, NonNull};
use std::io::IoSlice;

/// A byte stream.
pub(crate) trait Stream {
    /// Sends all of the buffers.
    fn send(&self, buffers: &[IoSlice<'_>], deadline: i64) -> Result<()>;
    /// Receives at least one byte; 0 is the end of the stream.
    fn receive(&self, buffer: &mut [u8], deadline: i64) -> Result<usize>;
    /// Fills the buffer; `EPIPE` if the stream ends before that.
    fn receive_exact(&self, buffer: &mut [u8], deadline: i64) -> Result<()>;
    /// Where its input is.
    fn input(&self) -> Input;
}

/// A message socket.
pub(crate) trait Messages {
    /// Sends the parts as one message.
    fn send(&self, parts: &[IoSlice<'_>], deadline: i64) -> Result<()>;
    /// Receives a message; its length.
    fn receive(&self, buffer: &mut [u8], deadline: i64) -> Result<usize>;
    /// Where its input is.
    fn input(&self) -> Input;
}

/// Who is to be asked whether a receive would block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Input {
    /// It would not.
    Ready,
    /// The socket with this handle.
    Handle(c_int),
    /// The system, for this descriptor.
    Descriptor(c_int),
    /// Nobody knows.
    Unknown,
}

enum Object {
    Stream(Box<dyn Stream>),
    Messages(Box<dyn Messages>),
}

/// What the handle stands for. A call inside holds it, as it may be closed meanwhile.
#[repr(C)]
struct Adapter {
    stream: ByteStream,
    messages: MessageSocket,
    readiness: InputVfs,
    object: Object,
    input: Direction,
    output: Direction,
    _counted: panics::Counted,
}

static ADAPTER: Kind = Kind::new("rust", close, query);

/// A handle for a byte stream.
pub(crate) fn open_stream(stream: Box<dyn Stream>) -> Result<c_int> {
    open(Object::Stream(stream))
}

/// A handle for a message socket.
pub(crate) fn open_messages(messages: Box<dyn Messages>) -> Result<c_int> {
    open(Object::Messages(messages))
}

fn open(object: Object) -> Result<c_int> {
    let context = Context::get()?;
    let adapter = Shared::new(Adapter {
        stream: ByteStream { send: Some(send_bytes), receive: Some(receive_bytes) },
        messages: MessageSocket { send: Some(send_message), receive: Some(receive_message) },
        readiness: InputVfs { input: Some(input_beneath) },
        object,
        input: Direction::new(),
        output: Direction::new(),
        _counted: panics::Counted::new(),
    })?;
    let adapter = adapter.into_raw();
    // SAFETY: made above, and known to nobody.
    handles::open(context, adapter.as_ptr().cast(), &ADAPTER)
        .inspect_err(|_| drop(unsafe { Shared::from_raw(adapter) }))
}

impl Adapter {
    /// The adapter around its field at `offset`, for a call.
    ///
    /// # Safety
    /// `field` is that field of an adapter whose handle is open.
    unsafe fn around<F>(field: *mut F, offset: usize) -> Result<Shared<Adapter>> {
        let adapter = NonNull::new(field.wrapping_byte_sub(offset).cast()).ok_or(Errno::EFAULT)?;
        // SAFETY: by the caller's promise; the handle has a reference.
        Ok(unsafe { Shared::hold(adapter) })
    }

    /// Runs an operation in one direction with the stream: `ENOTSUP` if it is none.
    fn with_stream<T>(
        &self,
        direction: &Direction,
        operation: impl FnOnce(&dyn Stream) -> Result<T>,
    ) -> Result<T> {
        let Object::Stream(stream) = &self.object else { return Err(Errno::ENOTSUP) };
        direction.enter(|_| panics::catch(|| operation(&**stream)))
    }

    /// As [`with_stream`](Self::with_stream), with a message socket.
    fn with_messages<T>(
        &self,
        direction: &Direction,
        operation: impl FnOnce(&dyn Messages) -> Result<T>,
    ) -> Result<T> {
        let Object::Messages(messages) = &self.object else { return Err(Errno::ENOTSUP) };
        direction.enter(|_| panics::catch(|| operation(&**messages)))
    }
}

/// Stands in [`ByteStream`].
///
/// # Safety
/// As for [`byte_socket::send`]; the table is that of a live object.
unsafe extern "C" fn send_bytes(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: the table is a field of an object that is alive as the call begins; the list is
    // the caller's promise.
    to_c(unsafe {
        Adapter::around(stream, offset_of!(Adapter, stream)).and_then(|adapter| {
            adapter.with_stream(&adapter.output, |stream| {
                scatter::with_slices(first, last, |buffers| stream.send(buffers, deadline))
            })
        })
    })
}

/// Stands in [`ByteStream`].
///
/// # Safety
/// As for [`byte_socket::receive`]; the table is that of a live object.
unsafe extern "C" fn receive_bytes(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: as in `send_bytes`.
    to_c(unsafe {
        Adapter::around(stream, offset_of!(Adapter, stream)).and_then(|adapter| {
            adapter.with_stream(&adapter.input, |stream| {
                if first.is_null() && last.is_null() {
                    return scatter::receive_all(stream, deadline);
                }
                scatter::receive_bytes(stream, first, last, deadline)
            })
        })
    })
}

static PARTIAL: Partial = Partial { receive: receive_some };

/// Stands in [`Partial`].
///
/// # Safety
/// `object` is a live adapter of a byte stream, and `length` bytes can be written to `memory`.
unsafe fn receive_some(
    object: *mut (),
    memory: *mut u8,
    length: usize,
    deadline: i64,
) -> Result<usize> {
    // SAFETY: by the caller's promise.
    let (adapter, buffer) =
        unsafe { (Adapter::around(object, 0)?, scatter::initialised(memory, length)) };
    adapter.with_stream(&adapter.input, |stream| match stream.receive(buffer, deadline)? {
        0 => Err(Errno::EPIPE),
        count if count <= length => Ok(count),
        _ => Err(Errno::EIO),
    })
}

/// Stands in [`MessageSocket`].
///
/// # Safety
/// As for [`message_socket::send`]; the table is that of a live object.
unsafe extern "C" fn send_message(
    messages: *mut MessageSocket,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: the table is a field of an object that is alive as the call begins; the list is
    // the caller's promise.
    to_c(unsafe {
        Adapter::around(messages, offset_of!(Adapter, messages)).and_then(|adapter| {
            adapter.with_messages(&adapter.output, |messages| {
                scatter::with_slices(first, last, |parts| messages.send(parts, deadline))
            })
        })
    })
}

/// Stands in [`MessageSocket`].
///
/// # Safety
/// As for [`message_socket::receive`]; the table is that of a live object.
unsafe extern "C" fn receive_message(
    messages: *mut MessageSocket,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> isize {
    // SAFETY: as in `send_message`.
    length_to_c(unsafe {
        Adapter::around(messages, offset_of!(Adapter, messages)).and_then(|adapter| {
            adapter.with_messages(&adapter.input, |messages| {
                scatter::receive_message(messages, first, last, deadline)
            })
        })
    })
}

/// Stands in [`Kind`].
///
/// # Safety
/// `object` is a live adapter.
unsafe fn query(object: *mut (), type_id: *const c_void) -> *mut c_void {
    let adapter = object.cast::<Adapter>();
    // SAFETY: the object is alive.
    let is_stream = matches!(unsafe { &(*adapter).object }, Object::Stream(_));
    match type_id {
        // SAFETY: only addresses of fields of a live object are computed.
        _ if type_id == byte_socket::type_id() && is_stream => unsafe {
            (&raw mut (*adapter).stream).cast()
        },
        // SAFETY: as above.
        _ if type_id == message_socket::type_id() && !is_stream => unsafe {
            (&raw mut (*adapter).messages).cast()
        },
        // SAFETY: as above.
        _ if type_id == input::type_id() => unsafe { (&raw mut (*adapter).readiness).cast() },
        _ if type_id == Partial::type_id() && is_stream => PARTIAL.answer(),
        _ => ptr::null_mut(),
    }
}

/// Stands in [`InputVfs`].
///
/// # Safety
/// The table is that of a live object, `beneath` a place for the answer.
unsafe extern "C" fn input_beneath(vfs: *mut InputVfs, beneath: *mut c_int) -> c_int {
    // SAFETY: the table is a field of an object that is alive as it is asked.
    let adapter = unsafe { Adapter::around(vfs, offset_of!(Adapter, readiness)) };
    let input = adapter.and_then(|adapter| {
        panics::catch(|| {
            Ok(match &adapter.object {
                Object::Stream(stream) => stream.input(),
                Object::Messages(messages) => messages.input(),
            })
        })
    });
    let (answer, number) = match input {
        Ok(Input::Ready) => return input::BUFFERED,
        Ok(Input::Handle(handle)) => (input::HANDLE, handle),
        Ok(Input::Descriptor(fd)) => (input::DESCRIPTOR, fd),
        Ok(Input::Unknown) => return to_c(Err(Errno::ENOTSUP)),
        Err(error) => return to_c(Err(error)),
    };
    // SAFETY: the caller gives a place for the answer.
    unsafe { *beneath = number };
    answer
}

/// Stands in [`Kind`].
///
/// # Safety
/// `object` is a live adapter.
unsafe fn close(object: *mut ()) -> Result<()> {
    let object = NonNull::new(object.cast::<Adapter>()).ok_or(Errno::EFAULT)?;
    // SAFETY: `open` made it so, and the handle is going.
    let adapter = unsafe { Shared::from_raw(object) };
    adapter.input.close();
    adapter.output.close();
    // Unless a call inside holds it the socket ends here, in a place that must not block.
    let end = || {
        drop(adapter);
        Ok(())
    };
    handles::without_blocking(|| panics::catch(end))
}
