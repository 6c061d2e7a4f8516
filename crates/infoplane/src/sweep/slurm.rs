//! The scripts that compute a sweep on a cluster with Slurm.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::SweepError;
use super::store::FAILED;
use crate::printable::is_hidden;
use crate::run::Disk;

/// A sweep as jobs of Slurm: an array with an element for each shard, a second one for what the first left, and the collection.
///
/// The scripts hold what was measured of Slurm 22.05:
///
/// - the program takes the place of the script (`exec`), so that the signal of a time limit or of preemption reaches it; it stops
///   within a second, and a requeued element goes on;
/// - what Slurm does not run again by itself, a killed element for one, the second array does, which depends on the end of the
///   first, not on its success. It has a tenth of the elements, with the same limits: enough for a tenth of the cells, and for each
///   single one;
/// - no element waits for the cells of another with its processors held, see [`SweepOptions::wait`](super::SweepOptions::wait);
/// - a cell that fails is tried once by the array and again by the second one until it failed [`attempts`](SlurmJob::attempts) times,
///   not by each of its elements; submitting the scripts again begins anew;
/// - the collection takes the cells that are there, and its exit code says whether these are all.
///
/// ```
/// use infoplane::sweep::SlurmJob;
/// let job = SlurmJob { shards: 200, time: Some("0:30:00".into()), ..SlurmJob::new("sweep.toml".into(), "store".into()) };
/// let scripts = job.scripts()?;
/// let (name, array) = &scripts[0];
/// assert_eq!(*name, "array.sh");
/// assert!(array.contains("#SBATCH --array=1-200\n") && array.contains("--shard \"$SLURM_ARRAY_TASK_ID\"/200"));
/// # Ok::<(), infoplane::sweep::SweepError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmJob {
    /// What the queue calls it.
    pub name: String,
    /// The file of the sweep.
    pub file: PathBuf,
    /// The store.
    pub store: PathBuf,
    /// The program, as nodes find it.
    pub program: PathBuf,
    /// How many elements the array has; each takes a second of Slurm's time, so each should work for minutes.
    pub shards: usize,
    /// How many elements run at once, at most.
    pub at_once: Option<usize>,
    /// Processors of an element, each of which computes a cell.
    pub cpus: usize,
    /// How often a cell may fail until it is left, in one submission; the array tries it once.
    pub attempts: u32,
    /// The limit of its time, as Slurm reads it: `30`, `1:30:00`, `2-12`; `0` is none.
    pub time: Option<String>,
    /// Its memory, as Slurm reads it: `4G`; `0` is that of the node.
    pub memory: Option<String>,
    /// The partition.
    pub partition: Option<String>,
    /// The account that pays.
    pub account: Option<String>,
    /// The quality of service.
    pub qos: Option<String>,
    /// Modules to load.
    pub modules: Vec<String>,
    /// More options of `sbatch`, one each: `--constraint=avx512`.
    pub options: Vec<String>,
    /// More options of `infoplane sweep run`.
    pub run: Vec<String>,
}

/// The largest number of an element where a cluster does not say otherwise (`MaxArraySize` 1001).
pub const MOST_ELEMENTS: usize = 1000;

/// So many seconds before the limit of time Slurm sends the signal at which a worker stops.
const LEAD: u64 = 120;
/// Slurm may send it so many seconds earlier.
const RESOLUTION: u64 = 60;

impl SlurmJob {
    /// One shard on one processor, with nothing said of time, memory and partition.
    pub fn new(file: PathBuf, store: PathBuf) -> SlurmJob {
        SlurmJob {
            name: "infoplane".into(),
            file,
            store,
            program: "infoplane".into(),
            shards: 1,
            at_once: None,
            cpus: 1,
            attempts: 2,
            time: None,
            memory: None,
            partition: None,
            account: None,
            qos: None,
            modules: vec![],
            options: vec![],
            run: vec![],
        }
    }

