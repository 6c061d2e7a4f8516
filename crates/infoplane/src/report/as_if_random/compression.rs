//! Compression H(X) − I(X;T) and I(T;Y), of one network and of all.

use super::layout::{FAINT, Key, LEFTS, Series, TOP, bars, sheet};
use super::{Setting, as_if_random_notes, layer_name, words};
use crate::draw::{Color, Scene};
use crate::experiment::AsIfRandomResult;
use crate::plane::Mean;
use crate::pool::{PooledMean, PooledPoint};

const X: Color = Color(0, 114, 178);
const Y: Color = Color(0, 158, 115);

/// The figure of one setting of an estimator; nothing without values.
pub(super) fn draw(result: &AsIfRandomResult, setting: &Setting, title: Option<&str>) -> Option<Scene> {
    let n_networks = setting.n_networks();
    let h_x = result.h_x.bits();
    let lost = move |mean: Mean| Mean { mean: h_x - mean.mean, ..mean };
    let values = |value: &dyn Fn(&PooledMean) -> Option<Mean>| -> Vec<Option<Mean>> {
        setting.layers.iter().map(value).collect()
    };
    let i_xt = |point: Option<&PooledPoint>| point.and_then(|point| point.i_xt_bits).map(lost);
    let i_ty = |point: Option<&PooledPoint>| point.and_then(|point| point.i_ty_bits);
    let series = |color, opacity, values| Series { color, opacity, values, on_bar: false };
    let compression = [
        series(X, FAINT, values(&|layer| i_xt(layer.single()))),
        series(X, 1.0, values(&|layer| i_xt(layer.pooled()))),
        Series {
            on_bar: true,
            ..series(Color::INK, 1.0, values(&|layer| layer.corrected_i_xt_bits.map(lost)))
        },
    ];
    compression[1].values.iter().flatten().next()?;
    let label = [
        series(Y, FAINT, values(&|layer| i_ty(layer.single()))),
        series(Y, 1.0, values(&|layer| i_ty(layer.pooled()))),
    ];
    let legend = [
        (Key::Bar(Color::QUIET, FAINT), "one network, M = 1".to_string()),
        (Key::Bar(Color::QUIET, 1.0), format!("M = {n_networks} pooled")),
        (Key::Open(Color::INK), "corrected, M → ∞".to_string()),
    ];
    let mut notes = words::reading(result, setting);
    notes.push(
        "H(X) − I(X;T): information about the input that the layer lacks when the network is not known. One network: what \
         the bins (or the noise) remove on their own."
            .into(),
    );
    notes.extend(as_if_random_notes(result));
    notes.extend(words::notes(result, setting));
    let title = words::title(result, "compression", title);
    let mut scene = sheet(&title, &words::subtitle(result, setting), &legend, &notes, 1);
    let names: Vec<String> =
        setting.layers.iter().map(|layer| layer_name(result, layer.layer, layer.width)).collect();
    bars(&mut scene, (LEFTS[0], TOP), &names, &compression, "H(X) − I(X;T)  [bits]", &[]);
    let h_y = [(result.h_y.bits(), "H(Y)".to_string())];
    bars(&mut scene, (LEFTS[1], TOP), &names, &label, "I(T;Y)  [bits]", &h_y);
    Some(scene)
}
