//! The plane in columns: 80 bytes a row at most, where rows of their own would take several hundred.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;
use std::sync::Arc;

use super::{MethodDescription, Missing, PlaneGroup, PlaneRow};

/// The rows of a run.
///
/// Kept in columns; [`rows`](InformationPlane::rows) gives them one by one, in the order (seed, epoch, layer, method) in
/// which a finished run holds them, [`groups`](InformationPlane::groups) by method.
///
/// ```
/// use std::sync::Arc;
/// use infoplane::InformationPlane;
/// use infoplane::plane::{MethodDescription, PlaneRow};
/// let binned = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
/// let plane: InformationPlane = (0..3).map(|epoch| PlaneRow::new(0, epoch, (1, 5), &binned, (7.0, 0.5))).collect();
/// assert_eq!((plane.len(), plane.row(2).epoch), (3, 2));
/// assert_eq!(plane.groups()[0].layers()[0].mean.len(), 3);
/// ```
#[derive(Debug, Clone, Default)]
pub struct InformationPlane {
    methods: Vec<Arc<MethodDescription>>,
    method_of_id: HashMap<String, u32>,
    seeds: Codes<u64>,
    /// Layers with their widths.
    layers: Codes<(u32, u32)>,
    reasons: Codes<Arc<Missing>>,
    /// A place in `seeds`.
    seed: Vec<u32>,
    epoch: Vec<u64>,
    /// A place in `layers`.
    layer: Vec<u32>,
    method: Vec<u32>,
    i_xt_bits: Numbers,
    i_ty_bits: Numbers,
    i_xt_standard_error_bits: Numbers,
    i_ty_standard_error_bits: Numbers,
    i_ty_shuffled_bits: Numbers,
    out_of_range: Counts,
    /// One more than the count; 0 where it is absent.
    alone: Counts,
    /// One more than the place in `reasons`; 0 where nothing is missing.
    missing: Vec<u32>,
}

/// The different values of a column, which few rows differ in.
#[derive(Debug, Clone)]
struct Codes<T> {
    values: Vec<T>,
    place_of_value: HashMap<T, u32>,
}

