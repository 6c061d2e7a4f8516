//! Memory: what the system leaves this process, and what the data of a file may take of it.
//!
//! A file of a megabyte can unpack to gigabytes. Whoever reads one ([`dataset::read`](crate::dataset::read), and everything that
//! reads data through it) is given a [`Budget`] and refuses a file whose data take more, before the memory is taken. By
//! default it is half of what is available; [`allow`] sets another one for the whole process. What is read never depends on it.
//!
//! # Examples
//! ```
//! use infoplane::memory::{self, Budget};
//! memory::allow(Some(64 << 20), "call memory::allow with more");
//! assert!(Budget::now().bytes() <= 64 << 20);
//! memory::allow(None, "");
//! ```

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// What data may take where the system does not say what it has, 4 GiB.
pub const UNKNOWN: u64 = 4 << 30;

/// The bytes that the data of one file may take while they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    bytes: u64,
    bound: Bound,
    /// Whether it is half of what there is.
    is_half: bool,
    advice: &'static str,
}

/// What bounds memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// What [`allow`] was told.
    Allowed,
    /// The limit of the address space of this process (`ulimit -v`), less what it uses.
    AddressSpace,
    /// The limit of the control group of this process, as of a container or a batch job, less what the group uses.
    ControlGroup,
    /// What the machine has available.
    Machine,
    /// Nothing that is known.
    Unknown,
}

/// What was allowed.
#[derive(Debug, Clone, Copy)]
struct Allowed {
    bytes: Option<u64>,
    advice: &'static str,
}

/// How a program that uses this library allows more.
const ADVICE: &str = "allow more with infoplane::memory::allow";

static ALLOWED: RwLock<Allowed> = RwLock::new(Allowed { bytes: None, advice: ADVICE });

/// Sets for the whole process how many bytes the data of one file may take while they are read; `None` is the default, half
/// of what is available then.
///
/// `advice` ends the message of a file that is refused: how whoever sees it allows more. An empty one names this function.
pub fn allow(bytes: Option<u64>, advice: &'static str) {
    let advice = if advice.is_empty() { ADVICE } else { advice };
    *ALLOWED.write().unwrap_or_else(PoisonError::into_inner) = Allowed { bytes, advice };
}

/// [Allows](allow) so many bytes where that is more than the default, else the default.
///
/// For programs in which the same number bounds what is kept to save time: little of it forbids no data.
pub fn allow_more(bytes: Option<u64>, advice: &'static str) {
    allow(None, advice);
    allow(bytes.filter(|&bytes| bytes > Budget::now().bytes()), advice);
}

impl Budget {
    /// What the data of one file may take now: what was [allowed](allow), if the limit of the address space leaves as
    /// much, else half of what is [available()].
    pub fn now() -> Budget {
        let Allowed { bytes, advice } = *ALLOWED.read().unwrap_or_else(PoisonError::into_inner);
        let of = |bytes, bound, is_half| Budget { bytes, bound, is_half, advice };
        match bytes {
            Some(bytes) => match address_space() {
                Some(left) if left < bytes => of(left, Bound::AddressSpace, false),
                _ => of(bytes, Bound::Allowed, false),
            },
            None => match available() {
                Some((left, bound)) => of(left / 2, bound, true),
                None => of(UNKNOWN, Bound::Unknown, false),
            },
        }
    }

    /// So many bytes.
    pub fn of(bytes: u64) -> Budget {
        Budget { bytes, bound: Bound::Allowed, is_half: false, advice: ADVICE }
    }

    /// Returns the number of bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns what bounds it.
    pub fn bound(&self) -> Bound {
        self.bound
    }
}

/// Writes what is allowed, why, and how to allow more: the end of the message of a file that is refused.
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "allowed are {}", Bytes(self.bytes))?;
        let half = if self.is_half { "half of " } else { "" };
        match self.bound {
            Bound::Allowed | Bound::Unknown => {}
            Bound::AddressSpace => write!(f, ", {half}what the limit of this process (ulimit -v) leaves")?,
            Bound::ControlGroup => write!(f, ", {half}what the container or job leaves")?,
            Bound::Machine => write!(f, ", {half}the memory that is available")?,
        }
        f.write_str("; ")?;
        // What is not a half is what was allowed, or all that there is.
        if self.is_half || self.bound != Bound::AddressSpace {
            write!(f, "{}, ", self.advice)?;
        }
        if self.bound == Bound::AddressSpace {
            f.write_str("raise the limit, ")?;
        }
        f.write_str("or give fewer data")
    }
}

/// A number of bytes as people read it: `512 bytes`, `1.5 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        if self.0 < 1024 {
            return write!(f, "{} bytes", self.0);
        }
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let mut unit = 0;
        value /= 1024.0;
        while value >= 1023.95 && unit + 1 < units.len() {
            value /= 1024.0;
            unit += 1;
        }
        write!(f, "{value:.1} {}", units[unit])
    }
}

/// Returns the bytes that this process can still get, and what bounds them: the least of what the machine has available, what
/// the control group leaves and what the address space leaves. `None` where nothing of it is known.
///
/// All three are known on Linux only.
pub fn available() -> Option<(u64, Bound)> {
    let machine = || kilobytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:");
    let all = [
        (address_space(), Bound::AddressSpace),
        (control_group(Path::new("/")), Bound::ControlGroup),
        (machine(), Bound::Machine),
    ];
    all.into_iter().filter_map(|(left, bound)| Some((left?, bound))).min_by_key(|(left, _)| *left)
}

