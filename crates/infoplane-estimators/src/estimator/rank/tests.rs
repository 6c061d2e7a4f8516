//! Tests of the ranking: the fast methods against the general ones, and p-values under independence.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;

use super::ranks::Ranks;
use super::*;
use crate::random::{Purpose, below, generator, normal, shuffle, uniform};
use crate::{ChaoWangJost, Estimator, Ksg, Labels, Ross, Scaling, Variable};

fn random(seed: u64) -> ChaCha8Rng {
    generator(seed, Purpose::Known, 41)
}

fn normals(n: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
    (0..n).map(|_| normal(random)).collect()
}

fn classes(sizes: &[usize], random: &mut ChaCha8Rng) -> Vec<u32> {
    let mut classes: Vec<u32> =
        (0..).zip(sizes).flat_map(|(class, &size)| std::iter::repeat_n(class, size)).collect();
    shuffle(random, &mut classes);
    classes
}

fn labelled(name: &str, symbols: &[u32]) -> Column {
    Column::symbols(name, symbols.iter().copied().map(Some).collect())
}

fn found(columns: &[Column], target: &Column, permutations: usize) -> Vec<RankedColumn> {
    seeded(columns, target, permutations, 0)
}

fn seeded(columns: &[Column], target: &Column, permutations: usize, seed: u64) -> Vec<RankedColumn> {
    let options = RankOptions { permutations: Some(permutations), seed, ..RankOptions::default() };
    let mut found = rank(columns, target, &options).unwrap().columns;
    found.sort_by_key(|column| column.index);
    found
}

fn nats(column: &RankedColumn) -> f64 {
    column.information.unwrap().nats()
}

/// The value of an estimator before it is held to limits, in nats.
fn of_pair<'a>(estimator: &dyn Estimator, x: impl Into<Variable<'a>>, y: impl Into<Variable<'a>>) -> f64 {
    estimator.estimate_pair(x.into(), y.into()).unwrap().information.nats()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn of_classes_the_fast_value_is_that_of_the_general_estimator(
        sizes in prop::collection::vec(1usize..40, 1..7), k in 1usize..8, seed in 0u64..1000, shift in 0.0f64..3.0,
    ) {
        let random = &mut random(seed);
        let symbols = classes(&sizes, random);
        let n = symbols.len();
        prop_assume!(sizes.iter().any(|&size| size > 1) && n > 1);
        let values: Vec<f64> =
            symbols.iter().map(|&class| normal(random) + shift * f64::from(class)).collect();
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.sort_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
        let by_rank: Vec<u32> = order.iter().map(|&place| symbols[place as usize]).collect();
        let fast = ross::ross(&by_rank, &sizes, k, &Ranks::new(n), &mut ross::Scratch::default());
        let labels = Labels::from_symbols(&symbols);
        let general = of_pair(&Ross { k, scaling: Scaling::NormalScores }, &values, &labels);
        prop_assert!((fast.nats - general).abs() < 1e-12, "{} {general}", fast.nats);
    }

    #[test]
    fn of_numbers_the_fast_value_is_that_of_the_general_estimator(
        n in 9usize..300, k in 1usize..8, seed in 0u64..1000, mix in 0.0f64..1.0, bend in any::<bool>(),
    ) {
        let random = &mut random(seed);
        let x = normals(n, random);
        let y: Vec<f64> = x
            .iter()
            .map(|x| mix * if bend { x * x } else { *x } + (1.0 - mix) * normal(random))
            .collect();
        let order = |values: &[f64]| -> Vec<u32> {
            let mut order: Vec<u32> = (0..n as u32).collect();
            order.sort_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
            order
        };
        let mut rank_of = vec![0; n];
        (0u32..).zip(order(&y)).for_each(|(rank, place)| rank_of[place as usize] = rank);
        let y_of_x: Vec<u32> = order(&x).into_iter().map(|place| rank_of[place as usize]).collect();
        let fast = ksg::ksg(&y_of_x, k, &Ranks::new(n), &mut ksg::Scratch::default());
        let general = of_pair(&Ksg { k, scaling: Scaling::NormalScores }, &x, &y);
        prop_assert!((fast.nats - general).abs() < 1e-12, "{} {general}", fast.nats);
    }
}

