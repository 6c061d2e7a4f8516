//! CSV and TSV: one line per sample.

use std::io::{Cursor, Read};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stream::Stream;
use super::tensor::ElementType;
use crate::dataset::DatasetError;

/// A column of a text file: its name in the header line, or its number from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Column {
    /// Number of the column, from 0.
    Index(usize),
    /// Name in the header line.
    Name(String),
}

/// What the lines of a text file give.
pub(super) struct Table {
    pub file: String,
    /// Number of columns of numbers.
    pub n_columns: usize,
    /// Their names, if the file has a header.
    pub names: Option<Vec<String>>,
    /// Rows of numbers, one after the other.
    pub numbers: Vec<f64>,
    /// The label column as written, if one was asked for.
    pub labels: Vec<String>,
}

/// Which columns to read as what.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// All columns as numbers.
    Numbers,
    /// One column as numbers.
    Number(&'a Column),
    /// One column as labels (default: the last), no numbers.
    Labels(Option<&'a Column>),
    /// All columns together as one label.
    Symbols,
    /// One column as labels (default: the last), and as numbers the columns listed, in that order, or all others.
    Both(Option<&'a Column>, Option<&'a [Column]>),
}

/// Reads a text file; fields are separated by tabs if it is called `.tsv`, else by commas.
///
/// Without `header`, the first line is a header if none of its fields is a number.
pub(super) fn read(path: &Path, header: Option<bool>, wanted: Wanted<'_>) -> Result<Table, DatasetError> {
    let stream = Stream::open(path)?;
    let delimiter = delimiter(&stream.file);
    parse(stream, delimiter, header, wanted)
}

/// The numbers of lines and fields, and doubles as the type if all fields are numbers.
pub(super) fn shape(path: &Path) -> Result<(Vec<usize>, Option<ElementType>), DatasetError> {
    let (mut n_lines, mut n_fields, mut numbers) = (0, 0, true);
    let stream = Stream::open(path)?;
    let file = stream.file.clone();
    let delimiter = delimiter(&file);
    let mut reader = reader(stream, delimiter)?;
    let mut record = ::csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| csv_error(&file, error))? {
        if n_fields == 0 {
            n_fields = record.len();
            check_separator(&file, delimiter, &record)?;
            if is_header(&record) {
                continue;
            }
        }
        n_lines += 1;
        numbers &= record.iter().all(|field| field.parse::<f64>().is_ok());
    }
    Ok((vec![n_lines, n_fields], numbers.then_some(ElementType::F64)))
}

/// Tabs separate if the file is called `.tsv`, else commas.
fn delimiter(file: &str) -> u8 {
    if file.trim_end_matches(".gz").ends_with(".tsv") { b'\t' } else { b',' }
}

