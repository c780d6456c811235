//! The C library. `redill` has all that it consists of, and this makes a shared and a static
//! library of it.

// Names the crate, as one that isn't named isn't linked: all `dill_*` symbols come with it.
extern crate redill as _;
