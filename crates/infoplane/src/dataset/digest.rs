//! What a run remembers of its data, to know them again.

use twox_hash::XxHash3_128;

use super::Dataset;

impl Dataset {
    /// A checksum of inputs, labels and split: 128 bits of XXH3, in hexadecimal.
    ///
    /// Depends on the shape and on every bit of the inputs, on the number of every label and on the split
    /// that the data came with, not on the name; the same on every machine. It tells apart data that differ
    /// by accident; whoever wants to can make two data sets with the same digest. Time O(bytes).
    ///
    /// ```
    /// # use infoplane::dataset::DatasetSource;
    /// let task = DatasetSource::Symmetric12 { gain: None, repeats: 1 };
    /// let digest = task.load(0)?.digest();
    /// assert_eq!(digest, task.load(1)?.digest(), "without noise nothing depends on the seed");
    /// assert_eq!(digest.len(), "xxh3-128:".len() + 32);
    /// # Ok::<(), infoplane::dataset::DatasetError>(())
    /// ```
    pub fn digest(&self) -> String {
        let mut state = XxHash3_128::new();
        // Lengths come before what they count, so that no two data sets write the same bytes.
        for length in [self.n_samples(), self.n_features()] {
            state.write(&(length as u64).to_le_bytes());
        }
        let mut chunk = Vec::with_capacity(4 << 12);
        let mut values = vec![0.0f32; self.n_features()];
        for row in 0..self.n_samples() {
            self.inputs.write_row(row, &mut values);
            chunk.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            if chunk.len() >= 4 << 12 {
                state.write(&chunk);
                chunk.clear();
            }
        }
        state.write(&chunk);
        chunk.clear();
        write_words(&mut state, &mut chunk, self.labels.codes().iter().copied());
        if let Some(split) = &self.split {
            for rows in [&split.train, &split.test] {
                state.write(&(rows.len() as u64).to_le_bytes());
                for &row in rows {
                    state.write(&(row as u64).to_le_bytes());
                }
            }
        }
        format!("xxh3-128:{:032x}", state.finish_128())
    }
}

/// Writes in chunks: the hash is fast on many bytes, slow on four.
fn write_words(state: &mut XxHash3_128, chunk: &mut Vec<u8>, words: impl Iterator<Item = u32>) {
    for word in words {
        chunk.extend(word.to_le_bytes());
        if chunk.len() == chunk.capacity() {
            state.write(chunk);
            chunk.clear();
        }
    }
    state.write(chunk);
    chunk.clear();
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use crate::dataset::Split;
    use crate::{Dataset, Labels};

    #[test]
    fn every_part_but_the_name_counts() {
        let dataset = Dataset {
            name: "a".into(),
            inputs: array![[0.0f32, 1.0], [2.0, 3.0]].into(),
            labels: Labels::from_symbols(&[0, 1]),
            split: None,
            readings: Vec::new(),
        };
        let digest = dataset.digest();
        // Python: xxhash.xxh3_128_hexdigest(struct.pack("<QQffffII", 2, 2, 0, 1, 2, 3, 0, 1)), of the
        // little-endian bytes: 2u64, 2u64, 0f32, 1f32, 2f32, 3f32, 0u32, 1u32.
        assert_eq!(digest, "xxh3-128:867973b9490ac8a1212d4fc4571001fb");
        assert_eq!(Dataset { name: "b".into(), ..dataset.clone() }.digest(), digest);
        let split = Some(Split { train: vec![0], test: vec![1] });
        let changed = [
            Dataset { inputs: array![[-0.0f32, 1.0], [2.0, 3.0]].into(), ..dataset.clone() },
            Dataset { inputs: array![[0.0f32], [1.0], [2.0], [3.0]].into(), ..dataset.clone() },
            Dataset { labels: Labels::from_symbols(&[1, 0]), ..dataset.clone() },
            Dataset { split, ..dataset.clone() },
        ];
        for other in changed {
            assert_ne!(other.digest(), digest);
        }
    }
}
