//! How a table is written, told from its first lines.
//!
//! Nothing here is read twice in two ways: what is decided here holds for the whole file, and a line that does not fit
//! is an error of the reader.

use std::collections::HashSet;

use super::fields::{Fields, Separator};
use super::text::Encoding;
use super::words::{count, digits_after_comma, is_missing, number, yes_or_no};

/// How a table is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Format {
    pub encoding: Encoding,
    pub separator: Separator,
    pub decimal_comma: bool,
    /// The first line of data, from 1; those above are comments and the header.
    pub first_line: u64,
    /// How many lines above it are comments.
    pub n_comments: usize,
    /// Fields of a line of data.
    pub n_fields: usize,
    /// Names of all fields, where a header names them; a field without a name has an empty one.
    pub names: Option<Vec<String>>,
    /// Whether the names stand in a comment.
    pub names_in_comment: bool,
    /// Whether a first line of whole numbers is taken for the names.
    pub numbers_are_names: bool,
    /// Lines of words above the table, which are left out.
    pub n_titles: usize,
    /// Whether the first field is the name or number of the row.
    pub index: Index,
    /// Whether every line ends with a separator, so that a last field is always empty.
    pub empty_last: bool,
    /// For each field whether it holds numbers, as far as it was looked at.
    pub are_numbers: Vec<bool>,
    /// Whether the rows look one-hot: 0 and a single 1.
    pub one_hot: bool,
    /// Whether there is one line of several fields, and nothing else.
    pub one_row: bool,
}

/// Whether a first field tells rows apart and is no measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    No,
    /// So many first fields have no name where others have one: pandas and R write the names of rows so.
    Nameless(usize),
    /// No field has a name and this one counts the lines, as far as it was looked at.
    Counts,
}

impl Index {
    /// How many first fields surely are no measurements.
    pub fn n_fields(self) -> usize {
        match self {
            Index::Nameless(n) => n,
            Index::No | Index::Counts => 0,
        }
    }
}

/// At most how many lines are looked at.
const MOST_LINES: usize = 1000;

/// From how many lines on a first column that counts them is taken for their number where no column has a name.
const COUNTED: usize = 10;

/// Which separator the name of a file promises.
pub(super) fn promised(file: &str) -> Separator {
    let name = file.trim_end_matches(".gz");
    if name.ends_with(".tsv") || name.ends_with(".tab") { Separator::Tab } else { Separator::Comma }
}

/// Whether a line is a comment if it stands where no data can.
pub(super) fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with(['#', '%'])
}

/// A line of data, looked at.
type Row = Fields;

/// Tells the format; `header` decides whether the first line names the columns. None if there are no data.
pub(super) fn sniff(
    head: &str,
    head_is_whole: bool,
    encoding: Encoding,
    promised: Separator,
    header: Option<bool>,
) -> Option<Format> {
    let mut lines: Vec<(u64, &str)> = Vec::new();
    let mut rest = head;
    let mut number = 0;
    while !rest.is_empty() && lines.len() < MOST_LINES {
        let end = rest.find(['\n', '\r']);
        let line = &rest[..end.unwrap_or(rest.len())];
        let after = end.map_or("", |end| &rest[end..]);
        number += 1;
        // The last line of a part of the file may be cut.
        if (end.is_some() || head_is_whole || lines.is_empty()) && !line.trim().is_empty() {
            lines.push((number, line));
        }
        rest = after.strip_prefix("\r\n").or(after.get(1..)).unwrap_or("");
    }
    let ends_in_a_line = rest.is_empty() && !head.ends_with(['\n', '\r']);
    let mut separator_given = None;
    if let Some((_, first)) = lines.first()
        && let Some(separator) = told(first)
    {
        separator_given = Some(separator);
        lines.remove(0);
    }
    let n_comments = lines.iter().take_while(|(_, line)| is_comment(line)).count();
    // Where every line begins so, it is no comment.
    let n_comments = if n_comments == lines.len() { 0 } else { n_comments };
    let comments: Vec<&str> = lines.drain(..n_comments).map(|(_, line)| line).collect();
    if lines.is_empty() {
        return None;
    }
    let candidates = match separator_given {
        Some(separator) => vec![separator],
        None => {
            let mut all = vec![promised];
            for other in
                [Separator::Comma, Separator::Semicolon, Separator::Tab, Separator::Bar, Separator::Blanks]
            {
                if other != promised {
                    all.push(other);
                }
            }
            all
        }
    };
    let mut best: Option<(f64, Look)> = None;
    for &separator in &candidates {
        let look = Look::new(&lines, separator, ends_in_a_line);
        let score = look.score(promised);
        if look.agrees && score > best.as_ref().map_or(-1.0, |best| best.0) {
            best = Some((score, look));
        }
    }
    let look = match best {
        Some((_, look)) => look,
        None if decimals(lines.iter().map(|&(_, line)| line.trim())) => {
            Look::new(&lines, Separator::None, false)
        }
        // Lines of different lengths: the separator on which most of them agree, so that the message names the others.
        None => {
            let looks = candidates.iter().map(|&separator| Look::new(&lines, separator, ends_in_a_line));
            let wide = looks.filter(|look| look.n_fields > 1 && look.separator != Separator::Blanks);
            let most = wide.reduce(|best, other| if other.agreement > best.agreement { other } else { best });
            most.unwrap_or_else(|| Look::new(&lines, Separator::None, false))
        }
    };
    let mut look = look.or_decimals(&lines);
    look.is_all = head_is_whole && rest.is_empty();
    Some(look.format(&comments, encoding, n_comments, header))
}

