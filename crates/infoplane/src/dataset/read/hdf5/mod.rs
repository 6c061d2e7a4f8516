//! HDF5: what h5py, Keras and MATLAB (`-v7.3`) write by default, without the C library.
//!
//! Format: *HDF5 File Format Specification*, version 3.0. Read are superblocks 0 to 3, object headers 1 and 2, groups
//! of every storage, and arrays that are compact, contiguous or chunked, packed by deflate, shuffle and Fletcher32.
//! Refused by name are the chunk indices that only files for the newest library have (`libver="latest"`), other
//! filters, virtual and external storage. Values that were never written are an error, not fill values: activations
//! that are not there yet are not zero. Check sums of the structure are not checked; those of values are.
//!
//! Files come from strangers. Every address is compared with the length of the file, and [`Source`] bounds how much is
//! read to find an array, so that no circle of references keeps a reader busy.

mod chunks;
mod element;
mod group;
mod heap;
mod object;
mod source;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use self::element::Element;
use self::object::{Layout, Object};
use self::source::Source;
use super::array_file::ArrayInfo;
use super::choose;
use super::npy::{Content, TextType};
use super::room::afford;
use super::stream::Stream;
use super::tensor::{ALLOWED_ELEMENTS, Tensor, n_elements, read_values};
use crate::dataset::DatasetError;
use crate::memory::Budget;

/// How deep groups may lie within each other.
const MAX_DEPTH: usize = 64;

/// A file whose groups have been walked.
pub(super) struct Hdf5File {
    path: PathBuf,
    source: Source,
    /// MATLAB writes axes in reverse, so that its columns lie together.
    matlab: bool,
    /// Arrays as the groups list them.
    arrays: Vec<(String, Object)>,
    places: HashMap<String, usize>,
}

