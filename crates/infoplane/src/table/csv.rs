//! Tables as comma-separated values.

use std::io::{self, Write};
use std::ops::Range;

use rayon::prelude::*;

use super::{Table, Value, Values};

/// Rows that a thread writes at a time.
const ROWS: usize = 1 << 14;

pub(super) fn write(table: &Table<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_header(table, out)?;
    write_rows(table, out)
}

/// Writes the names of the columns.
pub(super) fn write_header(table: &Table<'_>, out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
    writeln!(out, "{}", names.join(","))
}

/// Writes the rows alone.
pub(super) fn write_rows(table: &Table<'_>, out: &mut dyn Write) -> io::Result<()> {
    // Texts are quoted once, not once a row.
    let texts: Vec<Vec<String>> = table
        .columns
        .iter()
        .map(|column| match &column.values {
            Values::Category { names, .. } => names.iter().map(|name| quoted(name)).collect(),
            _ => Vec::new(),
        })
        .collect();
    let write_rows = |rows: Range<usize>| {
        let mut lines = String::with_capacity(rows.len() * 16 * table.columns.len());
        for row in rows {
            for (place, (column, texts)) in table.columns.iter().zip(&texts).enumerate() {
                if place > 0 {
                    lines.push(',');
                }
                match &column.values {
                    Values::Category { codes, .. } => {
                        lines.push_str(texts.get(codes[row] as usize).map_or("", String::as_str));
                    }
                    values => push_number(&mut lines, values.get(row)),
                }
            }
            lines.push('\n');
        }
        lines
    };
    // As many parts at once as there are threads: of a long table little is in memory.
    let starts: Vec<usize> = (0..table.len()).step_by(ROWS).collect();
    for starts in starts.chunks(rayon::current_num_threads()) {
        let part = |&start: &usize| write_rows(start..(start + ROWS).min(table.len()));
        let parts: Vec<String> = starts.par_iter().map(part).collect();
        for part in parts {
            out.write_all(part.as_bytes())?;
        }
    }
    Ok(())
}

fn push_number(line: &mut String, value: Value<'_>) {
    use std::fmt::Write;
    let written = match value {
        Value::Integer(whole) => write!(line, "{whole}"),
        Value::Number(number) if number != 0.0 && !(1e-5..1e16).contains(&number.abs()) => {
            write!(line, "{number:e}")
        }
        Value::Number(number) => write!(line, "{number}"),
        Value::Text(_) | Value::Absent => Ok(()),
    };
    written.expect("writing to a string does not fail");
}

/// A field in quotes where it needs them (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back_to_the_same_bits() {
        for number in [0.1 + 0.2, 1e-5, 9.999e-6, 1e-300, 5e-324, 1e16, f64::MAX, -0.0, 12.0, -3.25e-9] {
            let mut line = String::new();
            push_number(&mut line, Value::Number(number));
            assert_eq!(line.parse::<f64>().unwrap().to_bits(), number.to_bits(), "{line}");
            assert!(line.len() < 26, "{line}");
        }
    }
}