/// `sep=;`, which spreadsheets understand as a first line.
fn told(line: &str) -> Option<Separator> {
    let line = line.trim().trim_matches('"');
    let (key, separator) = line.split_at_checked(4)?;
    if !key.eq_ignore_ascii_case("sep=") {
        return None;
    }
    Some(match separator {
        "," => Separator::Comma,
        ";" => Separator::Semicolon,
        "|" => Separator::Bar,
        "\t" | "" => Separator::Tab,
        _ => return None,
    })
}

/// Whether lines are numbers with decimal commas and not pairs of whole numbers: below a name of a single column, or with
/// a part that no whole number has, as -0 and 05.
fn decimals<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    let (mut with, mut evidence) = (0, false);
    for (index, line) in lines.enumerate() {
        match line.split_once(',') {
            Some((whole, digits)) if digits_after_comma(line).is_some() => {
                with += 1;
                evidence |= whole == "-0" || (digits.len() > 1 && digits.starts_with('0'));
            }
            None if number(line, false).is_some() || is_missing(line) => {}
            // The name of the column.
            None if index == 0 => evidence = true,
            _ => return false,
        }
    }
    with > 0 && evidence
}

/// Lines as one separator divides them.
struct Look {
    separator: Separator,
    rows: Vec<Row>,
    /// Lines of words above the table, which are left out.
    n_titles: usize,
    /// Fields of most lines.
    n_fields: usize,
    /// Whether all lines have as many, but for a header that names no rows, and a last line that is not all there.
    agrees: bool,
    /// The share of lines that have as many.
    agreement: f64,
    /// Whether no line of the file is missing here.
    is_all: bool,
}

