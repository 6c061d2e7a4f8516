//! The published experiments, every choice spelled out.

/// A named experiment that the library carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// The name on the command line.
    pub name: &'static str,
    /// Its TOML file, ready to be copied and changed.
    pub toml: &'static str,
}

impl Preset {
    /// The first line of the file: what the experiment is.
    pub fn title(&self) -> &'static str {
        self.toml.lines().next().unwrap_or("").trim_start_matches(['#', ' '])
    }
}

/// Every preset, the default first.
pub const PRESETS: [Preset; 4] = [
    Preset { name: "tishby2017", toml: include_str!("../../presets/tishby2017.toml") },
    Preset { name: "saxe2018-tanh", toml: include_str!("../../presets/saxe2018-tanh.toml") },
    Preset { name: "saxe2018-relu", toml: include_str!("../../presets/saxe2018-relu.toml") },
    Preset { name: "saxe2018-mnist", toml: include_str!("../../presets/saxe2018-mnist.toml") },
];