#[test]
fn each_pair_of_kinds_has_the_value_of_its_estimator() {
    let random = &mut random(1);
    let n = 400;
    let y = normals(n, random);
    let x: Vec<f64> = y.iter().map(|y| y + normal(random)).collect();
    let class: Vec<u32> = y.iter().map(|y| u32::from(y + 0.5 * normal(random) > 0.3)).collect();
    let group: Vec<u32> =
        class.iter().map(|class| if uniform(random) < 0.7 { *class } else { below(random, 4) }).collect();
    let mut lacking = x.clone();
    lacking.iter_mut().step_by(7).for_each(|v| *v = f64::NAN);
    let columns = [
        Column::numbers("x", x.clone()),
        labelled("group", &group),
        Column::numbers("lacking", lacking.clone()),
    ];
    let scores = Scaling::NormalScores;
    let (ross, ksg) =
        (Ross { scaling: scores, ..Ross::default() }, Ksg { scaling: scores, ..Ksg::default() });
    let [class_labels, group_labels] = [&class, &group].map(|symbols| Labels::from_symbols(symbols));
    let rows: Vec<usize> = (0..n).filter(|row| !lacking[*row].is_nan()).collect();
    let some = |values: &[f64]| -> Vec<f64> { rows.iter().map(|&row| values[row]).collect() };
    let near = |column: &RankedColumn, value: f64, method: &str, rows: usize| {
        assert!((nats(column) - value).abs() < 1e-12, "{column:?} {value}");
        assert_eq!((column.method, column.n_samples, column.missing), (Some(method), rows, n - rows));
    };
    let of_class = found(&columns, &labelled("y", &class), 99);
    near(&of_class[0], of_pair(&ross, &x, &class_labels), "ross", n);
    near(&of_class[1], of_pair(&ChaoWangJost::default(), &group_labels, &class_labels), "chao-wang-jost", n);
    near(&of_class[2], of_pair(&ross, &some(&x), &class_labels.select(&rows)), "ross", rows.len());
    let of_numbers = found(&columns, &Column::numbers("y", y.clone()), 99);
    near(&of_numbers[0], of_pair(&ksg, &x, &y), "ksg", n);
    near(&of_numbers[1], of_pair(&ross, &y, &group_labels), "ross", n);
    near(&of_numbers[2], of_pair(&ksg, &some(&x), &some(&y)), "ksg", rows.len());
    let kinds: Vec<Option<PValueKind>> = of_class.iter().map(|column| column.p_kind).collect();
    assert_eq!(kinds, [PValueKind::Counted, PValueKind::ChiSquared, PValueKind::Counted].map(Some));
}

/// Columns of every kind that have nothing to do with anything.
fn idle(n: usize, random: &mut ChaCha8Rng) -> Vec<Column> {
    let z = normals(n, random);
    let mut lacking = normals(n, random);
    lacking.iter_mut().for_each(|v| *v = if uniform(random) < 0.2 { f64::NAN } else { *v });
    let below =
        |bound: u32, random: &mut ChaCha8Rng| -> Vec<u32> { (0..n).map(|_| below(random, bound)).collect() };
    vec![
        Column::numbers("continuous", normals(n, random)),
        Column::numbers("lattice", normals(n, random).iter().map(|v| (v * 6.0).round()).collect()),
        Column::numbers("mixed", z.iter().map(|v| v.max(0.0)).collect()),
        Column::numbers("lacking", lacking),
        labelled("two", &below(2, random)),
        labelled("many", &below(15, random)),
    ]
}

