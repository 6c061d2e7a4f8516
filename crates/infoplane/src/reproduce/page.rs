//! The page of results: every figure with what its paper says, what was found here, and the command that repeats it.

use std::fmt::Write;
use std::path::Path;

use super::figure::{Figure, PoolResult, Results, Shown};
use super::{FIGURES, ReproduceError, ReproduceOptions, replace};

const YES: &str = "yes";
const NO: &str = "**no**";
const UNKNOWN: &str = "–";

/// Returns the part of one figure; `to_repeat` is how it is made again.
pub(super) fn part(figure: &Figure, results: &Results, shown: &Shown, to_repeat: &str) -> String {
    let mut text = head(figure);
    for (_, drawn) in &shown.figures {
        put(&mut text, format_args!("![{}](figures/{}.png)\n\n", figure.title, drawn.id));
    }
    if !shown.comparisons.is_empty() {
        put(&mut text, format_args!("| | paper | here | agrees? |\n|---|---|---|---|\n"));
        for row in &shown.comparisons {
            let agrees = match row.agrees {
                Some(true) => YES,
                Some(false) => NO,
                None => UNKNOWN,
            };
            put(&mut text, format_args!("| {} | {} | {} | {agrees} |\n", row.of, row.paper, row.here));
        }
        text.push('\n');
    }
    for remark in &shown.remarks {
        put(&mut text, format_args!("{remark}\n\n"));
    }
    for run in &results.runs {
        for note in run.seed_notes() {
            put(&mut text, format_args!("{note}\n\n"));
        }
    }
    for (suffix, _) in &shown.tables {
        let name = format!("{}{suffix}.csv", figure.name);
        put(&mut text, format_args!("All values: [`{name}`](figures/{name}).\n\n"));
    }
    put(
        &mut text,
        format_args!(
            "| run | seeds | epochs | measured epochs | samples | time |\n|---|--:|--:|--:|--:|--:|\n"
        ),
    );
    let mut total = Some(0.0);
    for run in &results.runs {
        let seconds = run.seconds;
        total = total.zip(seconds).map(|(total, seconds)| total + seconds);
        let measured = run.run.schedule().len();
        put(
            &mut text,
            format_args!(
                "| {} | {} | {} | {measured} | {} of {} | {} |\n",
                run.label,
                run.n_seeds(),
                run.experiment.training.epochs,
                run.run.manifest().data.n_measured,
                run.run.manifest().data.n_samples,
                seconds.map_or("unknown".into(), duration)
            ),
        );
    }
    if let Some(first) = results.pools.iter().find_map(|pool| pool.result.as_ref().ok()) {
        let seconds: Option<f64> = results.pools.iter().map(|pool| pool.seconds).sum();
        total = total.zip(seconds).map(|(total, seconds)| total + seconds);
        let range = |value: fn(&PoolResult) -> u64| {
            let values: Vec<u64> = results.pools.iter().map(value).collect();
            let (low, high) = values.iter().fold((u64::MAX, 0), |(low, high), &v| (low.min(v), high.max(v)));
            if low == high { low.to_string() } else { format!("{low} to {high}") }
        };
        put(
            &mut text,
            format_args!(
                "| {} pools of networks | {} | {} | – | {} of {} | {} |\n",
                results.pools.len(),
                range(|pool| pool.experiment.seeds),
                range(|pool| pool.experiment.training.epochs),
                first.data.n_measured,
                first.data.n_samples,
                seconds.map_or("unknown".into(), duration)
            ),
        );
    }
    put(
        &mut text,
        format_args!(
            "\nSize: {}. Time of its runs: {}; other figures may share some of them. To repeat: {to_repeat}.\n",
            results.setup.size.name(),
            total.map_or("unknown".into(), duration),
        ),
    );
    text
}

fn head(figure: &Figure) -> String {
    format!(
        "## {}\n\n`{}` · {}\n\n**The paper.** {}\n\n**Here.** {}\n\n",
        figure.title, figure.name, figure.paper, figure.says, figure.here
    )
}

/// Writes the part of a figure that could not be made; one made earlier stays.
pub(super) fn write_missing(figure: &Figure, why: &str, out: &Path) -> Result<(), ReproduceError> {
    let directory = out.join("figures");
    let path = directory.join(format!("{}.md", figure.name));
    if directory.join(format!("{}.png", figure.name)).exists() {
        return Ok(());
    }
    std::fs::create_dir_all(&directory)
        .map_err(|source| ReproduceError::Write { path: directory.clone(), source })?;
    let text = format!("{}**Missing:** {why}.\n", head(figure));
    replace(&path, text.as_bytes())
}

/// Puts the parts together, in the order of the registry, below a table of how many of their claims agree.
pub(super) fn write(options: &ReproduceOptions) -> Result<(), ReproduceError> {
    let out = &options.out;
    let part =
        |figure: &Figure| std::fs::read_to_string(out.join("figures").join(format!("{}.md", figure.name)));
    let mut text = String::from(
        "# Published figures, reproduced\n\nEvery figure and every number of this page was computed by one program from \
         networks that it trained. *agrees?* is a condition on the numbers, not a judgement by eye; – stands where the paper \
         makes no claim that a number could contradict, or where too few networks learned to say. ± is the standard error \
         over seeds. A layer *compresses* here if I(X;T) falls, from its largest value to its last, by more than a quarter of \
         a bit and, with several seeds, by more than twice the standard error.\n\n\
         | figure | claims that agree | that do not | not decided |\n|---|--:|--:|--:|\n",
    );
    for figure in FIGURES {
        let Ok(part) = part(figure) else { continue };
        let count =
            |answer: &str| part.lines().filter(|line| line.ends_with(&format!("| {answer} |"))).count();
        let link = anchor(figure.title);
        put(
            &mut text,
            format_args!(
                "| [{}](#{link}) | {} | {} | {} |\n",
                figure.title,
                count(YES),
                count(NO),
                count(UNKNOWN)
            ),
        );
    }
    for figure in FIGURES {
        match part(figure) {
            Ok(part) => put(&mut text, format_args!("\n{part}")),
            Err(_) => put(
                &mut text,
                format_args!(
                    "\n## {}\n\nNot made yet: {}.\n",
                    figure.title,
                    (options.to_repeat)(figure, &options.setup)
                ),
            ),
        }
    }
    replace(&out.join("results.md"), text.as_bytes())
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
