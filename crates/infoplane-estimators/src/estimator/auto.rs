//! The choice of a method that fits the data.

mod functional;

use ndarray::Array2;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{check_layer, check_variables};
use super::prepare::{columns, heavy_tailed};
use super::{
    About, BinRange, BinRule, BinnedConfig, Bound, ChaoWangJostConfig, Correction, CvKsgConfig, Estimate,
    EstimateError, Estimator, EstimatorConfig, ExtrapolatedKsgConfig, GcmiConfig, KlConfig, KsgConfig,
    LayerRange, LncConfig, Method, MixedKsgConfig, NoiseConfig, PlugInConfig, Reading, RossConfig, Routed,
    Scaling, Uncertainty, Warning,
};
use crate::special::digamma;
use crate::{Information, Labels, Variable};

/// The settings of [`Auto`], as given in a configuration file: choices that only the user can make.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AutoConfig {
    /// Variance of the Gaussian noise that is part of the question, above 0, in the squared unit of the layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_variance: Option<f64>,
    /// The width of a bin, if the question is asked in bins; in the layer's own units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bin_width: Option<f64>,
    /// The binning rule; `floor` with `bin_width` and `equal` with `bins`, unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<BinRule>,
    /// The number of bins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bins: Option<usize>,
    /// The range of the bins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<BinRange>,
}

impl AutoConfig {
    pub(super) const ABOUT: &About = &About {
        name: "auto",
        title: "automatic",
        estimates: "the quantity, by the method that fits the data; refuses where it is infinite",
        when: "first; it says which method it took and why",
        cost: "that of the method",
        uncertainty: Uncertainty::None,
        reference: "docs/choosing-an-estimator.md",
    };

    /// Returns the bins requested, if any.
    fn binned(&self) -> Option<Result<EstimatorConfig, EstimateError>> {
        let rule = match (self.rule, self.bin_width, self.bins) {
            (Some(rule), ..) => rule,
            (None, Some(_), _) => BinRule::Floor,
            (None, None, Some(_)) => BinRule::Equal,
            (None, None, None) => {
                let unused = self.range.map(|range| EstimateError::Setting {
                    key: "range",
                    given: range.to_string(),
                    allowed: "only with `bins` or `rule`",
                });
                return unused.map(Err);
            }
        };
        let config = BinnedConfig {
            rule,
            bins: self.bins,
            bin_width: self.bin_width,
            range: self.range,
            correction: Correction::PlugIn,
        };
        Some(config.check().map(|()| config.into()))
    }

    fn setting(&self) -> String {
        match (self.noise_variance, self.binned()) {
            (Some(noise_variance), _) => format!("noise_variance={noise_variance}"),
            (None, Some(Ok(binned))) => {
                binned.settings().into_iter().next().map(|(setting, _)| setting).unwrap_or_default()
            }
            _ => String::new(),
        }
    }
}

impl Method for AutoConfig {
    fn about(&self) -> &'static About {
        Self::ABOUT
    }

    fn settings(&self) -> Vec<(String, Option<Bound>)> {
        vec![(self.setting(), None)]
    }

    fn check(&self) -> Result<(), EstimateError> {
        if let Some(variance) = self.noise_variance
            && !(variance.is_finite() && variance > 0.0)
        {
            return Err(EstimateError::Setting {
                key: "noise_variance",
                given: variance.to_string(),
                allowed: "a finite number above 0",
            });
        }
        let binned = self.binned().transpose()?;
        match (self.noise_variance, binned) {
            (Some(variance), Some(_)) => Err(EstimateError::Setting {
                key: "noise_variance",
                given: format!("{variance} beside bins"),
                allowed: "noise or bins, not both",
            }),
            _ => Ok(()),
        }
    }

    fn needs_observed_range(&self) -> bool {
        matches!(self.binned(), Some(Ok(config)) if config.needs_observed_range())
    }

    fn estimator(&self, range: &LayerRange) -> Result<Box<dyn Estimator>, EstimateError> {
        self.check()?;
        Ok(Box::new(Auto { hints: self.clone(), range: range.clone() }))
    }
}

