//! Lines of a table as fields.

/// What stands between two fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    Comma,
    Semicolon,
    Tab,
    Bar,
    /// Any number of blanks and tabs, also before the first field.
    Blanks,
    /// Nothing: the line is one field.
    None,
}

impl Separator {
    /// In the plural, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Separator::Comma => "commas",
            Separator::Semicolon => "semicolons",
            Separator::Tab => "tabs",
            Separator::Bar => "vertical bars",
            Separator::Blanks => "blanks",
            Separator::None => "nothing",
        }
    }

    fn is(self, c: char) -> bool {
        match self {
            Separator::Comma => c == ',',
            Separator::Semicolon => c == ';',
            Separator::Tab => c == '\t',
            Separator::Bar => c == '|',
            Separator::Blanks => c == ' ' || c == '\t',
            Separator::None => false,
        }
    }
}

/// The fields of a line, without quotes and without blanks around them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields {
    text: String,
    ends: Vec<usize>,
    quoted: Vec<bool>,
    /// Number of the line where they begin, from 1.
    pub line: u64,
}

impl Fields {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The field of that number, or nothing.
    pub fn get(&self, field: usize) -> &str {
        let start = field.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        match (start, self.ends.get(field)) {
            (Some(start), Some(&end)) => self.text[start..end].trim(),
            _ => "",
        }
    }

    pub fn is_quoted(&self, field: usize) -> bool {
        self.quoted.get(field).copied().unwrap_or(false)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|field| self.get(field))
    }

    /// Bytes of memory that they take.
    pub fn size(&self) -> usize {
        self.text.len() + size_of_val(&self.ends[..]) + self.quoted.len()
    }

    /// Removes all fields.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.quoted.clear();
    }

    /// Ends a field whose quote was not ended.
    pub fn close(&mut self) {
        self.ends.push(self.text.len());
    }

    /// Divides a line. True says that a quoted field goes on in the next line, which [`Fields::go_on`] takes.
    pub fn divide(&mut self, line: &str, separator: Separator) -> bool {
        self.clear();
        self.add(line, separator, false)
    }

    /// Divides the line after one that ended within quotes.
    pub fn go_on(&mut self, line: &str, separator: Separator) -> bool {
        self.text.push('\n');
        self.add(line, separator, true)
    }

    fn add(&mut self, line: &str, separator: Separator, mut within: bool) -> bool {
        let mut rest = line;
        loop {
            if !within {
                // Blanks before a field, of which those that separate are no fields of their own.
                let start =
                    rest.trim_start_matches(|c: char| c.is_whitespace() && !one_of_its_own(separator, c));
                if separator == Separator::Blanks && start.is_empty() {
                    return false;
                }
                let quoted = start.starts_with('"');
                self.quoted.push(quoted);
                rest = start;
                if quoted {
                    rest = &start[1..];
                    within = true;
                }
            }
            if within {
                // A quote within quotes is doubled; R, which separates by blanks, puts a backslash before it.
                match rest.find('"') {
                    None => {
                        self.text.push_str(rest);
                        return true;
                    }
                    Some(end) if rest[end + 1..].starts_with('"') => {
                        self.text.push_str(&rest[..=end]);
                        rest = &rest[end + 2..];
                        continue;
                    }
                    Some(end) if separator == Separator::Blanks && rest[..end].ends_with('\\') => {
                        self.text.push_str(&rest[..end - 1]);
                        self.text.push('"');
                        rest = &rest[end + 1..];
                        continue;
                    }
                    Some(end) => {
                        self.text.push_str(&rest[..end]);
                        rest = &rest[end + 1..];
                        within = false;
                    }
                }
            }
            let end = rest.find(|c| separator.is(c));
            self.text.push_str(&rest[..end.unwrap_or(rest.len())]);
            self.ends.push(self.text.len());
            match end {
                Some(end) => rest = &rest[end + 1..],
                None => return false,
            }
        }
    }
}

/// Whether a blank character separates fields one by one.
fn one_of_its_own(separator: Separator, c: char) -> bool {
    separator == Separator::Tab && c == '\t'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(line: &str, separator: Separator) -> Vec<String> {
        let mut fields = Fields::default();
        fields.divide(line, separator);
        fields.iter().map(str::to_owned).collect()
    }

    #[test]
    fn quotes_keep_separators_and_doubled_quotes() {
        assert_eq!(fields("a, 2 ,\"x, \"\"y\"\"\",", Separator::Comma), ["a", "2", "x, \"y\"", ""]);
        assert_eq!(fields("5\" pipe,2", Separator::Comma), ["5\" pipe", "2"]);
        assert_eq!(fields("\"a\\\"b\" 2", Separator::Blanks), ["a\"b", "2"]);
        let mut fields = Fields::default();
        assert!(fields.divide("1,\"two", Separator::Comma));
        assert!(!fields.go_on("lines\",3", Separator::Comma));
        assert_eq!(fields.iter().collect::<Vec<_>>(), ["1", "two\nlines", "3"]);
        assert_eq!((fields.is_quoted(0), fields.is_quoted(1)), (false, true));
    }

    #[test]
    fn blanks_separate_in_any_number_and_tabs_one_by_one() {
        assert_eq!(fields("  1.0   2.0\t3 ", Separator::Blanks), ["1.0", "2.0", "3"]);
        assert_eq!(fields("\"a b\" c", Separator::Blanks), ["a b", "c"]);
        assert_eq!(fields("\t1\t\t2 3", Separator::Tab), ["", "1", "", "2 3"]);
        assert_eq!(fields("1,5", Separator::None), ["1,5"]);
    }

    proptest! {
        #[test]
        fn arbitrary_lines_never_panic(line in "[ -~\té\"]{0,40}", next in "[ -~\té\"]{0,40}") {
            for separator in [
                Separator::Comma, Separator::Semicolon, Separator::Tab, Separator::Bar, Separator::Blanks, Separator::None,
            ] {
                let mut fields = Fields::default();
                if fields.divide(&line, separator) {
                    fields.go_on(&next, separator);
                }
                for field in 0..fields.len() + 1 {
                    let _ = (fields.get(field), fields.is_quoted(field));
                }
            }
        }
    }
}