/// Shares of p ≤ α of columns that have nothing to do with the target, over targets of both kinds: α, four deviations allowed.
#[test]
fn p_values_of_idle_columns_are_uniform_whatever_their_kind() {
    const REPEATS: u64 = 400;
    let random = &mut random(2);
    let n = 80;
    let mut p_values = vec![Vec::new(); 18];
    // Each repeat has permutations of its own: of the same few, p-values depend together.
    for seed in 0..REPEATS {
        let columns = idle(n, random);
        let y = normals(n, random);
        let targets = [
            labelled("y", &classes(&[20, 26, 34], random)),
            Column::numbers("y", y.iter().map(|y| (y * 9.0).round()).collect()),
            Column::numbers("y", y),
        ];
        for (at, target) in targets.iter().enumerate() {
            for column in seeded(&columns, target, 199, seed) {
                p_values[6 * at + column.index].push(column.p_value.unwrap());
            }
        }
    }
    for (at, p_values) in p_values.iter().enumerate() {
        for level in [0.05, 0.2, 0.5] {
            let share = p_values.iter().filter(|p| **p <= level + 1e-12).count() as f64 / REPEATS as f64;
            let deviation = (level * (1.0 - level) / REPEATS as f64).sqrt();
            assert!((share - level).abs() < 4.0 * deviation, "column {at}, {level}: {share}");
        }
    }
}

#[test]
fn false_discoveries_are_as_rare_as_was_asked_and_true_ones_are_found() {
    const REPEATS: u64 = 100;
    let random = &mut random(3);
    let (mut any, mut false_share, mut true_share) = (0, 0.0, 0.0);
    for seed in 0..REPEATS {
        let class = classes(&[40, 60], random);
        let y = labelled("y", &class);
        let tells = |strength: f64, random: &mut ChaCha8Rng| {
            Column::numbers(
                "",
                class.iter().map(|class| normal(random) + strength * f64::from(*class)).collect(),
            )
        };
        let mut columns: Vec<Column> = (0..30).map(|_| tells(0.0, random)).collect();
        let taken = |columns: &[Column]| -> Vec<usize> {
            let found = seeded(columns, &y, 799, seed);
            found.iter().filter(|column| column.q_value.unwrap() <= 0.1).map(|column| column.index).collect()
        };
        any += usize::from(!taken(&columns).is_empty());
        columns.extend((0..10).map(|_| tells(2.0, random)));
        let taken = taken(&columns);
        let n_false = taken.iter().filter(|&&index| index < 30).count();
        false_share += n_false as f64 / taken.len().max(1) as f64 / REPEATS as f64;
        true_share += (taken.len() - n_false) as f64 / 10.0 / REPEATS as f64;
    }
    // .1, and four deviations of a share of a hundred.
    assert!(any as f64 / REPEATS as f64 <= 0.1 + 4.0 * (0.09 / REPEATS as f64).sqrt(), "{any}");
    // .1 · 30/40; the deviation of one share is about .08.
    assert!(false_share < 0.075 + 4.0 * 0.008, "{false_share}");
    assert!(false_share > 0.02, "{false_share}: p-values are too large");
    assert!(true_share > 0.9, "{true_share}");
}

#[test]
fn results_have_the_same_bits_for_any_number_of_threads_and_in_any_company() {
    let random = &mut random(4);
    let mut columns = idle(300, random);
    columns.extend((0..20).map(|_| Column::numbers("", normals(300, random))));
    let target = Column::numbers("y", normals(300, random).iter().map(|v| (v * 20.0).round()).collect());
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| rank(&columns, &target, &RankOptions::default()).unwrap())
    };
    let one = of(1);
    assert_eq!(one, of(3));
    assert_eq!(one.permutations, 1999);
    // In another order with others beside it a column has the same value.
    let reversed: Vec<Column> = columns[..6].iter().rev().cloned().collect();
    let alone = found(&reversed, &target, 1999);
    for (column, place) in alone.iter().zip((0..6).rev()) {
        let among = one.columns.iter().find(|column| column.index == place).unwrap();
        assert_eq!(column.information, among.information);
    }
    let other = rank(&columns, &target, &RankOptions { seed: 1, ..RankOptions::default() }).unwrap();
    assert_ne!(other, one);
}

#[test]
fn units_tails_and_monotone_maps_do_not_matter() {
    let random = &mut random(5);
    let y = normals(200, random);
    let x: Vec<f64> = y.iter().map(|y| y + normal(random)).collect();
    let map = |f: fn(f64) -> f64| Column::numbers("", x.iter().map(|v| f(*v)).collect());
    let columns = [map(|v| v), map(|v| 1e6 * v + 7.0), map(f64::exp), map(|v| v * v * v * 1e100)];
    let found = found(&columns, &Column::numbers("y", y), 99);
    for column in &found[1..] {
        assert_eq!((column.information, column.p_value), (found[0].information, found[0].p_value));
    }
}