impl<T> Default for Codes<T> {
    fn default() -> Self {
        Codes { values: Vec::new(), place_of_value: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Codes<T> {
    /// The place of a value, which is added if it is new.
    fn code(&mut self, value: &T) -> u32 {
        if let Some(&place) = self.place_of_value.get(value) {
            return place;
        }
        let place = self.values.len() as u32;
        self.place_of_value.insert(value.clone(), place);
        self.values.push(value.clone());
        place
    }
}

/// A column that takes no memory as long as all its values are the one that a row has which says nothing: `ABSENT`, by bits.
#[derive(Debug, Clone, Default)]
struct Lazy<const ABSENT: u64> {
    values: Vec<u64>,
}

/// Numbers by their bits; NaN is absent.
type Numbers = Lazy<{ f64::NAN.to_bits() }>;

/// Counts, of which usually all are 0.
type Counts = Lazy<0>;

impl<const ABSENT: u64> Lazy<ABSENT> {
    /// Adds the value of the row at `place`, which is the next.
    fn push(&mut self, place: usize, value: u64) {
        if self.values.is_empty() {
            if value == ABSENT {
                return;
            }
            self.values.resize(place, ABSENT);
        }
        self.values.push(value);
    }

    fn get(&self, place: usize) -> u64 {
        self.values.get(place).copied().unwrap_or(ABSENT)
    }

    /// Makes room for what may come, once the column takes memory at all.
    fn reserve(&mut self, rows: usize) {
        if !self.values.is_empty() {
            self.values.reserve(rows);
        }
    }

    fn permute(&mut self, order: &[u32]) {
        if !self.values.is_empty() {
            permute(&mut self.values, order);
        }
    }
}

fn permute<T: Copy>(column: &mut Vec<T>, order: &[u32]) {
    *column = order.iter().map(|&place| column[place as usize]).collect();
}

/// An absent number: every NaN is one.
fn stored(value: Option<f64>) -> u64 {
    value.filter(|value| !value.is_nan()).unwrap_or(f64::NAN).to_bits()
}

fn given(value: f64) -> Option<f64> {
    if value.is_nan() { None } else { Some(value) }
}

impl InformationPlane {
    /// A plane without rows, to be measured with these methods; others may come.
    pub fn new(methods: &[Arc<MethodDescription>]) -> Self {
        let mut plane = InformationPlane::default();
        for method in methods {
            plane.code(method);
        }
        plane
    }

    /// The methods, in the order of their first row.
    pub fn methods(&self) -> &[Arc<MethodDescription>] {
        &self.methods
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.epoch.len()
    }

    /// The seeds of the rows, ascending.
    pub fn seeds(&self) -> Vec<u64> {
        let mut seeds = self.seeds.values.clone();
        seeds.sort_unstable();
        seeds
    }

    /// Whether any row is of a seed like this.
    pub(crate) fn seeds_any(&self, like: impl Fn(u64) -> bool) -> bool {
        self.seeds.values.iter().any(|&seed| like(seed))
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.seed.is_empty()
    }

    /// The code of a method, which is added if it is new.
    fn code(&mut self, method: &Arc<MethodDescription>) -> u32 {
        if let Some(&code) = self.method_of_id.get(&method.id) {
            return code;
        }
        let code = self.methods.len() as u32;
        self.method_of_id.insert(method.id.clone(), code);
        self.methods.push(Arc::clone(method));
        code
    }

    /// Adds a row at the end.
    pub fn push(&mut self, row: &PlaneRow) {
        let place = self.len();
        let method = self.code(&row.method);
        self.seed.push(self.seeds.code(&row.seed));
        self.epoch.push(row.epoch);
        self.layer.push(self.layers.code(&(row.layer as u32, row.width as u32)));
        self.method.push(method);
        self.i_xt_bits.push(place, stored(row.i_xt_bits));
        self.i_ty_bits.push(place, stored(row.i_ty_bits));
        self.i_xt_standard_error_bits.push(place, stored(row.i_xt_standard_error_bits));
        self.i_ty_standard_error_bits.push(place, stored(row.i_ty_standard_error_bits));
        self.i_ty_shuffled_bits.push(place, stored(row.i_ty_shuffled_bits));
        self.out_of_range.push(place, row.out_of_range);
        self.alone.push(place, row.alone.map_or(0, |alone| alone.saturating_add(1)));
        self.missing.push(row.missing.as_ref().map_or(0, |missing| self.reasons.code(missing) + 1));
    }

    /// Makes room for so many rows more; room that is not used takes no memory.
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.seed.reserve(rows);
        self.epoch.reserve(rows);
        self.layer.reserve(rows);
        self.method.reserve(rows);
        self.i_xt_bits.reserve(rows);
        self.i_ty_bits.reserve(rows);
        self.i_xt_standard_error_bits.reserve(rows);
        self.i_ty_standard_error_bits.reserve(rows);
        self.i_ty_shuffled_bits.reserve(rows);
        self.out_of_range.reserve(rows);
        self.alone.reserve(rows);
        self.missing.reserve(rows);
    }

    /// The row at a place, from 0.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn row(&self, place: usize) -> PlaneRow {
        PlaneRow {
            seed: self.seed_at(place),
            epoch: self.epoch[place],
            layer: self.layer_at(place) as usize,
            width: self.width_at(place) as usize,
            method: Arc::clone(&self.methods[self.method[place] as usize]),
            i_xt_bits: given(self.i_xt_at(place)),
            i_ty_bits: given(self.i_ty_at(place)),
            i_xt_standard_error_bits: given(f64::from_bits(self.i_xt_standard_error_bits.get(place))),
            i_ty_standard_error_bits: given(f64::from_bits(self.i_ty_standard_error_bits.get(place))),
            i_ty_shuffled_bits: given(f64::from_bits(self.i_ty_shuffled_bits.get(place))),
            out_of_range: self.out_of_range.get(place),
            alone: self.alone.get(place).checked_sub(1),
            missing: self
                .reason_code(place)
                .checked_sub(1)
                .map(|reason| Arc::clone(&self.reasons.values[reason as usize])),
        }
    }

    /// The seed of a row.
    pub(crate) fn seed_at(&self, place: usize) -> u64 {
        self.seeds.values[self.seed[place] as usize]
    }

    /// The epochs of all rows.
    pub(crate) fn epochs(&self) -> &[u64] {
        &self.epoch
    }

    /// The layer of a row, from 1.
    pub(crate) fn layer_at(&self, place: usize) -> u32 {
        self.layers.values[self.layer[place] as usize].0
    }

    /// The width of the layer of a row.
    pub(crate) fn width_at(&self, place: usize) -> u32 {
        self.layers.values[self.layer[place] as usize].1
    }

    /// The methods of all rows, as places among the methods.
    pub(crate) fn method_codes(&self) -> &[u32] {
        &self.method
    }

    /// I(X;T) of a row; NaN where it is absent.
    pub(crate) fn i_xt_at(&self, place: usize) -> f64 {
        f64::from_bits(self.i_xt_bits.get(place))
    }

    /// I(T;Y) of a row; NaN where it is absent.
    pub(crate) fn i_ty_at(&self, place: usize) -> f64 {
        f64::from_bits(self.i_ty_bits.get(place))
    }

    /// One more than the place of the reason among [`reasons`](InformationPlane::reasons) why something is missing in a row; 0 where
    /// nothing is.
    pub(crate) fn reason_code(&self, place: usize) -> u32 {
        self.missing[place]
    }

    /// The different reasons why values are missing.
    pub(crate) fn reasons(&self) -> &[Arc<Missing>] {
        &self.reasons.values
    }

    /// Rows that follow one another, as a plane of their own with the same methods.
    pub(crate) fn part(&self, places: Range<usize>) -> InformationPlane {
        let mut part = InformationPlane::new(&self.methods);
        places.for_each(|place| part.push(&self.row(place)));
        part
    }

    /// The rows, one by one.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = PlaneRow> + '_ {
        (0..self.len()).map(|place| self.row(place))
    }

