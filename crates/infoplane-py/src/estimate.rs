//! Estimates of arrays.

use std::sync::atomic::Ordering;

use infoplane::estimator::series::{Embedding, History, Series};
use infoplane::estimator::units::{Atom, Decomposition, OfLabels};
use infoplane::estimator::{
    AnyEstimator, BlockLength, EstimateKind, Estimator, EstimatorInfo, LabelSides, LayerEstimate,
    Normalisation, Options, PermutationScheme, PermutationTest, Quantity, Resampling, normalised_information,
};
use infoplane::experiment::{Presence, estimator_keys, nearest, plain_types};
use infoplane::{Estimate, EstimateError, Information, Labels, Measure, Variable};
use numpy::PyReadonlyArray1;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use pythonize::{depythonize, pythonize};
use serde_json::{Map, Value, json};

use crate::arrays::{Given, Seen, labels};
use crate::call::{Done, THREADS, interruptible};
use crate::error::{estimate_error, exception};
use crate::source::GivenLayer;

/// Every estimator, with its keys: what each is for, its type in a schema, its default.
#[pyfunction]
pub fn estimators(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let all: Vec<Value> = AnyEstimator::ALL.iter().map(|info| described(info)).collect();
    Ok(pythonize(py, &all)?)
}

fn described(info: &EstimatorInfo) -> Value {
    let defaults = match AnyEstimator::named(info.name, toml::Value::Table(toml::Table::new())) {
        Ok(Some(estimator)) => estimator.keys(),
        _ => Map::new(),
    };
    let keys = estimator_keys(info.name).unwrap_or_default();
    let keys = keys.iter().map(|key| {
        json!({
            "name": key.path,
            "type": key.value,
            "choices": key.choices.iter().map(|choice| &choice.name).collect::<Vec<_>>(),
            "about": key.about,
            "default": defaults.get(&key.path),
            "required": matches!(key.presence, Presence::Required),
        })
    });
    json!({
        "name": info.name,
        "title": info.title,
        "estimates": info.estimates,
        "when": info.when,
        "cost": info.cost,
        "reference": info.reference,
        "offers": info.offers.iter().map(Quantity::to_string).collect::<Vec<_>>(),
        "labels": sides(info),
        "keys": keys.collect::<Vec<_>>(),
    })
}

/// The settings of an estimator as they will be used, defaults with them.
#[pyfunction]
pub fn check_estimator<'py>(
    py: Python<'py>,
    name: &str,
    settings: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(pythonize(py, &named(name, settings)?.keys())?)
}

/// The estimator of that name with these settings.
pub fn named(name: &str, settings: &Bound<'_, PyDict>) -> PyResult<AnyEstimator> {
    let py = settings.py();
    let Some(keys) = AnyEstimator::keys(name) else {
        let names: Vec<&str> = AnyEstimator::ALL.iter().map(|info| info.name).collect();
        let likely = match nearest(name, names.iter().copied()) {
            Some(nearest) => format!("; did you mean {nearest:?}? All are"),
            None => "; allowed are".into(),
        };
        let message = format!("estimator = {name:?} is not known{likely} {}", names.join(", "));
        return Err(PyValueError::new_err(message));
    };
    let given: Vec<String> = settings.keys().iter().map(|key| key.extract()).collect::<PyResult<_>>()?;
    if let Some(unknown) = given.iter().find(|key| !keys.contains(&key.as_str())) {
        let allowed =
            if keys.is_empty() { "it has none".into() } else { format!("it has {}", keys.join(", ")) };
        let likely = nearest(unknown, keys.iter().copied());
        let likely = likely.map_or_else(String::new, |nearest| format!(" (did you mean {nearest}?)"));
        return Err(PyTypeError::new_err(format!("{unknown} is no setting of {name}{likely}; {allowed}")));
    }
    let table: toml::Value = depythonize(settings)
        .map_err(|error| PyTypeError::new_err(format!("settings of {name}: {error}")))?;
    match AnyEstimator::named(name, table.clone()) {
        Ok(Some(estimator)) => match estimator.check() {
            Ok(()) => Ok(estimator),
            Err(error) => Err(estimate_error(py, &error, name)),
        },
        Ok(None) => Err(PyValueError::new_err(format!("estimator = {name:?} is not known"))),
        Err(error) => Err(not_taken(py, name, &table, error.message())),
    }
}

