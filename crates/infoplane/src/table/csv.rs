//! Tables as comma-separated values.

use std::io::{self, Write};

use super::{Table, Value, Values};

pub(super) fn write(table: &Table<'_>, out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
    writeln!(out, "{}", names.join(","))?;
    // Texts are quoted once, not once a row.
    let texts: Vec<Vec<String>> = table
        .columns
        .iter()
        .map(|column| match &column.values {
            Values::Category { names, .. } => names.iter().map(|name| quoted(name)).collect(),
            _ => Vec::new(),
        })
        .collect();
    let mut line = String::new();
    for row in 0..table.len() {
        line.clear();
        for (place, (column, texts)) in table.columns.iter().zip(&texts).enumerate() {
            if place > 0 {
                line.push(',');
            }
            match &column.values {
                Values::Category { codes, .. } => {
                    line.push_str(texts.get(codes[row] as usize).map_or("", String::as_str));
                }
                values => push_number(&mut line, values.get(row)),
            }
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
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
