//! The scripts that compute a sweep on a cluster with Slurm.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::SweepError;
use crate::run::Disk;

/// A sweep as jobs of Slurm: an array with an element for each shard, a second one for what the first left, and the collection.
///
/// The scripts hold what was measured of Slurm 22.05:
///
/// - the program takes the place of the script (`exec`), so that the signal of a time limit or of preemption reaches it; it stops after
///   the epochs in progress, and a requeued element goes on;
/// - what Slurm does not run again by itself, a killed element for one, the second array does, which depends on the end of the
///   first, not on its success;
/// - the collection looks itself whether all cells are there.
///
/// ```
/// use infoplane::sweep::SlurmJob;
/// let job = SlurmJob { shards: 200, time: Some("0:30:00".into()), ..SlurmJob::new("sweep.toml".into(), "store".into()) };
/// let scripts = job.scripts();
/// let (name, array) = &scripts[0];
/// assert_eq!(*name, "array.sh");
/// assert!(array.contains("#SBATCH --array=1-200\n") && array.contains("--shard \"$SLURM_ARRAY_TASK_ID\"/200"));
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
    /// Processors of an element.
    pub cpus: usize,
    /// The limit of its time, as Slurm reads it: `30`, `1:30:00`, `2-12`.
    pub time: Option<String>,
    /// Its memory, as Slurm reads it: `4G`.
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

    /// The scripts by their names, and the one that submits them last.
    pub fn scripts(&self) -> Vec<(&'static str, String)> {
        let of = self.shards;
        // What is left is little: the cells of elements that were killed.
        let n_missing = of.div_ceil(10);
        let run =
            |more: &str| format!("sweep run {} --store {}{more}", quoted(&self.file), quoted(&self.store));
        let array = self.script(
            "array",
            Some(of),
            &run(&format!(" --shard \"$SLURM_ARRAY_TASK_ID\"/{of}{}", self.of_run())),
        );
        let missing = self.script(
            "missing",
            Some(n_missing),
            &run(&format!(" --shard \"$SLURM_ARRAY_TASK_ID\"/{n_missing} --missing{}", self.of_run())),
        );
        let out = self.store.join("collected");
        let collect = self.script(
            "collect",
            None,
            &format!("sweep collect {} --out {}", quoted(&self.store), quoted(&out)),
        );
        vec![
            ("array.sh", array),
            ("missing.sh", missing),
            ("collect.sh", collect),
            ("submit.sh", self.submit()),
        ]
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
        let logs = self.logs().join(format!("{step}-{log}"));
        option("output", &quoted(&logs));
        text.push_str("#SBATCH --requeue\n#SBATCH --open-mode=append\n");
        // Two minutes before the limit of time; a signal without `B:` would reach the steps of `srun` alone.
        text.push_str("#SBATCH --signal=B:TERM@120\n");
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
             any\n# time: cells that are complete are left as they are.\nset -euo pipefail\ncd \"$(dirname \"$0\")\"\n",
        );
        put(&mut text, format_args!("mkdir -p {}\n", quoted(&self.logs())));
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
    /// [`SweepError::Write`].
    pub fn write(&self, directory: &Path) -> Result<Vec<PathBuf>, SweepError> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| SweepError::Write { path, source }
        };
        std::fs::create_dir_all(directory).map_err(failed(directory))?;
        let mut files = Vec::new();
        for (name, text) in self.scripts() {
            let path = directory.join(name);
            Disk::default().replace(&path, text.as_bytes()).map_err(failed(&path))?;
            files.push(path);
        }
        Ok(files)
    }
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
        let [array, missing, collect, submit] = &job.scripts()[..] else { panic!("four scripts") };
        assert!(array.1.contains("#SBATCH --job-name=tanh--ReLU-array\n"), "{}", array.1);
        assert!(array.1.contains("#SBATCH --array=1-120%50\n"));
        assert!(array.1.contains("module load 'gcc/12; rm -rf /' || exit 1\n"));
        assert!(array.1.contains("#SBATCH --constraint=avx512\n"));
        assert!(array.1.ends_with(
            "exec infoplane sweep run '/a b/it'\\''s.toml' --store /store --shard \"$SLURM_ARRAY_TASK_ID\"/120 --threads 1\n"
        ));
        assert!(missing.1.contains("#SBATCH --array=1-12\n") && missing.1.contains("/12 --missing"));
        assert!(collect.1.contains("exec infoplane sweep collect /store --out /store/collected\n"));
        assert!(!collect.1.contains("--array"));
        assert!(submit.1.contains("--dependency=afterany:"));
    }
}
