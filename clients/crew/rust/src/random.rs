//! Numbers at random: splitmix64.

use std::time::Duration;

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64, life: u64) -> Random {
        Random(seed ^ life.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below n.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % n as u64) as usize
    }

    /// Sleeps for the time that a program spends between two calls, mostly none.
    pub fn pause(&mut self) {
        if self.below(200) == 0 {
            std::thread::sleep(Duration::from_micros(self.below(2000) as u64));
        }
    }
}