/// A choice of method.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The method with its settings.
    pub config: EstimatorConfig,
    /// The reason, in words.
    pub reason: String,
    /// Whether X is treated as discrete.
    pub x_as_symbols: bool,
    /// Whether Y is treated as discrete.
    pub y_as_symbols: bool,
    /// Caveats of the estimate.
    pub warnings: Vec<Warning>,
}

/// Columns of a vector up to which nearest neighbours are near.
const FEW_COLUMNS: usize = 5;
/// Columns of two vectors together up to which KSG is nearly unbiased.
const FEW_JOINT_COLUMNS: usize = 4;
/// Share of values that occur more than once, above which a column is discrete.
const DISCRETE: f64 = 0.9;
/// The same share, above which a column is continuous with atoms.
const ATOMS: f64 = 0.05;
/// Share of rows that coincide with another above which Ross's method is wrong for them.
const TIED: f64 = 0.01;
/// Rows of a symbol below which its neighbours within the class are not near.
const FEW_MEMBERS: usize = 6;
/// Within this many nats of its ceiling KSG says little.
const NEAR_CEILING: f64 = 1.0;

const CHOICES: &str = "give a noise variance (noise_variance: the information of the layer plus Gaussian noise) or a \
                       bin width (bin_width: the information of the binned layer), or name a method";

/// Chooses a method for I(X;Y) from the data.
///
/// | X and Y | method |
/// |---|---|
/// | a constant variable | plug-in: 0 |
/// | `noise_variance` given, numbers on one side | `noise`, with the other side's rows as symbols |
/// | bins given | `binned` |
/// | symbols on both sides (labels, or columns whose values repeat) | `chao-wang-jost` |
/// | which row it is, against numbers that repeat | plug-in: exact for these samples |
/// | which row it is, against numbers that do not repeat | refused: ln N or infinite |
/// | symbols against numbers, at most 5 columns | `ross`; `mixed-ksg` where samples coincide, or values of a number are rare |
/// | symbols against more columns | `gcmi`, or `ross` where a class has too few samples; with a warning |
/// | numbers, one a function of the other | refused: infinite |
/// | numbers with atoms, or discrete columns beside others | `mixed-ksg` |
/// | numbers, at most 4 columns in all | `extrapolated-ksg` (`ksg` below 80 samples); `lnc`, if it is higher, where that comes near its ceiling |
/// | numbers, more columns | `cv-ksg` |
///
/// A column is discrete if nine tenths of its values occur more than once. That y is a function of x is seen
/// for single columns (a cubic through the neighbours predicts the value between them ever better the nearer they
/// are, down to rounding) and for linear maps; noise of a ten-thousandth of the range is still seen as noise
/// with a thousand samples. For other maps of several columns **no test can tell**: give the noise or the bins.
///
/// Time O(n d log n), and O(n) for each pair of columns.
///
/// # Errors
/// [`EstimateError::Undetermined`] where the answer is infinite or a function of n alone, naming the choices;
/// what [`Estimator::pair`] refuses.
///
/// # Examples
/// ```
/// use infoplane_estimators::estimator::{AutoConfig, Method, route};
/// use infoplane_estimators::{EstimateError, Labels, Variable};
/// let t = ndarray::Array2::from_shape_fn((50, 2), |(i, j)| ((7 * i + 3 * j) as f64).sin());
/// let y = Labels::from_symbols(&(0..50).map(|i| i % 2).collect::<Vec<_>>());
/// let chosen = route(Variable::Double(t.view()), Variable::Labels(&y), &AutoConfig::default())?;
/// assert_eq!(chosen.config.about().name, "ross");
/// // Which of 50 inputs it was, against 50 different rows: ln 50, whatever the layer is.
/// let x = Labels::distinct(50);
/// let refused = route(Variable::Labels(&x), Variable::Double(t.view()), &AutoConfig::default());
/// assert!(matches!(refused, Err(EstimateError::Undetermined { .. })));
/// # Ok::<(), EstimateError>(())
/// ```
pub fn route(x: Variable<'_>, y: Variable<'_>, hints: &AutoConfig) -> Result<Route, EstimateError> {
    check_variables(&[x.view(), y.view()])?;
    hints.check()?;
    let looks = [Look::new(&x), Look::new(&y)];
    let [a, b] = &looks;
    let n = x.n_samples();
    let symbols = |of: [bool; 2], config: EstimatorConfig, reason: String| Route {
        config,
        reason,
        x_as_symbols: of[0],
        y_as_symbols: of[1],
        warnings: Vec::new(),
    };
    if a.distinct == 1 || b.distinct == 1 {
        return Ok(symbols(
            [true; 2],
            PlugInConfig::default().into(),
            "a variable never changes, so it tells nothing".into(),
        ));
    }
    if let Some(variance) = hints.noise_variance
        && let Some(sides) = against_numbers(&looks)
    {
        return Ok(symbols(sides, noise(variance), format!("noise of variance {variance} is given")));
    }
    if let Some(binned) = hints.binned()
        && let Some(sides) = against_numbers(&looks)
    {
        // Of two matrices both are binned.
        let sides = if a.labels || b.labels { sides } else { [false; 2] };
        return Ok(symbols(sides, binned?, "bins are given".into()));
    }
    match [a.discrete, b.discrete] {
        [true, true] => {
            let which_row = [a, b].map(Look::which_row);
            if which_row == [true, true] {
                return Err(undetermined(n));
            }
            if which_row[0] || which_row[1] {
                let reason = "every sample is an input of its own, and the other side repeats: its entropy";
                return Ok(symbols(
                    [true; 2],
                    PlugInConfig::default().into(),
                    format!("{reason}, exact for these samples"),
                ));
            }
            let reason = format!("symbols on both sides, {} × {} in {n} samples", a.distinct, b.distinct);
            Ok(symbols([true; 2], discrete(), reason))
        }
        [true, false] => symbols_against_numbers(a, b, [true, false], n),
        [false, true] => symbols_against_numbers(b, a, [false, true], n),
        [false, false] => numbers(&x, &y, a, b),
    }
}

