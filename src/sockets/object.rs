//! What sockets are made of: objects behind handles, with C's interfaces in front of them.
//!
//! A socket implements [`Socket`], and mostly [`Bytes`] or [`Messages`]; what else it can do are
//! traits of their own. The functions that C and the handle table call stand here, once for all
//! of them.

#![allow(unsafe_code)] // Objects behind handles; interfaces for C.

pub(crate) mod abilities;

use super::byte_socket::{self, ByteStream, to_c};
use super::io_list::{IoList, ToFill, ToSend};
use super::message_socket::{self, MessageSocket, length_to_c};
use super::storage::{self, Storage};
use crate::concurrency::abilities::Abilities;
use crate::concurrency::input::{self, InputVfs};
use crate::handle_table;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::handles;
use crate::scheduler::shared::Shared;
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use core::mem::offset_of;
use core::ops::Deref;
use core::ptr::{self, NonNull};

/// A socket, and the interfaces that C gets pointers to.
#[repr(C)]
pub(crate) struct Object<T: Socket> {
    /// First, so that it has the object's address: C code gets that, and gives it back.
    table: T::Table,
    input: InputVfs,
    socket: T,
}

impl<T: Socket> Object<T> {
    fn new(socket: T) -> Object<T> {
        let input = InputVfs { input: Some(input_beneath::<T>) };
        Object { table: T::Table::NEW, input, socket }
    }
}

impl<T: Socket> Deref for Object<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.socket
    }
}

/// What all sockets have in common.
pub(crate) trait Socket: Sized + 'static {
    /// [`ByteStream`], [`MessageSocket`], or nothing.
    type Table: Table<Self>;
    /// [`Placed`] or [`Counted`].
    type Hold: Hold<Self>;
    /// What it can do beyond that.
    const ABILITIES: Abilities = Abilities::NONE;

    /// Where its input is.
    fn input(&self) -> Result<Input>;

    /// Ends the socket, of which the handle is going: ends the calls that are inside and gives up
    /// what the socket has.
    fn close(&self);

    /// Returns whether the memory of a [`Placed`] object is a block of our own.
    fn owns_memory(&self) -> bool {
        true
    }

    /// Calls `end`, which drops a [`Counted`] object unless a call inside still holds it.
    fn let_go(end: impl FnOnce()) -> Result<()> {
        end();
        Ok(())
    }
}

/// Where the input of a socket is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Input {
    /// A receive would not block.
    Ready,
    /// The socket with this handle is to be asked.
    Handle(c_int),
    /// The system is to be asked, for this descriptor.
    Descriptor(c_int),
    /// It can't be told.
    Unknown,
}

