//! Scenes one after the other as a moving picture: GIF and animated PNG.
//!
//! Slides programs play GIF; browsers and pages also play animated PNG, which keeps every colour. Both hold the first
//! picture whole and of each later one only the rectangle that changed, and in it only the pixels that did.

use std::collections::{BTreeSet, HashMap};

use color_quant::NeuQuant;
use rayon::prelude::*;

use super::Scene;

/// Pixels to a point: 800 points become 1200 pixels, enough for a projector.
const PIXELS_PER_POINT: f64 = 1.5;
/// Pictures that are drawn in parallel before they are written. All at once would take hundreds of megabytes.
const AT_ONCE: usize = 16;
const WHITE: [u8; 3] = [255, 255, 255];
/// The place in the palette that shows the picture before.
const KEEP: u8 = 255;

/// Scenes of one size, played over and over.
pub(super) struct Frames<S, D> {
    pub n: usize,
    /// The scene at an index.
    pub scene: S,
    /// How long it stays, in hundredths of a second.
    pub delay: D,
}

impl<S: Fn(usize) -> Scene + Sync, D: Fn(usize) -> u16> Frames<S, D> {
    /// As GIF, in the colours of the last scene. The same scenes give the same bytes for any number of threads.
    ///
    /// # Errors
    /// Without a frame, for scenes of different sizes, or if the encoder refuses.
    pub(super) fn to_gif(&self) -> Result<Vec<u8>, String> {
        gif(&self.last()?, self).map_err(|error| error.to_string())
    }

    /// As animated PNG, in all colours. The same scenes give the same bytes for any number of threads.
    ///
    /// # Errors
    /// As [`Frames::to_gif`].
    pub(super) fn to_apng(&self) -> Result<Vec<u8>, String> {
        apng(&self.last()?, self).map_err(|error| error.to_string())
    }

    fn last(&self) -> Result<Picture, String> {
        let last = self.n.checked_sub(1).ok_or("no frame")?;
        Picture::of(&(self.scene)(last))
    }
}

type AnyError = Box<dyn std::error::Error>;

/// The pixels of a scene, opaque, row after row.
struct Picture {
    width: usize,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn of(scene: &Scene) -> Result<Picture, String> {
        let sheet = scene.to_pixels(PIXELS_PER_POINT)?;
        let pixels = sheet.data().chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        Ok(Picture { width: sheet.width() as usize, pixels })
    }

    fn height(&self) -> usize {
        self.pixels.len() / self.width
    }
}

/// The least rectangle that holds all places where two pictures differ; a single pixel if they do not.
struct Rectangle {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Rectangle {
    fn whole(width: usize, n_pixels: usize) -> Rectangle {
        Rectangle { left: 0, top: 0, width, height: n_pixels / width }
    }

    fn of_changes<P: PartialEq>(before: &[P], now: &[P], width: usize) -> Rectangle {
        let rows = || before.chunks_exact(width).zip(now.chunks_exact(width)).enumerate();
        let mut changed = rows().filter(|(_, (old, new))| old != new).map(|(row, _)| row);
        let Some(top) = changed.next() else {
            return Rectangle { left: 0, top: 0, width: 1, height: 1 };
        };
        let bottom = changed.next_back().unwrap_or(top);
        let (mut left, mut right) = (width, 0);
        for (_, (old, new)) in rows().take(bottom + 1).skip(top) {
            let differs = |&column: &usize| old[column] != new[column];
            left = (0..left).find(differs).unwrap_or(left);
            right = (right..width).rev().find(differs).unwrap_or(right);
        }
        Rectangle { left, top, width: right + 1 - left, height: bottom + 1 - top }
    }

