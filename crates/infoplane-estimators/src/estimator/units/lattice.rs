//! The antichains of sets of units, in the order of the redundancy lattice.

use std::fmt;
use std::sync::OnceLock;

/// More units have more antichains than anybody computes: of six there are 7,828,352.
pub const MOST_UNITS: usize = 5;

/// Sets of units none of which holds another: whoever can read all units of any one of them knows what the antichain stands for.
///
/// It is shown with units numbered from 1: `{1}{23}` is "unit 1, or units 2 and 3 together".
///
/// ```
/// use infoplane_estimators::units::Antichain;
/// let antichain = Antichain::new(&[0b001, 0b110]).unwrap();
/// assert_eq!(antichain.to_string(), "{1}{23}");
/// assert_eq!((antichain.degree_of_synergy(), antichain.degree_of_redundancy()), (1, 1));
/// // Unit 1 is in {12} already.
/// assert!(Antichain::new(&[0b001, 0b011]).is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Antichain {
    /// Each set with a bit for each unit, sorted by size and then by units.
    sets: Vec<u32>,
}

impl Antichain {
    /// The antichain of these sets, each with a bit for each unit; `None` if one is empty or holds another, or if there is none.
    pub fn new(sets: &[u32]) -> Option<Antichain> {
        let mut sets = sets.to_vec();
        sets.sort_by_key(|&set| (set.count_ones(), units_of(set).collect::<Vec<_>>()));
        let holds_another = |place: usize| sets[..place].iter().any(|&before| before & !sets[place] == 0);
        let allowed = !sets.is_empty() && !sets.contains(&0) && !(0..sets.len()).any(holds_another);
        allowed.then_some(Antichain { sets })
    }

    /// Its sets, each with a bit for each unit, the smallest first.
    pub fn sets(&self) -> &[u32] {
        &self.sets
    }

    /// How many units must be read at least: the size of the smallest set.
    pub fn degree_of_synergy(&self) -> u32 {
        self.sets[0].count_ones()
    }

    /// How many units have it alone: the number of sets of one unit.
    pub fn degree_of_redundancy(&self) -> u32 {
        self.sets.iter().filter(|set| set.count_ones() == 1).count() as u32
    }

    /// How many units are needed in any case: the number of units that all sets have.
    pub fn degree_of_vulnerability(&self) -> u32 {
        self.sets.iter().fold(u32::MAX, |common, set| common & set).count_ones()
    }
}

fn units_of(set: u32) -> impl Iterator<Item = u32> {
    (0..u32::BITS).filter(move |unit| set >> unit & 1 == 1)
}

impl fmt::Display for Antichain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &set in &self.sets {
            f.write_str("{")?;
            for unit in units_of(set) {
                write!(f, "{}", unit + 1)?;
            }
            f.write_str("}")?;
        }
        Ok(())
    }
}

/// The redundancy lattice of some units.
///
/// An antichain is kept as its up-set, the sets of units that hold one of its sets, in a number with a bit for each set of units. Of
/// two antichains the one with the larger up-set is the lower one: it can be read in more ways.
#[derive(Debug)]
pub(super) struct Lattice {
    /// The antichains, in the order in which [`Lattice::sums`] gives their sums.
    pub antichains: Vec<Antichain>,
    /// From a function on the antichains, summed over all that are below each, to the function: what is to be taken from which, in
    /// this order.
    differences: Vec<(u32, u32)>,
    n_units: usize,
}

/// The up-sets of sets of units, the empty one and the one of all sets among them.
fn up_sets(n_units: usize) -> Vec<u32> {
    if n_units == 0 {
        return vec![0, 1];
    }
    // Those sets without the last unit, and those with it, which hold the former.
    let of_fewer = up_sets(n_units - 1);
    let both = |&(without, with): &(u32, u32)| {
        of_fewer[without as usize] | of_fewer[with as usize] << (1 << (n_units - 1))
    };
    pairs(n_units).iter().map(both).collect()
}

impl Lattice {
    /// The lattice of up to [`MOST_UNITS`] units, which is made once.
    pub fn of(n_units: usize) -> &'static Lattice {
        static LATTICES: [OnceLock<Lattice>; MOST_UNITS + 1] = [const { OnceLock::new() }; MOST_UNITS + 1];
        LATTICES[n_units].get_or_init(|| Lattice::new(n_units))
    }

    fn new(n_units: usize) -> Lattice {
        let n_sets = 1u32 << n_units;
        let all = up_sets(n_units);
        // The first is of no set; the last one holds the empty set, and so all.
        let inner = &all[1..all.len() - 1];
        let antichain = |&up: &u32| {
            let holds = |set: u32| up >> set & 1 == 1;
            let least: Vec<u32> = (1..n_sets)
                .filter(|&set| holds(set) && units_of(set).all(|unit| !holds(set & !(1 << unit))))
                .collect();
            Antichain::new(&least).expect("the least sets of an up-set are an antichain")
        };
        let mut place = vec![(0u32, 0u32); inner.len()];
        for (slot, (i, &up)) in place.iter_mut().zip(inner.iter().enumerate()) {
            *slot = (up, i as u32);
        }
        place.sort_unstable();
        let place_of = |up: u32| place.binary_search_by_key(&up, |&(up, _)| up).ok().map(|at| place[at].1);
        let mut differences = Vec::new();
        let mut by_size: Vec<u32> = (1..n_sets).collect();
        by_size.sort_by_key(|set| std::cmp::Reverse(set.count_ones()));
        for set in by_size {
            for (i, &up) in inner.iter().enumerate() {
                if up >> set & 1 == 0
                    && let Some(below) = place_of(up | 1 << set)
                {
                    differences.push((i as u32, below));
                }
            }
        }
        Lattice { antichains: inner.iter().map(antichain).collect(), differences, n_units }
    }

    /// For each antichain the sum of `of_set` over the sets of its up-set. `of_set` has an element for each set of units.
    pub fn sums(&self, of_set: &[i64], sums: &mut Vec<i64>) {
        sums.clear();
        sum_over_up_sets(of_set, self.n_units, sums);
        // Those of no set and of all sets are of no antichain.
        sums.pop();
        sums.remove(0);
    }

    /// The function whose sums over all antichains that are below each are `sums`.
    ///
    /// One subtraction for each pair of neighbours in the lattice: the sets are taken out of the up-sets one by one, the largest first.
    pub fn inverted(&self, mut sums: Vec<f64>) -> Vec<f64> {
        for &(antichain, below) in &self.differences {
            sums[antichain as usize] -= sums[below as usize];
        }
        sums
    }
}

