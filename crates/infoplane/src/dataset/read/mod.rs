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
mod safetensors;
mod stream;
mod tensor;

use std::io::Read;
use std::path::Path;

use ndarray::{Array2, ArrayView2};

use self::csv::Wanted;
use self::tensor::{Tensor, Values, matrix};
use crate::dataset::{Dataset, DatasetError};
use crate::{Labels, Variable};

pub use self::array_file::{ArrayFile, ArrayInfo, file_and_name, list_arrays, read_tensor};
pub use self::csv::Column;
pub use self::idx_directory::{idx_directory, mnist};
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
            labels::from_written(&table.file, &table.labels)
        }
        _ => match ArrayFile::open(path)?.numbers_or_text(key)? {
            npy::Content::Numbers(tensor) => labels::from_tensor(tensor),
            npy::Content::Text(text) => labels::from_text(text),
        },
    }
}

/// Reads rows as symbols: equal rows share one.
///
/// Numbers of any kind, a row of several columns being one symbol, and in a CSV file text as well. `key` as for
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
            npy::Content::Numbers(tensor) => Ok(array_of(tensor)?.variable().symbols()),
            npy::Content::Text(text) => labels::from_text(text),
        },
    }
}

/// Reads a data set from two arrays, of one file or of two.
///
/// Each is a path and the name of the array in it, for formats that hold several. Inputs become single
/// precision; those of more than two axes, such as images, become rows. Labels as for [`read_labels`].
///
/// # Errors
/// [`DatasetError`] as for [`read_array`], if a double does not fit in single precision, or if there are
/// not as many labels as inputs.
pub fn arrays(inputs: (&Path, Option<&str>), labels: (&Path, Option<&str>)) -> Result<Dataset, DatasetError> {
    let input = ArrayFile::open(inputs.0)?.tensor(inputs.1)?;
    let input_file = input.file.clone();
    let inputs_matrix = inputs_of(vec![input], 1.0)?;
    let found = read_labels(labels.0, labels.1)?;
    if found.len() != inputs_matrix.nrows() {
        let label_file = match labels.1 {
            Some(key) => format!("{}:{key}", labels.0.display()),
            None => labels.0.display().to_string(),
        };
        return Err(mismatch(&input_file, &label_file, inputs_matrix.nrows(), found.len()));
    }
    Ok(Dataset { name: stem(inputs.0), inputs: inputs_matrix, labels: found, split: None })
}

/// Reads a data set from a CSV file (fields separated by commas) or a TSV file (by tabs).
///
/// One column is the label, by default the last; all others are numbers. Labels may be text; classes are
/// numbered in the order of integers where all are integers, else in the order of the text. Unless `header`
/// says, the first line is a header if none of its fields is a number.
///
/// # Errors
/// [`DatasetError`] naming file, line and field.
pub fn csv(path: &Path, header: Option<bool>, label: Option<&Column>) -> Result<Dataset, DatasetError> {
    let table = csv::read(path, header, Wanted::Both(label))?;
    let shape = vec![table.labels.len(), table.n_columns];
    let labels = labels::from_written(&table.file, &table.labels)?;
    let values = Values::Double(table.numbers);
    let tensor = Tensor { file: table.file, shape, column_major: false, values };
    Ok(Dataset { name: stem(path), inputs: inputs_of(vec![tensor], 1.0)?, labels, split: None })
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

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn mismatch(inputs: &str, labels: &str, n_samples: usize, n_labels: usize) -> DatasetError {
    DatasetError::LabelMismatch { inputs: inputs.into(), labels: labels.into(), n_samples, n_labels }
}

/// Arrays, one below the other, as inputs in single precision; each value is divided by `divisor`.
fn inputs_of(tensors: Vec<Tensor>, divisor: f32) -> Result<Array2<f32>, DatasetError> {
    let mut all = Vec::new();
    let mut width = 0;
    for (number, tensor) in tensors.into_iter().enumerate() {
        let tensor = tensor.flatten()?;
        let (rows, columns) = tensor.rows_and_columns()?;
        if number == 0 {
            width = columns;
        } else if columns != width {
            return Err(tensor.shape_error("as many values per sample as the training inputs have"));
        }
        let file = tensor.file;
        // All the quotients that bytes can give.
        let quotients: Vec<f32> = (0..=u8::MAX).map(|byte| f32::from(byte) / divisor).collect();
        match tensor.values {
            Values::Byte(values) => {
                let values = matrix(values, rows, columns, tensor.column_major);
                all.reserve_exact(values.len());
                all.extend(values.iter().map(|&byte| quotients[usize::from(byte)]));
            }
            Values::Integer(values) => {
                let values = matrix(values, rows, columns, tensor.column_major);
                all.extend(values.iter().map(|&value| value as f32 / divisor));
            }
            Values::Single(values) => {
                let values = matrix(values, rows, columns, tensor.column_major);
                check_finite(&file, values.view(), |value| value / divisor)?;
                all.extend(values.iter().map(|&value| value / divisor));
            }
            Values::Double(values) => {
                let values = matrix(values, rows, columns, tensor.column_major);
                let convert = |value| (value / f64::from(divisor)) as f32;
                check_finite(&file, values.view(), convert)?;
                all.extend(values.iter().map(|&value| convert(value)));
            }
        }
    }
    let rows = all.len() / width.max(1);
    Ok(Array2::from_shape_vec((rows, width), all).expect("every array has rows of this width"))
}

/// Refuses what is not finite, in the file or in single precision.
fn check_finite<T: Copy + Into<f64>>(
    file: &str,
    values: ArrayView2<'_, T>,
    convert: impl Fn(T) -> f32,
) -> Result<(), DatasetError> {
    for ((row, column), &value) in values.indexed_iter() {
        if !convert(value).is_finite() {
            let (file, value) = (file.to_owned(), value.into());
            return Err(if value.is_finite() {
                DatasetError::Overflow { file, row, column, value }
            } else {
                DatasetError::NotFinite { file, row, column, value }
            });
        }
    }
    Ok(())
}

/// Labels of several arrays, one after the other.
fn labels_of_tensors(tensors: Vec<Tensor>) -> Result<Labels, DatasetError> {
    let mut symbols = Vec::new();
    for tensor in tensors {
        if tensor.shape.len() != 1 {
            return Err(tensor.shape_error("(n_samples,)"));
        }
        tensor.rows_and_columns()?;
        match tensor.values {
            Values::Byte(values) => symbols.extend(values.into_iter().map(i64::from)),
            Values::Integer(values) => symbols.extend(values),
            Values::Single(_) | Values::Double(_) => {
                let (file, given) = (tensor.file, "floats".to_owned());
                return Err(DatasetError::ElementType { file, given, allowed: "integers" });
            }
        }
    }
    Ok(Labels::from_symbols(&symbols))
}

#[cfg(test)]
mod tests;
