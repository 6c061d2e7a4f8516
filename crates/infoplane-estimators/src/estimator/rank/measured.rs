//! One column against the target.

use std::cell::RefCell;

use super::column::{Column, MissingSymbols, Note, Values};
use super::null::{Counted, Null};
use super::ranks::Ranks;
use super::ross::ByNeighbors;
use super::target::{FEWEST, Ordered, Side, Target, is_identifier, side};
use super::{PValueKind, RankOptions, RankedColumn, Tail, ksg, ross, symbols};
use crate::estimator::knn::{NEAR_CEILING, SHARED_NEIGHBORS};
use crate::interrupt::poll;
use crate::{ChaoWangJost, Information, Ksg, Labels, Measure, Ross, VariableKind};

/// Samples for each pair of values that are better counted than ordered.
const SAMPLES_PER_PAIR: usize = 20;

/// What was found of a column.
#[derive(Default)]
pub(super) struct Measured {
    kind: Option<VariableKind>,
    method: Option<&'static str>,
    nats: Option<f64>,
    error: Option<f64>,
    n_samples: usize,
    missing: usize,
    notes: Vec<Note>,
    pub(super) test: Option<Test>,
    /// Of what was measured as symbols: equal for columns whose symbols tell each other, seldom for others.
    pub(super) symbols: Option<u64>,
}

/// How a column is tested.
pub(super) enum Test {
    ChiSquared(f64),
    Permuted { key: NullKey, null: Null, statistic: f64 },
}

/// Which columns have the same null: those whose values are the same function of an order that is random.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NullKey {
    Ross(Vec<usize>),
    Ksg(usize),
    Symbols(usize),
}

thread_local! {
    static SCRATCH: RefCell<(ross::Scratch, ksg::Scratch, symbols::Scratch)> = RefCell::default();
}

/// Measures a column against the target.
pub(super) fn measure(column: &Column, hash: u64, target: &Target, options: &RankOptions) -> Measured {
    poll();
    let places: Vec<usize> = match &column.values {
        Values::Numbers(values) => {
            if let Some(&row) = target.rows.iter().find(|&&row| values[row].is_infinite()) {
                return Measured::without_value(Note::NotFinite { row });
            }
            (0..target.rows.len()).filter(|&place| !values[target.rows[place]].is_nan()).collect()
        }
        Values::Symbols(symbols) if options.missing == MissingSymbols::Drop => {
            (0..target.rows.len()).filter(|&place| symbols[target.rows[place]].is_some()).collect()
        }
        Values::Symbols(_) => (0..target.rows.len()).collect(),
    };
    let n = places.len();
    let missing = target.rows.len() - n;
    let with_rows = |measured| Measured { n_samples: n, missing, ..measured };
    if n < FEWEST {
        return with_rows(Measured::without_value(Note::TooFewSamples { n_samples: n, needed: FEWEST }));
    }
    let rows: Vec<usize> = places.iter().map(|&place| target.rows[place]).collect();
    let (kind, x) = side(column, &rows, hash, options.seed);
    let Some(kind) = kind else {
        return with_rows(Measured { nats: Some(0.0), notes: vec![Note::Constant], ..Measured::default() });
    };
    let with_kind = |measured| with_rows(Measured { kind: Some(kind), ..measured });
    if let Side::Labels(labels) = &x
        && is_identifier(labels)
    {
        let note = Note::Identifier { distinct: labels.n_labels(), n_samples: n };
        return with_kind(Measured::without_value(note));
    }
    let (part, part_ranks);
    let (y, ranks) = if missing == 0 {
        (&target.side, &target.ranks)
    } else {
        part = target.side.select(&places);
        part_ranks = Ranks::new(n);
        (&part, &part_ranks)
    };
    let constant = match y {
        Side::Labels(labels) | Side::Numbers(Ordered { values: labels, .. }) => labels.n_labels() < 2,
    };
    if constant {
        return with_kind(Measured::without_value(Note::ConstantTarget));
    }
    let found = match (&x, y) {
        (Side::Labels(x), Side::Labels(y)) => of_symbols(x, y),
        (Side::Labels(labels), Side::Numbers(numbers)) | (Side::Numbers(numbers), Side::Labels(labels)) => {
            by_classes(labels, numbers, ranks, options.k)
        }
        (Side::Numbers(x), Side::Numbers(y)) => {
            let pairs = x.values.n_labels().saturating_mul(y.values.n_labels());
            let lattices = [kind, target.kind] == [VariableKind::Lattice; 2];
            if lattices && pairs.saturating_mul(SAMPLES_PER_PAIR) <= n {
                of_symbols(&x.values, &y.values)
            } else {
                by_ranks(x, y, ranks, options.k)
            }
        }
    };
    let as_symbols = matches!(x, Side::Labels(_)) || found.method == Some(ChaoWangJost::INFO.name);
    let symbols = as_symbols.then(|| column.hash_of_symbols(&target.rows, options.missing));
    with_kind(Measured { symbols, ..found })
}

