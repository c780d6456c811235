//! Host names to addresses.
//!
//! The C library's `getaddrinfo` is asked, as it alone knows all that can be configured on a
//! machine: the hosts file, search domains, name services other than DNS. It blocks, so a few
//! helper threads call it. The coroutine waits for an eventfd, and what it asked is forgotten
//! when its deadline passes or it is cancelled: the helper goes on alone, for nobody. Where the
//! system refuses to start threads, the scheduler's own thread asks, and stands still meanwhile.

mod lookup;

pub(super) use lookup::Family;

use crate::concurrency::offload::{self, Crew, Help};
use crate::os::errno::{Errno, Result};
use crate::os::refusal::is_refusal;
use crate::os::{allocation, fork};
use crate::scheduler::context::Context;
use crate::stack;
use core::net::SocketAddr;

/// One whose name server is dead takes many seconds for its query, and must not hold up the
/// others.
static HELPERS: Crew = Crew::new(c"dill-names", Help::NameResolution, 16);

/// Characters in the longest name: what DNS allows, and a dot at the end. Nothing that a hosts
/// file could reasonably hold is longer.
const LONGEST_NAME: usize = 254;

/// The addresses of host `name`, with port 0, the best ones of each family first. A name
/// without any is a success too.
///
/// `ENAMETOOLONG`, `ETIMEDOUT`, `ECANCELED`; `EAGAIN` when no thread can be started, `ENOMEM`,
/// `EMFILE`, `ENFILE`.
pub(super) fn resolve(name: &[u8], family: Family, deadline: i64) -> Result<Vec<SocketAddr>> {
    Context::may_block()?;
    if name.len() > LONGEST_NAME {
        return Err(Errno::ENAMETOOLONG);
    }
    // Of a string from C only its end is a NUL; and nobody has the empty name.
    let name = allocation::c_string(name)?;
    if name.is_empty() {
        return Ok(Vec::new());
    }
    loop {
        let (process, copy) = (fork::generation(), allocation::c_string(name.as_bytes())?);
        let look_up = move || lookup::addresses(&copy, family);
        match offload::offload(&HELPERS, look_up, deadline) {
            // The helper is the parent's: this is a forked child, which asks its own.
            Err(Errno::EAGAIN) if process != fork::generation() => {}
            // A filter that refuses threads. The answer is worth more than that the others run
            // meanwhile. A coroutine's stack may be too small for the C library.
            Err(error) if is_refusal(error) => {
                return stack::on_large_stack(|| lookup::addresses(&name, family))?;
            }
            // Looking a name up does not panic.
            answer => return answer?.unwrap_or(Err(Errno::EIO)),
        }
    }
}
