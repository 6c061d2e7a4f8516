//! What figures and summary of pooled networks say in words.

use super::{Setting, called};
use crate::Bound;
use crate::experiment::{AsIfRandom, AsIfRandomResult, PoolConfig};
use crate::figure::words as caption;
use crate::figure::{Note, NoteCode};
use crate::pool::{DRIFT_SHARE_DIVISOR, PooledMean, PooledPoint, Verdict};

/// Which networks are pooled: `the last 256 epochs`.
pub(crate) fn window(settings: &AsIfRandom, n_seeds: usize) -> String {
    match &settings.pool {
        PoolConfig::Epochs { window: 1, last, .. } => {
            last.map_or("the last epoch".to_string(), |last| format!("epoch {last}"))
        }
        PoolConfig::Epochs { window, stride: 0 | 1, last: None } => format!("the last {window} epochs"),
        PoolConfig::Epochs { window, stride: 0 | 1, last: Some(last) } => {
            format!("the {window} epochs up to epoch {last}")
        }
        PoolConfig::Epochs { window, stride, last } => {
            let to = last.map_or("the last epoch".to_string(), |last| format!("epoch {last}"));
            format!("{window} networks, one every {stride} epochs, up to {to}")
        }
        PoolConfig::Steps { window, stride, last } => {
            let to =
                last.map_or("the end of training".to_string(), |last| format!("the end of epoch {last}"));
            match stride {
                _ if *window == 1 => format!("the network after one mini-batch step, at {to}"),
                0 | 1 => format!("{window} successive mini-batch steps, up to {to}"),
                stride => format!("{window} networks, one every {stride} mini-batch steps, up to {to}"),
            }
        }
        PoolConfig::Seeds { epoch } => {
            let at = epoch.map_or("at the last epoch".to_string(), |epoch| format!("at epoch {epoch}"));
            format!("{n_seeds} {} {at}", if n_seeds == 1 { "seed" } else { "seeds" })
        }
    }
}

/// Whether the pool is one over seeds.
pub(crate) fn over_seeds(result: &AsIfRandomResult) -> bool {
    matches!(result.settings.pool, PoolConfig::Seeds { .. })
}

/// The largest number of networks pooled.
pub(crate) fn n_networks(result: &AsIfRandomResult) -> usize {
    let measured = result.rows.iter().map(|row| row.n_networks);
    measured.chain(result.overlap.iter().map(|row| row.n_networks)).max().unwrap_or(result.window.len())
}

/// The facts below the title of a figure: the setting, if there is one, the data, the number of inputs and seeds, and the
/// window.
pub(super) fn facts(result: &AsIfRandomResult, setting: &str, n_seeds: usize) -> Vec<String> {
    let mut facts = Vec::new();
    if !setting.is_empty() {
        facts.push(setting.to_string());
    }
    facts.push(result.data.name.clone());
    facts.push(format!("n = {}", result.data.n_measured));
    if !over_seeds(result) {
        facts.push(if n_seeds == 1 { "1 seed".into() } else { format!("{n_seeds} seeds") });
    }
    facts.push(window(&result.settings, n_networks(result)));
    facts
}

/// The facts of a figure of one setting.
pub(super) fn facts_of(result: &AsIfRandomResult, setting: &Setting) -> Vec<String> {
    facts(result, setting.name(), setting.n_seeds)
}

/// The title of a figure: what it shows, and of which experiment.
pub(super) fn title(result: &AsIfRandomResult, what: &str) -> String {
    format!("As if random: {what} – {}", result.name)
}

/// The meaning of the error bars of means over seeds.
pub(super) fn mean_note(n_seeds: usize) -> Vec<Note> {
    match n_seeds {
        0 | 1 => vec![],
        n => {
            let text = format!("Means over {n} seeds, with standard errors.");
            vec![Note::reading(NoteCode::Seeds, text)]
        }
    }
}

/// Whether any value has a standard error: those of a single network, or of one subset, have none.
pub(crate) fn has_errors(setting: &Setting) -> bool {
    let of_point = |point: &PooledPoint| {
        [point.h_t_bits, point.h_t_given_x_bits, point.i_xt_bits, point.i_ty_bits, point.control_bits]
    };
    setting.layers.iter().any(|layer| {
        let values = layer.trend.iter().flat_map(of_point).chain([layer.corrected_i_xt_bits]);
        values.flatten().any(|mean| mean.standard_error.is_some())
    })
}

/// The meaning of the error bars.
pub(super) fn reading(result: &AsIfRandomResult, setting: &Setting) -> Vec<Note> {
    let text = match setting.n_seeds {
        1 if !has_errors(setting) => return vec![],
        1 if over_seeds(result) => "Error bars: standard errors over disjoint subsets of the seeds.",
        1 => {
            "Error bars: standard errors over interleaved subsets of the window, too small where its networks are \
             correlated."
        }
        n => return mean_note(n),
    };
    vec![Note::reading(NoteCode::Seeds, text)]
}

