//! What a command may use of the machine.

use bytesize::ByteSize;
use clap::Args;
use infoplane::experiment::RunOptions;

/// Threads and memory. The numbers depend on neither.
#[derive(Debug, Clone, Args)]
pub struct MachineFlags {
    /// Threads to use; 0 is one for each core. The numbers do not depend on it
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    pub threads: u16,
    /// Memory for networks kept to be measured later and for activations: 512MiB, 4GiB. The numbers do not depend on it
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = memory)]
    pub memory: ByteSize,
}

impl MachineFlags {
    pub fn options(&self) -> RunOptions {
        RunOptions { threads: self.threads.into(), memory: self.memory.as_u64() }
    }
}

/// A number of bytes.
fn memory(text: &str) -> Result<ByteSize, String> {
    text.parse()
        .map_err(|_| "allowed is a number of bytes, with a unit as a rule: 512MiB, 4GiB, 0".to_string())
}
