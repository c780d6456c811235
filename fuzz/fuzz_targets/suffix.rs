#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| redill_fuzz::suffix::run(data));
