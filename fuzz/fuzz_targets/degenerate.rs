#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| unifocal_fuzz::with(
    data,
    unifocal_fuzz::invariants::degenerate
));
