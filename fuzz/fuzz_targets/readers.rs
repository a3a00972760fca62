#![no_main]

#[global_allocator]
static COUNTING: unifocal_fuzz::reading::Counting = unifocal_fuzz::reading::Counting;

libfuzzer_sys::fuzz_target!(|data: &[u8]| unifocal_fuzz::reading::readers(data));
