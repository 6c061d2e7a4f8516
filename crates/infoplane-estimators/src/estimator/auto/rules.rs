//! The rules that choose an estimator for a pair.

use super::Auto;
use super::functional;
use super::profile::DataProfile;
use crate::VariableKind::{Continuous, Lattice, Mixed, Names};
use crate::estimator::input::without_tails;
use crate::estimator::noise::taken_for_a_function;
use crate::math;
use crate::variable::kind::{distinct_rows, rows_together};
use crate::{
    AnyEstimator, ChaoWangJost, Choice, Classifier, Combined, EstimateError, Ksg, Labels, Noise, PlugIn,
    Ross, Scaling, Variable, VariableKind, Warning,
};

/// Columns of a vector up to which nearest neighbours are near: in five a classifier has a third of the error.
const FEW_COLUMNS: usize = 4;

/// Columns of two vectors together up to which KSG is nearly unbiased.
pub(super) const FEW_JOINT_COLUMNS: usize = 4;

/// Samples below which nothing is said of numbers.
pub(super) const FEWEST: usize = 10;

/// Samples, and samples for each class on average, from which the class can be learnt.
const LEAST_CLASSIFIED: usize = 50;
const SAMPLES_PER_CLASS: usize = 10;

/// A tenth of the samples at least must have no value that repeats for a function to be looked for among them.
const LEAST_PART: usize = 10;

/// Refuses samples that are too few to say anything of numbers.
pub(super) fn check_samples(n_samples: usize) -> Result<(), EstimateError> {
    if n_samples < FEWEST {
        let reason = "numbers".into();
        return Err(EstimateError::TooFewSamples { estimator: "auto", reason, needed: FEWEST, n_samples });
    }
    Ok(())
}

const CHOICES: &str = "give a noise variance (noise_variance: the information with Gaussian noise added) or a bin width \
                       (bin_width: the information in bins), or name a method";

/// Chooses an estimator for variables that were checked, as [`Auto`] says.
pub(super) fn choose(settings: &Auto, x: &Variable<'_>, y: &Variable<'_>) -> Result<Choice, EstimateError> {
    let profiles = [DataProfile::new(x, settings.x_kind), DataProfile::new(y, settings.y_kind)];
    let [a, b] = &profiles;
    let n = x.n_samples();
    if a.distinct == 1 || b.distinct == 1 {
        return Ok(choice([Names; 2], PlugIn::default(), "a variable never changes, so it tells nothing"));
    }
    if let Some(variance) = settings.noise_variance
        && let Some(kinds) = against_numbers(&profiles)
    {
        let mut choice = choice(kinds, noise(variance), format!("noise of variance {variance} is given"));
        if !a.labels && !b.labels {
            choice.warnings.push(taken_for_a_function(a.distinct == n));
        }
        return Ok(choice);
    }
    if let Some(binned) = settings.binned()
        && let Some(kinds) = against_numbers(&profiles)
    {
        // Of two matrices both are binned.
        let kinds = if a.labels || b.labels { kinds } else { [Continuous; 2] };
        return Ok(choice(kinds, binned?, "bins are given"));
    }
    if !(a.symbols() && b.symbols()) {
        check_samples(n)?;
    }
    match [a.symbols(), b.symbols()] {
        [true, true] => {
            let which_row = [a, b].map(DataProfile::which_row);
            if which_row == [true, true] {
                return Err(undetermined(n));
            }
            if which_row[0] || which_row[1] {
                let reason = "every sample is an input of its own, and the other side repeats: its entropy";
                return Ok(choice(
                    [Names; 2],
                    PlugIn::default(),
                    format!("{reason}, exact for these samples"),
                ));
            }
            let reason = format!("symbols on both sides, {} × {} in {n} samples", a.distinct, b.distinct);
            Ok(choice([Names; 2], discrete(), reason))
        }
        [true, false] => symbols_against_numbers(a, b, [Names, b.kind], n),
        [false, true] => symbols_against_numbers(b, a, [a.kind, Names], n),
        [false, false] => numbers(x, y, a, b),
    }
}

fn choice(kinds: [VariableKind; 2], estimator: impl Into<AnyEstimator>, reason: impl Into<String>) -> Choice {
    Choice {
        estimator: estimator.into(),
        kinds: kinds.to_vec(),
        rows: None,
        reason: reason.into(),
        warnings: Vec::new(),
    }
}

