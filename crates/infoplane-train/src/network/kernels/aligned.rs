//! Numbers that start on a cache line.

use std::ops::{Deref, DerefMut};

use super::LANES;

/// A slice of floats whose first element starts a cache line.
///
/// A vector load that straddles two lines costs two.
#[derive(Debug, Default)]
pub(crate) struct Aligned {
    storage: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let storage = vec![0.0; len + LANES];
        // The offset may be refused in theory; then loads are slower, and still right.
        let start = Some(storage.as_ptr().align_offset(64)).filter(|&start| start < LANES).unwrap_or(0);
        Aligned { storage, start, len }
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        let mut copy = Aligned::zeros(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl Deref for Aligned {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.storage[self.start..self.start + self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.storage[self.start..self.start + self.len]
    }
}
