//! Files of a directory: digests, TOML, tables, and what is left behind by accident.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use twox_hash::XxHash3_128;

use super::RunError;
use super::journal::Lines;
use super::open::{open, read_small};

/// What to do about a damaged file, of a directory that is its user's.
pub(crate) const RESTORE: &str =
    "; `infoplane verify --repair` computes it again if it can, or restore it from a copy";

/// What is wrong with a file that does not have the digest that was written.
pub(crate) const CHANGED: &str = "damaged or changed: ";

/// A digest of bytes that come little by little.
#[derive(Default)]
pub(crate) struct Digest(XxHash3_128);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> String {
        let mut digest = Digest::default();
        digest.update(bytes);
        digest.text()
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// Refuses a file whose digest is not the one that the file `named_in` names.
    pub(crate) fn check(&self, path: &Path, digest: &str, named_in: &str) -> Result<(), RunError> {
        check_digest(&self.text(), path, digest, named_in)
    }

    pub(crate) fn text(&self) -> String {
        format!("xxh3-128:{:032x}", self.0.finish_128())
    }
}

/// Refuses a file whose digest is `found` and not the one that the file `named_in` names.
pub(crate) fn check_digest(found: &str, path: &Path, digest: &str, named_in: &str) -> Result<(), RunError> {
    if found == digest {
        return Ok(());
    }
    let message = format!("{CHANGED}its digest is {found}, {named_in} says {digest}{RESTORE}");
    Err(RunError::Malformed { path: path.into(), line: None, message })
}

/// Digests what it hands on.
pub(crate) struct Digested<'a> {
    pub(crate) out: &'a mut dyn Write,
    pub(crate) digest: Digest,
}

impl Write for Digested<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.0.write(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// No file of settings and facts is longer: a sparse one may pretend to hold more than any memory.
const LONGEST_FILE: u64 = 1 << 28;

/// The bytes of a file of settings and facts; `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, RunError> {
    match read_small(path, LONGEST_FILE) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RunError::io("read", path)(error)),
    }
}

pub(crate) fn from_toml<T: DeserializeOwned>(path: &Path, bytes: Vec<u8>) -> Result<T, RunError> {
    let malformed = |message| RunError::Malformed { path: path.into(), line: None, message };
    let text = String::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
    toml::from_str(&text).map_err(|error| malformed(error.to_string()))
}

pub(crate) fn to_toml<T: Serialize>(path: &Path, value: &T) -> Result<String, RunError> {
    toml::to_string(value).map_err(|error| RunError::Malformed {
        path: path.into(),
        line: None,
        message: error.to_string(),
    })
}

/// TOML text whose first line has the digest of all that follows, so that a change to any of it is found.
pub(crate) fn to_digested_toml<T: Serialize>(path: &Path, value: &T) -> Result<String, RunError> {
    let text = to_toml(path, value)?;
    Ok(format!("{}\n{text}", digest_line(text.as_bytes())))
}

/// The first line of such a file, without its end.
pub(crate) fn digest_line(text: &[u8]) -> String {
    format!("digest = \"{}\"", Digest::of(text))
}

/// What a file holds whose first line is the digest of the others.
pub(crate) trait HasDigest {
    /// Whether the version of the program that wrote it wrote that line: earlier ones did not.
    fn has_digest(&self) -> bool;
}

/// A TOML file that [`to_digested_toml`] gave, or an earlier version; `None` if there is none.
pub(crate) fn read_digested_toml<T: DeserializeOwned + HasDigest>(
    path: &Path,
) -> Result<Option<T>, RunError> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    let read: Result<T, RunError> = from_toml(path, bytes.clone());
    // Where the first line is damaged it may not look like one any more.
    if bytes.starts_with(b"digest") || read.as_ref().is_ok_and(HasDigest::has_digest) {
        let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
        let (first, rest) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
        if first != digest_line(rest).as_bytes() {
            let message = format!("{CHANGED}its first line is not the digest of the others{RESTORE}");
            return Err(RunError::Malformed { path: path.into(), line: None, message });
        }
    }
    read.map(Some)
}

/// The digest of a file, which is read little by little; `None` if there is none.
pub(crate) fn digest_of_file(path: &Path) -> Result<Option<String>, RunError> {
    let failed = RunError::io("read", path);
    let mut file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut digest = Digest::default();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(Some(digest.text())),
            Ok(n) => digest.update(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

/// The lines of a table whose digest the file `named_in` names.
pub(crate) fn read_table<T: DeserializeOwned>(
    path: &Path,
    digest: &str,
    named_in: &str,
) -> Result<Vec<T>, RunError> {
    let failed = || RunError::io("read", path);
    let malformed = |line, message| RunError::Malformed { path: path.into(), line, message };
    let file = open(path).map_err(failed())?;
    let mut found = Digest::default();
    let digested = Digesting { file, digest: &mut found };
    let mut lines = Lines::new(BufReader::with_capacity(1 << 18, digested));
    let (mut rows, mut number, mut first_error) = (Vec::new(), 0, None);
    while let Some(line) = lines.next().map_err(failed())? {
        number += 1;
        if line.text.is_empty() || first_error.is_some() {
            continue;
        }
        match serde_json::from_slice(line.text) {
            Ok(row) => rows.push(row),
            Err(error) => first_error = Some(malformed(Some(number), error.to_string())),
        }
    }
    drop(lines);
    // That the file was changed says more than what became of a line.
    found.check(path, digest, named_in)?;
    first_error.map_or(Ok(rows), Err)
}

/// Digests what is read.
struct Digesting<'a> {
    file: File,
    digest: &'a mut Digest,
}

impl Read for Digesting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.digest.update(&buffer[..n]);
        Ok(n)
    }
}
