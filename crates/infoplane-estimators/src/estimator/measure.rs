//! What every estimator offers its callers: checked variables in, estimates out.

use super::counts::Correction;
use super::error::{check_layer, check_variables};
use super::layers::{InputInformation, InputParts, LayerPairs, input_information};
use super::limits::within_limits;
use super::units::{LayerUnits, UnitSymbols};
use super::{PermutationTest, permutation_test, with_uncertainty};
use crate::{
    Auto, Estimate, EstimateError, Estimator, EstimatorInfo, Family, LabelSides, Labels, LayerEstimate,
    LayerRange, LayerSums, Options, Quantity, Symbols, Variable,
};

/// Estimates information, entropy and total correlation; every [`Estimator`] has these functions.
///
/// Variables are anything that converts into a [`Variable`]: labels, matrices of one row per sample, and vectors of
/// one number per sample. An estimator offers the quantities that its definition allows ([`EstimatorInfo::offers`])
/// and returns [`EstimateError::NotOffered`] for the others.
///
/// Estimates are never NaN, never panic and do not depend on the number of threads. They are returned unchanged: a
/// negative estimate of information is not clamped. The information of a constant variable is 0, with
/// [`Warning::Constant`](crate::Warning::Constant), whatever the estimator.
///
/// ```
/// use infoplane_estimators::{Ksg, Measure};
/// let x = ndarray::Array1::from_iter((0..500).map(|i| (i as f64 * 0.618).fract()));
/// let y = x.mapv(|x| x + 0.1 * (1000.0 * x).sin());
/// let estimate = Ksg { k: 5, ..Ksg::default() }.pair(&x, &y)?;
/// assert!(estimate.information.nats() > 1.0);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// [`EstimatorInfo::offers`]: crate::EstimatorInfo::offers
pub trait Measure: Estimator {
    /// Returns the mutual information I(X;Y).
    ///
    /// # Errors
    /// [`EstimateError`] if the settings are not allowed, or the variables cannot be measured, or not by this
    /// estimator.
    fn pair<'x, 'y>(
        &self,
        x: impl Into<Variable<'x>>,
        y: impl Into<Variable<'y>>,
    ) -> Result<Estimate, EstimateError> {
        let (x, y) = (x.into(), y.into());
        self.check()?;
        check_variables(&[x.view(), y.view()])?;
        limited_pair(self, x, y)
    }

