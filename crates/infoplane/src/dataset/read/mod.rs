//! Readers for files: npy, npz, IDX, MATLAB, HDF5, CSV and safetensors.
//!
//! Three levels. [`ArrayFile`] lists the arrays of a file and reads them with all their axes; [`list_arrays`] and
//! [`read_tensor`] do the same once. [`read_array`] and [`read_labels`] read one array each, for data that somebody else recorded.
//! [`idx_directory`], [`mnist`], [`arrays`] and [`csv()`] read whole data sets; [`DatasetSource`] is the same
//! as a table of a configuration file.
//!
//! Files come from strangers. No file makes a reader panic, and none takes more memory than is allowed
//! ([`memory`](crate::memory)): what a header promises is compared with what can follow and with the budget before any room is
//! made for it, and what grows line by line is compared as it grows. Data that do not fit are [`DatasetError::TooLarge`]. While
//! they are read, values take at most twice what they take then, as what was read and what comes of it. The format is told by the name, then by the first bytes;
//! files that are packed with gzip are unpacked whatever their name. Only regular files are read, no pipes.
//!
//! [`DatasetSource`]: crate::dataset::DatasetSource

mod array_file;
mod columns;
mod distinct;
mod hdf5;
mod idx;
mod idx_directory;
mod labels;
mod mat;
mod npy;
mod npz;
mod other;
mod parts;
mod room;
mod rows;
mod safetensors;
mod stream;
mod table;
mod tensor;

use std::io::Read;
use std::path::Path;

use ndarray::Array2;

use self::stream::Stream;
use self::tensor::{Tensor, Values, converted, matrix};
use crate::dataset::DatasetError;
use crate::{Labels, Variable};

pub use self::array_file::{ArrayFile, ArrayInfo, file_and_name, list_arrays, read_tensor};
pub use self::idx_directory::{idx_directory, mnist};
pub use self::parts::{arrays, csv};
pub(crate) use self::parts::{arrays_in_parts, csv_in_parts};
pub use self::rows::{Missing, Reader, Reading, Samples};
pub use self::table::{Column, Except};
pub use self::tensor::{ElementType, SampleTensor};

/// A matrix of one row per sample, in the precision of its file.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    /// From floats of up to 32 bits, integers of up to 16 bits and booleans, which single precision holds exactly.
    Single(Array2<f32>),
    /// From doubles, integers of more than 16 bits (exact up to 2⁵³) and text.
    Double(Array2<f64>),
}

impl Array {
    /// The matrix as estimators take it.
    pub fn variable(&self) -> Variable<'_> {
        match self {
            Array::Single(rows) => Variable::Single(rows.view()),
            Array::Double(rows) => Variable::Double(rows.view()),
        }
    }

    /// The number of rows.
    pub fn n_samples(&self) -> usize {
        self.variable().n_samples()
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.variable().width()
    }
}

/// Reads a matrix, `(n_samples, width)`: a layer's activations, say.
///
/// An array of one axis becomes one column. `key` names the array inside an npz, mat, safetensors or HDF5 file, or
/// the one column (by name or number) of a CSV file; without it there must be exactly one array, and all
/// columns of a CSV file are read. Rows are samples and come out row-major whatever the order in the file.
///
/// # Errors
/// [`DatasetError`] naming the file and, as it applies, the place: if it is missing, damaged, longer or
/// shorter than its header says, holds NaN or infinity, has more than two axes, or elements that are not
/// numbers.
///
/// # Examples
/// ```
/// use infoplane::dataset::read::{read_array, Array};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("layer.csv");
/// std::fs::write(&path, "unit_1,unit_2\n0.5,-1\n0.25,1\n")?;
/// let layer = read_array(&path, None)?;
/// assert_eq!(layer, Array::Double(ndarray::array![[0.5, -1.0], [0.25, 1.0]]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_array(path: &Path, key: Option<&str>) -> Result<Array, DatasetError> {
    Ok(Reader::default().array(path, key)?.values)
}

/// A tensor of one or two axes as a matrix.
fn matrix_of(tensor: Tensor) -> Result<Array, DatasetError> {
    let shape = tensor.rows_and_columns()?;
    let Tensor { file, column_major, values, budget, .. } = tensor;
    let place = (&file[..], budget);
    Ok(match values {
        Values::Single(values) => Array::Single(matrix(place, values, shape, column_major)?),
        Values::Double(values) => Array::Double(matrix(place, values, shape, column_major)?),
        Values::Byte(values) => Array::Single(converted(place, values, shape, column_major, f32::from)?),
        Values::SignedByte(values) => {
            Array::Single(converted(place, values, shape, column_major, f32::from)?)
        }
        Values::Short(values) => Array::Single(converted(place, values, shape, column_major, f32::from)?),
        Values::UnsignedShort(values) => {
            Array::Single(converted(place, values, shape, column_major, f32::from)?)
        }
        Values::Int(values) => Array::Double(converted(place, values, shape, column_major, f64::from)?),
        Values::Integer(values) => {
            const EXACT: u64 = 1 << 53;
            if let Some(value) = values.iter().find(|value| value.unsigned_abs() > EXACT) {
                return Err(DatasetError::Malformed {
                    file,
                    offset: 0,
                    problem: format!(
                        "the values hold {value}; allowed are integers up to {EXACT}, beyond which numbers would merge \
                         (number them anew if they are names)"
                    ),
                });
            }
            Array::Double(converted(place, values, shape, column_major, |value| value as f64)?)
        }
    })
}

