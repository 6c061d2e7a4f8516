//! Bytes of a table as text.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use super::super::room::{afford, grow};
use super::super::stream::Stream;
use crate::dataset::DatasetError;
use crate::memory::Budget;

/// How the bytes of a table stand for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    /// Two bytes or more a character, as spreadsheets write "Unicode text".
    Utf16,
    /// A byte a character, as older Windows programs write. Only names and labels hold such characters.
    Windows1252,
}

/// The first characters of a table, for looking at, and all of it, for reading.
pub(super) struct Text<'a> {
    pub head: String,
    /// Whether the head is all there is.
    pub head_is_whole: bool,
    pub encoding: Encoding,
    pub all: Lines<Box<dyn Read + 'a>>,
}

/// As much as is looked at before reading.
const HEAD: usize = 1 << 20;

const MARK_8: &[u8] = &[0xef, 0xbb, 0xbf];
const MARK_16_LITTLE: &[u8] = &[0xff, 0xfe];
const MARK_16_BIG: &[u8] = &[0xfe, 0xff];

/// Looks at the first bytes of a table and decodes them.
pub(super) fn decode(mut stream: Stream<'_>) -> Result<Text<'_>, DatasetError> {
    let mut head = vec![0; HEAD];
    let n = stream.fill(&mut head)?;
    head.truncate(n);
    let file = stream.file.clone();
    let budget = stream.budget;
    if let Some((big_endian, mark)) = utf16(&head) {
        let whole = Cursor::new(head).chain(stream);
        let mut all = FromUtf16::new(whole, big_endian, mark);
        let mut head = Vec::new();
        let read = all.by_ref().take(HEAD as u64).read_to_end(&mut head);
        let n = read.map_err(|error| DatasetError::io(&file, error))?;
        let decoded = String::from_utf8_lossy(&head[..floor_boundary(&head)]).into_owned();
        let all: Box<dyn Read + '_> = Box::new(Cursor::new(head).chain(all));
        let encoding = Encoding::Utf16;
        let all = Lines::new(file, all, Encoding::Utf8, budget);
        return Ok(Text { head: decoded, head_is_whole: n < HEAD, encoding, all });
    }
    if let Some(offset) = head.iter().position(|&byte| byte == 0) {
        let problem = "a zero byte, which no text holds; tables are text";
        return Err(DatasetError::Malformed { file, offset: offset as u64, problem: problem.into() });
    }
    if head.starts_with(MARK_8) {
        head.drain(..MARK_8.len());
    }
    let head_is_whole = n < HEAD;
    let encoding = match std::str::from_utf8(&head) {
        Ok(_) => Encoding::Utf8,
        // A character that the end of the head cuts is no other encoding.
        Err(error) if error.error_len().is_none() && !head_is_whole => Encoding::Utf8,
        Err(_) => Encoding::Windows1252,
    };
    let decoded = match encoding {
        Encoding::Windows1252 => windows_1252(&head),
        _ => String::from_utf8_lossy(&head).into_owned(),
    };
    let all: Box<dyn Read + '_> = Box::new(Cursor::new(head).chain(stream));
    Ok(Text { head: decoded, head_is_whole, encoding, all: Lines::new(file, all, encoding, budget) })
}

/// Whether first bytes are text of 16 bits a character that begins with its mark.
pub(super) fn is_utf16(first: &[u8]) -> bool {
    first.starts_with(MARK_16_LITTLE) || first.starts_with(MARK_16_BIG)
}

/// Whether bytes are text of 16 bits a character: with its mark, or without where every other byte is zero. Gives
/// whether the larger half comes first, and the length of the mark.
fn utf16(head: &[u8]) -> Option<(bool, usize)> {
    if head.starts_with(MARK_16_LITTLE) {
        return Some((false, 2));
    }
    if head.starts_with(MARK_16_BIG) {
        return Some((true, 2));
    }
    let first = &head[..head.len().min(1000)];
    let zeros = |parity: usize| first.iter().skip(parity).step_by(2).filter(|&&byte| byte == 0).count();
    match (first.len() / 2, zeros(0), zeros(1)) {
        (pairs @ 2.., 0, little) if little * 10 >= pairs * 9 => Some((false, 0)),
        (pairs @ 2.., big, 0) if big * 10 >= pairs * 9 => Some((true, 0)),
        _ => None,
    }
}

/// Where the last whole character of UTF-8 ends.
fn floor_boundary(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.len(),
        Err(error) => error.valid_up_to(),
    }
}

/// Text of 16 bits a character as UTF-8. What is no text becomes the replacement character.
struct FromUtf16<R> {
    reader: R,
    big_endian: bool,
    /// Bytes of the mark that are still to be left out.
    mark: usize,
    /// Bytes that were read and not yet decoded: part of a character.
    given: Vec<u8>,
    /// Text that was decoded and not yet asked for.
    text: Vec<u8>,
    at: usize,
}

impl<R: Read> FromUtf16<R> {
    fn new(reader: R, big_endian: bool, mark: usize) -> Self {
        FromUtf16 { reader, big_endian, mark, given: Vec::new(), text: Vec::new(), at: 0 }
    }

