//! Whole data sets: inputs with labels, in one part or in a training and a test part.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::array_file::ArrayFile;
use super::labels::Classes;
use super::npy::Content;
use super::room::{afford, reserve};
use super::rows::{self, Missing, Reading};
use super::table::{self, Column, Columns, Wanted};
use super::tensor::{Tensor, Values, matrix};
use super::{Format, format};
use crate::dataset::{Dataset, DatasetError, Split};
use crate::{Inputs, Labels};

/// A file and the name of an array in it, for formats that hold several.
pub(crate) type Place<'a> = (&'a Path, Option<&'a str>);

/// Reads a data set from two arrays, of one file or of two.
///
/// Each is a path and the name of the array in it, for formats that hold several. Inputs become single
/// precision; those of more than two axes, such as images, become rows. Labels as for [`read_labels`].
///
/// # Errors
/// [`DatasetError`] as for [`read_array`], if a double does not fit in single precision, or if there are
/// not as many labels as inputs.
///
/// [`read_array`]: super::read_array
/// [`read_labels`]: super::read_labels
pub fn arrays(inputs: (&Path, Option<&str>), labels: (&Path, Option<&str>)) -> Result<Dataset, DatasetError> {
    arrays_in_parts(inputs, labels, None)
}

/// The same with a test part, if there is one, whose inputs and labels come after those that train.
pub(crate) fn arrays_in_parts(
    inputs: Place<'_>,
    labels: Place<'_>,
    test: Option<(Place<'_>, Place<'_>)>,
) -> Result<Dataset, DatasetError> {
    let mut files = HashMap::new();
    let mut parts = Vec::new();
    for (inputs, labels) in [(inputs, labels)].into_iter().chain(test) {
        let inputs = open(&mut files, inputs.0)?.tensor(inputs.1)?;
        let classes = match format(labels.0)? {
            Format::Csv => {
                let columns = labels.1.map_or(Columns::Last, Columns::Key);
                let table = table::read(labels.0, Wanted::labels(columns, &[]))?;
                table.refuse_missing()?;
                rows::classes(table)?
            }
            _ => Classes::of(open(&mut files, labels.0)?.numbers_or_text(labels.1)?)?,
        };
        parts.push((inputs, classes));
    }
    join(stem(inputs.0), parts, Vec::new())
}

/// A file, which is opened once for all its arrays.
fn open<'f>(
    files: &'f mut HashMap<PathBuf, ArrayFile>,
    path: &Path,
) -> Result<&'f mut ArrayFile, DatasetError> {
    if !files.contains_key(path) {
        files.insert(path.to_owned(), ArrayFile::open(path)?);
    }
    Ok(files.get_mut(path).expect("the file has just been opened"))
}

/// Reads a data set from a table of text, whatever separates its columns.
///
/// One column is the label, by default the last; all others are numbers. Labels may be text; classes are
/// numbered in the order of integers where all are integers, else in the order of the text. Unless `header`
/// says, the first line is a header if it differs from the lines below. [`Dataset::readings`] says what was read.
///
/// # Errors
/// [`DatasetError`] naming file, line and field.
pub fn csv(path: &Path, header: Option<bool>, label: Option<&Column>) -> Result<Dataset, DatasetError> {
    csv_in_parts(path, None, header, label, None, Missing::Refuse)
}

