//! Rows of files as numbers or labels, with what was read and which rows lack a value.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::path::Path;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use ndarray::Axis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::labels::{Classes, Numbers, ranks};
use super::npy::Content;
use super::room::{afford, grow, room};
use super::table::{self, Columns, Except, LARGEST_COUNT, Table, TextColumn, Wanted};
use super::tensor::{Tensor, Values};
use super::{Array, ArrayFile, Format, format, matrix_of};
use crate::Labels;
use crate::dataset::DatasetError;
use crate::dataset::error::names;
use crate::memory::Budget;

/// What to do with rows that lack a value: NaN in an array; an empty field, NA, NaN, null, None, ? or - in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// An error.
    #[default]
    Refuse,
    /// They are left out, of all variables.
    Drop,
    /// A label that is missing is a class of its own; a number that is missing is an error.
    Symbol,
}

/// Reads the rows of files, and says what it read.
///
/// # Examples
/// ```
/// use infoplane::dataset::read::{Missing, Reader};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("t.csv");
/// std::fs::write(&path, ";a;b\n0;0,5;1,5\n1;NA;2,5\n")?;
/// let reader = Reader { missing: Missing::Drop, ..Reader::default() };
/// let samples = reader.array(&path, None)?;
/// assert_eq!(samples.missing, [1]);
/// assert_eq!(samples.reading.columns, ["a", "b"]);
/// assert_eq!(
///     samples.reading.notes,
///     ["the first column, which has no name, left out: it names the rows", "separated by semicolons, decimal commas"]
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reader {
    /// Columns of tables that are not read where no column is named.
    pub except: Vec<Except>,
    /// What to do with rows that lack a value.
    pub missing: Missing,
}

/// What a file gave, a row per sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples<T> {
    /// The values; of rows that lack one NaN, or any label.
    pub values: T,
    /// Rows that lack a value and are still among the values, in ascending order; none unless [`Missing::Drop`]. Whoever
    /// reads several variables drops them from all.
    pub missing: Vec<usize>,
    /// What was read.
    pub reading: Reading,
}

