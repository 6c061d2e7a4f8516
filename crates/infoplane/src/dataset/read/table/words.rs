//! What a field says: a number, yes or no, nothing, or text.

/// What is written where a value is missing.
const MISSING: [&str; 20] = [
    "", "NA", "NaN", "nan", "NAN", "-nan", "-NaN", "N/A", "n/a", "#N/A", "#NA", "<NA>", "null", "NULL",
    "Null", "None", "none", "?", "-", ".",
];

pub(super) fn is_missing(field: &str) -> bool {
    MISSING.contains(&field)
}

pub(super) fn yes_or_no(field: &str) -> Option<bool> {
    match field {
        "TRUE" | "True" | "true" => Some(true),
        "FALSE" | "False" | "false" => Some(false),
        _ => None,
    }
}

/// A number that is not NaN, which is missing.
pub(super) fn number(field: &str, decimal_comma: bool) -> Option<f64> {
    let value = match decimal_comma {
        false => field.parse(),
        // 1.234 has thousands there.
        true if field.contains('.') => return None,
        true => field.replacen(',', ".", 1).parse(),
    };
    value.ok().filter(|value: &f64| !value.is_nan())
}

/// The largest whole number up to which each is another number in double precision, 2⁵³.
pub(in super::super) const LARGEST_COUNT: f64 = 9_007_199_254_740_992.0;

/// Whether a field is a whole number in digits, as names are numbered.
pub(super) fn is_whole(field: &str) -> bool {
    let digits = field.strip_prefix(['-', '+']).unwrap_or(field);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a field is a number with a decimal comma; gives how many digits follow it.
pub(super) fn digits_after_comma(field: &str) -> Option<usize> {
    let (whole, rest) = field.split_once(',')?;
    let whole = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let digits = rest.split(['e', 'E']).next().unwrap_or(rest);
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (all_digits(whole) && all_digits(digits) && !digits.is_empty() && number(field, true).is_some())
        .then_some(digits.len())
}

/// A whole number of no more signs than it needs.
pub(super) fn count(field: &str) -> Option<u64> {
    let plain = field.bytes().all(|byte| byte.is_ascii_digit()) && (field == "0" || !field.starts_with('0'));
    plain.then(|| field.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_number_or_missing_or_neither_but_never_both() {
        for word in MISSING {
            assert!(number(word, false).is_none() && number(word, true).is_none(), "{word}");
        }
        for word in ["1", "-2.5e3", ".5", "5.", "+1", "inf"] {
            assert!(number(word, false).is_some() && !is_missing(word), "{word}");
        }
        assert_eq!(number("-0,25", true), Some(-0.25));
        assert!(is_whole("-17") && is_whole("100000000000000001") && !is_whole("1e17") && !is_whole("1.0"));
        assert_eq!(
            (number("1.234,5", true), number("1,2,3", true), number("0,25", false)),
            (None, None, None)
        );
        assert_eq!((digits_after_comma("-1,50"), digits_after_comma("1,5e-3")), (Some(2), Some(1)));
        assert_eq!(
            (digits_after_comma("1,"), digits_after_comma("a,5"), digits_after_comma("1,-5")),
            (None, None, None)
        );
        assert_eq!((count("10"), count("010"), count("-1"), count("")), (Some(10), None, None, None));
    }
}
