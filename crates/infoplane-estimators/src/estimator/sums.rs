//! Sums over the pairs of rows of a layer that another program computed.

use ndarray::Array2;

use super::kde::setting;
use crate::{EstimateError, KernelMeans, Labels};

/// Sums over the pairs of rows of a layer T, `(n_samples, width)`, computed by another program where T is, as on a graphics
/// processor.
///
/// [`Measure::layer_from_sums`](crate::Measure::layer_from_sums) makes of them what [`Measure::layer`](crate::Measure::layer) makes
/// of T.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSums {
    /// The number of rows of T.
    pub n_samples: usize,
    /// The number of its columns.
    pub width: usize,
    /// Whether all rows of T are the same.
    pub constant: bool,
    /// For each noise variance of the estimator, in its order.
    pub variances: Vec<NoiseSums>,
}

/// The sums for one noise variance.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NoiseSums {
    /// Of kernels without noise: for [`Kde`](crate::Kde), and for [`Noise`](crate::Noise) with `bounds`.
    pub kernels: Option<KernelMeans>,
    /// For [`Noise`](crate::Noise), for each labelling: ln [1/gᵢ Σ_{j: label j = label i} K_ijs] − ln [1/N Σ_j K_ijs] of every draw
    /// s and every row i that gets noise, `(draws, points)`.
    pub logarithms: Vec<Array2<f64>>,
}

