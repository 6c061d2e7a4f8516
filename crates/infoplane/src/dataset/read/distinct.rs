//! Texts, each kept once.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::room::grow;
use crate::dataset::DatasetError;

/// Different texts in the order in which they first came. Beside its own bytes each takes some twenty.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    text: String,
    /// Where each ends in `text`.
    ends: Vec<usize>,
    /// Numbers of the texts, by a hash of each.
    table: HashTable<u32>,
    /// Of its own for each file, so that none can be made whose texts all collide.
    hashes: RandomState,
}

impl Distinct {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text of a number.
    pub fn get(&self, number: u32) -> &str {
        get(&self.text, &self.ends, number)
    }

    /// The texts in the order of their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        (0..self.len() as u32).map(|number| self.get(number))
    }

    /// The number of a text, if it is there.
    pub fn find(&self, text: &str) -> Option<u32> {
        let Distinct { text: all, ends, table, hashes } = self;
        table.find(hashes.hash_one(text), |&number| get(all, ends, number) == text).copied()
    }

    /// The number of a text, a new one if it is not there yet. `file` is for messages.
    pub fn number(&mut self, file: &str, text: &str) -> Result<u32, DatasetError> {
        let Distinct { text: all, ends, table, hashes } = self;
        let hash = hashes.hash_one(text);
        if let Some(&number) = table.find(hash, |&number| get(all, ends, number) == text) {
            return Ok(number);
        }
        let Ok(number) = u32::try_from(ends.len()) else {
            let problem = format!("more than {} different texts", u32::MAX);
            return Err(DatasetError::Malformed { file: file.to_owned(), offset: 0, problem });
        };
        if all.capacity() - all.len() < text.len() {
            let more = text.len().max(all.len() / 2);
            let asked = (all.len() + more) as u64;
            let lacking = || DatasetError::NoMemory { file: file.to_owned(), asked };
            all.try_reserve_exact(more).map_err(|_| lacking())?;
        }
        grow(ends, file, 1)?;
        if table.len() == table.capacity() {
            let asked = 2 * table.allocation_size() as u64;
            let rehash = |&number: &u32| hashes.hash_one(get(all, ends, number));
            let lacking = || DatasetError::NoMemory { file: file.to_owned(), asked };
            table.try_reserve(table.len().max(8), rehash).map_err(|_| lacking())?;
        }
        all.push_str(text);
        ends.push(all.len());
        table.insert_unique(hash, number, |&number| hashes.hash_one(get(all, ends, number)));
        Ok(number)
    }

    /// Bytes of memory that all of it takes.
    pub fn size(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<usize>() + self.table.allocation_size()
    }
}

fn get<'t>(text: &'t str, ends: &[usize], number: u32) -> &'t str {
    let number = number as usize;
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    &text[start..ends[number]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_one_number() {
        let mut distinct = Distinct::default();
        let numbers: Vec<u32> = ["dog", "", "cat", "dog", ""]
            .iter()
            .map(|text| distinct.number("a.csv", text).unwrap())
            .collect();
        assert_eq!(numbers, [0, 1, 2, 0, 1]);
        assert_eq!(distinct.iter().collect::<Vec<_>>(), ["dog", "", "cat"]);
        assert_eq!((distinct.find("cat"), distinct.find("ca")), (Some(2), None));
    }

    #[test]
    fn a_text_takes_little_beside_its_bytes() {
        let mut distinct = Distinct::default();
        for number in 0..100_000 {
            assert_eq!(distinct.number("a.csv", &format!("{number:08}")).unwrap(), number);
        }
        assert!(distinct.size() < 100_000 * (8 + 24), "{}", distinct.size());
        assert!((0..100_000).all(|number| distinct.find(&format!("{number:08}")) == Some(number)));
    }
}
