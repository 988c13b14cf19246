//! Signatures, envelopes, and one payload per handled type and generation of API versions.

mod decoding;
mod payloads;
mod robustness;
mod signatures;
mod subjects;