#[test]
fn what_is_special_of_a_column_is_noted() {
    let random = &mut random(6);
    let n = 60;
    let class = classes(&[30, 30], random);
    let x = normals(n, random);
    let with = |row: usize, value: f64| {
        let mut values = x.clone();
        values[row] = value;
        Column::numbers("", values)
    };
    let mut few = vec![f64::NAN; n];
    few[..9].copy_from_slice(&x[..9]);
    let first = (0..n).map(|row| (class[row] == 0).then_some(row as u32 % 3)).collect();
    let mut twice: Vec<u32> = (0..n as u32).map(|row| row % 25).collect();
    twice[0] = 99;
    let other_names: Vec<u32> = class.iter().map(|class| 7 - class).collect();
    let columns = [
        Column::numbers("x", x.clone()),
        Column::numbers("x again", x.clone()),
        Column::numbers("constant", vec![-2.0; n]),
        labelled("identifier", &(0..n as u32).collect::<Vec<_>>()),
        with(17, f64::INFINITY),
        Column::numbers("few", few),
        labelled("class", &class),
        Column::symbols("first", first),
        labelled("twice", &twice),
        labelled("other names", &other_names),
        Column::numbers("empty", vec![f64::NAN; n]),
    ];
    let found = found(&columns, &labelled("y", &class), 99);
    let notes: Vec<&[Note]> = found.iter().map(|column| &column.notes[..]).collect();
    assert_eq!(notes[0], []);
    assert_eq!(notes[1], [Note::EqualTo { column: "x".into() }]);
    assert_eq!((found[0].information, found[0].p_value), (found[1].information, found[1].p_value));
    assert_eq!((notes[2], nats(&found[2]), found[2].p_value), (&[Note::Constant][..], 0.0, None));
    assert_eq!(notes[3], [Note::Identifier { distinct: n, n_samples: n }]);
    assert_eq!(notes[4], [Note::NotFinite { row: 17 }]);
    assert_eq!(notes[5], [Note::TooFewSamples { n_samples: 9, needed: 10 }]);
    assert_eq!((found[5].n_samples, found[5].missing), (9, 51));
    assert_eq!(notes[6], [Note::IsTarget]);
    assert!((nats(&found[6]) - std::f64::consts::LN_2).abs() < 1e-12);
    assert_eq!(notes[7], [Note::ConstantTarget]);
    assert_eq!(notes[8], []);
    assert_eq!(notes[9], [Note::OneToOne { column: "class".into() }, Note::IsTarget]);
    assert_eq!(notes[10], [Note::TooFewSamples { n_samples: 0, needed: 10 }]);
    for index in [3, 4, 5, 7, 10] {
        assert_eq!((found[index].information, found[index].rank, found[index].q_value), (None, None, None));
    }
    // Symbols of a single row are left out beside numbers.
    let of_numbers = super::tests::found(&columns[8..9], &Column::numbers("y", x.clone()), 99);
    assert_eq!(of_numbers[0].notes, [Note::LabelsAlone { dropped: 1 }]);
    // y = x has infinite information, and 60 rows show ψ(60) − ψ(3).
    let of_itself = super::tests::found(&columns[..1], &Column::numbers("y", x), 99);
    assert_eq!(of_itself[0].notes, [Note::NearCeiling, Note::IsTarget]);
}

