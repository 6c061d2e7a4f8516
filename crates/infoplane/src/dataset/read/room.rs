//! Room for the data of a file: within the budget, and as far as the system gives it.
//!
//! Whatever grows with a file is made here, so that a file of a stranger ends in a message and never ends the process.

use crate::dataset::DatasetError;
use crate::memory::Budget;

/// Refuses data of `file` that take `needed` bytes, if that is more than is allowed.
pub(super) fn afford(budget: Budget, file: &str, needed: u128) -> Result<(), DatasetError> {
    if needed > u128::from(budget.bytes()) {
        return Err(DatasetError::TooLarge { file: file.to_owned(), needed, budget });
    }
    Ok(())
}

/// A vector with room for `n` elements.
pub(super) fn room<T>(file: &str, n: usize) -> Result<Vec<T>, DatasetError> {
    let mut values = Vec::new();
    reserve(&mut values, file, n)?;
    Ok(values)
}

/// Makes room for `n` more elements, and no more than that.
pub(super) fn reserve<T>(values: &mut Vec<T>, file: &str, n: usize) -> Result<(), DatasetError> {
    let asked = || (values.len().saturating_add(n) as u64).saturating_mul(size_of::<T>() as u64);
    let asked = asked();
    values.try_reserve_exact(n).map_err(|_| DatasetError::NoMemory { file: file.to_owned(), asked })
}

/// Makes room for `n` more elements, and half as much again as there is, so that many small additions are cheap.
pub(super) fn grow<T>(values: &mut Vec<T>, file: &str, n: usize) -> Result<(), DatasetError> {
    if values.capacity() - values.len() >= n {
        return Ok(());
    }
    reserve(values, file, n.max(values.len() / 2).max(1024))
}

/// So many zeros.
pub(super) fn zeros<T: Clone + Default>(file: &str, n: usize) -> Result<Vec<T>, DatasetError> {
    let mut values = room(file, n)?;
    values.resize(n, T::default());
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_an_error_of_the_file() {
        assert!(afford(Budget::of(10), "a.npy", 10).is_ok());
        let error = afford(Budget::of(10), "a.npy", 3 << 30).unwrap_err();
        assert!(
            error.to_string().starts_with("a.npy: its data take 3.0 GiB or more; allowed are 10 bytes; "),
            "{error}"
        );
        assert!(!error.lacks_memory());
        let error = room::<u64>("a.npy", usize::MAX).unwrap_err();
        assert!(
            error.lacks_memory() && error.to_string().starts_with("a.npy: the system gives no "),
            "{error}"
        );
    }

    #[test]
    fn room_grows_by_half() {
        let mut values: Vec<u8> = Vec::new();
        grow(&mut values, "a.csv", 1).unwrap();
        assert_eq!(values.capacity(), 1024);
        values.resize(1024, 0);
        grow(&mut values, "a.csv", 1).unwrap();
        assert_eq!(values.capacity(), 2048);
        assert_eq!(zeros::<u8>("a.csv", 3).unwrap(), [0, 0, 0]);
    }
}