/// Which sides to take as symbols so that noise or bins act on numbers; `None` if both sides are
/// discrete. Of two matrices the second is the layer.
fn against_numbers(looks: &[Look; 2]) -> Option<[bool; 2]> {
    match [looks[0].labels, looks[1].labels] {
        [true, true] => None,
        [false, true] => Some([false, true]),
        [true, false] | [false, false] => Some([true, false]),
    }
}

fn symbols_against_numbers(
    symbols: &Look,
    numbers: &Look,
    sides: [bool; 2],
    n: usize,
) -> Result<Route, EstimateError> {
    let route = |config: EstimatorConfig, reason: String| Route {
        config,
        reason,
        x_as_symbols: sides[0],
        y_as_symbols: sides[1],
        warnings: Vec::new(),
    };
    if symbols.which_row() {
        if numbers.which_row() {
            return Err(undetermined(n));
        }
        let reason = "every sample is an input of its own, and rows of the other side repeat: the entropy of their \
                      float bits, exact for these samples";
        return Ok(Route {
            x_as_symbols: true,
            y_as_symbols: true,
            ..route(PlugInConfig::default().into(), reason.into())
        });
    }
    let (classes, width) = (symbols.distinct, numbers.changing);
    let columns = if width == 1 { "1 column" } else { &format!("{width} columns") };
    if numbers.tied as f64 > TIED * n as f64 {
        let reason = format!(
            "{classes} symbols against {columns} of numbers, of which {} rows coincide with others",
            numbers.tied
        );
        let mut route = route(MixedKsgConfig::default().into(), reason);
        route.warnings.extend(many_columns(width, FEW_COLUMNS));
        return Ok(route);
    }
    if width <= FEW_COLUMNS && !symbols.labels && symbols.rarest < FEW_MEMBERS {
        // Rare values of a number are near others; rare labels are near none.
        let reason = format!("{classes} values, some of them rare, against {columns} of numbers");
        let sides = Route {
            x_as_symbols: false,
            y_as_symbols: false,
            ..route(MixedKsgConfig::default().into(), reason)
        };
        return Ok(sides);
    }
    if width <= FEW_COLUMNS {
        let reason = format!("{classes} symbols against {columns} of numbers without coinciding rows");
        return Ok(route(RossConfig::default().into(), reason));
    }
    let reason = format!("{classes} symbols against {columns} of numbers, too many for nearest neighbours");
    let advice = "give a noise variance if the layer has noise";
    // A covariance within every class needs more samples than columns.
    let route = if symbols.rarest > width + 1 {
        let mut route = route(GcmiConfig::default().into(), reason);
        route.warnings.push(Warning::Note(format!(
            "{columns} are too many for a method without assumptions: exact only if the classes are Gaussian; {advice}"
        )));
        route
    } else {
        let mut route = route(
            RossConfig::default().into(),
            format!("{reason}, and too few samples in a class for covariances"),
        );
        route.warnings.extend(many_columns(width, FEW_COLUMNS));
        route
    };
    Ok(route)
}

