//! A batch whose size does not fit into memory. Sums wrap in release builds, where clients/rust/test runs this too.

use std::panic::{catch_unwind, AssertUnwindSafe};

use super::Batch;

#[test]
fn a_batch_larger_than_memory_can_be_is_refused() {
    // The products wrap to 4, and to 0.
    for (records, size) in [(4, usize::MAX / 4 + 2), (2, usize::MAX / 2 + 1)] {
        let made = catch_unwind(|| Batch::new(records, size));
        assert!(made.is_err(), "{records} times {size} bytes");
    }
}

#[test]
fn a_batch_that_fails_to_grow_is_as_it_was() {
    let mut batch = Batch::new(2, 8);
    for size in [usize::MAX / 2 + 1, usize::MAX / 4 + 1] {
        let grown = catch_unwind(AssertUnwindSafe(|| batch.grow(size)));
        assert!(grown.is_err(), "to {size} bytes each");
        assert_eq!((batch.each, batch.memory.len()), (8, 16));
    }
    batch.grow(9);
    assert_eq!((batch.each, batch.memory.len()), (9, 18));
}