/// What is wrong with settings: the one that is at fault is named.
fn not_taken(py: Python<'_>, name: &str, table: &toml::Value, message: &str) -> PyErr {
    let culprit = table.as_table().into_iter().flatten().find(|(key, value)| {
        let alone = toml::Table::from_iter([((*key).clone(), (*value).clone())]);
        AnyEstimator::named(name, toml::Value::Table(alone))
            .is_err_and(|error| !error.message().starts_with("missing field"))
    });
    let message = plain_types(message.trim_end());
    let message = match culprit {
        Some((key, value)) => format!("{key} = {value}, for {name}: {message}"),
        None => match message.strip_prefix("missing key `").and_then(|rest| rest.split('`').next()) {
            Some(key) => format!("{name} needs the setting {key}, a choice that decides the result"),
            None => format!("{name}: {message}"),
        },
    };
    exception(py, "EstimateError", (message, Some("setting")))
}

/// How an estimate is made.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Manner {
    standard_error: bool,
    permutations: Option<usize>,
    permutation_scheme: String,
    block_length: Option<Py<PyAny>>,
    seed: u64,
}

impl Manner {
    fn block_length(&self, py: Python<'_>) -> PyResult<Option<BlockLength>> {
        let Some(given) = &self.block_length else { return Ok(None) };
        let given = given.bind(py);
        if given.extract::<String>().is_ok_and(|text| text == "auto") {
            return Ok(Some(BlockLength::Chosen));
        }
        match given.extract::<usize>() {
            Ok(rows) if rows > 0 => Ok(Some(BlockLength::Rows(rows))),
            _ => Err(PyValueError::new_err(format!(
                "block_length = {}; allowed are \"auto\" and whole numbers from 1 to a quarter of the samples",
                given.repr()?
            ))),
        }
    }

    /// The estimate, with a standard error and a test as asked for.
    fn measured<E: Estimator + ?Sized>(
        &self,
        resampling: Resampling<'_, E>,
        scheme: PermutationScheme,
        options: Options,
    ) -> Result<(Estimate, Option<PermutationTest>), EstimateError> {
        let test = match self.permutations {
            Some(permutations) => {
                Some(resampling.restricted_permutation_test(scheme, permutations, self.seed)?)
            }
            None => None,
        };
        let estimate = match self.standard_error {
            true => resampling.with_error(options)?,
            false => resampling.estimate().clone(),
        };
        Ok((estimate, test))
    }

    fn scheme(&self, block_length: Option<BlockLength>) -> PyResult<PermutationScheme> {
        match self.permutation_scheme.as_str() {
            "free" => Ok(PermutationScheme::Free),
            "rotated" => Ok(PermutationScheme::Rotated),
            "blocks" => Ok(PermutationScheme::Blocks(block_length.unwrap_or_default())),
            other => Err(PyValueError::new_err(format!(
                "permutation_scheme = {other:?}; allowed are \"free\", \"rotated\" and \"blocks\""
            ))),
        }
    }
}

