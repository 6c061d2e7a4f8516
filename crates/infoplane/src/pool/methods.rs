//! The methods of a pool, and its rows as files hold them: with a method by its id.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::{OverlapRow, PoolRow, Spacing};
use crate::Bound;
use crate::estimator::{AnyEstimator, Binned, Correction, Estimator};
use crate::plane::{MethodDescription, Missing, make_ids_unique};

/// Describes the methods of a pool: those of the estimators, in the order of their rows, and then a corrected one for
/// each kind of bins with plug-in entropies.
///
/// A method that only corrects the counts of another names it in [`MethodDescription::corrects`].
pub fn pool_methods(estimators: &[AnyEstimator]) -> Vec<Arc<MethodDescription>> {
    let mut methods: Vec<MethodDescription> =
        MethodDescription::of_methods(estimators).iter().map(|method| (**method).clone()).collect();
    let mut place = 0;
    let mut corrected = Vec::new();
    for estimator in estimators {
        if let AnyEstimator::Binned(plain) = estimator
            && plain.correction == Correction::PlugIn
        {
            let config = Binned { correction: Correction::ChaoWangJost, ..plain.clone() };
            let described = MethodDescription::of_methods(&[AnyEstimator::Binned(config)]);
            corrected.extend(described.iter().map(|method| (place, (**method).clone())));
        }
        place += estimator.layer_settings().len();
    }
    for (plain, method) in corrected {
        // It may be measured as a method of its own.
        let same = |other: &MethodDescription| {
            (&other.estimator, &other.setting) == (&method.estimator, &method.setting)
        };
        let index = methods.iter().position(same).unwrap_or_else(|| {
            methods.push(method.clone());
            methods.len() - 1
        });
        methods[index].corrects = Some(methods[plain].id.clone());
    }
    make_ids_unique(&mut methods);
    methods.into_iter().map(Arc::new).collect()
}

/// Whether a method corrects the entropies of its counts.
pub(super) fn counts_are_corrected(method: &MethodDescription) -> bool {
    let correction = method.settings.get("correction").and_then(toml::Value::as_str);
    correction.is_some_and(|name| name != Correction::PlugIn.name())
}

/// The methods that the rows of a file may name.
#[derive(Debug, Clone)]
pub(crate) struct PoolMethods {
    methods: Vec<Arc<MethodDescription>>,
    /// Whether rows spell their methods out, as in format 1.
    spelled_out: bool,
}

impl PoolMethods {
    /// Those that are known.
    pub fn known(methods: &[Arc<MethodDescription>]) -> Self {
        PoolMethods { methods: methods.to_vec(), spelled_out: false }
    }

    /// None yet: rows of format 1 spell them out.
    pub fn of_format_1() -> Self {
        PoolMethods { methods: Vec::new(), spelled_out: true }
    }

    /// All that are known by now, in the order of their first row.
    pub fn into_methods(self) -> Vec<Arc<MethodDescription>> {
        self.methods
    }

    /// The row, or why it is none.
    pub fn row(&mut self, stored: StoredPoolRow<'_>) -> Result<PoolRow, String> {
        let method = match (stored.method, stored.estimator, stored.setting) {
            (Some(id), ..) => self.by_id(&id)?,
            (None, Some(estimator), Some(setting)) if self.spelled_out => {
                self.spelled_out(&estimator, &setting, stored.bound)
            }
            _ => return Err("missing key `method`".into()),
        };
        let in_words = stored.status.filter(|status| status != "ok");
        let missing = stored.missing.or_else(|| in_words.map(|words| Missing::both("unknown", words)));
        Ok(PoolRow {
            seed: stored.seed,
            layer: stored.layer,
            width: stored.width,
            method,
            n_networks: stored.n_networks,
            spacing: stored.spacing,
            subset: stored.subset,
            h_t_bits: stored.h_t_bits,
            i_xt_bits: stored.i_xt_bits,
            i_ty_bits: stored.i_ty_bits,
            control_bits: stored.control_bits,
            out_of_range: stored.out_of_range,
            missing: missing.map(Arc::new),
        })
    }

