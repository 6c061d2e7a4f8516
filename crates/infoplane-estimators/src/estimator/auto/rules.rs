//! The rules that choose an estimator for a pair.

use super::Auto;
use super::functional;
use super::profile::DataProfile;
use crate::estimator::input::columns;
use crate::math;
use crate::{
    AnyEstimator, ChaoWangJost, Choice, CvKsg, EstimateError, ExtrapolatedKsg, Gcmi, Ksg, MixedKsg, Noise,
    PlugIn, Ross, Scaling, Variable, Warning,
};

/// Columns of a vector up to which nearest neighbours are near.
const FEW_COLUMNS: usize = 5;

/// Columns of two vectors together up to which KSG is nearly unbiased.
pub(super) const FEW_JOINT_COLUMNS: usize = 4;

/// Share of rows that coincide with another above which Ross's method is wrong for them.
const TIED: f64 = 0.01;

/// Rows of a symbol below which its neighbours within the class are not near.
const FEW_MEMBERS: usize = 6;

const CHOICES: &str = "give a noise variance (noise_variance: the information of the layer plus Gaussian noise) or a \
                       bin width (bin_width: the information of the binned layer), or name a method";

/// Chooses an estimator for variables that were checked, as [`Auto`] says.
pub(super) fn choose(settings: &Auto, x: &Variable<'_>, y: &Variable<'_>) -> Result<Choice, EstimateError> {
    let profiles = [DataProfile::new(x), DataProfile::new(y)];
    let [a, b] = &profiles;
    let n = x.n_samples();
    if a.distinct == 1 || b.distinct == 1 {
        return Ok(choice([true; 2], PlugIn::default(), "a variable never changes, so it tells nothing"));
    }
    if let Some(variance) = settings.noise_variance
        && let Some(sides) = against_numbers(&profiles)
    {
        return Ok(choice(sides, noise(variance), format!("noise of variance {variance} is given")));
    }
    if let Some(binned) = settings.binned()
        && let Some(sides) = against_numbers(&profiles)
    {
        // Of two matrices both are binned.
        let sides = if a.labels || b.labels { sides } else { [false; 2] };
        return Ok(choice(sides, binned?, "bins are given"));
    }
    match [a.discrete, b.discrete] {
        [true, true] => {
            let which_row = [a, b].map(DataProfile::which_row);
            if which_row == [true, true] {
                return Err(undetermined(n));
            }
            if which_row[0] || which_row[1] {
                let reason = "every sample is an input of its own, and the other side repeats: its entropy";
                return Ok(choice(
                    [true; 2],
                    PlugIn::default(),
                    format!("{reason}, exact for these samples"),
                ));
            }
            let reason = format!("symbols on both sides, {} × {} in {n} samples", a.distinct, b.distinct);
            Ok(choice([true; 2], discrete(), reason))
        }
        [true, false] => symbols_against_numbers(a, b, [true, false], n),
        [false, true] => symbols_against_numbers(b, a, [false, true], n),
        [false, false] => numbers(x, y, a, b),
    }
}

fn choice(as_symbols: [bool; 2], estimator: impl Into<AnyEstimator>, reason: impl Into<String>) -> Choice {
    Choice {
        estimator: estimator.into(),
        as_symbols: as_symbols.to_vec(),
        reason: reason.into(),
        warnings: Vec::new(),
    }
}

/// Which sides to take as symbols so that noise or bins act on numbers; `None` if both sides are
/// discrete. Of two matrices the second is the layer.
fn against_numbers(profiles: &[DataProfile; 2]) -> Option<[bool; 2]> {
    match [profiles[0].labels, profiles[1].labels] {
        [true, true] => None,
        [false, true] => Some([false, true]),
        [true, false] | [false, false] => Some([true, false]),
    }
}

