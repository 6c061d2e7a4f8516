//! Tables of text: CSV and everything that is called so.
//!
//! Bytes become text ([`text`]), whose first lines tell how the table is written ([`format`]); lines become fields
//! ([`fields`]), and those of the columns that are wanted become numbers or labels. The file is read once from front to
//! back, and only the wanted columns are kept.

mod fields;
mod format;
mod text;
mod words;

use std::collections::HashMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::fields::{Fields, Separator};
use self::format::{Format, Index, is_comment};
use self::text::Encoding;
pub(super) use self::words::LARGEST_COUNT;
use self::words::{is_missing, is_whole, number, yes_or_no};
use super::distinct::Distinct;
use super::room::{afford, grow, room};
use super::rows::Missing;
use super::stream::Stream;
use super::tensor::{ElementType, Tensor, Values};
use crate::dataset::DatasetError;
use crate::memory::Budget;

/// A column of a table: its name in the header, or its number from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Column {
    /// Number of the column, from 0.
    Index(usize),
    /// Name in the header line.
    Name(String),
}

/// A column that is not read where all are, and why: `--except`, or that it is the label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Except {
    /// Which.
    pub column: Column,
    /// Why, as a person is told it.
    pub reason: String,
}

/// Columns of a table.
#[derive(Clone, Copy)]
pub(super) enum Columns<'a> {
    None,
    /// All but those of row names, those excepted, and those that are labels.
    All,
    /// `a`, `a,b`, `0-2`: as a name on the command line says it.
    Key(&'a str),
    /// These, in this order.
    These(&'a [Column]),
    /// The last, or all if they are one-hot.
    Last,
}

/// What to read.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Whether the first line names the columns; none: it is told from what stands below.
    pub header: Option<bool>,
    pub numbers: Columns<'a>,
    pub labels: Columns<'a>,
    pub except: &'a [Except],
    /// Whether columns of numbers may hold text: they are told, and what was read of them means nothing.
    pub may_be_text: bool,
}

impl<'a> Wanted<'a> {
    /// Columns of numbers; all of them without a key.
    pub fn numbers(key: Option<&'a str>, except: &'a [Except]) -> Self {
        let numbers = key.map_or(Columns::All, Columns::Key);
        Wanted { header: None, numbers, labels: Columns::None, except, may_be_text: false }
    }

    /// Columns of labels.
    pub fn labels(labels: Columns<'a>, except: &'a [Except]) -> Self {
        Wanted { header: None, numbers: Columns::None, labels, except, may_be_text: false }
    }
}

/// A column of text in which few values usually occur often.
#[derive(Debug, Default)]
pub(super) struct TextColumn {
    /// Each value once, in the order of first occurrence. What is missing is empty.
    pub distinct: Distinct,
    /// For each row the number of its value.
    pub codes: Vec<u32>,
}

impl TextColumn {
    fn push(&mut self, file: &str, text: &str) -> Result<(), DatasetError> {
        let code = self.distinct.number(file, text)?;
        grow(&mut self.codes, file, 1)?;
        self.codes.push(code);
        Ok(())
    }

    /// Puts another value in the place of what is missing.
    pub fn fill(&mut self) {
        let Some(empty) = self.distinct.find("") else { return };
        let mut others = (0..self.distinct.len() as u32).filter(|&code| code != empty);
        if let Some(other) = others.next() {
            self.codes.iter_mut().filter(|code| **code == empty).for_each(|code| *code = other);
        }
    }

    #[cfg(test)]
    pub fn of(texts: &[&str]) -> TextColumn {
        let mut column = TextColumn::default();
        texts.iter().for_each(|text| column.push("a.csv", text).unwrap());
        column
    }

    /// The text of a row.
    fn text(&self, row: usize) -> &str {
        self.distinct.get(self.codes[row])
    }

