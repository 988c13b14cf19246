//! The body of a delivery that is signed rightly: an envelope that every store can keep, or none.
#![no_main]

use billing_fuzz::check_envelope;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| check_envelope(body));