/// The same with chosen columns as inputs, with a test file if there is one, and with rows that lack a value.
pub(crate) fn csv_in_parts(
    path: &Path,
    test: Option<&Path>,
    header: Option<bool>,
    label: Option<&Column>,
    inputs: Option<&[Column]>,
    missing: Missing,
) -> Result<Dataset, DatasetError> {
    if inputs.is_some_and(<[Column]>::is_empty) {
        return Err(DatasetError::setting("inputs", "[]", "at least one column"));
    }
    let (mut parts, mut readings) = (Vec::new(), Vec::new());
    let mut names = None;
    let path_of_training = path.display().to_string();
    for path in [path].into_iter().chain(test) {
        let labels = label.map_or(Columns::Last, |label| Columns::These(std::slice::from_ref(label)));
        let numbers = inputs.map_or(Columns::All, Columns::These);
        let mut table =
            table::read(path, Wanted { header, numbers, labels, except: &[], may_be_text: false })?;
        table.treat_missing(missing)?;
        let these = table.names_of(&table.number_fields);
        let first: &Option<Vec<String>> = names.get_or_insert_with(|| these.clone());
        // The same columns in another order would train on one thing and test on another.
        if let (Some(first), Some(these)) = (first, &these)
            && first != these
        {
            return Err(DatasetError::TestColumns {
                file: table.file,
                given: these.clone().into(),
                training: path_of_training.clone().into(),
                allowed: first.clone().into(),
            });
        }
        let fields = table.number_fields.clone();
        let mut reading = rows::reading(&mut table, fields);
        let label: Vec<String> = table.label_fields.iter().map(|&field| table.name(field)).collect();
        reading.notes.insert(0, format!("label {}", label.join(", ")));
        readings.push(reading);
        parts.push((table.tensor()?, rows::classes(table)?));
    }
    join(stem(path), parts, readings)
}

/// Parts one below the other; two of them are training and test part.
fn join(
    name: String,
    parts: Vec<(Tensor, Classes)>,
    readings: Vec<Reading>,
) -> Result<Dataset, DatasetError> {
    let (mut lengths, mut tensors) = (Vec::new(), Vec::new());
    let mut all: Option<Classes> = None;
    for (tensor, classes) in parts {
        if tensor.shape.contains(&0) {
            return Err(DatasetError::Empty { file: tensor.file, shape: tensor.shape });
        }
        let n_samples = tensor.shape.first().copied().unwrap_or(1);
        if n_samples != classes.len() {
            return Err(mismatch(&tensor.file, classes.file(), n_samples, classes.len()));
        }
        lengths.push(n_samples);
        tensors.push(tensor);
        match &mut all {
            None => all = Some(classes),
            Some(all) => all.append(classes)?,
        }
    }
    let split = match lengths[..] {
        [train, test] => Some(Split { train: (0..train).collect(), test: (train..train + test).collect() }),
        _ => None,
    };
    let labels = all.expect("there is a training part").into_labels()?;
    Ok(Dataset { name, inputs: inputs_of(tensors, 1.0)?, labels, split, readings })
}

/// Arrays, one below the other, as inputs; each value is divided by `divisor`. Where all are bytes, they stay so.
pub(super) fn inputs_of(tensors: Vec<Tensor>, divisor: f32) -> Result<Inputs, DatasetError> {
    let are_bytes = tensors.iter().all(|tensor| matches!(tensor.values, Values::Byte(_)));
    let (mut all, mut all_bytes): (Vec<f32>, Vec<u8>) = (Vec::new(), Vec::new());
    let (mut width, mut training) = (0, String::new());
    for (number, tensor) in tensors.into_iter().enumerate() {
        let tensor = tensor.flatten()?;
        let shape @ (_, columns) = tensor.rows_and_columns()?;
        if number == 0 {
            (width, training) = (columns, tensor.file.clone());
        } else if columns != width {
            return Err(DatasetError::TestWidth {
                file: tensor.file,
                given: columns,
                training,
                allowed: width,
            });
        }
        let Tensor { file, column_major, values, budget, .. } = tensor;
        let n = shape.0 * columns;
        if are_bytes {
            let Values::Byte(values) = values else { unreachable!("all are bytes") };
            let values = matrix((&file, budget), values, shape, column_major)?.into_raw_vec_and_offset().0;
            if all_bytes.is_empty() {
                all_bytes = values;
            } else {
                reserve(&mut all_bytes, &file, values.len())?;
                all_bytes.extend(values);
            }
            continue;
        }
        afford(budget, &file, 4 * (all.len() + n) as u128)?;
        reserve(&mut all, &file, n)?;
        match values {
            Values::Byte(values) => {
                // All the quotients that bytes can give.
                let quotients: Vec<f32> = (0..=u8::MAX).map(|byte| f32::from(byte) / divisor).collect();
                append(&mut all, &values, shape, column_major, |byte| quotients[usize::from(byte)]);
            }
            Values::Single(values) => {
                let convert = |value: f32| value / divisor;
                check_finite(&file, &values, shape, column_major, convert)?;
                append(&mut all, &values, shape, column_major, convert);
            }
            Values::Double(values) => {
                let convert = |value: f64| (value / f64::from(divisor)) as f32;
                check_finite(&file, &values, shape, column_major, convert)?;
                append(&mut all, &values, shape, column_major, convert);
            }
            Values::SignedByte(values) => {
                append(&mut all, &values, shape, column_major, |value| f32::from(value) / divisor);
            }
            Values::Short(values) => {
                append(&mut all, &values, shape, column_major, |value| f32::from(value) / divisor);
            }
            Values::UnsignedShort(values) => {
                append(&mut all, &values, shape, column_major, |value| f32::from(value) / divisor);
            }
            Values::Int(values) => {
                append(&mut all, &values, shape, column_major, |value| value as f32 / divisor);
            }
            Values::Integer(values) => {
                append(&mut all, &values, shape, column_major, |value| value as f32 / divisor);
            }
        }
    }
    let rows = all.len().max(all_bytes.len()) / width.max(1);
    let whole = "every array has rows of this width";
    Ok(if are_bytes {
        Inputs::of_bytes(Array2::from_shape_vec((rows, width), all_bytes).expect(whole), divisor)
    } else {
        Array2::from_shape_vec((rows, width), all).expect(whole).into()
    })
}