/// The kinds of the sides so that noise or bins act on numbers, as they are; `None` if both sides are labels. Of two
/// matrices the second is the layer.
fn against_numbers(profiles: &[DataProfile; 2]) -> Option<[VariableKind; 2]> {
    match [profiles[0].labels, profiles[1].labels] {
        [true, true] => None,
        [false, true] => Some([Continuous, Names]),
        [true, false] | [false, false] => Some([Names, Continuous]),
    }
}

fn symbols_against_numbers(
    symbols: &DataProfile,
    numbers: &DataProfile,
    kinds: [VariableKind; 2],
    n: usize,
) -> Result<Choice, EstimateError> {
    if symbols.which_row() {
        if numbers.which_row() {
            return Err(undetermined(n));
        }
        let reason = "every sample is an input of its own, and rows of the other side repeat: the entropy of their \
                      float bits, exact for these samples";
        return Ok(choice([Names; 2], PlugIn::default(), reason));
    }
    let (classes, width, told) = (symbols.distinct, numbers.changing, &numbers.told);
    let columns = if width == 1 { "1 column" } else { &format!("{width} columns") };
    let reason = format!("{classes} symbols against {columns} of {told}");
    if width <= FEW_COLUMNS {
        let (scaling, reason) = match numbers.heavy_tailed {
            true => {
                (Scaling::NormalScores, format!("{reason}, with values far from the others: by their ranks"))
            }
            false => (Scaling::default(), reason),
        };
        return Ok(choice(kinds, Ross { scaling, ..Ross::default() }, reason));
    }
    let reason = format!("{reason}, too many for nearest neighbours");
    if n >= LEAST_CLASSIFIED && classes * SAMPLES_PER_CLASS <= n {
        return Ok(choice(kinds, Classifier::default(), reason));
    }
    let mut choice = choice(kinds, Ross::default(), format!("{reason}, and too few samples to learn from"));
    choice.warnings.extend(many_columns(width, FEW_COLUMNS));
    Ok(choice)
}

fn numbers(
    x: &Variable<'_>,
    y: &Variable<'_>,
    a: &DataProfile,
    b: &DataProfile,
) -> Result<Choice, EstimateError> {
    let some = |kind| [a, b].iter().any(|side| side.kind == kind);
    let repeating = a.kind != Continuous && b.kind != Continuous;
    let together = (repeating || some(Mixed)).then(|| rows_together(&[x.view(), y.view()]));
    if let Some(together) = &together
        && repeating
        && !some(Mixed)
        && fills_a_table(together, [a, b])
    {
        let (cells, n) = (together.n_labels(), a.n);
        let reason = format!("values that repeat on both sides, {cells} pairs of them in {n} samples");
        return Ok(choice([Names; 2], discrete(), reason));
    }
    if let Some(together) = together.filter(|_| some(Mixed))
        && let Some((rows, kinds)) = repeated_samples(&[x.view(), y.view()], &together)
    {
        let settings = Auto { x_kind: Some(kinds[0]), y_kind: Some(kinds[1]), ..Auto::default() };
        let (x, y) = (x.select(&rows), y.select(&rows));
        let mut choice = choose(&settings, &x.variable(), &y.variable())?;
        choice.warnings.push(counted_once(a.n - rows.len()));
        choice.rows = Some(rows);
        return Ok(choice);
    }
    let joint = a.changing + b.changing;
    let kinds = [a.kind, b.kind];
    // What is on a lattice is finite. Of values that repeat nothing is said: a rectified unit is 0 whatever it follows.
    let rows = rows_without_repeats([x.view(), y.view()], kinds);
    let scaled = |side: &Variable<'_>| without_tails(&side.select(&rows).variable());
    if !kinds.contains(&Lattice)
        && rows.len() * LEAST_PART >= a.n
        && let (Some(x), Some(y)) = (scaled(x), scaled(y))
        && let Some(found) = functional::function(&x, &y)
    {
        return Err(EstimateError::Undetermined {
            reason: format!("{found}, so that I(X;Y) is infinite and any estimate a function of n alone"),
            choices: CHOICES,
        });
    }
    let told = if a.told == b.told {
        format!("{} on both sides", a.told)
    } else {
        format!("{} against {}", a.told, b.told)
    };
    let reason = format!("{told}, {} and {} columns", a.changing, b.changing);
    if joint >= a.n {
        let mut choice = choice(kinds, Ksg::default(), format!("{reason}, not fewer than samples"));
        choice.warnings.extend(many_columns(joint, FEW_JOINT_COLUMNS));
        return Ok(choice);
    }
    Ok(choice(kinds, Combined::default(), reason))
}