    /// Whether the rows hold the numbers from `start` on.
    fn counts_from(&self, start: usize) -> bool {
        let counted = |(row, text): (usize, &str)| text.parse() == Ok(start + row);
        self.distinct.len() == self.codes.len() && self.distinct.iter().enumerate().all(counted)
    }
}

/// What a table gave.
pub(super) struct Table {
    pub file: String,
    pub n_rows: usize,
    /// The columns of numbers, by column. What is missing is NaN.
    pub numbers: Vec<Vec<f64>>,
    /// Which fields of a line they are.
    pub number_fields: Vec<usize>,
    /// Those of them that hold something else.
    pub text_fields: Vec<usize>,
    pub labels: Vec<TextColumn>,
    pub label_fields: Vec<usize>,
    /// Whether the labels are columns of which each row has a 1 in one.
    pub one_hot: bool,
    /// Rows of which a wanted value is missing, in ascending order.
    pub missing: Vec<usize>,
    /// The first value that is missing: line, column, and what is written there.
    pub first_missing: Option<(u64, String, String)>,
    /// Names of all fields of a line, if the table has names.
    names: Option<Vec<String>>,
    /// What was left out, and how the file is written where that is not usual.
    pub notes: Vec<String>,
    /// What it may take in memory.
    pub budget: Budget,
}

impl Table {
    /// What a field is called: its name, or its number.
    pub fn name(&self, field: usize) -> String {
        name_of(self.names.as_deref(), field)
    }

    /// The names of these fields, if the table has names.
    pub fn names_of(&self, fields: &[usize]) -> Option<Vec<String>> {
        self.names.as_ref().map(|_| fields.iter().map(|&field| self.name(field)).collect())
    }

    /// The columns of numbers as an array, `(n_rows, n_columns)`, of which each is given up as the next comes.
    pub fn tensor(&mut self) -> Result<Tensor, DatasetError> {
        let shape = vec![self.n_rows, self.numbers.len()];
        let mut columns = std::mem::take(&mut self.numbers).into_iter();
        let values = match shape[1] {
            1 => columns.next().unwrap_or_default(),
            _ => {
                let n = self.n_rows * shape[1];
                afford(self.budget, &self.file, 16 * n as u128)?;
                let mut values: Vec<f64> = room(&self.file, n)?;
                columns.for_each(|column| values.extend(column));
                values
            }
        };
        let (file, values, budget) = (self.file.clone(), Values::Double(values), self.budget);
        Ok(Tensor { file, shape, column_major: true, values, budget })
    }

    /// Does with rows that lack a value what a configuration file says.
    pub fn treat_missing(&mut self, missing: Missing) -> Result<(), DatasetError> {
        let advised = |error| match error {
            DatasetError::Missing { file, rows, of, line, column, given, .. } => {
                let advice = "; dataset.source.missing = \"drop\" leaves such rows out";
                DatasetError::Missing { file, rows, of, line, column, given, advice }
            }
            other => other,
        };
        match missing {
            Missing::Symbol if self.numbers.iter().flatten().all(|value| !value.is_nan()) => Ok(()),
            Missing::Refuse | Missing::Symbol => self.refuse_missing().map_err(advised),
            Missing::Drop => {
                let lacking = std::mem::take(&mut self.missing);
                let lacks = |row: usize| lacking.binary_search(&row).is_ok();
                let rows: Vec<usize> = (0..self.n_rows).filter(|&row| !lacks(row)).collect();
                if rows.is_empty() {
                    return Err(DatasetError::Empty {
                        file: self.file.clone(),
                        shape: vec![0, self.numbers.len()],
                    });
                }
                if !lacking.is_empty() {
                    let note =
                        format!("left out {} of {} rows, which lack a value", lacking.len(), self.n_rows);
                    self.notes.push(note);
                }
                self.numbers
                    .iter_mut()
                    .for_each(|column| *column = rows.iter().map(|&row| column[row]).collect());
                for column in &mut self.labels {
                    column.codes = rows.iter().map(|&row| column.codes[row]).collect();
                }
                self.n_rows = rows.len();
                Ok(())
            }
        }
    }