    /// Decodes some more text; nothing where there is none.
    fn decode(&mut self) -> io::Result<()> {
        const AT_ONCE: u64 = 1 << 16;
        self.text.clear();
        self.at = 0;
        let found = self.reader.by_ref().take(AT_ONCE).read_to_end(&mut self.given)?;
        let mark = std::mem::take(&mut self.mark).min(self.given.len());
        self.given.drain(..mark);
        let unit =
            |pair: [u8; 2]| if self.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
        let mut pairs = self.given.as_chunks::<2>().0;
        let at_end = (found as u64) < AT_ONCE;
        // The first half of a character waits for the second.
        if !at_end
            && let [before @ .., last] = pairs
            && (0xd800..0xdc00).contains(&unit(*last))
        {
            pairs = before;
        }
        let units = pairs.iter().map(|&pair| unit(pair));
        for character in char::decode_utf16(units) {
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            self.text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        let taken = if at_end { self.given.len() } else { 2 * pairs.len() };
        self.given.drain(..taken);
        Ok(())
    }
}

impl<R: Read> Read for FromUtf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.text.len() {
            self.decode()?;
        }
        let n = buffer.len().min(self.text.len() - self.at);
        buffer[..n].copy_from_slice(&self.text[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

fn windows_1252(bytes: &[u8]) -> String {
    // What differs from the first 256 characters of Unicode.
    const FROM_128: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    let character = |&byte: &u8| match byte {
        0x80..=0x9f => FROM_128[usize::from(byte - 0x80)],
        byte => char::from(byte),
    };
    bytes.iter().map(character).collect()
}

/// Text line by line. Lines end with `\n`, `\r\n` or `\r`.
pub(super) struct Lines<R> {
    /// What messages call the file.
    file: String,
    budget: Budget,
    reader: BufReader<R>,
    encoding: Encoding,
    bytes: Vec<u8>,
    /// Number of the line that was read last, from 1.
    pub number: u64,
    /// Bytes read so far, as decoded.
    pub offset: u64,
    after_return: bool,
}

impl<R: Read> Lines<R> {
    pub fn new(file: String, reader: R, encoding: Encoding, budget: Budget) -> Self {
        let (bytes, number) = (Vec::new(), 0);
        Lines {
            file,
            budget,
            reader: BufReader::with_capacity(1 << 16, reader),
            encoding,
            bytes,
            number,
            offset: 0,
            after_return: false,
        }
    }

    /// Reads the next line into `line`, without its end; false where there is none.
    pub fn next(&mut self, line: &mut String) -> Result<bool, DatasetError> {
        line.clear();
        self.bytes.clear();
        let mut any = false;
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(DatasetError::io(&self.file, error)),
            };
            if chunk.is_empty() {
                break;
            }
            if std::mem::take(&mut self.after_return) && chunk[0] == b'\n' {
                self.reader.consume(1);
                continue;
            }
            any = true;
            match chunk.iter().position(|&byte| byte == b'\n' || byte == b'\r') {
                Some(end) => {
                    self.bytes.extend_from_slice(&chunk[..end]);
                    self.after_return = chunk[end] == b'\r';
                    self.reader.consume(end + 1);
                    break;
                }
                None => {
                    // A line of this length as bytes, as text, and as fields.
                    afford(self.budget, &self.file, 3 * (self.bytes.len() + chunk.len()) as u128)?;
                    grow(&mut self.bytes, &self.file, chunk.len())?;
                    self.bytes.extend_from_slice(chunk);
                    let n = chunk.len();
                    self.reader.consume(n);
                }
            }
        }
        if !any {
            return Ok(false);
        }
        self.number += 1;
        self.offset += self.bytes.len() as u64 + 1;
        if self.number == 1 && self.encoding == Encoding::Utf8 && self.bytes.starts_with(MARK_8) {
            self.bytes.drain(..MARK_8.len());
        }
        match std::str::from_utf8(&self.bytes) {
            Ok(text) if self.encoding == Encoding::Utf8 => line.push_str(text),
            _ => line.push_str(&windows_1252(&self.bytes)),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut text = decode(Stream::of_bytes(bytes)).unwrap();
        let (mut all, mut line) = (Vec::new(), String::new());
        while text.all.next(&mut line).unwrap() {
            all.push(line.clone());
        }
        all
    }

    #[test]
    fn lines_end_in_three_ways() {
        for text in ["a\nb\n\nc", "a\r\nb\r\n\r\nc\r\n", "a\rb\r\rc\r"] {
            assert_eq!(lines(text.as_bytes()), ["a", "b", "", "c"], "{text:?}");
        }
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn text_is_decoded_whatever_its_encoding() {
        let text = "größe\n1€\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [MARK_8, text.as_bytes()].concat(),
            [MARK_16_LITTLE, &little].concat(),
            [MARK_16_BIG, &big].concat(),
            b"gr\xf6\xdfe\n1\x80\n".to_vec(),
        ] {
            assert_eq!(lines(&bytes), ["größe", "1€"], "{bytes:?}");
        }
        let unmarked: Vec<u8> = "a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(lines(&unmarked), ["a,b", "1,2"]);
        assert!(decode(Stream::of_bytes(b"1,2\n\0\0\0\0\n")).is_err());
    }

    #[test]
    fn long_text_of_16_bits_is_decoded_as_it_is_read() {
        // Halves of a character on both sides of every border.
        let text: String = (0..70_000).map(|n| if n % 3 == 0 { '😀' } else { 'x' }).collect();
        for text in [text.clone(), format!("x{text}")] {
            let bytes: Vec<u8> =
                [MARK_16_BIG, &text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()].concat();
            assert_eq!(lines(&bytes), [text]);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(mut text) = decode(Stream::of_bytes(&bytes)) {
                let mut line = String::new();
                while text.all.next(&mut line).unwrap() {}
            }
        }
    }
}