impl Look {
    fn new(lines: &[(u64, &str)], separator: Separator, ends_in_a_line: bool) -> Look {
        let mut rows: Vec<Row> = Vec::new();
        let mut fields = Fields::default();
        let mut open = false;
        for &(number, line) in lines {
            open = match open {
                true => fields.go_on(line, separator),
                false => {
                    fields.line = number;
                    fields.divide(line, separator)
                }
            };
            if !open {
                rows.push(std::mem::take(&mut fields));
            }
        }
        // A quote that nothing ends leaves no line.
        if rows.is_empty() {
            fields.close();
            rows.push(fields);
        }
        // A comment between the lines has as many fields as it likes.
        let lengths = |rows: &[Row]| -> Vec<usize> { rows.iter().skip(1).map(Row::len).collect() };
        let all: Vec<usize> = rows.iter().map(Row::len).collect();
        let n_fields = most_frequent(&all).unwrap_or(0);
        let is_comment = |row: &Row| row.get(0).starts_with(['#', '%']);
        rows.retain(|row| row.len() == n_fields || !is_comment(row));
        // Above numbers and between them it is no field either.
        let is_number = |row: &Row| number(row.get(0), false).is_some() || is_missing(row.get(0));
        let data = || rows.iter().skip(1).filter(|row| !is_comment(row));
        if data().next().is_some() && data().all(is_number) {
            rows.retain(|row| !is_comment(row));
        }
        // A title above the table.
        let is_title =
            |row: &Row| row.len() < n_fields && row.iter().all(|text| number(text, false).is_none());
        let mut n_titles = rows.iter().take_while(|row| is_title(row)).count();
        let has_numbers = |row: &Row| row.iter().any(|text| number(text, false).is_some());
        let is_table = |rows: &[Row]| {
            rows.first().is_some_and(|row| row.len() == n_fields) && rows.iter().any(has_numbers)
        };
        if !is_table(&rows[n_titles..]) {
            n_titles = 0;
        }
        let is_header = |rows: &[Row], n: usize| {
            rows[n].len() + 1 == n_fields
                && rows.get(n + 1).is_some_and(has_numbers)
                && has_a_shorter_header(&rows[n..], n_fields)
        };
        if n_titles > 0 && is_header(&rows, n_titles - 1) {
            n_titles -= 1;
        }
        rows.drain(..n_titles);
        let below = lengths(&rows);
        let fitting = below.iter().filter(|&&length| length == n_fields).count();
        let cut = ends_in_a_line && below.last().is_some_and(|&last| last < n_fields);
        let first = rows.first().map_or(0, Row::len);
        let first_fits =
            first == n_fields || (first + 1 == n_fields && has_a_shorter_header(&rows, n_fields));
        let agrees = n_fields > 1 && first_fits && fitting + usize::from(cut) == below.len();
        let agreement = (fitting + usize::from(first_fits)) as f64 / (below.len() + 1) as f64;
        Look { separator, rows, n_titles, n_fields, agrees, agreement, is_all: true }
    }

    /// The share of fields below the first line that are numbers; blanks, which text holds too, separate only numbers.
    fn score(&self, promised: Separator) -> f64 {
        let rows = if self.rows.len() > 1 { &self.rows[1..] } else { &self.rows[..] };
        let (mut numbers, mut all) = (0usize, 0usize);
        for row in rows {
            for (field, text) in row.iter().enumerate() {
                let known = number(text, false).is_some()
                    || digits_after_comma(text).is_some()
                    || is_missing(text)
                    || yes_or_no(text).is_some();
                numbers += usize::from(known);
                all += 1;
                let text = !known && !row.is_quoted(field);
                if self.separator == Separator::Blanks && text && promised == Separator::Comma {
                    return -1.0;
                }
            }
        }
        // Text between blanks is one text unless there are numbers beside it.
        if self.separator == Separator::Blanks && numbers == 0 {
            return -1.0;
        }
        numbers as f64 / all.max(1) as f64
    }

    /// The same lines as one column, if they are numbers with decimal commas.
    fn or_decimals(self, lines: &[(u64, &str)]) -> Look {
        // R's row names are counted; numbers that are so by accident are few.
        let counted = |(index, row): (usize, &Row)| count(row.get(0)) == Some(index as u64 + 1);
        let are_row_names =
            self.rows[0].len() == 1 && self.rows.len() > 3 && self.rows[1..].iter().enumerate().all(counted);
        let one = self.separator == Separator::Comma
            && self.n_fields == 2
            && !are_row_names
            && decimals(lines.iter().map(|&(_, line)| line.trim()));
        if one { Look::new(lines, Separator::None, false) } else { self }
    }

