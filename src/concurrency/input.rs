//! Would a receive block? Asked through any stack of protocols, ours or C's.

use super::abilities::Abilities;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness;
use core::ffi::{c_int, c_void};
use core::ptr;

/// The optional interface by which a socket tells of its input. C knows it as
/// `struct dill_input_vfs`, and its identifier as `dill_input_type`.
#[repr(C)]
pub(crate) struct InputVfs {
    /// Returns [`BUFFERED`], or says in `beneath` who is to be asked: [`HANDLE`],
    /// [`DESCRIPTOR`]; -1 with errno on failure.
    pub(crate) input:
        Option<unsafe extern "C" fn(vfs: *mut InputVfs, beneath: *mut c_int) -> c_int>,
}

/// `beneath` is the handle of the socket underneath.
pub(crate) const HANDLE: c_int = 0;
/// The next receive would not block before its first byte.
pub(crate) const BUFFERED: c_int = 1;
/// `beneath` is a file descriptor.
pub(crate) const DESCRIPTOR: c_int = 2;

/// The address of this is the identifier of the interface.
pub(crate) static INPUT_TYPE: u8 = 0;

/// [`INPUT_TYPE`] as queries take it.
pub(crate) const fn type_id() -> *const c_void {
    (&raw const INPUT_TYPE).cast()
}

/// Where a socket's input is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Input {
    Buffered,
    Descriptor(c_int),
}

/// Has a socket input?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Yes,
    /// As soon as something arrives.
    NotYet,
    /// When something arrives, it must be asked again.
    Perhaps,
}

/// More protocols on top of each other than anybody stacks.
const DEEPEST: usize = 64;

/// Finds the input of the socket `handle`: `EBADF`, `ENOTSUP` when some protocol in the
/// stack can't be asked, or what it says itself.
pub(super) fn find(context: &Context, handle: c_int) -> Result<Input> {
    let mut handle = handle;
    for _ in 0..DEEPEST {
        match ask(context, handle)? {
            (BUFFERED, _) => return Ok(Input::Buffered),
            (DESCRIPTOR, descriptor) => return Ok(Input::Descriptor(descriptor)),
            (HANDLE, beneath) => handle = beneath,
            _ => return Err(Errno::last()),
        }
    }
    Err(Errno::ELOOP)
}

/// Rounds of digestion for one answer: a peer that sends and sends shall not hold its receiver.
const ROUNDS: usize = 16;

/// Has the socket `handle` input? Fails as [`find`] does.
pub(super) fn poll(context: &Context, handle: c_int) -> Result<Answer> {
    for round in 0..ROUNDS {
        let digested = digest(context, handle)?;
        let Input::Descriptor(fd) = find(context, handle)? else {
            // Perhaps beneath a protocol that has stopped before it had seen all of it.
            if digested == Some(true) {
                continue;
            }
            break;
        };
        if !fd_readiness::poll_socket(context, fd)? {
            let is_certain = digested.is_none() && !fd_readiness::may_be_late(context, fd)?;
            return Ok(if is_certain { Answer::NotYet } else { Answer::Perhaps });
        }
        match digested {
            Some(true) => {}
            // Nobody could know that there is something.
            Some(false) if round == 0 => {}
            _ => break,
        }
    }
    Ok(Answer::Yes)
}

/// Has those of the protocols in the stack that can do that digest what is there; whether
/// there was something. `None` if none of them can.
fn digest(context: &Context, handle: c_int) -> Result<Option<bool>> {
    let mut digested = None;
    let mut handle = handle;
    for _ in 0..DEEPEST {
        let (object, table) = Abilities::find(context, handle)?;
        if let Some(digest) = table.and_then(|table| table.digest) {
            // SAFETY: the table is that of the object's kind, and the handle is open.
            digested = Some(unsafe { digest(object) } | digested.unwrap_or(false));
        }
        match ask(context, handle)? {
            (HANDLE, beneath) => handle = beneath,
            _ => break,
        }
    }
    Ok(digested)
}

/// Asks the socket `handle` itself: its answer, and what is beneath.
fn ask(context: &Context, handle: c_int) -> Result<(c_int, c_int)> {
    let vfs = context.handles.query(handle, type_id())?.cast::<InputVfs>();
    // SAFETY: what answers to this identifier is such a table.
    let Some(input) = (unsafe { (*vfs).input }) else { return Err(Errno::ENOTSUP) };
    let mut beneath = -1;
    // SAFETY: the interface's contract; `beneath` is valid for a write.
    let answer = unsafe { input(vfs, ptr::from_mut(&mut beneath)) };
    Ok((answer, beneath))
}

/// Does the socket `handle` itself say that a receive of one byte would not block? What lies
/// beneath it is no answer to that: a byte there may be a part of something larger.
#[cfg(feature = "sockets")]
pub(crate) fn is_buffered(context: &Context, handle: c_int) -> bool {
    matches!(ask(context, handle), Ok((BUFFERED, _)))
}

/// The descriptor on which the socket `handle` stands, and the number of protocols between
/// them. For dumps: it asks no C code, so `None` also where that lies in between.
pub(super) fn descriptor_beneath(context: &Context, handle: c_int) -> Option<(c_int, u32)> {
    let mut handle = handle;
    for depth in 0..DEEPEST as u32 {
        let (object, kind) = context.handles.any(handle).ok()?;
        if kind.name == FOREIGN {
            return None;
        }
        // SAFETY: the object of an open handle is alive, and what answers to this identifier
        // is such a table.
        let vfs = unsafe { (kind.query)(object, type_id()) }.cast::<InputVfs>();
        // SAFETY: null or such a table.
        let input = unsafe { vfs.as_ref() }?.input?;
        let mut beneath = -1;
        // SAFETY: the interface's contract; `beneath` is valid for a write.
        match unsafe { input(vfs, ptr::from_mut(&mut beneath)) } {
            DESCRIPTOR => return Some((beneath, depth)),
            HANDLE => handle = beneath,
            _ => return None,
        }
    }
    None
}

/// The name of the kind of objects that C code has made.
pub(crate) const FOREIGN: &str = "foreign";
