//! Information planes beside each other.

use super::member::{Member, shared_limits, shown_layers};
use super::{Arrangement, CommonMethod, Comparison, MOST_SEEDS, other_data};
use crate::Information;
use crate::figure::{Axis, Figure, FigureKind, Grid, Note, NoteCode, Panel, ReportData};
use crate::plane::MeanPoint;

/// Most columns of a sheet of planes.
const MOST_COLUMNS: usize = 3;
/// Of more methods the planes do not stand in one figure.
const MOST_METHODS: usize = 12;

impl Comparison {
    /// The planes of one method: a panel for each group, or all in one.
    pub(super) fn planes(
        &self,
        method: &CommonMethod,
        members: &[Member<'_>],
        arrangement: Arrangement,
    ) -> Option<Figure> {
        if members.iter().all(|member| member.layers.is_empty()) {
            return None;
        }
        let one_panel = arrangement == Arrangement::OnePanel;
        let [x, y] = axes(members);
        let panel = |name: String, series, limits, remark| Panel {
            name,
            x: x.clone(),
            y: y.clone(),
            series,
            limits,
            remark,
        };
        let panels = if one_panel {
            let series = members.iter().enumerate().flat_map(|(place, member)| member.means(Some(place)));
            vec![panel(String::new(), series.collect(), shared_limits(members), None)]
        } else {
            let of = |member: &Member<'_>| {
                let series = member.seed_paths().into_iter().chain(member.means(None));
                let limits = member.limits();
                // In rows and columns the group has its name from these.
                let name = if self.places.is_some() { String::new() } else { member.label() };
                panel(name, series.collect(), limits, member.remark(method))
            };
            self.in_places(members, of, || panel(String::new(), vec![], vec![], Some("no run".into())))
        };
        let reading = match (one_panel, members.iter().map(Member::n_seeds).max().unwrap_or(0)) {
            (_, ..2) => None,
            (false, 2..=MOST_SEEDS) => Some("Bold: mean over seeds. Thin: each seed."),
            _ => Some("Paths are means over seeds."),
        };
        let draws_failed = !one_panel
            && members.iter().any(|member| !member.group.failed.is_empty() && member.n_seeds() <= MOST_SEEDS);
        let failed =
            if draws_failed { " Dotted, with a cross at the end: seeds that did not learn." } else { "" };
        let reading = reading.map(|text| Note::reading(NoteCode::Seeds, format!("{text}{failed}")));
        let any_limits = members.iter().any(|member| !member.limits().is_empty());
        let limits = (!one_panel && any_limits).then(|| {
            let shared = shared_limits(members);
            let shared: Vec<String> =
                shared.iter().map(|limit| format!("{} = {} bits", limit.name, limit.text)).collect();
            let text = match shared.len() {
                2 => format!("Dashed lines: {}.", shared.join(" and ")),
                _ => "Dashed lines: H(X) and H(Y) of each group.".into(),
            };
            Note::reading(NoteCode::Definition, text)
        });
        Some(Figure {
            id: format!("plane-{}", method.id),
            kind: FigureKind::Planes,
            heading: format!("Information planes: {}", method.title),
            title: self.title("Information planes"),
            facts: self.facts(method, members),
            layers: shown_layers(members),
            panels,
            grid: Some(match &self.places {
                Some(places) if !one_panel => Grid {
                    columns: places.columns.clone(),
                    rows: places.rows.iter().map(|row| vec![row.clone()]).collect(),
                },
                _ => {
                    let n = members.len();
                    let columns = if one_panel { 1 } else { n.min(if n == 4 { 2 } else { MOST_COLUMNS }) };
                    Grid { columns: vec![String::new(); columns], rows: vec![] }
                }
            }),
            groups: if one_panel { members.iter().map(Member::label).collect() } else { vec![] },
            legend: vec![],
            notes: self.notes(method, members, reading.into_iter().chain(limits)),
            table: Some("comparison.csv".into()),
        })
    }

