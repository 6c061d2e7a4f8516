//! Readers for files: npy, npz, IDX, MATLAB, HDF5, CSV and safetensors.
//!
//! Three levels. [`ArrayFile`] lists the arrays of a file and reads them with all their axes; [`list_arrays`] and
//! [`read_tensor`] do the same once. [`read_array`] and [`read_labels`] read one array each, for data that somebody else recorded.
//! [`idx_directory`], [`mnist`], [`arrays`] and [`csv()`] read whole data sets; [`DatasetSource`] is the same
//! as a table of a configuration file.
//!
//! Files come from strangers. No file makes a reader panic, and none takes more memory than a small multiple
//! of what it is on disk, unpacked ([`MAX_UNPACKED`] bounds that): what a header promises is compared with
//! what can follow before any room is made for it. The format is told by the name, then by the first bytes;
//! files that are packed with gzip are unpacked whatever their name. Only regular files are read, no pipes.
//!
//! [`DatasetSource`]: crate::dataset::DatasetSource

mod array_file;
mod csv;
mod hdf5;
mod idx;
mod idx_directory;
mod labels;
mod mat;
mod npy;
mod npz;
mod parts;
mod safetensors;
mod stream;
mod tensor;

use std::io::Read;
use std::path::Path;

use ndarray::Array2;

use self::csv::Wanted;
use self::labels::Classes;
use self::tensor::{Tensor, Values, matrix};
use crate::dataset::DatasetError;
use crate::{Labels, Variable};

pub use self::array_file::{ArrayFile, ArrayInfo, file_and_name, list_arrays, read_tensor};
pub use self::csv::Column;
pub use self::idx_directory::{idx_directory, mnist};
pub use self::parts::{arrays, csv};
pub(crate) use self::parts::{arrays_in_parts, csv_in_parts};
pub use self::stream::MAX_UNPACKED;
pub use self::tensor::{ElementType, SampleTensor};

/// A matrix of one row per sample, in the precision of its file.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    /// From floats of up to 32 bits, bytes and booleans, which single precision holds exactly.
    Single(Array2<f32>),
    /// From doubles, integers of more than a byte (exact up to 2⁵³) and text.
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
    array_of(ArrayFile::open(path)?.tensor(key)?)
}

/// A tensor of one or two axes as a matrix of finite values.
fn array_of(tensor: Tensor) -> Result<Array, DatasetError> {
    let (rows, columns) = tensor.rows_and_columns()?;
    let column_major = tensor.column_major;
    let array = match tensor.values {
        Values::Single(values) => Array::Single(matrix(values, rows, columns, column_major)),
        Values::Double(values) => Array::Double(matrix(values, rows, columns, column_major)),
        Values::Byte(values) => {
            let values = values.into_iter().map(f32::from).collect();
            Array::Single(matrix(values, rows, columns, column_major))
        }
        Values::Integer(values) => {
            const EXACT: u64 = 1 << 53;
            if let Some(value) = values.iter().find(|value| value.unsigned_abs() > EXACT) {
                return Err(DatasetError::Malformed {
                    file: tensor.file,
                    offset: 0,
                    problem: format!(
                        "the values hold {value}; allowed are integers up to {EXACT}, beyond which numbers would merge \
                         (number them anew if they are names)"
                    ),
                });
            }
            let values = values.into_iter().map(|value| value as f64).collect();
            Array::Double(matrix(values, rows, columns, column_major))
        }
    };
    match array.variable().first_non_finite() {
        Some((row, column, value)) => Err(DatasetError::NotFinite { file: tensor.file, row, column, value }),
        None => Ok(array),
    }
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
    match format(path)? {
        Format::Csv => {
            let column = key.map(column);
            let table = csv::read(path, None, Wanted::Labels(column.as_ref()))?;
            Classes::written(table.file, &table.labels).into_labels()
        }
        _ => Classes::of(ArrayFile::open(path)?.numbers_or_text(key)?)?.into_labels(),
    }
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
    match (format(path)?, key) {
        (Format::Csv, Some(_)) => {
            let column = key.map(column);
            let table = csv::read(path, None, Wanted::Labels(column.as_ref()))?;
            Ok(Labels::from_symbols(&table.labels))
        }
        (Format::Csv, None) => Ok(Labels::from_symbols(&csv::read(path, None, Wanted::Symbols)?.labels)),
        _ => match ArrayFile::open(path)?.numbers_or_text(key)? {
            npy::Content::Numbers(tensor) => Ok(array_of(tensor.flatten()?)?.variable().symbols()),
            text => Classes::of(text)?.into_labels(),
        },
    }
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

/// Tells the format by the name, and if that says nothing by the first bytes.
fn format(path: &Path) -> Result<Format, DatasetError> {
    let (mut file, _) = stream::open_file(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    Ok(match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("npy") => Format::Npy,
        Some("npz") => Format::Npz,
        Some("mat") => {
            // MATLAB's newest format is another one with the same name.
            let mut first = Vec::new();
            let head = file.by_ref().take(10).read_to_end(&mut first);
            head.map_err(|source| DatasetError::io(path.display(), source))?;
            if first == b"MATLAB 7.3" { Format::Hdf5 } else { Format::Mat }
        }
        Some("h5" | "hdf5" | "hdf" | "he5") => Format::Hdf5,
        Some("csv" | "tsv" | "txt") => Format::Csv,
        Some("safetensors") => Format::Safetensors,
        _ if name.ends_with("-ubyte") || name.ends_with(".idx") => Format::Idx,
        _ => {
            let mut first = Vec::new();
            let head = file.by_ref().take(8).read_to_end(&mut first);
            head.map_err(|source| DatasetError::io(path.display(), source))?;
            match &first[..] {
                [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Format::Npy,
                [b'P', b'K', 3, 4, ..] => Format::Npz,
                b"\x89HDF\r\n\x1a\n" => Format::Hdf5,
                [b'M', b'A', b'T', b'L', b'A', b'B', ..] => Format::Mat,
                [0, 0, 8 | 9 | 0x0b..=0x0e, 1..=9, ..] => Format::Idx,
                _ => return Err(DatasetError::UnknownFormat { file: path.display().to_string() }),
            }
        }
    })
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
        DatasetError::Key { file: path.display().to_string(), given: key.map(str::to_owned), present }
    })
}

/// A column as it is named on a command line: a number where it is one.
fn column(key: &str) -> Column {
    key.parse().map_or_else(|_| Column::Name(key.to_owned()), Column::Index)
}

#[cfg(test)]
mod tests;
