//! Conditional information of symbols and numbers in any combination.

use ndarray::{Array2, Axis};

use super::Auto;
use super::functional::{function_given, is_determined};
use super::on_range::choice;
use super::profile::DataProfile;
use super::rules::{
    FEW_JOINT_COLUMNS, check_samples, counted_once, discrete, many_columns, repeated_samples,
};
use crate::VariableKind::{Continuous, Mixed, Names};
use crate::estimator::input::without_tails;
use crate::estimator::knn::{Parts, classes};
use crate::estimator::limits::below_entropy;
use crate::estimator::measure::checked_pair;
use crate::variable::kind::{Measured, labels_of_columns, rows_together, symbol_columns};
use crate::variable::symbols::together;
use crate::{
    Bound, Estimate, EstimateError, EstimateKind, FrenzelPompe, Information, Ksg, Labels, Measure, PlugIn,
    Scaling, Variable, VariableKind, Warning,
};

/// Samples of each class of Z from which X and Y are measured within the classes, by the estimator of pairs.
const LEAST_IN_CLASS: usize = 50;

/// Returns I(X;Y|Z), as [`Auto`] says.
pub(super) fn estimate(settings: &Auto, variables: [Variable<'_>; 3]) -> Result<Estimate, EstimateError> {
    let given = [settings.x_kind, settings.y_kind, None];
    let profiles: Vec<DataProfile> =
        variables.iter().zip(given).map(|(variable, kind)| DataProfile::new(variable, kind)).collect();
    let kinds: Vec<VariableKind> = profiles.iter().map(|profile| profile.kind).collect();
    let mixed = mixed(settings, &variables, &kinds).resolved(&variables)?;
    let columns =
        [&mixed.x_symbols, &mixed.y_symbols, &mixed.z_symbols].map(|it| it.as_deref().unwrap_or_default());
    let named = [0, 1, 2].map(|place: usize| {
        matches!(variables[place], Variable::Labels(_)) || columns[place].len() == variables[place].width()
    });
    if named != [true; 3] {
        check_samples(profiles[0].n)?;
    }
    // First: of samples that came twice each Z is beside one X only.
    if kinds.contains(&Mixed)
        && let Some((rows, kinds)) = repeated_samples(&variables, &rows_together(&variables))
    {
        let settings = Auto { x_kind: Some(kinds[0]), y_kind: Some(kinds[1]), ..settings.clone() };
        let chosen = variables.each_ref().map(|variable| variable.select(&rows));
        let [x, y, z] = chosen.each_ref().map(|chosen| chosen.variable());
        let mut found = estimate(&settings, [x, y, z])?;
        let warning = counted_once(profiles[0].n - rows.len());
        found.warnings.push(warning.clone());
        if let Some(choice) = &mut found.choice {
            choice.warnings.push(warning);
            choice.rows = Some(rows);
        }
        return Ok(found);
    }
    if let Some(warning) = determined(&variables, &kinds, columns[2]) {
        return Ok(Estimate { warnings: vec![warning], ..Estimate::zero(&variables) });
    }
    if named == [true; 3] {
        let measured = [0, 1, 2].map(|place| mixed.measured(variables[place].view(), place));
        let choice = choice(discrete(), vec![Names; 3], "symbols on all sides");
        let [x, y, z] = measured.each_ref().map(Measured::variable);
        let estimate = choice.estimator.conditional(x, y, z)?;
        return Ok(Estimate { choice: Some(choice), ..estimate });
    }
    let numbers: usize =
        (0..3).filter(|&i| !named[i]).map(|i| profiles[i].changing.saturating_sub(columns[i].len())).sum();
    let is_wide = numbers > FEW_JOINT_COLUMNS || (!named[0] && !named[1]);
    if named[2]
        && is_wide
        && columns[..2].iter().all(|columns| columns.is_empty())
        && profiles[2].rarest >= LEAST_IN_CLASS
    {
        return within_classes(settings, &variables, kinds);
    }
    if !named[0] && !named[1] {
        refuse_functions(&variables, &kinds, columns)?;
    }
    let is_symbol = |i: usize| named[i] || !columns[i].is_empty();
    let mut choice = match (0..3).any(is_symbol) {
        false => {
            let ksg = Ksg { scaling: Scaling::NormalScores, ..Ksg::default() };
            choice(ksg, kinds, "numbers on all sides")
        }
        true => {
            let of = |i: usize| match (named[i], columns[i].len()) {
                (true, _) => format!("{} symbols", profiles[i].distinct),
                (false, 0) => profiles[i].told.clone(),
                (false, _) => "symbols and numbers".to_owned(),
            };
            let reason = format!("X {}, Y {}, Z {}", of(0), of(1), of(2));
            choice(mixed.clone(), kinds, reason)
        }
    };
    choice.warnings.extend(many_columns(numbers, FEW_JOINT_COLUMNS));
    let is_mixed = (0..3).any(is_symbol);
    let measured = [0, 1, 2].map(|place| match is_mixed {
        true => mixed.measured(variables[place].view(), place),
        false => Measured::new(variables[place].view(), choice.kinds[place], place as u64, 0),
    });
    let [x, y, z] = measured.each_ref().map(Measured::variable);
    let mut estimate = choice.estimator.conditional(x.view(), y.view(), z)?;
    for (side, _) in [x, y].iter().zip(named).filter(|(_, named)| *named) {
        estimate = below_entropy(estimate, side.symbols().entropy());
    }
    let new = choice.warnings.iter().filter(|warning| !estimate.warnings.contains(warning)).cloned();
    estimate.warnings.extend(new.collect::<Vec<_>>());
    Ok(Estimate { choice: Some(choice), ..estimate })
}

/// The estimator of mixtures, for these variables.
fn mixed(settings: &Auto, variables: &[Variable<'_>; 3], kinds: &[VariableKind]) -> FrenzelPompe {
    let symbols = |place: usize, given: Option<VariableKind>| {
        // The kind that was given, or that all columns have together.
        let kind = given.or((kinds[place] == Names).then_some(Names));
        Some(symbol_columns(&variables[place], kind))
    };
    FrenzelPompe {
        x_symbols: symbols(0, settings.x_kind),
        y_symbols: symbols(1, settings.y_kind),
        z_symbols: settings.z_symbols.clone().or_else(|| symbols(2, None)),
        ..FrenzelPompe::default()
    }
}

/// Says that Z, of which these columns are symbols, determines X or Y, if it does.
fn determined(variables: &[Variable<'_>; 3], kinds: &[VariableKind], symbols: &[usize]) -> Option<Warning> {
    let [x, y, z] = variables;
    let rows = [Some(z.symbols()), labels_of_columns(z, symbols)];
    // Where each sample has a Z of its own, it tells nothing that Z is never beside two values.
    let rows: Vec<Labels> =
        rows.into_iter().flatten().filter(|rows| 2 * rows.n_labels() <= rows.len()).collect();
    let columns: Vec<Vec<f64>> = match z {
        Variable::Labels(_) => Vec::new(),
        _ => (0..z.width()).map(|column| z.column(column)).collect(),
    };
    let follows = |side: &Variable<'_>, kind: VariableKind| {
        let of_side = side.symbols();
        let is_labels = matches!(side, Variable::Labels(_));
        rows.iter().any(|rows| together(&[rows, &of_side]).n_labels() == rows.n_labels())
            || (!is_labels && (0..side.width()).all(|column| columns.contains(&side.column(column))))
            // Of values that repeat no more is said: half of a rectified unit is 0 whatever it follows.
            || (kind == Continuous
                && match (without_tails(side), without_tails(z)) {
                    (Some(side), Some(z)) => is_determined(&side, &z),
                    _ => false,
                })
    };
    let [x, y] = [follows(x, kinds[0]), follows(y, kinds[1])];
    (x || y).then_some(Warning::Determined { x, y })
}

/// Refuses numbers of which some are a function of the others, where the information is infinite; within classes, if Z has
/// symbols.
fn refuse_functions(
    variables: &[Variable<'_>; 3],
    kinds: &[VariableKind],
    symbols: [&[usize]; 3],
) -> Result<(), EstimateError> {
    // What is on a lattice is finite, and of values that repeat nothing is said.
    if kinds[..2].iter().any(|kind| *kind != Continuous) {
        return Ok(());
    }
    let z = Parts::new(&variables[2], symbols[2], Scaling::None);
    let numbers = |variable: &Variable<'_>| without_tails(variable);
    let [Some(x), Some(y), Some(z_numbers)] =
        [numbers(&variables[0]), numbers(&variables[1]), numbers(&Variable::Double(z.numbers.view()))]
    else {
        return Ok(());
    };
    for rows in classes(&[&z]) {
        let of = |side: &Array2<f64>| side.select(Axis(0), &rows);
        if let Some(found) = function_given(&of(&x), &of(&y), &of(&z_numbers)) {
            let within = if z.symbols.is_some() { " for a class of Z" } else { "" };
            return Err(EstimateError::Undetermined {
                reason: format!(
                    "{found}{within}, so that I(X;Y|Z) is infinite and any estimate a function of n alone"
                ),
                choices: "add noise that the question allows to the values, or round them",
            });
        }
    }
    Ok(())
}

/// Σ p(z) I(X;Y|Z = z).
fn within_classes(
    settings: &Auto,
    variables: &[Variable<'_>; 3],
    kinds: Vec<VariableKind>,
) -> Result<Estimate, EstimateError> {
    let [x, y, z] = variables;
    let labels = z.symbols();
    let n = labels.len();
    let mut rows = vec![Vec::new(); labels.n_labels()];
    labels.codes().iter().enumerate().for_each(|(row, &code)| rows[code as usize].push(row));
    // Kinds are those of all samples: a class may hold too few to tell.
    let settings = Auto { x_kind: Some(kinds[0]), y_kind: Some(kinds[1]), ..settings.clone() };
    let (mut sum, mut squares) = (0.0, Some(0.0));
    let (mut is_lower, mut is_upper) = (false, false);
    let mut warnings: Vec<Warning> = Vec::new();
    let mut chosen = None;
    for rows in &rows {
        let (x, y) = (x.select(rows), y.select(rows));
        let (x, y) = (x.variable(), y.variable());
        if x.is_constant() || y.is_constant() {
            continue;
        }
        let estimate = checked_pair(&settings, x, y)?;
        match estimate.kind {
            EstimateKind::Bound(Bound::Lower) => is_lower = true,
            EstimateKind::Bound(Bound::Upper) => is_upper = true,
            _ => {}
        }
        // What is said of a class may hold numbers of its own; that there is a bound is said once.
        if matches!(estimate.kind, EstimateKind::Bound(_)) {
            let new = estimate.warnings.iter().filter(|warning| !warnings.contains(warning)).cloned();
            warnings.extend(new.collect::<Vec<_>>());
        }
        let weight = rows.len() as f64 / n as f64;
        sum += weight * estimate.information.nats();
        // Classes are independent of each other.
        squares = squares
            .zip(estimate.standard_error)
            .map(|(squares, error)| squares + (weight * error.nats()) * (weight * error.nats()));
        chosen = chosen.or(estimate.choice);
    }
    let classes = labels.n_labels();
    let reason = match classes {
        1 => "I(X;Y) within the one class of Z".to_owned(),
        _ => format!("the mean over {classes} classes of Z of I(X;Y) within them"),
    };
    let mut choice = match chosen {
        Some(first) => choice(first.estimator, kinds, format!("{reason}; {}", first.reason)),
        None => choice(PlugIn::default(), kinds, reason),
    };
    choice.kinds[2] = Names;
    let standard_error =
        squares.filter(|squares| *squares > 0.0).map(|squares| Information::from_nats(squares.sqrt()));
    // With a bound for one of them, the mean is one.
    let kind = match (is_lower, is_upper) {
        (false, false) => EstimateKind::Consistent,
        (true, false) => EstimateKind::Bound(Bound::Lower),
        (false, true) => EstimateKind::Bound(Bound::Upper),
        (true, true) => {
            return Err(EstimateError::Undetermined {
                reason: "for some classes of Z there is only a lower bound, and for others only an upper one"
                    .into(),
                choices: "name an estimator of conditional information, such as frenzel-pompe",
            });
        }
    };
    let estimate = Estimate::new(Information::from_nats(sum), kind, variables);
    Ok(Estimate { choice: Some(choice), standard_error, warnings, ..estimate })
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

    fn normals(n: usize, stream: u64) -> Vec<f64> {
        let mut random = generator(stream, Purpose::Known, 6);
        (0..n).map(|_| normal(&mut random)).collect()
    }

    #[test]
    fn what_z_determines_shares_nothing_and_is_said() {
        let n = 200;
        let (x, y) = (normals(n, 1), normals(n, 2));
        let class: Vec<u32> = (0..n as u32).map(|i| i * 7 % 5).collect();
        let parity = Labels::from_symbols(&class.iter().map(|c| c % 2).collect::<Vec<_>>());
        let labels = Labels::from_symbols(&class);
        let codes: Vec<f64> = class.iter().map(|&c| f64::from(c)).collect();
        let both = Array2::from_shape_fn((n, 2), |(i, j)| if j == 0 { codes[i] } else { x[i] });
        let line: Vec<f64> = x.iter().map(|v| 3.0 * v - 1.0).collect();
        let determined: [[Variable<'_>; 3]; 6] = [
            [(&parity).into(), (&y).into(), (&labels).into()],
            [(&y).into(), (&parity).into(), (&codes).into()],
            [(&x).into(), (&y).into(), (&both).into()],
            [(&line).into(), (&y).into(), (&x).into()],
            [(&parity).into(), (&y).into(), (&both).into()],
            [(&parity).into(), (&labels).into(), (&labels).into()],
        ];
        let auto = auto();
        for (place, [x, y, z]) in determined.into_iter().enumerate() {
            let found = conditional(x.view(), y.view(), z.view());
            assert_eq!(found.information.nats(), 0.0, "{place}");
            let said = found.warnings.iter().any(|warning| warning.to_string().contains("Z determines"));
            assert!(said, "{place}: {found:?}");
            let resampling = crate::Resampling::conditional(&auto, x, y, z).unwrap();
            assert_eq!(resampling.permutation_test(19, 0).unwrap().p_value, 1.0);
            assert_eq!(resampling.with_error(crate::Options::default()).unwrap().standard_error, None);
        }
        let found = conditional((&x).into(), (&y).into(), (&codes).into());
        assert!(!found.warnings.iter().any(|warning| matches!(warning, Warning::Determined { .. })));
    }

    #[test]
    fn samples_that_came_twice_count_once() {
        let n = 300;
        let twice = |values: Vec<f64>| -> Vec<f64> { values.iter().flat_map(|&v| [v, v]).collect() };
        let (x, z) = (normals(n, 3), normals(n, 4));
        let class: Vec<u32> = (0..n as u32).map(|i| i % 3).collect();
        let y: Vec<f64> = (0..n)
            .map(|i| x[i] + z[i] + f64::from(class[i]))
            .zip(normals(n, 5))
            .map(|(a, b)| a + b)
            .collect();
        let beside =
            |z: &[f64], class: &[f64]| Array2::from_shape_fn((z.len(), 2), |(i, j)| [z[i], class[i]][j]);
        let class: Vec<f64> = class.into_iter().map(f64::from).collect();
        let once = conditional((&x).into(), (&y).into(), (&beside(&z, &class)).into());
        let [x, y, z, class] = [x, y, z, class].map(twice);
        let z = beside(&z, &class);
        let (x, y, z) = (Variable::from(&x), Variable::from(&y), Variable::from(&z));
        let found = conditional(x.view(), y.view(), z.view());
        assert_eq!(found.information, once.information);
        assert!(found.warnings.contains(&counted_once(n)), "{found:?}");
        let auto = auto();
        let resampling = crate::Resampling::conditional(&auto, x, y, z).unwrap();
        assert_eq!(resampling.permutation_test(39, 0).unwrap().p_value, 0.025);
        assert!(resampling.with_error(crate::Options::default()).unwrap().standard_error.is_some());
    }

    /// Y = ±X + noise, the sign that of a class which only Z holds beside a number: −½ ln(1 − .64) = .5108, of numbers, of
    /// numbers rounded to tenths and of counts alike.
    #[test]
    fn z_of_symbols_and_numbers_is_split_into_both() {
        let n = 1500;
        let (x, number, noise) = (normals(n, 6), normals(n, 7), normals(n, 8));
        let class: Vec<f64> = (0..n).map(|i| (i % 2) as f64).collect();
        let tenth = |v: f64| (10.0 * v).round() / 10.0;
        let y: Vec<f64> =
            (0..n).map(|i| number[i] + (1.0 - 2.0 * class[i]) * 0.8 * x[i] + 0.6 * noise[i]).collect();
        let z = Array2::from_shape_fn((n, 2), |(i, j)| [class[i], number[i]][j]);
        let rounded: Vec<f64> = x.iter().copied().map(tenth).collect();
        let rounded_y: Vec<f64> = y.iter().copied().map(tenth).collect();
        let rounded_z = Array2::from_shape_fn((n, 2), |(i, j)| [class[i], tenth(number[i])][j]);
        for (x, y, z) in [(&x, &y, &z), (&rounded, &rounded_y, &z), (&rounded, &y, &rounded_z)] {
            let found = conditional(x.into(), y.into(), z.into());
            assert_eq!(found.choice.as_ref().unwrap().name(), "frenzel-pompe");
            assert!((found.information.nats() - 0.5108).abs() < 0.08, "{}", found.information);
        }
        let exact: Vec<f64> = (0..n).map(|i| (1.0 - 2.0 * class[i]) * x[i] + number[i]).collect();
        let refused = auto().conditional(&x, &exact, &z).unwrap_err().to_string();
        assert!(refused.contains("for a class of Z") && refused.contains("infinite"), "{refused}");
        let settings = Auto { z_symbols: Some(vec![5]), ..auto() };
        assert_eq!(settings.conditional(&x, &y, &z).unwrap_err().code(), "setting");
    }

    #[test]
    fn large_classes_are_measured_as_pairs_with_an_error() {
        let n = 600;
        let (x, noise) = (normals(n, 9), normals(n, 10));
        let class = Labels::from_symbols(&(0..n as u32).map(|i| i % 2).collect::<Vec<_>>());
        // −½ ln(1 − .99²) = 1.9585.
        let y: Vec<f64> = (0..n)
            .map(|i| {
                (1.0 - 2.0 * f64::from(class.codes()[i])) * 0.99 * x[i]
                    + (1.0f64 - 0.99 * 0.99).sqrt() * noise[i]
            })
            .collect();
        let found = conditional((&x).into(), (&y).into(), (&class).into());
        assert_eq!(found.choice.as_ref().unwrap().name(), "combined");
        let error = found.standard_error.expect("of its classes").nats();
        assert!((found.information.nats() - 1.9585).abs() < 4.0 * error && error < 0.1, "{found:?}");
    }

    /// A bit against six columns within two classes: classifiers give lower bounds, and their mean is one.
    #[test]
    fn a_mean_of_lower_bounds_is_a_lower_bound() {
        let n = 400;
        let columns: Vec<Vec<f64>> = (0..6).map(|stream| normals(n, 20 + stream)).collect();
        let noise = normals(n, 30);
        let bit = Labels::from_symbols(
            &(0..n).map(|i| columns[0][i] + columns[1][i] + noise[i] > 0.0).collect::<Vec<_>>(),
        );
        let t = Array2::from_shape_fn((n, 6), |(i, j)| columns[j][i]);
        let class = Labels::from_symbols(&(0..n).map(|i| i % 2).collect::<Vec<_>>());
        let found = conditional((&bit).into(), (&t).into(), (&class).into());
        assert_eq!(found.choice.as_ref().unwrap().name(), "classifier");
        assert_eq!(found.kind, EstimateKind::Bound(Bound::Lower));
        // At most the .2823 that the two columns tell, by quadrature.
        assert!((0.05..0.33).contains(&found.information.nats()), "{}", found.information);
    }
}
