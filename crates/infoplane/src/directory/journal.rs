//! The journal of a directory that is being written: a checked line for each record.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::Disk;
use super::open::open;
use crate::printable::printable_path;

/// A line of the journal: where it begins, and its bytes with the line feed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    offset: u64,
    length: usize,
}

/// The journal of a directory that is being written.
///
/// Every record is a line of its own with a checksum, so damage to one does no harm to another; whole lines are
/// handed to the system in one write.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    disk: Disk,
    seal: Seal,
    file: Arc<File>,
    /// Bytes of whole lines so far.
    length: u64,
    /// The first failure; nothing is taken after it.
    failed: Option<Failed>,
}

/// No line of a journal or a table is longer. Of a longer one, which may be as long as the file, no more is kept in memory.
pub(crate) const LONGEST: usize = 1 << 28;

/// The lines of a journal or a table, one by one.
pub(crate) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    /// Bytes read so far.
    pub offset: u64,
    /// Whether the line that was read last is a whole one; true before the first.
    pub ends_with_line_feed: bool,
}

/// A line without its line feed, and where it begins.
pub(crate) struct Line<'a> {
    pub offset: u64,
    pub text: &'a [u8],
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Lines { reader, line: Vec::new(), offset: 0, ends_with_line_feed: true }
    }

    /// The next line; `None` at the end. Of one that is longer than any record the beginning, which is no record.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let offset = self.offset;
        self.line.clear();
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                if offset == self.offset {
                    return Ok(None);
                }
                self.ends_with_line_feed = false;
                break;
            }
            let end = chunk.iter().position(|&byte| byte == b'\n');
            let text = &chunk[..end.unwrap_or(chunk.len())];
            self.line.extend_from_slice(&text[..text.len().min(LONGEST - self.line.len())]);
            let n = text.len() + usize::from(end.is_some());
            self.reader.consume(n);
            self.offset += n as u64;
            if end.is_some() {
                self.ends_with_line_feed = true;
                break;
            }
        }
        Ok(Some(Line { offset, text: &self.line }))
    }
}

/// What was found in a journal that is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Found {
    /// Damaged lines that were removed.
    pub damaged: usize,
    /// Whether there was no journal at all.
    pub missing: bool,
}

/// An I/O error that can be told again.
#[derive(Debug)]
struct Failed {
    code: Option<i32>,
    kind: io::ErrorKind,
    message: String,
}

impl Failed {
    fn new(error: &io::Error) -> Self {
        Failed { code: error.raw_os_error(), kind: error.kind(), message: error.to_string() }
    }

    fn error(&self) -> io::Error {
        match self.code {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.kind, self.message.clone()),
        }
    }
}

impl Journal {
    /// Starts a new journal; the file must not be there yet.
    pub(crate) fn create(path: &Path, seal: Seal, disk: &Disk) -> io::Result<Self> {
        let file = Arc::new(disk.create_new(path)?);
        Ok(Journal { path: path.into(), disk: disk.clone(), seal, file, length: 0, failed: None })
    }

