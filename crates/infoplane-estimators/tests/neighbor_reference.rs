//! Values of other programs, and of the printed definitions in NumPy; `reference/regenerate.py` writes them and says
//! where each comes from.

use infoplane_estimators::Measure;
use infoplane_estimators::{AnyEstimator, LayerRange};
use infoplane_estimators::{Estimator, Labels, Variable};
use ndarray::Array2;

struct Samples {
    columns: Vec<Vec<f64>>,
    label: Labels,
}

impl Samples {
    fn read() -> Self {
        let mut columns = vec![Vec::new(); 6];
        for line in include_str!("reference/samples.csv").lines().skip(1) {
            for (column, value) in columns.iter_mut().zip(line.split(',')) {
                column.push(value.parse::<f64>().unwrap());
            }
        }
        let label: Vec<i64> = columns.pop().unwrap().into_iter().map(|label| label as i64).collect();
        Samples { columns, label: Labels::from_symbols(&label) }
    }

    /// The columns named, as `0 1` or `clipped 0`.
    fn pick(&self, names: &str) -> Array2<f64> {
        let clipped = names.strip_prefix("clipped ");
        let columns: Vec<&Vec<f64>> = clipped
            .unwrap_or(names)
            .split(' ')
            .map(|name| &self.columns[name.parse::<usize>().unwrap()])
            .collect();
        Array2::from_shape_fn((columns[0].len(), columns.len()), |(i, j)| {
            if clipped.is_some() { columns[j][i].max(0.0) } else { columns[j][i] }
        })
    }
}

fn method(name: &str, k: &str, scaling: &str) -> Box<dyn Estimator> {
    let toml = format!("kind = '{name}'\nk = {k}\nscaling = '{scaling}'");
    let config: AnyEstimator = toml::from_str(&toml).unwrap();
    config.for_layer(&LayerRange::default()).unwrap()
}

#[test]
fn values_are_those_of_scikit_learn_and_of_the_printed_definitions() {
    let samples = Samples::read();
    let mut checked = 0;
    for line in include_str!("reference/values.csv").lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [source, name, x, y, z, k, nats] = fields[..] else { panic!("{line}") };
        // scikit-learn divides by the standard deviation; definitions were computed on raw values.
        let scaling = if source == "scikit-learn" { "standardized" } else { "none" };
        let method = method(name, k, scaling);
        let x = samples.pick(x);
        let x = Variable::Double(x.view());
        let estimate = if z.is_empty() {
            match y {
                "" => method.entropy(x),
                "label" => method.pair(x, Variable::Labels(&samples.label)),
                y => method.pair(x, Variable::Double(samples.pick(y).view())),
            }
        } else {
            let (y, z) = (samples.pick(y), samples.pick(z));
            method.conditional(x, Variable::Double(y.view()), Variable::Double(z.view()))
        };
        let found = estimate.unwrap().information.nats();
        assert!((found - nats.parse::<f64>().unwrap()).abs() < 1e-9, "{line}: {found}");
        checked += 1;
    }
    assert!(checked > 40);
}