/// Counts.
fn of_symbols(x: &Labels, y: &Labels) -> Measured {
    let (plug_in, deviation) = symbols::plug_in(x, y);
    // Sides that were checked: no method of counts refuses them.
    let nats = ChaoWangJost::default().pair(x, y).map_or(plug_in, |estimate| estimate.information.nats());
    let test = match symbols::chi_squared(plug_in, x, y) {
        Some(p_value) => Test::ChiSquared(p_value),
        None => {
            let sides = [x, y].map(|side| (side.codes().to_vec(), side.n_labels()));
            let terms = symbols::terms(x.len());
            let statistic = SCRATCH.with_borrow_mut(|(.., scratch)| {
                symbols::pair_sum((x.codes(), x.n_labels()), (y.codes(), y.n_labels()), &terms, scratch)
            });
            let [a, b] = sides;
            Test::Permuted { key: NullKey::Symbols(0), null: Null::Symbols { a, b }, statistic }
        }
    };
    Measured {
        method: Some(ChaoWangJost::INFO.name),
        nats: Some(nats),
        error: Some(symbols::standard_error(deviation, symbols::degrees_of_freedom(x, y), x.len())),
        test: Some(test),
        ..Measured::default()
    }
}

/// Ross's method.
fn by_classes(labels: &Labels, numbers: &Ordered, ranks: &Ranks, k: usize) -> Measured {
    // By size, so that equal sizes are an equal null.
    let mut by_size: Vec<u32> = (0..labels.n_labels() as u32).collect();
    by_size.sort_by_key(|&label| labels.counts()[label as usize]);
    let sizes: Vec<usize> = by_size.iter().map(|&label| labels.counts()[label as usize]).collect();
    let mut class_of = vec![0; sizes.len()];
    (0u32..).zip(&by_size).for_each(|(class, &label)| class_of[label as usize] = class);
    let classes: Vec<u32> =
        numbers.order.iter().map(|&place| class_of[labels.codes()[place as usize] as usize]).collect();
    let dropped = sizes.iter().filter(|&&size| size == 1).count();
    let found = SCRATCH.with_borrow_mut(|(scratch, ..)| ross::ross(&classes, &sizes, k, ranks, scratch));
    let key = NullKey::Ross(sizes.clone());
    let notes = if dropped > 0 { vec![Note::LabelsAlone { dropped }] } else { Vec::new() };
    let null = Null::Ross { sizes, k };
    let measured = Measured::by_neighbors(Ross::INFO.name, found, classes.len() - dropped, key, null);
    // The information cannot exceed the entropy of the labels; what is compared with permutations is left as it is.
    Measured { notes, nats: Some(found.nats.min(labels.entropy().nats())), ..measured }
}

/// KSG-1.
fn by_ranks(x: &Ordered, y: &Ordered, ranks: &Ranks, k: usize) -> Measured {
    let n = ranks.len();
    if n <= k {
        return Measured::without_value(Note::TooFewSamples { n_samples: n, needed: k + 1 });
    }
    let mut rank_of = vec![0; n];
    (0u32..).zip(&y.order).for_each(|(rank, &place)| rank_of[place as usize] = rank);
    let y_of_x: Vec<u32> = x.order.iter().map(|&place| rank_of[place as usize]).collect();
    let found = SCRATCH.with_borrow_mut(|(_, scratch, _)| ksg::ksg(&y_of_x, k, ranks, scratch));
    // No value exceeds ψ(n) − ψ(k). Where k is nearly n, that is little above the 0 of a column that tells nothing.
    let ceiling = ranks.psi[n] - ranks.psi[k];
    let near = found.nats > (ceiling - NEAR_CEILING).max(0.5 * ceiling);
    let notes = if near { vec![Note::NearCeiling] } else { Vec::new() };
    Measured {
        notes,
        ..Measured::by_neighbors(Ksg::INFO.name, found, n, NullKey::Ksg(n), Null::Ksg { n, k })
    }
}

impl Measured {
    fn without_value(note: Note) -> Measured {
        Measured { notes: vec![note], ..Measured::default() }
    }

    fn by_neighbors(
        method: &'static str,
        found: ByNeighbors,
        n: usize,
        key: NullKey,
        null: Null,
    ) -> Measured {
        let ByNeighbors { nats, deviation } = found;
        Measured {
            method: Some(method),
            nats: Some(nats),
            error: Some(SHARED_NEIGHBORS * deviation / (n as f64).sqrt()),
            test: Some(Test::Permuted { key, null, statistic: nats }),
            ..Measured::default()
        }
    }

    /// What was found, as that of the column at `index`, with its comparison with permutations.
    pub(super) fn ranked(&self, index: usize, counted: Option<Counted>, tail: Tail) -> RankedColumn {
        let (p_value, p_kind) = match (&self.test, counted) {
            (Some(Test::ChiSquared(p_value)), _) => (Some(*p_value), Some(PValueKind::ChiSquared)),
            (_, Some(Counted { fitted: Some(fitted), .. })) if tail == Tail::Fitted => {
                (Some(fitted), Some(PValueKind::Fitted))
            }
            (_, Some(Counted { p_value, .. })) => (Some(p_value), Some(PValueKind::Counted)),
            (_, None) => (None, None),
        };
        RankedColumn {
            index,
            rank: None,
            kind: self.kind,
            method: self.method,
            information: self.nats.map(Information::from_nats),
            standard_error: self.error.map(Information::from_nats),
            p_value,
            p_kind,
            p_counted: counted.map(|counted| counted.p_value),
            permutations: counted.map(|counted| counted.permutations),
            q_value: None,
            n_samples: self.n_samples,
            missing: self.missing,
            notes: self.notes.clone(),
        }
    }
}
