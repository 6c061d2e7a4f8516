//! Which rows train the network.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Dataset, DatasetError, Split};
use crate::random::{Purpose, generator, shuffle};

/// How to choose the rows that train; a table of a configuration file.
///
/// ```
/// # use infoplane::dataset::SplitRule;
/// # #[derive(serde::Deserialize)]
/// # struct Config { split: SplitRule }
/// let config: Config = toml::from_str(r#"split = { kind = "shuffled", train_fraction = 0.8 }"#)?;
/// assert_eq!(config.split, SplitRule::Shuffled { train_fraction: 0.8 });
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SplitRule {
    /// A share of the rows, drawn by the seed.
    Shuffled {
        /// The share that trains, in (0, 1].
        train_fraction: f64,
    },
    /// The first rows train, the last are held back.
    ///
    /// Right only if the rows are in no particular order: data in counting order, such as the 12-bit task,
    /// are then trained and tested on different questions.
    Unshuffled {
        /// The share that trains, in (0, 1].
        train_fraction: f64,
    },
    /// As the data came: MNIST with its 10,000 test images.
    AsGiven {},
}

impl Dataset {
    /// Chooses the rows that train and those held back.
    ///
    /// round(`train_fraction` · n) rows train, at least one; none are held back if that is all of them.
    /// Shuffled rows come in the order drawn, which depends on `seed` alone (ChaCha8), now and in later
    /// versions.
    ///
    /// # Errors
    /// [`DatasetError::Setting`] if `train_fraction` is outside (0, 1] or leaves no row to train, or if the
    /// split is to be as given and the data came without one; [`DatasetError::TestClasses`] if a given test part has
    /// classes that its training part lacks. Shuffled and unshuffled splits may leave a class without training rows.
    ///
    /// # Examples
    /// ```
    /// use infoplane::dataset::{DatasetSource, SplitRule};
    /// let task = DatasetSource::Symmetric12 { gain: None, repeats: 1 }.load(0)?;
    /// let split = task.split_rows(SplitRule::Shuffled { train_fraction: 0.8 }, 7)?;
    /// assert_eq!((split.train.len(), split.test.len()), (3277, 819));
    /// # Ok::<(), infoplane::dataset::DatasetError>(())
    /// ```
    pub fn split_rows(&self, rule: SplitRule, seed: u64) -> Result<Split, DatasetError> {
        let (train_fraction, shuffled) = match rule {
            SplitRule::Shuffled { train_fraction } => (train_fraction, true),
            SplitRule::Unshuffled { train_fraction } => (train_fraction, false),
            SplitRule::AsGiven {} => {
                let none = || {
                    let given = format!("as-given, but {} came without one", self.name);
                    DatasetError::setting("split", given, "shuffled or unshuffled, with a train_fraction")
                };
                let split = self.split.clone().ok_or_else(none)?;
                self.check_test_classes(&split)?;
                return Ok(split);
            }
        };
        let n_samples = self.n_samples();
        let refused = |allowed| DatasetError::setting("train_fraction", train_fraction, allowed);
        // NaN fails this too.
        if !(train_fraction > 0.0 && train_fraction <= 1.0) {
            return Err(refused("a number above 0 and up to 1"));
        }
        let n_train = (train_fraction * n_samples as f64).round() as usize;
        if n_train == 0 {
            return Err(refused("a share that leaves at least one sample to train"));
        }
        let mut rows: Vec<usize> = (0..n_samples).collect();
        if shuffled {
            shuffle(&mut generator(seed, Purpose::Split, 0), &mut rows);
        }
        let test = rows.split_off(n_train);
        Ok(Split { train: rows, test })
    }

