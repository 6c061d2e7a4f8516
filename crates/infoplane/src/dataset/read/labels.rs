//! Arrays as labels of classes.

use std::collections::HashMap;

use super::npy::{Content, Text};
use super::table::TextColumn;
use super::tensor::{Tensor, Values, matrix};
use crate::Labels;
use crate::dataset::DatasetError;

/// The classes of samples before they are numbered, so that those of several files can be numbered together.
pub(super) enum Classes {
    Numbers { file: String, values: Vec<i64> },
    Text(Text),
}

impl Classes {
    /// What an array holds.
    pub fn of(content: Content) -> Result<Classes, DatasetError> {
        match content {
            Content::Numbers(tensor) => {
                let file = tensor.file.clone();
                Ok(Classes::Numbers { file, values: classes(tensor)? })
            }
            Content::Text(text) => {
                check_text(&text)?;
                Ok(Classes::Text(text))
            }
        }
    }

    /// A column of a table.
    pub fn column(file: String, column: TextColumn) -> Classes {
        let TextColumn { distinct, codes, .. } = column;
        Classes::Text(Text { file, shape: vec![codes.len()], distinct, codes })
    }

    pub fn len(&self) -> usize {
        match self {
            Classes::Numbers { values, .. } => values.len(),
            Classes::Text(text) => text.codes.len(),
        }
    }

    pub fn file(&self) -> &str {
        match self {
            Classes::Numbers { file, .. } => file,
            Classes::Text(text) => &text.file,
        }
    }

    /// Puts the classes of another file after these.
    pub fn append(&mut self, other: Classes) -> Result<(), DatasetError> {
        match (self, other) {
            (Classes::Numbers { values, .. }, Classes::Numbers { values: others, .. }) => {
                values.extend(others)
            }
            (Classes::Text(text), Classes::Text(other)) => {
                let n = text.codes.len();
                let known: HashMap<String, u32> =
                    text.distinct.iter().zip(0..).map(|((text, _), code)| (text.clone(), code)).collect();
                let code = |(value, row): (String, usize)| {
                    known.get(&value).copied().unwrap_or_else(|| {
                        text.distinct.push((value, n + row));
                        text.distinct.len() as u32 - 1
                    })
                };
                let codes: Vec<u32> = other.distinct.into_iter().map(code).collect();
                text.codes.extend(other.codes.into_iter().map(|code| codes[code as usize]));
            }
            (first, other) => {
                let (given, allowed) = match first {
                    Classes::Numbers { .. } => ("text", "numbers, as the labels of the training part are"),
                    Classes::Text(_) => ("numbers", "text, as the labels of the training part are"),
                };
                let file = other.file().to_owned();
                return Err(DatasetError::ElementType { file, given: given.into(), allowed });
            }
        }
        Ok(())
    }

    /// Numbers the classes.
    pub fn into_labels(self) -> Result<Labels, DatasetError> {
        let text = match self {
            Classes::Numbers { values, .. } => return Ok(Labels::from_symbols(&values)),
            Classes::Text(text) => text,
        };
        let Text { file, distinct, codes, .. } = text;
        let (texts, rows): (Vec<String>, Vec<usize>) = distinct.into_iter().unzip();
        let classes = from_written(&file, &texts).map_err(|error| match error {
            // Counted among the distinct texts.
            DatasetError::Label { file, row, given } => DatasetError::Label { file, row: rows[row], given },
            other => other,
        })?;
        let class = |&code: &u32| classes.codes()[code as usize];
        Ok(Labels::from_symbols(&codes.iter().map(class).collect::<Vec<_>>()))
    }
}