    /// Returns the entropy H(X); of a continuous variable the differential entropy.
    ///
    /// # Errors
    /// As [`Measure::pair`].
    fn entropy<'x>(&self, x: impl Into<Variable<'x>>) -> Result<Estimate, EstimateError> {
        let x = x.into();
        self.check()?;
        check_variables(&[x.view()])?;
        check_offered(self, Quantity::Entropy)?;
        self.estimate_entropy(x).and_then(finite)
    }

    /// Returns the conditional information I(X;Y|Z).
    ///
    /// # Errors
    /// As [`Measure::pair`].
    fn conditional<'x, 'y, 'z>(
        &self,
        x: impl Into<Variable<'x>>,
        y: impl Into<Variable<'y>>,
        z: impl Into<Variable<'z>>,
    ) -> Result<Estimate, EstimateError> {
        let (x, y, z): (Variable<'x>, Variable<'y>, Variable<'z>) = (x.into(), y.into(), z.into());
        self.check()?;
        check_variables(&[x.view(), y.view(), z.view()])?;
        check_offered(self, Quantity::ConditionalInformation)?;
        check_two_samples(self.info(), x.n_samples())?;
        if x.n_samples() > 1 && (x.is_constant() || y.is_constant()) {
            return Ok(Estimate::of_constant(&[x.view(), y.view(), z.view()]));
        }
        self.estimate_conditional(x, y, z).and_then(finite)
    }

    /// Returns the total correlation Σ H(part) − H(all parts together); a constant part adds nothing.
    ///
    /// # Errors
    /// As [`Measure::pair`].
    fn total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        self.check()?;
        if parts.is_empty() {
            return Err(EstimateError::Empty { n_samples: 0, width: 0 });
        }
        check_variables(parts)?;
        check_offered(self, Quantity::TotalCorrelation)?;
        check_two_samples(self.info(), parts[0].n_samples())?;
        if parts[0].n_samples() > 1 && parts.iter().filter(|part| !part.is_constant()).count() < 2 {
            return Ok(match parts.iter().any(Variable::is_constant) {
                true => Estimate::of_constant(parts),
                false => Estimate::zero(parts),
            });
        }
        self.estimate_total_correlation(parts).and_then(finite)
    }

    /// Returns I(T; labelling) for every labelling, for every setting of the estimator.
    ///
    /// One call takes all labellings (X and Y), so that an estimator can share its work among them. A labelling that
    /// cannot be measured has its own error. The settings come in the same order at every call.
    ///
    /// # Errors
    /// [`EstimateError`] if the settings are not allowed, or T itself cannot be measured.
    fn layer<'t>(
        &self,
        t: impl Into<Variable<'t>>,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        let t = t.into();
        self.check()?;
        check_layer(&t, labellings)?;
        self.estimate_layer(t, labellings)
    }

    /// Returns what [`layer`](Measure::layer) does, from sums over the pairs of rows of T that another program computed, as on a
    /// graphics processor; of [`Kde`](crate::Kde) and [`Noise`](crate::Noise).
    ///
    /// # Errors
    /// [`EstimateError::Sums`] for an estimator that has no such sums, or others than these; else as [`layer`](Measure::layer).
    fn layer_from_sums(
        &self,
        sums: &LayerSums,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        self.check()?;
        let &LayerSums { n_samples, width, .. } = sums;
        if n_samples == 0 || width == 0 {
            return Err(EstimateError::Empty { n_samples, width });
        }
        if let Some(labels) = labellings.iter().find(|labels| labels.len() != n_samples) {
            return Err(EstimateError::LengthMismatch { n_labels: labels.len(), n_samples });
        }
        self.estimate_layer_from_sums(sums, labellings)
    }

    /// Returns what [`layer`](Measure::layer) does, with I(T; `shuffled`) beside it in [`LayerEstimate::shuffled`].
    ///
    /// `shuffled` is the labels Y in another order ([`Labels::shuffled`]), of which the layer knows nothing. What is measured for
    /// them is bias, and what I(T;Y) exceeds it by is what the layer tells of Y:
    ///
    /// ```text
    /// I(T;Y) of N samples ≈ I(T;Y) + (cells − 1)(labels − 1) / 2N     plug-in, many samples in every cell, nats
    ///                     = H(Y)                                      every row alone in its cell, whatever Y
    /// ```
    ///
    /// For one permutation the value scatters about its mean: for many samples in every cell by
    /// √(2 (cells − 1)(labels − 1)) / 2N. It is absent for methods other than those of counts, bins and noise
    /// ([`Estimator::measures_shuffled`]).
    ///
    /// The values of `labellings` have the same bits as without it. Cost: for bins 1.1 to 1.3 times the time without it; for noise
    /// Σ p² of a pass over all pairs more, with the shares p of the classes: measured on one core (n = 4096, 10 columns) 1.6 to 1.9
    /// times the time of `kde` and 1.6 of `noise` for two classes, 1.4 to 1.5 and 1.1 to 1.2 for ten.
    ///
    /// # Errors
    /// As [`Measure::layer`].
    ///
    /// # Examples
    /// ```
    /// use infoplane_estimators::{BinRule, Binned, Labels, Measure, Variable};
    /// // Every row is alone in its bin: labels have all of H(Y) in any order.
    /// let t = ndarray::Array2::from_shape_fn((100, 1), |(i, _)| i as f32);
    /// let y = Labels::from_symbols(&(0..100).map(|i| i % 2).collect::<Vec<_>>());
    /// let floor = Binned { bin_width: Some(0.5), ..Binned::new(BinRule::Floor) };
    /// let reading = &floor.layer_with_shuffled(Variable::Single(t.view()), &[&y], &y.shuffled())?[0];
    /// assert_eq!(reading.alone, Some(100));
    /// assert!((reading.estimates[0].as_ref().unwrap().information.bits() - 1.0).abs() < 1e-12);
    /// assert!((reading.shuffled.unwrap().bits() - 1.0).abs() < 1e-12);
    /// # Ok::<(), infoplane_estimators::EstimateError>(())
    /// ```
    ///
    /// # References
    /// Panzeri, Senatore, Montemurro & Petersen (2007), *J. Neurophysiol.* 98:1064, for the bias and for shuffling.
    fn layer_with_shuffled<'t>(
        &self,
        t: impl Into<Variable<'t>>,
        labellings: &[&Labels],
        shuffled: &Labels,
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        let t = t.into();
        if !self.measures_shuffled() {
            return self.layer(t, labellings);
        }
        // First, because of labellings with classes of the same sizes the last decides how pairs are summed: the values of the
        // others are then those without it, to the last bit.
        let all: Vec<&Labels> = std::iter::once(shuffled).chain(labellings.iter().copied()).collect();
        let mut readings = self.layer(t, &all)?;
        for reading in &mut readings {
            let estimate = reading.estimates.remove(0);
            reading.shuffled = estimate.ok().map(|estimate| estimate.information);
        }
        Ok(readings)
    }

    /// Returns I(X;T) as [`layer`](Measure::layer) does, and I(T;Y) of a target Y of numbers as [`pair`](Measure::pair) does: what a
    /// layer of a regression network tells of its target.
    ///
    /// `x` says which input each sample is, `y` is `(n_samples, columns)`. I(X;T) has its own error: of inputs that are all
    /// different it is infinite without noise or bins, and most methods of numbers do not measure it. There are no shuffled labels.
    /// Of labels as `y` this is `layer`.
    ///
    /// Cost: that of the pair T and Y, and of the layer with X.
    ///
    /// # Errors
    /// [`EstimateError::NeedsClasses`] for methods that do not measure numbers against numbers
    /// ([`EstimatorInfo::measures_numbers`](crate::EstimatorInfo::measures_numbers)); [`EstimateError::RowMismatch`] if `y` has
    /// another number of samples; [`EstimateError`] if the settings are not allowed, or T or Y holds what is not finite.
    ///
    /// # Examples
    /// ```
    /// use infoplane_estimators::{Gcmi, Labels, Measure};
    /// // Two columns that follow from one another, but for a small wave.
    /// let t = ndarray::Array1::from_iter((0..500).map(|i| (i as f64 * 0.618).fract()));
    /// let y = t.mapv(|t| t + 0.3 * (1000.0 * t).sin());
    /// let reading = &Gcmi::default().layer_with_target(&t, &Labels::distinct(500), &y)?[0];
    /// assert_eq!(reading.estimates[1], Gcmi::default().pair(&t, &y));
    /// assert!(reading.estimates[0].is_err());
    /// # Ok::<(), infoplane_estimators::EstimateError>(())
    /// ```
    fn layer_with_target<'t, 'y>(
        &self,
        t: impl Into<Variable<'t>>,
        x: &Labels,
        y: impl Into<Variable<'y>>,
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        let (t, y) = (t.into(), y.into());
        if let Variable::Labels(y) = y {
            return self.layer(t, &[x, y]);
        }
        self.check()?;
        if !self.info().measures_numbers() {
            return Err(EstimateError::NeedsClasses { estimator: self.name() });
        }
        check_layer(&t, &[x])?;
        check_variables(&[t.view(), y.view()])?;
        let mut readings = match self.estimate_layer(t.view(), &[x]) {
            Ok(readings) => readings,
            // What is measured with Y may need nothing that fails here.
            Err(error) => {
                let without = |(setting, bound)| LayerEstimate::new(setting, bound, vec![Err(error.clone())]);
                self.layer_settings().into_iter().map(without).collect()
            }
        };
        let i_ty = limited_pair(self, t, y).and_then(|estimate| {
            // With a noise variance or bins `auto` may choose one that does not.
            let chosen = estimate.choice.as_ref().map(|choice| choice.estimator.info());
            match chosen.filter(|info| !info.measures_numbers()) {
                Some(info) => Err(EstimateError::NeedsClasses { estimator: info.name }),
                None => Ok(estimate),
            }
        });
        readings.iter_mut().for_each(|reading| reading.estimates.push(i_ty.clone()));
        Ok(readings)
    }

    /// Returns the cells of the rows of T if the estimator uses nothing else of them, else `None`.
    ///
    /// [`layer`](Measure::layer) gives the same for the symbols of any rows of T, passed as labels, as for the rows.
    ///
    /// # Errors
    /// [`EstimateError`] if the settings are not allowed, or T cannot be measured.
    fn symbols<'t>(&self, t: impl Into<Variable<'t>>) -> Result<Option<Symbols>, EstimateError> {
        let t = t.into();
        self.check()?;
        check_layer(&t, &[])?;
        self.layer_symbols(t)
    }

    /// Returns what the units of the layer T carry of the labels Y, each alone, beyond the others, and together with others; see
    /// [`units`](crate::units). With shuffled labels beside it.
    ///
    /// # Errors
    /// [`EstimateError::NeedsCells`] for estimators other than those of bins and of counts; else as [`layer`](Measure::layer).
    ///
    /// # Examples
    /// ```
    /// use infoplane_estimators::{Labels, Measure, PlugIn};
    /// let t = ndarray::array![[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    /// let either = Labels::from_symbols(&[0, 1, 1, 1]);
    /// let units = PlugIn::default().units(t.view(), &either)?;
    /// assert!((units.labels.information.redundancy_degree().unwrap() - 0.767377).abs() < 1e-6);
    /// assert!((units.labels.decomposition.unwrap().complexity().unwrap() - 1.383689).abs() < 1e-6);
    /// # Ok::<(), infoplane_estimators::EstimateError>(())
    /// ```
    fn units<'t>(&self, t: impl Into<Variable<'t>>, labels: &Labels) -> Result<LayerUnits, EstimateError> {
        let (layer, correction) = self.symbols_of_units(t)?;
        LayerUnits::of(&layer, labels, correction)
    }

    /// Returns the symbols of each unit of the layer T, as [`units`](Measure::units) takes them, and how entropies of their counts are
    /// corrected.
    ///
    /// # Errors
    /// As [`units`](Measure::units).
    fn symbols_of_units<'t>(
        &self,
        t: impl Into<Variable<'t>>,
    ) -> Result<(UnitSymbols, Correction), EstimateError> {
        let t = t.into();
        self.check()?;
        check_layer(&t, &[])?;
        self.unit_symbols(t)?.ok_or(EstimateError::NeedsCells { estimator: self.name() })
    }

    /// Returns I(Tᵢ;Tⱼ) of all pairs of the layers of a network, for every setting of the estimator; see [`layers`](crate::layers).
    ///
    /// | estimators | I(Tᵢ;Tⱼ) | on the diagonal |
    /// |---|---|---|
    /// | of bins and of counts | H(Tᵢ) + H(Tⱼ) − H(Tᵢ,Tⱼ) of the cells of both, corrected | H(Tᵢ), held at ln N where it is corrected |
    /// | [`Noise`](crate::Noise) | I(X;Tᵢ') + I(X;Tⱼ') − I(X;(Tᵢ',Tⱼ')), noise independent from layer to layer | of two noisy copies of Tᵢ |
    /// | [`Kde`](crate::Kde) | an upper and a lower bound on the same | likewise |
    /// | others | as [`pair`](Measure::pair) | an error: infinite |
    ///
    /// The layers are functions of the same inputs, a row for each in the same order. With cells, the value of a layer whose rows were
    /// put in another order stands beside each; where nearly every sample is alone in its cell it is as large, and says nothing of the
    /// layers. For bins that were fixed to each layer ([`for_layer`](Measure::for_layer)), pass the labels of its
    /// [`symbols`](Measure::symbols) as the layer. For noise of another variance in each layer, divide each by its σ and use the
    /// variance 1.
    ///
    /// Cost for L layers: of cells, that of the cells, and O(n) for each pair. Of noise, L + L² / 2 passes over all pairs of samples,
    /// most of them with the columns of two layers.
    ///
    /// # Errors
    /// [`EstimateError`] if the settings are not allowed, a layer cannot be measured, or they have no same number of samples. A pair
    /// that cannot be measured has its own error.
    ///
    /// # Examples
    /// ```
    /// use infoplane_estimators::{Measure, PlugIn};
    /// // Two bits, and the first of them.
    /// let first = ndarray::array![[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    /// let second = ndarray::array![[0.0f32], [0.0], [1.0], [1.0]];
    /// let pairs = &PlugIn::default().layer_pairs(&[(&first).into(), (&second).into()])?[0];
    /// let bits = |i, j| pairs.pair(i, j).estimate.as_ref().unwrap().information.bits();
    /// assert_eq!((bits(0, 0), bits(0, 1), bits(1, 1)), (2.0, 1.0, 1.0));
    /// assert_eq!(pairs.cells.as_ref().unwrap()[0].alone, 4);
    /// # Ok::<(), infoplane_estimators::EstimateError>(())
    /// ```
    fn layer_pairs(&self, layers: &[Variable<'_>]) -> Result<Vec<LayerPairs>, EstimateError> {
        self.check()?;
        if layers.is_empty() {
            return Err(EstimateError::Empty { n_samples: 0, width: 0 });
        }
        check_variables(layers)?;
        check_offered(self, Quantity::Information)?;
        self.estimate_layer_pairs(layers)
    }

    /// Returns the information of the layer T with each part of the inputs, I(X_p;T), by the cells of T; see [`input_information`].
    ///
    /// # Errors
    /// [`EstimateError::NeedsCells`] for estimators other than those of bins and of counts; [`EstimateError::RowMismatch`] if the
    /// inputs have another number of samples; else as [`layer`](Measure::layer).
    ///
    /// # Examples
    /// ```
    /// use infoplane_estimators::layers::InputParts;
    /// use infoplane_estimators::{BinRule, Binned, Measure};
    /// let inputs = ndarray::array![[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    /// let t = ndarray::array![[-0.9f32], [-0.8], [0.7], [0.9]];
    /// let floor = Binned { bin_width: Some(1.0), ..Binned::new(BinRule::Floor) };
    /// let found = floor.input_parts(&InputParts::of_columns(&inputs, None)?, &t)?;
    /// assert_eq!(found.parts.iter().map(|part| part.information.bits()).collect::<Vec<_>>(), [1.0, 0.0]);
    /// # Ok::<(), infoplane_estimators::EstimateError>(())
    /// ```
    fn input_parts<'t>(
        &self,
        inputs: &InputParts,
        t: impl Into<Variable<'t>>,
    ) -> Result<InputInformation, EstimateError> {
        let t = t.into();
        self.check()?;
        check_layer(&t, &[])?;
        match (self.layer_symbols(t)?, self.cell_correction()) {
            (Some(symbols), Some(correction)) => input_information(inputs, &symbols.labels, correction),
            _ => Err(EstimateError::NeedsCells { estimator: self.name() }),
        }
    }

    /// Returns the estimator for a layer whose values cover `range`: bins on an observed range are fixed to it.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] if the settings are not allowed, or not for such a layer.
    fn for_layer(&self, range: &LayerRange) -> Result<Box<dyn Estimator>, EstimateError>
    where
        Self: Clone + Sized + 'static,
    {
        self.check()?;
        Ok(self.fixed(range)?.unwrap_or_else(|| Box::new(self.clone())))
    }

    /// Returns I(X;Y) with a standard error and an interval, in the way that suits the estimator; see
    /// [`with_uncertainty`].
    ///
    /// # Errors
    /// As [`Measure::pair`]; [`EstimateError::Setting`] for options that are not allowed.
    fn pair_with_error<'x, 'y>(
        &self,
        x: impl Into<Variable<'x>>,
        y: impl Into<Variable<'y>>,
        options: Options,
    ) -> Result<Estimate, EstimateError> {
        with_uncertainty(self, x, y, options)
    }

    /// Tests whether X and Y are independent by permuting the rows of Y; see [`permutation_test`].
    ///
    /// # Errors
    /// As [`Measure::pair`]; [`EstimateError::Setting`] if there is no permutation.
    fn permutation_test<'x, 'y>(
        &self,
        x: impl Into<Variable<'x>>,
        y: impl Into<Variable<'y>>,
        permutations: usize,
        seed: u64,
    ) -> Result<PermutationTest, EstimateError> {
        permutation_test(self, x, y, permutations, seed)
    }
}

