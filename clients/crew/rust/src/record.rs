//! The records of the storm: every byte follows from the id, the size and its place. See record_test.go.

pub const MIN: usize = 8;

fn word(id: u64, size: usize, i: usize) -> u64 {
    if i == 0 {
        return id;
    }
    id.wrapping_add((size as u64) << 32)
        .wrapping_add(i as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(1)
}

pub fn fill(b: &mut [u8], id: u64) {
    let size = b.len();
    for (i, part) in b.chunks_mut(8).enumerate() {
        part.copy_from_slice(&word(id, size, i).to_le_bytes()[..part.len()]);
    }
}

/// The id of a record, or None if it is no record.
pub fn read(b: &[u8]) -> Option<u64> {
    let id = u64::from_le_bytes(b.get(..MIN)?.try_into().ok()?);
    let right = |(i, part): (usize, &[u8])| part == &word(id, b.len(), i).to_le_bytes()[..part.len()];
    b.chunks(8).enumerate().all(right).then_some(id)
}