/// Samples on average of each pair of values that fill a table, and of each value that decides the other side.
const SAMPLES_PER_PAIR: usize = 20;
const SAMPLES_PER_VALUE: usize = 5;

/// Returns whether pairs of values on lattices are better counted than spread: there are few, or the values of one side, which
/// repeat, are each beside one value of the other, as codes of the same things are.
fn fills_a_table(together: &Labels, sides: [&DataProfile; 2]) -> bool {
    let (pairs, n) = (together.n_labels(), together.len());
    let decides = |side: &DataProfile| side.distinct == pairs && pairs * SAMPLES_PER_VALUE <= n;
    pairs * SAMPLES_PER_PAIR <= n || sides.into_iter().any(decides)
}

/// Returns the first of each sample that came several times, and the kinds of the variables in these, where values repeat only
/// because whole samples do: they are no atoms then.
pub(super) fn repeated_samples(
    variables: &[Variable<'_>],
    together: &Labels,
) -> Option<(Vec<usize>, Vec<VariableKind>)> {
    if together.all_distinct() || few_rows_repeat(together) || together.n_labels() < FEWEST {
        return None;
    }
    let rows = distinct_rows(together);
    let kind = |variable: &Variable<'_>| VariableKind::of(variable.select(&rows).variable());
    let kinds: Vec<VariableKind> = variables.iter().map(kind).collect();
    (!kinds.contains(&Mixed)).then_some((rows, kinds))
}

pub(super) fn counted_once(dropped: usize) -> Warning {
    Warning::Dropped { dropped, reason: "they repeat other samples in all columns, and count once" }
}

/// Rows that are the most frequent, at most, for these to be atoms; of samples that came several times there are more.
const FEW_ROWS: usize = 4;

/// Copies of an atom, at least, for each of a row on average.
const COPIES: f64 = 10.0;

/// Returns whether rows repeat since a few places have much of the probability, as where both sides are rectified.
fn few_rows_repeat(rows: &Labels) -> bool {
    let counts = rows.counts();
    let most = counts.iter().copied().max().unwrap_or(0);
    let average = counts.iter().sum::<usize>() as f64 / counts.len().max(1) as f64;
    let as_frequent = counts.iter().filter(|&&count| 2 * count >= most).count();
    most as f64 >= COPIES * average && as_frequent <= FEW_ROWS
}

/// The rows of which no value repeats in its column.
fn rows_without_repeats(sides: [Variable<'_>; 2], kinds: [VariableKind; 2]) -> Vec<usize> {
    let n = sides[0].n_samples();
    let mut repeats = vec![false; n];
    for (side, _) in sides.iter().zip(kinds).filter(|(_, kind)| *kind == Mixed) {
        for column in 0..side.width() {
            let values = side.column(column);
            let labels = Variable::from(&values).symbols();
            // A column that never changes is no reason to look at nothing.
            if labels.n_labels() > 1 {
                let counts = labels.counts();
                labels.codes().iter().zip(&mut repeats).for_each(|(&c, row)| *row |= counts[c as usize] > 1);
            }
        }
    }
    (0..n).filter(|&row| !repeats[row]).collect()
}

pub(super) fn many_columns(columns: usize, most: usize) -> Option<Warning> {
    (columns > most).then(|| Warning::far_neighbours(columns))
}

fn undetermined(n: usize) -> EstimateError {
    EstimateError::Undetermined {
        reason: format!(
            "one side tells which of {n} samples it is and the other never repeats, so that the information is \
             ln N = {:.4} nats or infinite, whatever the numbers are",
            math::ln(n as f64)
        ),
        choices: CHOICES,
    }
}

pub(super) fn noise(variance: f64) -> AnyEstimator {
    Noise::new([variance]).into()
}

/// Corrections of the bias agree where cells are filled; where samples do not reach them all, this one is nearest.
pub(super) fn discrete() -> AnyEstimator {
    ChaoWangJost::default().into()
}
