//! Names of symbols that are not the C library's: they end with the version of the crate, as one
//! program may contain several versions, each with schedulers of its own.
//!
//! `symbols.h` does the same for the C files. `build.rs` defines the suffix.

/// Returns the name of a symbol, as a string literal.
macro_rules! symbol {
    ($name:expr) => {
        concat!($name, env!("REDILL_SYMBOL_SUFFIX"))
    };
}

/// Returns the name of data that debuggers look for, as a string literal. The C library exports it
/// under its plain name.
#[cfg(feature = "capi")]
macro_rules! data_symbol {
    ($name:literal) => {
        $name
    };
}
#[cfg(not(feature = "capi"))]
macro_rules! data_symbol {
    ($name:literal) => {
        $crate::os::symbols::symbol!($name)
    };
}

/// Declares functions of the C files.
macro_rules! c_functions {
    ($($visibility:vis $safety:ident fn $name:ident($($argument:ident: $type:ty),* $(,)?)
        $(-> $result:ty)?;)*) => {
        unsafe extern "C" {
            $(
                #[link_name = $crate::os::symbols::symbol!(stringify!($name))]
                $visibility $safety fn $name($($argument: $type),*) $(-> $result)?;
            )*
        }
    };
}

pub(crate) use {c_functions, data_symbol, symbol};
