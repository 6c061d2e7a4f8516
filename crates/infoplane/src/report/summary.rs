//! The table of a run, for the terminal and as `summary.md`.

use std::collections::BTreeMap;

use super::{Figure, Formats, ReportData, files};
use crate::draw::lacking;
use crate::figure::learned::InMean;
use crate::figure::{learned, measured, words};
use crate::plane::{LayerPath, Mean, MeanPoint, PlaneGroup, mean_over_seeds};
use crate::printable::{is_hidden, printable};
use crate::run::PartFacts;
use crate::train::EpochStats;

const HEADER: [&str; N_CELLS] = [
    "layer",
    "I(X;T) first",
    "largest",
    "at epoch",
    "last",
    "I(T;Y) first",
    "at largest I(X;T)",
    "last",
    "last, labels shuffled",
];

/// Cells of a layer.
pub(super) const N_CELLS: usize = 9;

/// A cell of what there is not.
const NOTHING: &str = "–";

/// The results of a run in words and aligned columns, for a terminal.
///
/// For every setting of every estimator and every layer: I(X;T) and I(T;Y) in bits at the first measured epoch,
/// at the epoch where the mean I(X;T) is largest, and at the last, there also with the labels shuffled
/// ([`PlaneRow::i_ty_shuffled_bits`](crate::PlaneRow::i_ty_shuffled_bits)), each as mean ± standard error over seeds;
/// then which epochs were measured and how far neighbours are apart, the accuracy, and what the figures say in
/// their footers.
///
/// ```
/// use infoplane::report::{ReportData, ScheduleData, summary};
/// use infoplane::{Information, InformationPlane};
/// let data = ReportData {
///     title: "empty".into(),
///     dataset: "none".into(),
///     n_samples: 0,
///     h_x: Information::ZERO,
///     h_y: Information::ZERO,
///     parts: vec![],
///     is_chain: true,
///     layers: vec![],
///     plane: &InformationPlane::default(),
///     quantities: &[],
///     training: &[],
///     schedule: ScheduleData::default(),
///     failed: vec![],
///     all_seeds: false,
///     complete: true,
///     limit: None,
///     notes: vec![],
/// };
/// assert!(summary(&data).contains("nothing was measured"));
/// ```
pub fn summary(data: &ReportData<'_>) -> String {
    let mut text = format!("{}\n{}\n", printable(&data.title), about(data));
    if let Some(note) = learned::note(data).map(|note| note.text) {
        text += &format!("{}\n", printable(&note));
    }
    let groups = data.plane.groups();
    for group in &groups {
        let (rows, notes) = table_and_notes(data, group);
        text += &format!("\n{}\n", printable(&heading(data, group)));
        text += &aligned(&rows);
        for note in notes {
            text += &format!("  {}\n", printable(&note));
        }
    }
    text.push('\n');
    for line in closing(data, groups.is_empty()) {
        text += &format!("{}\n", printable(&line));
    }
    text
}

/// The same as a Markdown page with the figures.
pub(super) fn markdown(data: &ReportData<'_>, figures: &[Figure], formats: Formats) -> String {
    let mut page = format!("# {}\n\n{}\n", plain(&data.title), plain(&about(data).replace('\n', " ")));
    if let Some(note) = learned::note(data).map(|note| note.text) {
        page += &format!("\n{}\n", plain(&note));
    }
    let groups = data.plane.groups();
    for group in &groups {
        page += &format!("\n## {}\n\n", plain(&heading(data, group)));
        let (rows, notes) = table_and_notes(data, group);
        page += &markdown_table(&rows);
        if !notes.is_empty() {
            page += "\n";
        }
        for note in notes {
            page += &format!("- {}\n", plain(&note));
        }
    }
    page.push('\n');
    for line in closing(data, groups.is_empty()) {
        page += &format!("- {}\n", plain(&line));
    }
    if !figures.is_empty() {
        page += "\n## Figures\n";
    }
    for figure in figures {
        page += &files::markdown(figure, &plain(&figure.title), formats);
    }
    page
}

