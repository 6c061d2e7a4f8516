//! Bytes of a file, plain or unpacked, with a bound on how many there can be.
//!
//! A header may promise anything. Every reader asks the stream whether so much can follow before it makes
//! room, so that what a file takes in memory is bounded by what the file is on disk.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::Path;
use std::sync::OnceLock;

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use crate::dataset::DatasetError;

/// The most that a compressed file may unpack to, 4 GiB.
///
/// A few megabytes of zeros can unpack to more than any memory; 4 GiB is far above every data set this
/// program is for (MNIST takes 55 MB, the digits of EMNIST 220 MB).
pub const MAX_UNPACKED: u64 = 4 << 30;

/// How many bytes one byte of deflated data can unpack to: a two-bit code repeats 258 bytes.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// Bytes to read, in order, with what is known of their number.
pub(super) struct Stream<'a> {
    /// What messages call it.
    pub file: String,
    reader: Box<dyn Read + 'a>,
    /// Bytes read so far.
    pub offset: u64,
    /// The length: exact for plain files, an upper bound for compressed ones.
    length: u64,
    pub exact: bool,
}

/// A file, or bytes in memory.
pub(super) trait ReadSeek: Read + Seek + fmt::Debug + Send + Sync {}

impl<R: Read + Seek + fmt::Debug + Send + Sync> ReadSeek for R {}

/// Opens a regular file, or standard input, which is `-`; says what it is if it is something else.
pub(super) fn open_file(path: &Path) -> Result<(Box<dyn ReadSeek>, u64), DatasetError> {
    if is_standard_input(path) {
        let bytes = standard_input()?;
        return Ok((Box::new(Cursor::new(bytes)), bytes.len() as u64));
    }
    let name = path.display().to_string();
    // Asked before opening: opening a pipe waits for its writer.
    let metadata = std::fs::metadata(path).map_err(|source| DatasetError::io(&name, source))?;
    if !metadata.is_file() {
        let given = if metadata.is_dir() { "a directory" } else { "a device or a pipe" };
        let allowed = "a file, or - for standard input";
        return Err(DatasetError::FileType { file: name, given, allowed });
    }
    let file = File::open(path).map_err(|source| DatasetError::io(&name, source))?;
    Ok((Box::new(file), metadata.len()))
}

/// Whether a path stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdin")
}

/// What messages call a file.
pub(super) fn name(path: &Path) -> String {
    if is_standard_input(path) { "standard input".into() } else { path.display().to_string() }
}

/// All of standard input, which can be read once and is kept: several arrays may come from it.
fn standard_input() -> Result<&'static [u8], DatasetError> {
    static BYTES: OnceLock<Result<Vec<u8>, String>> = OnceLock::new();
    let read = || {
        let mut bytes = Vec::new();
        let all = io::stdin().lock().take(MAX_UNPACKED + 1).read_to_end(&mut bytes);
        all.map_err(|error| error.to_string())?;
        if bytes.len() as u64 > MAX_UNPACKED {
            return Err(format!("more than {MAX_UNPACKED} bytes; save them in a file"));
        }
        Ok(bytes)
    };
    let failed = |error: &String| DatasetError::io("standard input", io::Error::other(error.clone()));
    BYTES.get_or_init(read).as_deref().map_err(failed)
}

