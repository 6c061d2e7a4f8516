//! How inputs are scaled before a network sees them.

use ndarray::{Array2, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DatasetError;
use crate::Inputs;
use crate::math;

/// How inputs are scaled before a network sees them; the key `dataset.scaling` of a configuration file.
///
/// `"none"`, `"standardize"` or `{ divide = 255 }`. Data with a scale of their own (`divide_by` of IDX files) are
/// scaled by both.
///
/// ```
/// use infoplane::dataset::Scaling;
/// # #[derive(serde::Deserialize)]
/// # struct Config { scaling: Scaling }
/// let config: Config = toml::from_str("scaling = { divide = 255 }")?;
/// let mut inputs = ndarray::array![[0.0f32, 51.0], [255.0, 0.0]];
/// config.scaling.fit(&inputs.clone().into(), &[0, 1]).apply(&mut inputs);
/// assert_eq!(inputs, ndarray::array![[0.0, 0.2], [1.0, 0.0]]);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Scaling {
    /// As the data are.
    #[default]
    None,
    /// (x − mean) / standard deviation, for each feature, both taken over the rows that train: (1/n) Σ x and
    /// √((1/n) Σ (x − mean)²). The test rows do not enter. A feature that is constant over the training rows is only
    /// shifted. Where each seed draws its own training rows, each scales by its own.
    Standardize,
    /// Every value is divided by this, from 1e-6 to 1e6: 255 brings bytes to [0, 1].
    Divide(f32),
}

/// A [`Scaling`] whose numbers are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaler {
    numbers: Numbers,
}

#[derive(Debug, Clone, PartialEq)]
enum Numbers {
    Unchanged,
    Divisor(f32),
    /// Mean and standard deviation of each feature.
    Moments(Vec<(f64, f64)>),
}

impl Scaling {
    /// Checks what can be checked without data.
    ///
    /// # Errors
    /// [`DatasetError::Setting`] if the divisor is outside 1e-6 to 1e6.
    pub fn check(&self) -> Result<(), DatasetError> {
        match self {
            // The limits keep every quotient of what a file may hold away from infinity.
            Scaling::Divide(divisor) if !(1e-6..=1e6).contains(divisor) => {
                Err(DatasetError::setting("dataset.scaling.divide", divisor, "a number from 1e-6 to 1e6"))
            }
            _ => Ok(()),
        }
    }

    /// Returns whether the numbers depend on which rows train.
    pub fn depends_on_rows(&self) -> bool {
        matches!(self, Scaling::Standardize)
    }

    /// Finds the numbers for `inputs`, `(n_samples, n_features)`, of which `train` are the rows that train.
    ///
    /// Sums are in double precision and in the order of `train`: the same bits everywhere. Time O(rows · features).
    ///
    /// # Panics
    /// If a row of `train` is not there.
    pub fn fit(&self, inputs: &Inputs, train: &[usize]) -> Scaler {
        let numbers = match *self {
            Scaling::None => Numbers::Unchanged,
            Scaling::Divide(divisor) => Numbers::Divisor(divisor),
            Scaling::Standardize => Numbers::Moments(moments(inputs, train)),
        };
        Scaler { numbers }
    }
}

/// Mean and standard deviation of each feature over some rows; a deviation of 1 for a feature that is constant.
fn moments(inputs: &Inputs, rows: &[usize]) -> Vec<(f64, f64)> {
    let (n, n_features) = (rows.len() as f64, inputs.n_features());
    let Some(&first) = rows.first() else { return vec![(0.0, 1.0); n_features] };
    let (mut first_values, mut values) = (vec![0.0; n_features], vec![0.0; n_features]);
    inputs.write_row(first, &mut first_values);
    let mut means = vec![0.0; n_features];
    for &row in rows {
        inputs.write_row(row, &mut values);
        for (sum, &value) in means.iter_mut().zip(&values) {
            *sum += f64::from(value);
        }
    }
    means.iter_mut().for_each(|sum| *sum /= n);
    let mut squares = vec![0.0; n_features];
    let mut constant = vec![true; n_features];
    for &row in rows {
        inputs.write_row(row, &mut values);
        for (feature, &value) in values.iter().enumerate() {
            squares[feature] += math::powi(f64::from(value) - means[feature], 2);
            // The mean of equal values is rounded, so their deviation from it is not always 0.
            constant[feature] &= value == first_values[feature];
        }
    }
    let scale = |feature: usize| {
        let deviation = (squares[feature] / n).sqrt();
        match constant[feature] {
            true => (f64::from(first_values[feature]), 1.0),
            false => (means[feature], deviation),
        }
    };
    (0..n_features).map(scale).collect()
}

