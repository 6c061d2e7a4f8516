//! The information plane as a moving picture: every path grows with the epochs.

use super::frames::Frames;
use super::{Format, Style, plane};
use crate::figure::{Figure, FigureKind};
use crate::math;

/// How a moving picture plays.
///
/// Frames are equal steps of the axis of epochs, ln(1 + epoch): the first epochs, where most happens, are seen as well as
/// the last. The defaults play six seconds and rest for three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Animation {
    /// What it is to be read on.
    pub style: Style,
    /// How many frames, from 2 to 1000.
    pub n_frames: usize,
    /// How long a frame stays, in hundredths of a second. Browsers play no less than 2.
    pub frame_hundredths: u16,
    /// How long the last frame stays before the first comes again, in hundredths of a second.
    pub last_hundredths: u16,
}

impl Default for Animation {
    fn default() -> Animation {
        Animation { style: Style::default(), n_frames: 90, frame_hundredths: 7, last_hundredths: 300 }
    }
}

impl Animation {
    /// This with another style.
    pub fn style(self, style: Style) -> Animation {
        Animation { style, ..self }
    }

    /// This with another number of frames.
    pub fn n_frames(self, n_frames: usize) -> Animation {
        Animation { n_frames, ..self }
    }
}

/// Why there is no moving picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnimationError {
    /// A form that stands still.
    #[error("{} is not a moving form: gif and apng are", format.name())]
    Still {
        /// What was asked for.
        format: Format,
    },
    /// A figure in which nothing moves.
    #[error("nothing moves in `{figure}`: it is no information plane of two epochs or more")]
    NothingMoves {
        /// The figure.
        figure: String,
    },
    /// Too few frames or too many.
    #[error("{n_frames} frames: from 2 to 1000 are possible")]
    Frames {
        /// What was asked for.
        n_frames: usize,
    },
    /// The encoder refused.
    #[error("cannot encode `{figure}` as {}: {reason}", format.name())]
    Encode {
        /// The figure.
        figure: String,
        /// The form.
        format: Format,
        /// What it said.
        reason: String,
    },
}

impl Animation {
    /// The bytes of a GIF or animated PNG that shows an information plane epoch by epoch.
    ///
    /// A frame shows what was measured up to its epoch, on the axes and with the names of the whole figure; the last is the
    /// figure. The same figure gives the same bytes for any number of threads. With the defaults a plane of a few layers
    /// and seeds takes a few seconds, and a few hundred kilobytes.
    ///
    /// # Errors
    /// [`AnimationError::NothingMoves`] for any other figure and for one of a single epoch, [`AnimationError::Still`] for
    /// other forms, [`AnimationError::Frames`], [`AnimationError::Encode`].
    ///
    /// # Examples
    /// ```
    /// use infoplane::figure::{self, ReportData, ScheduleData};
    /// use infoplane::plane::MethodDescription;
    /// use infoplane::report::{Animation, Format};
    /// use infoplane::{Information, InformationPlane, PlaneRow};
    /// use std::sync::Arc;
    ///
    /// let binned = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
    /// let row = |epoch, i_xt, i_ty| PlaneRow::new(1, epoch, (1, 3), &binned, (i_xt, i_ty));
    /// let plane = InformationPlane::from_iter([row(0, 5.9, 0.12), row(30, 7.4, 0.70), row(4000, 3.7, 0.99)]);
    /// # let data = ReportData {
    /// #     title: "a small run".into(),
    /// #     dataset: "symmetric12".into(),
    /// #     n_samples: 4096,
    /// #     h_x: Information::from_bits(12.0),
    /// #     h_y: Information::from_bits(0.999),
    /// #     parts: vec![],
    /// #     is_chain: true,
    /// #     layers: vec![],
    /// #     quantities: &[],
    /// #     plane: &plane,
    /// #     training: &[],
    /// #     schedule: ScheduleData::default(),
    /// #     failed: vec![],
    /// #     all_seeds: false,
    /// #     complete: true,
    /// #     limit: None,
    /// #     notes: vec![],
    /// # };
    /// let figures = figure::figures(&data);
    /// let bytes = Animation::default().n_frames(8).of(&figures[0], Format::Gif)?;
    /// assert!(bytes.starts_with(b"GIF89a"));
    /// # Ok::<(), infoplane::report::AnimationError>(())
    /// ```
    pub fn of(&self, figure: &Figure, format: Format) -> Result<Vec<u8>, AnimationError> {
        if !format.moves() {
            return Err(AnimationError::Still { format });
        }
        let n = self.n_frames;
        if !(2..=1000).contains(&n) {
            return Err(AnimationError::Frames { n_frames: n });
        }
        let Some((first, last)) = moving_epochs(figure) else {
            return Err(AnimationError::NothingMoves { figure: figure.id.clone() });
        };
        let epoch = |index: usize| match index {
            0 => first,
            index if index + 1 == n => last,
            index => {
                let (low, high) = (math::ln_1p(first as f64), math::ln_1p(last as f64));
                let value = math::exp_m1(low + (high - low) * index as f64 / (n - 1) as f64);
                // A whole number that comes out a little smaller is that number.
                ((value + 1e-6).floor() as u64).clamp(first, last)
            }
        };
        let frames = Frames {
            n,
            scene: |index| self.style.finish(plane::scene(figure, self.style, Some(epoch(index)))),
            delay: |index| if index + 1 == n { self.last_hundredths } else { self.frame_hundredths },
        };
        let bytes = match format {
            Format::Gif => frames.to_gif(),
            _ => frames.to_apng(),
        };
        bytes.map_err(|reason| AnimationError::Encode { figure: figure.id.clone(), format, reason })
    }
}

/// The first and the last epoch of the paths of a plane; nothing if they are one, or for any other figure.
pub(crate) fn moving_epochs(figure: &Figure) -> Option<(u64, u64)> {
    if figure.kind != FigureKind::Plane {
        return None;
    }
    let paths = || figure.panels.iter().flat_map(|panel| panel.paths());
    let epochs = || paths().flat_map(|path| path.points.iter().map(|point| point.epoch));
    let (first, last) = (epochs().min()?, epochs().max()?);
    (first < last).then_some((first, last))
}