    /// Sees that Slurm and a shell read each value as what it is.
    ///
    /// # Errors
    /// [`SweepError::Slurm`] names the first value that they do not, and what is allowed.
    pub fn check(&self) -> Result<(), SweepError> {
        let wrong = |key: &'static str, given: &str, allowed: &str| {
            Err(SweepError::Slurm { key, given: given.into(), allowed: allowed.into() })
        };
        for (key, number) in [("shards", self.shards), ("cpus", self.cpus)] {
            if number == 0 {
                return wrong(key, "0", "a whole number from 1 on");
            }
        }
        for (key, path) in [("file", &self.file), ("store", &self.store), ("program", &self.program)] {
            let is_fine = path.to_str().is_some_and(|text| !text.is_empty() && !text.chars().any(is_hidden));
            if !is_fine {
                let allowed =
                    "a path in UTF-8 without control characters, which a script can hold; rename it";
                return wrong(key, &path.to_string_lossy(), allowed);
            }
        }
        // Slurm would not put the number of the job into the names of logs.
        if self.store.to_string_lossy().contains('\\') {
            return wrong(
                "store",
                &self.store.to_string_lossy(),
                "a path without \\; name another directory",
            );
        }
        if let Some(time) = &self.time {
            match seconds(time) {
                None => {
                    return wrong(
                        "time",
                        time,
                        "minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes or \
                         days-hours:minutes:seconds, as in 30, 1:30:00 or 2-12",
                    );
                }
                Some(seconds) if 0 < seconds && seconds <= LEAD + RESOLUTION => {
                    return wrong(
                        "time",
                        time,
                        "more than 3 minutes: so long before the limit Slurm may send the signal at which a worker stops",
                    );
                }
                Some(_) => {}
            }
        }
        if let Some(memory) = self.memory.as_ref().filter(|memory| !is_size(memory)) {
            return wrong(
                "mem",
                memory,
                "a whole number of megabytes, or one followed by K, M, G or T, as in 4G",
            );
        }
        for (key, name) in [("partition", &self.partition), ("account", &self.account), ("qos", &self.qos)] {
            let means_more = |c: char| c.is_whitespace() || is_hidden(c) || "'\"\\#".contains(c);
            if let Some(name) = name.as_ref().filter(|name| name.is_empty() || name.chars().any(means_more)) {
                return wrong(key, name, "a name without spaces, quotes, \\ and #");
            }
        }
        for (key, texts) in [("module", &self.modules), ("sbatch", &self.options), ("run", &self.run)] {
            if let Some(text) = texts.iter().find(|text| text.is_empty() || text.chars().any(is_hidden)) {
                return wrong(key, text, "a text of one line without control characters");
            }
        }
        match self.options.iter().find(|option| !option.starts_with('-')) {
            Some(option) => {
                wrong("sbatch", option, "an option with its dashes, as in --sbatch=--constraint=avx512")
            }
            None => Ok(()),
        }
    }

    /// The scripts by their names, and the one that submits them last.
    ///
    /// # Errors
    /// As [`SlurmJob::check`].
    pub fn scripts(&self) -> Result<Vec<(&'static str, String)>, SweepError> {
        self.check()?;
        let of = self.shards;
        // What is left is little: the cells of elements that were killed.
        let n_missing = of.div_ceil(10);
        let run = |of: usize, more: &str| {
            format!(
                "sweep run {} --store {} --shard \"$SLURM_ARRAY_TASK_ID\"/{of}{more} --no-wait{}",
                quoted(&self.file),
                quoted(&self.store),
                self.of_run()
            )
        };
        let array = self.script("array", Some(of), &run(of, ""));
        let missing = self.script(
            "missing",
            Some(n_missing),
            &run(n_missing, &format!(" --missing --attempts {}", self.attempts)),
        );
        let out = self.store.join("collected");
        let collect = self.script(
            "collect",
            None,
            &format!("sweep collect {} --out {} --allow-missing", quoted(&self.store), quoted(&out)),
        );
        Ok(vec![
            ("array.sh", array),
            ("missing.sh", missing),
            ("collect.sh", collect),
            ("submit.sh", self.submit()),
        ])
    }

    fn of_run(&self) -> String {
        let more: String = self.run.iter().map(|option| format!(" {}", shell(option))).collect();
        format!(" --threads {}{more}", self.cpus)
    }

    fn script(&self, step: &str, elements: Option<usize>, arguments: &str) -> String {
        let mut text = String::from("#!/bin/bash\n");
        let mut option = |name: &str, value: &str| put(&mut text, format_args!("#SBATCH --{name}={value}\n"));
        option("job-name", &word(&format!("{}-{step}", self.name)));
        if let Some(n) = elements {
            let most =
                self.at_once.filter(|most| *most < n).map(|most| format!("%{most}")).unwrap_or_default();
            option("array", &format!("1-{n}{most}"));
        }
        option("ntasks", "1");
        option("cpus-per-task", &self.cpus.to_string());
        let given = [
            ("time", &self.time),
            ("mem", &self.memory),
            ("partition", &self.partition),
            ("account", &self.account),
            ("qos", &self.qos),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                option(name, value);
            }
        }
        let log = if elements.is_some() { "%A_%a.log" } else { "%j.log" };
        // What stands for numbers begins with `%`, one of the path is doubled.
        let logs = self.logs().display().to_string().replace('%', "%%");
        option("output", &shell(&format!("{logs}/{step}-{log}")));
        text.push_str("#SBATCH --requeue\n#SBATCH --open-mode=append\n");
        // A signal without `B:` would reach the steps of `srun` alone.
        put(&mut text, format_args!("#SBATCH --signal=B:TERM@{LEAD}\n"));
        for more in &self.options {
            put(&mut text, format_args!("#SBATCH {more}\n"));
        }
        text.push('\n');
        for module in &self.modules {
            put(&mut text, format_args!("module load {} || exit 1\n", shell(module)));
        }
        text.push_str("# In the place of this script: signals reach the program.\n");
        put(&mut text, format_args!("exec {} {arguments}\n", quoted(&self.program)));
        text
    }

    fn submit(&self) -> String {
        let mut text = String::from(
            "#!/bin/bash\n# Submits the sweep: all shards, then what they left, then the collection. It can be submitted again at \
             any\n# time: cells that are complete are left as they are, those that failed are tried again.\n\
             set -euo pipefail\ncd \"$(dirname \"$0\")\"\n",
        );
        put(&mut text, format_args!("mkdir -p {}\n", quoted(&self.logs())));
        put(&mut text, format_args!("find {} -name '*.toml' -delete\n", quoted(&self.store.join(FAILED))));
        text.push_str(
            "array=$(sbatch --parsable array.sh)\n\
             missing=$(sbatch --parsable --dependency=afterany:\"${array%%;*}\" missing.sh)\n\
             collect=$(sbatch --parsable --dependency=afterany:\"${missing%%;*}\" collect.sh)\n\
             echo \"array ${array%%;*}, missing ${missing%%;*}, collect ${collect%%;*}\"\n",
        );
        text
    }

    fn logs(&self) -> PathBuf {
        self.store.join("slurm").join("logs")
    }

    /// Writes the scripts into `directory` and returns their paths, the one that submits them last.
    ///
    /// # Errors
    /// As [`SlurmJob::check`]; [`SweepError::Write`].
    pub fn write(&self, directory: &Path) -> Result<Vec<PathBuf>, SweepError> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| SweepError::Write { path, source }
        };
        let scripts = self.scripts()?;
        std::fs::create_dir_all(directory).map_err(failed(directory))?;
        let mut files = Vec::new();
        for (name, text) in scripts {
            let path = directory.join(name);
            Disk::default().replace(&path, text.as_bytes()).map_err(failed(&path))?;
            files.push(path);
        }
        Ok(files)
    }
}