fn numbers(x: &Variable<'_>, y: &Variable<'_>, a: &Look, b: &Look) -> Result<Route, EstimateError> {
    let joint = a.changing + b.changing;
    let route = |config: EstimatorConfig, reason: String| Route {
        config,
        reason,
        x_as_symbols: false,
        y_as_symbols: false,
        warnings: Vec::new(),
    };
    if a.atoms || b.atoms {
        let reason = "values repeat in some columns and not in others".to_string();
        let mut route = route(MixedKsgConfig::default().into(), reason);
        route.warnings.extend(many_columns(joint, 2 * FEW_COLUMNS));
        return Ok(route);
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
        let config = ExtrapolatedKsgConfig::default();
        // With fewer samples than a few times its largest k the ladder reaches across all of them.
        return Ok(if a.n >= 4 * config.k {
            route(config.into(), reason)
        } else {
            route(KsgConfig::default().into(), reason)
        });
    }
    if joint >= a.n {
        let mut route = route(KsgConfig::default().into(), format!("{reason}, not fewer than samples"));
        route.warnings.extend(many_columns(joint, FEW_JOINT_COLUMNS));
        return Ok(route);
    }
    Ok(route(CvKsgConfig::default().into(), reason))
}

fn many_columns(columns: usize, most: usize) -> Option<Warning> {
    (columns > most).then(|| {
        Warning::Note(format!("in {columns} columns neighbours are far, and the estimate is biased downward"))
    })
}

fn undetermined(n: usize) -> EstimateError {
    EstimateError::Undetermined {
        reason: format!(
            "one side tells which of {n} samples it is and the other never repeats, so that the information is \
             ln N = {:.4} nats or infinite, whatever the layer does",
            (n as f64).ln()
        ),
        choices: CHOICES,
    }
}

fn noise(variance: f64) -> EstimatorConfig {
    NoiseConfig::new(vec![variance]).into()
}

/// Corrections of the bias agree where cells are filled; where samples do not reach them all, this one is nearest.
fn discrete() -> EstimatorConfig {
    ChaoWangJostConfig::default().into()
}

fn matrix(variable: &Variable<'_>) -> Option<Array2<f64>> {
    match variable {
        Variable::Labels(_) => None,
        Variable::Single(rows) => Some(rows.mapv(f64::from)),
        Variable::Double(rows) => Some(rows.to_owned()),
    }
}

/// The properties of one variable.
struct Look {
    /// It came as labels.
    labels: bool,
    /// It is labels, or all its columns that change are discrete.
    discrete: bool,
    /// Some column has values that occur often.
    atoms: bool,
    /// Some column has values far beyond its middle half.
    heavy: bool,
    /// Columns that change.
    changing: usize,
    /// Different rows.
    distinct: usize,
    /// Rows that coincide with another.
    tied: usize,
    /// Rows of the symbol that has fewest.
    rarest: usize,
    n: usize,
}

impl Look {
    fn new(variable: &Variable<'_>) -> Look {
        let symbols = variable.symbols();
        let n = variable.n_samples();
        let distinct = symbols.n_labels();
        let tied = symbols.counts().iter().filter(|&&count| count > 1).sum();
        let rarest = symbols.counts().iter().copied().min().unwrap_or(0);
        let Some(rows) = matrix(variable) else {
            return Look {
                labels: true,
                discrete: true,
                atoms: true,
                heavy: false,
                changing: 1,
                distinct,
                tied,
                rarest,
                n,
            };
        };
        let columns: Vec<usize> = (0..rows.ncols()).collect();
        let seen: Vec<Option<(f64, bool)>> =
            columns.into_par_iter().map(|column| column_look(rows.column(column).to_vec())).collect();
        let (shares, heavy): (Vec<f64>, Vec<bool>) = seen.into_iter().flatten().unzip();
        Look {
            labels: false,
            discrete: shares.iter().all(|&share| share >= DISCRETE),
            atoms: shares.iter().any(|&share| share > ATOMS),
            heavy: heavy.contains(&true),
            changing: shares.len(),
            distinct,
            tied,
            rarest,
            n,
        }
    }

