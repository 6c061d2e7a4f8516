//! The summary of pooled networks in words and columns.

use super::as_if_random_notes;
use crate::Information;
use crate::experiment::AsIfRandomResult;
use crate::figure::pool::words::{has_errors, n_networks, notes, over_seeds, window};
use crate::figure::pool::{Setting, called, layer_name, settings};
use crate::plane::Mean;
use crate::pool::PooledMean;
use crate::printable::printable;
use crate::report::summary::{columns, plain};
use crate::report::{Figure, Formats, files};

const HEADER: [&str; 11] = [
    "layer",
    "H(T)",
    "H(T|X)",
    "I(X;T) at M = 1",
    "pooled",
    "corrected",
    "control",
    "compression",
    "I(T;Y)",
    "drift",
    "verdict",
];

/// Formats the results as text and aligned columns, for a terminal.
///
/// For every setting of every estimator and every layer: H(T), H(T|X) and I(X;T) with all networks pooled, beside I(X;T) of
/// one network, corrected, and of the shuffled control; the compression H(X) − I(X;T); I(T;Y), one network and pooled; the
/// drift and the verdict. In bits, mean ± standard error.
pub fn as_if_random_summary(result: &AsIfRandomResult) -> String {
    let mut text = format!("{}\n{}\n", printable(&result.name), printable(&facts(result)));
    for note in as_if_random_notes(result) {
        text += &format!("{}\n", printable(&note));
    }
    for setting in settings(result) {
        text += &format!("\n{}\n", heading(result, &setting));
        text += &aligned(&table(result, &setting));
        text += &format!("  {}\n", sentence(result, &setting));
        if let Some(drift) = drift(&setting) {
            text += &format!("  {drift}\n");
        }
        for note in notes(result, &setting) {
            text += &format!("  {}\n", printable(&note.text));
        }
    }
    if result.rows.is_empty() {
        text += "\nnothing was measured\n";
    }
    text
}

/// The same as a Markdown page with the figures.
pub(super) fn markdown(result: &AsIfRandomResult, figures: &[Figure], formats: Formats) -> String {
    let mut page = format!("# {}\n\n{}\n", plain(&result.name), plain(&facts(result)));
    for note in as_if_random_notes(result) {
        page += &format!("\n{}\n", plain(&note));
    }
    for setting in settings(result) {
        page += &format!("\n## {}\n\n", plain(&heading(result, &setting)));
        page += &format!("| {} |\n|{}\n", HEADER.map(plain).join(" | "), " --- |".repeat(HEADER.len()));
        for row in table(result, &setting) {
            page += &format!("| {} |\n", row.map(|cell| plain(&cell)).join(" | "));
        }
        page += &format!("\n{}\n\n", plain(&sentence(result, &setting)));
        if let Some(drift) = drift(&setting) {
            page += &format!("- {drift}\n");
        }
        for note in notes(result, &setting) {
            page += &format!("- {}\n", plain(&note.text));
        }
    }
    if result.rows.is_empty() {
        page += "\nNothing was measured.\n";
    }
    if !figures.is_empty() {
        page += "\n## Figures\n";
    }
    for figure in figures {
        page += &files::markdown(figure, &plain(&figure.title), formats);
    }
    page
}

fn facts(result: &AsIfRandomResult) -> String {
    let bits = |information: Information| format!("{:.4} bits", information.bits());
    format!(
        "{}, n = {}, H(X) = {}, H(Y) = {}; pooled: {}",
        result.data.name,
        result.data.n_measured,
        bits(result.h_x),
        bits(result.h_y),
        window(&result.settings, n_networks(result))
    )
}

fn heading(result: &AsIfRandomResult, setting: &Setting) -> String {
    let error = match setting.n_seeds {
        1 if !has_errors(setting) => "1 seed".to_string(),
        1 if over_seeds(result) => "± over disjoint subsets of the seeds".to_string(),
        1 => "1 seed, ± over interleaved subsets of the window".to_string(),
        n => format!("{n} seeds, mean ± standard error"),
    };
    format!("{} – M = {}, bits, {error}", setting.name(), setting.n_networks())
}