/// A byte stream.
pub(crate) trait Bytes: Socket<Table = ByteStream> {
    /// Sends all of the list, or fails.
    fn send(&self, list: ToSend<'_>, deadline: i64) -> Result<()>;

    /// Fills the list, or fails. Without a list everything is received and dropped.
    fn receive(&self, list: ToFill<'_>, deadline: i64) -> Result<()>;
}

/// A message socket.
pub(crate) trait Messages: Socket<Table = MessageSocket> {
    /// Sends the list as one message.
    fn send(&self, list: ToSend<'_>, deadline: i64) -> Result<()>;

    /// Receives one message and returns its length. Without a list it is dropped.
    fn receive(&self, list: ToFill<'_>, deadline: i64) -> Result<usize>;
}

/// How a call keeps the object that it is inside of, as the handle may be closed meanwhile.
pub(crate) trait Hold<T: Socket>: Deref<Target = Object<T>> {
    /// A hold for a call.
    ///
    /// # Safety
    /// The handle of the object is open.
    unsafe fn of(object: NonNull<Object<T>>) -> Self;

    /// Ends the object.
    ///
    /// # Safety
    /// The handle of the object is going, and this is called once.
    unsafe fn close(object: NonNull<Object<T>>) -> Result<()>;
}

/// Does not keep the object, which may lie in the caller's memory: it is gone when the handle has
/// been closed. A call inside learns that from its [`Direction`](super::direction::Direction).
pub(crate) type Placed<T> = Ref<Object<T>>;

/// Keeps the object alive.
pub(crate) type Counted<T> = Shared<Object<T>>;

impl<T: Socket> Hold<T> for Placed<T> {
    #[inline(always)]
    unsafe fn of(object: NonNull<Object<T>>) -> Self {
        // SAFETY: alive as long as the handle is open, by the caller's promise.
        unsafe { Ref::new(object) }
    }

    unsafe fn close(object: NonNull<Object<T>>) -> Result<()> {
        // SAFETY: the object is alive until it is disposed of below.
        let own_memory = {
            let object = unsafe { object.as_ref() };
            object.close();
            object.owns_memory()
        };
        // SAFETY: `storage::open` made it. Calls inside have been told and won't touch it.
        unsafe { storage::dispose(object, own_memory) };
        Ok(())
    }
}

impl<T: Socket> Hold<T> for Counted<T> {
    #[inline(always)]
    unsafe fn of(object: NonNull<Object<T>>) -> Self {
        // SAFETY: the open handle stands for a reference, see `Kind::open_counted`.
        unsafe { Shared::hold(object) }
    }

    unsafe fn close(object: NonNull<Object<T>>) -> Result<()> {
        // SAFETY: the handle stood for this reference, see `Kind::open_counted`.
        let own = unsafe { Shared::from_raw(object) };
        own.close();
        T::let_go(|| drop(own))
    }
}

/// The kind of the handles of sockets of one type. There may be several for a type.
pub(crate) struct Kind<T: Socket>(handle_table::Kind, PhantomData<fn(T)>);

impl<T: Socket> Kind<T> {
    pub(crate) const fn new(name: &'static str) -> Kind<T> {
        let abilities = Some(const { &T::ABILITIES }.for_kind());
        let kind = handle_table::Kind::new(name, close::<T>, query::<T>);
        Kind(handle_table::Kind { abilities, ..kind }, PhantomData)
    }

    /// Returns the socket with this handle, for a call.
    pub(crate) fn find(&'static self, handle: c_int) -> Result<T::Hold> {
        self.find_in(Context::get()?, handle)
    }

    /// As [`Kind::find`], in a context at hand.
    #[inline(always)]
    pub(crate) fn find_in(&'static self, context: &Context, handle: c_int) -> Result<T::Hold> {
        let object = context.handles.find(handle, &self.0)?;
        // SAFETY: handles of this kind are opened below, with such objects.
        Ok(unsafe { T::Hold::of(NonNull::new_unchecked(object.cast())) })
    }
}

impl<T: Socket<Hold = Placed<T>>> Kind<T> {
    /// Opens a handle for a socket, which goes to its place.
    pub(crate) fn open_placed(&'static self, socket: T, place: Storage) -> Result<c_int> {
        storage::open(Object::new(socket), place, &self.0)
    }

    /// Closes the handle of `socket` without closing the socket, of which the memory is given up.
    /// No call is inside.
    pub(crate) fn release(&'static self, handle: c_int, socket: Placed<T>) -> Result<()> {
        let context = Context::get()?;
        debug_assert!(self.find_in(context, handle).is_ok_and(|found| found == socket));
        context.handles.release(handle);
        // SAFETY: `storage::open` made it, and the handle is gone.
        unsafe { storage::dispose(NonNull::new_unchecked(socket.as_ptr()), socket.owns_memory()) };
        Ok(())
    }
}

impl<T: Socket<Hold = Counted<T>>> Kind<T> {
    /// Opens a handle for a socket.
    pub(crate) fn open_counted(&'static self, socket: T) -> Result<c_int> {
        let context = Context::get()?;
        let object = Shared::new(Object::new(socket))?.into_raw();
        handles::open(context, object.as_ptr().cast(), &self.0).inspect_err(|_| {
            // SAFETY: made above; no handle stands for it.
            drop(unsafe { Shared::from_raw(object) });
        })
    }
}

/// C's interface of a type of sockets.
pub(crate) trait Table<T>: Sized {
    const NEW: Self;

    /// Returns whether this is the interface with that identifier.
    fn has(type_id: *const c_void) -> bool;
}

impl<T: Bytes> Table<T> for ByteStream {
    const NEW: Self = ByteStream { send: Some(send::<T>), receive: Some(receive::<T>) };

    fn has(type_id: *const c_void) -> bool {
        type_id == byte_socket::type_id()
    }
}

impl<T: Messages> Table<T> for MessageSocket {
    const NEW: Self =
        MessageSocket { send: Some(send_message::<T>), receive: Some(receive_message::<T>) };

    fn has(type_id: *const c_void) -> bool {
        type_id == message_socket::type_id()
    }
}

impl<T> Table<T> for () {
    const NEW: Self = ();

    fn has(_: *const c_void) -> bool {
        false
    }
}

/// The object with this address.
///
/// # Safety
/// It is an object of this type, and its handle is open.
#[inline(always)]
unsafe fn hold<T: Socket, A>(object: *mut A) -> T::Hold {
    // SAFETY: by the caller's promise.
    unsafe { T::Hold::of(NonNull::new_unchecked(object.cast())) }
}

/// As [`hold`], with the socket's own address.
///
/// # Safety
/// It is the socket of an object that is alive.
pub(crate) unsafe fn hold_around<T: Socket>(socket: *mut T) -> T::Hold {
    // SAFETY: by the caller's promise.
    unsafe { hold::<T, _>(socket.wrapping_byte_sub(offset_of!(Object<T>, socket))) }
}

/// Stands in [`ByteStream`].
///
/// # Safety
/// As for [`byte_socket::send`]; the table is that of an open socket.
unsafe extern "C" fn send<T: Bytes>(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: the table is an object's first field; the list is the caller's promise.
    to_c(unsafe { hold::<T, _>(stream).send(ToSend::new(first, last), deadline) })
}

/// Stands in [`ByteStream`].
///
/// # Safety
/// As for [`byte_socket::receive`]; the table is that of an open socket.
unsafe extern "C" fn receive<T: Bytes>(
    stream: *mut ByteStream,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: as in `send`.
    to_c(unsafe { hold::<T, _>(stream).receive(ToFill::new(first, last), deadline) })
}

/// Stands in [`MessageSocket`].
///
/// # Safety
/// As for [`message_socket::send`]; the table is that of an open socket.
unsafe extern "C" fn send_message<T: Messages>(
    socket: *mut MessageSocket,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> c_int {
    // SAFETY: as in `send`.
    to_c(unsafe { hold::<T, _>(socket).send(ToSend::new(first, last), deadline) })
}

/// Stands in [`MessageSocket`].
///
/// # Safety
/// As for [`message_socket::receive`]; the table is that of an open socket.
unsafe extern "C" fn receive_message<T: Messages>(
    socket: *mut MessageSocket,
    first: *mut IoList,
    last: *mut IoList,
    deadline: i64,
) -> isize {
    // SAFETY: as in `send`.
    length_to_c(unsafe { hold::<T, _>(socket).receive(ToFill::new(first, last), deadline) })
}

/// Stands in [`InputVfs`].
///
/// # Safety
/// The table is that of an open socket, `beneath` a place for the answer.
unsafe extern "C" fn input_beneath<T: Socket>(vfs: *mut InputVfs, beneath: *mut c_int) -> c_int {
    // SAFETY: the table is that field of an object.
    let socket = unsafe { hold::<T, _>(vfs.wrapping_byte_sub(offset_of!(Object<T>, input))) };
    let (answer, number) = match socket.input() {
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

/// Stands in [`handle_table::Kind`].
///
/// # Safety
/// `object` is an object of this type, and its handle is open.
unsafe fn query<T: Socket>(object: *mut (), type_id: *const c_void) -> *mut c_void {
    if T::Table::has(type_id) {
        object.cast() // its first field
    } else if type_id == input::type_id() {
        object.wrapping_byte_add(offset_of!(Object<T>, input)).cast()
    } else {
        ptr::null_mut()
    }
}

/// Stands in [`handle_table::Kind`].
///
/// # Safety
/// `object` is an object of this type, and its handle is going.
unsafe fn close<T: Socket>(object: *mut ()) -> Result<()> {
    // SAFETY: by the caller's promise; the handle table calls this once.
    unsafe { T::Hold::close(NonNull::new_unchecked(object.cast())) }
}
