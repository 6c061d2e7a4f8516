//! Information over epochs, layer by layer: a curve for each group.

use std::collections::BTreeSet;

use super::member::{Member, shown_layers};
use super::{CommonMethod, Comparison};
use crate::Information;
use crate::figure::learned::LEAST_FOR_BANDS;
use crate::figure::{
    Axis, Direction, Figure, FigureKind, Grid, Limit, Note, NoteCode, Panel, ReportData, Role, words,
};
use crate::plane::{Mean, MeanPoint};

impl Comparison {
    pub(super) fn curves(&self, method: &CommonMethod, members: &[Member<'_>]) -> Option<Figure> {
        let layers: BTreeSet<usize> =
            members.iter().flat_map(|member| member.layers.iter().map(|layer| layer.layer)).collect();
        if layers.is_empty() {
            return None;
        }
        let epochs = || {
            let points = members.iter().flat_map(|member| &member.layers).flat_map(|layer| &layer.mean);
            points.map(|point| point.epoch)
        };
        type Value = fn(&MeanPoint) -> Mean;
        type Entropy = fn(&ReportData<'_>) -> Information;
        let quantities: [(&str, &str, Value, Entropy); 2] = [
            ("I(X;T)", "H(X)", |point| point.i_xt_bits, |data| data.h_x),
            ("I(T;Y)", "H(Y)", |point| point.i_ty_bits, |data| data.h_y),
        ];
        let limit = |of: Entropy| {
            let first = of(&members.first()?.data).bits();
            let same = members.iter().all(|member| (of(&member.data).bits() - first).abs() < 1e-9);
            (same && first.is_finite()).then_some(first)
        };
        let panel = |layer: usize, (quantity, name, value, of): (&str, &str, Value, _)| {
            let mut series = Vec::new();
            let mut values = vec![0.0];
            for (place, member) in members.iter().enumerate() {
                let Some(path) = member.layers.iter().find(|path| path.layer == layer) else { continue };
                let (curve, ends) = member.curve(path, Role::Group(place), value);
                values.extend(ends);
                series.extend(curve);
            }
            let limit: Option<f64> = limit(of);
            values.extend(limit);
            Panel {
                name: String::new(),
                x: Axis::epochs(epochs()),
                y: Axis::bits(quantity, values, None, 0.06),
                remark: series.is_empty().then(|| "no value".into()),
                series,
                limits: limit
                    .map(|value| Limit {
                        axis: Direction::Y,
                        value,
                        name: name.into(),
                        text: format!("{value:.3}"),
                    })
                    .into_iter()
                    .collect(),
            }
        };
        let names = shown_layers(members);
        let row = |layer: &usize| {
            let shown = names.iter().find(|shown| shown.layer == *layer);
            vec![shown.map_or_else(|| words::layer(*layer), |shown| shown.name.clone())]
        };
        let many = members.iter().any(|member| member.n_in_mean() >= LEAST_FOR_BANDS);
        let several = members.iter().any(|member| member.n_in_mean() > 1);
        let reading = match (several, many) {
            (false, _) => None,
            (true, false) => {
                Some("Lines: means over seeds. Bands: one standard error of the mean on both sides.")
            }
            (true, true) => Some(
                "Lines: means over seeds. Bands: one standard error of the mean on both sides; lighter, where a \
                 group has eight seeds or more, 5 to 95 % of its seeds.",
            ),
        };
        let reading = reading.map(|text| Note::reading(NoteCode::Seeds, text));
        Some(Figure {
            id: format!("information-{}", method.id),
            kind: FigureKind::Comparison,
            heading: format!("Information over epochs: {}", method.title),
            title: self.title("Information over epochs"),
            facts: self.facts(method, members),
            layers: names.clone(),
            panels: layers
                .iter()
                .flat_map(|&layer| quantities.map(|quantity| panel(layer, quantity)))
                .collect(),
            grid: Some(Grid {
                columns: quantities.map(|quantity| quantity.0.to_string()).into(),
                rows: layers.iter().map(row).collect(),
            }),
            groups: members.iter().map(Member::label).collect(),
            legend: vec![],
            notes: self.notes(method, members, reading),
            table: Some("comparison.csv".into()),
        })
    }
}
