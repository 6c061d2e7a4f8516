//! The kinds of files that tables are written to.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;

use super::{Table, arrow, csv, jsonl};
use crate::directory::Disk;

/// A kind of file for a table.
///
/// ```
/// use infoplane::table::TableFormat;
/// assert_eq!("arrow".parse(), Ok(TableFormat::Arrow));
/// assert!("parquet".parse::<TableFormat>().unwrap_err().to_string().contains("allowed: csv, jsonl, arrow"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TableFormat {
    /// Comma-separated values with a header (RFC 4180); an absent value is an empty field.
    Csv,
    /// One JSON object per line; an absent value is null.
    Jsonl,
    /// An Arrow IPC file, also known as Feather version 2, with text as dictionaries and the declarations in the schema.
    Arrow,
}

impl TableFormat {
    /// All, in the order of the documentation.
    pub const ALL: [TableFormat; 3] = [TableFormat::Csv, TableFormat::Jsonl, TableFormat::Arrow];

    /// `csv`, `jsonl` or `arrow`.
    pub const fn name(self) -> &'static str {
        match self {
            TableFormat::Csv => "csv",
            TableFormat::Jsonl => "jsonl",
            TableFormat::Arrow => "arrow",
        }
    }

    /// Whether it is text that a terminal can show.
    pub const fn is_text(self) -> bool {
        !matches!(self, TableFormat::Arrow)
    }
}

impl fmt::Display for TableFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no format of tables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no format of tables is called `{name}`; allowed: csv, jsonl, arrow{advice}", advice = self.advice())]
pub struct TableFormatError {
    /// What was given.
    pub name: String,
}

impl TableFormatError {
    fn advice(&self) -> &'static str {
        if self.name.eq_ignore_ascii_case("parquet") {
            " (pandas, polars, DuckDB and R read arrow files and write parquet ones from them)"
        } else {
            ""
        }
    }
}

impl FromStr for TableFormat {
    type Err = TableFormatError;

    fn from_str(name: &str) -> Result<Self, TableFormatError> {
        let found = TableFormat::ALL.into_iter().find(|format| format.name() == name);
        // Names that other programs give the same files.
        let known = found.or(match name {
            "feather" | "ipc" => Some(TableFormat::Arrow),
            "ndjson" => Some(TableFormat::Jsonl),
            _ => None,
        });
        known.ok_or_else(|| TableFormatError { name: name.into() })
    }
}

impl Table<'_> {
    /// Writes the table; the same table gives the same bytes.
    ///
    /// Numbers are written so that reading them gives the same bits. Writes in small pieces: give it a buffered writer.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, format: TableFormat, out: &mut dyn Write) -> io::Result<()> {
        match format {
            TableFormat::Csv => csv::write(self, out),
            TableFormat::Jsonl => jsonl::write(self, out),
            TableFormat::Arrow => arrow::write(self, out),
        }
    }

    /// Writes the table to a file: to a neighbour first, which then takes its name, so that the file is whole or not there.
    ///
    /// # Errors
    /// What the system says; the neighbour is removed then.
    pub fn save(&self, format: TableFormat, path: &Path) -> io::Result<()> {
        Disk::default().write_where_asked(path, |mut file| self.write(format, &mut file))
    }

    /// The table as the bytes of a file.
    pub fn bytes(&self, format: TableFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(format, &mut bytes).expect("writing to memory does not fail");
        bytes
    }
}