    /// Likewise of a row of overlaps.
    pub fn overlap(&mut self, stored: StoredOverlapRow<'_>) -> Result<OverlapRow, String> {
        let method = match (stored.method, stored.setting) {
            (Some(id), _) => self.by_id(&id)?,
            (None, Some(setting)) if self.spelled_out => {
                let known = self.methods.iter().find(|method| method.setting == setting);
                known.cloned().unwrap_or_else(|| Arc::new(MethodDescription::new("binned", &setting, None)))
            }
            _ => return Err("missing key `method`".into()),
        };
        Ok(OverlapRow {
            seed: stored.seed,
            layer: stored.layer,
            method,
            n_networks: stored.n_networks,
            class: stored.class,
            other_class: stored.other_class,
            n_pairs: stored.n_pairs,
            overlapping_fraction: stored.overlapping_fraction,
            mean_overlap: stored.mean_overlap,
        })
    }

    fn by_id(&self, id: &str) -> Result<Arc<MethodDescription>, String> {
        let found = self.methods.iter().find(|method| method.id == id);
        found.cloned().ok_or_else(|| format!("method = {id:?}, which `methods` does not have"))
    }

    fn spelled_out(
        &mut self,
        estimator: &str,
        setting: &str,
        bound: Option<Bound>,
    ) -> Arc<MethodDescription> {
        let same = |method: &MethodDescription, setting: &str| {
            (method.estimator.as_str(), method.setting.as_str(), method.bound) == (estimator, setting, bound)
        };
        if let Some(known) = self.methods.iter().find(|method| same(method, setting)) {
            return Arc::clone(known);
        }
        let mut method = MethodDescription::new(estimator, setting, bound);
        // The correction of the counts is the last part of the setting.
        if let Some((plain, last)) = setting.rsplit_once(", ")
            && let Some(correction) = Correction::ALL.into_iter().find(|correction| correction.name() == last)
        {
            method.settings.insert("correction".into(), correction.name().into());
            if correction == Correction::ChaoWangJost {
                let corrected = self.methods.iter().find(|other| same(other, plain));
                method.corrects = corrected.map(|plain| plain.id.clone());
            }
        }
        while self.methods.iter().any(|other| other.id == method.id) {
            method.id.push('+');
        }
        let method = Arc::new(method);
        self.methods.push(Arc::clone(&method));
        method
    }
}

/// A row as a line of `pool.jsonl` holds it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredPoolRow<'a> {
    seed: Option<u64>,
    layer: usize,
    width: usize,
    /// The id of the method; absent in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<Cow<'a, str>>,
    /// In format 1: the method spelled out.
    #[serde(default, skip_serializing)]
    estimator: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing)]
    setting: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing)]
    bound: Option<Bound>,
    #[serde(alias = "draws")]
    n_networks: usize,
    spacing: Spacing,
    #[serde(alias = "part")]
    subset: usize,
    h_t_bits: Option<f64>,
    i_xt_bits: Option<f64>,
    i_ty_bits: Option<f64>,
    control_bits: Option<f64>,
    out_of_range: u64,
    /// In format 1: `ok`, or why there is no value.
    #[serde(default, skip_serializing)]
    status: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<Missing>,
}

impl Serialize for PoolRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = StoredPoolRow {
            seed: self.seed,
            layer: self.layer,
            width: self.width,
            method: Some(Cow::Borrowed(&self.method.id)),
            estimator: None,
            setting: None,
            bound: None,
            n_networks: self.n_networks,
            spacing: self.spacing,
            subset: self.subset,
            h_t_bits: self.h_t_bits,
            i_xt_bits: self.i_xt_bits,
            i_ty_bits: self.i_ty_bits,
            control_bits: self.control_bits,
            out_of_range: self.out_of_range,
            status: None,
            missing: self.missing.as_deref().cloned(),
        };
        stored.serialize(serializer)
    }
}

