//! `infoplane export`.

use std::io::{BufWriter, IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use infoplane::experiment::AsIfRandomResult;
use infoplane::printable::printable_path;
use infoplane::run::Run;
use infoplane::table::{Column, Table, TableFormat, TableName};
use serde_json::json;

use super::report::UNFINISHED;
use crate::failure::Failure;
use crate::flags::out::{refuse_inside, refuse_unwritable};
use crate::output::print_json;
use crate::terminal::{Clock, Screen, end_on_interrupt, width, wrapped};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  infoplane export runs/tishby2017 > plane.csv
  infoplane export runs/tishby2017 --table training --format jsonl
  infoplane export runs/tishby2017 --format arrow --out plane.arrow
  infoplane export --columns
  infoplane export --columns --table schedule

Python reads an Arrow file with pandas.read_feather, polars.read_ipc or pyarrow.feather.read_table, and R \
with arrow::read_feather; DuckDB, which also writes parquet, reads it through any of them.")]
pub struct Args {
    /// Directory of a run, also of one that goes on, or of an as-if-random result
    #[arg(value_name = "RUN", required_unless_present = "columns")]
    pub run: Option<PathBuf>,
    /// The table: plane, repeats, training, layers, schedule, methods; of quantities units, synergy, pairs, similarity,
    /// ranks, inputs; of pooled networks pool, drift, window, overlap,
    /// methods [default: plane or pool]
    #[arg(long, value_name = "TABLE")]
    pub table: Option<TableName>,
    /// The kind of file: csv, jsonl (one JSON object per line), arrow (IPC file, Feather version 2)
    #[arg(long, value_name = "FORMAT", default_value_t = TableFormat::Csv)]
    pub format: TableFormat,
    /// The file to write, instead of stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Explain the columns of the tables, or of one, and export nothing
    #[arg(long, conflicts_with_all = ["run", "out", "format"])]
    pub columns: bool,
    /// With --columns: print one JSON object instead of text
    #[arg(long, requires = "columns")]
    pub json: bool,
    /// With --columns: print Markdown instead of text
    #[arg(long, requires = "columns", conflicts_with = "json", hide = true)]
    pub markdown: bool,
}

/// Writes a table of a run for other programs.
pub fn export(arguments: &Args) -> Result<ExitCode, Failure> {
    if arguments.json && !arguments.columns {
        return Err(Failure::input("--json goes with --columns")
            .with_advice("--format jsonl writes the table as JSON, one object for each line"));
    }
    let Some(path) = &arguments.run else {
        return columns(arguments);
    };
    if let Some(out) = &arguments.out {
        refuse_inside(out, path)?;
        refuse_unwritable(out)?;
    }
    let place = arguments.out.as_deref().and_then(Path::parent);
    // The directory of a bare name is this one.
    let place =
        place.map(|place| if place.as_os_str().is_empty() { PathBuf::from(".") } else { place.into() });
    let message = if place.is_some() { UNFINISHED } else { "interrupted; the table is not complete" };
    end_on_interrupt(message, place.into_iter().collect());
    let mut clock = Clock::new("reading");
    if AsIfRandomResult::is_in(path) {
        let result = AsIfRandomResult::read(path)?;
        let name = arguments.table.unwrap_or(TableName::Pool);
        let table =
            result.table(name).ok_or_else(|| no_table(path, name, |name| result.table(name).is_some()))?;
        return write(arguments, &table, &mut clock);
    }
    let run = Run::read(path)?;
    let name = arguments.table.unwrap_or(TableName::Plane);
    let table = name.of_run(&run).ok_or_else(|| no_table(path, name, |name| name.of_run(&run).is_some()))?;
    write(arguments, &table, &mut clock)
}

/// Names the tables that a directory has.
fn no_table(path: &Path, name: TableName, has: impl Fn(TableName) -> bool) -> Failure {
    let tables: Vec<&str> =
        TableName::ALL.into_iter().filter(|&name| has(name)).map(TableName::name).collect();
    Failure::input(format!("{} has no table {name}; it has {}", printable_path(path), tables.join(", ")))
}

fn write(arguments: &Args, table: &Table<'_>, clock: &mut Clock) -> Result<ExitCode, Failure> {
    // A bar would stand among the lines of the table.
    match arguments.out {
        Some(_) => clock.begin("writing", 0),
        None => clock.finish(),
    }
    match &arguments.out {
        Some(file) => table
            .save(arguments.format, file)
            .map_err(|error| Failure::machine(format!("cannot write {}: {error}", printable_path(file))))?,
        None if !arguments.format.is_text() && stdout().is_terminal() => {
            return Err(Failure::input(
                "an Arrow file is not text: name a file with --out, or redirect stdout",
            ));
        }
        None => {
            let mut out = BufWriter::new(stdout().lock());
            table.write(arguments.format, &mut out)?;
            out.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Explains the columns.
fn columns(arguments: &Args) -> Result<ExitCode, Failure> {
    let tables: Vec<TableName> = arguments.table.map_or(TableName::ALL.to_vec(), |table| vec![table]);
    if arguments.json {
        let column = |column: &Column| {
            json!({
                "name": column.name,
                "type": column.kind.name(),
                "unit": column.unit,
                "optional": column.optional,
                "about": column.about,
            })
        };
        let table = |table: &TableName| {
            let columns: Vec<_> = table.columns().iter().map(column).collect();
            json!({ "table": table.name(), "about": table.about(), "columns": columns })
        };
        print_json("export", json!({ "tables": tables.iter().map(table).collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = Screen::lock();
    for (place, table) in tables.iter().enumerate() {
        if arguments.markdown {
            writeln!(out, "<!-- columns of {table} -->\n{}<!-- end -->", markdown(table.columns()))?;
            continue;
        }
        let gap = if place > 0 { "\n" } else { "" };
        writeln!(out, "{gap}{}", wrapped(&format!("{table}: "), table.about(), width()))?;
        for column in table.columns() {
            let kind = described(column);
            let first = format!("  {:<28} ", column.name);
            writeln!(out, "{}", wrapped(&first, &format!("{} ({kind})", column.about), width()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `number, bits, may be absent`.
fn described(column: &Column) -> String {
    let mut kind = column.kind.name().to_string();
    if !column.unit.is_empty() {
        kind += &format!(" in {}", column.unit);
    }
    if column.optional {
        kind += ", may be absent";
    }
    kind
}

/// The columns as a table of the documentation.
fn markdown(columns: &[Column]) -> String {
    let mut text = String::from("| column | type | meaning |\n|---|---|---|\n");
    for column in columns {
        text += &format!("| `{}` | {} | {} |\n", column.name, described(column), column.about);
    }
    text
}