impl<'a> Stream<'a> {
    /// A file, unpacked if it begins as gzip does, whatever its name.
    pub fn open(path: &Path) -> Result<Stream<'static>, DatasetError> {
        let (mut file, length) = open_file(path)?;
        let name = name(path);
        let mut magic = Vec::with_capacity(4);
        file.by_ref().take(4).read_to_end(&mut magic).map_err(|source| DatasetError::io(&name, source))?;
        if magic == *b"PK\x03\x04" {
            file.rewind().map_err(|source| DatasetError::io(&name, source))?;
            return Stream::zipped(name, file, length);
        }
        let gzip = magic.starts_with(&[0x1f, 0x8b]);
        let whole = Cursor::new(magic).chain(file);
        Ok(if gzip {
            Stream::deflated(name, MultiGzDecoder::new(BufReader::with_capacity(1 << 16, whole)), length)
        } else {
            Stream { file: name, reader: Box::new(whole), offset: 0, length, exact: true }
        })
    }

    /// The only file of a zip archive, unpacked in memory.
    fn zipped(name: String, file: Box<dyn ReadSeek>, length: u64) -> Result<Stream<'static>, DatasetError> {
        let failed = |error| DatasetError::io(&name, io::Error::from(error));
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(failed)?;
        let (index, member) = only_file(&name, &mut zip)?;
        let packed = zip.by_index(index).map_err(failed)?;
        let n_packed = packed.compressed_size().min(length);
        let bytes = Stream::deflated(format!("{name}/{member}"), packed, n_packed).rest()?;
        let length = bytes.len() as u64;
        Ok(Stream { file: name, reader: Box::new(Cursor::new(bytes)), offset: 0, length, exact: true })
    }

    /// What `reader` unpacks from `packed` bytes.
    pub fn deflated(file: String, reader: impl Read + 'a, packed: u64) -> Stream<'a> {
        let length = packed.saturating_mul(MAX_DEFLATE_RATIO).saturating_add(64).min(MAX_UNPACKED);
        Stream { file, reader: Box::new(reader), offset: 0, length, exact: false }
    }

    /// What `reader` gives, of a length that is known.
    pub fn of_length(file: String, reader: impl Read + 'a, length: u64) -> Stream<'a> {
        Stream { file, reader: Box::new(reader), offset: 0, length, exact: true }
    }

    /// Bytes in memory.
    #[cfg(test)]
    pub fn of_bytes(bytes: &'a [u8]) -> Stream<'a> {
        Stream::of_length("bytes".into(), bytes, bytes.len() as u64)
    }

    /// At most how many bytes are left.
    pub fn left(&self) -> u64 {
        self.length.saturating_sub(self.offset)
    }

    /// Refuses a promise of values that cannot be kept.
    pub fn check_promise(&self, promised: u128) -> Result<u64, DatasetError> {
        if !self.exact && promised > u128::from(MAX_UNPACKED) {
            return Err(DatasetError::TooLarge {
                file: self.file.clone(),
                given: promised,
                allowed: MAX_UNPACKED,
            });
        }
        if promised > u128::from(self.left()) {
            return Err(DatasetError::Truncated {
                file: self.file.clone(),
                promised,
                given: self.left(),
                exact: self.exact,
            });
        }
        let promised = promised as u64;
        if self.exact && promised < self.left() {
            return Err(DatasetError::Trailing { file: self.file.clone(), promised, given: self.left() });
        }
        Ok(promised)
    }

    /// Fills `buffer` as far as there are bytes; says how many there were.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, DatasetError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(DatasetError::io(&self.file, source)),
            }
        }
        Ok(filled)
    }

    /// The next `N` bytes of a header.
    pub fn header<const N: usize>(&mut self, what: &str) -> Result<[u8; N], DatasetError> {
        let mut bytes = [0; N];
        let start = self.offset;
        let found = self.fill(&mut bytes)?;
        if found < N {
            return Err(self.ends(start, what));
        }
        Ok(bytes)
    }

    /// The next `length` bytes of a header; `length` may be a lie.
    pub fn header_bytes(&mut self, length: u64, what: &str) -> Result<Vec<u8>, DatasetError> {
        let start = self.offset;
        let mut bytes = Vec::new();
        if length <= self.left() {
            bytes.resize(length as usize, 0);
            if self.fill(&mut bytes)? as u64 == length {
                return Ok(bytes);
            }
        }
        Err(self.ends(start, what))
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> Result<Vec<u8>, DatasetError> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).map_err(|source| DatasetError::io(&self.file, source))?;
        Ok(bytes)
    }

    /// Refuses bytes after the last value. For compressed data this also checks the check sum.
    pub fn expect_end(&mut self, promised: u64) -> Result<(), DatasetError> {
        match self.fill(&mut [0])? {
            0 => Ok(()),
            more => Err(DatasetError::Trailing {
                file: self.file.clone(),
                promised,
                given: promised + more as u64,
            }),
        }
    }

    /// The file ends inside `what`, which begins at `offset`.
    fn ends(&self, offset: u64, what: &str) -> DatasetError {
        DatasetError::Ends { file: self.file.clone(), offset, what: what.into() }
    }

    /// An error at a place in this stream.
    pub fn malformed(&self, offset: u64, problem: impl Into<String>) -> DatasetError {
        DatasetError::Malformed { file: self.file.clone(), offset, problem: problem.into() }
    }
}

/// The number and name of the only file of a zip archive.
pub(super) fn only_file<R: Read + Seek>(
    name: &str,
    zip: &mut ZipArchive<R>,
) -> Result<(usize, String), DatasetError> {
    let mut files = Vec::new();
    for (index, member) in zip.file_names().enumerate() {
        let member = member.map_err(|error| DatasetError::io(name, io::Error::from(error)))?;
        // What macOS adds is no file of its user's.
        if !member.ends_with('/') && !member.starts_with("__MACOSX/") {
            files.push((index, member.to_string()));
        }
    }
    match <[_; 1]>::try_from(files) {
        Ok([only]) => Ok(only),
        Err(files) => {
            let listed: Vec<String> = files.into_iter().map(|(_, file)| file).collect();
            let problem = format!(
                "a zip archive of {} files ({}); one is read: unpack the one that is wanted",
                listed.len(),
                crate::dataset::names(&listed)
            );
            Err(DatasetError::Malformed { file: name.to_owned(), offset: 0, problem })
        }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.offset += n as u64;
        if !self.exact && self.offset > MAX_UNPACKED {
            return Err(io::Error::other(format!(
                "unpacks to more than {MAX_UNPACKED} bytes; unpack it first"
            )));
        }
        Ok(n)
    }
}