#[test]
fn what_is_measured_as_symbols_is_noted_where_it_is_one_to_one() {
    let random = &mut random(11);
    let n = 300;
    let c = classes(&[60; 5], random);
    let numbers =
        |name: &str, f: fn(u32) -> f64| Column::numbers(name, c.iter().map(|&class| f(class)).collect());
    let mut some: Vec<Option<u32>> = c.iter().copied().map(Some).collect();
    some[3] = None;
    let columns = [
        numbers("c", f64::from),
        labelled("q", &c.iter().map(|class| 9 - class).collect::<Vec<_>>()),
        Column { kind: Some(VariableKind::Names), ..numbers("2c + 1", |class| f64::from(2 * class + 1)) },
        numbers("c again", f64::from),
        labelled("some of c", &c.iter().map(|class| class / 2).collect::<Vec<_>>()),
        Column::symbols("lacks", some),
        Column::numbers("noise", normals(n, random)),
    ];
    let one_to_one = |column: &str| Note::OneToOne { column: column.into() };
    let equal = Note::EqualTo { column: "c".into() };
    let of_numbers = found(&columns, &Column::numbers("y", normals(n, random)), 19);
    let notes: Vec<&[Note]> = of_numbers.iter().map(|column| &column.notes[..]).collect();
    assert_eq!(
        notes,
        [&[][..], &[one_to_one("c")], &[one_to_one("c")], std::slice::from_ref(&equal), &[], &[], &[]]
    );
    for column in &of_numbers[1..4] {
        assert!((nats(column) - nats(&of_numbers[0])).abs() < 1e-12);
        assert_eq!(column.p_value, of_numbers[0].p_value);
    }
    // Beside the target itself, by whatever name, stand those that are one to one with it.
    let with_target = Note::OneToOneWithTarget;
    let of_c = found(&columns, &Column { kind: Some(VariableKind::Names), ..columns[0].clone() }, 19);
    let notes: Vec<&[Note]> = of_c.iter().map(|column| &column.notes[..]).collect();
    let expected = [
        &[Note::IsTarget][..],
        &[one_to_one("c"), with_target.clone()],
        &[one_to_one("c"), with_target],
        &[equal, Note::IsTarget],
        &[],
        &[],
        &[],
    ];
    assert_eq!(notes, expected);
    // Multiples of a step of which there are so few that they are counted.
    let lattice = |f: fn(u32) -> f64| Column {
        kind: Some(VariableKind::Lattice),
        ..Column::numbers("", classes(&[120; 4], &mut super::tests::random(12)).into_iter().map(f).collect())
    };
    let of_lattice = found(&[lattice(|c| f64::from(c) * 3.0)], &lattice(f64::from), 0);
    assert_eq!(
        (of_lattice[0].method, &of_lattice[0].notes[..]),
        (Some("chao-wang-jost"), &[Note::OneToOneWithTarget][..])
    );
}

#[test]
fn the_target_is_found_among_the_columns_whatever_kind_it_is_said_to_be_of() {
    let y: Vec<f64> = (0..100).map(|row| f64::from(row % 50)).collect();
    let columns = [Column::numbers("y", y.clone())];
    for kind in [VariableKind::Lattice, VariableKind::Mixed, VariableKind::Continuous] {
        let target = Column { kind: Some(kind), ..Column::numbers("y", y.clone()) };
        let found = found(&columns, &target, 0);
        assert!(found[0].notes.contains(&Note::IsTarget), "{kind:?}: {:?}", found[0].notes);
    }
}

#[test]
fn symbols_that_number_rows_are_known_by_how_many_there_are() {
    let random = &mut random(13);
    let y = Column::numbers("y", normals(60, random));
    // So many symbols, of which all but two occur in two rows or more.
    let of = |distinct: u32| -> Vec<u32> {
        (0..60).map(|row| if row < 2 { 100 + row } else { (row / 2).min(distinct - 2) }).collect()
    };
    let columns = [labelled("30", &of(30)), labelled("31", &of(31))];
    let found = found(&columns, &y, 0);
    assert!(found[0].information.is_some(), "{:?}", found[0]);
    assert_eq!(found[1].notes, [Note::Identifier { distinct: 31, n_samples: 60 }]);
}

#[test]
fn only_what_is_near_the_most_that_k_allows_is_said_to_be_so() {
    let random = &mut random(14);
    let n = 300;
    let y = normals(n, random);
    let target = Column::numbers("y", y.clone());
    let columns = [Column::numbers("noise", normals(n, random)), Column::numbers("y", y)];
    for k in [3, 150, 299] {
        let options = RankOptions { k, permutations: Some(19), ..RankOptions::default() };
        let mut found = rank(&columns, &target, &options).unwrap().columns;
        found.sort_by_key(|column| column.index);
        assert_eq!(found[0].notes, [], "{k}: {:?}", found[0]);
        assert_eq!(found[1].notes, [Note::NearCeiling, Note::IsTarget], "{k}: {:?}", found[1]);
    }
}

