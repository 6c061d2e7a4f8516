//! Files that a flag says to write, looked at before anything is computed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process;

use infoplane::printable::printable_path;

use crate::failure::Failure;

/// Refuses to write over a file that is read.
pub fn refuse_input(out: &Path, read: &Path) -> Result<(), Failure> {
    // Standard input may be a file.
    let is_standard_input = read == Path::new("-");
    if !is_one_file(out, if is_standard_input { Path::new("/dev/stdin") } else { read }) {
        return Ok(());
    }
    let told = if is_standard_input { "standard input".into() } else { printable_path(read) };
    Err(Failure::input(format!("--out {}: it is {told}, which is read", printable_path(out)))
        .with_advice("name another file: the result would take the place of the data"))
}

/// Whether two paths lead to one file, by links or other spellings too.
fn is_one_file(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().ok();
    if whole(one).is_some_and(|one| whole(other) == Some(one)) {
        return true;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let number = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        number(one).is_some_and(|one| number(other) == Some(one))
    }
    #[cfg(not(unix))]
    {
        false
    }
}

/// Refuses a file that cannot be written, before anything is measured.
pub fn refuse_unwritable(out: &Path) -> Result<(), Failure> {
    let told = format!("--out {}", printable_path(out));
    if out.is_dir() {
        return Err(Failure::input(format!("{told}: it is a directory")).with_advice("name a file in it"));
    }
    // A device or a pipe is written to where it is.
    if out.exists() && !out.is_file() {
        return Ok(());
    }
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let failure = Failure::machine(format!("{told}: there is no directory {}", printable_path(folder)));
        return Err(failure.with_advice("make it, or name a file in another directory"));
    }
    // Only a file that is made tells whether one can be: there are permissions, quotas and disks that can only be read.
    let mut attempt = out.as_os_str().to_owned();
    attempt.push(format!(".{}.partial", process::id()));
    match File::create_new(&attempt).map(drop).and_then(|()| fs::remove_file(&attempt)) {
        Ok(()) => Ok(()),
        Err(error) => Err(Failure::machine(format!("{told}: no file can be made there: {error}"))
            .with_advice("name a file in a directory that can be written to")),
    }
}

/// Refuses to write into a directory whose files are read; what is below it, as `report`, may be written.
pub fn refuse_inside(out: &Path, directory: &Path) -> Result<(), Failure> {
    let whole = |path: &Path| path.canonicalize().ok();
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // What stands there may lead elsewhere.
    let target = whole(out).and_then(|out| out.parent().map(Path::to_path_buf));
    let inside = |folder: Option<PathBuf>| folder.is_some() && folder == whole(directory);
    if inside(whole(folder)) || inside(target) {
        return Err(Failure::input(format!(
            "--out {}: {} holds the files of the run",
            printable_path(out),
            printable_path(directory)
        ))
        .with_advice("name a file elsewhere, as in its directory report"));
    }
    Ok(())
}
