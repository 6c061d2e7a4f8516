//! What figures and tables of a run are made from.

use std::borrow::Cow;
use std::io::{self, Write};

use super::{LimitCurve, ScheduleData, ShownLayer, distance_unit, schedule_setting, words};
use crate::plane::MethodDescription;
use crate::quantity::QuantityRow;
use crate::run::{FailedSeed, Origin, PartFacts, Run};
use crate::schedule::ScheduleConfig;
use crate::table::{self, Table};
use crate::train::EpochStats;
use crate::{Information, InformationPlane, LayerDescription};

/// What a report shows.
#[derive(Debug, Clone)]
pub struct ReportData<'a> {
    /// The name of the experiment, the title of every figure.
    pub title: String,
    /// The name of the data set.
    pub dataset: String,
    /// The number of samples that were measured.
    pub n_samples: usize,
    /// The entropy of the input, the limit of I(X;T).
    pub h_x: Information,
    /// The entropy of the label, the limit of I(T;Y); no number (NaN) where it is not known, as of a target of numbers.
    pub h_y: Information,
    /// Where the training and the test part are measured apart: what is known of each. What stands above is then of both
    /// together, and figures of a method show what its own part has.
    pub parts: Vec<PartFacts>,
    /// Whether each layer is computed from the one before it, so that I(X;T) of the exact quantities cannot rise. Not known
    /// of recorded layers whose order nobody gave, nor of channels and positions.
    pub is_chain: bool,
    /// The layers of the network, the first nearest the input; may be empty if they are not known.
    pub layers: Vec<LayerDescription>,
    /// What was measured.
    pub plane: &'a InformationPlane,
    /// What was measured beside the plane; may be empty.
    pub quantities: &'a [QuantityRow],
    /// How training went, all seeds; may be empty.
    pub training: &'a [EpochStats],
    /// Which epochs were measured, and by which rule.
    pub schedule: ScheduleData<'a>,
    /// The trainings that did not learn, as [`failed_seeds`](crate::run::failed_seeds) finds them; every figure marks and names them.
    pub failed: Vec<FailedSeed>,
    /// Whether seeds that did not learn are in the means, bands and percentiles. Otherwise these are over the seeds that
    /// learned, if any did. Figures draw them dotted and say which they are either way; `plane.csv` holds all rows.
    pub all_seeds: bool,
    /// Whether nothing more will come. While a run goes on, a seed that is not as far as others has not ended.
    pub complete: bool,
    /// The information-bottleneck curve of the rule behind the labels, where those are noisy and the rule is known; drawn in the
    /// plane.
    pub limit: Option<LimitCurve>,
    /// Remarks for the summary, a sentence each: a seed that diverged, for instance.
    pub notes: Vec<String>,
}

impl<'a> ReportData<'a> {
    /// What there is to show of a run.
    pub fn of(run: &'a Run) -> Self {
        let manifest = run.manifest();
        let data = &manifest.data;
        ReportData {
            title: run.name().to_string(),
            dataset: data.name.clone(),
            n_samples: data.n_measured,
            h_x: Information::from_bits(data.h_x_bits),
            h_y: data.h_y(),
            parts: data.parts.clone(),
            is_chain: manifest.is_chain(),
            layers: manifest.layers.clone(),
            plane: run.plane(),
            quantities: run.quantities(),
            training: run.training(),
            schedule: ScheduleData {
                measured: run.schedule(),
                setting: match (&manifest.origin, &manifest.schedule) {
                    (Origin::Recorded(_), ScheduleConfig::Every { interval: 1, witness: None }) => {
                        "every saved epoch".into()
                    }
                    (_, schedule) => schedule_setting(schedule),
                },
                recorded: matches!(manifest.origin, Origin::Recorded(_)),
                delta: manifest.schedule.delta(),
                distance_unit: match data.target_width {
                    Some(_) => "bits".into(),
                    None => distance_unit(&manifest.schedule).into(),
                },
            },
            failed: run.failed_seeds(),
            all_seeds: false,
            complete: run.state().is_complete(),
            // Labels that are a function of the input may be known better than the curve of a noisy rule allows.
            limit: data
                .rule_gain
                .filter(|_| data.i_xy_bits.zip(data.h_y_bits).is_some_and(|(i_xy, h_y)| i_xy < h_y - 1e-9))
                .and_then(LimitCurve::of_gain),
            notes: run.notes(),
        }
    }

    /// Mean, standard error and percentiles over the seeds that are in the means; see [`table::repeats`].
    pub fn repeats(&self) -> Table<'a> {
        let in_mean = self.in_mean();
        let failed: Vec<u64> = self.failed.iter().map(|failed| failed.seed).collect();
        table::repeats(self.plane, &self.layers, |seed| in_mean.has(seed), &failed)
    }

    /// Writes [`repeats`](ReportData::repeats) as comma-separated values, little by little.
    pub(crate) fn write_repeats(&self, out: &mut dyn Write) -> io::Result<()> {
        let in_mean = self.in_mean();
        let failed: Vec<u64> = self.failed.iter().map(|failed| failed.seed).collect();
        table::write_repeats_csv(self.plane, &self.layers, |seed| in_mean.has(seed), &failed, out)
    }

    /// With the samples and the entropies of the part of the data that a method is measured on.
    pub(crate) fn of_method(&self, method: &MethodDescription) -> Cow<'_, ReportData<'a>> {
        let part = self.parts.iter().find(|facts| Some(facts.part) == method.part);
        part.map_or(Cow::Borrowed(self), |facts| {
            Cow::Owned(ReportData {
                n_samples: facts.n_measured,
                h_x: Information::from_bits(facts.h_x_bits),
                h_y: Information::from_bits(facts.h_y_bits),
                ..self.clone()
            })
        })
    }

    /// `T₃ (5, tanh)`.
    pub(crate) fn layer_name(&self, layer: usize, width: usize) -> String {
        let described = layer.checked_sub(1).and_then(|index| self.layers.get(index));
        let named = described.map_or("", |described| described.name.as_str());
        let name = words::layer_named(layer, named);
        match described {
            Some(described) if !described.nonlinearity.is_empty() => {
                format!("{name} ({}, {})", described.width, described.nonlinearity)
            }
            Some(described) => format!("{name} ({})", described.width),
            None => format!("{name} ({width})"),
        }
    }

    /// The layer as a figure calls it.
    pub(super) fn shown_layer(&self, layer: usize, width: usize) -> ShownLayer {
        ShownLayer { layer, name: self.layer_name(layer, width), called: words::called(self, layer) }
    }

    /// A plane of which nothing else is known.
    #[cfg(test)]
    pub(crate) fn empty(plane: &'a InformationPlane) -> Self {
        ReportData {
            title: String::new(),
            dataset: String::new(),
            n_samples: 1,
            h_x: Information::ZERO,
            h_y: Information::ZERO,
            parts: vec![],
            is_chain: true,
            layers: vec![],
            plane,
            quantities: &[],
            training: &[],
            schedule: ScheduleData::default(),
            failed: vec![],
            all_seeds: false,
            complete: true,
            limit: None,
            notes: vec![],
        }
    }
}
