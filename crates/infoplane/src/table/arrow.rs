//! Tables as Arrow IPC files (Feather version 2).
//!
//! Source: <https://arrow.apache.org/docs/format/Columnar.html>, with the schemas `Schema.fbs`, `Message.fbs` and `File.fbs`
//! of its repository. The places of fields below are those of these schemas. The crates that read and write everything
//! of the format take as long to compile as a third of this library; what a table needs of it is this file.

use std::io::{self, Write};

use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, VOffsetT, WIPOffset};

use super::{NONE, Table, TableColumn, Values};

/// Rows that a record batch holds at most.
const BATCH: usize = 1 << 16;

const MAGIC: &[u8] = b"ARROW1";
const METADATA_VERSION_5: i16 = 4;
/// What stands before the length of a message.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Where messages and buffers begin.
const ALIGNMENT: usize = 8;

/// A table or vector that is written.
type TableOffset = WIPOffset<UnionWIPOffset>;

/// The place of the field with this number in the table of a schema.
const fn slot(number: VOffsetT) -> VOffsetT {
    4 + 2 * number
}

/// Kinds of messages, as the union `MessageHeader` numbers them.
#[derive(Clone, Copy)]
enum Header {
    Schema = 1,
    DictionaryBatch = 2,
    RecordBatch = 3,
}

/// Where a message lies in the file.
struct Block {
    offset: i64,
    metadata_length: i32,
    body_length: i64,
}

/// Bytes so far, with the offset in the file.
struct Counted<'a> {
    out: &'a mut dyn Write,
    offset: usize,
}

impl Counted<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.offset += bytes.len();
        self.out.write_all(bytes)
    }
}

pub(super) fn write(table: &Table<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Counted { out, offset: 0 };
    out.put(MAGIC)?;
    out.put(&[0; ALIGNMENT - MAGIC.len()])?;
    let mut builder = FlatBufferBuilder::new();
    let schema = schema(&mut builder, table);
    message(&mut out, builder, Header::Schema, schema, &Body::default())?;

    let mut dictionaries = Vec::new();
    for (id, names) in table.columns.iter().enumerate().filter_map(|(id, column)| match &column.values {
        Values::Category { names, .. } => Some((id, names)),
        _ => None,
    }) {
        let mut body = Body::default();
        body.texts(names);
        let mut builder = FlatBufferBuilder::new();
        let batch = record_batch(&mut builder, names.len(), &body);
        let start = builder.start_table();
        builder.push_slot_always(slot(0), id as i64);
        builder.push_slot_always(slot(1), batch);
        let dictionary = builder.end_table(start);
        let dictionary = WIPOffset::new(dictionary.value());
        dictionaries.push(message(&mut out, builder, Header::DictionaryBatch, dictionary, &body)?);
    }

    let mut batches = Vec::new();
    for start in (0..table.len()).step_by(BATCH) {
        let rows = start..(start + BATCH).min(table.len());
        let mut body = Body::default();
        for column in &table.columns {
            body.column(&column.values, rows.clone());
        }
        let mut builder = FlatBufferBuilder::new();
        let batch = record_batch(&mut builder, rows.len(), &body);
        batches.push(message(&mut out, builder, Header::RecordBatch, batch, &body)?);
    }
    // The end of the stream, then the footer, which says where everything lies.
    out.put(&CONTINUATION)?;
    out.put(&[0; 4])?;
    let footer = footer(table, &dictionaries, &batches);
    out.put(&footer)?;
    out.put(&(footer.len() as i32).to_le_bytes())?;
    out.put(MAGIC)
}

/// Writes one message: its metadata, which end at a multiple of eight bytes, and its body.
fn message(
    out: &mut Counted<'_>,
    mut builder: FlatBufferBuilder<'_>,
    kind: Header,
    header: TableOffset,
    body: &Body,
) -> io::Result<Block> {
    let start = builder.start_table();
    builder.push_slot_always(slot(0), METADATA_VERSION_5);
    builder.push_slot_always(slot(1), kind as u8);
    builder.push_slot_always(slot(2), header);
    builder.push_slot_always(slot(3), body.bytes.len() as i64);
    let message = builder.end_table(start);
    builder.finish_minimal(message);
    let metadata = builder.finished_data();
    let padding = metadata.len().next_multiple_of(ALIGNMENT) - metadata.len();
    let length = metadata.len() + padding;
    let block = Block {
        offset: out.offset as i64,
        metadata_length: (8 + length) as i32,
        body_length: body.bytes.len() as i64,
    };
    out.put(&CONTINUATION)?;
    out.put(&(length as i32).to_le_bytes())?;
    out.put(metadata)?;
    out.put(&[0; ALIGNMENT][..padding])?;
    out.put(&body.bytes)?;
    Ok(block)
}