    /// An error if a value is missing.
    pub fn refuse_missing(&self) -> Result<(), DatasetError> {
        match &self.first_missing {
            None => Ok(()),
            Some((line, column, given)) => Err(DatasetError::Missing {
                file: self.file.clone(),
                rows: self.missing.len(),
                of: self.n_rows,
                line: *line,
                column: column.clone(),
                given: given.clone(),
                advice: "",
            }),
        }
    }
}

fn name_of(names: Option<&[String]>, field: usize) -> String {
    let name = names.and_then(|names| names.get(field)).filter(|name| !name.is_empty());
    name.cloned().unwrap_or_else(|| field.to_string())
}

/// Whether first bytes are text: no signs but those that end lines and fields steer anything.
pub(super) fn is_text(first: &[u8]) -> bool {
    let steers = |&byte: &u8| byte < b' ' && !matches!(byte, b'\n' | b'\r' | b'\t');
    text::is_utf16(first)
        || (std::str::from_utf8(first).map_or_else(|error| error.error_len().is_none(), |_| true)
            && !first.iter().any(steers))
}

/// Reads what is wanted of a table.
pub(super) fn read(path: &Path, wanted: Wanted<'_>) -> Result<Table, DatasetError> {
    parse(Stream::open(path)?, wanted)
}

/// The numbers of rows and columns, and doubles as the type if all columns hold numbers.
pub(super) fn shape(path: &Path) -> Result<(Vec<usize>, Option<ElementType>), DatasetError> {
    match read(path, Wanted::numbers(None, &[])) {
        Ok(table) => Ok((vec![table.n_rows, table.numbers.len()], Some(ElementType::F64))),
        Err(DatasetError::NotANumber { .. }) => {
            let table = read(path, Wanted::labels(Columns::All, &[]))?;
            Ok((vec![table.n_rows, table.labels.len()], None))
        }
        Err(error) => Err(error),
    }
}

/// Bytes of memory that columns take.
fn size_of_columns(numbers: &[Vec<f64>], labels: &[TextColumn], missing: &[usize]) -> u128 {
    let numbers: usize = numbers.iter().map(|column| 8 * column.len()).sum();
    let labels: usize = labels.iter().map(|column| column.distinct.size() + 4 * column.codes.len()).sum();
    (numbers + labels + size_of_val(missing)) as u128
}

/// A table's first lines, looked at, and what follows.
struct Opened<'a> {
    budget: Budget,
    file: String,
    format: Format,
    lines: text::Lines<Box<dyn std::io::Read + 'a>>,
}