/// Puts the values of a matrix of any order after others, by rows and converted.
fn append<T: Copy>(
    all: &mut Vec<f32>,
    values: &[T],
    (rows, columns): (usize, usize),
    column_major: bool,
    convert: impl Fn(T) -> f32,
) {
    if !column_major {
        return all.extend(values.iter().map(|&value| convert(value)));
    }
    for row in 0..rows {
        all.extend((0..columns).map(|column| convert(values[row + column * rows])));
    }
}

/// Refuses what is not finite, in the file or in single precision; of several values the first in the order of rows.
fn check_finite<T: Copy + Into<f64>>(
    file: &str,
    values: &[T],
    (rows, columns): (usize, usize),
    column_major: bool,
    convert: impl Fn(T) -> f32,
) -> Result<(), DatasetError> {
    let place = |index: usize| match column_major {
        true => (index % rows, index / rows),
        false => (index / columns, index % columns),
    };
    let wrong = values.iter().enumerate().filter(|&(_, &value)| !convert(value).is_finite());
    match wrong.map(|(index, &value)| (place(index), value.into())).min_by_key(|(place, _)| *place) {
        None => Ok(()),
        Some(((row, column), value)) => {
            let file = file.to_owned();
            Err(match value.is_finite() {
                true => DatasetError::Overflow { file, row, column, value },
                false => DatasetError::NotFinite { file, row, column, value },
            })
        }
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

pub(super) fn mismatch(inputs: &str, labels: &str, n_samples: usize, n_labels: usize) -> DatasetError {
    DatasetError::LabelMismatch { inputs: inputs.into(), labels: labels.into(), n_samples, n_labels }
}

/// Labels of several arrays of integers, one after the other.
pub(super) fn labels_of_tensors(tensors: Vec<Tensor>) -> Result<Labels, DatasetError> {
    let mut all: Option<Classes> = None;
    for tensor in tensors {
        if tensor.shape.len() != 1 {
            return Err(tensor.shape_error("(n_samples,)"));
        }
        tensor.rows_and_columns()?;
        if matches!(tensor.values, Values::Single(_) | Values::Double(_)) {
            let (file, given) = (tensor.file, "floats".to_owned());
            return Err(DatasetError::ElementType { file, given, allowed: "integers" });
        }
        let classes = Classes::of(Content::Numbers(tensor))?;
        match &mut all {
            None => all = Some(classes),
            Some(all) => all.append(classes)?,
        }
    }
    all.map_or_else(|| Ok(Labels::distinct(0)), Classes::into_labels)
}
