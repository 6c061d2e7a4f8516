//! Runs that count as one, and why runs cannot be compared.

use super::names_of;
use crate::figure::{ReportData, ScheduleData, words};
use crate::run::{FailedSeed, PartFacts, Run};
use crate::table::{self, Table};
use crate::{Information, InformationPlane, LayerDescription};
use std::borrow::Borrow;

/// Runs that count as one: their seeds are seeds of the same experiment.
///
/// ```no_run
/// use infoplane::figure::{Arrangement, Comparison, RunGroup};
/// use infoplane::run::Run;
/// let tanh = RunGroup::new("tanh", &[Run::read("runs/tanh".as_ref())?])?;
/// let relu = RunGroup::new("ReLU", &[Run::read("runs/relu".as_ref())?])?;
/// let comparison = Comparison::new(vec![tanh, relu])?;
/// let figures = comparison.figures(Arrangement::SideBySide);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RunGroup {
    pub(super) name: String,
    /// What each run is called, and the ids of the methods that it has rows of.
    pub(super) runs: Vec<(String, Vec<String>)>,
    pub(super) plane: InformationPlane,
    pub(super) failed: Vec<FailedSeed>,
    pub(super) layers: Vec<LayerDescription>,
    pub(super) dataset: String,
    pub(super) n_samples: usize,
    pub(super) h_x: Information,
    pub(super) h_y: Information,
    pub(super) parts: Vec<PartFacts>,
    pub(super) digest: String,
    pub(super) is_chain: bool,
    pub(super) complete: bool,
    pub(super) all_seeds: bool,
    /// Whether seeds have numbers of the group instead of their own.
    pub(super) numbered: bool,
    /// How many seeds there are.
    n_seeds: u64,
}

/// What the seeds of a run are called in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seeds {
    /// By their own numbers, which no other run of the group has.
    Own,
    /// By this one: the run has one training, and does not know its seed.
    One(u64),
    /// By the next numbers of the group.
    Numbered,
}

/// Why runs cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComparisonError {
    /// Fewer than two groups.
    #[error("one group of runs, `{0}`: a comparison takes at least two")]
    OneGroup(String),
    /// A group whose runs have other layers or samples.
    #[error(
        "the runs of the group `{group}` differ in their {what} ({one} and {other}): they cannot be averaged; group them by another key"
    )]
    Unlike {
        /// The name of the group.
        group: String,
        /// `layers`, `samples or labels`, `number of samples`.
        what: &'static str,
        /// What the first run has.
        one: String,
        /// What another has.
        other: String,
    },
    /// A run without the key that groups are made by.
    #[error("{run} has no key `{key}`{advice}", advice = did_you_mean(.similar))]
    MissingKey {
        /// The key.
        key: String,
        /// The directory of the run.
        run: String,
        /// A key that it has and that is spelled alike.
        similar: Option<String>,
    },
    /// A run that is to be compared with itself.
    #[error("{0} is named twice; a run is not compared with itself")]
    SameRun(String),
    /// No method in all groups.
    #[error("no method was measured in all of them: {}", listed(.0))]
    NoCommonMethod(Vec<(String, Vec<String>)>),
}

fn did_you_mean(similar: &Option<String>) -> String {
    similar.as_ref().map(|key| format!("; it has `{key}`")).unwrap_or_default()
}

