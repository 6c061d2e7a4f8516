//! Decompositions and degrees against values worked out by hand, laws, and enumeration.

use ndarray::Array2;
use proptest::prelude::*;

use super::*;
use crate::{Correction, Estimator, Information, Measure};

/// A layer and its labels from equally likely outcomes: the symbols of the units, and the label.
fn outcomes<const N: usize>(rows: &[([u32; N], u32)]) -> (UnitSymbols, Labels) {
    let codes = Array2::from_shape_fn((rows.len(), N), |(row, unit)| rows[row].0[unit]);
    let labels: Vec<u32> = rows.iter().map(|row| row.1).collect();
    (UnitSymbols::new(codes).unwrap(), Labels::from_symbols(&labels))
}

/// All values of `N` fair bits, and a label of each.
fn bits<const N: usize>(label: impl Fn([u32; N]) -> u32) -> (UnitSymbols, Labels) {
    let row = |number: u32| std::array::from_fn(|unit| number >> unit & 1);
    let rows: Vec<([u32; N], u32)> = (0..1 << N).map(|number| (row(number), label(row(number)))).collect();
    outcomes(&rows)
}

fn taken_apart(layer: &UnitSymbols, labels: &Labels) -> Decomposition {
    decompose(layer, &[labels]).unwrap().remove(0)
}

fn measured(layer: &UnitSymbols, labels: &Labels, correction: Correction) -> UnitInformation {
    unit_information(layer, &[labels], correction).unwrap().remove(0)
}

fn log2(x: f64) -> f64 {
    x.log2()
}

fn atom(parts: &Decomposition, shown: &str) -> f64 {
    let found = parts.atoms.iter().find(|atom| atom.antichain.to_string() == shown);
    found.unwrap_or_else(|| panic!("{shown}")).information.bits()
}

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-9, "{what}: {found}, {expected}");
}

