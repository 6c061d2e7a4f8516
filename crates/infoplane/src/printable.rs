//! Text from outside, as it can be printed.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

/// Returns `text` with every character written out (`\n`, `\u{1b}`) that would not be shown as a letter where it stands.
///
/// These are control characters, which begin new lines or steer a terminal; characters that turn the direction of what
/// follows; and characters that end a line, or have no width, without being control characters. Names of files, layers,
/// columns and arrays go through it before they stand in a message, a table or a page.
///
/// # Examples
/// ```
/// use infoplane::printable::printable;
///
/// assert_eq!(printable("T1, größe"), "T1, größe");
/// assert_eq!(printable("a\n\u{1b}[2J\u{202e}b"), r"a\n\u{1b}[2J\u{202e}b");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match is_hidden(character) {
            // Writing to a string does not fail.
            true => drop(write!(out, "{}", character.escape_default())),
            false => out.push(character),
        }
    }
    Cow::Owned(out)
}

/// Returns a path as [`printable`] text; bytes that are not UTF-8 are shown as �.
///
/// # Examples
/// ```
/// use infoplane::printable::printable_path;
///
/// assert_eq!(printable_path("runs/a\tb"), r"runs/a\tb");
/// ```
pub fn printable_path(path: impl AsRef<Path>) -> String {
    printable(&path.as_ref().to_string_lossy()).into_owned()
}

/// Whether a character is not shown as a letter where it stands.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Soft hyphen, Arabic letter mark, Mongolian vowel separator.
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            // No width, and marks of direction. The joiners U+200C and U+200D belong to words of several scripts.
            | '\u{200b}' | '\u{200e}' | '\u{200f}'
            // Separators of lines and paragraphs; embeddings, overrides and isolates of direction.
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            // Tags, which nothing shows.
            | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_turns_the_direction_is_written_out() {
        assert_eq!(
            printable("a\u{1b}[31mb\u{9b}2J\nc\r\u{7f}\t\u{2066}d\u{2028}"),
            r"a\u{1b}[31mb\u{9b}2J\nc\r\u{7f}\t\u{2066}d\u{2028}"
        );
    }

    #[test]
    fn letters_of_every_script_and_signs_stay() {
        for text in ["größe \"q\" \\ |", "日本語", "مرحبا", "می\u{200c}خواهم", "👩\u{200d}🔬"]
        {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
