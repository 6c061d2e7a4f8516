//! Files of samples named on the command line.

use std::path::{Path, PathBuf};

use infoplane::dataset::DatasetError;
use infoplane::dataset::read::{Array, Column, Except, Missing, Reader, Reading, Samples, file_and_name};
use infoplane::estimator::OwnedVariable;
use infoplane::estimator::series::Series;
use infoplane::printable::printable_path;
use infoplane::{Labels, Variable};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::terminal::Clock;

pub const FILES: &str = "\
Files: tables (.csv, .tsv, .txt), .npy, .npz, .mat, .safetensors, .h5, IDX; - is standard input. An array of \
several, or columns of a table, follow a colon: acts.npz:T3, table.csv:age, table.csv:age,height, table.csv:0-2. \
Rows are samples. A line on stderr, and \"read\" of --json, say what was read of each file.
`infoplane estimators` lists the estimators, `infoplane estimators NAME` explains the keys of one.";

/// How files are read.
#[derive(Debug, clap::Args)]
pub struct TableFlags {
    /// Rows that lack a value: refuse them, drop them from all variables, or make what lacks a symbol of its own (labels)
    #[arg(long, value_name = "RULE", default_value = "refuse", display_order = 490,
          value_parser = ["refuse", "drop", "symbol"])]
    pub missing: String,
    /// Columns to leave out of tables that are read whole, by name or number
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', display_order = 491)]
    pub except: Vec<String>,
}

impl TableFlags {
    fn missing(&self) -> Missing {
        match &self.missing[..] {
            "drop" => Missing::Drop,
            "symbol" => Missing::Symbol,
            _ => Missing::Refuse,
        }
    }
}

/// What a file is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    Numbers,
    /// Rows as symbols.
    Symbols,
    /// One label per sample.
    Labels,
}

/// A variable of a command.
pub struct Asked<'a> {
    /// The file, with an array or columns after a colon.
    pub argument: &'a str,
    pub kind: As,
    /// What a person is told the variable is: X, the label.
    pub role: &'static str,
    /// The flag that takes its rows as symbols, if there is one.
    pub flag: Option<&'static str>,
}

/// The variables of a command, of the same rows.
pub struct Inputs {
    variables: Vec<OwnedVariable>,
    readings: Vec<Reading>,
    /// Rows left out because one of the variables lacks a value.
    n_missing: usize,
    /// Of series, which keep all rows: those of each variable that lack a value.
    lacking: Vec<Vec<usize>>,
}