fn open(stream: Stream<'_>, header: Option<bool>) -> Result<Opened<'_>, DatasetError> {
    let (file, budget) = (stream.file.clone(), stream.budget);
    let text = text::decode(stream)?;
    let promised = format::promised(&file);
    let format = format::sniff(&text.head, text.head_is_whole, text.encoding, promised, header);
    let Some(format) = format else { return Err(DatasetError::Empty { file, shape: vec![0, 0] }) };
    Ok(Opened { budget, file, format, lines: text.all })
}

/// After how many rows what they take is compared with the budget.
const ROWS_AT_ONCE: usize = 1 << 10;

fn parse(stream: Stream<'_>, wanted: Wanted<'_>) -> Result<Table, DatasetError> {
    let Opened { budget, file, format, mut lines } = open(stream, wanted.header)?;
    let choice = Choice::new(&file, &format, wanted)?;
    let names = format.names.as_deref();
    let mut numbers: Vec<Vec<f64>> = vec![Vec::new(); choice.numbers.len()];
    let mut labels: Vec<TextColumn> = choice.labels.iter().map(|_| TextColumn::default()).collect();
    let (mut missing, mut first_missing): (Vec<usize>, _) = (Vec::new(), None);
    let (mut n_rows, mut n_blank, mut yes_no) = (0, 0usize, false);
    let mut is_text = vec![false; choice.numbers.len()];
    let (mut line, mut fields, mut open) = (String::new(), Fields::default(), false);
    loop {
        if !lines.next(&mut line)? {
            break;
        }
        if lines.number < format.first_line {
            continue;
        }
        open = if open {
            fields.go_on(&line, format.separator)
        } else {
            if is_blank(&line, format.separator) {
                n_blank += 1;
                continue;
            }
            // A line of a column of numbers cannot begin so.
            if is_comment(&line) && format.are_numbers.first() == Some(&true) {
                continue;
            }
            fields.line = lines.number;
            fields.divide(&line, format.separator)
        };
        if open {
            // Quoted text that nothing ends goes on to the end of the file.
            afford(budget, &file, 2 * fields.size() as u128)?;
            continue;
        }
        let given = fields.len();
        if given != format.n_fields && !(format.empty_last && given + 1 == format.n_fields) {
            if is_comment(&line) {
                continue;
            }
            let (at, offset) = (fields.line, lines.offset);
            let mut more = false;
            while lines.next(&mut line)? {
                more |= !line.trim().is_empty();
            }
            let allowed = format.n_fields;
            // Nothing after a line with too few fields: its writer is not done with it.
            return Err(if !more && given < allowed {
                let what = format!("line {at}, which has {given} of {allowed} fields");
                DatasetError::Ends { file, offset, what }
            } else {
                DatasetError::FieldCount { file, line: at, given: given as u64, allowed: allowed as u64 }
            });
        }
        if format.empty_last && !fields.get(format.n_fields - 1).is_empty() {
            let (field, given) = (format.n_fields, fields.get(format.n_fields - 1).to_owned());
            let allowed = "nothing, as in the lines above";
            return Err(DatasetError::Field { file, line: fields.line, field, given, allowed });
        }
        // Of a table of one column a line without anything is a row whose value is missing.
        let n_empty = if format.n_fields == 1 && n_rows > 0 { std::mem::take(&mut n_blank) } else { 0 };
        for row in 0..=n_empty {
            let is_empty = row < n_empty;
            let mut lacks = None;
            for ((column, &field), is_text) in numbers.iter_mut().zip(&choice.numbers).zip(&mut is_text) {
                if *is_text {
                    continue;
                }
                let text = if is_empty { "" } else { fields.get(field) };
                grow(column, &file, 1)?;
                column.push(match number(text, format.decimal_comma) {
                    // Such numbers are names.
                    Some(value) if wanted.may_be_text && !(value.abs() > LARGEST_COUNT && is_whole(text)) => value,
                    Some(value) if value.abs() > LARGEST_COUNT && is_whole(text) && !wanted.may_be_text => {
                        return Err(DatasetError::Field {
                            file,
                            line: fields.line,
                            field: field + 1,
                            given: text.to_owned(),
                            allowed: "whole numbers up to 9007199254740992, beyond which they would merge (number them \
                                      anew if they are names)",
                        });
                    }
                    Some(value) if value.is_finite() && !wanted.may_be_text => value,
                    None if is_missing(text) => {
                        lacks.get_or_insert(field);
                        f64::NAN
                    }
                    None if yes_or_no(text).is_some() => {
                        yes_no = true;
                        f64::from(u8::from(yes_or_no(text) == Some(true)))
                    }
                    _ if wanted.may_be_text => {
                        (*is_text, *column) = (true, Vec::new());
                        continue;
                    }
                    other => {
                        return Err(DatasetError::NotANumber {
                            file,
                            line: fields.line,
                            column: name_of(names, field),
                            given: text.to_owned(),
                            numbers: choice.of_numbers(&format, other.is_some()),
                        });
                    }
                });
            }
            for (column, &field) in labels.iter_mut().zip(&choice.labels) {
                let text = if is_empty { "" } else { fields.get(field) };
                if is_missing(text) {
                    lacks.get_or_insert(field);
                    column.push(&file, "")?;
                } else {
                    column.push(&file, text)?;
                }
            }
            if let Some(field) = lacks {
                grow(&mut missing, &file, 1)?;
                missing.push(n_rows);
                let text = if is_empty { "" } else { fields.get(field) };
                let line = fields.line - if is_empty { (n_empty - row) as u64 } else { 0 };
                first_missing.get_or_insert_with(|| (line, name_of(names, field), text.to_owned()));
            }
            n_rows += 1;
            if n_rows.is_multiple_of(ROWS_AT_ONCE) {
                afford(budget, &file, size_of_columns(&numbers, &labels, &missing))?;
            }
        }
    }
    afford(budget, &file, size_of_columns(&numbers, &labels, &missing))?;
    if open {
        let what = format!("the quoted text that begins in line {}", fields.line);
        return Err(DatasetError::Ends { file, offset: lines.offset, what });
    }
    if n_rows == 0 {
        return Err(DatasetError::Empty { file, shape: vec![0, format.n_fields] });
    }
    let mut table = Table {
        file,
        n_rows,
        numbers,
        text_fields: choice
            .numbers
            .iter()
            .zip(&is_text)
            .filter(|(_, is_text)| **is_text)
            .map(|(&f, _)| f)
            .collect(),
        number_fields: choice.numbers,
        labels,
        label_fields: choice.labels,
        one_hot: choice.one_hot,
        missing,
        first_missing,
        names: None,
        notes: choice.notes,
        budget,
    };
    table.drop_counted(&format, choice.all);
    if format.one_row && table.label_fields.len() > 1 {
        table.turn_labels()?;
    }
    if table.number_fields.is_empty() && table.label_fields.is_empty() {
        return Err(DatasetError::Empty { file: table.file, shape: vec![n_rows, 0] });
    }
    table.notes.extend(written(&format, yes_no));
    table.names = format.names;
    Ok(table)
}

impl Table {
    /// Takes a single row of labels as a column of them.
    fn turn_labels(&mut self) -> Result<(), DatasetError> {
        let mut column = TextColumn::default();
        for label in &self.labels {
            column.push(&self.file, label.text(0))?;
        }
        self.n_rows = column.codes.len();
        self.missing = (0..self.n_rows).filter(|&row| column.text(row).is_empty()).collect();
        self.notes.push(format!("a row of {} values taken as {0} labels", self.n_rows));
        (self.labels, self.label_fields) = (vec![column], vec![0]);
        Ok(())
    }

    /// Leaves out a first column that counts the rows where no column has a name, and tells of one that has a name.
    fn drop_counted(&mut self, format: &Format, all: bool) {
        if !all {
            return;
        }
        let counts = |start: usize| {
            let field = |&field: &usize| field == 0 && !self.text_fields.contains(&0);
            let as_number = self.number_fields.iter().position(field).is_some_and(|column| {
                self.numbers[column].iter().zip(start..).all(|(&value, row)| value == row as f64)
            });
            let as_label = self.label_fields.iter().position(|&field| field == 0);
            as_number || as_label.is_some_and(|column| self.labels[column].counts_from(start))
        };
        let Some(start) = [0, 1].into_iter().find(|&start| counts(start)) else { return };
        let to = start + self.n_rows - 1;
        if format.index == Index::Counts {
            if let Some(column) = self.number_fields.iter().position(|&field| field == 0) {
                self.number_fields.remove(column);
                self.numbers.remove(column);
            }
            if let Some(column) = self.label_fields.iter().position(|&field| field == 0) {
                self.label_fields.remove(column);
                self.labels.remove(column);
            }
            self.notes.push(format!(
                "column 0 left out: it numbers the rows, {start} to {to} (name the columns to keep it)"
            ));
        } else if self.n_rows >= 10 && self.number_fields.len() + self.label_fields.len() > 1 {
            let name = name_of(format.names.as_deref(), 0);
            self.notes.push(format!(
                "column {name} numbers the rows, {start} to {to}: leave it out if it is no measurement"
            ));
        }
    }
}

/// Whether a line holds nothing; tabs hold empty fields where they separate.
fn is_blank(line: &str, separator: Separator) -> bool {
    line.chars().all(|c| c.is_whitespace() && !(separator == Separator::Tab && c == '\t'))
}

/// What is unusual in how a file is written.
fn written(format: &Format, yes_no: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if format.empty_last {
        notes.push("an empty last column left out".into());
    }
    if yes_no {
        notes.push("TRUE is 1, FALSE is 0".into());
    }
    match format.n_titles {
        0 => {}
        1 => notes.push("a line above the table left out".into()),
        n => notes.push(format!("{n} lines above the table left out")),
    }
    let mut how = Vec::new();
    match format.encoding {
        Encoding::Utf8 => {}
        Encoding::Utf16 => how.push("UTF-16".to_owned()),
        Encoding::Windows1252 => how.push("not UTF-8, read as Windows-1252".to_owned()),
    }
    if !matches!(format.separator, Separator::Comma | Separator::None) {
        how.push(format!("separated by {}", format.separator.name()));
    }
    if format.decimal_comma {
        how.push("decimal commas".to_owned());
    }
    if format.names_in_comment {
        how.push("names from a comment".to_owned());
    } else if format.numbers_are_names {
        how.push("the first line, whole numbers, taken for names".to_owned());
    } else if format.names.is_none() {
        how.push("no header".to_owned());
    }
    if !how.is_empty() {
        notes.push(how.join(", "));
    }
    notes
}

/// Which fields of a line are read as what.
struct Choice {
    numbers: Vec<usize>,
    labels: Vec<usize>,
    /// All that are neither names of rows nor excepted.
    rest: Vec<usize>,
    one_hot: bool,
    /// Whether all columns were asked for, rather than some by name.
    all: bool,
    notes: Vec<String>,
}

impl Choice {
    fn new(file: &str, format: &Format, wanted: Wanted<'_>) -> Result<Choice, DatasetError> {
        let mut notes = Vec::new();
        let names = format.names.as_deref();
        let (from, to) = (format.index.n_fields(), format.n_fields - usize::from(format.empty_last));
        let mut excepted = HashMap::new();
        for Except { column, reason } in wanted.except {
            excepted.insert(find(file, column, format)?, reason);
        }
        let rest: Vec<usize> = (from..to).filter(|field| !excepted.contains_key(field)).collect();
        let some = |columns: Columns<'_>| -> Result<Vec<usize>, DatasetError> {
            match columns {
                Columns::None | Columns::All | Columns::Last => Ok(Vec::new()),
                Columns::Key(key) => by_key(file, key, format),
                Columns::These(columns) => columns.iter().map(|column| find(file, column, format)).collect(),
            }
        };
        let mut one_hot = false;
        let labels = match wanted.labels {
            Columns::All => rest.clone(),
            Columns::Last => {
                let last = *rest.last().ok_or_else(|| DatasetError::Empty {
                    file: file.to_owned(),
                    shape: vec![0, rest.len()],
                })?;
                let whole = matches!(wanted.numbers, Columns::None);
                one_hot = whole && format.one_hot && rest.len() == to - from;
                if whole && format.one_row {
                    rest.clone()
                } else if one_hot {
                    notes.push(format!("labels are the {} one-hot columns", rest.len()));
                    rest.clone()
                } else {
                    if rest.len() > 1 {
                        notes.push(format!("labels are the last column, {}", name_of(names, last)));
                    }
                    vec![last]
                }
            }
            chosen => some(chosen)?,
        };
        let numbers = match wanted.numbers {
            Columns::All => rest.iter().copied().filter(|field| !labels.contains(field)).collect(),
            Columns::Last => Vec::new(),
            chosen => some(chosen)?,
        };
        for (index, field) in numbers.iter().enumerate() {
            let given = name_of(names, *field);
            if labels.contains(field) {
                let allowed = "columns other than that of the labels";
                return Err(DatasetError::setting("inputs", format!("{given:?}"), allowed));
            }
            if numbers[..index].contains(field) {
                return Err(DatasetError::setting("inputs", format!("{given:?} twice"), "each column once"));
            }
        }
        let all = matches!(wanted.numbers, Columns::All) || matches!(wanted.labels, Columns::All);
        if all || matches!(wanted.labels, Columns::Last) {
            match format.index.n_fields() {
                0 => {}
                1 => notes.push("the first column, which has no name, left out: it names the rows".into()),
                n => notes.push(format!(
                    "the first {n} columns, which have no names, left out: they name the rows"
                )),
            }
            let mut left_out: Vec<(&usize, &&String)> = excepted.iter().collect();
            left_out.sort();
            notes.extend(
                left_out.iter().map(|(field, why)| format!("{} left out: {why}", name_of(names, **field))),
            );
        }
        Ok(Choice { numbers, labels, rest, one_hot, all, notes })
    }

    /// The columns of numbers, for a message about one that is none; none where it is a number, but infinite.
    fn of_numbers(&self, format: &Format, infinite: bool) -> Vec<String> {
        if infinite || format.n_fields == 1 {
            return Vec::new();
        }
        let fields =
            self.rest.iter().filter(|&&field| format.are_numbers[field] && !self.labels.contains(&field));
        fields.map(|&field| name_of(format.names.as_deref(), field)).collect()
    }
}

