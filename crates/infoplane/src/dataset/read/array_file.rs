//! A file of arrays, opened once and read array by array.

use std::path::{Path, PathBuf};

use super::stream::{self, ReadSeek, Stream};
use super::table::{self, Wanted};
use super::tensor::{ElementType, SampleTensor, Tensor};
use super::{Format, format, hdf5, idx, mat, npy, npz, safetensors};
use crate::dataset::DatasetError;

/// An array of a file, as its header describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayInfo {
    /// Its name in the file; empty in formats of one array without a name.
    pub name: String,
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// The type of its elements; `None` if they are not numbers (text, objects, complex numbers), so that
    /// [`ArrayFile::read`] refuses them.
    pub element: Option<ElementType>,
}

/// A file of one or many arrays: npy, npz, safetensors, mat, HDF5, IDX or CSV.
///
/// Opened once, arrays are read in any order at the cost of their own bytes, so that reading all of n arrays takes
/// O(bytes), not O(n · bytes). Three formats differ: of a gzip-packed file everything is unpacked for each array (there
/// is only one), a mat file stays in memory as it is on disk, and a CSV file is parsed whole whatever is asked.
///
/// # Examples
/// ```
/// use infoplane::dataset::read::{ArrayFile, SampleTensor};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("conv1.npy");
/// # let mut bytes = b"\x93NUMPY\x01\x00\x46\x00".to_vec();
/// # bytes.extend(format!("{:<70}", "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 1, 2), }").bytes());
/// # bytes.extend([0, 1, 2, 3]);
/// # std::fs::write(&path, bytes)?;
/// let mut file = ArrayFile::open(&path)?;
/// let arrays = file.arrays()?;
/// assert_eq!((&arrays[0].name[..], &arrays[0].shape[..]), ("", &[2, 1, 1, 2][..]));
/// let conv1 = file.read(None)?;
/// assert_eq!(conv1, SampleTensor { shape: vec![2, 1, 1, 2], values: vec![0.0, 1.0, 2.0, 3.0] });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ArrayFile {
    path: PathBuf,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// One array without a name, read from the front of the file.
    One(Format),
    Npz(npz::Archive),
    Safetensors(safetensors::Archive<Box<dyn ReadSeek>>),
    Mat(mat::MatFile),
    Hdf5(Box<hdf5::Hdf5File>),
}

impl ArrayFile {
    /// Opens a file. The format is told by the name, then by the first bytes.
    ///
    /// # Errors
    /// [`DatasetError`] if it is missing, of no known format, or its directory of arrays is damaged;
    /// [`DatasetError::is_truncated`] tells a file that is not complete.
    pub fn open(path: &Path) -> Result<ArrayFile, DatasetError> {
        let content = match format(path)? {
            Format::Npz => Content::Npz(npz::Archive::open(path)?),
            Format::Safetensors => {
                let (file, length) = stream::open_file(path)?;
                Content::Safetensors(safetensors::Archive::new(path, file, length)?)
            }
            Format::Hdf5 => Content::Hdf5(Box::new(hdf5::Hdf5File::open(path)?)),
            Format::Mat => Content::Mat(mat::MatFile::open(path)?),
            format @ (Format::Npy | Format::Idx | Format::Csv) => Content::One(format),
        };
        Ok(ArrayFile { path: path.into(), content })
    }

    /// Describes all arrays, in the order of the file (of HDF5, of the names in each group). Reads headers only, but of a CSV file every line.
    ///
    /// # Errors
    /// [`DatasetError`] if a header is damaged.
    pub fn arrays(&mut self) -> Result<Vec<ArrayInfo>, DatasetError> {
        let (shape, element) = match &mut self.content {
            Content::Npz(archive) => return archive.arrays(),
            Content::Safetensors(archive) => return Ok(archive.arrays()),
            Content::Mat(file) => return Ok(file.arrays()),
            Content::Hdf5(file) => return Ok(file.arrays()),
            Content::One(Format::Idx) => {
                idx::header(&mut Stream::open(&self.path)?).map(|(s, e)| (s, Some(e)))?
            }
            Content::One(Format::Csv) => table::shape(&self.path)?,
            Content::One(_) => npy::describe(&mut Stream::open(&self.path)?)?,
        };
        Ok(vec![ArrayInfo { name: String::new(), shape, element }])
    }

