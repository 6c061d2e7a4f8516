//! `infoplane estimate rank`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use infoplane::EstimateError;
use infoplane::dataset::read::{Reader, Reading, Samples, file_and_name};
use infoplane::estimator::VariableKind;
use infoplane::estimator::rank::{
    Column, MissingSymbols, MultipleTests, Note, RankOptions, RankedColumn, Ranking, Tail, Values,
};
use infoplane::printable::{printable, printable_path};
use infoplane::table::{self, TableFormat};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::flags::whole_from;
use crate::output::print_json;
use crate::terminal::{Clock, Screen, fitted, titled, width};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each column is measured by the method that suits it and the target: counts for symbols on both sides, nearest neighbours \
of ranks where one side or both are numbers. Text is symbols; of numbers --names takes some as symbols. Rows are left out of a column \
where it lacks a value. The p-value is for independence, from permutations or (symbols on both sides) from the distribution of chi-squared; q \
is corrected for the number of columns. docs/ranking.md explains all columns of the result.

Files are those of `infoplane estimate pair`.

Examples:
  infoplane estimate rank patients.csv --target diagnosis
  infoplane estimate rank patients.csv --target age --names postcode \\
      --except id --out ranking.csv
  infoplane estimate rank acts.npz:T3 --target acts.npz:y \\
      --correction benjamini-yekutieli --tail fitted --json")]
pub struct Args {
    /// Table, or matrix, of a row for each sample
    pub table: String,
    /// Column to rank the others against, by name or number; or another file, as FILE or FILE:ARRAY
    #[arg(long, value_name = "COLUMN")]
    pub target: String,
    /// Kind of the target: names, lattice, mixed or continuous; found out if not given
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub target_kind: Option<VariableKind>,
    /// Columns of numbers to take as symbols, by name or number
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub names: Vec<String>,
    /// Columns to leave out, by name or number
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub except: Vec<String>,
    /// Text that is missing: drop its row from that column, or make it a symbol of its own
    #[arg(long, value_name = "RULE", default_value = "drop", value_parser = ["drop", "symbol"])]
    pub missing: String,
    /// Number of nearest neighbours; more of them (20 for some hundred rows) find weaker dependence
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = whole_from(1usize, 1000))]
    pub k: usize,
    /// Permutations, at most, for each column; 0 for none
    /// [default: as many as one column needs to be found alone, from 1999 to 9999]
    #[arg(long, value_name = "N", value_parser = whole_from(0usize, 10_000_000))]
    pub permutations: Option<usize>,
    /// p-values of values that fewer than ten permutations reach: counted, or fitted (a Pearson III distribution; an
    /// extrapolation)
    #[arg(long, value_name = "HOW", default_value = "counted", value_enum, hide_possible_values = true)]
    pub tail: TailName,
    /// Correction of p-values: benjamini-hochberg, benjamini-yekutieli, holm, bonferroni or none
    #[arg(long, value_name = "NAME", default_value = "benjamini-hochberg", value_parser = correction)]
    pub correction: MultipleTests,
    /// Seed of the permutations
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = crate::flags::whole::<u64>)]
    pub seed: u64,
    /// How many columns to show
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = whole_from(1usize, usize::MAX))]
    pub top: usize,
    /// Write all columns into this file: .csv, .jsonl or .arrow
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Threads to use; 0 means one per core. Results do not depend on it
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole_from(0u16, 1024))]
    pub threads: u16,
}

/// Which p-values are taken where few permutations reach a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TailName {
    /// Counted.
    Counted,
    /// Fitted.
    Fitted,
}

fn kind(text: &str) -> Result<VariableKind, String> {
    let all = [VariableKind::Names, VariableKind::Lattice, VariableKind::Mixed, VariableKind::Continuous];
    let found = all.into_iter().find(|kind| kind.name() == text);
    found.ok_or_else(|| "allowed are names, lattice, mixed and continuous".into())
}

fn correction(text: &str) -> Result<MultipleTests, String> {
    MultipleTests::named(text).ok_or_else(|| {
        let all: Vec<&str> = MultipleTests::ALL.into_iter().map(MultipleTests::name).collect();
        format!("allowed are {}", all.join(", "))
    })
}