/// The result in one sentence.
fn sentence(result: &AsIfRandomResult, setting: &Setting) -> String {
    let changes: Vec<(usize, f64, f64, Option<Mean>)> = setting
        .layers
        .iter()
        .filter_map(|layer| {
            let (single, pooled) = (layer.single()?.i_xt_bits?, layer.pooled()?.i_xt_bits?);
            Some((layer.layer, single.mean, pooled.mean, layer.corrected_i_xt_bits))
        })
        .collect();
    let lost = |change: &(usize, f64, f64, Option<Mean>)| change.1 - change.2;
    let Some(most) = changes.iter().max_by(|a, b| lost(a).total_cmp(&lost(b))) else {
        return "I(X;T) could not be measured.".into();
    };
    let n_networks = setting.n_networks();
    if n_networks < 2 {
        return "One network is pooled: there is nothing that the others could take from I(X;T).".into();
    }
    let corrected = most.3.map(|mean| format!(", corrected {:.2}", mean.mean)).unwrap_or_default();
    let name = called(result, most.0);
    let largest = changes.iter().map(|change| lost(change).abs()).fold(0.0, f64::max);
    if lost(most) < 0.05 {
        return format!(
            "Pooling {n_networks} networks lowers I(X;T) of no layer; it changes none by more than {largest:.2} bits."
        );
    }
    format!(
        "Pooling {n_networks} networks lowers I(X;T) of {name} by {:.2} bits ({:.2} to {:.2}{corrected}), and of every other \
         layer by less.",
        lost(most),
        most.1,
        most.2
    )
}

/// What the column is, which differs from the drift of a single layer in the figure.
fn drift(setting: &Setting) -> Option<&'static str> {
    let any = setting.layers.iter().any(|layer| layer.drift.is_some());
    any.then_some("Drift: the largest of the layers up to this one, on all of whose weights it depends.")
}

fn table(result: &AsIfRandomResult, setting: &Setting) -> Vec<[String; 11]> {
    setting.layers.iter().map(|layer| row(result, layer)).collect()
}

fn row(result: &AsIfRandomResult, layer: &PooledMean) -> [String; 11] {
    let shown = |mean: Option<Mean>, decimals| mean.map_or("–".to_string(), |mean| amount(mean, decimals));
    let (single, pooled) = (layer.single(), layer.pooled());
    let i_xt = pooled.and_then(|point| point.i_xt_bits);
    let compression = i_xt.map(|mean| Mean { mean: result.h_x.bits() - mean.mean, ..mean });
    let i_ty = |point: Option<&crate::pool::PooledPoint>| point.and_then(|point| point.i_ty_bits);
    let verdict: Vec<String> = match layer.verdicts.as_slice() {
        [(verdict, _)] => vec![verdict.name().to_string()],
        several => several.iter().map(|(verdict, count)| format!("{count} {}", verdict.name())).collect(),
    };
    [
        layer_name(result, layer.layer, layer.width),
        shown(pooled.and_then(|point| point.h_t_bits), 2),
        shown(pooled.and_then(|point| point.h_t_given_x_bits), 2),
        shown(single.and_then(|point| point.i_xt_bits), 2),
        shown(i_xt, 2),
        shown(layer.corrected_i_xt_bits, 2),
        shown(pooled.and_then(|point| point.control_bits), 3),
        shown(compression, 2),
        format!("{} → {}", shown(i_ty(single), 3), shown(i_ty(pooled), 3)),
        shown(layer.drift, 2),
        verdict.join(", "),
    ]
}

fn amount(mean: Mean, decimals: usize) -> String {
    match mean.standard_error {
        Some(error) => format!("{:.decimals$} ± {error:.decimals$}", mean.mean),
        None => format!("{:.decimals$}", mean.mean),
    }
}

/// Three tables below each other: one would be wider than a terminal.
fn aligned(rows: &[[String; 11]]) -> String {
    let i_xt = [("I(X;T)", 0), ("M = 1", 3), ("pooled", 4), ("corrected", 5), ("control", 6)];
    let entropies = [("pooled", 0), ("H(T)", 1), ("H(T|X)", 2), ("H(X) − I(X;T)", 7)];
    let rest = [("layer", 0), ("I(T;Y): M = 1 → pooled", 8), ("drift", 9), ("verdict", 10)];
    columns(rows, &i_xt) + &columns(rows, &entropies) + &columns(rows, &rest)
}
