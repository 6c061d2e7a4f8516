//! What a person sees: messages, text that fits the window, and what Ctrl-C does.

mod progress;
mod signals;

use std::fmt::{self, Write as _};
use std::io::{self, StdoutLock, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;

use infoplane::printable::{is_hidden, printable};

pub use progress::{Clock, FiguresMeter, Meter, RunMeter, SweepMeter};
pub use signals::{
    end_on_interrupt, interrupt, leave_signals, on_interrupt, pass_interrupts, watch as watch_signals,
};

/// What a terminal is taken to be wide where there is none.
const WIDTH: usize = 80;

/// Longer lines of prose are hard to read, however wide the window is.
const WIDEST: usize = 100;

static QUIET: AtomicBool = AtomicBool::new(false);

/// Shows no progress and no notices from here on; results and failures are still told.
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// A message of one line on stderr; where that cannot be written there is nobody to tell.
///
/// A name in it cannot begin a new line. A terminal gets lines that fit it. Elsewhere a line stays whole, so that programs find what they look for.
pub fn say(message: impl fmt::Display) {
    say_lines(&printable(&message.to_string()));
}

/// The same of several lines, of which each was made [`printable`] before.
pub fn say_lines(lines: &str) {
    let told = format!("infoplane: {}", escaped(lines));
    let stderr = Term::stderr();
    let columns = stderr.is_term().then(|| stderr.size_checked()).flatten();
    let told = match columns {
        Some((_, columns)) => fitted(&told, usize::from(columns).clamp(40, WIDEST)),
        None => told,
    };
    let _ = writeln!(io::stderr(), "{told}");
}

/// A line on stderr that `--quiet` leaves out.
pub fn note(message: impl fmt::Display) {
    if !is_quiet() {
        say(message);
    }
}

/// Columns of text that fit the window.
pub fn width() -> usize {
    Term::stdout().size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns).clamp(40, WIDEST))
}

/// Text of several lines, in which everything but the ends of its lines is [`printable`].
pub fn escaped(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Stdout for people, with control characters written out.
pub struct Screen(StdoutLock<'static>);

impl Screen {
    pub fn lock() -> Self {
        Screen(io::stdout().lock())
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.chars().any(is_hidden) => self.0.write_all(escaped(text).as_bytes()),
            _ => self.0.write_all(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Text broken between words to `width` columns: the first line after `first`, the others after as many spaces.
pub fn wrapped(first: &str, text: &str, width: usize) -> String {
    let indent = first.chars().count();
    let mut out = String::from(first);
    let mut column = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > width {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        }
        if column > indent {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += length;
    }
    out
}

/// A heading and what stands under it, in lines that fit the window.
pub fn titled(heading: &str, text: impl fmt::Display) -> String {
    wrapped(heading, &printable(&text.to_string()), width())
}

/// Lines of text, of which those that are too long are broken between words: what goes on stands below the first word.
pub fn fitted(text: &str, width: usize) -> String {
    let fit = |line: &str| {
        let words = line.trim_start();
        // Two spaces stand between the columns of a table, which would be no table any more.
        if line.chars().count() <= width || words.contains("  ") {
            return line.to_string();
        }
        wrapped(&" ".repeat(line.chars().count() - words.chars().count()), words, width)
    };
    text.split('\n').map(fit).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_and_what_steers_a_terminal_does_not() {
        assert_eq!(escaped("a\u{1b}[31mb\u{9b}2J\nc\r\u{202e}é"), "a\\u{1b}[31mb\\u{9b}2J\nc\\r\\u{202e}é");
    }

    #[test]
    fn lines_break_between_words_and_line_up() {
        assert_eq!(
            wrapped("when  ", "many rows of few columns", 16),
            "when  many rows\n      of few\n      columns"
        );
        assert_eq!(
            wrapped("", "incomprehensibilities do not break", 10),
            "incomprehensibilities\ndo not\nbreak"
        );
        assert_eq!(wrapped("a  ", "", 10), "a  ");
    }

    #[test]
    fn only_long_lines_are_broken() {
        let table = "  T1   1.00\n  what follows is far too long\n\nend\n";
        assert_eq!(fitted(table, 16), "  T1   1.00\n  what follows\n  is far too\n  long\n\nend\n");
    }
}