/// Ranks the columns of a table.
pub fn rank(arguments: &Args, clock: &Clock) -> Result<ExitCode, Failure> {
    let format = arguments.out.as_deref().map(format_of).transpose()?;
    let (mut columns, mut target, reading) = read(arguments, clock)?;
    name_symbols(arguments, &mut columns, &reading)?;
    target.kind = arguments.target_kind;
    let options = RankOptions {
        k: arguments.k,
        permutations: arguments.permutations,
        tail: match arguments.tail {
            TailName::Counted => Tail::Counted,
            TailName::Fitted => Tail::Fitted,
        },
        correction: arguments.correction,
        missing: if arguments.missing == "symbol" { MissingSymbols::Symbol } else { MissingSymbols::Drop },
        seed: arguments.seed,
    };
    clock.begin("measuring the columns", 0);
    let found = infoplane::estimator::rank::rank(&columns, &target, &options)
        .map_err(|error| told(&error, arguments))?;
    clock.clear();
    if let (Some(path), Some(format)) = (&arguments.out, format) {
        let saved = table::ranking(&found, &columns).save(format, path);
        saved.map_err(|error| Failure::machine(format!("{}: {error}", printable_path(path))))?;
        clock.note(&format!("wrote {}", printable_path(path)));
    }
    match arguments.json {
        true => print_json("estimate rank", object(arguments, &found, &columns, &reading))?,
        false => print(arguments, &found, &columns)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn format_of(path: &Path) -> Result<TableFormat, Failure> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    extension.parse().map_err(|_| {
        Failure::input(format!(
            "--out {}; allowed are names that end in .csv, .jsonl or .arrow",
            printable_path(path)
        ))
    })
}

/// The columns, and the target, which is none of them.
fn read(arguments: &Args, clock: &Clock) -> Result<(Vec<Column>, Column, Reading), Failure> {
    let (path, key) = file_and_name(&arguments.table);
    let found = Reader::default().columns(&path, key.as_deref()).map_err(Failure::input)?;
    let Samples { values: mut columns, mut reading, .. } = found;
    let is_table = !reading.columns.is_empty();
    clock.note(&reading.to_string());
    // A column of the table, which may have been left out or not asked for; else another file.
    let target = match place(&arguments.target, &columns, &reading)? {
        Some(at) => taken(at, &mut columns, &mut reading),
        None => other_target(arguments, &path, is_table, clock)?,
    };
    if target.len() != reading.rows {
        return Err(Failure::input(format!(
            "{} holds {} samples, but {} holds {}; each sample needs a row in both",
            arguments.table,
            reading.rows,
            arguments.target,
            target.len()
        )));
    }
    for given in &arguments.except {
        match place(given, &columns, &reading)? {
            Some(at) => drop(taken(at, &mut columns, &mut reading)),
            None => return Err(no_column("--except", given, &reading)),
        }
    }
    if columns.is_empty() {
        return Err(Failure::input(format!("{}: there is no column beside the target", arguments.table)));
    }
    Ok((columns, target, reading))
}

/// Takes a column out of those that were read.
fn taken(at: usize, columns: &mut Vec<Column>, reading: &mut Reading) -> Column {
    reading.fields.remove(at);
    if !reading.columns.is_empty() {
        reading.columns.remove(at);
    }
    columns.remove(at)
}

fn no_column(flag: &str, given: &str, reading: &Reading) -> Failure {
    Failure::input(format!("{flag} {}: {} has no such column", printable(given), reading.file))
        .with_advice("columns are given by name or number, separated by commas")
}

/// The target, where it is none of the columns that were read.
fn other_target(arguments: &Args, path: &Path, is_table: bool, clock: &Clock) -> Result<Column, Failure> {
    let given = &arguments.target;
    let (other, key) = file_and_name(given);
    let advice = "--target takes a name or number of a column, or another file with what follows a colon";
    let samples = if other.is_file() {
        Reader::default().columns(&other, key.as_deref())
    } else if is_table {
        // It says which columns there are.
        Reader::default().columns(path, Some(given))
    } else {
        let failure = Failure::input(format!(
            "--target {}: it is neither a column of {} nor a file",
            printable(given),
            arguments.table
        ));
        return Err(failure.with_advice(advice));
    };
    let Samples { mut values, reading, .. } =
        samples.map_err(|error| Failure::input(error).with_advice(advice))?;
    clock.note(&reading.to_string());
    match values.len() {
        1 => Ok(values.remove(0)),
        n => Err(Failure::input(format!("--target {}: {n} columns; allowed is one", printable(given)))
            .with_advice("a column of a file follows a colon: labels.csv:diagnosis")),
    }
}

/// The place of the column of this name, or else of this number.
fn place(given: &str, columns: &[Column], reading: &Reading) -> Result<Option<usize>, Failure> {
    let given = given.trim();
    let is_table = !reading.columns.is_empty();
    let named: Vec<usize> = (0..columns.len()).filter(|&at| is_table && columns[at].name == given).collect();
    match named[..] {
        [at] => return Ok(Some(at)),
        [] => {}
        _ => {
            let numbers: Vec<String> = named.iter().map(|&at| reading.fields[at].to_string()).collect();
            return Err(Failure::input(format!(
                "{}: several columns are called {}; their numbers are {}",
                reading.file,
                printable(given),
                numbers.join(", ")
            )));
        }
    }
    let number: Option<usize> = given.parse().ok();
    Ok(number.and_then(|number| reading.fields.iter().position(|&field| field == number)))
}

/// Makes symbols of the columns of --names.
fn name_symbols(arguments: &Args, columns: &mut [Column], reading: &Reading) -> Result<(), Failure> {
    for given in &arguments.names {
        let Some(at) = place(given, columns, reading)? else {
            return Err(no_column("--names", given, reading));
        };
        if matches!(columns[at].values, Values::Numbers(_)) {
            columns[at].kind = Some(VariableKind::Names);
        }
    }
    Ok(())
}

fn told(error: &EstimateError, arguments: &Args) -> Failure {
    let target = printable(&arguments.target);
    match error {
        EstimateError::NotFinite { row, value, .. } => {
            Failure::input(format!("--target {target}: it holds {value} in row {row} (from 0)"))
        }
        error => Failure::input(format!("--target {target}: {error}")),
    }
}

/// A p-value in so few letters.
fn short(p: Option<f64>) -> String {
    match p {
        None => String::new(),
        Some(p) if p < 1e-99 => "<1e-99".into(),
        Some(p) if p < 0.0001 => format!("{p:.0e}"),
        Some(p) => format!("{p:.4}"),
    }
}

fn print(arguments: &Args, found: &Ranking, columns: &[Column]) -> Result<(), Failure> {
    let mut out = Screen::lock();
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let told = format!(
        "{} against {} ({}), {}",
        plural(columns.len(), "column"),
        printable(&arguments.target),
        found.target_kind.name(),
        plural(found.n_samples, "row"),
    );
    writeln!(out, "{}", fitted(&told, width()))?;
    if found.target_missing > 0 {
        writeln!(out, "{} without a target left out", plural(found.target_missing, "row"))?;
    }
    let name = |column: &RankedColumn| printable(&columns[column.index].name).into_owned();
    let shown = || found.columns.iter().take(arguments.top);
    let widest = shown().map(|column| name(column).chars().count()).max().unwrap_or(0).clamp(6, 22);
    writeln!(out)?;
    let mut line = |[rank, column, kind, bits, error, p, q, n]: [&str; 8]| {
        writeln!(
            out,
            "{rank:>4}  {column:<widest$}  {kind:<10}  {bits:>7}  {error:>6}  {p:>6}  {q:>6}  {n:>7}"
        )
    };
    line(["rank", "column", "kind", "bits", "error", "p", "q", "n"])?;
    let mut notes = Vec::new();
    for column in shown() {
        let rank = column.rank.map(|rank| rank.to_string()).unwrap_or_default();
        let whole = name(column);
        let cut: String = match whole.chars().count() > widest {
            true => whole.chars().take(widest - 1).chain(['…']).collect(),
            false => whole.clone(),
        };
        let kind = column.kind.map_or("", VariableKind::name);
        // What rounds to 0 is printed without a sign.
        let bits = column.information.map(|it| if it.bits().abs() < 5e-5 { 0.0 } else { it.bits() });
        let four = |value: Option<f64>| value.map(|value| format!("{value:.4}")).unwrap_or_default();
        let error = four(column.standard_error.map(|error| error.bits()));
        let (p, q) = (short(column.p_value), short(column.q_value));
        let n = column.n_samples.to_string();
        line([&rank, &cut, kind, &four(bits), &error, &p, &q, &n])?;
        let missing = (column.missing > 0).then(|| format!("{} missing", plural(column.missing, "value")));
        let of_column = missing.into_iter().chain(column.notes.iter().map(Note::to_string));
        notes.extend(of_column.map(|note| (whole.clone(), note)));
    }
    if found.columns.len() > arguments.top {
        writeln!(
            out,
            "… and {} more; --top N shows them, --out FILE writes them",
            found.columns.len() - arguments.top
        )?;
    }
    if !notes.is_empty() {
        writeln!(out)?;
    }
    for (name, note) in notes {
        writeln!(out, "{}", titled("  ", format_args!("{name}: {note}")))?;
    }
    writeln!(out)?;
    let how = format!(
        "p: for independence, of {} permutations or fewer, or of chi-squared; q: p corrected by {}",
        found.permutations,
        arguments.correction.name()
    );
    writeln!(out, "{}", fitted(&how, width()))?;
    if found.too_few_permutations {
        let advice = "One column alone cannot reach q = .05 with so few permutations: --permutations N makes more, \
                      --tail fitted extrapolates";
        writeln!(out, "{}", fitted(advice, width()))?;
    }
    Ok(())
}

fn object(arguments: &Args, found: &Ranking, columns: &[Column], reading: &Reading) -> Value {
    let row = |column: &RankedColumn| {
        let notes: Vec<String> = column.notes.iter().map(Note::to_string).collect();
        json!({
            "rank": column.rank,
            "column": columns[column.index].name,
            "kind": column.kind.map(VariableKind::name),
            "method": column.method,
            "bits": column.information.map(|information| information.bits()),
            "standard_error_bits": column.standard_error.map(|error| error.bits()),
            "p_value": column.p_value,
            "p_kind": column.p_kind.map(|kind| kind.name()),
            "p_counted": column.p_counted,
            "permutations": column.permutations,
            "q_value": column.q_value,
            "n": column.n_samples,
            "missing": column.missing,
            "note": (!notes.is_empty()).then(|| notes.join("; ")),
        })
    };
    json!({
        "target": arguments.target,
        "target_kind": found.target_kind.name(),
        "n": found.n_samples,
        "target_missing": found.target_missing,
        "permutations": found.permutations,
        "too_few_permutations": found.too_few_permutations,
        "correction": arguments.correction.name(),
        "columns": found.columns.iter().map(row).collect::<Vec<_>>(),
        "read": { "file": reading.file, "rows": reading.rows, "notes": reading.notes },
    })
}
