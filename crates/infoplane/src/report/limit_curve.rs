//! The limit of a rule, as the information plane shows it.

use super::plane_figure::LABEL_SIZE;
use super::plane_labels::Area;
use crate::bottleneck::{BottleneckCurve, bottleneck_curve};
use crate::dataset::generate::SIGMOID_GAIN;
use crate::dataset::{DatasetError, DatasetSource};
use crate::draw::{Color, Mark, Panel, Scene, Text, Weight, text_width};
use crate::plane::LayerPath;

/// Points of the curve; straight pieces between so many cannot be told from the curve.
const POINTS: usize = 40;
const LINE: f64 = 14.0;

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

    /// What the figure says in words.
    pub(super) fn note(&self) -> String {
        format!(
            "Solid grey: the most that any T can have of labels drawn by a sigmoid of gain {}, I(X;Y) = {:.3} bits. \
             Labels measured here are one draw, or its limit without noise: they are a function of x, whose own \
             limit is I(T;Y) ≤ min(I(X;T), H(Y)) (dashed), so a layer may lie above the solid line.",
            self.gain,
            self.curve.i_xy.bits()
        )
    }

    /// Draws the curve, and what limits labels that are a function of x.
    pub(super) fn draw(&self, scene: &mut Scene, panel: &Panel, h_y_bits: f64) {
        let diagonal = [(0.0, 0.0), (h_y_bits, h_y_bits)];
        panel.curve(scene, diagonal, Color::LIMIT, 1.1, 1.0, &[5.0, 3.5]);
        let points = self.curve.points.iter().map(|point| (point.i_xt.bits(), point.i_ty.bits()));
        panel.curve(scene, points, Color::LIMIT, 1.6, 0.9, &[]);
    }

    /// Names the curve beside it, at the height where the name covers the fewest points, and says where it stands:
    /// left, top, right, bottom.
    pub(super) fn name(&self, scene: &mut Scene, panel: &Panel, layers: &[LayerPath]) -> Option<Area> {
        let bits = format!("I(X;Y) = {:.2}", self.curve.i_xy.bits());
        let lines = ["information-bottleneck".to_string(), "limit, sigmoid noise,".to_string(), bits];
        let width = |line: &String| text_width(line, LABEL_SIZE, Weight::Regular);
        let width = lines.iter().map(width).fold(0.0, f64::max);
        let area = |height: f64| {
            let i_ty = self.curve.i_xy * height;
            let after = self.curve.points.iter().find(|point| point.i_ty >= i_ty)?;
            let (x, _) = panel.at(after.i_xt.bits(), 0.0)?;
            let (_, y) = panel.at(0.0, i_ty.bits())?;
            let left = x + 10.0;
            Some((left, y - 1.5 * LINE, left + width, y + 1.5 * LINE))
        };
        let mut places: Vec<(f64, f64)> = Vec::new();
        for layer in layers {
            let means = layer.mean.iter().filter_map(|p| panel.at(p.i_xt_bits.mean, p.i_ty_bits.mean));
            let means: Vec<(f64, f64)> = means.collect();
            // The line between two points is covered too.
            places.extend(means.windows(2).flat_map(|pair| {
                let (a, b) = (pair[0], pair[1]);
                (0..4)
                    .map(move |k| f64::from(k) / 4.0)
                    .map(move |s| (a.0 + (b.0 - a.0) * s, a.1 + (b.1 - a.1) * s))
            }));
            places.extend(means.last());
        }
        let covered = |area: &Area| {
            let inside = |p: &&(f64, f64)| {
                (area.0 - 6.0..=area.2 + 6.0).contains(&p.0) && (area.1 - 6.0..=area.3 + 6.0).contains(&p.1)
            };
            places.iter().filter(inside).count()
        };
        let areas = [0.6, 0.5, 0.7, 0.4, 0.8, 0.3, 0.9, 0.2].into_iter().filter_map(area);
        let area = areas.min_by_key(covered)?;
        let points = vec![(area.0, area.1), (area.2, area.1), (area.2, area.3), (area.0, area.3)];
        scene.marks.push(Mark::Shape { points, fill: Color::WHITE, opacity: 0.75, outline: None });
        for (line, content) in lines.into_iter().enumerate() {
            let baseline = area.1 + LINE * (line as f64 + 1.0) - 3.2;
            scene.text(Text::new(area.0, baseline, LABEL_SIZE, content).color(Color::QUIET));
        }
        Some(area)
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
