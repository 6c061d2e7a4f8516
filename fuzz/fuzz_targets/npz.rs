#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| infoplane_fuzz::run("npz", bytes));