/// What was read of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The file, and in it the array.
    pub file: String,
    /// Samples.
    pub rows: usize,
    /// Values of a sample.
    pub width: usize,
    /// Names of the columns, or their numbers; empty where the file is no table.
    pub columns: Vec<String>,
    /// Numbers of these columns in the table, from 0.
    pub fields: Vec<usize>,
    /// What was left out, what was turned or flattened, and how the file is written where that is not usual.
    pub notes: Vec<String>,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        write!(f, "read {}: {} row{}", self.file, self.rows, plural(self.rows))?;
        write!(f, " x {} column{}", self.width, plural(self.width))?;
        if !self.columns.is_empty() {
            write!(f, " ({})", names(&self.columns))?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

impl Reader {
    /// Reads a matrix, as [`read_array`](super::read_array) does.
    ///
    /// # Errors
    /// [`DatasetError`] as there, and for rows that lack a value unless [`Missing::Drop`].
    pub fn array(&self, path: &Path, key: Option<&str>) -> Result<Samples<Array>, DatasetError> {
        if format(path)? == Format::Csv {
            let mut table = table::read(path, Wanted::numbers(key, &self.except))?;
            if self.missing != Missing::Drop {
                table.refuse_missing()?;
            }
            let fields = table.number_fields.clone();
            let has_names = table.names_of(&fields).is_some();
            let mut reading = reading(&mut table, fields);
            let values = matrix_of(upright(table.tensor()?, !has_names, &mut reading)?)?;
            return Ok(Samples { missing: lacking(&values), values, reading });
        }
        let tensor = ArrayFile::open(path)?.tensor(key)?;
        let mut reading = Reading::of_array(&tensor.file);
        let values = matrix_of(upright(tensor, true, &mut reading)?)?;
        let missing = if self.missing == Missing::Drop { lacking(&values) } else { Vec::new() };
        finite(&reading.file, &values, self.missing == Missing::Drop)?;
        Ok(Samples { values, missing, reading })
    }

    /// Reads one label per sample, as [`read_labels`](super::read_labels) does.
    ///
    /// # Errors
    /// [`DatasetError`] as there, and for rows that lack a label if [`Missing::Refuse`].
    pub fn labels(&self, path: &Path, key: Option<&str>) -> Result<Samples<Labels>, DatasetError> {
        if format(path)? == Format::Csv {
            let columns = key.map_or(Columns::Last, Columns::Key);
            let mut table = table::read(path, Wanted::labels(columns, &self.except))?;
            let missing = self.missing_labels(&mut table)?;
            let fields = table.label_fields.clone();
            let reading = reading(&mut table, fields);
            return Ok(Samples { values: classes(table)?.into_labels()?, missing, reading });
        }
        let mut content = ArrayFile::open(path)?.numbers_or_text(key)?;
        let mut reading = Reading::of_array(content.file());
        let missing = match &mut content {
            Content::Numbers(tensor) if self.missing == Missing::Drop => fill_nan(tensor),
            _ => Vec::new(),
        };
        let shape = content.shape().to_vec();
        let values = Classes::of(content)?.into_labels()?;
        (reading.rows, reading.width) = (values.len(), 1);
        if shape.iter().product::<usize>() > values.len() {
            reading.width = shape.iter().product::<usize>() / values.len();
            reading.notes.push("one-hot: the class is the column of the 1".into());
        } else if shape.len() > 1 && shape[0] == 1 && values.len() > 1 {
            reading.notes.push(format!("a row of {} values taken as {0} labels", values.len()));
        }
        Ok(Samples { values, missing, reading })
    }

    /// Reads rows as symbols, as [`read_symbols`](super::read_symbols) does.
    ///
    /// # Errors
    /// [`DatasetError`] as there, and for rows that lack a value if [`Missing::Refuse`].
    pub fn symbols(&self, path: &Path, key: Option<&str>) -> Result<Samples<Labels>, DatasetError> {
        if format(path)? == Format::Csv {
            let columns = key.map_or(Columns::All, Columns::Key);
            let mut table = table::read(path, Wanted::labels(columns, &self.except))?;
            let missing = self.missing_labels(&mut table)?;
            let fields = table.label_fields.clone();
            let reading = reading(&mut table, fields);
            return Ok(Samples {
                values: together(&table.file, table.labels, table.budget)?,
                missing,
                reading,
            });
        }
        match ArrayFile::open(path)?.numbers_or_text(key)? {
            Content::Numbers(tensor) => {
                let mut reading = Reading::of_array(&tensor.file);
                let tensor = upright(tensor, true, &mut reading)?;
                if let Some(symbols) = symbols_of_integers(&tensor)? {
                    return Ok(Samples { values: symbols, missing: Vec::new(), reading });
                }
                let values = matrix_of(tensor)?;
                finite(&reading.file, &values, self.missing != Missing::Refuse)?;
                let missing = if self.missing == Missing::Drop { lacking(&values) } else { Vec::new() };
                Ok(Samples { values: values.variable().symbols(), missing, reading })
            }
            text => {
                let mut reading = Reading::of_array(text.file());
                let values = Classes::of(text)?.into_labels()?;
                (reading.rows, reading.width) = (values.len(), 1);
                Ok(Samples { values, missing: Vec::new(), reading })
            }
        }
    }

    /// The rows without a label that are left out later.
    fn missing_labels(&self, table: &mut Table) -> Result<Vec<usize>, DatasetError> {
        match self.missing {
            Missing::Refuse => table.refuse_missing().map(|()| Vec::new()),
            Missing::Drop => {
                table.labels.iter_mut().for_each(TextColumn::fill);
                Ok(std::mem::take(&mut table.missing))
            }
            Missing::Symbol => {
                if !table.missing.is_empty() {
                    let n = table.missing.len();
                    table.notes.push(format!(
                        "missing in {n} row{}: a class of its own",
                        if n == 1 { "" } else { "s" }
                    ));
                }
                Ok(Vec::new())
            }
        }
    }
}

pub(super) fn reading(table: &mut Table, fields: Vec<usize>) -> Reading {
    Reading {
        file: table.file.clone(),
        rows: table.n_rows,
        width: fields.len(),
        columns: fields.iter().map(|&field| table.name(field)).collect(),
        fields,
        notes: std::mem::take(&mut table.notes),
    }
}

impl Reading {
    pub(super) fn of_array(file: &str) -> Reading {
        let (file, notes) = (file.to_owned(), Vec::new());
        Reading { file, rows: 0, width: 0, columns: Vec::new(), fields: Vec::new(), notes }
    }
}

/// A column of labels of a table, or one-hot columns, or several columns of which each combination is a class.
pub(super) fn classes(table: Table) -> Result<Classes, DatasetError> {
    let Table { file, mut labels, one_hot, budget, .. } = table;
    if one_hot {
        return one_hot_classes(file, &labels, budget);
    }
    match labels.len() {
        1 => Ok(Classes::column(file, labels.remove(0))),
        _ => {
            let together = together(&file, labels, budget)?;
            let mut values = room(&file, together.len())?;
            values.extend(together.codes().iter().map(|&code| i64::from(code)));
            Ok(Classes::Numbers { file, values: Numbers::Whole(values), budget })
        }
    }
}

fn one_hot_classes(file: String, columns: &[TextColumn], budget: Budget) -> Result<Classes, DatasetError> {
    let is_one = |text: &str| text.parse() == Ok(1.0) || text.eq_ignore_ascii_case("true");
    let is_zero = |text: &str| text.parse() == Ok(0.0) || text.eq_ignore_ascii_case("false");
    let n_rows = columns.first().map_or(0, |column| column.codes.len());
    let text = |column: &'_ TextColumn, row: usize| column.distinct.get(column.codes[row]).to_owned();
    let mut values = room(&file, n_rows)?;
    for row in 0..n_rows {
        let fields: Vec<String> = columns.iter().map(|column| text(column, row)).collect();
        let ones: Vec<usize> = (0..fields.len()).filter(|&column| is_one(&fields[column])).collect();
        match ones[..] {
            [class] if fields.iter().enumerate().all(|(column, text)| column == class || is_zero(text)) => {
                values.push(class as i64);
            }
            _ => {
                return Err(DatasetError::OneHot {
                    file,
                    row,
                    given: fields[..fields.len().min(10)].join(", "),
                });
            }
        }
    }
    Ok(Classes::Numbers { file, values: Numbers::Whole(values), budget })
}

/// Rows of several columns as symbols: equal rows share one. Numbers are equal however they are written.
fn together(file: &str, columns: Vec<TextColumn>, budget: Budget) -> Result<Labels, DatasetError> {
    let mut rows: Option<Labels> = None;
    for column in columns {
        let column = symbols_of(file, column)?;
        rows = Some(match rows {
            None => column,
            Some(rows) => pairs(file, &rows, &column, budget)?,
        });
    }
    Ok(rows.unwrap_or_else(|| Labels::distinct(0)))
}

/// A column of text as symbols, numbered in the order of the numbers or the texts.
fn symbols_of(file: &str, column: TextColumn) -> Result<Labels, DatasetError> {
    let TextColumn { distinct, mut codes } = column;
    let number = |text: &str| {
        let value = text.parse::<f64>().ok()?;
        // Whole numbers beyond 2⁵³ are names: some of them are the same number in double precision.
        (value.abs() <= LARGEST_COUNT).then(|| (value + 0.0).to_bits())
    };
    let numbers: Option<Vec<u64>> = distinct.iter().map(number).collect();
    let numbers = match numbers {
        Some(numbers) => ranks(file, numbers.len(), |place| numbers[place])?,
        None => ranks(file, distinct.len(), |place| distinct.get(place as u32))?,
    };
    codes.iter_mut().for_each(|code| *code = numbers[*code as usize]);
    Ok(Labels::from_codes(codes))
}

/// Pairs of labels as labels, in the order of the first and then of the second.
fn pairs(file: &str, first: &Labels, second: &Labels, budget: Budget) -> Result<Labels, DatasetError> {
    let n = first.len();
    let width = second.n_labels() as u64;
    let pairs =
        || first.codes().iter().zip(second.codes()).map(|(&a, &b)| u64::from(a) * width + u64::from(b));
    let mut codes: Vec<u32> = room(file, n)?;
    // Few pairs are numbered by a table of all that there could be.
    if (first.n_labels() as u64).saturating_mul(width) <= 2 * n as u64 + 1024 {
        codes.extend(pairs().map(|pair| pair as u32));
        return Ok(Labels::from_codes(codes));
    }
    afford(budget, file, 20 * n as u128)?;
    let mut different: Vec<u64> = room(file, n)?;
    different.extend(pairs());
    different.sort_unstable();
    different.dedup();
    codes.extend(pairs().map(|pair| different.partition_point(|&other| other < pair) as u32));
    Ok(Labels::from_codes(codes))
}

/// An array as rows and columns: more axes than two are flattened, and a single row is a column, since one sample tells
/// nothing. Says so.
pub(super) fn upright(tensor: Tensor, may_turn: bool, reading: &mut Reading) -> Result<Tensor, DatasetError> {
    let shape = tensor.shape.clone();
    let mut tensor = tensor.flatten()?;
    let (rows, columns) = tensor.rows_and_columns()?;
    if shape.len() > 2 {
        let lengths: Vec<String> = shape.iter().map(usize::to_string).collect();
        reading.notes.push(format!("each row of {} flattened", lengths.join(" x ")));
    }
    (reading.rows, reading.width) = (rows, columns);
    if rows == 1 && columns > 1 && may_turn {
        tensor.shape = vec![columns, 1];
        (reading.rows, reading.width) = (columns, 1);
        reading.columns.clear();
        reading.notes.push(format!("a row of {columns} values taken as {columns} samples of one value"));
    }
    Ok(tensor)
}

/// Puts a number in the place of NaN in a vector of labels; gives the rows where it was.
fn fill_nan(tensor: &mut Tensor) -> Vec<usize> {
    fn fill<T: Copy + Into<f64>>(values: &mut [T]) -> Vec<usize> {
        let is_nan = |value: T| value.into().is_nan();
        let Some(&other) = values.iter().find(|&&value| !is_nan(value)) else { return Vec::new() };
        let rows: Vec<usize> = (0..values.len()).filter(|&row| is_nan(values[row])).collect();
        rows.iter().for_each(|&row| values[row] = other);
        rows
    }
    if tensor.shape.iter().filter(|&&length| length != 1).count() > 1 {
        return Vec::new();
    }
    match &mut tensor.values {
        Values::Single(values) => fill(values),
        Values::Double(values) => fill(values),
        _ => Vec::new(),
    }
}

/// The rows of a matrix of integers of up to 16 bits as symbols, numbered in order of first appearance, without making other
/// numbers of them; none of other elements.
fn symbols_of_integers(tensor: &Tensor) -> Result<Option<Labels>, DatasetError> {
    let Tensor { file, values, budget, .. } = tensor;
    let (rows, columns) = tensor.rows_and_columns()?;
    if tensor.column_major && rows > 1 && columns > 1 {
        return Ok(None);
    }
    let codes = match values {
        Values::Byte(values) => numbered(file, *budget, values, columns)?,
        Values::SignedByte(values) => numbered(file, *budget, values, columns)?,
        Values::Short(values) => numbered(file, *budget, values, columns)?,
        Values::UnsignedShort(values) => numbered(file, *budget, values, columns)?,
        _ => return Ok(None),
    };
    Ok(Some(Labels::from_codes(codes)))
}

/// For each row the number of its kind, in order of first appearance.
fn numbered<T: Copy + Eq + Hash + Into<i32>>(
    file: &str,
    budget: Budget,
    values: &[T],
    columns: usize,
) -> Result<Vec<u32>, DatasetError> {
    let n = values.len() / columns;
    afford(budget, file, (size_of_val(values) + 4 * n) as u128)?;
    let mut codes: Vec<u32> = room(file, n)?;
    if columns == 1 {
        // A place for each number of 16 bits, with a sign or without.
        const LEAST: i32 = i16::MIN as i32;
        let mut numbers = vec![u32::MAX; (u16::MAX as i32 - LEAST + 1) as usize];
        let mut next = 0;
        for &value in values {
            let number = &mut numbers[(value.into() - LEAST) as usize];
            if *number == u32::MAX {
                (*number, next) = (next, next + 1);
            }
            codes.push(*number);
        }
        return Ok(codes);
    }
    let hashes = RandomState::default();
    // The first row of each kind.
    let mut firsts: Vec<usize> = Vec::new();
    let mut table: HashTable<u32> = HashTable::new();
    let row = |row: usize| &values[row * columns..(row + 1) * columns];
    for index in 0..n {
        // Neighbours are often alike.
        if index > 0 && row(index) == row(index - 1) {
            codes.push(codes[index - 1]);
            continue;
        }
        let hash = hashes.hash_one(row(index));
        let found = table.find(hash, |&number| row(firsts[number as usize]) == row(index)).copied();
        codes.push(match found {
            Some(number) => number,
            None => {
                let number = firsts.len() as u32;
                grow(&mut firsts, file, 1)?;
                firsts.push(index);
                table.insert_unique(hash, number, |&number| hashes.hash_one(row(firsts[number as usize])));
                number
            }
        });
    }
    Ok(codes)
}

/// Refuses infinity, and NaN unless its rows are left out.
fn finite(file: &str, array: &Array, nan_is_allowed: bool) -> Result<(), DatasetError> {
    let place = |row, column, value: f64| {
        let allowed = value.is_finite() || (nan_is_allowed && value.is_nan());
        (!allowed).then(|| DatasetError::NotFinite { file: file.to_owned(), row, column, value })
    };
    let found = match array {
        Array::Single(values) => values.indexed_iter().find_map(|((r, c), &v)| place(r, c, f64::from(v))),
        Array::Double(values) => values.indexed_iter().find_map(|((r, c), &v)| place(r, c, v)),
    };
    found.map_or(Ok(()), Err)
}

/// Rows that hold NaN.
fn lacking(array: &Array) -> Vec<usize> {
    fn rows<T: Copy + Into<f64>>(values: &ndarray::Array2<T>) -> Vec<usize> {
        let rows = values.axis_iter(Axis(0)).enumerate();
        rows.filter(|(_, row)| row.iter().any(|&value| value.into().is_nan())).map(|(row, _)| row).collect()
    }
    match array {
        Array::Single(values) => rows(values),
        Array::Double(values) => rows(values),
    }
}
