//! The page of results: every figure with what its paper says, what was found here at each size, and the commands that repeat it.
//!
//! Each figure leaves a part of the page for each size, as TOML; the page is written from all parts that there are.

use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::figure::{Figure, PoolResult, Results, Setup, Shown, Size};
use super::{FIGURES, ReproduceError, ReproduceOptions, replace};
use crate::sweep::expected_cpu_seconds;

/// Sizes that stand on the page side by side, the one that shows more last. The least shows that everything works, and stands alone.
const SIDES: [Size; 3] = [Size::Tiny, Size::Quick, Size::Full];

/// What a figure came to at one size.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Part {
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
    /// How it is made again, in Markdown.
    to_repeat: String,
    infoplane_version: String,
    /// The names of the pictures, without their ending.
    #[serde(default)]
    pictures: Vec<String>,
    /// The names of the tables.
    #[serde(default)]
    tables: Vec<String>,
    /// What else a reader must know, a paragraph each.
    #[serde(default)]
    remarks: Vec<String>,
    #[serde(default)]
    claims: Vec<Claim>,
    #[serde(default)]
    runs: Vec<RunLine>,
}

/// A claim of the paper beside what came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Claim {
    of: String,
    paper: String,
    here: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agrees: Option<bool>,
}

/// A run, or pools of networks, with what it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RunLine {
    run: String,
    seeds: String,
    epochs: String,
    measured: String,
    samples: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

fn answer(agrees: Option<bool>) -> &'static str {
    match agrees {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "–",
    }
}

/// The directory of the figures of a size, in that of the page.
pub(super) fn directory(size: Size) -> String {
    format!("figures/{}", size.name())
}

fn file(figure: &Figure) -> String {
    format!("{}.toml", figure.name)
}

/// The part of a figure at the size of its results, as a file by its name; `to_repeat` is how it is made again.
pub(super) fn part(figure: &Figure, results: &Results, shown: &Shown, to_repeat: &str) -> (String, Vec<u8>) {
    let claims = shown.comparisons.iter().map(|row| Claim {
        of: row.of.clone(),
        paper: row.paper.clone(),
        here: row.here.clone(),
        agrees: row.agrees,
    });
    let notes = results.runs.iter().flat_map(|run| run.seed_notes());
    let mut runs: Vec<RunLine> = results
        .runs
        .iter()
        .map(|run| {
            let data = &run.run.manifest().data;
            RunLine {
                run: run.label.clone(),
                seeds: run.n_seeds().to_string(),
                epochs: run.experiment.training.epochs.to_string(),
                measured: run.run.schedule().len().to_string(),
                samples: format!("{} of {}", data.n_measured, data.n_samples),
                seconds: run.seconds,
            }
        })
        .collect();
    if let Some(first) = results.pools.iter().find_map(|pool| pool.result.as_ref().ok()) {
        let range = |value: fn(&PoolResult) -> u64| {
            let values: Vec<u64> = results.pools.iter().map(value).collect();
            let (low, high) = values.iter().fold((u64::MAX, 0), |(low, high), &v| (low.min(v), high.max(v)));
            if low == high { low.to_string() } else { format!("{low} to {high}") }
        };
        runs.push(RunLine {
            run: format!("{} pools of networks", results.pools.len()),
            seeds: range(|pool| pool.experiment.seeds),
            epochs: range(|pool| pool.experiment.training.epochs),
            measured: "–".into(),
            samples: format!("{} of {}", first.data.n_measured, first.data.n_samples),
            seconds: results.pools.iter().map(|pool| pool.seconds).sum(),
        });
    }
    let part = Part {
        missing: None,
        to_repeat: to_repeat.into(),
        infoplane_version: env!("CARGO_PKG_VERSION").into(),
        pictures: shown.figures.iter().map(|(_, drawn)| drawn.id.clone()).collect(),
        tables: shown.tables.iter().map(|(suffix, _)| format!("{}{suffix}.csv", figure.name)).collect(),
        remarks: shown.remarks.iter().cloned().chain(notes).collect(),
        claims: claims.collect(),
        runs,
    };
    (file(figure), written(&part))
}

fn written(part: &Part) -> Vec<u8> {
    toml::to_string(part).expect("a part has only string keys").into_bytes()
}

/// Writes the part of a figure that could not be made; one made earlier stays.
pub(super) fn write_missing(
    figure: &Figure,
    why: &str,
    options: &ReproduceOptions,
) -> Result<(), ReproduceError> {
    let size = options.setup.size;
    if read(&options.out, figure, size).is_some_and(|part| part.missing.is_none()) {
        return Ok(());
    }
    let directory = options.out.join(directory(size));
    std::fs::create_dir_all(&directory)
        .map_err(|source| ReproduceError::Write { path: directory.clone(), source })?;
    let part = Part {
        missing: Some(why.into()),
        to_repeat: (options.to_repeat)(figure, &options.setup),
        ..Part::default()
    };
    replace(&directory.join(file(figure)), &written(&part))
}