    /// Returns whether the symbols hardly do more than number the rows.
    fn which_row(&self) -> bool {
        self.distinct > self.n / 2
    }
}

/// Returns the share of values that occur more than once, and whether the tails are heavy; `None` for a constant
/// column.
fn column_look(mut values: Vec<f64>) -> Option<(f64, bool)> {
    values.iter_mut().for_each(|v| *v += 0.0);
    values.sort_unstable_by(f64::total_cmp);
    let (first, last) = (*values.first()?, *values.last()?);
    if first == last {
        return None;
    }
    let repeated: usize = values.chunk_by(|a, b| a == b).map(<[f64]>::len).filter(|&count| count > 1).sum();
    Some((repeated as f64 / values.len() as f64, heavy_tailed(&values)))
}

/// The method that fits the data, chosen by [`route`], with the reason in [`Estimate::routed`].
///
/// Numbers of few columns are measured by extrapolated KSG first. Where that comes within 1 nat of the largest value
/// that so many samples allow, the dependence is too strong for it, and the estimate is that of LNC, which follows
/// straight ridges finer than the distance of neighbours.
///
/// Nats; cost that of the method chosen. Quantities other than pairs: entropies of symbols by a discrete method and
/// of numbers by Kozachenko–Leonenko; conditional information and total correlation of numbers by KSG-1.
///
/// # Errors
/// [`EstimateError::Undetermined`] where the answer is infinite or a function of n alone; else as the method.
///
/// ```
/// use infoplane_estimators::known::Task;
/// use infoplane_estimators::estimator::{AutoConfig, EstimatorConfig, LayerRange, Method};
/// let sample = Task::named("normal").expect("a task").draw(2000, 1);
/// let auto = EstimatorConfig::Auto(AutoConfig::default()).estimator(&LayerRange::default())?;
/// let estimate = auto.pair(sample.x.variable(), sample.y.variable())?;
/// assert_eq!(estimate.routed.expect("a reason").estimator(), "extrapolated-ksg");
/// assert!((estimate.information.nats() - sample.information.nats()).abs() < 0.1);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Auto {
    hints: AutoConfig,
    range: LayerRange,
}

impl Auto {
    /// Returns the choice with these hints.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] if a hint is not allowed.
    pub fn new(hints: &AutoConfig) -> Result<Self, EstimateError> {
        hints.check()?;
        Ok(Auto { hints: hints.clone(), range: LayerRange::default() })
    }

    /// Returns the estimate of one method, with its name and the reason.
    fn by(
        &self,
        config: &EstimatorConfig,
        as_symbols: &[bool],
        reason: &str,
        measure: impl FnOnce(&dyn Estimator) -> Result<Estimate, EstimateError>,
    ) -> Result<Estimate, EstimateError> {
        let estimator = config.estimator(&self.range)?;
        let mut estimate = measure(estimator.as_ref())?;
        let (config, as_symbols, reason) = (config.clone(), as_symbols.to_vec(), reason.to_string());
        estimate.routed = Some(Routed { config, as_symbols, reason });
        Ok(estimate)
    }

    /// Noise and bins are part of the question: where no method answers it, they are not dropped in silence.
    fn refuse_hints(&self, of: &'static str) -> Result<(), EstimateError> {
        let (key, given) = match (self.hints.noise_variance, self.hints.binned()) {
            (Some(variance), _) => ("noise_variance", variance.to_string()),
            (None, Some(_)) => ("bin_width", "bins".to_string()),
            (None, None) => return Ok(()),
        };
        let given = format!("{given} for {of}");
        Err(EstimateError::Setting {
            key,
            given,
            allowed: "a pair, or a layer with its labels; or name a method",
        })
    }