/// The rows under their header; nothing if there are none.
pub(super) fn markdown_table(rows: &[[String; N_CELLS]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let n_columns = if has_shuffled(rows) { N_CELLS } else { N_CELLS - 1 };
    let mut table = format!("| {} |\n|{}\n", HEADER[..n_columns].join(" | "), " --- |".repeat(n_columns));
    for row in rows {
        let cells: Vec<String> = row[..n_columns].iter().map(|cell| plain(cell)).collect();
        table += &format!("| {} |\n", cells.join(" | "));
    }
    table
}

/// Whether the last column holds anything: methods without cells and noise, and earlier versions, have nothing for it.
fn has_shuffled(rows: &[[String; N_CELLS]]) -> bool {
    rows.iter().any(|row| row[N_CELLS - 1] != NOTHING)
}

fn about(data: &ReportData<'_>) -> String {
    let about =
        |what: &str, n: usize, h_x: f64, h_y: f64| format!("{what}, n = {n}, {}", words::entropies(h_x, h_y));
    let dataset = printable(&data.dataset);
    if data.parts.is_empty() {
        return about(&dataset, data.n_samples, data.h_x.bits(), data.h_y.bits());
    }
    let of_part = |facts: &PartFacts| {
        let what = format!("{dataset}, {}", facts.part.title());
        about(&what, facts.n_measured, facts.h_x_bits, facts.h_y_bits)
    };
    data.parts.iter().map(of_part).collect::<Vec<_>>().join("\n")
}

fn heading(data: &ReportData<'_>, group: &PlaneGroup<'_>) -> String {
    let (seeds, in_mean) = (group.seeds(), data.in_mean());
    let n_in_mean = seeds.iter().filter(|&&seed| in_mean.has(seed)).count();
    let seeds = match seeds.len() {
        1 => "1 seed".to_string(),
        n if n_in_mean < n => format!("{n_in_mean} of {n} seeds, mean ± standard error"),
        n => format!("{n} seeds, mean ± standard error"),
    };
    format!("{} – bits, {seeds}", group.method.title)
}

pub(super) fn table_and_notes(
    data: &ReportData<'_>,
    group: &PlaneGroup<'_>,
) -> (Vec<[String; N_CELLS]>, Vec<String>) {
    let data = &*data.of_method(group.method);
    let in_mean = data.in_mean();
    let both = group.layers_over(|seed| in_mean.has(seed));
    let end = both.iter().filter_map(|path| path.mean.last()).map(|point| point.epoch).max().unwrap_or(0);
    let shuffled = shuffled_at_last(group, &in_mean);
    let rows = group.layers_with_i_ty(|seed| in_mean.has(seed)).into_iter().filter_map(|half| {
        let shuffled = shuffled.get(&half.layer).copied();
        match both.iter().find(|path| path.layer == half.layer) {
            Some(path) => row(data, path, end, shuffled),
            None => label_row(data, &half, shuffled),
        }
    });
    let notes = words::notes(data, group, &both).into_iter().map(|note| note.text);
    (rows.collect(), notes.collect())
}

/// By layer, I(T;Y) of shuffled labels at the last epoch that has it.
fn shuffled_at_last(group: &PlaneGroup<'_>, in_mean: &InMean) -> BTreeMap<usize, Mean> {
    let mut layers: BTreeMap<usize, BTreeMap<u64, Vec<(u64, f64)>>> = BTreeMap::new();
    for row in group.rows().filter(|row| row.i_ty_bits.is_some() && in_mean.has(row.seed)) {
        if let Some(value) = row.i_ty_shuffled_bits.filter(|value| value.is_finite()) {
            layers.entry(row.layer).or_default().entry(row.seed).or_default().push((row.epoch, value));
        }
    }
    let last = |(layer, seeds): (usize, BTreeMap<u64, Vec<(u64, f64)>>)| {
        let mut series: Vec<_> = seeds.into_values().collect();
        series.iter_mut().for_each(|seed| seed.sort_by_key(|&(epoch, _)| epoch));
        Some((layer, mean_over_seeds(&series).last()?.1))
    };
    layers.into_iter().filter_map(last).collect()
}

/// A layer that has I(T;Y) only; why is told below the table.
fn label_row(data: &ReportData<'_>, path: &LayerPath, shuffled: Option<Mean>) -> Option<[String; N_CELLS]> {
    let (first, last) = (path.mean.first()?, path.mean.last()?);
    let none = || NOTHING.to_string();
    Some([
        data.layer_name(path.layer, path.width),
        none(),
        none(),
        none(),
        none(),
        amount(first.i_ty_bits, 3),
        none(),
        amount(last.i_ty_bits, 3),
        shuffled.map_or_else(none, |mean| amount(mean, 3)),
    ])
}

fn row(
    data: &ReportData<'_>,
    path: &LayerPath,
    end: u64,
    shuffled: Option<Mean>,
) -> Option<[String; N_CELLS]> {
    let (first, last) = (path.mean.first()?, path.mean.last()?);
    // A layer that could not be measured to the end stands beside others that could.
    let early = if last.epoch < end { format!(" (epoch {})", last.epoch) } else { String::new() };
    // Of equal maxima the first: a layer that stays at the limit reached it there.
    let largest =
        path.mean.iter().fold(
            first,
            |best: &MeanPoint, point| {
                if point.i_xt_bits.mean > best.i_xt_bits.mean { point } else { best }
            },
        );
    Some([
        data.layer_name(path.layer, path.width),
        amount(first.i_xt_bits, 2),
        amount(largest.i_xt_bits, 2),
        largest.epoch.to_string(),
        amount(last.i_xt_bits, 2) + &early,
        amount(first.i_ty_bits, 3),
        amount(largest.i_ty_bits, 3),
        amount(last.i_ty_bits, 3) + &early,
        shuffled.map_or_else(|| NOTHING.to_string(), |mean| amount(mean, 3) + &early),
    ])
}

fn amount(mean: Mean, decimals: usize) -> String {
    match mean.standard_error {
        Some(error) => format!("{:.decimals$} ± {error:.decimals$}", mean.mean),
        None => format!("{:.decimals$}", mean.mean),
    }
}

/// What a terminal is wide, at least.
const COLUMNS: usize = 80;
/// So many rows are shown in a terminal; of more the first and the last half of these.
const MOST_ROWS: usize = 24;

/// I(X;T), below it I(T;Y), and below that I(T;Y) with shuffled labels: side by side, with their errors, they would not
/// fit 80 columns.
pub(super) fn aligned(rows: &[[String; N_CELLS]]) -> String {
    let i_xt = [("I(X;T)", 0), ("first", 1), ("largest", 2), ("at epoch", 3), ("last", 4)];
    let i_ty = [("I(T;Y)", 0), ("first", 5), ("at largest I(X;T)", 6), ("last", 7)];
    let shuffled = [("I(T;Y)", 0), ("last", 7), ("last, labels shuffled", 8)];
    let shuffled = if has_shuffled(rows) { columns(rows, &shuffled) } else { String::new() };
    columns(rows, &i_xt) + &columns(rows, &i_ty) + &shuffled
}

/// The columns at these places, under these headings, two spaces apart: the first to the left and the others to the
/// right. Without the rows that have nothing in any of them. A name that leaves no room for its numbers stands on a line
/// of its own above them; of many rows those in the middle are left out, and their number is told.
pub(super) fn columns<const N: usize>(rows: &[[String; N]], places: &[(&str, usize)]) -> String {
    let cells = |row: &[String; N]| -> Vec<String> {
        places.iter().map(|&(_, at)| printable(&row[at]).into_owned()).collect()
    };
    let mut rows: Vec<Vec<String>> =
        rows.iter().map(cells).filter(|row| row[1..].iter().any(|cell| cell != NOTHING)).collect();
    if rows.is_empty() {
        return String::new();
    }
    let left_out = rows.len().saturating_sub(MOST_ROWS);
    if left_out > 0 {
        rows.drain(MOST_ROWS / 2..MOST_ROWS / 2 + left_out);
    }
    let header = places.iter().map(|(name, _)| name.to_string()).collect();
    let rows = [&[header][..], &rows].concat();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..places.len()).map(width).collect();
    let room = COLUMNS.saturating_sub(2 + widths[1..].iter().map(|width| width + 2).sum::<usize>());
    let short = rows.iter().map(|row| row[0].chars().count()).filter(|&length| length <= room).max();
    let first = short.unwrap_or(0);
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        if left_out > 0 && number == MOST_ROWS / 2 + 1 {
            text += &format!("  … {left_out} more layers, in summary.md …\n");
        }
        let name = if row[0].chars().count() > first {
            text += &format!("  {}\n", row[0]);
            ""
        } else {
            &row[0]
        };
        let mut line = format!("  {name:<first$}");
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            line += &format!("  {cell:>width$}");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn closing(data: &ReportData<'_>, nothing_measured: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if nothing_measured {
        lines.push("nothing was measured".to_string());
    }
    let schedule = measured::words(data).join("; ");
    if !schedule.is_empty() {
        lines.push(schedule);
    }
    lines.extend(accuracy(data));
    lines.extend(letters(data));
    lines.extend(data.notes.iter().cloned());
    lines.extend(super::conclusion(data));
    lines
}

