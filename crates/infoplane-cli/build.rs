//! Names the commit that the command was built from, where there is one to name.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let version = env!("CARGO_PKG_VERSION");
    let version = match commit() {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_string(),
    };
    println!("cargo:rustc-env=INFOPLANE_VERSION={version}");
}

/// The commit of the checkout that holds this package; `None` for a package from a registry, or without git.
fn commit() -> Option<String> {
    // A package unpacked below some other project's checkout must not name that project's commit.
    let ours = git(&["ls-files", "--error-unmatch", "build.rs"]);
    ours?;
    // The commit changes with HEAD, or with the branch that HEAD names, which lies in a file of its own or in the list of
    // packed ones. A path that is not there would make cargo build again each time.
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists()) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    git(&["log", "-1", "--format=%h %cs"])
}

/// What git answers, in one line; `None` if it fails or is not there.
fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_string();
    (!text.is_empty()).then_some(text)
}
