//! Statistics of epochs from a table.

use std::collections::BTreeMap;
use std::path::Path;

use super::{RecordError, SEED};
use crate::dataset::names;
use crate::plane::LayerDescription;
use crate::train::{EpochStats, LayerStats};

/// The names that a column may have, in lower case and with `_` for spaces and hyphens; `docs/data.md` lists them.
const NAMES: [(&str, &[&str]); 4] = [
    (TRAIN_LOSS, &["train_loss", "loss", "training_loss"]),
    (TEST_LOSS, &["test_loss", "val_loss", "validation_loss"]),
    (TRAIN_ACCURACY, &["train_accuracy", "accuracy", "acc", "train_acc", "training_accuracy"]),
    (TEST_ACCURACY, &["test_accuracy", "val_accuracy", "val_acc", "test_acc", "validation_accuracy"]),
];

const TRAIN_LOSS: &str = "train_loss";
const TEST_LOSS: &str = "test_loss";
const TRAIN_ACCURACY: &str = "train_accuracy";
const TEST_ACCURACY: &str = "test_accuracy";

/// Statistics of a layer; the name of the layer follows after a dot.
const LAYER_NAMES: [&str; 3] = ["weight_norm", "gradient_mean", "gradient_standard_deviation"];

/// A mean over samples in single precision may exceed 1 by so much.
const ROUNDING: f64 = 1e-6;

/// Reads statistics of epochs from a CSV file with a header.
///
/// The column `epoch` is needed. `train_loss`, `test_loss`, `train_accuracy` and `test_accuracy`, also by the names that
/// Keras gives them (`loss`, `val_loss`, `accuracy`, `val_accuracy`), and of each layer `weight_norm.NAME`,
/// `gradient_mean.NAME` and `gradient_standard_deviation.NAME` go to the columns of the same name; every other column of
/// numbers is kept under its own. Small and capital letters are the same, and so are spaces, hyphens and `_`. Of two
/// columns of the same statistic the first counts, and the other is kept under its own name. Empty fields are not known.
/// Accuracies are shares from 0 to 1.
///
/// # Errors
/// [`RecordError::Statistics`] names the file, the line and the column.
pub fn read_statistics(path: &Path, layers: &[LayerDescription]) -> Result<Vec<EpochStats>, RecordError> {
    Ok(read(path, layers)?.0)
}

/// What each column of the file that [`read_statistics`] reads is taken for, in a few words: `loss` and `train_loss`, `lr`
/// and `a number of that name`.
///
/// # Errors
/// As [`read_statistics`].
pub fn describe_statistics(
    path: &Path,
    layers: &[LayerDescription],
) -> Result<Vec<(String, String)>, RecordError> {
    let columns = read(path, layers)?.1.into_iter();
    Ok(columns.map(|column| (column.name.clone(), column.describe())).collect())
}

/// A column of the table.
struct Column {
    name: String,
    meaning: Meaning,
    /// Whether a number stands in it.
    has_numbers: bool,
}