/// A vector of integers, or the column of the one in each row (one-hot).
fn classes(tensor: Tensor) -> Result<Vec<i64>, DatasetError> {
    let tensor = tensor.flatten()?;
    let (rows, columns) = tensor.rows_and_columns()?;
    // MATLAB keeps vectors as a single row.
    if rows == 1 || columns == 1 {
        return match tensor.values {
            Values::Byte(values) => Ok(values.into_iter().map(i64::from).collect()),
            Values::Integer(values) => Ok(values),
            Values::Single(values) => {
                whole_numbers(&tensor.file, &values.into_iter().map(f64::from).collect::<Vec<_>>())
            }
            Values::Double(values) => whole_numbers(&tensor.file, &values),
        };
    }
    let column_major = tensor.column_major;
    let classes = match &tensor.values {
        Values::Byte(values) => one_hot(values.clone(), rows, columns, column_major),
        Values::Integer(values) => one_hot(values.clone(), rows, columns, column_major),
        Values::Single(values) => one_hot(values.clone(), rows, columns, column_major),
        Values::Double(values) => one_hot(values.clone(), rows, columns, column_major),
    };
    classes.map_err(|(row, given)| DatasetError::OneHot { file: tensor.file, row, given })
}

/// Refuses text that is not one label per sample.
fn check_text(text: &Text) -> Result<(), DatasetError> {
    let Text { file, shape, distinct, .. } = text;
    if shape.contains(&0) {
        return Err(DatasetError::Empty { file: file.clone(), shape: shape.clone() });
    }
    if shape.is_empty() || shape.iter().filter(|&&length| length > 1).count() > 1 {
        let allowed = "(n_samples,), (n_samples, 1) or (1, n_samples) for labels that are text";
        return Err(DatasetError::Shape { file: file.clone(), given: shape.clone(), allowed });
    }
    if let Some((_, row)) = distinct.iter().find(|(text, _)| text.is_empty()) {
        let problem = format!("the label of row {row} (from 0) is empty text; give every sample a label");
        return Err(DatasetError::Malformed { file: file.clone(), offset: 0, problem });
    }
    Ok(())
}

/// Labels as written: integers in the order of integers, anything else in the order of text.
///
/// Fractions are refused: they are a quantity, not a class. Nothing, where it counts as a class, comes first.
fn from_written(file: &str, written: &[String]) -> Result<Labels, DatasetError> {
    fn parsed<T: std::str::FromStr + Copy>(written: &[String], nothing: T) -> Option<Vec<T>> {
        let number = |text: &String| if text.is_empty() { Some(nothing) } else { text.parse().ok() };
        written.iter().map(number).collect()
    }
    match (parsed(written, i64::MIN), parsed(written, -MOST_WHOLE)) {
        (Some(integers), _) => Ok(Labels::from_symbols(&integers)),
        (None, Some(numbers)) => Ok(Labels::from_symbols(&whole_numbers(file, &numbers)?)),
        (None, None) => Ok(Labels::from_symbols(written)),
    }
}

/// 2^53, beyond which neighbouring integers are no longer told apart.
const MOST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Floats as integers, if they are whole numbers.
fn whole_numbers(file: &str, values: &[f64]) -> Result<Vec<i64>, DatasetError> {
    let whole = |value: f64| value.fract() == 0.0 && value.abs() <= MOST_WHOLE;
    match values.iter().position(|&value| !whole(value)) {
        Some(row) => Err(DatasetError::Label { file: file.to_owned(), row, given: values[row] }),
        None => Ok(values.iter().map(|&value| value as i64).collect()),
    }
}