/// Caveats beside the numbers: verdicts, the share due to drift, bounds, values outside the bins, and what is missing.
pub(crate) fn notes(result: &AsIfRandomResult, setting: &Setting) -> Vec<Note> {
    let drift = [verdicts(result, setting), drift_share(result, setting)].into_iter().flatten();
    let mut notes: Vec<Note> = drift.map(|text| Note::fact(NoteCode::Drift, text)).collect();
    let first = setting.first();
    if let Some(bound) = first.method.bound {
        let bound = if bound == Bound::Upper { "an upper bound" } else { "a lower bound" };
        let text = format!(
            "H(T) and I(X;T) are computed from {bound} on the entropy of a mixture; the difference of two such bounds is not \
             itself a bound."
        );
        notes.push(Note::fact(NoteCode::Bound, text));
    }
    // Files may hold any counts.
    let outside = setting.layers.iter().map(|layer| layer.out_of_range).fold(0, u64::saturating_add);
    if outside > 0 {
        let values = |layer: &PooledMean| {
            let sizes = [layer.width, result.data.n_measured, setting.n_networks(), setting.n_seeds.max(1)];
            sizes.map(|n| n as f64).iter().product::<f64>()
        };
        let all: f64 = setting.layers.iter().map(values).sum();
        let text = format!(
            "Out of range: {outside} values ({}) of the pooled networks lie outside the bins.",
            caption::percent(outside as f64 / all.max(1.0))
        );
        notes.push(Note::warning(NoteCode::ClippedBins, text));
    } else if first.method.estimator == "binned" && setting.layers.iter().any(|layer| !layer.trend.is_empty())
    {
        let none = "Out of range: no value lies outside the bins.";
        notes.push(Note::fact(NoteCode::ClippedBins, none));
    }
    let missing =
        setting.layers.iter().flat_map(|layer| &layer.missing).map(|missing| missing.reason.as_str()).min();
    if let Some(reason) = missing {
        let text = format!("Some values could not be measured: {}.", reason.trim_end_matches('.'));
        notes.push(Note::warning(NoteCode::Missing, text));
    }
    notes
}

/// `Stationary: T₁, T₂ (2 of 3 seeds; drifting in 1). Drifting: T₃.`
fn verdicts(result: &AsIfRandomResult, setting: &Setting) -> Option<String> {
    let layers_with = |verdict: Verdict| -> Vec<String> {
        let layers =
            setting.layers.iter().filter(|layer| layer.verdicts.first().map(|v| v.0) == Some(verdict));
        layers.map(|layer| layer_with_verdict(result, layer)).collect()
    };
    let parts: Vec<String> = Verdict::ALL
        .into_iter()
        .filter_map(|verdict| {
            let layers = layers_with(verdict);
            let mut name = verdict.name().to_string();
            name[..1].make_ascii_uppercase();
            (!layers.is_empty()).then(|| format!("{name}: {}.", layers.join(", ")))
        })
        .collect();
    (!parts.is_empty()).then(|| format!("Verdict – {}", parts.join(" ")))
}

/// `T₂`, with the numbers of seeds where they differ.
fn layer_with_verdict(result: &AsIfRandomResult, layer: &PooledMean) -> String {
    let name = called(result, layer.layer);
    let [(_, count), others @ ..] = layer.verdicts.as_slice() else { return name };
    if others.is_empty() {
        return name;
    }
    let all: usize = layer.verdicts.iter().map(|(_, count)| count).sum();
    let others: Vec<String> =
        others.iter().map(|(verdict, count)| format!("{} in {count}", verdict.name())).collect();
    format!("{name} ({count} of {all} seeds; {})", others.join(", "))
}

/// The share of the loss that is due to drift.
fn drift_share(result: &AsIfRandomResult, setting: &Setting) -> Option<String> {
    let shares = setting.layers.iter().filter_map(|layer| {
        Some(format!("{:.0} % ({})", 100.0 * layer.drift_share?.mean, called(result, layer.layer)))
    });
    let shares: Vec<String> = shares.collect();
    let size = setting.n_networks() / DRIFT_SHARE_DIVISOR;
    (!shares.is_empty()).then(|| {
        format!(
            "Share due to drift: of the information that {size} networks strided over the window take from I(X;T), this \
             fraction is lost only across the window and not to {size} contiguous networks: {}. It is 0 % for independent \
             samples and nearly 100 % for steady motion.",
            shares.join(", ")
        )
    })
}