/// Sums over the sets of each up-set, in the order of [`up_sets`].
fn sum_over_up_sets(of_set: &[i64], n_units: usize, sums: &mut Vec<i64>) {
    if n_units == 0 {
        sums.extend([0, of_set[0]]);
        return;
    }
    let (without, with) = of_set.split_at(of_set.len() / 2);
    let half = |of_set| {
        let mut sums = Vec::new();
        sum_over_up_sets(of_set, n_units - 1, &mut sums);
        sums
    };
    let (without, with) = (half(without), half(with));
    sums.extend(pairs(n_units).iter().map(|&(i, j)| without[i as usize] + with[j as usize]));
}

/// The pairs of up-sets of fewer units that make the up-sets, in their order.
fn pairs(n_units: usize) -> &'static [(u32, u32)] {
    static PAIRS: [OnceLock<Vec<(u32, u32)>>; MOST_UNITS + 1] = [const { OnceLock::new() }; MOST_UNITS + 1];
    PAIRS[n_units].get_or_init(|| {
        let of_fewer = up_sets(n_units - 1);
        let mut pairs = Vec::new();
        for (i, &without) in of_fewer.iter().enumerate() {
            let with = of_fewer.iter().enumerate().filter(|&(_, &with)| without & !with == 0);
            pairs.extend(with.map(|(j, _)| (i as u32, j as u32)));
        }
        pairs
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_antichains_as_dedekind_counted() {
        for (n_units, antichains, neighbours) in
            [(1, 1, 0), (2, 4, 4), (3, 18, 30), (4, 166, 452), (5, 7579, 35_510)]
        {
            let lattice = Lattice::of(n_units);
            assert_eq!((lattice.antichains.len(), lattice.differences.len()), (antichains, neighbours));
        }
    }

    #[test]
    fn antichains_of_three_units_are_shown_as_papers_write_them() {
        let mut shown: Vec<String> = Lattice::of(3).antichains.iter().map(Antichain::to_string).collect();
        shown.sort();
        let mut expected = [
            "{1}{2}{3}",
            "{1}{2}",
            "{1}{3}",
            "{2}{3}",
            "{1}{23}",
            "{2}{13}",
            "{3}{12}",
            "{1}",
            "{2}",
            "{3}",
            "{12}{13}{23}",
            "{12}{13}",
            "{12}{23}",
            "{13}{23}",
            "{12}",
            "{13}",
            "{23}",
            "{123}",
        ];
        expected.sort_unstable();
        assert_eq!(shown, expected);
    }

    /// α ≤ β if every set of β holds one of α.
    fn is_below(alpha: &Antichain, beta: &Antichain) -> bool {
        beta.sets().iter().all(|b| alpha.sets().iter().any(|a| a & !b == 0))
    }

    #[test]
    fn the_inversion_undoes_sums_over_all_that_is_below() {
        for n_units in 1..=4 {
            let lattice = Lattice::of(n_units);
            let of = |place: usize| unlike(place as u64);
            let sums: Vec<f64> = lattice
                .antichains
                .iter()
                .map(|beta| {
                    let below =
                        lattice.antichains.iter().enumerate().filter(|(_, alpha)| is_below(alpha, beta));
                    below.map(|(place, _)| of(place)).sum()
                })
                .collect();
            for (place, value) in lattice.inverted(sums).iter().enumerate() {
                assert!((value - of(place)).abs() < 1e-9, "{n_units}: {}", lattice.antichains[place]);
            }
        }
    }

    /// Some numbers that are unlike.
    fn unlike(seed: u64) -> f64 {
        (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / 1e6
    }

    #[test]
    fn sums_are_over_the_sets_that_hold_one_of_the_antichain() {
        for n_units in 1..=5 {
            let lattice = Lattice::of(n_units);
            let of_set: Vec<i64> = (0..1i64 << n_units).map(|set| set * set % 17 - 5).collect();
            let mut sums = Vec::new();
            lattice.sums(&of_set, &mut sums);
            for (antichain, &sum) in lattice.antichains.iter().zip(&sums) {
                let held = |set: u32| antichain.sets().iter().any(|own| own & !set == 0);
                let expected: i64 =
                    (0..1u32 << n_units).filter(|&set| held(set)).map(|set| of_set[set as usize]).sum();
                assert_eq!(sum, expected, "{antichain}");
            }
        }
    }
}