#[test]
fn notes_count_one_row_and_several() {
    let told = |dropped| Note::LabelsAlone { dropped }.to_string();
    assert_eq!(told(1), "1 row left out whose label occurs once");
    assert_eq!(told(2), "2 rows left out whose label occurs once");
    let few = |n_samples| Note::TooFewSamples { n_samples, needed: 10 }.to_string();
    assert_eq!(few(1), "1 row with a value; 10 are needed");
    assert_eq!(few(0), "0 rows with a value; 10 are needed");
}

#[test]
fn missing_symbols_are_left_out_or_a_symbol() {
    let random = &mut random(7);
    let class = classes(&[50, 50], random);
    let lacks: Vec<Option<u32>> = class.iter().map(|class| (*class == 1).then(|| below(random, 2))).collect();
    let columns = [Column::symbols("lacks", lacks)];
    let y = labelled("y", &class);
    let of = |missing| rank(&columns, &y, &RankOptions { missing, ..RankOptions::default() }).unwrap();
    let dropped = of(MissingSymbols::Drop);
    assert_eq!(
        (dropped.columns[0].missing, &dropped.columns[0].notes[..]),
        (50, &[Note::ConstantTarget][..])
    );
    let symbol = of(MissingSymbols::Symbol);
    assert_eq!(symbol.columns[0].missing, 0);
    assert!((nats(&symbol.columns[0]) - std::f64::consts::LN_2).abs() < 0.02);
}

#[test]
fn a_target_that_tells_nothing_is_refused() {
    let refused = |target: Column| {
        rank(&[Column::numbers("x", vec![0.0; 30])], &target, &RankOptions::default()).unwrap_err()
    };
    let undetermined = |error| matches!(error, EstimateError::Undetermined { .. });
    assert!(undetermined(refused(Column::numbers("y", vec![3.0; 30]))));
    assert!(undetermined(refused(labelled("y", &(0..30).collect::<Vec<_>>()))));
    let of_symbols = Column { kind: Some(VariableKind::Continuous), ..labelled("y", &[0, 1, 2].repeat(10)) };
    let error = refused(of_symbols);
    assert!(matches!(&error, EstimateError::Setting { key: "target_kind", .. }), "{error}");
    assert!(error.to_string().contains("continuous; allowed is names"), "{error}");
    let mut infinite: Vec<f64> = (0..30).map(f64::from).collect();
    infinite[4] = f64::NEG_INFINITY;
    assert!(matches!(refused(Column::numbers("y", infinite)), EstimateError::NotFinite { row: 4, .. }));
    assert!(matches!(refused(Column::numbers("y", vec![f64::NAN; 30])), EstimateError::TooFewSamples { .. }));
    assert!(matches!(refused(Column::numbers("y", vec![0.0; 29])), EstimateError::RowMismatch { .. }));
    assert!(matches!(
        rank(&[], &labelled("y", &[0, 1]), &RankOptions { k: 0, ..RankOptions::default() }),
        Err(EstimateError::Setting { key: "k", .. })
    ));
}

/// The p-value of a value that one in so many permuted values exceeds, of 400,000 permutations.
#[test]
fn fitted_tails_are_near_the_counted_ones() {
    let null = null::Null::Ross { sizes: vec![10, 90], k: 3 };
    let mut many: Vec<f64> = null::draws(&null, 400_000, 9);
    many.sort_unstable_by(|a, b| b.total_cmp(a));
    for (p, factor) in [(1e-3, 2.5), (1e-4, 5.0)] {
        let value = many[(p * many.len() as f64) as usize];
        let counted = null::compare(&null, &[value], 4999, 1).unwrap();
        let fitted = counted[0].fitted.unwrap_or(counted[0].p_value);
        assert!(fitted < factor * p && fitted > p / factor, "{p}: {fitted}");
    }
    // Farther than anything: what is extrapolated ends, and what is counted is counted.
    let far = null::compare(&null, &[10.0], 1999, 1).unwrap()[0];
    assert_eq!((far.p_value, far.fitted), (1.0 / 2000.0, Some(1.0 / 4e6)));
    assert_eq!(null::compare(&null, &[10.0], 999, 1).unwrap()[0].fitted, None);
}