/// An estimate of `quantity`: `pair` of two variables, `conditional` of three, `entropy` of one, `total-correlation` of all.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // the Python part has them by name
pub fn estimate<'py>(
    py: Python<'py>,
    quantity: &str,
    estimator: &str,
    settings: &Bound<'py, PyDict>,
    variables: Vec<Given<'py>>,
    names: Vec<String>,
    manner: Manner,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let estimator = named(estimator, settings)?;
    let block_length = manner.block_length(py)?;
    let scheme = manner.scheme(block_length)?;
    let seen: Vec<Seen<'_>> = variables.iter().map(Given::seen).collect();
    let done = Done::default();
    let options = Options { block_length, seed: manner.seed, ..Options::default() };
    let told = |done_now: usize, of: usize| done.set(done_now, of);
    let measured = interruptible(py, progress.as_ref().map(|callback| (&done, callback)), |_| {
        let variables: Vec<Variable<'_>> = seen.iter().map(Seen::variable).collect();
        let (x, y) = (variables[0].view(), variables.get(1).map(Variable::view));
        let resampling = match (quantity, y) {
            ("pair", Some(y)) => Resampling::new(&estimator, x, y)?,
            ("conditional", Some(y)) => Resampling::conditional(&estimator, x, y, variables[2].view())?,
            ("entropy", _) => return Ok((estimator.entropy(x)?, None)),
            _ => return Ok((estimator.total_correlation(&variables)?, None)),
        };
        manner.measured(resampling.with_progress(&told), scheme, options)
    })?;
    let (estimate, test) = measured.map_err(|error: EstimateError| told_of(py, &error, &seen, &names))?;
    let symbol = match quantity {
        "pair" => "I(X;Y)",
        "conditional" => "I(X;Y|Z)",
        "entropy" => "H(X)",
        _ => "total correlation",
    };
    Ok(pythonize(py, &with_test(fields(symbol, &estimator, &estimate), test.as_ref()))?)
}

/// The fields with those of a test.
fn with_test(mut fields: Map<String, Value>, test: Option<&PermutationTest>) -> Map<String, Value> {
    if let Some(test) = test {
        fields.insert("p_value".into(), json!(test.p_value));
        fields.insert("permutations".into(), json!(test.permutations));
        if let (Some(warning), Some(Value::Array(warnings))) = (&test.warning, fields.get_mut("warnings")) {
            warnings.push(json!(warning.to_string()));
        }
    }
    fields
}

/// Two series, with the rows of each that are missing.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct TwoSeries<'py> {
    variables: Vec<Given<'py>>,
    names: Vec<String>,
    missing: Vec<Vec<usize>>,
}

/// What transfer entropy looks at, or else the lags of lagged information.
#[derive(FromPyObject)]
pub enum Past {
    /// The lag, and the rows of the target's and of the source's past.
    Transfer((usize, usize, usize)),
    /// Of each an estimate.
    Lags(Vec<isize>),
}

/// Transfer entropy, or lagged information for each lag.
#[pyfunction]
pub fn estimate_series<'py>(
    py: Python<'py>,
    estimator: &str,
    settings: &Bound<'py, PyDict>,
    series: TwoSeries<'py>,
    past: Past,
    manner: Manner,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let estimator = named(estimator, settings)?;
    let block_length = manner.block_length(py)?;
    let scheme = manner.scheme(block_length)?;
    let TwoSeries { variables, names, missing: lacking } = series;
    let seen: Vec<Seen<'_>> = variables.iter().map(Given::seen).collect();
    let done = Done::default();
    let options = Options { block_length, seed: manner.seed, ..Options::default() };
    let told = |done_now: usize, of: usize| done.set(done_now, of);
    let measured = interruptible(py, progress.as_ref().map(|callback| (&done, callback)), |_| {
        let of = |place: usize| Series::new(seen[place].variable()).with_missing(&lacking[place]);
        let (x, y) = (of(0), of(1));
        let embeddings = match &past {
            Past::Transfer((lag, target, source)) => {
                let history = History { lag: *lag, target: *target, source: *source };
                vec![Embedding::transfer(&x, &y, history)?]
            }
            Past::Lags(lags) => {
                lags.iter().map(|&lag| Embedding::lagged(&x, &y, lag)).collect::<Result<_, _>>()?
            }
        };
        let mut all = Vec::new();
        for embedding in embeddings {
            let embedding = embedding.for_estimator(&estimator);
            let found = embedding
                .resampling(&estimator)
                .and_then(|resampling| manner.measured(resampling.with_progress(&told), scheme, options));
            all.push((embedding.times().len(), embedding.dropped(), found));
        }
        // One lag may have no answer, as lag 0 of a series with itself.
        match all.iter().find_map(|(.., found)| found.as_ref().err()) {
            Some(error) if all.iter().all(|(.., found)| found.is_err()) => Err(error.clone()),
            _ => Ok(all),
        }
    })?;
    let measured = measured.map_err(|error: EstimateError| told_of(py, &error, &seen, &names))?;
    let quantity = match past {
        Past::Transfer(_) => "transfer entropy",
        Past::Lags(_) => "I(X;Y)",
    };
    let all = measured.into_iter().map(|(n, dropped, found)| {
        let mut fields = match found {
            Ok((estimate, test)) => with_test(fields(quantity, &estimator, &estimate), test.as_ref()),
            Err(error) => missing(quantity, &estimator, n, &error),
        };
        if dropped > 0 {
            fields.insert("dropped".into(), json!(dropped));
            if let Some(Value::Array(warnings)) = fields.get_mut("warnings") {
                warnings
                    .push(json!(format!("{dropped} times are left out, as a row that they need is missing")));
            }
        }
        fields
    });
    Ok(pythonize(py, &all.collect::<Vec<_>>())?)
}