    fn follow(&self, route: &Route, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let sides = [route.x_as_symbols, route.y_as_symbols];
        let x_symbols = route.x_as_symbols.then(|| x.symbols());
        let y_symbols = route.y_as_symbols.then(|| y.symbols());
        let x = x_symbols.as_ref().map_or(x.view(), Variable::Labels);
        let y = y_symbols.as_ref().map_or(y.view(), Variable::Labels);
        let mut estimate = self.by(&route.config, &sides, &route.reason, |estimator| {
            match (estimator.pair(x.view(), y.view()), x.view(), y.view()) {
                // A method of layers that takes no pairs.
                (Err(EstimateError::NotOffered { .. }), Variable::Labels(labels), t)
                | (Err(EstimateError::NotOffered { .. }), t, Variable::Labels(labels)) => {
                    first(estimator, t, labels)
                }
                (estimate, ..) => estimate,
            }
        })?;
        for warning in &route.warnings {
            if !estimate.warnings.contains(warning) {
                estimate.warnings.push(warning.clone());
            }
        }
        if matches!(route.config, EstimatorConfig::ExtrapolatedKsg(_) | EstimatorConfig::Ksg(_))
            && near_ceiling(&estimate)
        {
            let reason = format!(
                "{}; {} gave {:.3} nats, within 1 nat of its ceiling, so that the dependence is too strong for it",
                route.reason,
                route.config.about().title,
                estimate.information.nats()
            );
            // By units ridges stay straight, which LNC looks for; heavy tails need ranks.
            let heavy = [&x, &y].into_iter().any(|side| Look::new(side).heavy);
            let scaling = if heavy { Scaling::NormalScores } else { Scaling::Standardized };
            let config = LncConfig { scaling, ..LncConfig::default() }.into();
            let stronger = self.by(&config, &sides, &reason, |estimator| estimator.pair(x.view(), y.view()));
            // Both are too low here, so the larger is nearer. Where LNC cannot be had, the estimate with its warning
            // stands.
            return Ok(match stronger {
                Ok(stronger) if stronger.information > estimate.information => stronger,
                _ => estimate,
            });
        }
        Ok(estimate)
    }
}

fn near_ceiling(estimate: &Estimate) -> bool {
    let limit = digamma(estimate.n_samples as f64) - digamma(3.0);
    let ceiling = estimate.ceiling.map_or(limit, Information::nats);
    estimate.information.nats() > ceiling - NEAR_CEILING
}

/// Returns the first reading of a layer, as an estimate.
fn first(estimator: &dyn Estimator, t: Variable<'_>, labels: &Labels) -> Result<Estimate, EstimateError> {
    let not_offered =
        EstimateError::NotOffered { estimator: estimator.name(), quantity: super::Quantity::Information };
    let reading = estimator.layer(t, &[labels])?.into_iter().next();
    reading.and_then(|reading| reading.estimates.into_iter().next()).ok_or(not_offered)?
}