    fn format(
        self,
        comments: &[&str],
        encoding: Encoding,
        n_comments: usize,
        header: Option<bool>,
    ) -> Format {
        let Look { separator, n_fields, .. } = self;
        let shorter = self.rows[0].len() + 1 == n_fields && has_a_shorter_header(&self.rows, n_fields);
        let trailing = shorter && last_is_empty(&self.rows[1..], n_fields);
        let decimal_comma = self.decimal_comma();
        let in_line = match header {
            Some(header) => header,
            None => shorter || self.first_line_is_header(decimal_comma),
        };
        let mut names: Option<Vec<String>> = None;
        let mut names_in_comment = false;
        if in_line {
            let mut header: Vec<String> = self.rows[0].iter().map(str::to_owned).collect();
            if shorter {
                header.insert(if trailing { header.len() } else { 0 }, String::new());
            }
            header.resize(n_fields, String::new());
            names = Some(header);
        } else if header != Some(false)
            && let Some(found) = comments.last().and_then(|comment| names_of(comment, separator, n_fields))
        {
            names = Some(found);
            names_in_comment = true;
        }
        let first_line = self.rows.get(usize::from(in_line)).map_or(u64::MAX, |row| row.line);
        let rows = &self.rows[usize::from(in_line).min(self.rows.len())..];
        // A file whose last line has no other with it may end there by accident.
        let named_last = names.as_ref().is_some_and(|names| !names[n_fields - 1].is_empty());
        let empty_last = !named_last && last_is_empty(rows, n_fields) && (rows.len() > 1 || in_line);
        let index = index(names.as_deref(), rows, n_fields);
        let of_numbers = |field: usize| {
            rows.iter().all(|row| {
                let text = row.get(field);
                number(text, decimal_comma).is_some() || is_missing(text) || yes_or_no(text).is_some()
            })
        };
        let are_numbers = (0..n_fields).map(of_numbers).collect();
        let from = index.n_fields();
        let to = n_fields - usize::from(empty_last);
        let one_row = names.is_none() && rows.len() == 1 && self.is_all && n_fields > 1;
        let one_hot = to > from + 1 && rows.len() > 1 && rows.iter().all(|row| is_one_hot(row, from..to));
        Format {
            encoding,
            separator,
            decimal_comma,
            first_line,
            n_comments,
            n_fields,
            numbers_are_names: in_line
                && names
                    .as_ref()
                    .is_some_and(|names| names[index.n_fields()..].iter().all(|name| count(name).is_some())),
            names,
            names_in_comment,
            n_titles: self.n_titles,
            index,
            empty_last,
            are_numbers,
            one_hot,
            one_row,
        }
    }

    /// Whether commas are decimal: some numbers have them, none has a point.
    fn decimal_comma(&self) -> bool {
        let (mut commas, mut not_thousands) = (false, false);
        for row in &self.rows {
            for text in row.iter() {
                match digits_after_comma(text) {
                    Some(digits) => {
                        commas = true;
                        not_thousands |= digits != 3;
                    }
                    None if text.contains('.') && number(text, false).is_some() => return false,
                    None => {}
                }
            }
        }
        // "1,234" within quotes is a thousand where commas separate.
        commas && (not_thousands || self.separator != Separator::Comma)
    }

    /// Whether the first line names the columns: it differs from what stands below.
    fn first_line_is_header(&self, decimal_comma: bool) -> bool {
        let known = |text: &str| number(text, decimal_comma).is_some() || yes_or_no(text).is_some();
        let (first, below) = (&self.rows[0], &self.rows[1..]);
        let any_number = first.iter().any(known);
        // What a column of numbers has above it is its name.
        let of_numbers = |field: usize| {
            let texts = || below.iter().map(|row| row.get(field));
            texts().all(|text| known(text) || is_missing(text)) && texts().any(known)
        };
        let is_name = |text: &str| !known(text) && !is_missing(text);
        if (0..self.n_fields).any(|field| is_name(first.get(field)) && of_numbers(field)) {
            return true;
        }
        if below.is_empty() {
            return !any_number && first.iter().any(|text| !is_missing(text));
        }
        // A number that names a column: pandas numbers columns that have no names.
        let numbered = |from: usize| {
            let fields = || from..self.n_fields;
            let in_order = fields().all(|field| count(first.get(field)) == Some((field - from) as u64));
            let mut known = HashSet::new();
            // Years, say.
            let differ = self.n_fields > 2
                && fields().all(|field| count(first.get(field)).is_some_and(|number| known.insert(number)));
            (in_order || differ) && self.n_fields > from && {
                let column = |field: usize| below.iter().map(move |row| row.get(field));
                let never_whole = fields().all(|field| column(field).all(|text| count(text).is_none()));
                let goes_on = count(below[0].get(from)) == Some((self.n_fields - from) as u64);
                let many = in_order && self.n_fields - from >= 8 && !goes_on;
                // Below a place without a name, row numbers.
                let above_row_numbers = from == 1 && column(0).all(|text| count(text).is_some());
                above_row_numbers || many || (never_whole && below.len() >= 3 && self.n_fields > from + 2)
            }
        };
        if first.get(0).is_empty() && numbered(1) && !below[0].get(0).is_empty() || numbered(0) {
            return true;
        }
        if any_number {
            return false;
        }
        // Text above text: a name is not among the values.
        if !first.iter().any(is_name) {
            return false;
        }
        let repeated = |field: usize| below.iter().any(|row| row.get(field) == first.get(field));
        !(0..self.n_fields).any(|field| !first.get(field).is_empty() && repeated(field))
    }
}

