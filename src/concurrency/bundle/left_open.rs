//! A mistake that `DILL_CHECK=1` reports: a coroutine that ends without closing its bundle, whose
//! members outlive the bundle in which it ran itself.

use super::{Bundle, LeftOpen, Owned, of};
use crate::intrusive::{Link, Ref};
use crate::os::output::Output;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;

/// Call when `coroutine` ends, before its bundles are disowned. Notes those that have members; where
/// there is no memory for that, it is left out.
#[cold]
pub(super) fn note(context: &Context, coroutine: Ref<Coroutine>) {
    let Some(home) = of(coroutine) else { return };
    let owned = coroutine.owned::<Owned>();
    let mut next = owned.first();
    while let Some(bundle) = next {
        next = owned.after(bundle);
        if !bundle.is_empty() {
            let _ = bundle.note_left_open(context, &home, coroutine);
        }
    }
}

impl Bundle {
    fn note_left_open(
        &self,
        context: &Context,
        home: &Bundle,
        coroutine: Ref<Coroutine>,
    ) -> crate::os::errno::Result<()> {
        let (home, own) = (home.make_extras(context)?, self.make_extras(context)?);
        let (in_home, launched_at) = (Link::new(), coroutine.launched_at());
        let left = LeftOpen { in_home, bundle: own.bundle, launched_at };
        let left = context.objects.allocate(left)?;
        home.left_inside.push_back(left);
        own.left_open.set(Some(left));
        Ok(())
    }

    /// Forgets the note, as the bundle has a new owner or ends.
    pub(super) fn forget_left_open(&self, context: &Context) {
        if let Some(extras) = self.extras.get()
            && let Some(left) = extras.left_open.take()
        {
            left.in_home.unlink();
            // SAFETY: `note_left_open` allocated it, and it is in no list any more.
            unsafe { context.objects.free(left) };
        }
    }

    /// Reports those that were left open by members of this bundle, which ends, and that still have
    /// members of their own.
    pub(super) fn report_left_inside(&self, context: &Context) {
        let Some(extras) = self.extras.get() else { return };
        while let Some(left) = extras.left_inside.first() {
            if let Some(survivor) = left.bundle.members.first() {
                write(&left, survivor);
            }
            left.bundle.forget_left_open(context);
        }
    }
}

#[cold]
fn write(left: &LeftOpen, survivor: Ref<Coroutine>) {
    let mut out = Output::new(libc::STDERR_FILENO);
    out.text("libdill: the coroutine launched at ");
    left.launched_at.write(&mut out);
    out.text(" has ended without closing its bundle: the one launched there at ");
    survivor.write_origin(&mut out);
    out.text(" still runs after the bundle around them was closed\n");
    let _ = out.finish();
}