fn listed(groups: &[(String, Vec<String>)]) -> String {
    let one = |(name, methods): &(String, Vec<String>)| format!("{name} has {}", methods.join(", "));
    groups.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl RunGroup {
    /// A group of runs with the same layers and data. Of a single run seeds keep their numbers; the seeds of several are
    /// numbered through in the order of the runs.
    ///
    /// # Errors
    /// [`ComparisonError::Unlike`] if layers or data differ.
    pub fn new<R: Borrow<Run>>(name: &str, runs: &[R]) -> Result<RunGroup, ComparisonError> {
        let mut group = RunGroup::empty(name);
        for (run, name) in runs.iter().map(Borrow::borrow).zip(names_of(runs)) {
            group.add(run, name, if runs.len() == 1 { Seeds::Own } else { Seeds::Numbered })?;
        }
        Ok(group)
    }

    /// A group without runs.
    pub(crate) fn empty(name: &str) -> RunGroup {
        RunGroup {
            name: name.into(),
            runs: Vec::new(),
            plane: InformationPlane::default(),
            failed: Vec::new(),
            layers: Vec::new(),
            dataset: String::new(),
            n_samples: 0,
            h_x: Information::ZERO,
            h_y: Information::ZERO,
            parts: Vec::new(),
            digest: String::new(),
            is_chain: true,
            complete: true,
            all_seeds: false,
            numbered: false,
            n_seeds: 0,
        }
    }

    /// Adds a run, which must have the layers and data of those before it.
    ///
    /// # Errors
    /// [`ComparisonError::Unlike`] if layers or data differ.
    pub(crate) fn add(&mut self, run: &Run, name: String, seeds: Seeds) -> Result<(), ComparisonError> {
        let data = ReportData::of(run);
        let measured = data.plane.groups().into_iter().map(|rows| rows.method.id.clone());
        self.runs.push((name, measured.collect()));
        if self.runs.len() == 1 {
            self.layers = data.layers.clone();
            (self.dataset, self.n_samples) = (data.dataset.clone(), data.n_samples);
            (self.h_x, self.h_y) = (data.h_x, data.h_y);
            self.parts = data.parts.clone();
            self.digest = run.manifest().data.digest.clone();
        }
        self.check(&data, &run.manifest().data.digest)?;
        // What runs of one group do not share is not said of the group.
        for (layer, other) in self.layers.iter_mut().zip(&data.layers) {
            if layer.nonlinearity != other.nonlinearity {
                layer.nonlinearity.clear();
            }
        }
        // Recordings of the same samples are data of several names, none of which is the group's.
        if self.dataset != data.dataset {
            self.dataset.clone_from(&self.name);
        }
        self.is_chain &= data.is_chain;
        self.complete &= data.complete;
        let next = self.n_seeds;
        let own = &run.manifest().seeds;
        let others = data.plane.seeds().into_iter().filter(|seed| !own.contains(seed));
        let all: Vec<u64> = own.iter().copied().chain(others).collect();
        self.n_seeds += all.len() as u64;
        if seeds == Seeds::Own {
            self.plane.reserve(data.plane.len());
            self.plane.extend(data.plane.rows());
            self.failed.extend(data.failed);
            return Ok(());
        }
        self.numbered |= seeds == Seeds::Numbered;
        let number = |seed: u64| match seeds {
            Seeds::One(number) => number,
            _ => next + all.iter().position(|&other| other == seed).unwrap_or(all.len()) as u64,
        };
        self.plane.extend(data.plane.rows().map(|row| crate::PlaneRow { seed: number(row.seed), ..row }));
        let failed = data.failed.into_iter();
        self.failed.extend(failed.map(|failed| FailedSeed { seed: number(failed.seed), ..failed }));
        Ok(())
    }

    /// The group with seeds that did not learn in its means.
    pub fn with_all_seeds(self, all_seeds: bool) -> RunGroup {
        RunGroup { all_seeds, ..self }
    }

    /// The group with another name.
    pub(crate) fn named(self, name: String) -> RunGroup {
        RunGroup { name, ..self }
    }

    /// Mean, standard error and percentiles over its seeds: those that learned, unless none did or all are to be in.
    pub(crate) fn repeats(&self, all_seeds: bool) -> Table<'_> {
        let failed: Vec<u64> = self.failed.iter().map(|failed| failed.seed).collect();
        let any_learned = self.plane.seeds().iter().any(|seed| !failed.contains(seed));
        let in_mean = |seed| all_seeds || !any_learned || !failed.contains(&seed);
        table::repeats(&self.plane, &self.layers, in_mean, &failed)
    }

    /// What figures call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, data: &ReportData<'_>, digest: &str) -> Result<(), ComparisonError> {
        let unlike = |what, one: String, other: String| {
            Err(ComparisonError::Unlike { group: self.name.clone(), what, one, other })
        };
        let widths = |layers: &[LayerDescription]| {
            let one = |(index, layer): (usize, &LayerDescription)| {
                format!("{} {}", LayerDescription::name_in(layers, index + 1), layer.width)
            };
            layers.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
        };
        let (one, other) = (widths(&self.layers), widths(&data.layers));
        if one != other {
            return unlike("layers", one, other);
        }
        if self.digest != digest {
            return unlike("samples or labels", self.digest.clone(), digest.into());
        }
        if self.n_samples != data.n_samples {
            return unlike("number of samples", self.n_samples.to_string(), data.n_samples.to_string());
        }
        Ok(())
    }

    pub(super) fn data(&self) -> ReportData<'_> {
        ReportData {
            title: self.name.clone(),
            dataset: self.dataset.clone(),
            n_samples: self.n_samples,
            h_x: self.h_x,
            h_y: self.h_y,
            parts: self.parts.clone(),
            is_chain: self.is_chain,
            layers: self.layers.clone(),
            plane: &self.plane,
            quantities: &[],
            training: &[],
            schedule: ScheduleData::default(),
            failed: self.failed.clone(),
            all_seeds: self.all_seeds,
            complete: self.complete,
            limit: None,
            notes: vec![],
        }
    }
}

