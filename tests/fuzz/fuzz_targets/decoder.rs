//! The content of a stored delivery: decoded to what it says, or refused.
#![no_main]

use billing_fuzz::check_payload;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| check_payload(payload));