fn symbols_against_numbers(
    symbols: &DataProfile,
    numbers: &DataProfile,
    sides: [bool; 2],
    n: usize,
) -> Result<Choice, EstimateError> {
    if symbols.which_row() {
        if numbers.which_row() {
            return Err(undetermined(n));
        }
        let reason = "every sample is an input of its own, and rows of the other side repeat: the entropy of their \
                      float bits, exact for these samples";
        return Ok(choice([true; 2], PlugIn::default(), reason));
    }
    let (classes, width) = (symbols.distinct, numbers.changing);
    let columns = if width == 1 { "1 column" } else { &format!("{width} columns") };
    if numbers.tied as f64 > TIED * n as f64 {
        let reason = format!(
            "{classes} symbols against {columns} of numbers, of which {} rows coincide with others",
            numbers.tied
        );
        let mut choice = choice(sides, MixedKsg::default(), reason);
        choice.warnings.extend(many_columns(width, FEW_COLUMNS));
        return Ok(choice);
    }
    if width <= FEW_COLUMNS && !symbols.labels && symbols.rarest < FEW_MEMBERS {
        // Rare values of a number are near others; rare labels are near none.
        let reason = format!("{classes} values, some of them rare, against {columns} of numbers");
        return Ok(choice([false; 2], MixedKsg::default(), reason));
    }
    if width <= FEW_COLUMNS {
        let reason = format!("{classes} symbols against {columns} of numbers without coinciding rows");
        return Ok(choice(sides, Ross::default(), reason));
    }
    let reason = format!("{classes} symbols against {columns} of numbers, too many for nearest neighbours");
    let advice = "give a noise variance if the layer has noise";
    // A covariance within every class needs more samples than columns.
    let choice = if symbols.rarest > width + 1 {
        let mut choice = choice(sides, Gcmi::default(), reason);
        choice.warnings.push(Warning::Note(format!(
            "{columns} are too many for a method without assumptions: exact only if the classes are Gaussian; {advice}"
        )));
        choice
    } else {
        let mut choice = choice(
            sides,
            Ross::default(),
            format!("{reason}, and too few samples in a class for covariances"),
        );
        choice.warnings.extend(many_columns(width, FEW_COLUMNS));
        choice
    };
    Ok(choice)
}

fn numbers(
    x: &Variable<'_>,
    y: &Variable<'_>,
    a: &DataProfile,
    b: &DataProfile,
) -> Result<Choice, EstimateError> {
    let joint = a.changing + b.changing;
    if a.atoms || b.atoms {
        let reason = "values repeat in some columns and not in others".to_string();
        let mut choice = choice([false; 2], MixedKsg::default(), reason);
        choice.warnings.extend(many_columns(joint, 2 * FEW_COLUMNS));
        return Ok(choice);
    }
    // By standard deviations: squares of raw values may overflow or vanish.
    let scaled = |side: &Variable<'_>| columns(side, Scaling::Standardized).map(|columns| columns.values);
    if let (Some(x), Some(y)) = (scaled(x), scaled(y))
        && let Some(found) = functional::function(&x, &y)
    {
        return Err(EstimateError::Undetermined {
            reason: format!("{found}, so that I(X;Y) is infinite and any estimate a function of n alone"),
            choices: CHOICES,
        });
    }
    let reason = format!("numbers on both sides, {} and {} columns", a.changing, b.changing);
    if joint <= FEW_JOINT_COLUMNS {
        let extrapolated = ExtrapolatedKsg::default();
        // With fewer samples than a few times its largest k the ladder reaches across all of them.
        return Ok(if a.n >= 4 * extrapolated.k {
            choice([false; 2], extrapolated, reason)
        } else {
            choice([false; 2], Ksg::default(), reason)
        });
    }
    if joint >= a.n {
        let mut choice = choice([false; 2], Ksg::default(), format!("{reason}, not fewer than samples"));
        choice.warnings.extend(many_columns(joint, FEW_JOINT_COLUMNS));
        return Ok(choice);
    }
    Ok(choice([false; 2], CvKsg::default(), reason))
}

pub(super) fn many_columns(columns: usize, most: usize) -> Option<Warning> {
    (columns > most).then(|| {
        Warning::Note(format!("in {columns} columns neighbours are far, and the estimate is biased downward"))
    })
}

fn undetermined(n: usize) -> EstimateError {
    EstimateError::Undetermined {
        reason: format!(
            "one side tells which of {n} samples it is and the other never repeats, so that the information is \
             ln N = {:.4} nats or infinite, whatever the layer does",
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