    /// The rows by method, in the order of the methods; methods without rows are left out.
    pub fn groups(&self) -> Vec<PlaneGroup<'_>> {
        let mut places: Vec<Vec<u32>> = vec![Vec::new(); self.methods.len()];
        for (place, &method) in self.method.iter().enumerate() {
            places[method as usize].push(place as u32);
        }
        let with_rows = self.methods.iter().zip(places).filter(|(_, places)| !places.is_empty());
        with_rows.map(|(method, places)| PlaneGroup { plane: self, method, places }).collect()
    }

    /// The rows for which `keep` holds of their seed and epoch.
    pub fn filtered(&self, keep: impl Fn(u64, u64) -> bool) -> InformationPlane {
        let mut kept = InformationPlane::new(&self.methods);
        for place in 0..self.len() {
            if keep(self.seed_at(place), self.epoch[place]) {
                kept.push(&self.row(place));
            }
        }
        kept
    }

    /// Puts the rows in the order of `seed_order`, epoch, layer and method; rows alike in all keep their order.
    pub(crate) fn sort(&mut self, seed_order: impl Fn(u64) -> usize) {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        let seed_order: Vec<usize> = self.seeds.values.iter().map(|&seed| seed_order(seed)).collect();
        let key = |place: u32| {
            let at = place as usize;
            let seed = self.seed[at] as usize;
            (
                seed_order[seed],
                self.seeds.values[seed],
                self.epoch[at],
                self.layer_at(at),
                self.method[at],
                place,
            )
        };
        if order.is_sorted_by_key(|&place| key(place)) {
            return;
        }
        // Keys are made anew for every comparison: kept, they would take half as much memory as the rows.
        order.sort_unstable_by_key(|&place| key(place));
        for column in [&mut self.seed, &mut self.layer, &mut self.method, &mut self.missing] {
            permute(column, &order);
        }
        permute(&mut self.epoch, &order);
        for column in [
            &mut self.i_xt_bits,
            &mut self.i_ty_bits,
            &mut self.i_xt_standard_error_bits,
            &mut self.i_ty_standard_error_bits,
            &mut self.i_ty_shuffled_bits,
        ] {
            column.permute(&order);
        }
        self.out_of_range.permute(&order);
        self.alone.permute(&order);
    }
}

