//! Conditional information of symbols and numbers in any combination.

use ndarray::{Array2, Axis, concatenate};

use super::Auto;
use super::functional::function_given;
use super::on_range::choice;
use super::profile::DataProfile;
use super::rules::{FEW_JOINT_COLUMNS, FEWEST, check_samples, discrete, many_columns};
use crate::estimator::input::without_tails;
use crate::estimator::measure::checked_pair;
use crate::variable::kind::Measured;
use crate::variable::symbols::together;
use crate::{
    Estimate, EstimateError, EstimateKind, Information, Ksg, Measure, PlugIn, Ross, Scaling, Variable,
    VariableKind, Warning,
};

/// Returns I(X;Y|Z).
///
/// | X, Y, Z | how |
/// |---|---|
/// | symbols | by the corrected entropies of counts |
/// | Z symbols | Σ p(z) I(X;Y\|Z = z), each as a pair |
/// | numbers | KSG-1 of normal scores; refused where one side is a function of the other and Z |
/// | one of X and Y symbols, Z numbers | I(X;YZ) − I(X;Z), with X the symbols |
/// | X and Y symbols, Z numbers | I(X;Y) + I(XY;Z) − I(X;Z) − I(Y;Z) |
pub(super) fn estimate(settings: &Auto, variables: [Variable<'_>; 3]) -> Result<Estimate, EstimateError> {
    let given = [settings.x_kind, settings.y_kind, None];
    let profiles: Vec<DataProfile> =
        variables.iter().zip(given).map(|(variable, kind)| DataProfile::new(variable, kind)).collect();
    let kinds: Vec<VariableKind> = profiles.iter().map(|profile| profile.kind).collect();
    let symbols: Vec<bool> = profiles.iter().map(DataProfile::symbols).collect();
    if symbols != [true; 3] {
        check_samples(profiles[0].n)?;
    }
    if symbols[2] && symbols != [true; 3] {
        return within_classes(settings, &variables, kinds, &profiles[2]);
    }
    let measured: Vec<Measured<'_>> = (0..)
        .zip(variables.iter().zip(&kinds))
        .map(|(index, (variable, kind))| Measured::new(variable.view(), *kind, index, 0))
        .collect();
    let [x, y, z] = [0, 1, 2].map(|index: usize| measured[index].variable());
    match (symbols[0], symbols[1], symbols[2]) {
        (true, true, true) => {
            let choice = choice(discrete(), kinds, "symbols on all sides");
            let estimate = choice.estimator.conditional(x, y, z)?;
            Ok(Estimate { choice: Some(choice), ..estimate })
        }
        (false, false, _) => {
            refuse_functions(&variables, &kinds)?;
            let joint = profiles.iter().map(|profile| profile.changing).sum();
            let ksg = Ksg { scaling: Scaling::NormalScores, ..Ksg::default() };
            let mut choice = choice(ksg, kinds, "numbers on all sides");
            choice.warnings.extend(many_columns(joint, FEW_JOINT_COLUMNS));
            let mut estimate = choice.estimator.conditional(x, y, z)?;
            estimate.warnings.extend(choice.warnings.iter().cloned());
            Ok(Estimate { choice: Some(choice), ..estimate })
        }
        (true, false, _) => by_difference(&variables, kinds, x, y, z),
        (false, true, _) => by_difference(&variables, kinds, y, x, z),
        (true, true, false) => {
            let [a, b] = [x.symbols(), y.symbols()];
            let both = together(&[&a, &b]);
            let ross = by_scores();
            let of_pair = checked_pair(&discrete(), Variable::Labels(&a), Variable::Labels(&b))?;
            let mut nats = of_pair.information.nats();
            for (labels, sign) in [(&both, 1.0), (&a, -1.0), (&b, -1.0)] {
                nats += sign * checked_pair(&ross, Variable::Labels(labels), z.view())?.information.nats();
            }
            let reason = "symbols given numbers: I(X;Y) + I(XY;Z) − I(X;Z) − I(Y;Z)";
            Ok(composed(nats, &variables, choice(ross, kinds, reason)))
        }
    }
}

/// Ross's method by ranks, so that the units and tails of columns do not matter.
fn by_scores() -> Ross {
    Ross { scaling: Scaling::NormalScores, ..Ross::default() }
}

/// Refuses numbers of which some are a function of the others, where the information is infinite.
fn refuse_functions(variables: &[Variable<'_>; 3], kinds: &[VariableKind]) -> Result<(), EstimateError> {
    // What is on a lattice is finite, and of values that repeat nothing is said.
    if kinds.iter().any(|kind| *kind != VariableKind::Continuous) {
        return Ok(());
    }
    let [Some(x), Some(y), Some(z)] = variables.each_ref().map(without_tails) else { return Ok(()) };
    match function_given(&x, &y, &z) {
        Some(found) => Err(EstimateError::Undetermined {
            reason: format!("{found}, so that I(X;Y|Z) is infinite and any estimate a function of n alone"),
            choices: "add noise that the question allows to the values, or round them",
        }),
        None => Ok(()),
    }
}

fn composed(nats: f64, variables: &[Variable<'_>], choice: crate::Choice) -> Estimate {
    let estimate = Estimate::new(Information::from_nats(nats), EstimateKind::Consistent, variables);
    Estimate { warnings: choice.warnings.clone(), choice: Some(choice), ..estimate }
}

/// I(S;NZ) − I(S;Z) of symbols S and numbers N and Z.
fn by_difference(
    variables: &[Variable<'_>],
    kinds: Vec<VariableKind>,
    symbols: Variable<'_>,
    numbers: Variable<'_>,
    z: Variable<'_>,
) -> Result<Estimate, EstimateError> {
    let ross = by_scores();
    let both = side_by_side(&numbers, &z);
    let nats = checked_pair(&ross, symbols.view(), Variable::Double(both.view()))?.information.nats()
        - checked_pair(&ross, symbols, z)?.information.nats();
    let mut choice =
        choice(ross, kinds, "symbols and numbers given numbers: I(X;YZ) − I(X;Z), X the symbols");
    choice.warnings.extend(many_columns(both.ncols(), FEW_JOINT_COLUMNS));
    Ok(composed(nats, variables, choice))
}

fn side_by_side(a: &Variable<'_>, b: &Variable<'_>) -> Array2<f64> {
    let matrix = |variable: &Variable<'_>| match variable {
        Variable::Double(rows) => rows.to_owned(),
        Variable::Single(rows) => rows.mapv(f64::from),
        Variable::Labels(labels) => {
            Array2::from_shape_fn((labels.len(), 1), |(row, _)| f64::from(labels.codes()[row]))
        }
    };
    concatenate(Axis(1), &[matrix(a).view(), matrix(b).view()]).expect("variables of equal length")
}

/// Σ p(z) I(X;Y|Z = z).
fn within_classes(
    settings: &Auto,
    variables: &[Variable<'_>; 3],
    kinds: Vec<VariableKind>,
    z: &DataProfile,
) -> Result<Estimate, EstimateError> {
    let [x, y, _] = variables;
    let labels = variables[2].symbols();
    let n = labels.len();
    let mut rows = vec![Vec::new(); labels.n_labels()];
    labels.codes().iter().enumerate().for_each(|(row, &code)| rows[code as usize].push(row));
    // Kinds are those of all samples: a class may hold too few to tell.
    let settings = Auto { x_kind: Some(kinds[0]), y_kind: Some(kinds[1]), ..settings.clone() };
    let (mut sum, mut used) = (0.0, 0usize);
    let mut chosen = None;
    for rows in rows.iter().filter(|rows| rows.len() >= FEWEST) {
        let (x, y) = (x.select(rows), y.select(rows));
        let (x, y) = (x.variable(), y.variable());
        used += rows.len();
        if x.is_constant() || y.is_constant() {
            continue;
        }
        let estimate = checked_pair(&settings, x, y)?;
        sum += rows.len() as f64 * estimate.information.nats();
        chosen = chosen.or(estimate.choice);
    }
    if used == 0 {
        let reason = "classes of Z".into();
        return Err(EstimateError::TooFewSamples {
            estimator: "auto",
            reason,
            needed: FEWEST,
            n_samples: z.rarest,
        });
    }
    let classes = labels.n_labels();
    let reason = format!("the mean over {classes} classes of Z of I(X;Y) within them");
    let mut choice = match chosen {
        Some(first) => choice(first.estimator, kinds, format!("{reason}; {}", first.reason)),
        None => choice(PlugIn::default(), kinds, reason),
    };
    if used < n {
        choice.warnings.push(Warning::Dropped {
            dropped: n - used,
            reason: "their class of Z has fewer than 10 samples",
        });
    }
    let estimate = composed(sum / used as f64, variables, choice);
    Ok(Estimate { dropped: n - used, ..estimate })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Labels;
    use crate::random::{Purpose, generator, normal, uniform};

    fn auto() -> Auto {
        Auto::default()
    }

    fn conditional(x: Variable<'_>, y: Variable<'_>, z: Variable<'_>) -> Estimate {
        auto().conditional(x, y, z).unwrap()
    }

    /// Z fair; X = Z + normal noise, Y = Z + normal noise: dependent, and independent given Z.
    #[test]
    fn numbers_that_share_a_class_are_independent_given_it() {
        let n = 2000;
        let mut random = generator(4, Purpose::Known, 3);
        let z: Vec<u32> = (0..n).map(|i| i % 2).collect();
        let mut noisy =
            |z: &[u32]| -> Vec<f64> { z.iter().map(|&z| f64::from(z) * 2.0 + normal(&mut random)).collect() };
        let (x, y) = (noisy(&z), noisy(&z));
        let z = Labels::from_symbols(&z);
        let (x, y, z) = (Variable::from(&x), Variable::from(&y), Variable::Labels(&z));
        assert!(auto().pair(x, y).unwrap().information.nats() > 0.1);
        // The standard deviation of an estimate of no information is about .02.
        assert!(conditional(x, y, z).information.nats().abs() < 0.06);
        // I(Z;Y|X) > 0: either tells of Z what the other does not. I(Z;X,Y) − I(Z;X) by quadrature: 0.1632.
        let given = conditional(z, y, x).information.nats();
        assert!((given - 0.1632).abs() < 0.05, "{given}");
        assert!((conditional(y, z, x).information.nats() - given).abs() < 1e-12);
    }

    /// The information of ranks is that of the numbers: of exp(4x), and beside one value far away.
    #[test]
    fn tails_and_units_of_numbers_do_not_matter() {
        let n = 1000;
        let mut random = generator(6, Purpose::Known, 5);
        let mut draw = || -> Vec<f64> { (0..n).map(|_| normal(&mut random)).collect() };
        let (x, z, noise) = (draw(), draw(), draw());
        // Given Z the correlation of X and Y is .8: −½ ln(1 − .64) = .5108.
        let y: Vec<f64> = (0..n).map(|i| 0.8 * x[i] + 0.6 * noise[i] + z[i]).collect();
        let exp: Vec<f64> = x.iter().map(|v| (4.0 * v).exp()).collect();
        let mut far = x.clone();
        far[7] = 1e9;
        for x in [x, exp, far] {
            let nats = conditional((&x).into(), (&y).into(), (&z).into()).information.nats();
            assert!((nats - 0.5108).abs() < 0.1, "{nats}");
        }
        let sum: Vec<f64> = y.iter().zip(&z).map(|(y, z)| y - z).collect();
        let refused = auto().conditional(&y, &sum, &z).unwrap_err().to_string();
        assert!(refused.contains("infinite"), "{refused}");
    }

    /// X and Y fair bits and Z = X xor Y with a little noise: independent, and bound together given Z.
    #[test]
    fn bits_are_bound_together_by_their_noisy_sum() {
        let n = 3000;
        let mut random = generator(5, Purpose::Known, 4);
        let mut bits = || -> Vec<u32> { (0..n).map(|_| u32::from(uniform(&mut random) < 0.5)).collect() };
        let (a, b) = (bits(), bits());
        let z: Vec<f64> =
            a.iter().zip(&b).map(|(a, b)| f64::from(a ^ b) + 0.01 * normal(&mut random)).collect();
        let (a, b) = (Labels::from_symbols(&a), Labels::from_symbols(&b));
        let found = conditional(Variable::Labels(&a), Variable::Labels(&b), Variable::from(&z));
        assert!(
            (found.information.nats() - std::f64::consts::LN_2).abs() < 0.03,
            "{}",
            found.information.nats()
        );
    }
}
