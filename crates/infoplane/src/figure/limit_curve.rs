//! The limit of a rule, as the information plane shows it.

use super::{Note, NoteCode};
use crate::bottleneck::{BottleneckCurve, bottleneck_curve};
use crate::dataset::generate::SIGMOID_GAIN;
use crate::dataset::{DatasetError, DatasetSource};

/// Points of the curve; straight pieces between so many cannot be told from the curve.
const POINTS: usize = 40;

/// The information-bottleneck curve of the rule that a data set's labels are drawn by.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitCurve {
    /// The curve.
    pub curve: BottleneckCurve,
    /// The gain γ of the rule's sigmoid.
    pub gain: f64,
}

impl LimitCurve {
    /// The limit of labels that are drawn by the rule of the 12-bit task with a sigmoid of this gain; `None` for a gain
    /// that is not allowed. Takes milliseconds.
    pub fn of_gain(gain: f64) -> Option<LimitCurve> {
        LimitCurve::of(&DatasetSource::Symmetric12 { gain: Some(gain), repeats: 1 }).ok().flatten()
    }

    /// The limit of the 12-bit task: with its own gain, or with [`SIGMOID_GAIN`], that of the published rule, where the
    /// labels are without noise. `None` for data whose rule is not known. Takes milliseconds.
    ///
    /// # Errors
    /// [`DatasetError`] if a setting is outside what is allowed.
    pub fn of(source: &DatasetSource) -> Result<Option<LimitCurve>, DatasetError> {
        let DatasetSource::Symmetric12 { gain, .. } = source else { return Ok(None) };
        let gain = gain.unwrap_or(SIGMOID_GAIN);
        let Some(rule) = (DatasetSource::Symmetric12 { gain: Some(gain), repeats: 1 }).rule()? else {
            return Ok(None);
        };
        let p_x = vec![1.0 / rule.nrows() as f64; rule.nrows()];
        // Probabilities of a rule are distributions, and few differ: there is always a curve.
        Ok(bottleneck_curve(&p_x, rule.view(), POINTS).ok().map(|curve| LimitCurve { curve, gain }))
    }

    /// What the figure says of it.
    pub(super) fn note(&self) -> Note {
        let text = format!(
            "Solid grey: the information-bottleneck curve of the rule that labels are drawn by, a sigmoid of gain {}, with \
             I(X;Y) = {:.3} bits. Labels are draws, so estimates scatter about what the rule allows.",
            self.gain,
            self.curve.i_xy.bits()
        );
        Note::reading(NoteCode::Bottleneck, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_without_noise_are_shown_the_limit_of_the_published_rule() {
        let source = |gain| DatasetSource::Symmetric12 { gain, repeats: 2 };
        let limit = LimitCurve::of(&source(None)).unwrap().unwrap();
        assert_eq!(limit.gain, SIGMOID_GAIN);
        assert!((limit.curve.i_xy.bits() - 0.99).abs() < 5e-3 && limit.curve.points.len() > 10);
        let noisy = LimitCurve::of(&source(Some(5.0))).unwrap().unwrap();
        assert!(noisy.curve.i_xy < limit.curve.i_xy);
        assert!(LimitCurve::of(&DatasetSource::Mnist { directory: "mnist".into() }).unwrap().is_none());
        assert!(LimitCurve::of(&source(Some(-1.0))).is_err());
    }
}
