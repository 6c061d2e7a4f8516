//! What figures look like, and over which seeds the means of a run are.

use clap::Args;
use infoplane::report::{Format, Formats, Options, Style};

use crate::failure::Failure;

/// Forms, style and title.
#[derive(Debug, Clone, Args)]
pub struct LookFlags {
    /// The forms of each figure, separated by commas: svg, png, pdf; information planes also move: gif, apng
    #[arg(long, value_name = "LIST", default_value_t = Formats::default(), help_heading = "Figures")]
    pub format: Formats,
    /// What the figures are to be read on: paper, or slides with larger text
    #[arg(long, value_name = "STYLE", default_value_t = Style::Paper, help_heading = "Figures")]
    pub style: Style,
    /// The title of every figure, instead of one that says what it shows and of what
    #[arg(long, value_name = "TEXT", help_heading = "Figures")]
    pub title: Option<String>,
}

/// Look and seeds. None of them changes what was measured.
#[derive(Debug, Clone, Args)]
pub struct FigureFlags {
    #[command(flatten)]
    pub look: LookFlags,
    /// Means, bands and tables over all seeds, also those that did not learn; figures show those in any case
    #[arg(long, help_heading = "Figures")]
    pub all_seeds: bool,
}

impl LookFlags {
    pub fn options(&self) -> Options {
        let options = Options::default().formats(self.format).style(self.style);
        match &self.title {
            Some(title) => options.title(title),
            None => options,
        }
    }

    /// The options of figures that do not move, called `what` where a moving form is asked for.
    pub fn still(&self, what: &str) -> Result<Options, Failure> {
        let moving: Vec<&str> = self.format.iter().filter(|form| form.moves()).map(Format::name).collect();
        if !moving.is_empty() {
            let (given, moving) = (self.format, moving.join(" and "));
            return Err(Failure::input(format!(
                "--format {given}: {what} do not move, so there is no {moving} of them; allowed: svg, png, pdf"
            )));
        }
        Ok(self.options())
    }

    /// How the files end that are listed where one form of each figure is enough.
    pub fn listed(&self) -> Option<&'static str> {
        let first = self.format.iter().next();
        let png = self.format.contains(Format::Png).then_some(Format::Png);
        png.or(first).map(Format::name)
    }
}
