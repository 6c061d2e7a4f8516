//! Compression H(X) − I(X;T) and I(T;Y), of one network and of all.

use super::{Setting, all_notes, bar_panel, bars, empty_figure, layer_name, limit, words};
use crate::experiment::AsIfRandomResult;
use crate::figure::{BarStyle, Figure, FigureKind, Key, LegendEntry, Note, NoteCode, Role};
use crate::plane::Mean;
use crate::pool::{PooledMean, PooledPoint};

/// The figure of one setting of an estimator; nothing without values.
pub(super) fn figure(result: &AsIfRandomResult, setting: &Setting) -> Option<Figure> {
    let n_networks = setting.n_networks();
    let h_x = result.h_x.bits();
    let lost = move |mean: Mean| Mean { mean: h_x - mean.mean, ..mean };
    let values = |value: &dyn Fn(&PooledMean) -> Option<Mean>| -> Vec<Option<Mean>> {
        setting.layers.iter().map(value).collect()
    };
    let i_xt = |point: Option<&PooledPoint>| point.and_then(|point| point.i_xt_bits).map(lost);
    let i_ty = |point: Option<&PooledPoint>| point.and_then(|point| point.i_ty_bits);
    let compression = vec![
        bars(Role::Input, BarStyle::Pale, values(&|layer| i_xt(layer.single()))),
        bars(Role::Input, BarStyle::Full, values(&|layer| i_xt(layer.pooled()))),
        bars(Role::Input, BarStyle::Open, values(&|layer| layer.corrected_i_xt_bits.map(lost))),
    ];
    compression[1].values.iter().flatten().next()?;
    let label = vec![
        bars(Role::Label, BarStyle::Pale, values(&|layer| i_ty(layer.single()))),
        bars(Role::Label, BarStyle::Full, values(&|layer| i_ty(layer.pooled()))),
    ];
    let names: Vec<String> =
        setting.layers.iter().map(|layer| layer_name(result, layer.layer, layer.width)).collect();
    let mut notes = words::reading(result, setting);
    notes.push(Note::reading(
        NoteCode::Definition,
        "H(X) − I(X;T): information about the input that the layer lacks when the network is not known. One network: what \
         the bins (or the noise) remove on their own.",
    ));
    let entry = |style, name: String| LegendEntry { key: Key::Bars { role: None, style }, name };
    Some(Figure {
        panels: vec![
            bar_panel(&names, ("H(X) − I(X;T)", "bits"), compression, vec![]),
            bar_panel(&names, ("I(T;Y)", "bits"), label, vec![limit("H(Y)", result.h_y.bits())]),
        ],
        legend: vec![
            entry(BarStyle::Pale, "one network, M = 1".into()),
            entry(BarStyle::Full, format!("M = {n_networks} pooled")),
            entry(BarStyle::Open, "corrected, M → ∞".into()),
        ],
        notes: all_notes(notes, result, Some(setting)),
        ..empty_figure(
            FigureKind::PoolCompression,
            format!("compression-{}", setting.first().method.id),
            format!("Compression: {}", setting.name()),
            words::title(result, "compression"),
            words::facts_of(result, setting),
        )
    })
}
