//! The text of figures and summary.

use super::{Setting, as_if_random_notes, layer_name, settings};
use crate::experiment::{AsIfRandom, AsIfRandomResult, PoolConfig};
use crate::figure::words as caption;
use crate::plane::Mean;
use crate::pool::{DRIFT_SHARE_DIVISOR, PooledMean, Verdict};
use crate::report::{Figure, Formats, files};
use crate::{Bound, Information};

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
    let mut text = format!("{}\n{}\n", result.name, facts(result));
    for note in as_if_random_notes(result) {
        text += &format!("{note}\n");
    }
    for setting in settings(result) {
        text += &format!("\n{}\n", heading(result, &setting));
        text += &aligned(&table(result, &setting));
        text += &format!("  {}\n", sentence(&setting));
        for note in notes(result, &setting) {
            text += &format!("  {note}\n");
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
        page += &format!("\n{}\n\n", plain(&sentence(&setting)));
        for note in notes(result, &setting) {
            page += &format!("- {}\n", plain(&note));
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

/// Which networks are pooled: `the last 256 epochs`.
pub(super) fn window(settings: &AsIfRandom, n_seeds: usize) -> String {
    match &settings.pool {
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
                0 | 1 => format!("{window} successive mini-batch steps, up to {to}"),
                stride => format!("{window} networks, one every {stride} mini-batch steps, up to {to}"),
            }
        }
        PoolConfig::Seeds { epoch } => {
            let at = epoch.map_or("at the last epoch".to_string(), |epoch| format!("at epoch {epoch}"));
            format!("{n_seeds} seeds {at}")
        }
    }
}

fn over_seeds(result: &AsIfRandomResult) -> bool {
    matches!(result.settings.pool, PoolConfig::Seeds { .. })
}

/// The largest number of networks pooled.
fn n_networks(result: &AsIfRandomResult) -> usize {
    let measured = result.rows.iter().map(|row| row.n_networks);
    measured.chain(result.overlap.iter().map(|row| row.n_networks)).max().unwrap_or(result.window.len())
}

/// The line under the title of a figure: the setting, the data, the number of inputs and seeds, and the window.
pub(super) fn about(result: &AsIfRandomResult, setting: &str, n_seeds: usize) -> String {
    let mut parts = Vec::new();
    if !setting.is_empty() {
        parts.push(setting.to_string());
    }
    parts.push(result.data.name.clone());
    parts.push(format!("n = {}", result.data.n_measured));
    if !over_seeds(result) {
        parts.push(if n_seeds == 1 { "1 seed".into() } else { format!("{n_seeds} seeds") });
    }
    parts.push(window(&result.settings, n_networks(result)));
    parts.join(" · ")
}

/// The title of a figure: the one asked for, or what it shows and of which experiment.
pub(super) fn title(result: &AsIfRandomResult, what: &str, asked: Option<&str>) -> String {
    asked.map_or_else(|| format!("As if random: {what} – {}", result.name), String::from)
}

pub(super) fn subtitle(result: &AsIfRandomResult, setting: &Setting) -> String {
    about(result, setting.name(), setting.n_seeds)
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
        1 if over_seeds(result) => "± over disjoint subsets of the seeds".to_string(),
        1 => "1 seed, ± over interleaved subsets of the window".to_string(),
        n => format!("{n} seeds, mean ± standard error"),
    };
    format!("{} – M = {}, bits, {error}", setting.name(), setting.n_networks())
}

/// The meaning of the error bars of means over seeds.
pub(super) fn mean_note(n_seeds: usize) -> Vec<String> {
    match n_seeds {
        0 | 1 => vec![],
        n => vec![format!("Means over {n} seeds, with standard errors.")],
    }
}

/// The meaning of the error bars.
pub(super) fn reading(result: &AsIfRandomResult, setting: &Setting) -> Vec<String> {
    match setting.n_seeds {
        1 if over_seeds(result) => {
            vec!["Error bars: standard errors over disjoint subsets of the seeds.".into()]
        }
        1 => vec![
            "Error bars: standard errors over interleaved subsets of the window, too small where its networks are \
             correlated."
                .into(),
        ],
        n => mean_note(n),
    }
}

/// Caveats beside the numbers: verdicts, the share due to drift, bounds, values outside the bins, and what is missing.
pub(super) fn notes(result: &AsIfRandomResult, setting: &Setting) -> Vec<String> {
    let mut notes: Vec<String> = verdicts(setting).into_iter().collect();
    notes.extend(drift_share(setting));
    let first = setting.first();
    if let Some(bound) = first.method.bound {
        let bound = if bound == Bound::Upper { "an upper bound" } else { "a lower bound" };
        notes.push(format!(
            "H(T) and I(X;T) are computed from {bound} on the entropy of a mixture; the difference of two such bounds is not \
             itself a bound."
        ));
    }
    let outside: u64 = setting.layers.iter().map(|layer| layer.out_of_range).sum();
    if outside > 0 {
        let values = |layer: &PooledMean| {
            (layer.width * result.data.n_measured * setting.n_networks() * setting.n_seeds.max(1)) as f64
        };
        let all: f64 = setting.layers.iter().map(values).sum();
        notes.push(format!(
            "Out of range: {outside} values ({}) of the pooled networks lie outside the bins.",
            caption::percent(outside as f64 / all.max(1.0))
        ));
    } else if first.method.estimator == "binned" {
        notes.push("Out of range: no value lies outside the bins.".into());
    }
    let missing =
        setting.layers.iter().flat_map(|layer| &layer.missing).map(|missing| missing.reason.as_str()).min();
    if let Some(reason) = missing {
        notes.push(format!("Some values could not be measured: {}.", reason.trim_end_matches('.')));
    }
    notes
}

/// `Stationary: T₁, T₂ (2 of 3 seeds; drifting in 1). Drifting: T₃.`
fn verdicts(setting: &Setting) -> Option<String> {
    let layers_with = |verdict: Verdict| -> Vec<String> {
        let layers =
            setting.layers.iter().filter(|layer| layer.verdicts.first().map(|v| v.0) == Some(verdict));
        layers.map(layer_with_verdict).collect()
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
fn layer_with_verdict(layer: &PooledMean) -> String {
    let name = caption::layer(layer.layer);
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
fn drift_share(setting: &Setting) -> Option<String> {
    let shares = setting.layers.iter().filter_map(|layer| {
        Some(format!("{:.0} % ({})", 100.0 * layer.drift_share?.mean, caption::layer(layer.layer)))
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

/// The result in one sentence.
fn sentence(setting: &Setting) -> String {
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
    let corrected = most.3.map(|mean| format!(", corrected {:.2}", mean.mean)).unwrap_or_default();
    let name = caption::layer(most.0);
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

/// Columns two spaces apart, the first to the left and the others to the right.
fn aligned(rows: &[[String; 11]]) -> String {
    let header = HEADER.map(String::from);
    let width = |column: usize| {
        let cells = rows.iter().chain([&header]).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: [usize; HEADER.len()] = std::array::from_fn(width);
    let mut text = String::new();
    for row in [&header].into_iter().chain(rows) {
        let mut line = format!("  {:<1$}", row[0], widths[0]);
        for (cell, width) in row.iter().zip(widths).skip(1) {
            line += &format!("  {cell:>width$}");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Escapes the characters that Markdown would interpret.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        if matches!(c, '|' | '*' | '_' | '`' | '<' | '[' | ']' | '\\') {
            plain.push('\\');
        }
        plain.push(if c == '\n' { ' ' } else { c });
    }
    plain
}