impl LayerSums {
    /// Refuses sums for other variances, labellings or samples than the estimator's.
    ///
    /// `shape` is that of `logarithms`, if there are such.
    pub(super) fn check(
        &self,
        estimator: &'static str,
        noise_variances: &[f64],
        labellings: &[&Labels],
        kernels: bool,
        shape: Option<(usize, usize)>,
    ) -> Result<(), EstimateError> {
        let expected = |what: String| Err(EstimateError::Sums { estimator, expected: what });
        if self.variances.len() != noise_variances.len() {
            let variances: Vec<String> = noise_variances.iter().map(|&variance| setting(variance)).collect();
            return expected(format!("sums for {}", variances.join(", ")));
        }
        for sums in &self.variances {
            let within = sums.kernels.as_ref().map(|kernels| kernels.within.len());
            if kernels && within != Some(labellings.len()) {
                return expected(format!("sums of kernels for {} labellings", labellings.len()));
            }
            if let Some((draws, points)) = shape {
                let right = |logarithms: &Array2<f64>| logarithms.dim() == (draws, points);
                if sums.logarithms.len() != labellings.len() || !sums.logarithms.iter().all(right) {
                    let each = format!("{draws} draws of {points} rows");
                    return expected(format!("logarithms for {} labellings, each {each}", labellings.len()));
                }
            }
        }
        let finite = |sums: &NoiseSums| {
            let kernels = sums.kernels.iter().flat_map(|kernels| kernels.within.iter().chain([&kernels.all]));
            let mut means = kernels.flat_map(|means| [means.kullback_leibler, means.bhattacharyya]);
            means.all(f64::is_finite) && sums.logarithms.iter().flatten().all(|value| value.is_finite())
        };
        if !self.variances.iter().all(finite) {
            return expected("finite sums".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::pairwise::{mean_logarithms, noisy_logarithms};
    use crate::{BinRule, Binned, Kde, Measure, Noise, Variable};

    fn layer() -> Array2<f64> {
        Array2::from_shape_fn((40, 3), |(i, j)| ((i * 7 + j * 3) as f64 * 0.37).sin())
    }

    fn labels() -> (Labels, Labels) {
        (Labels::distinct(40), Labels::from_symbols(&(0..40).map(|i| i % 3).collect::<Vec<_>>()))
    }

    #[test]
    fn sums_of_kernels_give_the_readings_of_the_layer() {
        let (t, (x, y)) = (layer(), labels());
        let kde = Kde::new([0.1, 1e-3]);
        let kernels = mean_logarithms(&Variable::Double(t.view()), &[&x, &y], &kde.noise_variances);
        let variances =
            kernels.into_iter().map(|means| NoiseSums { kernels: Some(means), ..NoiseSums::default() });
        let sums = LayerSums { n_samples: 40, width: 3, constant: false, variances: variances.collect() };
        assert_eq!(kde.layer_from_sums(&sums, &[&x, &y]), kde.layer(&t, &[&x, &y]));
    }

    #[test]
    fn logarithms_of_noisy_rows_give_the_readings_of_the_layer() {
        let (t, (x, y)) = (layer(), labels());
        let noise =
            Noise { draws: Some(3), points: Some(20), bounds: true, seed: 4, ..Noise::new([0.1, 0.01]) };
        let (points, draws) = (noise.points(40), noise.draws(40));
        assert_eq!((points.len(), draws), (20, 3));
        let kernels = mean_logarithms(&Variable::Double(t.view()), &[&x, &y], &noise.noise_variances);
        let of = |(&variance, kernels)| {
            let mut logarithms = vec![Array2::zeros((draws, points.len())); 2];
            for draw in 0..draws {
                let normals = |row: usize, out: &mut [f64]| noise.standard_normals(draw, row, out);
                let t = Variable::Double(t.view());
                let found = noisy_logarithms(&t, &[&x, &y], variance, &normals, &points);
                for (logarithms, within) in logarithms.iter_mut().zip(&found.within) {
                    for (place, (within, all)) in within.iter().zip(&found.all).enumerate() {
                        logarithms[(draw, place)] = within - all;
                    }
                }
            }
            NoiseSums { kernels: Some(kernels), logarithms }
        };
        let variances = noise.noise_variances.iter().zip(kernels).map(of).collect();
        let sums = LayerSums { n_samples: 40, width: 3, constant: false, variances };
        assert_eq!(noise.layer_from_sums(&sums, &[&x, &y]), noise.layer(&t, &[&x, &y]));
    }

    #[test]
    fn sums_of_something_else_are_refused() {
        let (x, y) = labels();
        let nothing = LayerSums { n_samples: 40, width: 3, constant: false, variances: Vec::new() };
        let message = |error: EstimateError| error.to_string();
        let refused = Kde::new([0.1]).layer_from_sums(&nothing, &[&x, &y]).map_err(message);
        assert_eq!(
            refused.unwrap_err(),
            "the sums given are not those of kde; expected is sums for noise_variance=0.1"
        );
        let one = LayerSums { variances: vec![NoiseSums::default()], ..nothing.clone() };
        let refused = Kde::new([0.1]).layer_from_sums(&one, &[&x, &y]).map_err(message);
        assert!(refused.unwrap_err().ends_with("sums of kernels for 2 labellings"));
        let refused = Noise::new([0.1]).layer_from_sums(&one, &[&x, &y]).map_err(message);
        assert!(refused.unwrap_err().ends_with("logarithms for 2 labellings, each 250 draws of 40 rows"));
        let wrong = NoiseSums { logarithms: vec![Array2::from_elem((1, 40), f64::NAN); 2], kernels: None };
        let wrong = LayerSums { variances: vec![wrong], ..nothing.clone() };
        let one_draw = Noise { draws: Some(1), ..Noise::new([0.1]) };
        let refused = one_draw.layer_from_sums(&wrong, &[&x, &y]).map_err(message);
        assert!(refused.unwrap_err().ends_with("finite sums"));
        let short = LayerSums { n_samples: 39, ..wrong };
        assert!(matches!(
            one_draw.layer_from_sums(&short, &[&x, &y]),
            Err(EstimateError::LengthMismatch { .. })
        ));
        let bins = Binned { bin_width: Some(0.5), ..Binned::new(BinRule::Floor) };
        let refused = bins.layer_from_sums(&nothing, &[&x, &y]).map_err(message);
        assert!(refused.unwrap_err().ends_with("expected is none, but the values of the layer"));
    }
}