    /// Continues the journal at `path`, after rewriting it without what is damaged; starts it if it is missing.
    ///
    /// `take` is given the line of every record, and the place that it has from now on; it returns whether the record is
    /// one.
    pub(crate) fn resume(
        path: &Path,
        seal: Seal,
        disk: &Disk,
        mut take: impl FnMut(&[u8], Span) -> bool,
    ) -> io::Result<(Self, Found)> {
        let mut file = match open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let journal = Journal::create(path, seal, disk)?;
                return Ok((journal, Found { missing: true, damaged: 0 }));
            }
            Err(error) => return Err(error),
        };
        let mut found = Found::default();
        // What is kept of the file, as ranges of bytes: intact lines that follow one another are one.
        let mut kept: Vec<Range<u64>> = Vec::new();
        let mut lines = Lines::new(BufReader::with_capacity(1 << 18, &file));
        let mut length = 0;
        while let Some(line) = lines.next()? {
            // A last line that lacks nothing but its line feed counts, but nothing can be appended to it.
            let span = Span { offset: length, length: line.text.len() + 1 };
            if take(line.text, span) {
                length += span.length as u64;
                match kept.last_mut() {
                    Some(last) if last.end == line.offset => last.end += span.length as u64,
                    _ => kept.push(line.offset..line.offset + span.length as u64),
                }
            } else {
                found.damaged += 1;
            }
        }
        let (read, ends_with_line_feed) = (lines.offset, lines.ends_with_line_feed);
        if length != read || !ends_with_line_feed {
            disk.replace_with(path, |out| {
                for range in kept {
                    file.seek(SeekFrom::Start(range.start))?;
                    let n_bytes = range.end - range.start;
                    if io::copy(&mut (&file).take(n_bytes), out)? < n_bytes {
                        out.write_all(b"\n")?;
                    }
                }
                Ok(())
            })?;
        }
        let mut file = disk.open_to_write(path)?;
        file.seek(SeekFrom::Start(length))?;
        let (path, disk) = (path.into(), disk.clone());
        Ok((Journal { path, disk, seal, file: Arc::new(file), length, failed: None }, found))
    }

    /// Appends a line for each record, and returns their places: all of them, or none if that fails. After a failure
    /// nothing more is taken, and the failure is returned again.
    pub(crate) fn append<R: Serialize>(&mut self, records: &[R]) -> io::Result<Vec<Span>> {
        self.check()?;
        let mut lines = Vec::new();
        let mut spans = Vec::with_capacity(records.len());
        for record in records {
            let start = lines.len();
            write_line(&mut lines, record, self.seal)?;
            spans.push(Span { offset: self.length + start as u64, length: lines.len() - start });
        }
        if let Err(error) = self.disk.write(&self.file, &lines) {
            self.failed = Some(Failed::new(&error));
            // If cutting fails too, readers still skip the half line at the end.
            let _ = self.disk.truncate(&self.file, self.length);
            return Err(error);
        }
        self.length += lines.len() as u64;
        Ok(spans)
    }

    /// Fails if an append failed before.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.failed.as_ref().map_or(Ok(()), |failed| Err(failed.error()))
    }

    /// The file, to wait for the disk without keeping others from appending.
    pub(crate) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Reads records again, in the order given: `take` is given the JSON text of each.
    pub(crate) fn read_again(
        &self,
        spans: impl IntoIterator<Item = Span>,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        self.check()?;
        let mut file = open(&self.path)?;
        let mut line = Vec::new();
        for span in spans {
            line.resize(span.length, 0);
            file.seek(SeekFrom::Start(span.offset))?;
            file.read_exact(&mut line)?;
            let text = line.strip_suffix(b"\n").and_then(|line| checked(line, self.seal));
            take(text.ok_or_else(|| self.changed())?)?;
        }
        Ok(())
    }

    /// The journal does not hold what was appended to it.
    pub(crate) fn changed(&self) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is not as it was written", printable_path(&self.path)),
        )
    }
}

/// Digits of the checksum.
const DIGITS: usize = 8;

/// `1c291ca3 {…}`: CRC-32 of that file and the JSON text in hexadecimal, a space, the text.
fn write_line(lines: &mut Vec<u8>, record: &impl Serialize, seal: Seal) -> io::Result<()> {
    let start = lines.len();
    lines.extend([b' '; DIGITS + 1]);
    serde_json::to_writer(&mut *lines, record)?;
    let sum = seal.check_sum(&lines[start + DIGITS + 1..]);
    lines[start..start + DIGITS].copy_from_slice(&sum);
    lines.push(b'\n');
    Ok(())
}

/// What ties a journal to its directory: the checksum of the file that names what is computed, with which that of every
/// line begins. Lines of another computation, or of this one before somebody changed what it is, count as damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seal(u32);

impl Seal {
    pub(crate) fn of(manifest: &[u8]) -> Seal {
        Seal(crc32fast::hash(manifest))
    }

    fn check_sum(self, text: &[u8]) -> [u8; DIGITS] {
        let mut hasher = crc32fast::Hasher::new_with_initial(self.0);
        hasher.update(text);
        let sum = hasher.finalize();
        std::array::from_fn(|digit| b"0123456789abcdef"[(sum >> (28 - 4 * digit)) as usize & 15])
    }
}

/// The JSON text of a line, if that is what was written.
pub(crate) fn checked(line: &[u8], seal: Seal) -> Option<&[u8]> {
    let (sum, rest) = line.split_first_chunk::<DIGITS>()?;
    let text = rest.strip_prefix(b" ")?;
    (*sum == seal.check_sum(text)).then_some(text)
}