    /// The planes of all methods, means alone: a row for each method, a column for each group.
    pub(super) fn planes_of_methods(&self) -> Option<Figure> {
        if !(2..=MOST_METHODS).contains(&self.methods.len()) {
            return None;
        }
        let all: Vec<Vec<Member<'_>>> = self.methods.iter().map(|method| self.members(method)).collect();
        let first = all.first()?;
        let mut panels = Vec::new();
        for (method, members) in self.methods.iter().zip(&all) {
            let [x, y] = axes(members);
            let panel = |series, limits, remark| Panel {
                name: String::new(),
                x: x.clone(),
                y: y.clone(),
                series,
                limits,
                remark,
            };
            for group in &self.groups {
                panels.push(match members.iter().find(|member| std::ptr::eq(member.group, group)) {
                    Some(member) => panel(member.means(None), member.limits(), member.remark(method)),
                    None => panel(vec![], vec![], Some("not measured".into())),
                });
            }
        }
        if panels.iter().all(|panel: &Panel| panel.series.is_empty()) {
            return None;
        }
        let mut notes: Vec<Note> = self.methods.iter().flat_map(|method| self.lacking(method)).collect();
        let reading = if first.iter().any(|member| member.n_in_mean() > 1) {
            "Paths are means over seeds. What must be known of each method is beside its own figures."
        } else {
            "What must be known of each method is beside its own figures."
        };
        notes.push(Note::reading(NoteCode::Seeds, reading));
        notes.extend(other_data(first));
        Some(Figure {
            id: "planes".into(),
            kind: FigureKind::Planes,
            heading: "Information planes of all methods".into(),
            title: self.title("Information planes"),
            facts: vec![format!("{} methods", self.methods.len())],
            layers: shown_layers(all.iter().max_by_key(|members| shown_layers(members).len())?),
            panels,
            grid: Some(Grid {
                columns: self.groups.iter().map(|group| group.name.clone()).collect(),
                rows: self.methods.iter().map(|method| in_lines(&method.title)).collect(),
            }),
            groups: vec![],
            legend: vec![],
            notes,
            table: Some("comparison.csv".into()),
        })
    }

    /// A panel for each group, in the order in which they stand: where runs are told apart by several keys, a place without a
    /// run has one of its own.
    fn in_places(
        &self,
        members: &[Member<'_>],
        panel: impl Fn(&Member<'_>) -> Panel,
        empty: impl Fn() -> Panel,
    ) -> Vec<Panel> {
        let Some(places) = &self.places else { return members.iter().map(panel).collect() };
        let at = |row: usize, column: usize| {
            let group = places.of_groups.iter().position(|&place| place == (row, column))?;
            members.iter().find(|member| std::ptr::eq(member.group, &self.groups[group]))
        };
        let all =
            (0..places.rows.len()).flat_map(|row| (0..places.columns.len()).map(move |column| (row, column)));
        all.map(|(row, column)| at(row, column).map_or_else(&empty, &panel)).collect()
    }
}

/// The parts of a title of a method, a line each: `KDE`, `noise variance 0.001`; what is in brackets stays in one.
fn in_lines(title: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in title.split(", ") {
        match lines.last_mut() {
            Some(last) if last.matches('[').count() > last.matches(']').count() => {
                *last += &format!(", {part}")
            }
            _ => lines.push(part.into()),
        }
    }
    lines
}

/// The axes that hold the means of all groups, and the entropies.
fn axes(members: &[Member<'_>]) -> [Axis; 2] {
    let axis = |quantity, extra, mean: fn(&MeanPoint) -> f64, limit: fn(&ReportData<'_>) -> Information| {
        let means = members.iter().flat_map(|member| &member.layers).flat_map(|layer| &layer.mean);
        let limits = members.iter().map(|member| limit(&member.data).bits());
        Axis::bits(quantity, means.map(mean), limits, extra)
    };
    [
        axis("I(X;T)", 0.04, |point| point.i_xt_bits.mean, |data| data.h_x),
        axis("I(T;Y)", 0.07, |point| point.i_ty_bits.mean, |data| data.h_y),
    ]
}

#[cfg(test)]
mod tests {
    use super::in_lines;

    #[test]
    fn a_title_is_parted_at_its_commas_but_for_those_in_brackets() {
        assert_eq!(in_lines("binned, 30 edges on [−1, 1]"), ["binned", "30 edges on [−1, 1]"]);
        assert_eq!(in_lines("KSG"), ["KSG"]);
        assert_eq!(in_lines("a [b, c, d], e"), ["a [b, c, d]", "e"]);
    }
}
