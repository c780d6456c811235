//! What the codecs use of the library, so that their sources can be compiled alone.

pub(crate) mod errno {
    pub(crate) use nix::errno::Errno;
    pub(crate) type Result<T> = core::result::Result<T, Errno>;
}