fn read(out: &Path, figure: &Figure, size: Size) -> Option<Part> {
    let text = std::fs::read_to_string(out.join(directory(size)).join(file(figure))).ok()?;
    toml::from_str(&text).ok()
}

/// The parts of a figure that were made or tried, by their sizes.
fn parts(out: &Path, figure: &Figure) -> Vec<(Size, Part)> {
    SIDES.into_iter().filter_map(|size| Some((size, read(out, figure, size)?))).collect()
}

/// Puts the parts together, in the order of the registry, below a table of how many of their claims agree.
pub(super) fn write(options: &ReproduceOptions) -> Result<(), ReproduceError> {
    let out = &options.out;
    let all: Vec<(&Figure, Vec<(Size, Part)>)> =
        FIGURES.iter().map(|figure| (figure, parts(out, figure))).collect();
    let mut text = String::from(
        "# Published figures, reproduced\n\nEvery figure and every number of this page was computed by one program from \
         networks that it trained. *agrees?* is a condition on the numbers, not a judgement by eye; – stands where the paper \
         makes no claim that a number could contradict, or where too few networks learned to say. ± is the standard error \
         over seeds. A layer *compresses* here if I(X;T) falls, from its largest value to its last, by more than a quarter of \
         a bit and, with several seeds, by more than twice the standard error. Times are those of the runs, over all goes, beside \
         whatever else the machine did.\n\n",
    );
    let made = |size: Size| {
        all.iter().flat_map(|(_, parts)| parts).any(|(of, part)| *of == size && part.missing.is_none())
    };
    let sizes: Vec<Size> = SIDES.into_iter().filter(|&size| made(size)).collect();
    for &size in &sizes {
        put(&mut text, format_args!("{}\n", about(size, &all)));
    }
    text.push_str("\n| figure |");
    let several = sizes.len() > 1;
    for &size in &sizes {
        let of = if several { format!("{}: ", size.name()) } else { String::new() };
        put(&mut text, format_args!(" {of}claims that agree | that do not | not decided |"));
    }
    put(&mut text, format_args!("\n|---|{}\n", "--:|--:|--:|".repeat(sizes.len())));
    for (figure, parts) in &all {
        put(&mut text, format_args!("| [{}](#{}) |", figure.title, anchor(figure.title)));
        for &size in &sizes {
            match parts.iter().find(|(of, part)| *of == size && part.missing.is_none()) {
                None => text.push_str(" | | |"),
                Some((_, part)) => {
                    let count = |wanted| part.claims.iter().filter(|claim| claim.agrees == wanted).count();
                    put(
                        &mut text,
                        format_args!(" {} | {} | {} |", count(Some(true)), count(Some(false)), count(None)),
                    );
                }
            }
        }
        text.push('\n');
    }
    for (figure, parts) in &all {
        text.push('\n');
        write_figure(&mut text, figure, parts, options);
    }
    replace(&out.join("results.md"), text.as_bytes())
}

/// What a size is, and what it took.
fn about(size: Size, all: &[(&Figure, Vec<(Size, Part)>)]) -> String {
    let parts =
        || all.iter().flat_map(|(_, parts)| parts).filter(|(of, part)| *of == size && part.missing.is_none());
    let seconds: f64 = parts().flat_map(|(_, part)| &part.runs).filter_map(|run| run.seconds).sum();
    let what = match size {
        Size::Full => "*Full* is the size of the papers",
        Size::Quick => "*Quick* has fewer seeds and points",
        Size::Tiny => "*Tiny* shows that everything works, and nothing else",
    };
    let versions: std::collections::BTreeSet<&str> =
        parts().map(|(_, part)| part.infoplane_version.as_str()).collect();
    format!(
        "- {what}: {} of {} figures, infoplane {}, {} of runs, some of which several figures share.",
        parts().count(),
        all.len(),
        versions.into_iter().collect::<Vec<_>>().join(" and "),
        duration(seconds)
    )
}