#[test]
fn one_column_or_many_columns_are_counted_alike_but_for_where_that_ends() {
    let null = null::Null::Ksg { n: 40, k: 3 };
    let draws = null::draws(&null, 300, 5);
    let value = 0.03;
    let reached = draws.iter().filter(|draw| **draw >= value).count();
    let many = null::compare(&null, &[value; 16], 300, 5).unwrap();
    assert_eq!(many[7].p_value, (1 + reached) as f64 / 301.0);
    let tenth = draws.iter().enumerate().filter(|(_, draw)| **draw >= value).nth(9).unwrap().0 + 1;
    let one = null::compare(&null, &[value], 300, 5).unwrap()[0];
    assert_eq!((one.p_value, one.permutations), (10.0 / tenth as f64, tenth));
    let two = null::compare(&null, &[value, 9.0], 300, 5).unwrap();
    assert_eq!((two[0], two[1].p_value), (one, 1.0 / 301.0));
}

/// Standard errors against the deviation of the values of 300 samples each.
#[test]
fn standard_errors_are_the_deviations_of_values() {
    const REPEATS: usize = 300;
    let random = &mut random(8);
    let n = 400;
    for strength in [0.0, 1.0, 2.5] {
        let mut values = vec![Vec::new(); 3];
        for _ in 0..REPEATS {
            let class: Vec<u32> = (0..n).map(|_| below(random, 2)).collect();
            let y: Vec<f64> =
                class.iter().map(|class| strength * f64::from(*class) + normal(random)).collect();
            let x: Vec<f64> = y.iter().map(|y| strength * y + normal(random)).collect();
            let bin: Vec<u32> = y.iter().map(|y| (y + 1.5).clamp(0.0, 3.0) as u32).collect();
            let of_class = found(
                &[Column::numbers("y", y.clone()), labelled("bin", &bin)],
                &labelled("class", &class),
                0,
            );
            let of_numbers = found(&[Column::numbers("x", x)], &Column::numbers("y", y), 0);
            for (values, column) in values.iter_mut().zip([&of_class[0], &of_numbers[0], &of_class[1]]) {
                values.push((nats(column), column.standard_error.unwrap().nats()));
            }
        }
        for (at, values) in values.iter().enumerate() {
            let n = values.len() as f64;
            let mean = values.iter().map(|(value, _)| value).sum::<f64>() / n;
            let deviation =
                (values.iter().map(|(v, _)| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt();
            let error = (values.iter().map(|(_, error)| error * error).sum::<f64>() / n).sqrt();
            // A deviation of 300 values has an error of 4 %.
            assert!((0.8..1.35).contains(&(error / deviation)), "{strength}, {at}: {error} for {deviation}");
        }
    }
}

/// I(X;Y) of x = y + noise by the closed form, −½ ln(1 − ρ²), and of a class by H(Y) − E h(p).
#[test]
fn values_are_those_of_closed_forms() {
    let random = &mut random(10);
    let n = 5000;
    let y = normals(n, random);
    let x: Vec<f64> = y.iter().map(|y| y + normal(random)).collect();
    let rounded: Vec<f64> = x.iter().map(|x| (x * 8.0).round()).collect();
    let columns = [Column::numbers("x", x), Column::numbers("rounded", rounded)];
    // ρ² = ½.
    for column in found(&columns, &Column::numbers("y", y), 0) {
        assert!((nats(&column) - 0.5 * std::f64::consts::LN_2).abs() < 0.05, "{column:?}");
    }
    let uniforms: Vec<f64> = (0..n).map(|_| uniform(random)).collect();
    let class: Vec<u32> = uniforms.iter().map(|u| u32::from(uniform(random) < *u)).collect();
    // ln 2 − ∫ h(u) du = ln 2 − ½.
    let of_class = found(&[Column::numbers("u", uniforms)], &labelled("y", &class), 0);
    assert!((nats(&of_class[0]) - (std::f64::consts::LN_2 - 0.5)).abs() < 0.04, "{of_class:?}");
}