impl fmt::Debug for Hdf5File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hdf5File").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Hdf5File {
    pub fn open(path: &Path) -> Result<Hdf5File, DatasetError> {
        let (source, root, matlab) = source::open(path)?;
        let mut file =
            Hdf5File { path: path.into(), source, matlab, arrays: Vec::new(), places: HashMap::new() };
        let mut ancestors = HashSet::new();
        file.walk(root, "", &mut ancestors)?;
        for (index, (name, _)) in file.arrays.iter().enumerate() {
            file.places.insert(name.clone(), index);
        }
        Ok(file)
    }

    /// Finds the arrays of the object at `address` and of everything in it.
    fn walk(&mut self, address: u64, name: &str, groups: &mut HashSet<u64>) -> Result<(), DatasetError> {
        let object = object::read(&mut self.source, address)?;
        if object.is_array() {
            self.arrays.push((name.to_owned(), object));
            return Ok(());
        }
        // A group may be linked from anywhere, also from within itself; it is walked where it is met first.
        if !groups.insert(address) {
            return Ok(());
        }
        if name.split('/').count() > MAX_DEPTH {
            let problem = format!("groups lie more than {MAX_DEPTH} deep");
            return Err(self.source.malformed(address, problem));
        }
        for (link, target) in group::links(&mut self.source, &object)? {
            // What MATLAB keeps for cells and objects.
            if self.matlab && name.is_empty() && link.starts_with('#') {
                continue;
            }
            let path = if name.is_empty() { link } else { format!("{name}/{link}") };
            self.walk(target, &path, groups)?;
        }
        Ok(())
    }

    pub fn arrays(&self) -> Vec<ArrayInfo> {
        let describe = |(name, object): &(String, Object)| ArrayInfo {
            name: name.clone(),
            shape: self.shape(object),
            element: object.element.number(),
        };
        self.arrays.iter().map(describe).collect()
    }

    fn shape(&self, object: &Object) -> Vec<usize> {
        let mut shape = object.shape.clone();
        if self.matlab {
            shape.reverse();
        }
        shape
    }

    /// Reads the array called `key`, or the only one of numbers.
    pub fn read(&mut self, key: Option<&str>) -> Result<Tensor, DatasetError> {
        let object = self.find(key)?;
        let Element::Number { element, big_endian } = object.element else {
            let given = object.element.to_string();
            return Err(DatasetError::ElementType { file: object.file, given, allowed: ALLOWED_ELEMENTS });
        };
        let (shape, column_major) = (self.shape(&object), self.matlab);
        let budget = Budget::now();
        let bytes = self.bytes(&object, element.size(), budget)?;
        let n_bytes = bytes.len() as u64;
        let mut stream = Stream::of_length(object.file, &bytes[..], n_bytes).within(budget);
        let values = read_values(&mut stream, n_bytes, element, big_endian)?;
        Ok(Tensor { file: stream.file, shape, column_major, values, budget })
    }

    /// Reads an array of numbers or of text of a fixed length.
    pub fn numbers_or_text(&mut self, key: Option<&str>) -> Result<Content, DatasetError> {
        let object = self.find(key)?;
        let Element::Text { length } = object.element else { return self.read(key).map(Content::Numbers) };
        let budget = Budget::now();
        let bytes = self.bytes(&object, length, budget)?;
        let mut stream = Stream::of_length(object.file, &bytes[..], bytes.len() as u64).within(budget);
        TextType::bytes(length).read(&mut stream, object.shape).map(Content::Text)
    }

    fn find(&self, key: Option<&str>) -> Result<Object, DatasetError> {
        // h5py shows names with and without a slash before them.
        let key = key.map(|key| key.trim_start_matches('/'));
        let index = match key.and_then(|key| self.places.get(key)) {
            Some(&index) => index,
            None => {
                let asked = self.arrays.iter().filter(|(_, o)| key.is_some() || o.element.number().is_some());
                let names: Vec<String> = asked.map(|(name, _)| name.clone()).collect();
                self.places[choose(&self.path, key, &names)?]
            }
        };
        let (name, object) = &self.arrays[index];
        Ok(Object { file: format!("{}:{name}", self.path.display()), ..object.clone() })
    }

    /// The elements of an array in the order of the file, each `size` bytes long.
    fn bytes(&mut self, object: &Object, size: usize, budget: Budget) -> Result<Vec<u8>, DatasetError> {
        let promised =
            n_elements(&object.shape).and_then(|n| n.checked_mul(size as u128)).unwrap_or(u128::MAX);
        let refused =
            |problem: String| DatasetError::Malformed { file: object.file.clone(), offset: 0, problem };
        let unwritten = |what: &str| DatasetError::Ends {
            file: object.file.clone(),
            offset: self.source.length,
            what: format!("the values, {what}"),
        };
        let truncated =
            |given: u64, exact| DatasetError::Truncated { file: object.file.clone(), promised, given, exact };
        if let Some(problem) = &object.refused {
            return Err(refused(problem.clone()));
        }
        match &object.layout {
            _ if promised == 0 => Ok(Vec::new()),
            Layout::Compact(bytes) if bytes.len() as u128 == promised => Ok(bytes.clone()),
            Layout::Compact(bytes) => Err(truncated(bytes.len() as u64, true)),
            Layout::Contiguous { address: None, .. } => Err(unwritten("which were never written")),
            Layout::Contiguous { address: Some(address), length } => {
                if u128::from(*length) < promised {
                    return Err(truncated(*length, true));
                }
                afford(budget, &object.file, promised)?;
                self.source.values(*address, promised, &object.file)
            }
            Layout::Chunked(chunked) => {
                let packed = self.source.length;
                let most = if object.filters.is_empty() { packed } else { packed.saturating_mul(1032) };
                if promised > u128::from(most) {
                    return Err(truncated(most, false));
                }
                afford(budget, &object.file, promised)?;
                chunks::read(&mut self.source, object, chunked, (size, promised as usize), budget)
            }
            Layout::Refused(problem) => Err(refused(problem.clone())),
        }
    }
}

#[cfg(test)]
mod tests;
