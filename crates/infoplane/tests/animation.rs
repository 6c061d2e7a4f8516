//! Information planes as moving pictures.

#[allow(dead_code)] // the rest of it is for other tests
mod made_up;

use infoplane::figure::{self, Figure, FigureKind};
use infoplane::report::{self, Animation, AnimationError, Format, Formats, Options};
use made_up::{MadeUp, make_up};

const FRAMES: usize = 12;

fn made() -> MadeUp {
    MadeUp { widths: vec![4, 2], n_seeds: 2, last_epoch: 60, with_test_set: false }
}

fn plane() -> Figure {
    figure::figures(&make_up(&made()).data()).remove(0)
}

/// The frames as a program that plays them shows them, and how long each stays.
fn play(bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(bytes).expect("a header");
    let width = usize::from(decoder.width());
    let mut canvas = vec![0; width * usize::from(decoder.height()) * 4];
    let mut frames = Vec::new();
    while let Some(frame) = decoder.read_next_frame().expect("a frame") {
        let (left, top, across) = (usize::from(frame.left), usize::from(frame.top), usize::from(frame.width));
        for (index, pixel) in frame.buffer.chunks_exact(4).enumerate().filter(|(_, pixel)| pixel[3] > 0) {
            let at = 4 * ((top + index / across) * width + left + index % across);
            canvas[at..at + 4].copy_from_slice(pixel);
        }
        frames.push((frame.delay, canvas.clone()));
    }
    frames
}

/// How many pixels differ.
fn changed(a: &[u8], b: &[u8]) -> usize {
    a.chunks_exact(4).zip(b.chunks_exact(4)).filter(|(a, b)| a != b).count()
}

#[test]
fn paths_grow_from_the_first_epoch_to_the_last_and_the_end_is_held() {
    let animation = Animation::default().n_frames(FRAMES);
    let bytes = animation.of(&plane(), Format::Gif).expect("a moving picture");
    assert!(bytes.len() < 500_000, "{}", bytes.len());
    let frames = play(&bytes);
    assert_eq!(frames.len(), FRAMES);
    let (first, last) = (&frames[0], &frames[FRAMES - 1]);
    assert_eq!((first.0, last.0), (animation.frame_hundredths, animation.last_hundredths));
    // Ever more of the last frame is there, and the sheet around the paths stands still.
    let missing: Vec<usize> = frames.iter().map(|(_, frame)| changed(frame, &last.1)).collect();
    assert!(missing[0] > 2000 && missing[0] < last.1.len() / 4 / 10, "{missing:?}");
    assert!(missing.windows(2).all(|pair| pair[1] <= pair[0] + 400), "{missing:?}");
    assert_eq!(bytes, animation.of(&plane(), Format::Gif).unwrap());
}

#[test]
fn an_animated_png_has_as_many_frames() {
    let bytes = Animation::default().n_frames(FRAMES).of(&plane(), Format::Apng).expect("a moving picture");
    let reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().expect("a header");
    assert_eq!(reader.info().animation_control().expect("an animation").num_frames as usize, FRAMES);
}

#[test]
fn what_does_not_move_is_refused() {
    let figures = figure::figures(&make_up(&made()).data());
    let other = figures.iter().find(|figure| figure.kind != FigureKind::Plane).expect("another figure");
    let refused = Animation::default().of(other, Format::Gif);
    assert_eq!(refused, Err(AnimationError::NothingMoves { figure: other.id.clone() }));
    let still = make_up(&MadeUp { last_epoch: 0, ..made() });
    let refused = Animation::default().of(&figure::figures(&still.data())[0], Format::Gif);
    assert!(matches!(refused, Err(AnimationError::NothingMoves { .. })), "{refused:?}");
    let refused = Animation::default().of(&plane(), Format::Pdf);
    assert_eq!(refused, Err(AnimationError::Still { format: Format::Pdf }));
    let refused = Animation::default().n_frames(1).of(&plane(), Format::Gif);
    assert_eq!(refused, Err(AnimationError::Frames { n_frames: 1 }));
}

#[test]
fn a_report_writes_moving_planes_where_they_are_asked_for() {
    let run = make_up(&made());
    let directory = tempfile::tempdir().expect("a directory");
    let options = Options::default().formats(Formats::of(&[Format::Svg, Format::Gif]));
    let paths = report::write(&run.data(), &options, directory.path()).expect("a report");
    let names: Vec<&str> = paths.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    let moving: Vec<&&str> = names.iter().filter(|name| name.ends_with(".gif")).collect();
    assert!(!moving.is_empty() && moving.iter().all(|name| name.starts_with("plane-")), "{names:?}");
    let planes = names.iter().filter(|name| name.starts_with("plane-") && name.ends_with(".svg")).count();
    assert_eq!(moving.len(), planes);
    let page = std::fs::read_to_string(directory.path().join("summary.md")).expect("a page");
    assert!(moving.iter().all(|name| page.contains(&format!("({name})"))), "{page}");
}
