//! The test `same_numbers` on this processor and, by `qemu`, on others.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{cargo, root};

const TEST: &[&str] = &["test", "--package", "infoplane", "--test", "same_numbers"];
const X86: &str = "x86_64-unknown-linux-gnu";
const ARM: &str = "aarch64-unknown-linux-gnu";

/// A processor to emulate.
struct Processor {
    name: &'static str,
    target: &'static str,
    /// The emulator and its arguments.
    emulator: &'static [&'static str],
}

const PROCESSORS: &[Processor] = &[
    Processor {
        name: "AVX2 with multiply-add (Haswell)",
        target: X86,
        emulator: &["qemu-x86_64", "-cpu", "Haswell"],
    },
    Processor { name: "SSE4.2 (Nehalem)", target: X86, emulator: &["qemu-x86_64", "-cpu", "Nehalem"] },
    Processor { name: "SSE2 (Conroe)", target: X86, emulator: &["qemu-x86_64", "-cpu", "Conroe"] },
    Processor {
        name: "ARM (aarch64)",
        target: ARM,
        emulator: &["qemu-aarch64", "-cpu", "max", "-L", "/usr/aarch64-linux-gnu"],
    },
];

/// The numbers of every kind of vector instructions of this processor, then of every emulated one.
pub fn run() -> Result<(), String> {
    println!("== this processor, every kind of vector instructions");
    cargo(TEST, &[])?;
    let (mut wrong, mut missing) = (Vec::new(), Vec::new());
    for Processor { name, target, emulator } in PROCESSORS {
        println!("== {name}");
        let lacks = lacking(target, emulator[0]);
        if !lacks.is_empty() {
            println!("not run: {}", lacks.join("; "));
            missing.push(*name);
            continue;
        }
        let program = build(target)?;
        let run = Command::new(emulator[0])
            .args(&emulator[1..])
            .arg(program)
            .args(["--exact", "numbers_are_those_that_are_stored"])
            .current_dir(root())
            .status()
            .map_err(|error| format!("cannot start {}: {error}", emulator[0]))?;
        if !run.success() {
            wrong.push(*name);
        }
    }
    if !wrong.is_empty() {
        return Err(format!("other numbers than the stored ones: {}", wrong.join(", ")));
    }
    if !missing.is_empty() {
        return Err(format!("not run, because a tool is missing (see above): {}", missing.join(", ")));
    }
    println!("the numbers are the same on all of them");
    Ok(())
}

/// What must be installed first.
fn lacking(target: &str, emulator: &str) -> Vec<String> {
    let starts = |program: &str| {
        let quiet =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        quiet.is_ok()
    };
    let mut lacks = Vec::new();
    if !starts(emulator) {
        lacks.push(format!("{emulator} is missing (Debian: apt-get install qemu-user)"));
    }
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
    let library = output.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    if !library.is_ok_and(|folder| folder.is_dir()) {
        lacks.push(format!("the library of {target} is missing (rustup target add {target})"));
    }
    if target == ARM && !starts("aarch64-linux-gnu-gcc") {
        lacks.push(
            "the linker aarch64-linux-gnu-gcc is missing (Debian: apt-get install gcc-aarch64-linux-gnu \
             libc6-dev-arm64-cross)"
                .into(),
        );
    }
    lacks
}

/// Builds the test, and returns its program.
fn build(target: &str) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(TEST)
        .args(["--no-run", "--target", target, "--message-format", "json-render-diagnostics"])
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc")
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("the test cannot be built for {target}"));
    }
    // One message a line; the last that names an executable is the test.
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let named = |line: &str| {
        let rest = &line[line.find("\"executable\":\"")? + "\"executable\":\"".len()..];
        Some(PathBuf::from(&rest[..rest.find('"')?]))
    };
    messages.lines().rev().find_map(named).ok_or_else(|| format!("cargo names no program for {target}"))
}