/// Whether the first line names all columns but those of the rows' names, or of nothing after the last separator.
fn has_a_shorter_header(rows: &[Row], n_fields: usize) -> bool {
    let [first, below @ ..] = rows else { return false };
    if below.is_empty() || first.iter().any(|text| number(text, false).is_some()) {
        return false;
    }
    let mut known = HashSet::new();
    let mut tells_rows = |row: &Row| {
        let field = row.get(0);
        row.is_quoted(0)
            || number(field, false).is_none()
            || count(field).is_some_and(|number| known.insert(number))
    };
    below.iter().all(&mut tells_rows) || last_is_empty(below, n_fields)
}

fn last_is_empty(rows: &[Row], n_fields: usize) -> bool {
    n_fields > 1 && !rows.is_empty() && rows.iter().all(|row| row.get(n_fields - 1).is_empty())
}

/// The most frequent number; of equally frequent ones the larger.
fn most_frequent(values: &[usize]) -> Option<usize> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).max_by_key(|equal| equal.len()).map(|equal| equal[0])
}

/// The names in a comment above data of so many fields: `# u,v`.
fn names_of(comment: &str, separator: Separator, n_fields: usize) -> Option<Vec<String>> {
    let text = comment.trim_start().trim_start_matches(['#', '%']).trim();
    let mut fields = Fields::default();
    for separator in [separator, Separator::Comma, Separator::Semicolon, Separator::Tab, Separator::Blanks] {
        fields.divide(text, separator);
        let names: Vec<String> = fields.iter().map(str::to_owned).collect();
        // A sentence above one column is no name.
        let is_name = |name: &String| {
            !name.is_empty() && number(name, false).is_none() && (n_fields > 1 || !name.contains(' '))
        };
        if names.len() == n_fields && names.iter().all(is_name) {
            return Some(names);
        }
    }
    None
}

fn index(names: Option<&[String]>, rows: &[Row], n_fields: usize) -> Index {
    if n_fields < 2 || rows.is_empty() {
        return Index::No;
    }
    match names {
        Some(names) => {
            // What pandas calls a column that had no name when it read it.
            let has_name = |name: &String| !name.is_empty() && !name.starts_with("Unnamed: ");
            // Numbers with fractions are measurements even without a name.
            let whole = |text: &str| number(text, false).is_none_or(|value| value.fract() == 0.0);
            let tells_rows = |field: usize| {
                let texts = || rows.iter().map(|row| row.get(field));
                !has_name(&names[field]) && texts().all(whole) && !texts().all(str::is_empty)
            };
            match (0..n_fields).take_while(|&field| tells_rows(field)).count() {
                0 => Index::No,
                n if names[n..].iter().any(has_name) => Index::Nameless(n),
                _ => Index::No,
            }
        }
        None => {
            let first = || rows.iter().map(|row| row.get(0));
            let counts_from = |start: u64| first().zip(start..).all(|(text, row)| count(text) == Some(row));
            if rows.len() >= COUNTED && (counts_from(0) || counts_from(1)) {
                Index::Counts
            } else {
                Index::No
            }
        }
    }
}

/// Whether these fields are 0 but for a single 1.
pub(super) fn is_one_hot(row: &Row, mut fields: std::ops::Range<usize>) -> bool {
    let mut ones = 0;
    let zero_or_one = fields.all(|field| match number(row.get(field), false) {
        Some(1.0) => {
            ones += 1;
            true
        }
        Some(value) => value == 0.0,
        None => match yes_or_no(row.get(field)) {
            Some(yes) => {
                ones += u32::from(yes);
                true
            }
            None => false,
        },
    });
    zero_or_one && ones == 1
}
