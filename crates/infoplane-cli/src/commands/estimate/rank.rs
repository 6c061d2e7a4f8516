//! `infoplane estimate rank`.

use std::collections::HashMap;
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

use super::unsigned;
use crate::failure::Failure;
use crate::flags::machine::MemoryFlags;
use crate::flags::out::{refuse_input, refuse_unwritable};
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
    #[command(flatten)]
    pub memory: MemoryFlags,
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
    if let Some(out) = &arguments.out {
        refuse_input(out, &file_and_name(&arguments.table).0)?;
        refuse_unwritable(out)?;
    }
    let mut read = read(arguments, clock)?;
    read.target.kind = arguments.target_kind;
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
    let found = infoplane::estimator::rank::rank(&read.columns, &read.target, &options)
        .map_err(|error| told(&error, arguments))?;
    clock.clear();
    // Whoever reads the output may stop before its end, and what cannot be saved is printed all the same.
    let saved = match (&arguments.out, format) {
        (Some(path), Some(format)) => table::ranking(&found, &read.columns)
            .save(format, path)
            .map(|()| clock.note(&format!("wrote {}", printable_path(path))))
            .map_err(|error| Failure::machine(format!("cannot write {}: {error}", printable_path(path)))),
        _ => Ok(()),
    };
    match arguments.json {
        true => print_json("estimate rank", object(arguments, &found, &read))?,
        false => print(arguments, &found, &read.columns)?,
    }
    saved?;
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

/// What is ranked against what.
struct Read {
    /// Each with its number in its name where others of the file are called the same.
    columns: Vec<Column>,
    /// What the columns are called in the file, and their numbers there.
    called: Vec<(String, usize)>,
    target: Column,
    reading: Reading,
}

/// What a column that was read is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Ranked,
    Target,
    LeftOut,
}

/// The columns, and the target, which is none of them.
fn read(arguments: &Args, clock: &Clock) -> Result<Read, Failure> {
    let (path, key) = file_and_name(&arguments.table);
    let found = Reader::default().columns(&path, key.as_deref())?;
    let Samples { values: mut columns, reading, .. } = found;
    clock.note(&reading.to_string());
    let mut uses = vec![Use::Ranked; columns.len()];
    // A column of the table, which may not have been asked for; else another file.
    let target = match place(&arguments.target, &columns, &reading)? {
        Some(at) => {
            uses[at] = Use::Target;
            columns[at].clone()
        }
        None => other_target(arguments, &path, !reading.columns.is_empty(), clock)?,
    };
    if target.len() != reading.rows {
        return Err(Failure::input(format!(
            "{} holds {}, but {} holds {}; each sample needs a row in both",
            arguments.table,
            plural(reading.rows, "sample"),
            cut(&arguments.target, LONGEST),
            target.len()
        )));
    }
    for given in &arguments.except {
        let at = ranked("--except", given, (&columns, &uses), arguments, &reading)?;
        uses[at] = Use::LeftOut;
    }
    for given in &arguments.names {
        let at = ranked("--names", given, (&columns, &uses), arguments, &reading)?;
        if matches!(columns[at].values, Values::Numbers(_)) {
            columns[at].kind = Some(VariableKind::Names);
        }
    }
    let mut n_called: HashMap<String, usize> = HashMap::new();
    columns.iter().for_each(|column| *n_called.entry(column.name.clone()).or_default() += 1);
    let (mut called, mut kept) = (Vec::new(), Vec::new());
    for ((mut column, &number), is) in columns.into_iter().zip(&reading.fields).zip(uses) {
        if is == Use::Ranked {
            called.push((column.name.clone(), number));
            if n_called[&column.name] > 1 {
                column.name = format!("{} (number {number})", column.name);
            }
            kept.push(column);
        }
    }
    if kept.is_empty() {
        return Err(Failure::input(format!("{}: there is no column beside the target", arguments.table)));
    }
    Ok(Read { columns: kept, called, target, reading })
}

/// The place of a column that is ranked, as a flag gives it.
fn ranked(
    flag: &str,
    given: &str,
    (columns, uses): (&[Column], &[Use]),
    arguments: &Args,
    reading: &Reading,
) -> Result<usize, Failure> {
    let told = format!("{flag} {}", cut(given, LONGEST));
    let is = match place(given, columns, reading)? {
        Some(at) if uses[at] == Use::Ranked => return Ok(at),
        Some(at) => Some(uses[at]),
        // The target may be a column that was not asked for.
        None if given.trim() == arguments.target.trim() => Some(Use::Target),
        None => None,
    };
    Err(match is {
        Some(Use::Target) => Failure::input(format!("{told}: it is the target, which is not ranked"))
            .with_advice(match flag {
                "--names" => "--target-kind names takes the target as symbols",
                _ => "name other columns, or another --target",
            }),
        Some(_) => Failure::input(format!("{told}: it was left out by --except"))
            .with_advice("name it once, in --except or in --names"),
        None if given.trim().is_empty() => Failure::input(format!("{flag}: a name is empty"))
            .with_advice("columns are given by name or number, separated by commas"),
        None => Failure::input(format!("{told}: {} has no such column", reading.file))
            .with_advice("columns are given by name or number, separated by commas"),
    })
}