impl<E: Estimator + ?Sized> Measure for E {}

/// Estimates I(X;Y) by the estimator that fits the data ([`Auto`]), with a standard error where one is known.
///
/// The estimate names the estimator and the reason ([`Estimate::choice`]).
///
/// ```
/// // A uniform variable, and the same with another one added: ½ nat.
/// let uniform = |i: i32, factor: f64| ((f64::from(i) * factor).sin() * 43758.5453).rem_euclid(1.0);
/// let x: Vec<f64> = (1..=1000).map(|i| uniform(i, 12.9898)).collect();
/// let y: Vec<f64> = x.iter().zip(1..).map(|(x, i)| x + uniform(i, 78.233)).collect();
/// let estimate = infoplane_estimators::mutual_information(&x, &y)?;
/// assert!((estimate.information.nats() - 0.5).abs() < 0.15);
/// assert_eq!(estimate.choice.expect("a reason").name(), "combined");
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # Errors
/// [`EstimateError::Undetermined`] where the information is infinite or a function of the number of samples alone; what
/// [`Measure::pair`] refuses.
pub fn mutual_information<'x, 'y>(
    x: impl Into<Variable<'x>>,
    y: impl Into<Variable<'y>>,
) -> Result<Estimate, EstimateError> {
    Auto::default().pair_with_error(x, y, Options::default())
}

