//! Half-channels that become done when a bundle is asked to finish.

use super::bundle::Bundle;
use super::channel::HalfChannel;
use crate::intrusive::{Link, List, Ref, adapter};
use crate::os::errno::Result;
use crate::scheduler::context::Context;

/// One `bundle_notify`: linked into the bundle and into the half-channel, freed by
/// whichever ends first.
pub(crate) struct Notification {
    in_bundle: Link,
    in_channel: Link,
    channel: Ref<HalfChannel>,
    bundle: Ref<Bundle>,
}

adapter!(
    /// The notifications of a bundle.
    InBundle,
    Notification,
    in_bundle
);
adapter!(
    /// The notifications of a half-channel.
    InChannel,
    Notification,
    in_channel
);

/// Notes that `channel` becomes done with the request to `bundle`, whose notifications `list` has.
/// Nothing happens where that was noted before.
pub(super) fn register(
    context: &Context,
    bundle: Ref<Bundle>,
    list: &List<InBundle>,
    channel: Ref<HalfChannel>,
) -> Result<()> {
    if is_registered(bundle, list, channel) {
        return Ok(());
    }
    let (in_bundle, in_channel) = (Link::new(), Link::new());
    let notification = Notification { in_bundle, in_channel, channel, bundle };
    let notification = context.objects.allocate(notification)?;
    list.push_back(notification);
    channel.notifications.push_back(notification);
    Ok(())
}

/// Returns whether the two are registered with each other. The search ends with the shorter of
/// both lists: a bundle may have very many channels, or a channel very many bundles.
fn is_registered(
    bundle: Ref<Bundle>,
    list: &List<InBundle>,
    channel: Ref<HalfChannel>,
) -> bool {
    let (mut of_bundle, mut of_channel) = (list.first(), channel.notifications.first());
    while let (Some(one), Some(other)) = (of_bundle, of_channel) {
        if one.channel == channel || other.bundle == bundle {
            return true;
        }
        of_bundle = list.after(one);
        of_channel = channel.notifications.after(other);
    }
    false
}

/// Delivers the request to all half-channels of a bundle, in the order of registration.
pub(super) fn fire(context: &Context, list: &List<InBundle>) {
    while let Some(notification) = list.pop_front() {
        // `EPIPE`: done already, which is all that was wanted.
        let _ = notification.channel.done(context);
        free(context, notification);
    }
}

/// Drops all notifications of a bundle that ends.
pub(super) fn drop_all_of_bundle(context: &Context, list: &List<InBundle>) {
    while let Some(notification) = list.first() {
        free(context, notification);
    }
}

/// Drops all notifications of a half-channel that is closed.
pub(super) fn drop_all_of_channel(context: &Context, list: &List<InChannel>) {
    while let Some(notification) = list.first() {
        free(context, notification);
    }
}

fn free(context: &Context, notification: Ref<Notification>) {
    notification.in_bundle.unlink();
    notification.in_channel.unlink();
    // SAFETY: allocated by `register`, and in no list any more.
    unsafe { context.objects.free(notification) };
}
