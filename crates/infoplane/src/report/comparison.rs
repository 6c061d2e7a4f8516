//! A comparison in a directory: figures, `comparison.csv` and `summary.md`.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::summary::{aligned, markdown_table, plain, table_and_notes};
use super::{Figure, Options, ReportError, files, write_files};
use crate::figure::{Arrangement, ComparedMember, Comparison, listed};
use crate::printable::printable;
use crate::table::TableFormat;

/// Compared groups in words and aligned columns, for a terminal: for every common method and every group the table of
/// [`summary`](super::summary()).
pub fn comparison_summary(comparison: &Comparison) -> String {
    let mut text = format!("compared: {}\n", printable(&listed(&comparison.names())));
    for line in comparison.measured_on() {
        text += &format!("{}\n", printable(&line));
    }
    for method in comparison.by_method() {
        text += &format!("\n{} – bits{}\n", printable(&method.title), of_seeds(&method.members));
        for note in method.notes {
            text += &format!("  {}\n", printable(&note));
        }
        for member in method.members {
            let (rows, notes) = table_and_notes(&member.data, &member.rows);
            text += &format!("\n{}\n{}", printable(&heading(&member)), aligned(&rows));
            for note in member.notes.into_iter().chain(notes) {
                text += &format!("  {}\n", printable(&note));
            }
        }
    }
    text
}

/// Writes the figures of a comparison in the forms of `options`, `comparison.csv` and `summary.md` into `directory`, and
/// returns the paths of what it wrote. Files are replaced as by [`write()`](super::write()).
///
/// # Errors
/// [`ReportError::Write`] if a file cannot be written, [`ReportError::Picture`] if a figure cannot be encoded.
pub fn write_comparison(
    comparison: &Comparison,
    arrangement: Arrangement,
    options: &Options,
    directory: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    let shown = options.titled(comparison.figures(arrangement));
    let figures: Vec<Figure> = shown.par_iter().map(|figure| Figure::of(figure, options.style)).collect();
    let mut files = files::all_files(&figures, options.formats)?;
    files.push(("comparison.csv".into(), comparison.table().bytes(TableFormat::Csv)));
    // Last, so that its links never point to what is not there yet.
    files.push(("summary.md".into(), markdown(comparison, &figures, options).into_bytes()));
    write_files(files, directory)
}

/// `tanh (5 seeds)`, or `tanh (5 seeds) – binned, 30 edges on [-1, 1]` where the settings of groups differ.
fn heading(member: &ComparedMember<'_>) -> String {
    let setting = member.setting.as_ref().map(|setting| format!(" – {setting}"));
    member.label.clone() + &setting.unwrap_or_default()
}

/// What the numbers are, where a group has several seeds.
fn of_seeds(members: &[ComparedMember<'_>]) -> &'static str {
    let several = members.iter().any(|member| member.rows.seeds().len() > 1);
    if several { ", mean ± standard error over seeds" } else { "" }
}

fn markdown(comparison: &Comparison, figures: &[Figure], options: &Options) -> String {
    let mut page = format!("# {}\n", plain(&listed(&comparison.names())));
    match &comparison.measured_on()[..] {
        [once] => page += &format!("\n{}\n", plain(once)),
        each => {
            page.push('\n');
            for line in each {
                page += &format!("- {}\n", plain(line));
            }
        }
    }
    for method in comparison.by_method() {
        page += &format!("\n## {}\n\nBits{}.\n", plain(&method.title), of_seeds(&method.members));
        if !method.notes.is_empty() {
            page.push('\n');
        }
        for note in method.notes {
            page += &format!("- {}\n", plain(&note));
        }
        for member in method.members {
            let (rows, notes) = table_and_notes(&member.data, &member.rows);
            page += &format!("\n### {}\n\n{}", plain(&heading(&member)), markdown_table(&rows));
            let notes: Vec<String> = member.notes.into_iter().chain(notes).collect();
            if !notes.is_empty() {
                page.push('\n');
            }
            for note in notes {
                page += &format!("- {}\n", plain(&note));
            }
        }
    }
    if !figures.is_empty() {
        page += "\n## Figures\n";
    }
    for figure in figures {
        page += &files::markdown(figure, &plain(&figure.title), options.formats);
    }
    page
}