/// The information of symbols with their entropies, and what it is as a share of these.
#[pyfunction]
pub fn normalised<'py>(
    py: Python<'py>,
    estimator: &str,
    settings: &Bound<'py, PyDict>,
    variables: Vec<Given<'py>>,
    names: Vec<String>,
) -> PyResult<Bound<'py, PyAny>> {
    let estimator = named(estimator, settings)?;
    let seen: Vec<Seen<'_>> = variables.iter().map(Given::seen).collect();
    let found = interruptible(py, None, |_| {
        normalised_information(&estimator, seen[0].variable(), seen[1].variable())
    })?;
    let (estimate, found) = found.map_err(|error: EstimateError| told_of(py, &error, &seen, &names))?;
    let shares: Map<String, Value> =
        Normalisation::ALL.iter().map(|&by| (by.name().to_owned(), json!(found.value(by)))).collect();
    let fields = json!({
        "i_xy": fields("I(X;Y)", &estimator, &estimate),
        "h_x_nats": found.entropy_x.nats(),
        "h_y_nats": found.entropy_y.nats(),
        "shares": shares,
    });
    Ok(pythonize(py, &fields)?)
}

/// An error with the name of the variable that it is about, where that is known.
fn told_of(py: Python<'_>, error: &EstimateError, seen: &[Seen<'_>], names: &[String]) -> PyErr {
    let of = match error {
        EstimateError::NotFinite { .. } => {
            let not_finite = |seen: &Seen<'_>| seen.variable().first_non_finite().is_some();
            seen.iter().position(not_finite).and_then(|place| names.get(place)).cloned()
        }
        EstimateError::Setting { .. } | EstimateError::NotOffered { .. } => None,
        _ => Some(names.join(", ")),
    };
    estimate_error(py, error, &of.unwrap_or_default())
}

/// An error with the argument that it is about, of a layer `t` and its `labels`.
fn told_of_layer(py: Python<'_>, error: &EstimateError) -> PyErr {
    let of = match error {
        EstimateError::Setting { .. }
        | EstimateError::NotOffered { .. }
        | EstimateError::NeedsCells { .. }
        | EstimateError::NeedsClasses { .. } => "",
        EstimateError::LengthMismatch { .. } => "labels",
        _ => "t",
    };
    estimate_error(py, error, of)
}

