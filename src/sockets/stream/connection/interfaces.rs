//! What handles of connections stand for, to the handle table and to those who use them.

#![allow(unsafe_code)] // Lists of buffers.

use super::{Connection, single, state};
use crate::concurrency::atomicity::RECORDED;
use crate::intrusive::Ref;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness::FdSource;
use crate::sockets::byte_socket::ByteStream;
use crate::sockets::io_list::{Cursor, ToFill, ToSend};
use crate::sockets::object::abilities::{self, Abilities, HasRoom, ReceivesSome};
use crate::sockets::object::{Bytes, Input, Placed, Socket};
use crate::sockets::stream::family::{Family, reset_when_closed};
use core::ptr::NonNull;

impl Socket for Connection {
    type Table = ByteStream;
    type Hold = Placed<Self>;

    const ABILITIES: Abilities = Abilities {
        receive_some: Some(abilities::receive_some::<Self>),
        receive_at_once: Some(abilities::receive_at_once::<Self>),
        send_at_once: Some(abilities::send_at_once::<Self>),
        peek: Some(abilities::peek::<Self>),
        length_until: Some(abilities::length_until::<Self>),
        room: Some(abilities::room::<Self>),
        ..Abilities::NONE
    };

    /// A receive doesn't block where there is input, and where it fails at once.
    fn input(&self) -> Result<Input> {
        let over = self.is(state::ENDED | state::RECEIVE_FAILED);
        if !self.ahead.is_empty() || over {
            return Ok(Input::Ready);
        }
        Ok(Input::Descriptor(self.source.as_raw_fd()))
    }

    fn close(&self) {
        self.input.close();
        self.output.close();
        self.source.abandon_waiters();
        self.ahead.clear();
        // What was inherited from another process is reset by nobody but that.
        let resets = !self.is(state::ORDERLY) && !self.source.is_inherited();
        if self.family == Family::Internet && resets {
            // Reset the connection, so that the peer does not take a torn stream for all.
            reset_when_closed(self.source.as_raw_fd());
        }
    }

    fn owns_memory(&self) -> bool {
        self.is(state::OWN_MEMORY)
    }
}

impl Bytes for Connection {
    fn send(&self, list: ToSend<'_>, deadline: i64) -> Result<()> {
        let context = Context::may_block()?;
        let (first, last) = (list.first(), list.last());
        // SAFETY: the list's promise.
        unsafe {
            match single(first, last) {
                Some(only) => self.send_buffer(context, RECORDED, only.base, only.len, deadline),
                None => self.send_list(context, RECORDED, first, last, 0, deadline),
            }
        }
    }

    fn receive(&self, list: ToFill<'_>, deadline: i64) -> Result<()> {
        let context = Context::may_block()?;
        let (first, last) = (list.first(), list.last());
        // SAFETY: the list's promise.
        unsafe {
            match single(first, last) {
                Some(only) => self.receive_buffer(context, RECORDED, only.base, only.len, deadline),
                None => self.receive_list(context, RECORDED, first, last, deadline),
            }
        }
    }
}

impl ReceivesSome for Connection {
    fn receive_some(&self, list: &mut Cursor, deadline: i64) -> Result<()> {
        self.receive_part(RECORDED, list, deadline)
    }
}

impl HasRoom for Connection {
    fn room(&self) -> Option<Ref<FdSource>> {
        // SAFETY: a field of an object that stays at its address. It is alive until the handle is
        // closed, which takes another coroutine.
        Some(unsafe { Ref::new(NonNull::from(&self.source)) })
    }
}
