//! Opening the files of a directory that somebody else may have put together.
//!
//! What a run is written to and read from are regular files in regular directories. A symbolic link there leads to something
//! that is not the run's, and reading from a pipe or a device may wait for ever or never end: all of them are refused by name.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Opens a file to read.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_as(path, OpenOptions::new().read(true))
}

/// Opens a file as `options` say, unless it is a symbolic link, a pipe, a device or a directory.
pub(crate) fn open_as(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // Before it is opened: the error of the system for a link speaks of too many levels of links, and elsewhere than on Unix
    // nothing else keeps a link from being followed.
    if let Some(found) = found(path)? {
        check(found.file_type())?;
    }
    unfollowed(options);
    let file = options.open(path)?;
    // What was looked at may have been replaced meanwhile.
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// The bytes of a file.
pub(crate) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a file, which is small: a larger one is refused before it is read.
pub(crate) fn read_small(path: &Path, at_most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    if length > at_most {
        let problem = format!("it has {length} bytes, and no such file has more than {at_most}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(at_most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether there is a directory; what else is there, a symbolic link to a directory too, is an error.
pub(crate) fn is_directory(path: &Path) -> io::Result<bool> {
    match found(path)? {
        None => Ok(false),
        Some(found) if found.is_dir() => Ok(true),
        Some(found) => Err(match refusal(found.file_type()) {
            Some(problem) => refused(problem),
            None => io::ErrorKind::NotADirectory.into(),
        }),
    }
}

/// The names in a directory; none where there is no directory.
pub(crate) fn names(path: &Path) -> io::Result<Vec<String>> {
    if !is_directory(path)? {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        // A name that is no text is none that a run has.
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// What is at a path, itself and not what it leads to.
fn found(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn check(kind: FileType) -> io::Result<()> {
    match refusal(kind) {
        Some(problem) => Err(refused(problem)),
        None if kind.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        None => Ok(()),
    }
}

/// What is neither a file nor a directory.
fn refusal(kind: FileType) -> Option<&'static str> {
    if kind.is_symlink() {
        Some(
            "it is a symbolic link, and none inside such a directory is followed; put what it leads to in its place, or remove it",
        )
    } else if kind.is_file() || kind.is_dir() {
        None
    } else {
        Some("it is a pipe, a socket or a device, from which nothing is read; remove it")
    }
}

fn refused(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

/// Lets opening a link fail, and opening a pipe not wait for whoever is at its other end.
#[cfg(unix)]
fn unfollowed(options: &mut OpenOptions) {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.custom_flags(flags.bits().cast_signed());
}

#[cfg(not(unix))]
fn unfollowed(_options: &mut OpenOptions) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "text").unwrap();
        fs::create_dir(at("directory")).unwrap();
        assert_eq!(read_bytes(&at("file")).unwrap(), b"text");
        assert_eq!(read_small(&at("file"), 4).unwrap(), b"text");
        assert!(read_small(&at("file"), 3).unwrap_err().to_string().contains("4 bytes"));
        assert_eq!(read_bytes(&at("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(read_bytes(&at("directory")).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert!(is_directory(&at("directory")).unwrap() && !is_directory(&at("none")).unwrap());
        assert_eq!(is_directory(&at("file")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
        assert_eq!(names(folder.path()).unwrap(), ["directory", "file"]);
        assert!(names(&at("none")).unwrap().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_and_pipes_not_waited_for() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "text").unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        symlink(folder.path(), at("linked")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(at("pipe")).status();
        for name in ["link", "dangling"] {
            let error = read_bytes(&at(name)).unwrap_err().to_string();
            assert!(error.contains("symbolic link"), "{name}: {error}");
            let written = open_as(&at(name), OpenOptions::new().write(true).create(true));
            assert!(written.unwrap_err().to_string().contains("symbolic link"), "{name}");
        }
        assert!(!at("nowhere").exists());
        assert!(is_directory(&at("linked")).unwrap_err().to_string().contains("symbolic link"));
        assert!(names(&at("linked")).is_err());
        if made.is_ok_and(|status| status.success()) {
            for done in [
                read_bytes(&at("pipe")).map(drop),
                open_as(&at("pipe"), OpenOptions::new().write(true)).map(drop),
            ] {
                assert!(done.unwrap_err().to_string().contains("pipe"));
            }
        }
        let error = read_bytes(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(error.contains("device"), "{error}");
    }
}