impl Scaler {
    /// Scales inputs of the same features, in place.
    ///
    /// # Panics
    /// If there are more or fewer features than the scaler was made for.
    pub fn apply(&self, inputs: &mut Array2<f32>) {
        match &self.numbers {
            Numbers::Unchanged => {}
            Numbers::Divisor(divisor) => inputs.mapv_inplace(|value| value / divisor),
            Numbers::Moments(moments) => {
                assert_eq!(inputs.ncols(), moments.len(), "inputs of other features than were fitted");
                for mut row in inputs.axis_iter_mut(Axis(0)) {
                    for (value, (mean, deviation)) in row.iter_mut().zip(moments) {
                        *value = ((f64::from(*value) - mean) / deviation) as f32;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Config {
        scaling: Scaling,
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (text, scaling) in [
            ("scaling = \"none\"\n", Scaling::None),
            ("scaling = \"standardize\"\n", Scaling::Standardize),
            ("[scaling]\ndivide = 255.0\n", Scaling::Divide(255.0)),
        ] {
            assert_eq!(toml::from_str::<Config>(text).unwrap(), Config { scaling });
            assert_eq!(toml::to_string(&Config { scaling }).unwrap(), text);
        }
        let divide = toml::from_str::<Config>("scaling = { divide = 255 }").unwrap();
        assert_eq!(divide.scaling, Scaling::Divide(255.0));
        assert!(
            toml::from_str::<Config>("scaling = 'standardise'")
                .unwrap_err()
                .to_string()
                .contains("standardize")
        );
    }

    #[test]
    fn divisors_outside_the_limits_are_refused() {
        for divisor in [0.0, -255.0, 1e-7, 1e7, f32::NAN, f32::INFINITY] {
            assert!(matches!(Scaling::Divide(divisor).check(), Err(DatasetError::Setting { .. })));
        }
        for scaling in [Scaling::None, Scaling::Standardize, Scaling::Divide(255.0)] {
            assert!(scaling.check().is_ok());
        }
    }

    #[test]
    fn only_the_rows_that_train_tell_mean_and_deviation() {
        let mut inputs = array![[1.0f32, 7.0], [3.0, 7.0], [1000.0, 8.0]];
        Scaling::Standardize.fit(&inputs.clone().into(), &[0, 1]).apply(&mut inputs);
        // Mean 2, deviation 1; the second feature is constant where it trains.
        assert_eq!(inputs, array![[-1.0, 0.0], [1.0, 0.0], [998.0, 1.0]]);
    }

    #[test]
    fn a_constant_feature_is_zero_whatever_its_value() {
        // The sum of so many 0.1 is rounded, and a deviation of that rounding would blow it up.
        let mut inputs = Array2::from_elem((1000, 1), 0.1f32);
        let rows: Vec<usize> = (0..1000).collect();
        Scaling::Standardize.fit(&inputs.clone().into(), &rows).apply(&mut inputs);
        assert!(inputs.iter().all(|&value| value == 0.0));
    }

    proptest! {
        #[test]
        fn standardized_training_rows_have_mean_zero_and_variance_one(
            values in prop::collection::vec(-1e6f32..1e6, 8..60),
        ) {
            let n = values.len();
            prop_assume!(values.iter().any(|&value| (value - values[0]).abs() > 1.0));
            let mut inputs = Array2::from_shape_vec((n, 1), values).unwrap();
            let rows: Vec<usize> = (0..n).collect();
            Scaling::Standardize.fit(&inputs.clone().into(), &rows).apply(&mut inputs);
            let mean = inputs.iter().map(|&value| f64::from(value)).sum::<f64>() / n as f64;
            let variance = inputs.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / n as f64;
            // Each value is rounded by 2^-24 of itself, and none is larger than √n.
            prop_assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-5, "{mean} {variance}");
        }
    }
}