impl Estimator for Auto {
    fn name(&self) -> &'static str {
        AutoConfig::ABOUT.name
    }

    fn setting(&self) -> String {
        self.hints.setting()
    }

    fn pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let route = route(x.view(), y.view(), &self.hints)?;
        self.follow(&route, x, y)
    }

    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        check_variables(&[x.view()])?;
        if let (Some(variance), Variable::Single(_) | Variable::Double(_)) = (self.hints.noise_variance, &x) {
            let reason = format!("noise of variance {variance} is given");
            return self.by(&noise(variance), &[false], &reason, |estimator| estimator.entropy(x.view()));
        }
        self.refuse_hints("an entropy without numbers, or in bins")?;
        let look = Look::new(&x);
        if look.discrete {
            let symbols = x.symbols();
            let reason = format!("{} symbols in {} samples", look.distinct, look.n);
            let config = discrete();
            return self
                .by(&config, &[true], &reason, |estimator| estimator.entropy(Variable::Labels(&symbols)));
        }
        if look.atoms {
            return Err(EstimateError::Undetermined {
                reason:
                    "some values repeat and others do not, so that there is neither a density nor a table of \
                         symbols"
                        .into(),
                choices: "take rows as symbols, or name a method",
            });
        }
        let config = KlConfig::default().into();
        self.by(&config, &[false], "numbers that do not repeat", |estimator| estimator.entropy(x.view()))
    }

    fn conditional(
        &self,
        x: Variable<'_>,
        y: Variable<'_>,
        z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        check_variables(&[x.view(), y.view(), z.view()])?;
        self.refuse_hints("conditional information")?;
        let looks = [Look::new(&x), Look::new(&y), Look::new(&z)];
        if looks.iter().all(|look| look.discrete) {
            let [x, y, z] = [x.symbols(), y.symbols(), z.symbols()];
            let config = discrete();
            return self.by(&config, &[true; 3], "symbols on all sides", |estimator| {
                estimator.conditional(Variable::Labels(&x), Variable::Labels(&y), Variable::Labels(&z))
            });
        }
        if looks.iter().any(|look| look.atoms) {
            let config = MixedKsgConfig::default().into();
            return self.by(
                &config,
                &[false; 3],
                "values repeat in some columns and not in others",
                |estimator| estimator.conditional(x.view(), y.view(), z.view()),
            );
        }
        let joint = looks.iter().map(|look| look.changing).sum();
        let config = KsgConfig::default().into();
        let mut estimate = self
            .by(&config, &[false; 3], "numbers on all sides", |estimator| estimator.conditional(x, y, z))?;
        estimate.warnings.extend(many_columns(joint, FEW_JOINT_COLUMNS));
        Ok(estimate)
    }

    fn total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        check_variables(parts)?;
        self.refuse_hints("total correlation")?;
        let looks: Vec<Look> = parts.iter().map(Look::new).collect();
        if !looks.is_empty() && looks.iter().all(|look| look.discrete) {
            let symbols: Vec<Labels> = parts.iter().map(Variable::symbols).collect();
            let symbols: Vec<Variable<'_>> = symbols.iter().map(Variable::Labels).collect();
            let config = discrete();
            return self.by(&config, &vec![true; parts.len()], "symbols in all parts", |estimator| {
                estimator.total_correlation(&symbols)
            });
        }
        let joint: usize = looks.iter().map(|look| look.changing).sum();
        let config: EstimatorConfig = if joint <= FEW_JOINT_COLUMNS || joint >= looks[0].n {
            KsgConfig::default().into()
        } else {
            GcmiConfig::default().into()
        };
        let reason = format!("numbers, {joint} columns in all");
        self.by(&config, &vec![false; parts.len()], &reason, |estimator| estimator.total_correlation(parts))
    }

    fn layer(&self, t: Variable<'_>, labellings: &[&Labels]) -> Result<Vec<Reading>, EstimateError> {
        check_layer(&t, labellings)?;
        let routes: Vec<Result<Route, EstimateError>> =
            labellings.iter().map(|labels| route(t.view(), Variable::Labels(labels), &self.hints)).collect();
        // A method that takes all labellings at once shares its work among them.
        if let Some(Ok(first)) = routes.first()
            && !first.x_as_symbols
            && routes.iter().all(|route| route.as_ref().is_ok_and(|route| route.config == first.config))
        {
            let estimator = first.config.estimator(&self.range)?;
            let reading = estimator.layer(t.view(), labellings)?.into_iter().next();
            if let Some(mut reading) = reading {
                for (estimate, route) in reading.estimates.iter_mut().zip(&routes) {
                    if let (Ok(estimate), Ok(route)) = (estimate, route) {
                        estimate.routed = Some(Routed {
                            config: route.config.clone(),
                            as_symbols: vec![route.x_as_symbols, route.y_as_symbols],
                            reason: route.reason.clone(),
                        });
                        estimate.warnings.extend(route.warnings.iter().cloned());
                    }
                }
                return Ok(vec![Reading { setting: self.setting(), bound: None, ..reading }]);
            }
        }
        let mut out_of_range = 0;
        let estimates = routes
            .into_iter()
            .zip(labellings)
            .map(|(route, labels)| {
                let route = route?;
                if route.config.about().name == "binned" && !route.x_as_symbols {
                    let reading = route.config.estimator(&self.range)?.layer(t.view(), &[labels])?;
                    out_of_range = reading.first().map_or(0, |reading| reading.out_of_range);
                }
                self.follow(&route, t.view(), Variable::Labels(labels))
            })
            .collect();
        Ok(vec![Reading { setting: self.setting(), bound: None, estimates, out_of_range }])
    }
}

#[cfg(test)]
mod tests;