/// The fields of an estimate, as `infoplane._results` takes them.
fn fields(quantity: &str, estimator: &dyn Estimator, estimate: &Estimate) -> Map<String, Value> {
    let (name, setting, reason) = match &estimate.choice {
        Some(choice) => (choice.name(), choice.setting(), Some(choice.reason.clone())),
        None => (estimator.name(), estimator.setting(), None),
    };
    let bound = match estimate.kind {
        EstimateKind::Bound(bound) => Some(bound),
        _ => None,
    };
    let told = |caveats: bool| -> Vec<String> {
        let warnings = estimate.warnings.iter().filter(|warning| warning.is_caveat() == caveats);
        warnings.map(ToString::to_string).collect()
    };
    let nats = estimate.information.nats();
    let value = json!({
        "quantity": quantity,
        "nats": bound.is_none().then_some(nats),
        "bound": bound.map(|bound| bound.name()),
        "limit_nats": bound.is_some().then_some(nats),
        "standard_error_nats": estimate.standard_error.map(Information::nats),
        "interval_nats": estimate.interval.map(|interval| [interval.lower.nats(), interval.upper.nats()]),
        "kind": estimate.kind.to_string(),
        "estimator": name,
        "setting": setting,
        "reason": reason,
        "n_samples": estimate.n_samples,
        "dims": estimate.dims,
        "ties": estimate.ties,
        "dropped": estimate.dropped,
        "ceiling_nats": estimate.ceiling.map(Information::nats),
        "warnings": told(true),
        "notes": told(false),
        "p_value": null,
        "permutations": null,
        "missing": null,
    });
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The same of what could not be measured.
fn missing(
    quantity: &str,
    estimator: &dyn Estimator,
    n_samples: usize,
    error: &EstimateError,
) -> Map<String, Value> {
    let nothing = Estimate::new(Information::from_nats(0.0), EstimateKind::Consistent, &[]);
    let mut fields = fields(quantity, estimator, &nothing);
    fields.insert("nats".into(), Value::Null);
    fields.insert("kind".into(), json!("none"));
    fields.insert("n_samples".into(), json!(n_samples));
    fields.insert("missing".into(), json!(error.to_string()));
    fields
}

/// What every setting of an estimator says of a layer.
#[pyfunction]
pub fn estimate_layer<'py>(
    py: Python<'py>,
    estimator: &str,
    settings: &Bound<'py, PyDict>,
    t: GivenLayer<'py>,
    y: PyReadonlyArray1<'py, i64>,
    x: Option<PyReadonlyArray1<'py, i64>>,
    shuffled: bool,
) -> PyResult<Bound<'py, PyList>> {
    let estimator = named(estimator, settings)?;
    let seen = t.seen();
    let y = labels(&y);
    let n_samples = seen.source().n_samples();
    let x = x.as_ref().map_or_else(|| Labels::distinct(n_samples), labels);
    let shuffled = (shuffled && estimator.measures_shuffled()).then(|| y.shuffled());
    let readings =
        interruptible(py, None, |_| seen.source().readings(0, &estimator, [&x, &y], shuffled.as_ref()))?;
    let readings = readings.map_err(|error| told_of_layer(py, &error))?;
    listed(py, &estimator, &readings, n_samples)
}

/// What was read of a layer, as a list of tables.
fn listed<'py>(
    py: Python<'py>,
    estimator: &AnyEstimator,
    readings: &[LayerEstimate],
    n_samples: usize,
) -> PyResult<Bound<'py, PyList>> {
    let found = PyList::empty(py);
    for reading in readings {
        found.append(pythonize(py, &reading_fields(estimator, reading, n_samples))?)?;
    }
    Ok(found)
}

/// What an estimator says of a layer and a target of numbers.
#[pyfunction]
pub fn estimate_layer_with_target<'py>(
    py: Python<'py>,
    estimator: &str,
    settings: &Bound<'py, PyDict>,
    t: Given<'py>,
    target: Given<'py>,
    x: Option<PyReadonlyArray1<'py, i64>>,
) -> PyResult<Bound<'py, PyList>> {
    let estimator = named(estimator, settings)?;
    let (t, target) = (t.seen(), target.seen());
    let n_samples = t.variable().n_samples();
    let x = x.as_ref().map_or_else(|| Labels::distinct(n_samples), labels);
    let readings =
        interruptible(py, None, |_| estimator.layer_with_target(t.variable(), &x, target.variable()))?;
    let readings = readings.map_err(|error| match error {
        EstimateError::NotFinite { .. } if t.variable().first_non_finite().is_none() => {
            estimate_error(py, &error, "target")
        }
        error => told_of_layer(py, &error),
    })?;
    listed(py, &estimator, &readings, n_samples)
}