    /// Reads the array called `name`, or the only one of numbers, in single precision and row-major order.
    ///
    /// All axes are kept. Integers and doubles are rounded to the nearest single-precision number; NaN and infinity are
    /// kept. Of a CSV file, `name` is one column, by name or number; without it all columns are read.
    ///
    /// # Errors
    /// [`DatasetError`] if there is no such array, if it is damaged, not of numbers, empty or without axes, or if a
    /// finite value does not fit in single precision.
    pub fn read(&mut self, name: Option<&str>) -> Result<SampleTensor, DatasetError> {
        self.tensor(name)?.into_samples()
    }

    /// Reads an array in the narrowest type that holds its values exactly.
    pub(super) fn tensor(&mut self, name: Option<&str>) -> Result<Tensor, DatasetError> {
        match &mut self.content {
            Content::Npz(archive) => npy::read(&mut archive.member(name)?),
            Content::Safetensors(archive) => archive.read(name),
            Content::Mat(file) => file.read(name),
            Content::Hdf5(file) => file.read(name),
            Content::One(Format::Csv) => table::read(&self.path, Wanted::numbers(name, &[]))?.tensor(),
            Content::One(format) => {
                let format = *format;
                let mut stream = self.one(name)?;
                if format == Format::Idx { idx::read(&mut stream) } else { npy::read(&mut stream) }
            }
        }
    }

    /// Reads an array that may hold text.
    pub(super) fn numbers_or_text(&mut self, name: Option<&str>) -> Result<npy::Content, DatasetError> {
        match &mut self.content {
            Content::Npz(archive) => npy::read_content(&mut archive.member(name)?),
            Content::Hdf5(file) => file.numbers_or_text(name),
            Content::One(Format::Npy) => npy::read_content(&mut self.one(name)?),
            _ => Ok(npy::Content::Numbers(self.tensor(name)?)),
        }
    }

    /// The whole file, which holds one array without a name.
    fn one(&self, name: Option<&str>) -> Result<Stream<'static>, DatasetError> {
        match name {
            None => Stream::open(&self.path),
            Some(name) => Err(DatasetError::Key {
                file: self.path.display().to_string(),
                given: Some(name.to_owned()),
                present: vec!["one array without a name".into()],
            }),
        }
    }
}

/// Describes the arrays of a file; [`ArrayFile::arrays`] of a file that is opened for this alone.
///
/// # Errors
/// [`DatasetError`] as for [`ArrayFile::open`] and [`ArrayFile::arrays`].
pub fn list_arrays(path: &Path) -> Result<Vec<ArrayInfo>, DatasetError> {
    ArrayFile::open(path)?.arrays()
}

/// Reads an array with all its axes; [`ArrayFile::read`] of a file that is opened for this alone.
///
/// # Errors
/// [`DatasetError`] as for [`ArrayFile::open`] and [`ArrayFile::read`].
pub fn read_tensor(path: &Path, name: Option<&str>) -> Result<SampleTensor, DatasetError> {
    ArrayFile::open(path)?.read(name)
}

/// Splits `acts.npz:T3` into a file and the name of an array in it; a file that has a colon in its name is itself.
///
/// Of several colons the first that ends the name of an existing file separates, so that names may hold colons; if
/// there is none, the last does.
///
/// ```
/// # use infoplane::dataset::read::file_and_name;
/// assert_eq!(file_and_name("acts.npz:T3"), ("acts.npz".into(), Some("T3".into())));
/// assert_eq!(file_and_name("acts.npy"), ("acts.npy".into(), None));
/// ```
pub fn file_and_name(argument: &str) -> (PathBuf, Option<String>) {
    let at = |at: usize| (&argument[..at], &argument[at + 1..]);
    let colons = argument.match_indices(':').map(|(index, _)| at(index));
    let mut possible = colons.filter(|(file, name)| !file.is_empty() && !name.is_empty());
    if Path::new(argument).exists() {
        return (argument.into(), None);
    }
    let existing = possible.clone().find(|(file, _)| Path::new(file).is_file());
    match existing.or_else(|| possible.next_back()) {
        Some((file, name)) => (file.into(), Some(name.into())),
        None => (argument.into(), None),
    }
}
