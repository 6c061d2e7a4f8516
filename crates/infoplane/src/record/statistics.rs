//! Statistics of epochs from a table.

use std::collections::BTreeMap;
use std::path::Path;

use super::{RecordError, SEED};
use crate::plane::LayerDescription;
use crate::train::{EpochStats, LayerStats};

/// The columns that a statistic may have, in lower case.
const NAMES: [(&str, &[&str]); 4] = [
    ("train_loss", &["train_loss", "loss", "training_loss"]),
    ("test_loss", &["test_loss", "val_loss", "validation_loss"]),
    ("train_accuracy", &["train_accuracy", "accuracy", "acc", "train_acc", "training_accuracy"]),
    ("test_accuracy", &["test_accuracy", "val_accuracy", "val_acc", "test_acc", "validation_accuracy"]),
];

/// Reads statistics of epochs from a CSV file with a header.
///
/// The column `epoch` is needed. `train_loss`, `test_loss`, `train_accuracy` and `test_accuracy`, also by the names that
/// Keras gives them (`loss`, `val_loss`, `accuracy`, `val_accuracy`), and of each layer `weight_norm.NAME`,
/// `gradient_mean.NAME` and `gradient_standard_deviation.NAME` go to the columns of the same name; every other column of
/// numbers is kept under its own. Empty fields are not known.
///
/// # Errors
/// [`RecordError::Statistics`] names the file, the line and the column.
pub fn read_statistics(path: &Path, layers: &[LayerDescription]) -> Result<Vec<EpochStats>, RecordError> {
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
    let Some(epoch_column) = headers.iter().position(|name| name.eq_ignore_ascii_case("epoch")) else {
        let problem = format!("no column is called epoch; the columns are {}", headers.join(", "));
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
        let columns = headers.iter().zip(record.iter()).enumerate();
        for (_, (name, text)) in
            columns.filter(|(column, (_, text))| *column != epoch_column && !text.is_empty())
        {
            let value: f64 = match text.parse() {
                Ok(value) => value,
                Err(_) if known(name).is_none() && layer_statistic(name).is_none() => continue,
                Err(_) => return Err(error(line, format!("{name} = {text:?}; allowed are numbers"))),
            };
            put(&mut stats, name, value, layers).map_err(|problem| error(line, problem))?;
        }
        if all.insert(epoch, stats).is_some() {
            return Err(error(line, format!("epoch {epoch} stands there twice")));
        }
    }
    Ok(all.into_values().collect())
}

fn known(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    NAMES.iter().find(|(_, names)| names.contains(&&*name)).map(|(known, _)| *known)
}

fn layer_statistic(name: &str) -> Option<(&str, &str)> {
    let (statistic, layer) = name.split_once('.')?;
    ["weight_norm", "gradient_mean", "gradient_standard_deviation"]
        .contains(&statistic)
        .then_some((statistic, layer))
}

fn put(stats: &mut EpochStats, name: &str, value: f64, layers: &[LayerDescription]) -> Result<(), String> {
    match known(name) {
        Some("train_loss") => stats.train_loss = Some(value as f32),
        Some("test_loss") => stats.test_loss = Some(value as f32),
        Some("train_accuracy") => stats.train_accuracy = Some(value as f32),
        Some(_) => stats.test_accuracy = Some(value as f32),
        None => match layer_statistic(name) {
            None => _ = stats.scalars.insert(name.into(), value),
            Some((statistic, layer)) => {
                let place = layers.iter().position(|described| described.name == layer).ok_or_else(|| {
                    let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
                    format!("the column {name} names no layer; layers are {}", names.join(", "))
                })?;
                let unknown = LayerStats {
                    weight_norm: f32::NAN,
                    gradient_mean: None,
                    gradient_standard_deviation: None,
                };
                stats.layers.resize(layers.len(), unknown);
                let of_layer = &mut stats.layers[place];
                match statistic {
                    "weight_norm" => of_layer.weight_norm = value as f32,
                    "gradient_mean" => of_layer.gradient_mean = Some(value as f32),
                    _ => of_layer.gradient_standard_deviation = Some(value as f32),
                }
            }
        },
    }
    Ok(())
}
