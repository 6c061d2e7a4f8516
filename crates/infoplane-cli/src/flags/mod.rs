//! Flags that several commands share.

use std::fmt::Display;
use std::str::FromStr;

pub mod figures;
pub mod files;
pub mod machine;
pub mod method;
pub mod out;
pub mod schedule;

/// A whole number.
pub fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "allowed are whole numbers from 0".into())
}

/// A number.
pub fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "allowed are numbers, such as 0.5 or 1e-3".into())
}

/// A whole number from `least` to `most`.
pub fn whole_from<T>(least: T, most: T) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Copy + Send + Sync + 'static,
{
    move |text| match text.parse() {
        Ok(number) if least <= number && number <= most => Ok(number),
        _ => Err(format!("allowed are whole numbers from {least} to {most}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_told_what_is_allowed() {
        assert_eq!(whole("12"), Ok(12u64));
        assert_eq!(whole::<u64>("abc").unwrap_err(), "allowed are whole numbers from 0");
        assert_eq!(whole_from(1u16, 9)("9"), Ok(9));
        for text in ["10", "0", "x", "1.5", "-1"] {
            assert_eq!(whole_from(1u16, 9)(text).unwrap_err(), "allowed are whole numbers from 1 to 9");
        }
        assert!(number("1,5").unwrap_err().contains("numbers"));
    }
}
