//! Whole-system tests live in the folders beside this file; the library itself is empty.