/// One figure at all sizes.
fn write_figure(text: &mut String, figure: &Figure, parts: &[(Size, Part)], options: &ReproduceOptions) {
    put(
        text,
        format_args!(
            "## {}\n\n`{}` · {}\n\n**The paper.** {}\n\n**Here.** {}\n\n",
            figure.title, figure.name, figure.paper, figure.says, figure.here
        ),
    );
    let made: Vec<&(Size, Part)> = parts.iter().filter(|(_, part)| part.missing.is_none()).collect();
    let several = made.len() > 1;
    if let Some((size, part)) = made.last() {
        for picture in &part.pictures {
            put(text, format_args!("![{}]({}/{picture}.png)\n\n", figure.title, directory(*size)));
        }
    }
    write_claims(text, &made);
    for (size, part) in &made {
        let of = if several { format!("*{}*: ", capital(size.name())) } else { String::new() };
        for remark in &part.remarks {
            put(text, format_args!("{of}{remark}\n\n"));
        }
    }
    for (size, part) in &made {
        for table in &part.tables {
            let of = if several { format!(", {}", size.name()) } else { String::new() };
            put(text, format_args!("All values{of}: [`{table}`]({}/{table}).\n\n", directory(*size)));
        }
    }
    if !made.is_empty() {
        let of = if several { "size | " } else { "" };
        let line = if several { "---|" } else { "" };
        put(
            text,
            format_args!(
                "| {of}run | seeds | epochs | measured epochs | samples | time |\n|{line}---|--:|--:|--:|--:|--:|\n"
            ),
        );
    }
    for (size, part) in &made {
        for run in &part.runs {
            let of = if several { format!("{} | ", size.name()) } else { String::new() };
            let RunLine { run, seeds, epochs, measured, samples, seconds } = run;
            let time = seconds.map_or("unknown".into(), duration);
            put(text, format_args!("| {of}{run} | {seeds} | {epochs} | {measured} | {samples} | {time} |\n"));
        }
    }
    if !made.is_empty() {
        text.push('\n');
    }
    for (size, part) in &made {
        let total: Option<f64> = part.runs.iter().map(|run| run.seconds).sum();
        put(
            text,
            format_args!(
                "{}: {} of runs. To repeat: {}.\n",
                capital(size.name()),
                total.map_or("an unknown time".into(), duration),
                part.to_repeat
            ),
        );
    }
    // What is not there, with what it takes.
    let has = |size: Size| parts.iter().any(|(of, _)| *of == size);
    for size in SIDES.into_iter().filter(|&size| (size == Size::Tiny) == has(Size::Tiny)) {
        if made.iter().any(|(of, _)| *of == size) {
            continue;
        }
        let why = parts.iter().find(|(of, _)| *of == size).and_then(|(_, part)| part.missing.clone());
        let setup = Setup { size, ..options.setup.clone() };
        let why = why.map(|why| format!(", **missing:** {why}")).unwrap_or_default();
        let takes =
            expected(figure, size).map(|time| format!("; about {time} of one processor")).unwrap_or_default();
        put(
            text,
            format_args!(
                "{}: not made{why}{takes}. To make it: {}.\n",
                capital(size.name()),
                (options.to_repeat)(figure, &setup)
            ),
        );
    }
}

/// What a figure is expected to take, if its plan needs nothing but data.
fn expected(figure: &Figure, size: Size) -> Option<String> {
    let plan = figure.plan(&Setup { size, mnist: Some("mnist".into()) }).ok()?;
    Some(duration(plan.iter().map(expected_cpu_seconds).sum()))
}

/// What the paper says beside what was found at each size.
fn write_claims(text: &mut String, made: &[&(Size, Part)]) {
    let Some((_, last)) = made.last() else { return };
    if made.iter().all(|(_, part)| part.claims.is_empty()) {
        return;
    }
    text.push_str("| | paper |");
    for (size, _) in made {
        let of = if made.len() > 1 { format!(", {}", size.name()) } else { String::new() };
        put(text, format_args!(" here{of} | agrees? |"));
    }
    put(text, format_args!("\n|---|---|{}\n", "---|---|".repeat(made.len())));
    // Claims that only one size has come where they stand there.
    let mut claims: Vec<&Claim> = last.claims.iter().collect();
    for (_, part) in &made[..made.len() - 1] {
        for (place, claim) in part.claims.iter().enumerate() {
            if !claims.iter().any(|other| other.of == claim.of) {
                claims.insert(place.min(claims.len()), claim);
            }
        }
    }
    for claim in claims {
        put(text, format_args!("| {} | {} |", claim.of, claim.paper));
        for (_, part) in made {
            match part.claims.iter().find(|own| own.of == claim.of) {
                Some(own) => put(text, format_args!(" {} | {} |", own.here, answer(own.agrees))),
                None => text.push_str(" | |"),
            }
        }
        text.push('\n');
    }
    text.push('\n');
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The fragment of a heading, as hosts of Markdown make it: letters, digits and hyphens.
fn anchor(title: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    title.chars().filter_map(kept).collect()
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a string does not fail");
}

/// `41 s`, `12 min`, `3.4 h`.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
