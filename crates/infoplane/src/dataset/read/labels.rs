//! Arrays as labels of classes.

use super::distinct::Distinct;
use super::npy::{Content, Text};
use super::room::{afford, reserve, room, zeros};
use super::table::TextColumn;
use super::tensor::{Tensor, Values, each};
use crate::Labels;
use crate::dataset::DatasetError;
use crate::memory::Budget;

/// The classes of samples before they are numbered, so that those of several files can be numbered together.
pub(super) enum Classes {
    Numbers { file: String, values: Numbers, budget: Budget },
    Text(Text),
}

/// Whole numbers. Classes are often bytes, which stay so.
pub(super) enum Numbers {
    Bytes(Vec<u8>),
    Whole(Vec<i64>),
}

impl Numbers {
    fn len(&self) -> usize {
        match self {
            Numbers::Bytes(values) => values.len(),
            Numbers::Whole(values) => values.len(),
        }
    }
}

impl Classes {
    /// What an array holds.
    pub fn of(content: Content) -> Result<Classes, DatasetError> {
        match content {
            Content::Numbers(tensor) => {
                let (file, budget) = (tensor.file.clone(), tensor.budget);
                Ok(Classes::Numbers { file, values: classes(tensor)?, budget })
            }
            Content::Text(text) => {
                check_text(&text)?;
                Ok(Classes::Text(text))
            }
        }
    }

    /// A column of a table.
    pub fn column(file: String, column: TextColumn) -> Classes {
        let TextColumn { distinct, codes } = column;
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
            (Classes::Numbers { file, values, budget }, Classes::Numbers { values: others, .. }) => {
                match (&mut *values, others) {
                    (Numbers::Bytes(values), Numbers::Bytes(others)) => {
                        reserve(values, file, others.len())?;
                        values.extend(others);
                    }
                    (Numbers::Whole(values), others) => {
                        reserve(values, file, others.len())?;
                        values.extend(whole(file, *budget, others)?);
                    }
                    (Numbers::Bytes(bytes), others) => {
                        let mut all = whole(file, *budget, Numbers::Bytes(std::mem::take(bytes)))?;
                        reserve(&mut all, file, others.len())?;
                        all.extend(whole(file, *budget, others)?);
                        *values = Numbers::Whole(all);
                    }
                }
            }
            (Classes::Text(text), Classes::Text(other)) => {
                let Text { file, distinct, codes, .. } = text;
                let numbers = other.distinct.iter().map(|text| distinct.number(file, text));
                let numbers: Vec<u32> = numbers.collect::<Result<_, _>>()?;
                reserve(codes, file, other.codes.len())?;
                codes.extend(other.codes.into_iter().map(|code| numbers[code as usize]));
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
        let Text { file, distinct, mut codes, .. } = match self {
            Classes::Numbers { file, values: Numbers::Bytes(values), budget } => {
                return labels_of_bytes(&file, budget, &values);
            }
            Classes::Numbers { file, values: Numbers::Whole(values), budget } => {
                afford(budget, &file, 12 * values.len() as u128)?;
                return Ok(Labels::from_integers(&values));
            }
            Classes::Text(text) => text,
        };
        let classes = from_written(&file, &distinct, |code| codes.iter().position(|&other| other == code))?;
        drop(distinct);
        codes.iter_mut().for_each(|code| *code = classes[*code as usize]);
        Ok(Labels::from_codes(codes))
    }
}

/// Bytes as labels, in ascending order.
fn labels_of_bytes(file: &str, budget: Budget, values: &[u8]) -> Result<Labels, DatasetError> {
    afford(budget, file, 5 * values.len() as u128)?;
    let mut codes = room(file, values.len())?;
    codes.extend(values.iter().map(|&value| u32::from(value)));
    Ok(Labels::from_codes(codes))
}

/// Whole numbers of one type.
fn whole(file: &str, budget: Budget, values: Numbers) -> Result<Vec<i64>, DatasetError> {
    match values {
        Numbers::Whole(values) => Ok(values),
        Numbers::Bytes(values) => integers(file, budget, values, i64::from),
    }
}

/// Values of a narrow type as integers.
fn integers<T: Copy>(
    file: &str,
    budget: Budget,
    values: Vec<T>,
    convert: impl Fn(T) -> i64,
) -> Result<Vec<i64>, DatasetError> {
    afford(budget, file, (8 + size_of::<T>() as u128) * values.len() as u128)?;
    let mut integers = room(file, values.len())?;
    integers.extend(values.into_iter().map(convert));
    Ok(integers)
}

/// A vector of integers, or the column of the one in each row (one-hot).
fn classes(tensor: Tensor) -> Result<Numbers, DatasetError> {
    let tensor = tensor.flatten()?;
    let shape @ (rows, columns) = tensor.rows_and_columns()?;
    let Tensor { file, column_major, values, budget, .. } = tensor;
    // MATLAB keeps vectors as a single row.
    if rows == 1 || columns == 1 {
        return Ok(Numbers::Whole(match values {
            Values::Byte(values) => return Ok(Numbers::Bytes(values)),
            Values::SignedByte(values) => integers(&file, budget, values, i64::from)?,
            Values::Short(values) => integers(&file, budget, values, i64::from)?,
            Values::UnsignedShort(values) => integers(&file, budget, values, i64::from)?,
            Values::Int(values) => integers(&file, budget, values, i64::from)?,
            Values::Integer(values) => values,
            Values::Single(values) => whole_numbers(&file, budget, values)?,
            Values::Double(values) => whole_numbers(&file, budget, values)?,
        }));
    }
    let classes = each!(&values, values => one_hot(values, shape, column_major));
    classes.map(Numbers::Whole).map_err(|(row, given)| DatasetError::OneHot { file, row, given })
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
    if let Some(empty) = distinct.find("")
        && let Some(row) = text.codes.iter().position(|&code| code == empty)
    {
        let problem = format!("the label of row {row} (from 0) is empty text; give every sample a label");
        return Err(DatasetError::Malformed { file: file.clone(), offset: 0, problem });
    }
    Ok(())
}

/// For each text the number of its class: integers in the order of integers, anything else in the order of text.
///
/// Fractions are refused: they are a quantity, not a class; `row` says where a text is. Nothing, where it counts as a class,
/// comes first. Some numbers may belong to no class.
fn from_written(
    file: &str,
    written: &Distinct,
    row: impl Fn(u32) -> Option<usize>,
) -> Result<Vec<u32>, DatasetError> {
    fn parsed<T: std::str::FromStr + Copy>(written: &Distinct, nothing: T) -> Option<Vec<T>> {
        let number = |text: &str| if text.is_empty() { Some(nothing) } else { text.parse().ok() };
        written.iter().map(number).collect()
    }
    if let Some(integers) = parsed(written, i64::MIN) {
        return ranks(file, integers.len(), |number| integers[number]);
    }
    match parsed(written, -MOST_WHOLE) {
        Some(numbers) => {
            if let Some(code) = numbers.iter().position(|&value| !is_whole(value)) {
                let row = row(code as u32).unwrap_or(code);
                return Err(DatasetError::Label { file: file.to_owned(), row, given: numbers[code] });
            }
            ranks(file, numbers.len(), |number| numbers[number] as i64)
        }
        None => ranks(file, written.len(), |number| written.get(number as u32)),
    }
}

/// For each of `n` things its place among the different ones in ascending order of their keys.
pub(super) fn ranks<K: Ord>(
    file: &str,
    n: usize,
    key: impl Fn(usize) -> K,
) -> Result<Vec<u32>, DatasetError> {
    let mut order: Vec<u32> = room(file, n)?;
    order.extend(0..n as u32);
    order.sort_unstable_by_key(|&number| key(number as usize));
    let mut ranks = zeros(file, n)?;
    let mut rank = 0;
    for (place, &number) in order.iter().enumerate() {
        if place > 0 && key(order[place - 1] as usize) != key(number as usize) {
            rank += 1;
        }
        ranks[number as usize] = rank;
    }
    Ok(ranks)
}

/// 2^53, beyond which neighbouring integers are no longer told apart.
const MOST_WHOLE: f64 = 9_007_199_254_740_992.0;

fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() <= MOST_WHOLE
}

