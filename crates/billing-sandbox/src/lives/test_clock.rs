//! Test clocks: time that is moved for the customers on them alone.
