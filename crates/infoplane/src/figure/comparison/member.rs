//! What one method says of a group, and what the groups have in common.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{CommonMethod, MOST_SEEDS, RunGroup, listed};
use crate::LayerDescription;
use crate::figure::learned::{self, LEAST_FOR_BANDS};
use crate::figure::thinning::thin_means;
use crate::figure::{
    Band, BandRange, Limit, Line, Note, NoteCode, Of, Path, ReportData, Role, Series, ShownLayer, plane,
    words,
};
use crate::plane::{LayerPath, Mean, MeanPoint, MethodDescription, PlaneGroup};

/// A group with what one method says of it.
pub(super) struct Member<'a> {
    pub(super) group: &'a RunGroup,
    pub(super) data: ReportData<'a>,
    pub(super) method: &'a Arc<MethodDescription>,
    pub(super) rows: PlaneGroup<'a>,
    /// By their numbers in the runs of the group.
    own_layers: Vec<LayerPath>,
    /// By their places in the figure, ascending: layers of the same name are the same layer.
    pub(super) layers: Vec<LayerPath>,
    /// The number in the runs of the group, for each of them.
    own_numbers: Vec<usize>,
}

impl<'a> Member<'a> {
    /// What the method with this id says of a group; nothing if it has no rows.
    pub(super) fn of(group: &'a RunGroup, id: &str) -> Option<Member<'a>> {
        let method = group.plane.methods().iter().find(|method| method.id == id)?;
        let data = group.data().of_method(method).into_owned();
        let in_mean = data.in_mean();
        let rows = group.plane.groups().into_iter().find(|rows| rows.method.id == id)?;
        let layers = rows.layers_over(|seed| in_mean.has(seed));
        let (own_layers, own_numbers) = (layers.clone(), layers.iter().map(|path| path.layer).collect());
        Some(Member { group, data, method, rows, own_layers, layers, own_numbers })
    }

    /// Gives each layer the place of its name in `order`, from 1.
    fn number_by(&mut self, order: &[String]) {
        let place = |path: &LayerPath| {
            let name = LayerDescription::name_in(&self.data.layers, path.layer);
            order.iter().position(|other| *other == name).map_or(path.layer, |place| place + 1)
        };
        let numbered = |own: &LayerPath| (LayerPath { layer: place(own), ..own.clone() }, own.layer);
        let mut numbered: Vec<(LayerPath, usize)> = self.own_layers.iter().map(numbered).collect();
        numbered.sort_by_key(|(path, _)| path.layer);
        (self.layers, self.own_numbers) = numbered.into_iter().unzip();
    }

    pub(super) fn n_seeds(&self) -> usize {
        self.rows.seeds().len()
    }

    pub(super) fn n_in_mean(&self) -> usize {
        let in_mean = self.data.in_mean();
        self.rows.seeds().into_iter().filter(|&seed| in_mean.has(seed)).count()
    }

    /// `tanh (mean of 4 of 5 seeds)`.
    pub(super) fn label(&self) -> String {
        let (n, in_mean) = (self.n_seeds(), self.n_in_mean());
        match n {
            1 => self.group.name.clone(),
            _ if in_mean < n => format!("{} (mean of {in_mean} of {n} seeds)", self.group.name),
            _ => format!("{} ({n} seeds)", self.group.name),
        }
    }

    fn thinned(&self) -> Vec<LayerPath> {
        let mut layers = self.layers.clone();
        thin_means(&mut layers);
        layers
    }

    pub(super) fn means(&self, group: Option<usize>) -> Vec<Series> {
        let in_mean = self.data.in_mean();
        let mean = |layer: &LayerPath| Series::Path(Path { group, ..plane::mean_path(layer, &in_mean) });
        self.thinned().iter().filter(|layer| !layer.mean.is_empty()).map(mean).collect()
    }

    pub(super) fn seed_paths(&self) -> Vec<Series> {
        let few = self.layers.iter().filter(|layer| layer.seeds.len() <= MOST_SEEDS);
        few.flat_map(|layer| plane::seed_paths(layer, |seed| self.data.is_failed(seed))).collect()
    }

    pub(super) fn limits(&self) -> Vec<Limit> {
        plane::limits(&self.data)
    }

    pub(super) fn remark(&self, method: &CommonMethod) -> Option<String> {
        (!method.same_settings).then(|| self.method.setting.clone())
    }

    /// The mean of a layer with what lies around it, and the values that the axis must hold.
    pub(super) fn curve(
        &self,
        path: &LayerPath,
        role: Role,
        value: fn(&MeanPoint) -> Mean,
    ) -> (Vec<Series>, Vec<f64>) {
        let mut path = [path.clone()];
        thin_means(&mut path);
        let mean = &path[0].mean;
        let (mut series, mut values) = (Vec::new(), Vec::new());
        let mut band = |range, ends: fn(&Mean) -> Option<(f64, f64)>| {
            let points: Vec<(f64, f64, f64)> = mean
                .iter()
                .filter_map(|point| ends(&value(point)).map(|(low, high)| (point.epoch as f64, low, high)))
                .collect();
            values.extend(points.iter().flat_map(|&(_, low, high)| [low, high]));
            if points.len() > 1 {
                series.push(Series::Band(Band { role, range, points }));
            }
        };
        if self.n_in_mean() >= LEAST_FOR_BANDS {
            band(BandRange::From5To95, |mean| Some((mean.percentiles.p5, mean.percentiles.p95)));
        }
        band(BandRange::StandardError, |mean| {
            mean.standard_error.map(|error| (mean.mean - error, mean.mean + error))
        });
        let points: Vec<(f64, f64)> = mean.iter().map(|p| (p.epoch as f64, value(p).mean)).collect();
        values.extend(points.iter().map(|point| point.1));
        series.push(Series::Line(Line::new(role, Of::Mean, points)));
        (series, values)
    }
}

/// Gives layers of the same name the same number, through all groups: in the order of the first group, a layer that only others
/// have after the one that it follows there.
pub(super) fn number_by_name(members: &mut [Member<'_>]) {
    let mut order: Vec<String> = Vec::new();
    for member in &*members {
        let mut after = None;
        let described = member.data.layers.len();
        let n_layers = member.own_layers.iter().map(|path| path.layer).fold(described, usize::max);
        for layer in 1..=n_layers {
            let name = LayerDescription::name_in(&member.data.layers, layer);
            after = Some(match order.iter().position(|other| *other == name) {
                Some(place) => place,
                None => {
                    let place = after.map_or(0, |before: usize| before + 1);
                    order.insert(place, name);
                    place
                }
            });
        }
    }
    for member in members {
        member.number_by(&order);
    }
}

/// The layers of all groups, with the name that they have in common: with its width and nonlinearity, or with less of it.
pub(super) fn shown_layers(members: &[Member<'_>]) -> Vec<ShownLayer> {
    let mut names: BTreeMap<usize, Vec<(String, String, usize)>> = BTreeMap::new();
    for member in members {
        for (path, &own) in member.layers.iter().zip(&member.own_numbers) {
            let (whole, called) = (member.data.layer_name(own, path.width), words::called(&member.data, own));
            names.entry(path.layer).or_default().push((whole, called, path.width));
        }
    }
    let named = |(layer, names): (usize, Vec<(String, String, usize)>)| {
        let (whole, called, width) = &names[0];
        let name = if names.iter().all(|(other, ..)| other == whole) {
            whole.clone()
        } else if names.iter().all(|(.., other)| other == width) {
            format!("{called} ({width})")
        } else {
            called.clone()
        };
        ShownLayer { layer, name, called: called.clone() }
    };
    names.into_iter().map(named).collect()
}

/// The limits that all groups share.
pub(super) fn shared_limits(members: &[Member<'_>]) -> Vec<Limit> {
    let Some((first, others)) = members.split_first() else { return vec![] };
    let mut limits = first.limits();
    for other in others {
        let of_other = other.limits();
        let alike = |a: &Limit, b: &Limit| a.axis == b.axis && (a.value - b.value).abs() < 1e-9;
        limits.retain(|limit| of_other.iter().any(|other| alike(limit, other)));
    }
    limits
}

/// The notes of each group with its name; what is alike for all is said once.
pub(super) fn notes(members: &[Member<'_>]) -> Vec<Note> {
    let of = |member: &Member<'_>| {
        let about = words::notes(&member.data, &member.rows, &member.own_layers);
        learned::note(&member.data).into_iter().chain(about).collect::<Vec<Note>>()
    };
    let all: Vec<(String, Vec<Note>)> =
        members.iter().map(|member| (member.group.name.clone(), of(member))).collect();
    let mut notes: Vec<Note> = Vec::new();
    for (name, own) in &all {
        for note in own {
            let shared = all.iter().all(|(_, others)| others.contains(note));
            let text = if shared { note.text.clone() } else { format!("{name}: {}", note.text) };
            let note = Note { text, ..note.clone() };
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    notes.extend(numbered(members));
    notes
}

/// How the seeds of groups of several runs are numbered.
pub(super) fn numbered(members: &[Member<'_>]) -> Option<Note> {
    let several = members.iter().filter(|member| member.group.numbered);
    let names: Vec<&str> = several.map(|member| member.group.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        let text = format!("Seeds of {} are numbered through, in the order of the runs.", listed(&names));
        Note::reading(NoteCode::Seeds, text)
    })
}