/// What a column is taken for.
#[derive(Clone, Copy, PartialEq)]
enum Meaning {
    Epoch,
    Known(&'static str),
    /// A statistic of a layer, by its place.
    OfLayer(&'static str, usize),
    /// A number by the name of the column.
    Named,
}

impl Column {
    fn describe(&self) -> String {
        match self.meaning {
            Meaning::Epoch => "epoch".into(),
            Meaning::Known(name) => name.into(),
            Meaning::OfLayer(name, layer) => format!("{name} of layer {}", layer + 1),
            Meaning::Named if self.has_numbers => "a number of that name".into(),
            Meaning::Named => "left out, it holds no numbers".into(),
        }
    }
}

fn read(path: &Path, layers: &[LayerDescription]) -> Result<(Vec<EpochStats>, Vec<Column>), RecordError> {
    let error =
        |line: Option<u64>, problem: String| RecordError::Statistics { path: path.into(), line, problem };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|e| error(None, e.to_string()))?;
    let headers: Vec<String> = reader
        .headers()
        .map_err(|e| error(Some(1), e.to_string()))?
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').to_string())
        .collect();
    let mut columns = columns(&headers, layers).map_err(|problem| error(Some(1), problem))?;
    let Some(epoch_column) = columns.iter().position(|column| column.meaning == Meaning::Epoch) else {
        let problem = format!("no column is called epoch; the columns are {}", names(&headers));
        return Err(error(Some(1), problem));
    };
    let mut all: BTreeMap<u64, EpochStats> = BTreeMap::new();
    for record in reader.records() {
        let record =
            record.map_err(|e| error(e.position().map(|position| position.line()), e.to_string()))?;
        let line = record.position().map(|position| position.line());
        let given = record.get(epoch_column).unwrap_or("");
        let epoch = given
            .parse::<u64>()
            .ok()
            .or_else(|| given.parse::<f64>().ok().filter(|e| e.fract() == 0.0 && *e >= 0.0).map(|e| e as u64))
            .ok_or_else(|| error(line, format!("epoch = {given:?}; allowed are whole numbers from 0")))?;
        let mut stats = EpochStats { seed: SEED, epoch, ..EpochStats::default() };
        for (column, text) in columns.iter_mut().zip(record.iter()).filter(|(_, text)| !text.is_empty()) {
            put(&mut stats, column, text, layers.len()).map_err(|problem| error(line, problem))?;
        }
        if all.insert(epoch, stats).is_some() {
            return Err(error(line, format!("epoch {epoch} stands there twice")));
        }
    }
    Ok((all.into_values().collect(), columns))
}

/// What the columns with these names are taken for.
fn columns(names: &[String], layers: &[LayerDescription]) -> Result<Vec<Column>, String> {
    let mut columns: Vec<Column> = Vec::new();
    for name in names {
        let meaning = meaning(name, layers)?;
        // Of two columns that mean the same the first counts.
        let again = columns.iter().any(|column| column.meaning == meaning);
        let meaning = if again { Meaning::Named } else { meaning };
        columns.push(Column { name: name.clone(), meaning, has_numbers: false });
    }
    Ok(columns)
}

fn meaning(name: &str, layers: &[LayerDescription]) -> Result<Meaning, String> {
    let plain = |name: &str| name.trim().to_lowercase().replace([' ', '-'], "_");
    let whole = plain(name);
    if whole == "epoch" {
        return Ok(Meaning::Epoch);
    }
    if let Some((known, _)) = NAMES.iter().find(|(_, names)| names.contains(&&*whole)) {
        return Ok(Meaning::Known(known));
    }
    let Some((statistic, layer)) = name.split_once('.') else { return Ok(Meaning::Named) };
    let Some(statistic) = LAYER_NAMES.into_iter().find(|known| *known == plain(statistic)) else {
        return Ok(Meaning::Named);
    };
    let place = layers.iter().position(|described| described.name == layer).ok_or_else(|| {
        let layers: Vec<String> = layers.iter().map(|layer| layer.name.clone()).collect();
        format!("the column {name} names no layer; layers are {}", names(&layers))
    })?;
    Ok(Meaning::OfLayer(statistic, place))
}

/// Puts a field of a column where it belongs.
fn put(stats: &mut EpochStats, column: &mut Column, text: &str, n_layers: usize) -> Result<(), String> {
    let name = &column.name;
    let value: f64 = match (text.parse(), column.meaning) {
        (_, Meaning::Epoch) => return Ok(()),
        (Ok(value), _) => value,
        (Err(_), Meaning::Named) => return Ok(()),
        (Err(_), _) => return Err(format!("{name} = {text:?}; allowed are numbers")),
    };
    column.has_numbers = true;
    match column.meaning {
        Meaning::Epoch => {}
        Meaning::Known(known @ (TRAIN_ACCURACY | TEST_ACCURACY)) => {
            if !value.is_nan() && !(0.0..=1.0 + ROUNDING).contains(&value) {
                return Err(format!(
                    "{name} = {text}; allowed are shares from 0 to 1: divide percentages by 100"
                ));
            }
            let place = match known {
                TRAIN_ACCURACY => &mut stats.train_accuracy,
                _ => &mut stats.test_accuracy,
            };
            *place = Some(value as f32);
        }
        Meaning::Known(TRAIN_LOSS) => stats.train_loss = Some(value as f32),
        Meaning::Known(_) => stats.test_loss = Some(value as f32),
        // JSON has no NaN and no infinity; where a training diverges, a number is not known.
        Meaning::Named if !value.is_finite() => {}
        Meaning::Named => _ = stats.scalars.insert(name.clone(), value),
        Meaning::OfLayer(statistic, place) => {
            let unknown =
                LayerStats { weight_norm: f32::NAN, gradient_mean: None, gradient_standard_deviation: None };
            stats.layers.resize(n_layers, unknown);
            let of_layer = &mut stats.layers[place];
            match statistic {
                "weight_norm" => of_layer.weight_norm = value as f32,
                "gradient_mean" => of_layer.gradient_mean = Some(value as f32),
                _ => of_layer.gradient_standard_deviation = Some(value as f32),
            }
        }
    }
    Ok(())
}