    /// What `pixel` makes of each place of the rectangle.
    fn map<T>(&self, width: usize, pixel: impl Fn(usize) -> T) -> Vec<T> {
        let rows = self.top..self.top + self.height;
        rows.flat_map(|row| (row * width + self.left)..(row * width + self.left + self.width))
            .map(pixel)
            .collect()
    }
}

fn gif(
    last: &Picture,
    frames: &Frames<impl Fn(usize) -> Scene + Sync, impl Fn(usize) -> u16>,
) -> Result<Vec<u8>, AnyError> {
    let palette = Palette::of(last);
    let (width, height) = (last.width, last.height());
    let side =
        |pixels: usize| u16::try_from(pixels).map_err(|_| format!("{pixels} pixels are too many for GIF"));
    let mut bytes = Vec::new();
    let colors: Vec<u8> = palette.colors.iter().flatten().copied().collect();
    let mut encoder = gif::Encoder::new(&mut bytes, side(width)?, side(height)?, &colors)?;
    encoder.set_repeat(gif::Repeat::Infinite)?;
    let mut before: Option<Vec<u8>> = None;
    in_order(
        last,
        frames,
        |picture| palette.indices(picture),
        |index, now: Vec<u8>| {
            let area = match &before {
                None => Rectangle::whole(width, now.len()),
                Some(before) => Rectangle::of_changes(before, &now, width),
            };
            let place = |at: usize| match &before {
                Some(before) if before[at] == now[at] => KEEP,
                _ => now[at],
            };
            let frame = gif::Frame {
                delay: (frames.delay)(index),
                dispose: gif::DisposalMethod::Keep,
                transparent: before.is_some().then_some(KEEP),
                left: side(area.left)?,
                top: side(area.top)?,
                width: side(area.width)?,
                height: side(area.height)?,
                buffer: area.map(width, place).into(),
                ..gif::Frame::default()
            };
            encoder.write_frame(&frame)?;
            before = Some(now);
            Ok(())
        },
    )?;
    drop(encoder);
    Ok(bytes)
}

fn apng(
    last: &Picture,
    frames: &Frames<impl Fn(usize) -> Scene + Sync, impl Fn(usize) -> u16>,
) -> Result<Vec<u8>, AnyError> {
    let (width, height) = (last.width, last.height());
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, u32::try_from(width)?, u32::try_from(height)?);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    // 0: over and over.
    encoder.set_animated(u32::try_from(frames.n)?, 0)?;
    let mut writer = encoder.write_header()?;
    let mut before: Option<Vec<[u8; 3]>> = None;
    in_order(
        last,
        frames,
        |picture| picture.pixels,
        |index, now: Vec<[u8; 3]>| {
            let area = match &before {
                None => Rectangle::whole(width, now.len()),
                Some(before) => Rectangle::of_changes(before, &now, width),
            };
            let place = |at: usize| match &before {
                Some(before) if before[at] == now[at] => [0; 4],
                _ => [now[at][0], now[at][1], now[at][2], 255],
            };
            // The first picture has the whole sheet, and the format lets it have no other place.
            if index > 0 {
                writer.set_frame_dimension(1, 1)?;
                writer.set_frame_position(u32::try_from(area.left)?, u32::try_from(area.top)?)?;
                writer.set_frame_dimension(u32::try_from(area.width)?, u32::try_from(area.height)?)?;
                writer.set_blend_op(png::BlendOp::Over)?;
            }
            writer.set_dispose_op(png::DisposeOp::None)?;
            writer.set_frame_delay((frames.delay)(index), 100)?;
            writer.write_image_data(&area.map(width, place).concat())?;
            before = Some(now);
            Ok(())
        },
    )?;
    writer.finish()?;
    Ok(bytes)
}

/// Draws the scenes, several at once, and hands what `prepare` makes of them to `write` in their order.
fn in_order<T: Send>(
    last: &Picture,
    frames: &Frames<impl Fn(usize) -> Scene + Sync, impl Fn(usize) -> u16>,
    prepare: impl Fn(Picture) -> T + Sync,
    mut write: impl FnMut(usize, T) -> Result<(), AnyError>,
) -> Result<(), AnyError> {
    let scene = &frames.scene;
    for first in (0..frames.n).step_by(AT_ONCE) {
        let part = first..(first + AT_ONCE).min(frames.n);
        let draw = |index| {
            let picture = Picture::of(&scene(index))?;
            if (picture.width, picture.pixels.len()) != (last.width, last.pixels.len()) {
                return Err(format!("frame {index} has another size than the last one"));
            }
            Ok(prepare(picture))
        };
        let drawn: Vec<Result<T, String>> = part.clone().into_par_iter().map(draw).collect();
        for (index, prepared) in part.zip(drawn) {
            write(index, prepared?)?;
        }
    }
    Ok(())
}

/// The colours of a GIF: white first, then those that the last picture needs.
struct Palette {
    colors: Vec<[u8; 3]>,
}

impl Palette {
    fn of(picture: &Picture) -> Palette {
        // White is most of a figure and has its place already: without it the others share the palette.
        let sample: Vec<[u8; 3]> = picture.pixels.iter().copied().filter(|&pixel| pixel != WHITE).collect();
        let places = usize::from(KEEP) - 1;
        let mut colors = vec![WHITE];
        let distinct: BTreeSet<[u8; 3]> = sample.iter().copied().collect();
        if distinct.len() <= places {
            colors.extend(distinct);
        } else {
            let sample: Vec<u8> = sample.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
            // Every third pixel teaches it.
            let found = NeuQuant::new(3, places, &sample);
            colors.extend(found.color_map_rgb().chunks_exact(3).map(|color| [color[0], color[1], color[2]]));
        }
        // Palettes have as many places as a power of two; the last is never shown.
        colors.resize(256, WHITE);
        Palette { colors }
    }

    fn indices(&self, picture: Picture) -> Vec<u8> {
        let mut known: HashMap<[u8; 3], u8> = HashMap::new();
        let mut last = (WHITE, 0);
        let index = |pixel: [u8; 3]| {
            if pixel != last.0 {
                last = (pixel, *known.entry(pixel).or_insert_with(|| self.nearest(pixel)));
            }
            last.1
        };
        picture.pixels.into_iter().map(index).collect()
    }