/// The seconds of a limit of time in one of the forms that Slurm reads.
fn seconds(text: &str) -> Option<u64> {
    // More digits are no time that anybody waits for.
    let number = |part: &str| {
        let is_number = (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse::<u64>().ok())?
    };
    let numbers = |text: &str| text.split(':').map(number).collect::<Option<Vec<u64>>>();
    let (days, [hours, minutes, seconds]) = match text.split_once('-') {
        Some((days, rest)) => (
            number(days)?,
            match numbers(rest)?[..] {
                [hours] => [hours, 0, 0],
                [hours, minutes] => [hours, minutes, 0],
                [hours, minutes, seconds] => [hours, minutes, seconds],
                _ => return None,
            },
        ),
        None => (
            0,
            match numbers(text)?[..] {
                [minutes] => [0, minutes, 0],
                [minutes, seconds] => [0, minutes, seconds],
                [hours, minutes, seconds] => [hours, minutes, seconds],
                _ => return None,
            },
        ),
    };
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

/// Whether Slurm reads a text as a size of memory.
fn is_size(text: &str) -> bool {
    let digits = text.strip_suffix(['K', 'M', 'G', 'T', 'k', 'm', 'g', 't']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The job of Slurm that a process is in, as its logs are named, by the variables of its environment.
pub(super) fn job_of_slurm(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let element = variable("SLURM_ARRAY_JOB_ID").zip(variable("SLURM_ARRAY_TASK_ID"));
    let number = element.map(|(job, task)| format!("{job}_{task}")).or_else(|| variable("SLURM_JOB_ID"))?;
    Some(format!("Slurm job {number}"))
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a string does not fail");
}

fn quoted(path: &Path) -> String {
    shell(&path.display().to_string())
}

/// A word of a shell: as it is where nothing in it means anything there, else in quotes.
fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A name as one word.
fn word(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_otherwise_is_in_quotes() {
        let job = SlurmJob {
            modules: vec!["gcc/12; rm -rf /".into()],
            name: "tanh, ReLU".into(),
            at_once: Some(50),
            shards: 120,
            options: vec!["--constraint=avx512".into()],
            ..SlurmJob::new("/a b/it's.toml".into(), "/store".into())
        };
        let scripts = job.scripts().unwrap();
        let [array, missing, collect, submit] = &scripts[..] else { panic!("four scripts") };
        assert!(array.1.contains("#SBATCH --job-name=tanh--ReLU-array\n"), "{}", array.1);
        assert!(array.1.contains("#SBATCH --array=1-120%50\n"));
        assert!(array.1.contains("module load 'gcc/12; rm -rf /' || exit 1\n"));
        assert!(array.1.contains("#SBATCH --constraint=avx512\n"));
        assert!(array.1.ends_with(
            "exec infoplane sweep run '/a b/it'\\''s.toml' --store /store --shard \"$SLURM_ARRAY_TASK_ID\"/120 --no-wait --threads 1\n"
        ));
        assert!(missing.1.contains("#SBATCH --array=1-12\n"));
        assert!(missing.1.contains("/12 --missing --attempts 2 --no-wait --threads 1\n"), "{}", missing.1);
        assert!(
            collect
                .1
                .contains("exec infoplane sweep collect /store --out /store/collected --allow-missing\n")
        );
        assert!(!collect.1.contains("--array"));
        assert!(submit.1.contains("--dependency=afterany:"));
        assert!(submit.1.contains("\nfind /store/failed -name '*.toml' -delete\n"), "{}", submit.1);
    }

    #[test]
    fn a_percent_sign_of_the_store_is_not_a_number_of_a_job() {
        let job = SlurmJob::new("sweep.toml".into(), "/50% of it/%A".into());
        for (name, script) in &job.scripts().unwrap()[..3] {
            let log = if *name == "collect.sh" { "%j" } else { "%A_%a" };
            let step = name.trim_end_matches(".sh");
            let line = format!("#SBATCH --output='/50%% of it/%%A/slurm/logs/{step}-{log}.log'\n");
            assert!(script.contains(&line), "{script}");
            assert!(script.contains("'/50% of it/%A'"), "{script}");
        }
    }

    #[test]
    fn values_that_slurm_reads_otherwise_are_refused_with_what_is_allowed() {
        let job = || SlurmJob::new("sweep.toml".into(), "/store".into());
        let text = |text: &str| Some(text.to_string());
        let refused = |job: SlurmJob| job.check().map_err(|error| error.to_string()).unwrap_err();
        for time in ["30", "4:00", "1:30:00", "2-12", "2-12:30", "2-12:30:00", "0", "0-1", "180:00"] {
            job().check().unwrap();
            SlurmJob { time: text(time), ..job() }.check().unwrap();
        }
        for time in
            ["nonsense", "", "-1", "1:2:3:4", "1-", "-", "1-2-3", "1:", "1.5", "30 ", "30\n", "1-1:1:1:1"]
        {
            let error = refused(SlurmJob { time: text(time), ..job() });
            assert!(error.starts_with("time = ") && error.contains("days-hours:minutes:seconds"), "{error}");
        }
        for time in ["2", "3", "0:30", "3:00", "0:02:00"] {
            let error = refused(SlurmJob { time: text(time), ..job() });
            assert!(error.contains("more than 3 minutes"), "{error}");
        }
        for memory in ["4G", "200", "512M", "1t", "0"] {
            SlurmJob { memory: text(memory), ..job() }.check().unwrap();
        }
        for memory in ["4 G", "", "G", "4GB", "4.5G", "-1", "4G\n#SBATCH --exclusive"] {
            let error = refused(SlurmJob { memory: text(memory), ..job() });
            assert!(error.starts_with("mem = ") && error.contains("K, M, G or T"), "{error}");
        }
        for name in ["", "a b", "a\nb", "a\u{1b}", "it's", "a#b"] {
            for job in [
                SlurmJob { partition: text(name), ..job() },
                SlurmJob { account: text(name), ..job() },
                SlurmJob { qos: text(name), ..job() },
            ] {
                assert!(refused(job).contains("a name without spaces"));
            }
        }
        let error = refused(SlurmJob { options: vec!["constraint=avx".into()], ..job() });
        assert!(
            error.contains("`constraint=avx`") && error.contains("--sbatch=--constraint=avx512"),
            "{error}"
        );
        for option in ["--a=b\nrm -rf /", ""] {
            assert!(refused(SlurmJob { options: vec![option.into()], ..job() }).contains("one line"));
        }
        assert!(refused(SlurmJob { modules: vec!["a\nb".into()], ..job() }).starts_with("module = "));
        for path in ["/a\nb", "/a\\b", ""] {
            let error = refused(SlurmJob::new("sweep.toml".into(), path.into()));
            assert!(error.starts_with("store = "), "{error}");
        }
        assert!(refused(SlurmJob { shards: 0, ..job() }).starts_with("shards = `0`"));
    }

    #[cfg(unix)]
    #[test]
    fn paths_that_are_not_utf_8_are_refused() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/a\xff")).to_path_buf();
        let good = || SlurmJob::new("sweep.toml".into(), "/store".into());
        for (job, key) in [
            (SlurmJob { file: path.clone(), ..good() }, "file"),
            (SlurmJob { store: path.clone(), ..good() }, "store"),
            (SlurmJob { program: path.clone(), ..good() }, "program"),
        ] {
            let error = job.scripts().unwrap_err().to_string();
            assert!(error.starts_with(key) && error.contains("UTF-8"), "{error}");
        }
    }

    #[test]
    fn a_job_of_slurm_is_named_as_its_log_is() {
        let of = |known: &[(&str, &str)]| {
            let known: Vec<(String, String)> =
                known.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            job_of_slurm(move |name| {
                known.iter().find(|(known, _)| known == name).map(|found| found.1.clone())
            })
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("SLURM_JOB_ID", "7")]), Some("Slurm job 7".into()));
        let element = [("SLURM_JOB_ID", "9"), ("SLURM_ARRAY_JOB_ID", "7"), ("SLURM_ARRAY_TASK_ID", "3")];
        assert_eq!(of(&element), Some("Slurm job 7_3".into()));
    }
}