/// Closed forms of two units: the atoms {1}{2}, {1}, {2}, {12}, and C. Makkeh, Gutknecht & Wibral (2021) print several of them; the
/// others follow from the probabilities in the same way.
#[test]
fn published_pairs_of_units_have_their_atoms() {
    let l = log2;
    let quarter = |label: fn([u32; 2]) -> u32| bits::<2>(label);
    type Case = (&'static str, (UnitSymbols, Labels), [f64; 4], f64);
    let cases: Vec<Case> = vec![
        ("xor", quarter(|[a, b]| a ^ b), [l(2. / 3.), l(1.5), l(1.5), l(4. / 3.)], 1.0 + l(4. / 3.)),
        (
            "and",
            quarter(|[a, b]| a & b),
            [l(4. / 3.) - l(1.5) / 2.0, l(1.5) - l(3.0) / 4.0, l(1.5) - l(3.0) / 4.0, 0.75 * l(4. / 3.)],
            1.383_688_546_6,
        ),
        ("sum", quarter(|[a, b]| a + b), [l(4. / 3.) - 0.5, l(1.5), l(1.5), l(4. / 3.)], 1.276_691_666_2),
        ("copy", quarter(|[a, b]| 2 * a + b), [l(4. / 3.), l(1.5), l(1.5), l(4. / 3.)], 1.207_518_749_6),
        ("unique", quarter(|[a, _]| a), [l(4. / 3.), l(1.5), -l(4. / 3.), l(4. / 3.)], 1.0 + l(4. / 3.)),
        ("redundant", outcomes(&[([0, 0], 0), ([1, 1], 1)]), [1.0, 0.0, 0.0, 0.0], 1.0),
        (
            "pointwise unique",
            outcomes(&[([0, 1], 1), ([1, 0], 1), ([0, 2], 2), ([2, 0], 2)]),
            [0.0, 0.5, 0.5, 0.0],
            1.0,
        ),
        (
            "redundant with errors",
            outcomes(&[
                ([0, 0], 0),
                ([0, 0], 0),
                ([0, 0], 0),
                ([1, 1], 1),
                ([1, 1], 1),
                ([1, 1], 1),
                ([0, 1], 0),
                ([1, 0], 1),
            ]),
            [0.556_715_198_3, 0.443_284_801_7, -0.367_993_322_8, 0.367_993_322_8],
            1.367_993_322_8,
        ),
    ];
    for (name, (layer, labels), expected, complexity) in cases {
        let parts = taken_apart(&layer, &labels);
        for (shown, expected) in ["{1}{2}", "{1}", "{2}", "{12}"].into_iter().zip(expected) {
            close(atom(&parts, shown), expected, &format!("{name} {shown}"));
        }
        close(parts.complexity().unwrap(), complexity, name);
    }
}

/// One bit of both units, one of each alone and one of both together: other decompositions give 1, 1, 1, 1.
#[test]
fn a_shared_bit_two_own_ones_and_a_joint_one() {
    let mut rows = Vec::new();
    for n in 0..32u32 {
        let [r, u, v, i, j] = std::array::from_fn(|bit| n >> bit & 1);
        rows.push(([4 * r + 2 * u + i, 4 * r + 2 * v + j], 8 * r + 4 * u + 2 * v + (i ^ j)));
    }
    let (layer, labels) = outcomes(&rows);
    let parts = taken_apart(&layer, &labels);
    close(parts.information.bits(), 4.0, "I");
    let (ends, middle) = (log2(16. / 7.), log2(7. / 4.));
    for (shown, expected) in [("{1}{2}", ends), ("{1}", middle), ("{2}", middle), ("{12}", ends)] {
        close(atom(&parts, shown), expected, shown);
    }
    close(parts.complexity().unwrap(), 1.298_161_269_5, "C");
}

/// The kinds of atoms of three units, with those of three fair bits as the label, all of which are informative.
const OF_COPY: [(&str, f64, f64); 8] = [
    ("{1}{2}{3}", 8., 7.),
    ("{1}{2}", 7., 6.),
    ("{1}{23}", 36., 35.),
    ("{1}", 5., 4.),
    ("{12}{13}{23}", 875., 864.),
    ("{12}{13}", 16., 15.),
    ("{12}", 9., 8.),
    ("{123}", 32., 27.),
];

#[test]
fn published_triples_of_units_have_their_atoms() {
    let l = log2;
    let with = |changes: &[(&'static str, f64)]| -> Vec<(&'static str, f64)> {
        let of_copy = OF_COPY.iter().map(|&(shown, a, b)| (shown, l(a / b)));
        of_copy
            .map(|(shown, value)| changes.iter().find(|c| c.0 == shown).copied().unwrap_or((shown, value)))
            .collect()
    };
    let none = |only: &[(&'static str, f64)]| -> Vec<(&'static str, f64)> {
        OF_COPY.iter().map(|c| only.iter().find(|o| o.0 == c.0).copied().unwrap_or((c.0, 0.0))).collect()
    };
    type Case<'a> = (&'a str, (UnitSymbols, Labels), Vec<(&'a str, f64)>, f64, f64, f64);
    let cases: Vec<Case<'_>> = vec![
        ("copy", bits::<3>(|[a, b, c]| 4 * a + 2 * b + c), with(&[]), 1.432_526_639_2, 1.0, 1.0),
        (
            "parity",
            bits::<3>(|[a, b, c]| a ^ b ^ c),
            with(&[("{1}{2}", l(7. / 8.)), ("{1}{23}", l(32. / 35.)), ("{12}{13}{23}", l(875. / 1024.))]),
            2.052_467_419_9,
            0.0,
            3.0,
        ),
        (
            "sum",
            bits::<3>(|[a, b, c]| a + b + c),
            with(&[("{1}{2}", l(7. / 6.) - l(1.5) / 2.0), ("{1}{23}", l(36. / 35.) - l(4. / 3.) / 4.0)]),
            1.716_389_106_8,
            0.515_567,
            1.656_289,
        ),
        (
            "two parities",
            bits::<3>(|[a, b, c]| 2 * (a ^ b) + (b ^ c)),
            with(&[("{1}{2}{3}", l(8. / 7.) - 1.0)]),
            1.648_789_959,
            0.0,
            1.5,
        ),
        (
            "majority",
            bits::<3>(|[a, b, c]| u32::from(a + b + c > 1)),
            vec![
                ("{1}{2}{3}", 0.192_645_077_9),
                ("{1}{2}", 0.014_873_671_7),
                ("{1}{23}", -0.001_839_265_9),
                ("{1}", -0.031_831_279_9),
                ("{12}{13}{23}", 0.018_251_704_6),
                ("{12}{13}", 0.093_109_404_4),
                ("{12}", 0.127_443_751_1),
                ("{123}", 0.183_834_373_4),
            ],
            2.047_579_917_7,
            0.566_166,
            1.5,
        ),
        (
            "the same bit",
            outcomes(&[([0, 0, 0], 0), ([1, 1, 1], 1)]),
            none(&[("{1}{2}{3}", 1.0)]),
            1.0,
            3.0,
            0.0,
        ),
    ];
    for (name, (layer, labels), atoms, complexity, redundancy, vulnerability) in cases {
        let parts = taken_apart(&layer, &labels);
        for (shown, expected) in atoms {
            close(atom(&parts, shown), expected, &format!("{name} {shown}"));
        }
        close(parts.complexity().unwrap(), complexity, name);
        let found = measured(&layer, &labels, Correction::PlugIn);
        assert!((found.redundancy_degree().unwrap() - redundancy).abs() < 1e-6, "{name}");
        assert!((found.vulnerability_degree().unwrap() - vulnerability).abs() < 1e-6, "{name}");
    }
}

#[test]
fn four_and_five_bits_have_the_complexities_of_an_exact_enumeration() {
    let complexity =
        |(layer, labels): (UnitSymbols, Labels)| taken_apart(&layer, &labels).complexity().unwrap();
    close(complexity(bits::<4>(|b| b.iter().sum::<u32>() % 2)), 2.680_766_921_5, "parity of 4");
    close(complexity(bits::<5>(|b| b.iter().sum::<u32>() % 2)), 3.372_037_078_4, "parity of 5");
    close(complexity(bits::<5>(|b| b.iter().sum::<u32>())), 2.796_829_061_7, "sum of 5");
    close(complexity(bits::<5>(|b| u32::from(b.iter().sum::<u32>() > 2))), 3.465_943_889_2, "majority of 5");
    // One unit has the label, the others are noise.
    close(complexity(bits::<5>(|b| b[0])), 2.947_285_080_6, "unique of 5");
}

/// I∩ of an antichain by its definition.
fn shared(layer: &UnitSymbols, labels: &Labels, sets: &[u32]) -> f64 {
    let n = layer.n_samples();
    let codes = layer.codes();
    let agree = |a: usize, b: usize| {
        let on = |set: u32| {
            (0..layer.n_units()).all(|unit| set >> unit & 1 == 0 || codes[[a, unit]] == codes[[b, unit]])
        };
        sets.iter().any(|&set| on(set))
    };
    let mut sum = 0.0;
    for a in 0..n {
        let label = labels.codes()[a];
        let event = (0..n).filter(|&b| agree(a, b)).count() as f64;
        let both = (0..n).filter(|&b| labels.codes()[b] == label && agree(a, b)).count() as f64;
        let of_label = labels.counts()[label as usize] as f64;
        sum += ((both / of_label) / (event / n as f64)).ln();
    }
    sum / n as f64
}

fn layers(n_units: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = (UnitSymbols, Labels)> {
    (n_units, 1usize..60).prop_flat_map(|(n_units, n_samples)| {
        let codes = prop::collection::vec(0u32..3, n_units * n_samples);
        let labels = prop::collection::vec(0u32..3, n_samples);
        (codes, labels).prop_map(move |(codes, labels)| {
            let codes = Array2::from_shape_vec((n_samples, n_units), codes).unwrap();
            (UnitSymbols::new(codes).unwrap(), Labels::from_symbols(&labels))
        })
    })
}

fn nats(parts: &[Information]) -> f64 {
    parts.iter().map(|part| part.nats()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn atoms_sum_to_what_antichains_share((layer, labels) in layers(1..=4)) {
        let parts = taken_apart(&layer, &labels);
        prop_assert!((nats(&parts.by_degree_of_synergy()) - parts.information.nats()).abs() < 1e-9);
        for above in &parts.atoms {
            let sets = above.antichain.sets();
            let is_below = |atom: &&Atom| sets.iter().all(|b| atom.antichain.sets().iter().any(|a| a & !b == 0));
            let sum: f64 = parts.atoms.iter().filter(is_below).map(|atom| atom.information.nats()).sum();
            let expected = shared(&layer, &labels, sets);
            prop_assert!((sum - expected).abs() < 1e-9, "{}: {} {}", above.antichain, sum, expected);
            prop_assert!(above.informative.nats() > -1e-9 && above.misinformative.nats() > -1e-9);
        }
    }

    #[test]
    fn degrees_of_synergy_are_those_of_the_atoms((layer, labels) in layers(1..=5)) {
        let parts = taken_apart(&layer, &labels);
        let found = synergy(&layer, &[&labels, &labels.shuffled()]).unwrap();
        prop_assert_eq!(found[0].information, parts.information);
        for (found, of_atoms) in found[0].by_degree.iter().zip(parts.by_degree_of_synergy()) {
            prop_assert!((found.nats() - of_atoms.nats()).abs() < 1e-9, "{} {}", found.nats(), of_atoms.nats());
        }
        let shuffled = taken_apart(&layer, &labels.shuffled());
        for (found, of_atoms) in found[1].by_degree.iter().zip(shuffled.by_degree_of_synergy()) {
            prop_assert!((found.nats() - of_atoms.nats()).abs() < 1e-9);
        }
    }

    /// C without the lattice: the information that can be had from sets of at most k units, by inclusion and exclusion.
    #[test]
    fn complexity_follows_from_unions_of_sets_of_units((layer, labels) in layers(2..=3)) {
        let parts = taken_apart(&layer, &labels);
        let (n, all) = (layer.n_units(), parts.information.nats());
        prop_assume!(all > 1e-3);
        let mut at_most = 0.0;
        for k in 1..n as u32 {
            let sets: Vec<u32> = (1..1u32 << n).filter(|set| set.count_ones() == k).collect();
            for chosen in 1..1u32 << sets.len() {
                let some: Vec<u32> = (0..sets.len()).filter(|i| chosen >> i & 1 == 1).map(|i| sets[i]).collect();
                let sign = if some.len() % 2 == 1 { 1.0 } else { -1.0 };
                at_most += sign * shared(&layer, &labels, &some);
            }
        }
        let expected = n as f64 - at_most / all;
        prop_assert!((parts.complexity().unwrap() - expected).abs() < 1e-7);
    }

    #[test]
    fn degrees_are_those_of_the_atoms((layer, labels) in layers(1..=4)) {
        let parts = taken_apart(&layer, &labels);
        let found = measured(&layer, &labels, Correction::PlugIn);
        let all = parts.information.nats();
        prop_assert!((found.information.nats() - all).abs() < 1e-12);
        prop_assume!(all > 1e-3);
        let mean = |degree: fn(&Antichain) -> u32| {
            parts.atoms.iter().map(|atom| f64::from(degree(&atom.antichain)) * atom.information.nats()).sum::<f64>() / all
        };
        let (redundancy, vulnerability) = (found.redundancy_degree().unwrap(), found.vulnerability_degree().unwrap());
        prop_assert!((redundancy - mean(Antichain::degree_of_redundancy)).abs() < 1e-7);
        prop_assert!((vulnerability - mean(Antichain::degree_of_vulnerability)).abs() < 1e-7);
        if layer.n_units() == 2 {
            prop_assert!((redundancy + vulnerability - 2.0).abs() < 1e-7);
        }
    }

    #[test]
    fn units_are_measured_as_layers_of_their_own((layer, labels) in layers(2..=5)) {
        for correction in [Correction::PlugIn, Correction::MillerMadow, Correction::ChaoWangJost] {
            let found = measured(&layer, &labels, correction);
            let of = |units: &[usize]| crate::estimator::counts::nats(correction, &layer.select(units).cells(), &labels);
            for unit in 0..layer.n_units() {
                let others: Vec<usize> = (0..layer.n_units()).filter(|&other| other != unit).collect();
                prop_assert!((found.alone[unit].nats() - of(&[unit])).abs() < 1e-9);
                let beyond = found.information.nats() - of(&others);
                prop_assert!((found.beyond_others[unit].nats() - beyond).abs() < 1e-9);
            }
        }
    }

    /// Neither order nor names matter, nor a unit that is always the same; a copy of a unit changes r̄ and v̄ alone.
    #[test]
    fn what_must_not_matter_does_not((layer, labels) in layers(2..=3)) {
        let parts = taken_apart(&layer, &labels);
        prop_assume!(parts.information.nats() > 1e-3);
        let complexity = parts.complexity().unwrap();
        let with = |extra: Vec<u32>| {
            let units = (0..layer.n_units()).map(|unit| layer.codes().column(unit).to_vec()).chain([extra]);
            let units: Vec<Labels> = units.map(|unit| Labels::from_symbols(&unit)).collect();
            UnitSymbols::from_units(&units).unwrap()
        };
        let reversed: Vec<usize> = (0..layer.n_units()).rev().collect();
        let renamed = UnitSymbols::new(layer.codes().mapv(|code| 7 - code)).unwrap();
        let dead = with(vec![4; layer.n_samples()]);
        let copied = with(layer.codes().column(0).to_vec());
        for other in [&layer.select(&reversed), &renamed, &dead, &copied] {
            let found = taken_apart(other, &labels);
            prop_assert!((found.complexity().unwrap() - complexity).abs() < 1e-7);
        }
        let (plain, with_dead, with_copy) = (
            measured(&layer, &labels, Correction::PlugIn),
            measured(&dead, &labels, Correction::PlugIn),
            measured(&copied, &labels, Correction::PlugIn),
        );
        prop_assert_eq!(with_dead.alone.last().unwrap().nats(), 0.0);
        prop_assert!((nats(&with_dead.beyond_others) - nats(&plain.beyond_others)).abs() < 1e-9);
        let first = plain.alone[0].nats();
        prop_assert!((nats(&with_copy.alone) - nats(&plain.alone) - first).abs() < 1e-9);
        prop_assert!(with_copy.beyond_others[0].nats().abs() < 1e-9);
    }
}

#[test]
fn nothing_to_tell_has_no_degrees() {
    // One unit, constant labels; a label that does not depend on the units; a unit that is always the same.
    for (layer, labels) in [
        outcomes(&[([0], 0), ([1], 0)]),
        outcomes(&[([0], 0), ([0], 1), ([1], 0), ([1], 1)]),
        outcomes(&[([3], 0), ([3], 1)]),
    ] {
        let found = measured(&layer, &labels, Correction::PlugIn);
        assert_eq!((found.redundancy_degree(), found.vulnerability_degree()), (None, None));
        assert_eq!(taken_apart(&layer, &labels).complexity(), None);
    }
    // One unit has all there is.
    let (layer, labels) = outcomes(&[([0], 0), ([1], 1)]);
    let found = measured(&layer, &labels, Correction::PlugIn);
    assert_eq!((found.redundancy_degree(), found.vulnerability_degree()), (Some(1.0), Some(1.0)));
    assert_eq!(taken_apart(&layer, &labels).complexity(), Some(1.0));
}

#[test]
fn layers_that_cannot_be_measured_are_refused() {
    assert!(matches!(UnitSymbols::new(Array2::zeros((0, 3))), Err(EstimateError::Empty { .. })));
    assert!(matches!(UnitSymbols::new(Array2::zeros((3, 0))), Err(EstimateError::Empty { .. })));
    let layer = UnitSymbols::new(Array2::zeros((4, 6))).unwrap();
    let labels = Labels::from_symbols(&[0, 1, 0]);
    let error = unit_information(&layer, &[&labels], Correction::PlugIn).unwrap_err();
    assert_eq!(error, EstimateError::LengthMismatch { n_labels: 3, n_samples: 4 });
    let error = decompose(&layer, &[&Labels::from_symbols(&[0, 1, 0, 1])]).unwrap_err().to_string();
    assert!(error.contains("6 units have 7,828,352 antichains"), "{error}");
}

/// The cells of the units, taken together, are the cells of the layer, for every rule of bins and method of counts.
#[test]
fn units_in_bins_make_the_cells_of_the_layer() {
    let t =
        Array2::from_shape_fn((60, 3), |(row, unit)| ((row * (unit + 2) * 7 % 23) as f32 / 11.5 - 1.0) * 0.9);
    let labels = Labels::from_symbols(&(0..60).map(|row| row % 4 / 2).collect::<Vec<_>>());
    for toml in [
        "kind = 'binned'\nrule = 'edges'\nbins = 5\nrange = [-1, 1]",
        "kind = 'binned'\nrule = 'equal'\nbins = 4\nrange = 'unit'",
        "kind = 'binned'\nrule = 'equal'\nbins = 4\nrange = 'layer'",
        "kind = 'binned'\nrule = 'floor'\nbin_width = 0.3\ncorrection = 'chao-wang-jost'",
        "kind = 'binned'\nrule = 'quantile'\nbins = 3\nrange = 'unit'",
        "kind = 'binned'\nrule = 'exact'",
        "kind = 'plug-in'",
        "kind = 'miller-madow'",
    ] {
        let estimator: crate::AnyEstimator = toml::from_str(toml).unwrap();
        let (layer, correction) = estimator.unit_symbols(t.view().into()).unwrap().unwrap();
        assert_eq!(layer.n_units(), 3);
        let cells = estimator.symbols(t.view()).unwrap().unwrap().labels;
        assert_eq!(Labels::from_symbols(layer.cells().codes()).counts(), layer.cells().counts());
        let pairs: std::collections::BTreeSet<_> =
            layer.cells().codes().iter().zip(cells.codes()).map(|(a, b)| (*a, *b)).collect();
        assert_eq!(pairs.len(), cells.n_labels(), "{toml}");
        assert_eq!(pairs.len(), layer.cells().n_labels(), "{toml}");
        // Measured through the estimator: as by hand, and I(T;Y) is that of the layer.
        let found = estimator.units(t.view(), &labels).unwrap();
        assert_eq!(found.labels.information, measured(&layer, &labels, correction));
        assert_eq!(found.labels.decomposition, Some(taken_apart(&layer, &labels)));
        assert_eq!(found.shuffled.information, measured(&layer, &labels.shuffled(), correction));
        let of_layer =
            estimator.layer(t.view(), &[&labels]).unwrap()[0].estimates[0].clone().unwrap().information;
        if correction == Correction::PlugIn {
            assert!((found.labels.information.information.nats() - of_layer.nats()).abs() < 1e-12, "{toml}");
        }
    }
    let kde = crate::Kde { noise_variances: vec![0.1] };
    let error = kde.units(t.view(), &labels).unwrap_err();
    assert_eq!(error, EstimateError::NeedsCells { estimator: "kde" });
    // Labels are one unit.
    let one = crate::PlugIn::default().units(&labels, &labels).unwrap();
    assert_eq!(one.labels.information.redundancy_degree(), Some(1.0));
}

#[test]
fn where_every_sample_is_alone_nothing_is_told_of_the_layer() {
    let t = Array2::from_shape_fn((40, 6), |(row, unit)| ((row + 1) * (unit + 3)) as f32);
    let labels = Labels::from_symbols(&(0..40).map(|row| row % 2).collect::<Vec<_>>());
    let found = crate::PlugIn::default().units(t.view(), &labels).unwrap();
    assert!(found.is_all_bias && found.labels.decomposition.is_none());
    assert_eq!(found.labels.information.n_alone, 40);
    assert_eq!(found.labels.information.vulnerability_degree(), Some(0.0));
    assert!((found.labels.information.redundancy_degree().unwrap() - 6.0).abs() < 1e-12);
}

/// A label that is exactly independent of three copies of a unit, in unequal shares: rounding leaves it some 10⁻¹⁶ bits.
#[test]
fn degrees_of_rounding_are_none() {
    let times = [(0, 0, 1), (0, 1, 4), (1, 0, 3), (1, 1, 12), (2, 0, 5), (2, 1, 20)];
    let rows: Vec<([u32; 3], u32)> =
        times.iter().flat_map(|&(t, y, n)| std::iter::repeat_n(([t; 3], y), n)).collect();
    // Some orders of the samples leave more than 0.
    for turn in 0..rows.len() {
        let mut rows = rows.clone();
        rows.rotate_left(turn);
        let (layer, y) = outcomes(&rows);
        let found = measured(&layer, &y, Correction::PlugIn);
        assert!(found.information.bits().abs() < 1e-12);
        assert_eq!((found.redundancy_degree(), found.vulnerability_degree()), (None, None));
        assert_eq!(taken_apart(&layer, &y).complexity(), None);
        assert_eq!(synergy(&layer, &[&y]).unwrap()[0].complexity(), None);
    }
    // The least that so many samples can share is far above.
    let (layer, y) = outcomes(&[([0], 0), ([0], 1), ([1], 0), ([1], 1), ([1], 1)]);
    assert!(measured(&layer, &y, Correction::PlugIn).redundancy_degree().is_some());
}
