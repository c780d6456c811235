/* Symbols of the library's C files end with the version of the crate, as one program may
   contain several versions: see symbols.rs. build.rs defines the suffix. */

#define DILL_JOINED(name, suffix) name##suffix
#define DILL_EXPANDED(name, suffix) DILL_JOINED(name, suffix)
#define SYMBOL(name) DILL_EXPANDED(name, REDILL_SYMBOL_SUFFIX)