/// Equal rows in the same order, whatever the codes.
impl PartialEq for InformationPlane {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.rows().eq(other.rows())
    }
}

impl Extend<PlaneRow> for InformationPlane {
    fn extend<I: IntoIterator<Item = PlaneRow>>(&mut self, rows: I) {
        rows.into_iter().for_each(|row| self.push(&row));
    }
}

impl<'a> Extend<&'a PlaneRow> for InformationPlane {
    fn extend<I: IntoIterator<Item = &'a PlaneRow>>(&mut self, rows: I) {
        rows.into_iter().for_each(|row| self.push(row));
    }
}

impl FromIterator<PlaneRow> for InformationPlane {
    fn from_iter<I: IntoIterator<Item = PlaneRow>>(rows: I) -> Self {
        let mut plane = InformationPlane::default();
        plane.extend(rows);
        plane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl<const ABSENT: u64> Lazy<ABSENT> {
        fn bytes(&self) -> usize {
            size_of_val(&*self.values)
        }
    }

    impl InformationPlane {
        /// What the columns take, without room that is not used.
        fn bytes(&self) -> usize {
            let codes =
                [&self.seed, &self.layer, &self.method, &self.missing].map(|column| size_of_val(&**column));
            let numbers = [
                &self.i_xt_bits,
                &self.i_ty_bits,
                &self.i_xt_standard_error_bits,
                &self.i_ty_standard_error_bits,
                &self.i_ty_shuffled_bits,
            ];
            let numbers = numbers.map(Lazy::bytes);
            let counts = self.out_of_range.bytes() + self.alone.bytes();
            codes.iter().chain(&numbers).sum::<usize>() + counts + size_of_val(&*self.epoch)
        }
    }

    #[test]
    fn a_row_takes_80_bytes_at_most_and_less_where_columns_say_nothing() {
        let method = Arc::new(MethodDescription::new("binned", "30 bins", None));
        let plain = |epoch| PlaneRow::new(epoch % 3, epoch, (epoch as usize % 7, 5), &method, (1.0, 0.5));
        let plane: InformationPlane = (0..1000).map(plain).collect();
        assert_eq!(plane.bytes(), 1000 * (4 * 4 + 8 + 2 * 8));
        let full = |epoch| PlaneRow {
            i_xt_standard_error_bits: Some(0.1),
            i_ty_standard_error_bits: Some(0.2),
            i_ty_shuffled_bits: Some(0.3),
            out_of_range: epoch,
            alone: Some(epoch),
            missing: Some(Arc::new(Missing::both("not-finite", "a value is NaN"))),
            ..plain(epoch)
        };
        let plane: InformationPlane = (0..1000).map(full).collect();
        assert_eq!(plane.bytes(), 1000 * 80);
        assert!((0..1000).all(|epoch| plane.row(epoch as usize) == full(epoch)));
    }

    #[test]
    fn a_column_that_begins_to_say_something_says_nothing_of_the_rows_before() {
        let method = Arc::new(MethodDescription::new("binned", "30 bins", None));
        let plain = |epoch| PlaneRow::new(0, epoch, (1, 5), &method, (1.0, 0.5));
        let late = PlaneRow { alone: Some(0), out_of_range: 3, i_ty_shuffled_bits: Some(0.3), ..plain(2) };
        let rows = [plain(0), plain(1), late, plain(3)];
        let mut plane = InformationPlane::from_iter(rows.clone());
        assert!(plane.rows().eq(rows.iter().cloned()));
        plane.sort(|_| 0);
        assert!(plane.rows().eq(rows));
        assert_eq!(
            plane.part(1..3).rows().collect::<Vec<_>>(),
            plane.rows().skip(1).take(2).collect::<Vec<_>>()
        );
    }
}