/// What the units of a layer tell of labels.
#[pyfunction]
pub fn estimate_units<'py>(
    py: Python<'py>,
    estimator: &str,
    settings: &Bound<'py, PyDict>,
    t: Given<'py>,
    y: PyReadonlyArray1<'py, i64>,
) -> PyResult<Bound<'py, PyAny>> {
    let estimator = named(estimator, settings)?;
    let seen = t.seen();
    let y = labels(&y);
    let found = interruptible(py, None, |_| estimator.units(seen.variable(), &y))?;
    let found = found.map_err(|error| told_of_layer(py, &error))?;
    let of = |of: &OfLabels| {
        let nats = |all: &[Information]| all.iter().map(|each| each.nats()).collect::<Vec<f64>>();
        let atom = |atom: &Atom| {
            let parts = [atom.information, atom.informative, atom.misinformative];
            json!([atom.antichain.to_string(), nats(&parts)])
        };
        let parts = of.decomposition.as_ref();
        json!({
            "i_ty_nats": of.information.information.nats(),
            "alone_nats": nats(&of.information.alone),
            "beyond_others_nats": nats(&of.information.beyond_others),
            "redundancy_degree": of.information.redundancy_degree(),
            "vulnerability_degree": of.information.vulnerability_degree(),
            "representational_complexity": parts.and_then(Decomposition::complexity),
            "by_degree_of_synergy_nats": parts.map(|parts| nats(&parts.by_degree_of_synergy())),
            "atoms": parts.map(|parts| parts.atoms.iter().map(atom).collect::<Vec<_>>()),
        })
    };
    let fields = json!({
        "estimator": estimator.name(),
        "setting": estimator.setting(),
        "n_samples": found.n_samples,
        "n_alone": found.labels.information.n_alone,
        "is_all_bias": found.is_all_bias,
        "labels": of(&found.labels),
        "shuffled": of(&found.shuffled),
    });
    Ok(pythonize(py, &fields)?)
}

/// The fields of a reading, as `infoplane._results` takes them.
fn reading_fields(estimator: &dyn Estimator, reading: &LayerEstimate, n_samples: usize) -> Value {
    let of = |quantity: &str, place: usize| match &reading.estimates[place] {
        Ok(estimate) => fields(quantity, estimator, estimate),
        Err(error) => missing(quantity, estimator, n_samples, error),
    };
    json!({
        "setting": reading.setting,
        "bound": reading.bound.map(infoplane::Bound::name),
        "i_xt": of("I(X;T)", 0),
        "i_ty": of("I(T;Y)", 1),
        "i_ty_shuffled_nats": reading.shuffled.map(Information::nats),
        "alone": reading.alone,
        "out_of_range": reading.out_of_range,
    })
}

/// Which sides of a pair may be labels for the estimator of that name: `none`, `at-most-one`, `one`, `any`.
#[pyfunction]
pub fn label_sides(name: &str) -> &'static str {
    EstimatorInfo::named(name).map_or("any", sides)
}

fn sides(info: &EstimatorInfo) -> &'static str {
    match info.labels {
        LabelSides::None => "none",
        LabelSides::AtMostOne => "at-most-one",
        LabelSides::One => "one",
        LabelSides::Any => "any",
    }
}

/// Sets how many threads calls use from now on; 0 is one for each core.
#[pyfunction]
pub fn set_threads(threads: u32) {
    THREADS.store(threads, Ordering::Relaxed);
}