    /// Of equally near colours the first.
    fn nearest(&self, pixel: [u8; 3]) -> u8 {
        let distance = |color: &[u8; 3]| -> i32 {
            (0..3).map(|channel| (i32::from(color[channel]) - i32::from(pixel[channel])).pow(2)).sum()
        };
        let shown = &self.colors[..usize::from(KEEP)];
        let nearest = shown.iter().enumerate().min_by_key(|(_, color)| distance(color));
        nearest.map_or(0, |(index, _)| index as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Color, Mark, Text};
    use super::*;

    const FRAMES: usize = 40;

    /// A dot that moves to the right over a still picture; for the last ten frames it rests.
    fn scene(index: usize) -> Scene {
        let mut scene = Scene::new(80.0, 40.0);
        scene.text(Text::new(4.0, 36.0, 10.0, "still"));
        let (x, fill) = (5.0 + 2.0 * index.min(FRAMES - 10) as f64, Color(200, 30, 20));
        scene.marks.push(Mark::Circle { x, y: 12.0, radius: 4.0, fill, opacity: 1.0, outline: None });
        scene
    }

    fn frames() -> Frames<impl Fn(usize) -> Scene + Sync, impl Fn(usize) -> u16> {
        Frames { n: FRAMES, scene, delay: |index| if index + 1 == FRAMES { 200 } else { 5 } }
    }

    /// Lays the changed pixels of each frame over what was there before.
    fn play_gif(bytes: &[u8]) -> (Vec<u16>, Vec<Vec<[u8; 3]>>) {
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut decoder = options.read_info(bytes).expect("a header");
        let (width, height) = (usize::from(decoder.width()), usize::from(decoder.height()));
        let mut canvas = vec![[0; 3]; width * height];
        let (mut delays, mut frames) = (Vec::new(), Vec::new());
        while let Some(frame) = decoder.read_next_frame().expect("a frame") {
            for (index, pixel) in frame.buffer.chunks_exact(4).enumerate() {
                let (row, column) = (index / usize::from(frame.width), index % usize::from(frame.width));
                if pixel[3] > 0 {
                    let at = (row + usize::from(frame.top)) * width + column + usize::from(frame.left);
                    canvas[at] = [pixel[0], pixel[1], pixel[2]];
                }
            }
            delays.push(frame.delay);
            frames.push(canvas.clone());
        }
        (delays, frames)
    }

    fn far(a: &[[u8; 3]], b: &[[u8; 3]]) -> u8 {
        let channels = a.iter().flatten().zip(b.iter().flatten());
        channels.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
    }

    #[test]
    fn a_gif_plays_every_frame_as_it_was_drawn() {
        let bytes = frames().to_gif().expect("a picture");
        let (delays, frames) = play_gif(&bytes);
        assert_eq!(frames.len(), FRAMES);
        assert_eq!((delays[0], delays[FRAMES - 1]), (5, 200));
        for (index, frame) in frames.iter().enumerate() {
            let drawn = Picture::of(&scene(index)).unwrap();
            assert!(far(frame, &drawn.pixels) <= 24, "frame {index}: {}", far(frame, &drawn.pixels));
        }
        assert!(far(&frames[0], &frames[FRAMES - 1]) > 100);
        assert!(bytes.len() < 40_000, "{}", bytes.len());
    }

    #[test]
    fn an_animated_png_plays_every_pixel_as_it_was_drawn() {
        let bytes = frames().to_apng().expect("a picture");
        let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().expect("a header");
        let control = *reader.info().animation_control().expect("an animation");
        assert_eq!((control.num_frames as usize, control.num_plays), (FRAMES, 0));
        let width = reader.info().width as usize;
        let mut buffer = vec![0; reader.output_buffer_size().expect("a size")];
        let mut canvas = vec![[0; 3]; buffer.len() / 4];
        for index in 0..FRAMES {
            let info = reader.next_frame(&mut buffer).expect("a frame");
            let frame = *reader.info().frame_control().expect("its place");
            for (at, pixel) in buffer[..info.buffer_size()].chunks_exact(4).enumerate() {
                let (row, column) = (at / frame.width as usize, at % frame.width as usize);
                if pixel[3] == 255 {
                    let at = (row + frame.y_offset as usize) * width + column + frame.x_offset as usize;
                    canvas[at] = [pixel[0], pixel[1], pixel[2]];
                }
            }
            assert_eq!(frame.delay_num, if index + 1 == FRAMES { 200 } else { 5 });
            assert!(canvas == Picture::of(&scene(index)).unwrap().pixels, "frame {index}");
        }
    }

    #[test]
    fn the_same_scenes_give_the_same_bytes_for_any_number_of_threads() {
        let with_threads = |n| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("threads");
            pool.install(|| (frames().to_gif(), frames().to_apng()))
        };
        assert!(with_threads(1) == with_threads(8));
    }

    #[test]
    fn what_cannot_be_played_is_an_error() {
        assert!(Frames { n: 0, ..frames() }.to_gif().is_err());
        let scene = |index: usize| Scene::new(10.0 + index as f64, 10.0);
        let growing = Frames { n: 3, scene, delay: |_| 5 };
        assert!(growing.to_apng().unwrap_err().contains("another size"));
        // A blank sheet has no colour but white.
        let blank = Frames { n: 2, scene: |_| Scene::new(4.0, 4.0), delay: |_| 5 };
        assert!(blank.to_gif().is_ok() && blank.to_apng().is_ok());
    }
}