/// What figures cannot write of the names: without a word of it, `?` would be taken for the name.
fn letters(data: &ReportData<'_>) -> Option<String> {
    /// So many letters are named.
    const NAMED: usize = 8;
    let names = data.layers.iter().map(|layer| layer.name.as_str());
    let text: String = [data.title.as_str(), data.dataset.as_str()].into_iter().chain(names).collect();
    let lacking = lacking(&text);
    if lacking.is_empty() {
        return None;
    }
    let mut named: Vec<String> = lacking.iter().take(NAMED).map(char::to_string).collect();
    if lacking.len() > NAMED {
        named.push(format!("and {} more", lacking.len() - NAMED));
    }
    Some(format!(
        "letters: the font of the figures lacks {}; PNG, PDF and moving pictures show ? in their place, SVG shows them",
        named.join(" ")
    ))
}

/// Of the seeds that are in the means.
fn accuracy(data: &ReportData<'_>) -> Option<String> {
    let in_mean = data.in_mean();
    let training: Vec<&EpochStats> = data.training.iter().filter(|stats| in_mean.has(stats.seed)).collect();
    let last = training.iter().map(|stats| stats.epoch).max()?;
    let mut seeds: Vec<u64> = training.iter().map(|stats| stats.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let at_last = |value: fn(&EpochStats) -> Option<f32>| -> Option<Mean> {
        let by_seed: Vec<Vec<(u64, f64)>> = seeds
            .iter()
            .map(|&seed| {
                let of_seed = training.iter().filter(|stats| stats.seed == seed && stats.epoch == last);
                let values = of_seed.filter_map(|stats| Some((last, f64::from(value(stats)?))));
                values.filter(|(_, value)| value.is_finite()).collect()
            })
            .collect();
        mean_over_seeds(&by_seed).last().map(|(_, mean)| *mean)
    };
    let train = at_last(|stats| stats.train_accuracy)?;
    let test = match at_last(|stats| stats.test_accuracy) {
        Some(test) => format!("test {}", amount(test, 4)),
        None => "no test set".to_string(),
    };
    let seeds = if train.n_seeds == seeds.len() {
        String::new()
    } else {
        format!(" ({} of {} seeds came this far)", train.n_seeds, seeds.len())
    };
    Some(format!("accuracy at epoch {last}: training {}, {test}{seeds}", amount(train, 4)))
}

/// Text as Markdown shows it: what Markdown would take for its own signs, or a browser for a tag, is escaped, and what
/// would begin a new line or row is written out.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '\\' | '~' | '&' | '$' => {
                plain.push('\\');
                plain.push(c);
            }
            // A backslash stands in front of what is written out, and is itself escaped.
            hidden if is_hidden(hidden) => {
                plain.push('\\');
                plain.extend(hidden.escape_default());
            }
            shown => plain.push(shown),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_line_break_stays_in_its_row() {
        let row = ["new\nline".to_string(), "1.00".into()];
        let table = columns(&[row], &[("I(X;T)", 0), ("first", 1)]);
        assert_eq!(table, "  I(X;T)     first\n  new\\nline   1.00\n");
    }

    #[test]
    fn a_page_shows_a_name_as_it_is() {
        assert_eq!(plain("a|b_c*d`<img>[x](y)&lt;$z$"), r"a\|b\_c\*d\`\<img\>\[x\](y)\&lt;\$z\$");
        assert_eq!(plain("new\nline \u{1b}[1m \u{202e}"), r"new\\nline \\u{1b}\[1m \\u{202e}");
    }
}