    /// In data whose parts are given a class that does not train is a mistake: labels written in two ways, say.
    fn check_test_classes(&self, split: &Split) -> Result<(), DatasetError> {
        let codes = self.labels.codes();
        let mut trains = vec![false; self.labels.n_labels()];
        split.train.iter().for_each(|&row| trains[codes[row] as usize] = true);
        let lacking = || {
            split.test.iter().map(|&row| codes[row]).enumerate().filter(|(_, code)| !trains[*code as usize])
        };
        let Some((row, _)) = lacking().next() else { return Ok(()) };
        let classes: BTreeSet<u32> = lacking().map(|(_, code)| code).collect();
        Err(DatasetError::TestClasses {
            name: self.name.clone(),
            n_samples: lacking().count(),
            n_classes: classes.len(),
            row,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Labels;
    use ndarray::Array2;
    use proptest::prelude::*;

    fn dataset(n_samples: usize) -> Dataset {
        Dataset {
            name: "rows".into(),
            inputs: Array2::zeros((n_samples, 1)).into(),
            labels: Labels::distinct(n_samples),
            split: None,
            readings: Vec::new(),
        }
    }

    #[test]
    fn a_seed_gives_the_same_rows_for_ever() {
        let split = dataset(10).split_rows(SplitRule::Shuffled { train_fraction: 0.8 }, 1).unwrap();
        assert_eq!((&split.train[..], &split.test[..]), (&[0, 2, 1, 6, 3, 7, 8, 5][..], &[4, 9][..]));
    }

    #[test]
    fn every_row_is_held_back_equally_often() {
        let data = dataset(8);
        let mut held_back = [0u32; 8];
        let n_seeds = 4000;
        for seed in 0..n_seeds {
            let split = data.split_rows(SplitRule::Shuffled { train_fraction: 0.75 }, seed).unwrap();
            split.test.iter().for_each(|&row| held_back[row] += 1);
        }
        // Binomial with p = 1/4: five standard deviations.
        let (mean, deviation) = (n_seeds as f64 / 4.0, (n_seeds as f64 * 3.0 / 16.0).sqrt());
        assert!(held_back.iter().all(|&n| (f64::from(n) - mean).abs() < 5.0 * deviation), "{held_back:?}");
    }

    #[test]
    fn fractions_outside_zero_to_one_are_refused() {
        for train_fraction in [0.0, -0.5, 1.0001, f64::NAN, f64::INFINITY, 1e-9] {
            for rule in [SplitRule::Shuffled { train_fraction }, SplitRule::Unshuffled { train_fraction }] {
                assert!(matches!(dataset(10).split_rows(rule, 0), Err(DatasetError::Setting { .. })));
            }
        }
        let all = dataset(10).split_rows(SplitRule::Unshuffled { train_fraction: 1.0 }, 0).unwrap();
        assert_eq!(all, Split { train: (0..10).collect(), test: vec![] });
    }

    #[test]
    fn data_without_a_split_have_none_to_give() {
        let mut data = dataset(3);
        assert!(
            data.split_rows(SplitRule::AsGiven {}, 0).unwrap_err().to_string().contains("rows came without")
        );
        let given = Split { train: vec![2], test: vec![0, 1] };
        data.split = Some(given.clone());
        data.labels = Labels::from_symbols(&[4, 4, 4]);
        assert_eq!(data.split_rows(SplitRule::AsGiven {}, 0).unwrap(), given);
    }

    #[test]
    fn a_given_test_part_may_not_have_classes_that_do_not_train() {
        let split = Split { train: vec![0, 1, 2], test: vec![3, 4, 5] };
        let mut data = Dataset { split: Some(split), ..dataset(6) };
        let message = |data: &Dataset| data.split_rows(SplitRule::AsGiven {}, 0).unwrap_err().to_string();
        data.labels = Labels::from_symbols(&["cat", "dog", "dog", "dog", "Dog", "Dog"]);
        let one = message(&data);
        assert!(one.starts_with("the test part of rows holds 2 samples of a class that"), "{one}");
        assert!(one.contains("its row 1, from 0"), "{one}");
        data.labels = Labels::from_symbols(&[1, 1, 1, 5, 1, 7]);
        assert!(message(&data).contains("2 samples of 2 classes"));
        // Classes that the test part lacks are no mistake, and a shuffled split takes all rows together.
        data.labels = Labels::from_symbols(&[1, 2, 3, 1, 1, 1]);
        assert!(data.split_rows(SplitRule::AsGiven {}, 0).is_ok());
        data.labels = Labels::from_symbols(&[1, 1, 1, 2, 2, 2]);
        assert!(data.split_rows(SplitRule::Unshuffled { train_fraction: 0.5 }, 0).is_ok());
    }

    #[test]
    fn unknown_keys_are_refused() {
        for text in
            ["kind = 'shuffled'\ntrain_fraction = 0.5\nseed = 3", "kind = 'as-given'\ntrain_fraction = 0.5"]
        {
            assert!(toml::from_str::<SplitRule>(text).is_err(), "{text}");
        }
        assert_eq!(toml::from_str::<SplitRule>("kind = 'as-given'").unwrap(), SplitRule::AsGiven {});
    }

    proptest! {
        #[test]
        fn a_split_holds_every_row_once(n in 1usize..300, train_fraction in 0.01f64..=1.0, seed in any::<u64>()) {
            prop_assume!((train_fraction * n as f64).round() >= 1.0);
            let split = dataset(n).split_rows(SplitRule::Shuffled { train_fraction }, seed).unwrap();
            let mut rows = [&split.train[..], &split.test[..]].concat();
            rows.sort();
            prop_assert_eq!(rows, (0..n).collect::<Vec<_>>());
        }
    }
}