impl Inputs {
    /// Reads all variables, says what was read, and drops the rows that lack a value from all of them.
    ///
    /// A table that is read whole leaves out the columns that are another variable.
    pub fn read(asked: &[Asked<'_>], flags: &TableFlags, clock: &Clock) -> Result<Inputs, Failure> {
        Inputs::together(asked, Inputs::samples(asked, flags, clock)?, clock)
    }

    /// Reads all variables and says what was read, as [`Inputs::read`], but keeps all rows: those of a series are times.
    pub fn read_series(asked: &[Asked<'_>], flags: &TableFlags, clock: &Clock) -> Result<Inputs, Failure> {
        let mut inputs = Inputs { variables: vec![], readings: vec![], n_missing: 0, lacking: vec![] };
        for Samples { values, missing, reading } in Inputs::samples(asked, flags, clock)? {
            inputs.variables.push(values);
            inputs.readings.push(reading);
            inputs.lacking.push(missing);
        }
        inputs.same_length(asked)?;
        Ok(inputs)
    }

    fn samples(
        asked: &[Asked<'_>],
        flags: &TableFlags,
        clock: &Clock,
    ) -> Result<Vec<Samples<OwnedVariable>>, Failure> {
        let places: Vec<(PathBuf, Option<String>)> =
            asked.iter().map(|asked| file_and_name(asked.argument)).collect();
        let whole = |index: usize| places[index].1.is_none() && asked[index].kind != As::Labels;
        // Those that name columns come first: the others leave these out.
        let mut order: Vec<usize> = (0..asked.len()).collect();
        order.sort_by_key(|&index| whole(index));
        let mut found: Vec<Option<Samples<OwnedVariable>>> = asked.iter().map(|_| None).collect();
        for index in order {
            let mut except: Vec<Except> = Vec::new();
            if places[index].1.is_none() {
                let column = |name: &String| Except { column: by_name(name), reason: "--except".into() };
                except.extend(flags.except.iter().map(column));
            }
            let same = |other: &usize| *other != index && is_same(&places[*other].0, &places[index].0);
            if whole(index) {
                for other in (0..asked.len()).filter(same).filter(|&other| !whole(other)) {
                    let Some(other_samples) = &found[other] else { continue };
                    let reason = format!("it is {}", asked[other].role);
                    let fields = other_samples.reading.fields.iter();
                    except.extend(
                        fields.map(|&field| Except { column: Column::Index(field), reason: reason.clone() }),
                    );
                }
            }
            let reader = Reader { except, missing: flags.missing() };
            let (path, key) = &places[index];
            found[index] = Some(read(&reader, path, key.as_deref(), &asked[index])?);
        }
        let samples: Vec<Samples<OwnedVariable>> = found.into_iter().flatten().collect();
        samples.iter().for_each(|samples| clock.note(&samples.reading.to_string()));
        let is_table = samples.iter().any(|samples| !samples.reading.columns.is_empty());
        if !flags.except.is_empty() && !is_table {
            return Err(Failure::input("--except is for columns of tables, and no file here is a table")
                .with_advice("of an array save the columns that are wanted: np.save(\"T.npy\", T[:, :3])"));
        }
        Ok(samples)
    }

    fn together(
        asked: &[Asked<'_>],
        samples: Vec<Samples<OwnedVariable>>,
        clock: &Clock,
    ) -> Result<Inputs, Failure> {
        let (mut variables, mut readings, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        for Samples { values, missing: lacking, reading } in samples {
            variables.push(values);
            readings.push(reading);
            missing.extend(lacking);
        }
        missing.sort_unstable();
        missing.dedup();
        let inputs = Inputs { variables, readings, n_missing: missing.len(), lacking: Vec::new() };
        if missing.is_empty() {
            return Ok(inputs);
        }
        inputs.same_length(asked)?;
        let n = inputs.variable(0).n_samples();
        let kept: Vec<usize> = (0..n).filter(|row| missing.binary_search(row).is_err()).collect();
        if kept.is_empty() {
            let files: Vec<&str> = asked.iter().map(|asked| asked.argument).collect();
            return Err(Failure::input(format!("{}: every row lacks a value", files.join(" and ")))
                .with_advice("--except leaves out columns; a column can be named after a colon"));
        }
        clock.note(&format!("left out {} of {n} rows, which lack a value", missing.len()));
        let select = |variable: &OwnedVariable| variable.variable().select(&kept);
        Ok(Inputs { variables: inputs.variables.iter().map(select).collect(), ..inputs })
    }

    pub fn variable(&self, index: usize) -> Variable<'_> {
        self.variables[index].variable()
    }

    /// A variable of [`Inputs::read_series`] as a series.
    pub fn series(&self, index: usize) -> Series<'_> {
        Series::new(self.variable(index)).with_missing(&self.lacking[index])
    }

    /// Numbers of the columns of a table that a variable is.
    pub fn fields(&self, index: usize) -> &[usize] {
        &self.readings[index].fields
    }

    /// Names of the columns of a table that a variable is; empty of other files.
    pub fn columns(&self, index: usize) -> &[String] {
        &self.readings[index].columns
    }

    pub fn variables(&self) -> Vec<Variable<'_>> {
        self.variables.iter().map(OwnedVariable::variable).collect()
    }

    /// Refuses variables of different numbers of samples.
    pub fn same_length(&self, asked: &[Asked<'_>]) -> Result<(), Failure> {
        let rows = |index: usize| self.variable(index).n_samples();
        let Some(other) = (1..asked.len()).find(|&index| rows(index) != rows(0)) else { return Ok(()) };
        let names = [asked[0].argument, asked[other].argument];
        let failure = Failure::input(format!(
            "{} holds {} samples, but {} holds {}; each sample needs a row in both",
            names[0],
            rows(0),
            names[1],
            rows(other)
        ));
        // Samples side by side, as MATLAB has them.
        let turned = [(0, other), (other, 0)]
            .into_iter()
            .find(|&(index, to)| rows(to) > 1 && self.variable(index).width() == rows(to));
        Err(match turned {
            None => failure,
            Some((index, _)) => failure.with_advice(format!(
                "{} has as many columns: if those are the samples, save it turned, np.save(\"turned.npy\", array.T)",
                asked[index].argument
            )),
        })
    }

    /// Refuses a single sample, which tells nothing.
    pub fn several_samples(&self, asked: &[Asked<'_>]) -> Result<(), Failure> {
        match self.variable(0).n_samples() {
            1 => Err(Failure::input(format!(
                "{} holds a single sample; information needs several, a row each",
                asked[0].argument
            ))),
            _ => Ok(()),
        }
    }

    /// What was read, for programs.
    pub fn json(&self) -> Value {
        let reading = |reading: &Reading| {
            json!({
                "file": reading.file,
                "rows": reading.rows,
                "width": reading.width,
                "columns": reading.columns,
                "notes": reading.notes,
            })
        };
        json!({
            "files": self.readings.iter().map(reading).collect::<Vec<_>>(),
            "rows_left_out": self.n_missing,
        })
    }
}

fn by_name(name: &str) -> Column {
    Column::Name(name.trim().to_owned())
}

/// Whether two variables come from one file.
pub fn same_file(one: &Asked<'_>, other: &Asked<'_>) -> bool {
    is_same(&file_and_name(one.argument).0, &file_and_name(other.argument).0)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    one == other || whole(one) == whole(other)
}

fn read(
    reader: &Reader,
    path: &Path,
    key: Option<&str>,
    asked: &Asked<'_>,
) -> Result<Samples<OwnedVariable>, Failure> {
    let owned = |samples: Samples<Labels>| Samples {
        values: OwnedVariable::Labels(samples.values),
        missing: samples.missing,
        reading: samples.reading,
    };
    match asked.kind {
        As::Labels => reader.labels(path, key).map(owned),
        As::Symbols => reader.symbols(path, key).map(owned),
        As::Numbers => reader.array(path, key).map(|Samples { values, missing, reading }| Samples {
            values: match values {
                Array::Single(values) => OwnedVariable::Single(values),
                Array::Double(values) => OwnedVariable::Double(values),
            },
            missing,
            reading,
        }),
    }
    .map_err(|error| told(error, asked, path, (key.is_some(), reader.missing)))
}

/// An error of a reader, with what can be done about it here; of columns that were `named` none can be left out.
fn told(error: DatasetError, asked: &Asked<'_>, path: &Path, (named, missing): (bool, Missing)) -> Failure {
    let symbols = asked.flag.map(|flag| format!("{flag} takes rows as symbols, which may be text"));
    let advice: Vec<String> = match &error {
        DatasetError::NotANumber { numbers, .. } => {
            let file = printable_path(path);
            let others = !numbers.is_empty() && !named;
            let columns = others.then(|| format!("{file}:{} reads columns of numbers", numbers.join(",")));
            let except = others.then(|| "--except leaves columns out".to_owned());
            // A number that is infinite is no symbol.
            let symbols = symbols.filter(|_| !error.to_string().contains("inf"));
            [columns, except, symbols].into_iter().flatten().collect()
        }
        DatasetError::ElementType { given, .. } if asked.kind == As::Numbers => {
            let is_text = given.trim_start_matches(['<', '>', '|', '=']).starts_with(['U', 'S']);
            symbols.filter(|_| is_text).into_iter().collect()
        }
        DatasetError::Missing { .. } => {
            let drop = "--missing drop leaves such rows out of all variables".to_owned();
            let symbol = match (asked.kind, asked.flag) {
                // Numbers of which some lack are seldom names; who asks for it learns how.
                (As::Numbers, Some(flag)) if missing == Missing::Symbol => {
                    Some(format!("{flag} --missing symbol takes"))
                }
                (As::Numbers, _) => None,
                (As::Symbols | As::Labels, _) => Some("--missing symbol takes".to_owned()),
            };
            let symbol = symbol.map(|flags| format!("{flags} what lacks for a symbol of its own"));
            [Some(drop), symbol].into_iter().flatten().collect()
        }
        DatasetError::NotFinite { value, .. } if value.is_nan() => {
            vec!["--missing drop leaves such rows out of all variables".into()]
        }
        _ => Vec::new(),
    };
    let failure = Failure::from(error);
    if advice.is_empty() { failure } else { failure.with_advice(advice.join("; ")) }
}

/// Refuses a directory inside a run or a result of pooled networks: what it holds is its own. Inside `own` anything but its
/// own files may be written.
pub fn check_outside_runs(out: &Path, own: Option<&Path>) -> Result<(), Failure> {
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_default();
    let place = whole(out);
    let holds =
        |path: &&Path| ["manifest.toml", "as-if-random.toml"].iter().any(|file| path.join(file).is_file());
    let Some(run) = place.ancestors().find(holds) else { return Ok(()) };
    if own.is_some_and(|own| whole(own) == run) && place != run {
        return Ok(());
    }
    Err(Failure::input(format!(
        "--out {}: {} holds a run, and only what belongs to it",
        printable_path(out),
        printable_path(run)
    ))
    .with_advice("name a directory outside of it"))
}
