//! What memory an estimate is known to need.

use bytesize::ByteSize;
use infoplane::Estimator;
use infoplane::estimator::AnyEstimator;
use infoplane::memory::{address_space, installed};

use crate::failure::Failure;

/// What an estimate is made of.
#[derive(Debug, Clone, Copy)]
pub struct Size<'a> {
    pub n_samples: usize,
    /// The columns of each variable; 0 for symbols.
    pub widths: &'a [usize],
    /// How many estimates of this size are made at once.
    pub at_once: usize,
}

/// Refuses an estimate that needs more memory than `allowed`, or than the process may have.
pub fn check(estimator: &AnyEstimator, size: Size<'_>, allowed: Option<ByteSize>) -> Result<(), Failure> {
    let (needed, what) = needed(estimator, size);
    let told = |bytes: u64| ByteSize::b(bytes).display().iec().to_string();
    let name = estimator.name();
    let refused = |limit: String, advice: &str| {
        let needs = told(needed);
        Failure::input(format!(
            "{name} on {} samples needs about {needs} of memory ({what}); {limit}",
            size.n_samples
        ))
        .with_advice(format!("allow more{advice}, give fewer samples, or take another estimator"))
    };
    if let Some(allowed) = allowed.filter(|allowed| needed > allowed.as_u64()) {
        return Err(refused(format!("--memory allows {}", told(allowed.as_u64())), " with --memory"));
    }
    if let Some(left) = address_space().filter(|&left| needed > left) {
        let limit = format!("{} are left of what this process may have", told(left));
        return Err(refused(limit, " (ulimit -v)"));
    }
    // Whoever names an amount knows the machine.
    if allowed.is_none()
        && let Some(all) = installed().filter(|&all| needed > all)
    {
        return Err(refused(format!("this machine has {}", told(all)), " with --memory if it can swap"));
    }
    Ok(())
}

/// The bytes that an estimate needs beside its data, and what most of them are for.
///
/// The formulas are those of the arrays that the methods allocate; small ones are left out.
pub fn needed(estimator: &AnyEstimator, size: Size<'_>) -> (u64, &'static str) {
    let n = size.n_samples as f64;
    let columns: usize = size.widths.iter().sum();
    let keys = estimator.keys();
    let number = |key: &str| keys.get(key).and_then(|value| value.as_f64());
    // Values as double precision numbers, in columns, ranked or scaled, and joined.
    let copies = 4.0 * 8.0 * n * columns as f64;
    // A distance and an index, in the lists and where they are collected: 150 MB measured for 2500 lists of all others.
    let neighbours = |k: f64| 24.0 * n * k.min(n - 1.0).max(0.0);
    let (most, what) = match estimator.name() {
        "renyi" => {
            // Matrices of the variables and of their product are decomposed side by side. For α = 2 there are none.
            let n = number("batch").map_or(n, |batch| batch.min(n));
            let matrices = size.widths.iter().filter(|&&width| width > 0).count() + 1;
            let alpha = number("alpha").unwrap_or(1.01);
            // More samples are refused, or their matrix has so low a rank that its factor is smaller.
            let one = 8.0 * n * n.min((1 << 24) as f64 / n.max(1.0)).max(n.min(4096.0));
            (if alpha == 2.0 { 0.0 } else { matrices as f64 * one }, "matrices of all pairs of samples")
        }
        "lgde" | "klnn" => {
            // Distances to all samples, a selection of them and the neighbours with their coordinates and weights, of
            // one sample at a time for each thread.
            let list = (32.0 + 8.0 * (columns as f64 + 1.0)) * n;
            (list * rayon::current_num_threads() as f64, "lists of the neighbours of a sample")
        }
        "kde" | "noise" => {
            let variances = keys.get("noise_variances").and_then(|list| list.as_array()).map_or(1, Vec::len);
            // Packed twice, and two sums for each sample, variance and way of counting pairs.
            let sums = 4.0 * 8.0 * n * variances as f64;
            (16.0 * n * columns as f64 + sums, "samples packed for the sums over pairs")
        }
        "mixture-ksg" | "residual-ksg" | "combined" => {
            // Residuals of thirty fits for each column, or samples of the mixture, measured side by side.
            let fits = 30.0 * 8.0 * n * (columns as f64 + 4.0);
            (fits + copies * number("surrogates").unwrap_or(4.0).min(16.0), "fits and copies of the samples")
        }
        "critic" => {
            // Of each fold: rows in single precision, the Gaussian's terms, and two hidden layers of a row of each side.
            let hidden = number("hidden").unwrap_or(64.0);
            let folds = number("folds").unwrap_or(5.0).min(rayon::current_num_threads() as f64);
            (folds * n * (24.0 * columns as f64 + 16.0 * hidden), "rows and layers of the networks")
        }
        "untied-ksg" => (copies * number("draws").unwrap_or(8.0).min(16.0), "copies of the samples"),
        "cv-ksg" => {
            // Surrogates are measured side by side.
            (copies * (number("surrogates").unwrap_or(1.0)).min(16.0), "copies of the samples")
        }
        _ => (neighbours(number("k").unwrap_or(1.0)), "copies of the samples"),
    };
    let what = if most > copies { what } else { "copies of the samples" };
    let bytes = (copies + most) * size.at_once.max(1) as f64;
    // Beyond any machine the exact number is of no interest, and a cast stops at the largest.
    (bytes as u64, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(toml: &str, n_samples: usize, widths: &[usize]) -> u64 {
        let estimator: AnyEstimator = toml::from_str(toml).unwrap();
        needed(&estimator, Size { n_samples, widths, at_once: 1 }).0
    }

    #[test]
    fn needs_grow_as_the_arrays_of_the_methods() {
        // One list for each thread, of all others and their coordinates.
        let list = 88 * 20_000 * rayon::current_num_threads() as u64;
        let lgde = bytes("kind = 'lgde'", 20_000, &[3, 3]);
        assert!((list..list + 10_000_000).contains(&lgde), "{lgde}");
        // Three matrices of 3000 × 3000 numbers.
        let renyi = bytes("kind = 'renyi'", 3000, &[2, 2]);
        assert!((3 * 72_000_000..240_000_000).contains(&renyi), "{renyi}");
        assert!(bytes("kind = 'renyi'\nalpha = 2", 3000, &[2, 2]) < 1_000_000);
        assert!(bytes("kind = 'renyi'\nbatch = 100", 3000, &[2, 2]) < 1_000_000);
        assert!(bytes("kind = 'ksg'", 1_000_000, &[1, 1]) < 200_000_000);
        assert_eq!(bytes("kind = 'plug-in'", 0, &[0, 0]), 0);
        // Far beyond what a number can hold.
        assert_eq!(bytes("kind = 'ksg'", usize::MAX, &[usize::MAX / 2]), u64::MAX);
    }
}