/// Reads one label per sample.
///
/// A vector — `(n,)`, `(n, 1)` or `(1, n)` — of booleans, integers, whole floats or numpy text (`<U10`, `|S10`), or a
/// one-hot matrix `(n, k)` of zeros with a single one in each row, of any type of numbers. Of a CSV file it is one column, by default the last,
/// which may also hold text. `key` as for [`read_array`].
///
/// # Errors
/// [`DatasetError`] as for [`read_array`], and if a label is a fraction, NaN or infinite.
///
/// # Examples
/// ```
/// use infoplane::dataset::read::read_labels;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("labels.csv");
/// std::fs::write(&path, "animal\ndog\ncat\ncat\n")?;
/// let labels = read_labels(&path, None)?;
/// assert_eq!(labels.codes(), [1, 0, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_labels(path: &Path, key: Option<&str>) -> Result<Labels, DatasetError> {
    Ok(Reader::default().labels(path, key)?.values)
}

/// Reads rows as symbols: equal rows share one.
///
/// Numbers of any kind, a row of several columns or an array of several axes (an image) being one symbol, and in a CSV file
/// text as well. `key` as for
/// [`read_array`]: of a CSV file it names the one column to read, and without it all columns together are the symbol.
///
/// # Errors
/// [`DatasetError`] as for [`read_array`].
///
/// # Examples
/// ```
/// use infoplane::dataset::read::read_symbols;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("animals.csv");
/// std::fs::write(&path, "kind,color\ncat,black\ndog,black\ncat,black\n")?;
/// assert_eq!(read_symbols(&path, None)?.codes(), [0, 1, 0]);
/// assert_eq!(read_symbols(&path, Some("color"))?.n_labels(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_symbols(path: &Path, key: Option<&str>) -> Result<Labels, DatasetError> {
    Ok(Reader::default().symbols(path, key)?.values)
}

/// The formats of files that hold arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Npy,
    Npz,
    Idx,
    Mat,
    Csv,
    Safetensors,
    Hdf5,
}

/// Tells the format by the name, and if that says nothing by the first bytes: what is text is a table.
fn format(path: &Path) -> Result<Format, DatasetError> {
    let (mut file, length) = stream::open_file(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let unpacked = name.strip_suffix(".gz").or(name.strip_suffix(".zip")).unwrap_or(&name);
    let extension = unpacked.rsplit_once('.').map_or("", |(_, extension)| extension);
    let mut first = Vec::new();
    let head = file.by_ref().take(512).read_to_end(&mut first);
    head.map_err(|source| DatasetError::io(stream::name(path), source))?;
    Ok(match extension {
        "npy" => Format::Npy,
        "npz" => Format::Npz,
        // MATLAB's newest format is another one with the same name.
        "mat" if first.starts_with(b"MATLAB 7.3") => Format::Hdf5,
        "mat" => Format::Mat,
        "h5" | "hdf5" | "hdf" | "he5" => Format::Hdf5,
        "csv" | "tsv" | "tab" | "txt" => Format::Csv,
        "safetensors" => Format::Safetensors,
        _ if unpacked.ends_with("-ubyte") || unpacked.ends_with(".idx") => Format::Idx,
        _ => match &first[..] {
            b if other::advice(extension, b).is_some() => {
                let advice =
                    other::advice(extension, b).map(|advice| format!("; {advice}")).unwrap_or_default();
                return Err(DatasetError::UnknownFormat { file: stream::name(path), advice });
            }
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Format::Npy,
            [b'P', b'K', 3, 4, ..] => npz::format(file, length, &stream::name(path))?,
            b if b.starts_with(b"\x89HDF\r\n\x1a\n") => Format::Hdf5,
            b if b.starts_with(b"MATLAB 7.3") => Format::Hdf5,
            b if b.starts_with(b"MATLAB") => Format::Mat,
            [0, 0, 8 | 9 | 0x0b..=0x0e, 1..=9, ..] => Format::Idx,
            [0x1f, 0x8b, ..] => packed_format(path)?,
            b if !b.is_empty() && table::is_text(b) => Format::Csv,
            _ => return Err(DatasetError::UnknownFormat { file: stream::name(path), advice: String::new() }),
        },
    })
}

/// The format of what gzip packed, by its first bytes.
fn packed_format(path: &Path) -> Result<Format, DatasetError> {
    let mut first = [0; 512];
    let n = Stream::open(path)?.fill(&mut first)?;
    match &first[..n] {
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Ok(Format::Npy),
        [0, 0, 8 | 9 | 0x0b..=0x0e, 1..=9, ..] => Ok(Format::Idx),
        b if b.starts_with(b"MATLAB") => Ok(Format::Mat),
        b if !b.is_empty() && table::is_text(b) => Ok(Format::Csv),
        _ => Err(DatasetError::UnknownFormat { file: stream::name(path), advice: String::new() }),
    }
}

/// The array called `key`, or the only one.
fn choose<'n>(path: &Path, key: Option<&str>, names: &'n [String]) -> Result<&'n str, DatasetError> {
    let found = match (key, names) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(key), names) => names.iter().find(|name| *name == key),
    };
    found.map(String::as_str).ok_or_else(|| {
        let mut present = names.to_vec();
        present.sort();
        DatasetError::Key { file: stream::name(path), given: key.map(str::to_owned), present }
    })
}

#[cfg(test)]
mod tests;