/// The target, where it is none of the columns that were read.
fn other_target(arguments: &Args, path: &Path, is_table: bool, clock: &Clock) -> Result<Column, Failure> {
    let given = &arguments.target;
    let advice = "--target takes a name or number of a column, or another file with what follows a colon";
    if given.trim().is_empty() {
        return Err(Failure::input("--target: the name is empty").with_advice(advice));
    }
    let (other, key) = file_and_name(given);
    let told = format!("--target {}", cut(given, LONGEST));
    let samples = if other.is_file() {
        arguments.out.as_deref().map_or(Ok(()), |out| refuse_input(out, &other))?;
        Reader::default().columns(&other, key.as_deref())
    } else if is_table {
        // It says which columns there are.
        Reader::default().columns(path, Some(given))
    } else {
        let failure =
            Failure::input(format!("{told}: it is neither a column of {} nor a file", arguments.table));
        return Err(failure.with_advice(advice));
    };
    let Samples { mut values, reading, .. } =
        samples.map_err(|error| Failure::from(error).with_advice(advice))?;
    clock.note(&reading.to_string());
    match values.len() {
        1 => Ok(values.remove(0)),
        n => Err(Failure::input(format!("{told}: {n} columns; allowed is one"))
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
                cut(given, LONGEST),
                numbers.join(", ")
            )));
        }
    }
    let number: Option<usize> = given.parse().ok();
    Ok(number.and_then(|number| reading.fields.iter().position(|&field| field == number)))
}

fn told(error: &EstimateError, arguments: &Args) -> Failure {
    let target = cut(&arguments.target, LONGEST);
    match error {
        EstimateError::NotFinite { row, value, .. } => {
            Failure::input(format!("--target {target}: it holds {value} in row {row} (from 0)"))
        }
        EstimateError::Setting { key: "target_kind", given, .. } => {
            Failure::input(format!("--target-kind {given}: the target {target} is text; allowed is names"))
        }
        error => Failure::input(format!("--target {target}: {error}")),
    }
}

/// Letters of a name in notes and messages, at most.
pub(super) const LONGEST: usize = 36;

/// A name in at most so many letters: of a longer one the beginning and the end.
pub(super) fn cut(name: &str, most: usize) -> String {
    let name: Vec<char> = printable(name).chars().collect();
    if name.len() <= most {
        return name.into_iter().collect();
    }
    let end = most / 2;
    let beginning = most - 1 - end;
    name[..beginning].iter().chain(&['…']).chain(&name[name.len() - end..]).collect()
}

/// A note in which names are short.
fn in_short(note: &Note) -> String {
    match note {
        Note::EqualTo { column } => Note::EqualTo { column: cut(column, LONGEST) }.to_string(),
        Note::OneToOne { column } => Note::OneToOne { column: cut(column, LONGEST) }.to_string(),
        note => note.to_string(),
    }
}

fn plural(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
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
    let told = format!(
        "{} against {} ({}), {}",
        plural(columns.len(), "column"),
        cut(&arguments.target, LONGEST),
        found.target_kind.name(),
        plural(found.n_samples, "row"),
    );
    writeln!(out, "{}", fitted(&told, width()))?;
    if found.target_missing > 0 {
        writeln!(out, "{} without a target left out", plural(found.target_missing, "row"))?;
    }
    /// Letters of a name in the table, at most.
    const CELL: usize = 20;
    let name = |column: &RankedColumn, most: usize| cut(&columns[column.index].name, most);
    let shown = || found.columns.iter().take(arguments.top);
    let widest = shown().map(|column| name(column, CELL).chars().count()).max().unwrap_or(0).max(6);
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
        let kind = column.kind.map_or("", VariableKind::name);
        let bits = column.information.map(|it| unsigned(it.bits(), 1e-4));
        let four = |value: Option<f64>| value.map(|value| format!("{value:.4}")).unwrap_or_default();
        let error = four(column.standard_error.map(|error| error.bits()));
        let (p, q) = (short(column.p_value), short(column.q_value));
        let n = column.n_samples.to_string();
        line([&rank, &name(column, CELL), kind, &four(bits), &error, &p, &q, &n])?;
        let missing = (column.missing > 0).then(|| format!("{} missing", plural(column.missing, "value")));
        let of_column = missing.into_iter().chain(column.notes.iter().map(in_short));
        notes.extend(of_column.map(|note| (name(column, LONGEST), note)));
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
    let by = match found.permutations {
        0 => "of chi-squared alone, without permutations".into(),
        1 => "of 1 permutation, or of chi-squared".into(),
        n => format!("of {n} permutations or fewer, or of chi-squared"),
    };
    let how = format!("p: for independence, {by}; q: p corrected by {}", arguments.correction.name());
    writeln!(out, "{}", fitted(&how, width()))?;
    if found.too_few_permutations {
        let advice = "One column alone cannot reach q = .05 with so few permutations: --permutations N makes more, \
                      --tail fitted extrapolates";
        writeln!(out, "{}", fitted(advice, width()))?;
    }
    Ok(())
}

fn object(arguments: &Args, found: &Ranking, read: &Read) -> Value {
    let row = |column: &RankedColumn| {
        let notes: Vec<String> = column.notes.iter().map(Note::to_string).collect();
        let (name, number) = &read.called[column.index];
        json!({
            "rank": column.rank,
            "column": name,
            "number": number,
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
        "k": arguments.k,
        "seed": arguments.seed,
        "tail": match arguments.tail {
            TailName::Counted => "counted",
            TailName::Fitted => "fitted",
        },
        "correction": arguments.correction.name(),
        "columns": found.columns.iter().map(row).collect::<Vec<_>>(),
        "read": { "file": read.reading.file, "rows": read.reading.rows, "notes": read.reading.notes },
    })
}
