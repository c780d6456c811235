//! The lines that `DILL_CHECK=1` asks for.

use crate::intrusive::Ref;
use crate::os::output::Output;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;

/// Writes a line about the coroutine, if mistakes are to be reported.
#[cold]
pub(in crate::concurrency) fn report(context: &Context, coroutine: Ref<Coroutine>, what: &str) {
    if !context.checks_misuse() {
        return;
    }
    let mut out = Output::new(libc::STDERR_FILENO);
    if coroutine == context.main_coroutine() {
        out.text("libdill: the main coroutine ");
    } else {
        out.text("libdill: the coroutine launched at ");
        coroutine.write_origin(&mut out);
        out.text(" ");
    }
    out.text(what).text("\n");
    let _ = out.finish();
}
