//! The header that proves a delivery: whatever it says, only the right signature lets one in.
#![no_main]

use billing_fuzz::check_signature;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|template: &[u8]| check_signature(template));