/// The buffers of a batch, one after the other, and what says where each is.
#[derive(Default)]
struct Body {
    bytes: Vec<u8>,
    /// Rows and absent values of each column.
    nodes: Vec<[i64; 2]>,
    /// Offset and length of each buffer.
    buffers: Vec<[i64; 2]>,
}

impl Body {
    fn buffer(&mut self, bytes: impl IntoIterator<Item = u8>) {
        let offset = self.bytes.len();
        self.bytes.extend(bytes);
        self.buffers.push([offset as i64, (self.bytes.len() - offset) as i64]);
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
    }

    /// The bit of each value that is there is 1, the first value's the lowest of its byte; no bytes if all are.
    fn validity(&mut self, is_there: impl ExactSizeIterator<Item = bool>) {
        let rows = is_there.len();
        let (mut bits, mut absent) = (vec![0u8; rows.div_ceil(8)], 0);
        for (row, there) in is_there.enumerate() {
            bits[row / 8] |= u8::from(there) << (row % 8);
            absent += i64::from(!there);
        }
        self.nodes.push([rows as i64, absent]);
        self.buffer(if absent > 0 { bits } else { Vec::new() });
    }

    fn column(&mut self, values: &Values<'_>, rows: std::ops::Range<usize>) {
        match values {
            Values::U32(values) => {
                self.validity(values[rows.clone()].iter().map(|_| true));
                self.buffer(values[rows].iter().flat_map(|value| value.to_le_bytes()));
            }
            Values::U64(values) => {
                self.validity(values[rows.clone()].iter().map(|_| true));
                self.buffer(values[rows].iter().flat_map(|value| value.to_le_bytes()));
            }
            Values::OptionalU64(values) => {
                self.validity(values[rows.clone()].iter().map(Option::is_some));
                self.buffer(values[rows].iter().flat_map(|value| value.unwrap_or(0).to_le_bytes()));
            }
            Values::F64(values) => {
                self.validity(values[rows.clone()].iter().map(|value| value.is_finite()));
                // What stands in the place of an absent value has no meaning; zero is the same on every machine.
                let there = |value: &f64| if value.is_finite() { *value } else { 0.0 };
                self.buffer(values[rows].iter().flat_map(|value| there(value).to_le_bytes()));
            }
            Values::Category { codes, .. } => {
                self.validity(codes[rows.clone()].iter().map(|&code| code != NONE));
                let there = |code: u32| if code == NONE { 0 } else { code as i32 };
                self.buffer(codes[rows].iter().flat_map(|&code| there(code).to_le_bytes()));
            }
        }
    }

    /// Texts: where each begins and ends, and all their bytes.
    fn texts(&mut self, texts: &[impl AsRef<str>]) {
        self.validity(texts.iter().map(|_| true));
        let mut end = 0i32;
        let ends = texts.iter().map(|text| {
            end += text.as_ref().len() as i32;
            end
        });
        let offsets: Vec<i32> = std::iter::once(0).chain(ends).collect();
        self.buffer(offsets.into_iter().flat_map(i32::to_le_bytes));
        self.buffer(texts.iter().flat_map(|text| text.as_ref().bytes()));
    }
}

/// A vector of structs of 64-bit numbers.
fn structs<const N: usize>(builder: &mut FlatBufferBuilder<'_>, all: &[[i64; N]]) -> TableOffset {
    builder.start_vector::<i64>(N * all.len());
    for number in all.iter().rev().flat_map(|one| one.iter().rev()) {
        builder.push(*number);
    }
    let vector = builder.end_vector::<i64>(all.len());
    WIPOffset::new(vector.value())
}

fn record_batch(builder: &mut FlatBufferBuilder<'_>, rows: usize, body: &Body) -> TableOffset {
    let nodes = structs(builder, &body.nodes);
    let buffers = structs(builder, &body.buffers);
    let start = builder.start_table();
    builder.push_slot_always(slot(0), rows as i64);
    builder.push_slot_always(slot(1), nodes);
    builder.push_slot_always(slot(2), buffers);
    let batch = builder.end_table(start);
    WIPOffset::new(batch.value())
}

