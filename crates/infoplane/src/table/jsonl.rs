//! Tables as one JSON object per line.

use std::io::{self, Write};

use super::{Table, Value, Values};

pub(super) fn write(table: &Table<'_>, out: &mut dyn Write) -> io::Result<()> {
    let json = |text: &str| serde_json::to_string(text).map_err(io::Error::from);
    let keys: Vec<String> =
        table.columns.iter().map(|column| json(&column.name)).collect::<Result<_, _>>()?;
    let texts = table.columns.iter().map(|column| match &column.values {
        Values::Category { names, .. } => names.iter().map(|name| json(name)).collect(),
        _ => Ok(Vec::new()),
    });
    let texts: Vec<Vec<String>> = texts.collect::<Result<_, io::Error>>()?;
    for row in 0..table.len() {
        let mut separator = "{";
        for ((column, key), texts) in table.columns.iter().zip(&keys).zip(&texts) {
            write!(out, "{separator}{key}:")?;
            separator = ",";
            match (&column.values, column.values.get(row)) {
                (Values::Category { codes, .. }, Value::Text(_)) => {
                    out.write_all(texts[codes[row] as usize].as_bytes())?;
                }
                (_, Value::Integer(whole)) => write!(out, "{whole}")?,
                (_, Value::Number(number)) => serde_json::to_writer(&mut *out, &number)?,
                _ => out.write_all(b"null")?,
            }
        }
        out.write_all(b"}\n")?;
    }
    Ok(())
}