/// A row as a line of `overlap.jsonl` holds it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredOverlapRow<'a> {
    seed: Option<u64>,
    layer: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<Cow<'a, str>>,
    /// In format 1: the setting of the method.
    #[serde(default, skip_serializing)]
    setting: Option<Cow<'a, str>>,
    #[serde(alias = "draws")]
    n_networks: usize,
    class: u32,
    other_class: u32,
    #[serde(alias = "pairs")]
    n_pairs: u64,
    #[serde(alias = "overlapping")]
    overlapping_fraction: f64,
    #[serde(alias = "overlap")]
    mean_overlap: f64,
}

impl Serialize for OverlapRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = StoredOverlapRow {
            seed: self.seed,
            layer: self.layer,
            method: Some(Cow::Borrowed(&self.method.id)),
            setting: None,
            n_networks: self.n_networks,
            class: self.class,
            other_class: self.other_class,
            n_pairs: self.n_pairs,
            overlapping_fraction: self.overlapping_fraction,
            mean_overlap: self.mean_overlap,
        };
        stored.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binned(correction: &str) -> AnyEstimator {
        let text = format!(
            "kind = 'binned'\nrule = 'equal'\nbins = 30\nrange = 'layer'\ncorrection = '{correction}'"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn a_corrected_method_names_the_one_that_it_corrects() {
        let methods = pool_methods(&[binned("plug-in"), binned("miller-madow")]);
        assert_eq!(methods.len(), 3);
        assert_eq!(methods[2].corrects.as_ref(), Some(&methods[0].id));
        assert!(methods[2].setting.ends_with("chao-wang-jost"));
        let corrected: Vec<bool> = methods.iter().map(|method| counts_are_corrected(method)).collect();
        assert_eq!(corrected, [false, true, true]);
        // Asked for as a method of its own, it is both.
        let methods = pool_methods(&[binned("chao-wang-jost"), binned("plug-in")]);
        assert_eq!(methods.len(), 2);
        assert_eq!(methods[0].corrects.as_ref(), Some(&methods[1].id));
    }

    #[test]
    fn rows_of_format_1_spell_their_methods_out() {
        let row = |setting: &str, status: &str| {
            format!(
                "{{\"seed\":0,\"layer\":1,\"width\":10,\"estimator\":\"binned\",\"setting\":\"{setting}\",\"bound\":null,\
                 \"draws\":16,\"spacing\":\"consecutive\",\"part\":1,\"h_t_bits\":12.0,\"i_xt_bits\":12.0,\"i_ty_bits\":null,\
                 \"control_bits\":1.5,\"out_of_range\":0,\"status\":\"{status}\"}}"
            )
        };
        let mut methods = PoolMethods::of_format_1();
        let mut read = |text: String| methods.row(serde_json::from_str(&text).unwrap()).unwrap();
        let plain = read(row("30 equal bins", "ok"));
        assert_eq!((plain.n_networks, plain.spacing, plain.subset), (16, Spacing::Contiguous, 1));
        assert!(plain.missing.is_none() && plain.method.corrects.is_none());
        let corrected = read(row("30 equal bins, chao-wang-jost", "I(T;Y): why"));
        assert_eq!(corrected.method.corrects.as_ref(), Some(&plain.method.id));
        assert_eq!(corrected.missing.unwrap().reason, "I(T;Y): why");
        assert!(Arc::ptr_eq(&read(row("30 equal bins", "ok")).method, &plain.method));
        assert_eq!(methods.into_methods().len(), 2);
        // Without its method a row of this format is none.
        let stored =
            serde_json::from_str(&row("30 equal bins", "ok")).map(|row| PoolMethods::known(&[]).row(row));
        assert!(stored.unwrap().is_err());
    }
}