fn schema(builder: &mut FlatBufferBuilder<'_>, table: &Table<'_>) -> TableOffset {
    let fields: Vec<_> =
        table.columns.iter().enumerate().map(|(id, column)| field(builder, id, column)).collect();
    let fields = builder.create_vector(&fields);
    let metadata = key_values(builder, &[("table", table.name)]);
    let start = builder.start_table();
    builder.push_slot_always(slot(1), fields);
    builder.push_slot_always(slot(2), metadata);
    let schema = builder.end_table(start);
    WIPOffset::new(schema.value())
}

fn field(builder: &mut FlatBufferBuilder<'_>, id: usize, column: &TableColumn<'_>) -> TableOffset {
    let TableColumn { name, declared, values } = column;
    let name = builder.create_string(name);
    let metadata = key_values(builder, &[("about", declared.about), ("unit", declared.unit)]);
    let (kind, of_kind) = match values {
        Values::U32(_) => (2u8, integer(builder, 32, false)),
        Values::U64(_) | Values::OptionalU64(_) => (2, integer(builder, 64, false)),
        Values::F64(_) => (3, floating_point(builder)),
        Values::Category { .. } => (5, empty(builder)),
    };
    let dictionary = matches!(values, Values::Category { .. }).then(|| {
        let codes = integer(builder, 32, true);
        let start = builder.start_table();
        builder.push_slot_always(slot(0), id as i64);
        builder.push_slot_always(slot(1), codes);
        builder.end_table(start)
    });
    let children = builder.create_vector::<TableOffset>(&[]);
    let start = builder.start_table();
    builder.push_slot_always(slot(0), name);
    builder.push_slot_always(slot(1), declared.optional);
    builder.push_slot_always(slot(2), kind);
    builder.push_slot_always(slot(3), of_kind);
    if let Some(dictionary) = dictionary {
        builder.push_slot_always(slot(4), dictionary);
    }
    builder.push_slot_always(slot(5), children);
    builder.push_slot_always(slot(6), metadata);
    let field = builder.end_table(start);
    WIPOffset::new(field.value())
}

fn integer(builder: &mut FlatBufferBuilder<'_>, bits: i32, is_signed: bool) -> TableOffset {
    let start = builder.start_table();
    builder.push_slot_always(slot(0), bits);
    builder.push_slot_always(slot(1), is_signed);
    let kind = builder.end_table(start);
    WIPOffset::new(kind.value())
}

fn floating_point(builder: &mut FlatBufferBuilder<'_>) -> TableOffset {
    const DOUBLE: i16 = 2;
    let start = builder.start_table();
    builder.push_slot_always(slot(0), DOUBLE);
    let kind = builder.end_table(start);
    WIPOffset::new(kind.value())
}

fn empty(builder: &mut FlatBufferBuilder<'_>) -> TableOffset {
    let start = builder.start_table();
    let kind = builder.end_table(start);
    WIPOffset::new(kind.value())
}

fn key_values(builder: &mut FlatBufferBuilder<'_>, pairs: &[(&str, &str)]) -> TableOffset {
    let pairs: Vec<TableOffset> = pairs
        .iter()
        .map(|(key, value)| {
            let (key, value) = (builder.create_string(key), builder.create_string(value));
            let start = builder.start_table();
            builder.push_slot_always(slot(0), key);
            builder.push_slot_always(slot(1), value);
            let pair = builder.end_table(start);
            WIPOffset::new(pair.value())
        })
        .collect();
    let vector = builder.create_vector(&pairs);
    WIPOffset::new(vector.value())
}

fn footer(table: &Table<'_>, dictionaries: &[Block], batches: &[Block]) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let schema = schema(&mut builder, table);
    // A block is an offset, a length of 32 bits, as many bytes of padding, and a length.
    let blocks = |blocks: &[Block]| -> Vec<[i64; 3]> {
        blocks.iter().map(|block| [block.offset, block.metadata_length.into(), block.body_length]).collect()
    };
    let dictionaries = structs(&mut builder, &blocks(dictionaries));
    let batches = structs(&mut builder, &blocks(batches));
    let start = builder.start_table();
    builder.push_slot_always(slot(0), METADATA_VERSION_5);
    builder.push_slot_always(slot(1), schema);
    builder.push_slot_always(slot(2), dictionaries);
    builder.push_slot_always(slot(3), batches);
    let footer = builder.end_table(start);
    builder.finish_minimal(footer);
    builder.finished_data().to_vec()
}
