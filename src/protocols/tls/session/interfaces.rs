//! What handles of sessions stand for.

use super::Session;
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness::FdSource;
use crate::scheduler::handles;
use crate::sockets::byte_socket::ByteStream;
use crate::sockets::io_list::{Cursor, ToFill, ToSend};
use crate::sockets::object::abilities::{self, Abilities, HasRoom, ReceivesSome};
use crate::sockets::object::{Bytes, Counted, Input, Socket};
use crate::sockets::room;

impl Socket for Session {
    type Table = ByteStream;
    type Hold = Counted<Self>;

    const ABILITIES: Abilities = Abilities {
        digest: Some(abilities::digest::<Self>),
        receive_some: Some(abilities::receive_some::<Self>),
        receive_at_once: Some(abilities::receive_at_once::<Self>),
        send_at_once: Some(abilities::send_at_once::<Self>),
        room: Some(abilities::room::<Self>),
        ..Abilities::NONE
    };

    fn input(&self) -> Result<Input> {
        Ok(if self.receives_at_once() { Input::Ready } else { Input::Handle(self.below()) })
    }

    fn close(&self) {
        // Calls that are blocked in the stream below come back with EBADF.
        match self.release_below() {
            -1 => {}
            below => _ = handles::close(below),
        }
    }
}

impl Bytes for Session {
    fn send(&self, list: ToSend<'_>, deadline: i64) -> Result<()> {
        Context::may_block()?;
        self.send_list(list.cursor()?, deadline)
    }

    fn receive(&self, list: ToFill<'_>, deadline: i64) -> Result<()> {
        Context::may_block()?;
        let list = if list.is_none() { None } else { Some(list.cursor()?) };
        self.receive_list(list, deadline)
    }
}

impl ReceivesSome for Session {
    fn receive_some(&self, list: &mut Cursor, deadline: i64) -> Result<()> {
        Context::may_block()?;
        let all = list.remaining();
        self.use_input(deadline, |operation| {
            loop {
                self.take_plaintext(list);
                if list.remaining() < all {
                    return Ok(());
                }
                if self.peer_done.get() {
                    return Err(Errno::EPIPE);
                }
                self.read_record(operation)?;
                operation.not_begun();
            }
        })
    }
}

impl HasRoom for Session {
    fn room(&self) -> Option<Ref<FdSource>> {
        room::find(Context::existing()?, self.below())
    }
}
