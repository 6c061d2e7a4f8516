//! The plane in columns: 88 bytes a row, where rows of their own would take several hundred.

use std::collections::HashMap;
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
    seed: Vec<u64>,
    epoch: Vec<u64>,
    layer: Vec<u32>,
    width: Vec<u32>,
    method: Vec<u32>,
    i_xt_bits: Vec<f64>,
    i_ty_bits: Vec<f64>,
    i_xt_standard_error_bits: Vec<f64>,
    i_ty_standard_error_bits: Vec<f64>,
    i_ty_shuffled_bits: Vec<f64>,
    out_of_range: Vec<u64>,
    /// [`NO_COUNT`] where it is absent.
    alone: Vec<u64>,
    /// One more than the place in `reasons`; 0 where nothing is missing.
    missing: Vec<u32>,
    reasons: Vec<Arc<Missing>>,
    place_of_reason: HashMap<Arc<Missing>, u32>,
}

/// The columns of a plane; a number that is absent is NaN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlaneColumns<'a> {
    pub seed: &'a [u64],
    pub epoch: &'a [u64],
    pub layer: &'a [u32],
    pub width: &'a [u32],
    /// Places among the methods.
    pub method: &'a [u32],
    pub i_xt_bits: &'a [f64],
    pub i_ty_bits: &'a [f64],
    pub i_xt_standard_error_bits: &'a [f64],
    pub i_ty_standard_error_bits: &'a [f64],
    pub i_ty_shuffled_bits: &'a [f64],
    pub out_of_range: &'a [u64],
    /// [`counted`] tells which are absent.
    pub alone: &'a [u64],
    /// One more than the place in `reasons`; 0 where nothing is missing.
    pub missing: &'a [u32],
    pub reasons: &'a [Arc<Missing>],
}

/// An absent value in a column of numbers.
const ABSENT: f64 = f64::NAN;

/// An absent value in a column of counts: more samples than there can be.
const NO_COUNT: u64 = u64::MAX;

/// The count of a column, if it is there.
pub(crate) fn counted(count: u64) -> Option<u64> {
    if count == NO_COUNT { None } else { Some(count) }
}

fn stored(value: Option<f64>) -> f64 {
    value.unwrap_or(ABSENT)
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
        self.seed.len()
    }

    /// The seeds of the rows, ascending.
    pub fn seeds(&self) -> Vec<u64> {
        // Rows of a seed follow one another, so that few are left to sort.
        let mut seeds = self.seed.clone();
        seeds.dedup();
        seeds.sort_unstable();
        seeds.dedup();
        seeds
    }

    /// Whether any row is of a seed like this.
    pub(crate) fn seeds_any(&self, like: impl Fn(u64) -> bool) -> bool {
        self.seed.iter().any(|&seed| like(seed))
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

    fn reason(&mut self, missing: &Option<Arc<Missing>>) -> u32 {
        let Some(missing) = missing else { return 0 };
        if let Some(&place) = self.place_of_reason.get(missing) {
            return place;
        }
        self.reasons.push(Arc::clone(missing));
        let place = self.reasons.len() as u32;
        self.place_of_reason.insert(Arc::clone(missing), place);
        place
    }

    /// Adds a row at the end.
    pub fn push(&mut self, row: &PlaneRow) {
        let (method, missing) = (self.code(&row.method), self.reason(&row.missing));
        self.seed.push(row.seed);
        self.epoch.push(row.epoch);
        self.layer.push(row.layer as u32);
        self.width.push(row.width as u32);
        self.method.push(method);
        self.i_xt_bits.push(stored(row.i_xt_bits));
        self.i_ty_bits.push(stored(row.i_ty_bits));
        self.i_xt_standard_error_bits.push(stored(row.i_xt_standard_error_bits));
        self.i_ty_standard_error_bits.push(stored(row.i_ty_standard_error_bits));
        self.i_ty_shuffled_bits.push(stored(row.i_ty_shuffled_bits));
        self.out_of_range.push(row.out_of_range);
        self.alone.push(row.alone.unwrap_or(NO_COUNT));
        self.missing.push(missing);
    }

    /// Makes room for so many rows more; room that is not used takes no memory.
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.seed.reserve(rows);
        self.epoch.reserve(rows);
        self.layer.reserve(rows);
        self.width.reserve(rows);
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
            seed: self.seed[place],
            epoch: self.epoch[place],
            layer: self.layer[place] as usize,
            width: self.width[place] as usize,
            method: Arc::clone(&self.methods[self.method[place] as usize]),
            i_xt_bits: given(self.i_xt_bits[place]),
            i_ty_bits: given(self.i_ty_bits[place]),
            i_xt_standard_error_bits: given(self.i_xt_standard_error_bits[place]),
            i_ty_standard_error_bits: given(self.i_ty_standard_error_bits[place]),
            i_ty_shuffled_bits: given(self.i_ty_shuffled_bits[place]),
            out_of_range: self.out_of_range[place],
            alone: counted(self.alone[place]),
            missing: self.missing_at(place).cloned(),
        }
    }

    /// The columns as they are kept.
    pub(crate) fn as_columns(&self) -> PlaneColumns<'_> {
        PlaneColumns {
            seed: &self.seed,
            epoch: &self.epoch,
            layer: &self.layer,
            width: &self.width,
            method: &self.method,
            i_xt_bits: &self.i_xt_bits,
            i_ty_bits: &self.i_ty_bits,
            i_xt_standard_error_bits: &self.i_xt_standard_error_bits,
            i_ty_standard_error_bits: &self.i_ty_standard_error_bits,
            i_ty_shuffled_bits: &self.i_ty_shuffled_bits,
            out_of_range: &self.out_of_range,
            alone: &self.alone,
            missing: &self.missing,
            reasons: &self.reasons,
        }
    }

    fn missing_at(&self, place: usize) -> Option<&Arc<Missing>> {
        (self.missing[place] as usize).checked_sub(1).map(|reason| &self.reasons[reason])
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
            if keep(self.seed[place], self.epoch[place]) {
                kept.push(&self.row(place));
            }
        }
        kept
    }

    /// Puts the rows in the order of `seed_order`, epoch, layer and method; rows alike in all keep their order.
    pub(crate) fn sort(&mut self, seed_order: impl Fn(u64) -> usize) {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_cached_key(|&place| {
            let place = place as usize;
            let seed = self.seed[place];
            (seed_order(seed), seed, self.epoch[place], self.layer[place], self.method[place])
        });
        fn permute<T: Copy>(column: &mut Vec<T>, order: &[u32]) {
            *column = order.iter().map(|&place| column[place as usize]).collect();
        }
        permute(&mut self.seed, &order);
        permute(&mut self.epoch, &order);
        permute(&mut self.layer, &order);
        permute(&mut self.width, &order);
        permute(&mut self.method, &order);
        permute(&mut self.i_xt_bits, &order);
        permute(&mut self.i_ty_bits, &order);
        permute(&mut self.i_xt_standard_error_bits, &order);
        permute(&mut self.i_ty_standard_error_bits, &order);
        permute(&mut self.i_ty_shuffled_bits, &order);
        permute(&mut self.out_of_range, &order);
        permute(&mut self.alone, &order);
        permute(&mut self.missing, &order);
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