fn check_offered<E: Estimator + ?Sized>(estimator: &E, quantity: Quantity) -> Result<(), EstimateError> {
    match estimator.info().offers.contains(&quantity) {
        true => Ok(()),
        false => Err(estimator.info().not_offered(quantity)),
    }
}

/// Returns I(X;Y) of settings and variables that were checked, as far as it can be an estimate.
pub(super) fn limited_pair<E: Estimator + ?Sized>(
    estimator: &E,
    x: Variable<'_>,
    y: Variable<'_>,
) -> Result<Estimate, EstimateError> {
    check_two_samples(estimator.info(), x.n_samples())?;
    let estimate = checked_pair(estimator, x.view(), y.view())?;
    // A choice was made for the variables as they are measured, and limited there.
    Ok(match estimate.choice {
        Some(_) => estimate,
        None => within_limits(estimator.info(), estimate, &x, &y),
    })
}

/// Of one sample nobody knows whether it depends on anything; counts, bins and noise describe the samples themselves.
fn check_two_samples(info: &EstimatorInfo, n_samples: usize) -> Result<(), EstimateError> {
    let describes = matches!(info.family, Family::Counts | Family::Bins | Family::Noise);
    if n_samples < 2 && !describes {
        let reason = "a dependence to measure".into();
        return Err(EstimateError::TooFewSamples { estimator: info.name, reason, needed: 2, n_samples });
    }
    Ok(())
}

