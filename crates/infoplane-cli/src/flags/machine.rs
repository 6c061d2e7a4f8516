//! What a command may use of the machine.

use bytesize::ByteSize;
use clap::Args;
use infoplane::experiment::RunOptions;

use crate::failure::Failure;

/// How many threads. The results do not depend on it.
#[derive(Debug, Clone, Args)]
pub struct ThreadFlags {
    /// Threads to use; 0 means one per core. Results do not depend on it
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = crate::flags::whole_from(0u16, 1024))]
    pub threads: u16,
}

impl ThreadFlags {
    /// Computes with that many threads.
    pub fn compute<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Failure> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads.into()).build();
        let pool = pool.map_err(|error| Failure::machine(format!("cannot start threads: {error}")))?;
        Ok(pool.install(work))
    }
}

/// Threads and memory. The results depend on neither.
#[derive(Debug, Clone, Args)]
pub struct MachineFlags {
    #[command(flatten)]
    pub threads: ThreadFlags,
    /// Memory for kept networks and activations, such as 512MiB or 4GiB. Results do not depend on it
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = memory)]
    pub memory: ByteSize,
}

impl MachineFlags {
    pub fn options(&self) -> RunOptions {
        RunOptions { threads: self.threads.threads.into(), memory: self.memory.as_u64() }
    }
}

/// A number of bytes.
fn memory(text: &str) -> Result<ByteSize, String> {
    text.parse().map_err(|_| "allowed is a number of bytes, usually with a unit: 512MiB, 4GiB, 0".to_string())
}