/// What a group was measured on.
pub(super) struct MeasuredOn<'a> {
    pub group: &'a RunGroup,
    /// `n = 4096, H(X) = 12.0000 bits, H(Y) = 1.0000 bits`, of each part of the data that is measured apart.
    pub numbers: String,
}

impl<'a> MeasuredOn<'a> {
    /// All parts of the data.
    pub fn all(group: &'a RunGroup) -> MeasuredOn<'a> {
        if group.parts.is_empty() {
            return MeasuredOn::only(group, &group.data());
        }
        let of_part = |facts: &PartFacts| {
            let numbers = numbers(facts.n_measured, facts.h_x_bits, facts.h_y_bits);
            format!("{}, {numbers}", facts.part.title())
        };
        let parts = group.parts.iter().map(of_part).collect::<Vec<_>>();
        MeasuredOn { group, numbers: parts.join("; ") }
    }

    /// The part of the data that a method measured.
    pub fn only(group: &'a RunGroup, data: &ReportData<'_>) -> MeasuredOn<'a> {
        MeasuredOn { group, numbers: numbers(data.n_samples, data.h_x.bits(), data.h_y.bits()) }
    }

    fn named(&self) -> String {
        format!("{}, {}", self.group.dataset, self.numbers)
    }

    /// Once where the data are the same for all, else for each group with its name. The same data may have several names,
    /// those of recordings, which are then left out.
    pub fn told(all: &[MeasuredOn<'_>]) -> Vec<String> {
        let same = |differ: fn(&MeasuredOn<'_>, &MeasuredOn<'_>) -> bool| {
            !all.windows(2).any(|pair| differ(&pair[0], &pair[1]))
        };
        if same(|a, b| a.named() != b.named()) {
            return all.first().map(MeasuredOn::named).into_iter().collect();
        }
        if same(|a, b| a.numbers != b.numbers || a.group.digest != b.group.digest) {
            return all.first().map(|first| first.numbers.clone()).into_iter().collect();
        }
        let each = |one: &MeasuredOn<'_>| match &one.group.name {
            name if *name == one.group.dataset => format!("{name}: {}", one.numbers),
            name => format!("{name}: {}", one.named()),
        };
        all.iter().map(each).collect()
    }
}

fn numbers(n: usize, h_x: f64, h_y: f64) -> String {
    format!("n = {n}, {}", words::entropies(h_x, h_y))
}