/// Returns I(X;Y) of settings and variables that were checked.
pub(super) fn checked_pair<E: Estimator + ?Sized>(
    estimator: &E,
    x: Variable<'_>,
    y: Variable<'_>,
) -> Result<Estimate, EstimateError> {
    check_offered(estimator, Quantity::Information)?;
    check_sides(estimator, &x, &y)?;
    // Of one sample nobody knows whether it is constant.
    if x.n_samples() > 1 && (x.is_constant() || y.is_constant()) {
        let choice = estimator.choose(x.view(), y.view())?;
        return Ok(Estimate { choice, ..Estimate::of_constant(&[x.view(), y.view()]) });
    }
    estimator.estimate_pair(x, y).and_then(finite)
}

/// Returns the estimate, unless the data are so extreme that it left the range of double precision.
fn finite(estimate: Estimate) -> Result<Estimate, EstimateError> {
    if estimate.information.nats().is_finite() {
        return Ok(estimate);
    }
    Err(EstimateError::Undetermined {
        reason: "the values differ by more than double precision can hold".into(),
        choices: "scale the columns: scaling = 'standardized' or 'normal-scores'",
    })
}

fn check_sides<E: Estimator + ?Sized>(
    estimator: &E,
    x: &Variable<'_>,
    y: &Variable<'_>,
) -> Result<(), EstimateError> {
    let is_labels = |side: &Variable<'_>| usize::from(matches!(side, Variable::Labels(_)));
    let n_labels = is_labels(x) + is_labels(y);
    let name = estimator.name();
    match (estimator.info().labels, n_labels) {
        (LabelSides::None, 1..) | (LabelSides::AtMostOne | LabelSides::One, 2) => {
            Err(EstimateError::NeedsMatrix { estimator: name })
        }
        (LabelSides::One, 0) => Err(EstimateError::NeedsLabels { estimator: name }),
        _ => Ok(()),
    }
}
