//! Message protocols on top of other sockets, ours or those of C programs.

mod layer;
pub(crate) mod prefix;
pub(crate) mod suffix;
pub(crate) mod term;