fn reader(mut stream: Stream<'_>, delimiter: u8) -> Result<::csv::Reader<impl Read + use<'_>>, DatasetError> {
    // Programs for spreadsheets begin a file with the mark.
    let mut first = vec![0; BYTE_ORDER_MARK.len()];
    let n_first = stream.fill(&mut first)?;
    first.truncate(if first == BYTE_ORDER_MARK { 0 } else { n_first });
    let mut builder = ::csv::ReaderBuilder::new();
    let whole = Cursor::new(first).chain(stream);
    Ok(builder.has_headers(false).delimiter(delimiter).trim(::csv::Trim::All).from_reader(whole))
}

/// The mark of UTF-8.
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Refuses a first line of one field that other separators divide: all columns would be one.
fn check_separator(file: &str, delimiter: u8, first: &::csv::StringRecord) -> Result<(), DatasetError> {
    let others: &[(char, &'static str)] = match delimiter {
        b'\t' => &[(';', "semicolons"), (',', "commas")],
        _ => &[(';', "semicolons"), ('\t', "tabs")],
    };
    match others.iter().find(|(other, _)| first.len() == 1 && first[0].contains(*other)) {
        Some(&(_, given)) => Err(DatasetError::Separator { file: file.to_owned(), given }),
        None => Ok(()),
    }
}

/// Whether a first line names the columns: none of its fields is a number.
fn is_header(first: &::csv::StringRecord) -> bool {
    first.iter().all(|field| field.parse::<f64>().is_err())
}

fn parse(
    stream: Stream<'_>,
    delimiter: u8,
    header: Option<bool>,
    wanted: Wanted<'_>,
) -> Result<Table, DatasetError> {
    let mut table = Table {
        file: stream.file.clone(),
        n_columns: 0,
        names: None,
        numbers: Vec::new(),
        labels: Vec::new(),
    };
    let mut reader = reader(stream, delimiter)?;
    let mut record = ::csv::StringRecord::new();
    let file = table.file.clone();
    let damaged = |error| csv_error(&file, error);
    let empty = || DatasetError::Empty { file: file.clone(), shape: vec![0, 0] };
    if !reader.read_record(&mut record).map_err(damaged)? {
        return Err(empty());
    }
    // Of tabs alone, one column of text may hold other separators.
    if delimiter != b'\t' || !matches!(wanted, Wanted::Labels(None) | Wanted::Symbols) {
        check_separator(&file, delimiter, &record)?;
    }
    let has_header = header.unwrap_or_else(|| is_header(&record));
    let find = |column: &Column| find(&file, column, &record, has_header);
    let label = match wanted {
        Wanted::Labels(column) | Wanted::Both(column, _) => {
            let last = Column::Index(record.len() - 1);
            Some(find(column.unwrap_or(&last))?)
        }
        _ => None,
    };
    let fields: Vec<usize> = match wanted {
        Wanted::Numbers => (0..record.len()).collect(),
        Wanted::Number(column) => vec![find(column)?],
        Wanted::Labels(_) | Wanted::Symbols => Vec::new(),
        Wanted::Both(_, None) => (0..record.len()).filter(|&field| Some(field) != label).collect(),
        Wanted::Both(_, Some(columns)) => columns.iter().map(find).collect::<Result<_, _>>()?,
    };
    for (index, field) in fields.iter().enumerate() {
        let given = &record[*field];
        if Some(*field) == label {
            return Err(DatasetError::setting(
                "inputs",
                format!("{given:?}"),
                "columns other than that of the labels",
            ));
        }
        if fields[..index].contains(field) {
            return Err(DatasetError::setting("inputs", format!("{given:?} twice"), "each column once"));
        }
    }
    table.n_columns = fields.len();
    table.names = has_header.then(|| fields.iter().map(|&field| record[field].to_owned()).collect());
    if has_header && !reader.read_record(&mut record).map_err(damaged)? {
        return Err(empty());
    }
    loop {
        let line = record.position().map_or(0, ::csv::Position::line);
        let refused = |field: usize, given: &str, allowed| DatasetError::Field {
            file: file.clone(),
            line,
            field: field + 1,
            given: given.to_owned(),
            allowed,
        };
        if let Wanted::Symbols = wanted {
            // A character that no field holds by accident keeps ("a", "bc") and ("ab", "c") apart.
            table.labels.push(record.iter().collect::<Vec<_>>().join("\u{1f}"));
        }
        for &field in &fields {
            match record[field].parse::<f64>() {
                Ok(value) if value.is_finite() => table.numbers.push(value),
                _ => return Err(refused(field, &record[field], "finite numbers")),
            }
        }
        if let Some(field) = label {
            let text = &record[field];
            if text.is_empty() {
                return Err(refused(field, text, "labels, which are not empty"));
            }
            table.labels.push(text.to_owned());
        }
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(table),
            Err(error) => {
                // Nothing after a line with too few fields: its writer is not done with it.
                let last = matches!(reader.read_byte_record(&mut ::csv::ByteRecord::new()), Ok(false));
                return Err(match damaged(error) {
                    DatasetError::FieldCount { file, line, given, allowed } if last && given < allowed => {
                        let what = format!("line {line}, which has {given} of {allowed} fields");
                        DatasetError::Ends { file, offset: reader.position().byte(), what }
                    }
                    other => other,
                });
            }
        }
    }
}

fn find(
    file: &str,
    column: &Column,
    first: &::csv::StringRecord,
    has_header: bool,
) -> Result<usize, DatasetError> {
    let (found, given) = match column {
        Column::Index(index) => ((*index < first.len()).then_some(*index), index.to_string()),
        Column::Name(name) => (first.iter().position(|other| has_header && other == name), name.clone()),
    };
    if let (None, Column::Index(index)) = (found, column) {
        return Err(DatasetError::ColumnNumber {
            file: file.to_owned(),
            given: *index,
            n_columns: first.len(),
        });
    }
    found.ok_or_else(|| {
        let names = |(index, name): (usize, &str)| match has_header {
            true => name.to_owned(),
            false => index.to_string(),
        };
        let present = first.iter().enumerate().map(names).collect();
        DatasetError::Key { file: file.to_owned(), given: Some(given), present }
    })
}

fn csv_error(file: &str, error: ::csv::Error) -> DatasetError {
    let file = file.to_owned();
    let line = error.position().map_or(0, ::csv::Position::line);
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => DatasetError::Io { file, error },
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            DatasetError::FieldCount { file, line, given: len, allowed: expected_len }
        }
        ::csv::ErrorKind::Utf8 { err, .. } => DatasetError::Field {
            file,
            line,
            field: err.field() + 1,
            given: "not UTF-8".into(),
            allowed: "UTF-8 text",
        },
        other => DatasetError::Io { file, error: std::io::Error::other(format!("{other:?}")) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str, wanted: Wanted<'_>) -> Result<Table, DatasetError> {
        super::parse(Stream::of_bytes(text.as_bytes()), b',', None, wanted)
    }

    #[test]
    fn a_first_line_without_numbers_is_a_header() {
        let table = parse("a,b,class\n1,2.5,cat\n-3e2, 4 ,dog\n", Wanted::Both(None, None)).unwrap();
        assert_eq!((table.n_columns, table.numbers), (2, vec![1.0, 2.5, -300.0, 4.0]));
        assert_eq!(table.labels, ["cat", "dog"]);
        let table = parse("1,2.5,cat\n3,4,dog\n", Wanted::Both(None, None)).unwrap();
        assert_eq!((table.numbers.len(), table.labels.len()), (4, 2));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "\u{feff}a,y\r\n1,0\r\n2,1\r\n").unwrap();
        let table = read(&path, None, Wanted::Both(None, None)).unwrap();
        assert_eq!((table.names, table.numbers), (Some(vec!["a".into()]), vec![1.0, 2.0]));
        std::fs::write(&path, "\u{feff}1,0\n2,1\n").unwrap();
        assert_eq!(read(&path, None, Wanted::Numbers).unwrap().numbers, [1.0, 0.0, 2.0, 1.0]);
        assert_eq!(shape(&path).unwrap(), (vec![2, 2], Some(ElementType::F64)));
    }

    #[test]
    fn another_separator_is_named() {
        let message = |text: &str, wanted| parse(text, wanted).err().unwrap().to_string();
        for wanted in [Wanted::Numbers, Wanted::Labels(None), Wanted::Both(None, None), Wanted::Symbols] {
            assert!(message("a;b;y\n1;2;x\n", wanted).contains("separated by semicolons"));
            assert!(message("1\t2\n3\t4\n", wanted).contains("separated by tabs"));
        }
        let tabs =
            |text: &'static str, wanted| super::parse(Stream::of_bytes(text.as_bytes()), b'\t', None, wanted);
        assert!(tabs("1,2\n3,4\n", Wanted::Numbers).err().unwrap().to_string().contains("commas"));
        let labels = tabs("colour, shape\nred, round\nblue\n", Wanted::Labels(None)).unwrap().labels;
        assert_eq!(labels, ["red, round", "blue"]);
    }

    #[test]
    fn the_label_may_be_any_column_by_name_or_number() {
        let text = "y,a\n1,7\n0,8\n";
        for column in [Column::Name("y".into()), Column::Index(0)] {
            let table = parse(text, Wanted::Both(Some(&column), None)).unwrap();
            assert_eq!((table.numbers, table.labels), (vec![7.0, 8.0], vec!["1".into(), "0".to_string()]));
        }
        let error = parse(text, Wanted::Labels(Some(&Column::Index(2)))).err().unwrap().to_string();
        assert!(error.contains("no column 2; columns are counted from 0, the last is 1"), "{error}");
        let error = parse(text, Wanted::Labels(Some(&Column::Name("z".into())))).err().unwrap();
        assert!(error.to_string().contains("there are: y, a"), "{error}");
    }

    #[test]
    fn inputs_may_be_any_columns_in_any_order() {
        let text = "id,b,y,a\nx1,7,0,1\nx2,8,1,2\n";
        let name = |name: &str| Column::Name(name.into());
        let columns = [name("a"), name("b")];
        let table = parse(text, Wanted::Both(Some(&name("y")), Some(&columns))).unwrap();
        assert_eq!(
            (table.numbers, table.names),
            (vec![1.0, 7.0, 2.0, 8.0], Some(vec!["a".into(), "b".into()]))
        );
        let message = |columns: &[Column]| {
            parse(text, Wanted::Both(Some(&name("y")), Some(columns))).err().unwrap().to_string()
        };
        assert!(message(&[name("a"), name("c")]).contains("there are: id, b, y, a"));
        assert!(message(&[name("y")]).contains("inputs = \"y\""));
        assert!(message(&[name("a"), Column::Index(3)]).contains("inputs = \"a\" twice"));
        assert!(message(&[name("id")]).contains("is \"x1\""));
    }

    #[test]
    fn errors_name_line_and_field() {
        let message = |text| parse(text, Wanted::Both(None, None)).err().unwrap().to_string();
        assert!(message("a,y\n1,0\nNaN,1\n").contains("line 3, field 1 (from 1) is \"NaN\""));
        assert!(message("1,0\ninf,1\n").contains("line 2, field 1"));
        assert!(message("1,0\n,1\n").contains("line 2, field 1 (from 1) is \"\""));
        assert!(message("1,0\n1,1,1\n").contains("line 2 has 3 fields; allowed are 2"));
        assert!(message("a,b\n").contains("no values"));
        assert!(message("").contains("no values"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for wanted in [Wanted::Numbers, Wanted::Labels(None), Wanted::Both(None, None), Wanted::Number(&Column::Index(1))] {
                let _ = super::parse(Stream::of_bytes(&bytes), b',', None, wanted);
            }
        }
    }
}