/// The field of a column.
fn find(file: &str, column: &Column, format: &Format) -> Result<usize, DatasetError> {
    match column {
        Column::Index(index) if *index < format.n_fields => Ok(*index),
        Column::Index(index) => Err(DatasetError::ColumnNumber {
            file: file.to_owned(),
            given: *index,
            n_columns: format.n_fields,
        }),
        Column::Name(name) => named(file, name, format)?.ok_or_else(|| no_such(file, name, format)),
    }
}

/// The column of a name; an error if several have it.
fn named(file: &str, name: &str, format: &Format) -> Result<Option<usize>, DatasetError> {
    let names = format.names.iter().flatten().enumerate();
    let columns: Vec<usize> =
        names.filter(|(_, other)| !other.is_empty() && *other == name).map(|(field, _)| field).collect();
    match columns[..] {
        [] => Ok(None),
        [column] => Ok(Some(column)),
        _ => Err(DatasetError::SameName { file: file.to_owned(), given: name.to_owned(), columns }),
    }
}

fn no_such(file: &str, given: &str, format: &Format) -> DatasetError {
    let present = (0..format.n_fields - usize::from(format.empty_last))
        .map(|field| name_of(format.names.as_deref(), field))
        .collect();
    DatasetError::Key { file: file.to_owned(), given: Some(given.to_owned()), present }
}

/// The fields of `a`, `a,b`, `2`, `0-2`. A name goes before a number, and the name as a whole before its parts.
fn by_key(file: &str, key: &str, format: &Format) -> Result<Vec<usize>, DatasetError> {
    if let Some(field) = named(file, key, format)? {
        return Ok(vec![field]);
    }
    let mut fields = Vec::new();
    for part in key.split(',').map(str::trim) {
        let range =
            || part.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        match (named(file, part, format)?, part.parse(), range()) {
            (Some(field), ..) => fields.push(field),
            (None, Ok(index), _) => fields.push(find(file, &Column::Index(index), format)?),
            (None, Err(_), Some((from, to))) if from <= to => {
                find(file, &Column::Index(to), format)?;
                fields.extend(from..=to);
            }
            _ => return Err(no_such(file, part, format)),
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests;
