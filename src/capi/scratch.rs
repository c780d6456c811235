use super::{boundary::*, entry};
use crate::context_switch::*;
use crate::concurrency::*;
use crate::scheduler;
use core::ffi::*;
pub const DILL_CHSEND: c_int = 1;
pub const DILL_CHRECV: c_int = 2;
#[repr(C)]
pub struct dill_chclause { pub op: c_int, pub ch: c_int, pub val: *mut c_void, pub len: usize }
#[unsafe(naked)] #[unsafe(no_mangle)] pub unsafe extern "C" fn dill_yield() -> c_int { blocking_entry!(entry::begin_yield) }
#[unsafe(naked)] #[unsafe(no_mangle)] pub unsafe extern "C" fn dill_msleep(d: i64) -> c_int { blocking_entry!(entry::begin_msleep) }
#[unsafe(naked)] #[unsafe(no_mangle)] pub unsafe extern "C" fn dill_chsend(ch: c_int, v: *const c_void, len: usize, d: i64) -> c_int { blocking_entry!(entry::begin_chsend) }
#[unsafe(naked)] #[unsafe(no_mangle)] pub unsafe extern "C" fn dill_chrecv(ch: c_int, v: *mut c_void, len: usize, d: i64) -> c_int { blocking_entry!(entry::begin_chrecv) }
#[unsafe(naked)] #[unsafe(no_mangle)] pub unsafe extern "C" fn dill_choose(cl: *mut dill_chclause, n: c_int, d: i64) -> c_int { blocking_entry!(entry::begin_choose) }
#[unsafe(naked)] #[unsafe(no_mangle)] pub unsafe extern "C" fn dill_bundle_wait(b: c_int, d: i64) -> c_int { blocking_entry!(entry::begin_bundle_wait) }
#[unsafe(naked)] #[unsafe(no_mangle)] pub unsafe extern "C" fn dill_launch(stk: *mut c_void, len: usize, b: c_int, f: *const c_char, l: c_int) -> c_int { launch_entry!(entry::begin_launch) }
#[unsafe(naked)] #[unsafe(no_mangle)] pub unsafe extern "C" fn dill_epilogue() { finish_entry!(entry::begin_epilogue) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_bundle() -> c_int { int(bundle::make()) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_hclose(h: c_int) -> c_int { unit(handle_close::close(h)) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_hown(h: c_int) -> c_int { int(handle_close::own(h)) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_chmake(chv: *mut c_int) -> c_int { unit(channel::make(None).map(|v| unsafe { chv.cast::<[c_int;2]>().write(v) })) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_chdone(h: c_int) -> c_int { unit(channel::done(h)) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_now() -> i64 { scheduler::clock::now() }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_fdin(fd: c_int, d: i64) -> c_int { unit(scheduler::fd_readiness::wait_readable(fd, d)) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_fdout(fd: c_int, d: i64) -> c_int { unit(scheduler::fd_readiness::wait_writable(fd, d)) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_fdclean(fd: c_int) -> c_int { unit(scheduler::fd_readiness::clean(fd)) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_bundle_cancel(b: c_int, t: i64) -> c_int { if t < -2 { return int(Err(crate::os::errno::Errno::EINVAL)) } unit(cancel::cancel(b, match t { 0 => cancel::Period::Zero, -1 => cancel::Period::Unlimited, -2 => cancel::Period::Inherit, t => cancel::Period::Within(t)})) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_bundle_notify(b: c_int, ch: c_int) -> c_int { unit(request::notify(b, ch)) }
#[unsafe(no_mangle)] pub static mut dill_unoptimisable: *mut c_void = core::ptr::null_mut();
#[repr(C)] pub struct dill_hvfs { pub query: Option<unsafe extern "C" fn(*mut dill_hvfs, *const c_void) -> *mut c_void>, pub close: Option<unsafe extern "C" fn(*mut dill_hvfs)> }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_hmake(v: *mut dill_hvfs) -> c_int { int(unsafe { super::foreign::make(v) }) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_hquery(h: c_int, t: *const c_void) -> *mut c_void { pointer(super::foreign::interface(h, t)) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_prologue(ctx: *mut *mut c_void, ptr: *mut *mut c_void, len: usize, b: c_int, f: *const c_char, l: c_int) -> c_int {
  unsafe { super::entry::prologue(ctx, ptr, len, b, f, l) } }
pub const DILL_CHFDIN: c_int = 3; pub const DILL_CHFDOUT: c_int = 4; pub const DILL_CHSOCK: c_int = 5; pub const DILL_CHBUNDLE: c_int = 6;
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_bundle_mem(m: *mut c_void) -> c_int { if m.is_null() { return int(Err(crate::os::errno::Errno::EINVAL)) } int(bundle::make()) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_chmake_mem(m: *mut c_void, chv: *mut c_int) -> c_int { let Some(m) = core::ptr::NonNull::new(m) else { return int(Err(crate::os::errno::Errno::EINVAL)) }; unit(channel::make(Some(m.cast())).map(|v| unsafe { chv.cast::<[c_int;2]>().write(v) })) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_bundle_follow(b: c_int) -> c_int { unit(request::follow(b)) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_bundle_deadline(b: c_int, d: i64) -> c_int { unit(request::set_deadline(b, d)) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_cancel_enter(p: *mut c_void, ch: c_int, d: i64) -> c_int {
  use cancel_scope::Watch; let w = match ch { -1 => Watch::Nothing, -2 => Watch::Request, -3 => Watch::Shield, c => Watch::Channel(c) };
  let Some(p) = core::ptr::NonNull::new(p.cast()) else { return int(Err(crate::os::errno::Errno::EINVAL)) }; unit(unsafe { cancel_scope::enter(p, w, d) }) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_cancel_leave(p: *mut c_void) -> c_int {
  use crate::os::errno::Errno; use cancel_scope::Fired;
  let Some(p) = core::ptr::NonNull::new(p.cast()) else { return int(Err(Errno::EINVAL)) };
  unit(cancel_scope::leave(p).and_then(|f| match f { Fired::No => Ok(()), Fired::ByDeadline => Err(Errno::ETIMEDOUT), Fired::ByRequest => Err(Errno::ECANCELED) })) }
#[unsafe(no_mangle)] pub unsafe extern "C" fn dill_sigchan(s: *const libc::sigset_t) -> c_int { if s.is_null() { return int(Err(crate::os::errno::Errno::EINVAL)) } let set = unsafe { nix::sys::signal::SigSet::from_sigset_t_unchecked(*s) }; int(signals::make(&set)) }