/// The column of the one in each row; otherwise the first row that holds anything but a single one among zeros, and its
/// values.
fn one_hot<T>(
    values: Vec<T>,
    rows: usize,
    columns: usize,
    column_major: bool,
) -> Result<Vec<i64>, (usize, String)>
where
    T: Clone + PartialEq + From<u8> + std::fmt::Display,
{
    /// As many values of a row as a message has room for.
    const SHOWN: usize = 10;
    let (zero, one) = (T::from(0), T::from(1));
    let matrix = matrix(values, rows, columns, column_major);
    let class = |row: ndarray::ArrayView1<'_, T>| {
        let class = row.iter().position(|value| *value == one)?;
        row.iter()
            .enumerate()
            .all(|(column, value)| column == class || *value == zero)
            .then_some(class as i64)
    };
    let written = |row: ndarray::ArrayView1<'_, T>| {
        let values: Vec<String> = row.iter().take(SHOWN).map(T::to_string).collect();
        format!("{}{}", values.join(", "), if row.len() > SHOWN { ", …" } else { "" })
    };
    let rows = matrix.rows().into_iter().enumerate();
    rows.map(|(number, row)| class(row).ok_or_else(|| (number, written(row)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_tensor(tensor: Tensor) -> Result<Labels, DatasetError> {
        Classes::of(Content::Numbers(tensor))?.into_labels()
    }

    fn written(texts: &[&str]) -> Classes {
        Classes::column("y.csv".into(), TextColumn::of(texts))
    }

    #[test]
    fn labels_are_ordered_as_integers_where_they_are_integers() {
        let of = |texts| written(texts).into_labels();
        assert_eq!(of(&["10", "9", "9"]).unwrap().codes(), [1, 0, 0]);
        assert_eq!(of(&["10.0", "9", "9"]).unwrap().codes(), [1, 0, 0]);
        assert_eq!(of(&["dog", "cat", "9"]).unwrap().codes(), [2, 1, 0]);
        assert!(matches!(of(&["0.5", "1"]), Err(DatasetError::Label { row: 0, .. })));
        assert!(matches!(of(&["1", "1", "nan"]), Err(DatasetError::Label { row: 2, .. })));
    }

    #[test]
    fn classes_of_two_files_are_numbered_together() {
        let mut classes = written(&["dog", "ox"]);
        classes.append(written(&["cat", "ox", "cat"])).unwrap();
        assert_eq!(classes.into_labels().unwrap().codes(), [1, 2, 0, 2, 0]);
        // A fraction is told by its row among all.
        let mut classes = written(&["1", "2"]);
        classes.append(written(&["2", "0.5"])).unwrap();
        assert!(matches!(classes.into_labels(), Err(DatasetError::Label { row: 3, .. })));
        let numbers = Classes::of(Content::Numbers(tensor(&[1], Values::Byte(vec![3])))).unwrap();
        let message = written(&["dog"]).append(numbers).unwrap_err().to_string();
        assert!(message.contains("y.npy: elements are numbers; allowed are text, as"), "{message}");
    }

    fn tensor(shape: &[usize], values: Values) -> Tensor {
        Tensor { file: "y.npy".into(), shape: shape.to_vec(), column_major: false, values }
    }

    #[test]
    fn vectors_of_whole_numbers_are_labels_whatever_their_type() {
        for shape in [&[3][..], &[3, 1], &[1, 3]] {
            for values in [
                Values::Byte(vec![7, 2, 7]),
                Values::Integer(vec![70_000, -2, 70_000]),
                Values::Single(vec![7.0, 2.0, 7.0]),
                Values::Double(vec![7.0, -2.0, 7.0]),
            ] {
                assert_eq!(from_tensor(tensor(shape, values)).unwrap().codes(), [1, 0, 1]);
            }
        }
    }

    #[test]
    fn one_hot_rows_are_labels_and_other_matrices_are_not() {
        let rows = vec![0, 1, 0, 1, 0, 0];
        assert_eq!(from_tensor(tensor(&[2, 3], Values::Byte(rows))).unwrap().codes(), [1, 0]);
        for (rows, said) in [
            (vec![0, 1, 1, 1, 0, 0], "row 0 (from 0) holds 0, 1, 1;"),
            (vec![1, 0, 0, 0, 0, 0], "row 1 (from 0) holds 0, 0, 0;"),
            (vec![0, 2, 0, 1, 0, 0], "row 0 (from 0) holds 0, 2, 0;"),
        ] {
            let error = from_tensor(tensor(&[2, 3], Values::Byte(rows))).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
        let soft = Values::Single([vec![1.0], vec![0.0; 11], vec![0.25; 12]].concat());
        let error = from_tensor(tensor(&[2, 12], soft)).unwrap_err();
        assert!(error.to_string().contains("row 1 (from 0) holds 0.25, 0.25, "), "{error}");
        assert!(error.to_string().contains(", …; a matrix of labels"), "{error}");
    }

    #[test]
    fn a_fraction_or_nan_is_not_a_label() {
        for value in [0.5, f64::NAN, f64::INFINITY, 1e300] {
            let error = from_tensor(tensor(&[2], Values::Double(vec![1.0, value]))).unwrap_err();
            assert!(matches!(error, DatasetError::Label { row: 1, .. }), "{error}");
        }
    }
}