/// Returns the bytes that the limit of the address space (`ulimit -v`) leaves this process; `None` where there is no limit, or
/// none is known.
pub fn address_space() -> Option<u64> {
    let limit = soft_limit(&std::fs::read_to_string("/proc/self/limits").ok()?, "Max address space")?;
    let in_use = std::fs::read_to_string("/proc/self/status").ok();
    let in_use = in_use.and_then(|status| kilobytes(&status, "VmSize:")).unwrap_or(0);
    Some(limit.saturating_sub(in_use))
}

/// Returns the memory of the machine, with what it can swap; `None` where it is not known.
pub fn installed() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    Some(kilobytes(&text, "MemTotal:")? + kilobytes(&text, "SwapTotal:").unwrap_or(0))
}

/// The soft limit in the line of that name: `Max address space    2048000000    unlimited    bytes`.
fn soft_limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The bytes in the line of that name: `VmSize:   1234 kB`.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What the control groups of this process leave it, below `root` of the file system: those of version 2 and, where they are in
/// use, of version 1. A group is bounded by all that it lies in.
fn control_group(root: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let of_line = |line: &str| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, group) = rest.split_once(':')?;
        let (base, limit, usage, cache) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
            list if list.split(',').any(|controller| controller == "memory") => {
                let base = "sys/fs/cgroup/memory";
                (base, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            }
            _ => return None,
        };
        let base = root.join(base);
        // A container often sees its own group as the root, whatever the line says.
        let inside = Path::new(group).components().filter(|part| matches!(part, Component::Normal(_)));
        let own = base.join(inside.collect::<PathBuf>());
        let left = |directory: &Path| {
            let number =
                |file: &str| std::fs::read_to_string(directory.join(file)).ok()?.trim().parse::<u64>().ok();
            let limit = number(limit)?;
            // Pages of files that nobody uses are given up when memory is needed.
            let stat = std::fs::read_to_string(directory.join("memory.stat")).unwrap_or_default();
            let mut counts = stat.lines().filter_map(|line| line.split_once(' '));
            let idle =
                counts.find(|(name, _)| *name == cache).and_then(|(_, count)| count.trim().parse().ok());
            Some(limit.saturating_sub(number(usage).unwrap_or(0).saturating_sub(idle.unwrap_or(0))))
        };
        own.ancestors().take_while(|directory| directory.starts_with(&base)).filter_map(left).min()
    };
    text.lines().filter_map(of_line).min()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lines_of_the_system_are_read() {
        let status = "VmPeak:\t  20 kB\nVmSize:\t    1234 kB\n";
        assert_eq!(kilobytes(status, "VmSize:"), Some(1234 * 1024));
        assert_eq!(kilobytes(status, "VmData:"), None);
        assert_eq!(kilobytes("VmSize: x kB\n", "VmSize:"), None);
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
             Max address space         2048000000           unlimited            bytes     \n";
        assert_eq!(soft_limit(limits, "Max address space"), Some(2_048_000_000));
        assert_eq!(soft_limit(&limits.replace("2048000000", "unlimited"), "Max address space"), None);
    }

    #[test]
    fn bytes_are_written_in_the_unit_that_fits() {
        let written = |bytes| Bytes(bytes).to_string();
        assert_eq!(written(512), "512 bytes");
        assert_eq!(written(1536), "1.5 KiB");
        assert_eq!(written((1 << 30) - 1), "1.0 GiB");
        assert_eq!(written(4 << 30), "4.0 GiB");
        assert_eq!(written(u64::MAX), "16.0 EiB");
    }

    /// Files of a system below a folder.
    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_group_is_bounded_by_those_it_lies_in() {
        let folder = system(&[
            ("proc/self/cgroup", "0::/jobs/one\n"),
            ("sys/fs/cgroup/jobs/memory.max", "1000\n"),
            ("sys/fs/cgroup/jobs/memory.current", "700\n"),
            ("sys/fs/cgroup/jobs/memory.stat", "anon 500\ninactive_file 100\n"),
            ("sys/fs/cgroup/jobs/one/memory.max", "max\n"),
        ]);
        assert_eq!(control_group(folder.path()), Some(400));
        fs::write(folder.path().join("sys/fs/cgroup/jobs/one/memory.max"), "300\n").unwrap();
        assert_eq!(control_group(folder.path()), Some(300));
    }

    #[test]
    fn a_container_that_sees_its_group_as_the_root_is_bounded_by_it() {
        let folder = system(&[
            ("proc/self/cgroup", "12:cpu,cpuacct:/docker/1\n9:memory:/docker/1\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "5000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n"),
        ]);
        assert_eq!(control_group(folder.path()), Some(4000));
        let none = system(&[("proc/self/cgroup", "0::/../..\n9:memory:/\n")]);
        assert_eq!(control_group(none.path()), None);
    }

    #[test]
    fn a_budget_says_what_bounds_it_and_how_to_allow_more() {
        let of = |bound, is_half| {
            let advice = "allow more with --memory";
            Budget { bytes: 3 << 29, bound, is_half, advice }.to_string()
        };
        assert_eq!(
            of(Bound::Machine, true),
            "allowed are 1.5 GiB, half of the memory that is available; allow more with --memory, or give fewer data"
        );
        assert_eq!(
            of(Bound::AddressSpace, false),
            "allowed are 1.5 GiB, what the limit of this process (ulimit -v) leaves; raise the limit, or give fewer data"
        );
        assert_eq!(
            of(Bound::Allowed, false),
            "allowed are 1.5 GiB; allow more with --memory, or give fewer data"
        );
        assert!(Budget::now().bytes() > 0);
    }
}
