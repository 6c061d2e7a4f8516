//! Arrays as labels of classes.

use super::npy::{self, Text};
use super::tensor::{Tensor, Values, matrix};
use crate::Labels;
use crate::dataset::DatasetError;

/// A vector of integers, or one row per sample with a single one (one-hot), as labels.
pub(super) fn from_tensor(tensor: Tensor) -> Result<Labels, DatasetError> {
    let (rows, columns) = tensor.rows_and_columns()?;
    // MATLAB keeps vectors as a single row.
    if rows == 1 || columns == 1 {
        return match tensor.values {
            Values::Byte(values) => Ok(Labels::from_symbols(&values)),
            Values::Integer(values) => Ok(Labels::from_symbols(&values)),
            Values::Single(values) => {
                from_floats(&tensor.file, &values.into_iter().map(f64::from).collect::<Vec<_>>())
            }
            Values::Double(values) => from_floats(&tensor.file, &values),
        };
    }
    let column_major = tensor.column_major;
    let classes = match &tensor.values {
        Values::Byte(values) => one_hot(values.clone(), rows, columns, column_major),
        Values::Integer(values) => one_hot(values.clone(), rows, columns, column_major),
        Values::Single(values) => one_hot(values.clone(), rows, columns, column_major),
        Values::Double(values) => one_hot(values.clone(), rows, columns, column_major),
    };
    match classes {
        Some(classes) => Ok(Labels::from_symbols(&classes)),
        None => Err(tensor.shape_error(
            "(n_samples,), (n_samples, 1), (1, n_samples), or one-hot rows that hold a single 1 and else 0",
        )),
    }
}

/// A vector of text as labels.
pub(super) fn from_text(text: npy::Text) -> Result<Labels, DatasetError> {
    let Text { file, shape, distinct, codes } = text;
    if shape.contains(&0) {
        return Err(DatasetError::Empty { file, shape });
    }
    if shape.is_empty() || shape.iter().filter(|&&length| length > 1).count() > 1 {
        let allowed = "(n_samples,), (n_samples, 1) or (1, n_samples) for labels that are text";
        return Err(DatasetError::Shape { file, given: shape, allowed });
    }
    if let Some((_, row)) = distinct.iter().find(|(text, _)| text.is_empty()) {
        let problem = format!("the label of row {row} (from 0) is empty text; give every sample a label");
        return Err(DatasetError::Malformed { file, offset: 0, problem });
    }
    let (texts, rows): (Vec<String>, Vec<usize>) = distinct.into_iter().unzip();
    let classes = from_written(&file, &texts).map_err(|error| match error {
        // Counted among the distinct texts.
        DatasetError::Label { file, row, given } => DatasetError::Label { file, row: rows[row], given },
        other => other,
    })?;
    let class = |&code: &u32| classes.codes()[code as usize];
    Ok(Labels::from_symbols(&codes.iter().map(class).collect::<Vec<_>>()))
}

/// Labels as written: integers in the order of integers, anything else in the order of text.
///
/// Fractions are refused: they are a quantity, not a class.
pub(super) fn from_written(file: &str, written: &[String]) -> Result<Labels, DatasetError> {
    let numbers: Option<Vec<f64>> = written.iter().map(|text| text.parse().ok()).collect();
    match (numbers, written.iter().map(|text| text.parse().ok()).collect::<Option<Vec<i64>>>()) {
        (_, Some(integers)) => Ok(Labels::from_symbols(&integers)),
        (Some(numbers), None) => from_floats(file, &numbers),
        (None, None) => Ok(Labels::from_symbols(written)),
    }
}

/// Floats as labels, if they are whole numbers.
pub(super) fn from_floats(file: &str, values: &[f64]) -> Result<Labels, DatasetError> {
    // Beyond 2^53 neighbouring integers are no longer told apart.
    let whole = |value: f64| value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
    match values.iter().position(|&value| !whole(value)) {
        Some(row) => Err(DatasetError::Label { file: file.to_owned(), row, given: values[row] }),
        None => Ok(Labels::from_symbols(&values.iter().map(|&value| value as i64).collect::<Vec<_>>())),
    }
}

/// The column of the one in each row; none if any row holds anything but a single one among zeros.
fn one_hot<T>(values: Vec<T>, rows: usize, columns: usize, column_major: bool) -> Option<Vec<usize>>
where
    T: Clone + PartialEq + From<u8>,
{
    let (zero, one) = (T::from(0), T::from(1));
    let matrix = matrix(values, rows, columns, column_major);
    let class = |row: ndarray::ArrayView1<'_, T>| {
        let class = row.iter().position(|value| *value == one)?;
        row.iter().enumerate().all(|(column, value)| column == class || *value == zero).then_some(class)
    };
    matrix.rows().into_iter().map(class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for rows in [vec![0, 1, 1, 1, 0, 0], vec![0, 0, 0, 1, 0, 0], vec![0, 2, 0, 1, 0, 0]] {
            let error = from_tensor(tensor(&[2, 3], Values::Byte(rows))).unwrap_err();
            assert!(error.to_string().contains("the shape is (2, 3)"), "{error}");
        }
    }

    #[test]
    fn a_fraction_or_nan_is_not_a_label() {
        for value in [0.5, f64::NAN, f64::INFINITY, 1e300] {
            let error = from_tensor(tensor(&[2], Values::Double(vec![1.0, value]))).unwrap_err();
            assert!(matches!(error, DatasetError::Label { row: 1, .. }), "{error}");
        }
    }
}