/// Floats as integers, if they are whole numbers.
fn whole_numbers<T: Copy + Into<f64>>(
    file: &str,
    budget: Budget,
    values: Vec<T>,
) -> Result<Vec<i64>, DatasetError> {
    match values.iter().position(|&value| !is_whole(value.into())) {
        Some(row) => Err(DatasetError::Label { file: file.to_owned(), row, given: values[row].into() }),
        None => integers(file, budget, values, |value| value.into() as i64),
    }
}

/// The column of the one in each row; otherwise the first row that holds anything but a single one among zeros, and its
/// values.
fn one_hot<T>(
    values: &[T],
    (rows, columns): (usize, usize),
    column_major: bool,
) -> Result<Vec<i64>, (usize, String)>
where
    T: Copy + PartialEq + Default + std::fmt::Display + One,
{
    /// As many values of a row as a message has room for.
    const SHOWN: usize = 10;
    let (zero, one) = (T::default(), T::ONE);
    let value = |row: usize, column: usize| match column_major {
        true => values[row + column * rows],
        false => values[row * columns + column],
    };
    let class = |row: usize| {
        let class = (0..columns).position(|column| value(row, column) == one)?;
        let alone = (0..columns).all(|column| column == class || value(row, column) == zero);
        alone.then_some(class as i64)
    };
    let written = |row: usize| {
        let values: Vec<String> =
            (0..columns.min(SHOWN)).map(|column| value(row, column).to_string()).collect();
        format!("{}{}", values.join(", "), if columns > SHOWN { ", …" } else { "" })
    };
    (0..rows).map(|row| class(row).ok_or_else(|| (row, written(row)))).collect()
}

/// One of each type of numbers.
trait One {
    const ONE: Self;
}

macro_rules! one {
    ($($number:ty => $one:expr,)*) => {$(
        impl One for $number {
            const ONE: Self = $one;
        }
    )*};
}

one! { u8 => 1, i8 => 1, i16 => 1, u16 => 1, i32 => 1, i64 => 1, f32 => 1.0, f64 => 1.0, }

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
        Tensor {
            file: "y.npy".into(),
            shape: shape.to_vec(),
            column_major: false,
            values,
            budget: Budget::now(),
        }
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
