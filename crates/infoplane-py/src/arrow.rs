//! Tables as Arrow C streams, which pandas, polars, Arrow and DuckDB read without a copy of this package's own.
//!
//! Source: <https://arrow.apache.org/docs/format/CDataInterface.html> and CStreamInterface.html; the structures below are
//! those of these pages, field by field.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

use infoplane::table::{NONE, TableColumn, Values};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// `ARROW_FLAG_NULLABLE`.
const NULLABLE: i64 = 2;

#[repr(C)]
struct ArrowSchema {
    format: *const c_char,
    name: *const c_char,
    metadata: *const c_char,
    flags: i64,
    n_children: i64,
    children: *mut *mut ArrowSchema,
    dictionary: *mut ArrowSchema,
    release: Option<unsafe extern "C" fn(*mut ArrowSchema)>,
    private_data: *mut c_void,
}

#[repr(C)]
struct ArrowArray {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *mut *const c_void,
    children: *mut *mut ArrowArray,
    dictionary: *mut ArrowArray,
    release: Option<unsafe extern "C" fn(*mut ArrowArray)>,
    private_data: *mut c_void,
}

#[repr(C)]
struct ArrowArrayStream {
    get_schema: Option<unsafe extern "C" fn(*mut ArrowArrayStream, *mut ArrowSchema) -> c_int>,
    get_next: Option<unsafe extern "C" fn(*mut ArrowArrayStream, *mut ArrowArray) -> c_int>,
    get_last_error: Option<unsafe extern "C" fn(*mut ArrowArrayStream) -> *const c_char>,
    release: Option<unsafe extern "C" fn(*mut ArrowArrayStream)>,
    private_data: *mut c_void,
}

/// What the consumer of a capsule did not take is released with it.
struct Stream(ArrowArrayStream);

// SAFETY: the stream owns all that it points to, and nothing of it belongs to a thread. A consumer uses it from one thread at a
// time, as the interface asks.
unsafe impl Send for Stream {}
// SAFETY: nobody has a reference to it but the capsule, which hands out a pointer.
unsafe impl Sync for Stream {}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(release) = self.0.release {
            // SAFETY: `release` is set, so the stream was neither moved out nor released, and it is not used after this.
            unsafe { release(&raw mut self.0) };
        }
    }
}

/// Memory of a column: what a buffer points to, for as long as its array is not released.
enum Buffer {
    Absent,
    Bytes(Vec<u8>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F64(Vec<f64>),
}

impl Buffer {
    fn pointer(&self) -> *const c_void {
        match self {
            Buffer::Absent => null(),
            Buffer::Bytes(values) => values.as_ptr().cast(),
            Buffer::I32(values) => values.as_ptr().cast(),
            Buffer::U32(values) => values.as_ptr().cast(),
            Buffer::U64(values) => values.as_ptr().cast(),
            Buffer::F64(values) => values.as_ptr().cast(),
        }
    }
}

/// An array before it is given away.
struct Prepared {
    length: usize,
    null_count: usize,
    buffers: Vec<Buffer>,
    children: Vec<Prepared>,
    dictionary: Option<Box<Prepared>>,
}

impl Prepared {
    /// One bit for each value that is there; none if all are.
    fn validity(present: impl Iterator<Item = bool> + Clone) -> (Buffer, usize) {
        let null_count = present.clone().filter(|present| !present).count();
        if null_count == 0 {
            return (Buffer::Absent, 0);
        }
        let mut bytes = Vec::new();
        for (place, present) in present.enumerate() {
            if place % 8 == 0 {
                bytes.push(0);
            }
            let byte: usize = place / 8;
            bytes[byte] |= u8::from(present) << (place % 8);
        }
        (Buffer::Bytes(bytes), null_count)
    }

    fn column(values: &Values<'_>) -> Prepared {
        let length = values.len();
        let (validity, null_count, buffer, dictionary) = match values {
            Values::U32(values) => (Buffer::Absent, 0, Buffer::U32(values.to_vec()), None),
            Values::U64(values) => (Buffer::Absent, 0, Buffer::U64(values.to_vec()), None),
            Values::OptionalU64(values) => {
                let (validity, nulls) = Prepared::validity(values.iter().map(Option::is_some));
                let values = values.iter().map(|value| value.unwrap_or(0)).collect();
                (validity, nulls, Buffer::U64(values), None)
            }
            Values::F64(values) => {
                let (validity, nulls) = Prepared::validity(values.iter().map(|value| value.is_finite()));
                (validity, nulls, Buffer::F64(values.to_vec()), None)
            }
            Values::Category { names, codes } => {
                let (validity, nulls) = Prepared::validity(codes.iter().map(|&code| code != NONE));
                let codes = codes.iter().map(|&code| if code == NONE { 0 } else { code as i32 }).collect();
                (validity, nulls, Buffer::I32(codes), Some(Box::new(Prepared::texts(names))))
            }
            // A kind of values that is not known here has none.
            _ => (
                Prepared::validity((0..length).map(|_| false)).0,
                length,
                Buffer::F64(vec![0.0; length]),
                None,
            ),
        };
        Prepared { length, null_count, buffers: vec![validity, buffer], children: Vec::new(), dictionary }
    }

    fn texts(texts: &[impl AsRef<str>]) -> Prepared {
        let mut offsets = vec![0];
        let mut bytes = Vec::new();
        for text in texts {
            bytes.extend_from_slice(text.as_ref().as_bytes());
            offsets.push(bytes.len() as i32);
        }
        let buffers = vec![Buffer::Absent, Buffer::I32(offsets), Buffer::Bytes(bytes)];
        Prepared { length: texts.len(), null_count: 0, buffers, children: Vec::new(), dictionary: None }
    }

    /// Gives it away: it frees itself when released.
    fn array(self) -> ArrowArray {
        let children: Vec<*mut ArrowArray> =
            self.children.into_iter().map(|child| Box::into_raw(Box::new(child.array()))).collect();
        let dictionary =
            self.dictionary.map_or(null_mut(), |dictionary| Box::into_raw(Box::new(dictionary.array())));
        let mut own = Box::new(OwnArray {
            pointers: self.buffers.iter().map(Buffer::pointer).collect(),
            _buffers: self.buffers,
            children,
        });
        ArrowArray {
            length: self.length as i64,
            null_count: self.null_count as i64,
            offset: 0,
            n_buffers: own.pointers.len() as i64,
            n_children: own.children.len() as i64,
            buffers: own.pointers.as_mut_ptr(),
            children: own.children.as_mut_ptr(),
            dictionary,
            release: Some(release_array),
            private_data: Box::into_raw(own).cast(),
        }
    }
}

/// What an array owns.
struct OwnArray {
    pointers: Vec<*const c_void>,
    _buffers: Vec<Buffer>,
    children: Vec<*mut ArrowArray>,
}

unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    // SAFETY: the consumer calls this once for an array that `Prepared::array` made and that is not released: its private data are
    // the box from there, its children and its dictionary are boxes. What the consumer moved out of a child has no `release` left
    // in the box, which is then freed alone.
    unsafe {
        let own = Box::from_raw((*array).private_data.cast::<OwnArray>());
        for &child in
            own.children.iter().chain(&((!(*array).dictionary.is_null()).then_some((*array).dictionary)))
        {
            if let Some(release) = (*child).release {
                release(child);
            }
            drop(Box::from_raw(child));
        }
        (*array).release = None;
        (*array).private_data = null_mut();
    }
}

/// A schema before it is given away.
struct Fields {
    format: &'static CStr,
    name: CString,
    metadata: Vec<u8>,
    nullable: bool,
    children: Vec<Fields>,
    dictionary: Option<Box<Fields>>,
}

impl Fields {
    fn column(column: &TableColumn<'_>) -> Fields {
        let format = match &column.values {
            Values::U32(_) => c"I",
            Values::U64(_) | Values::OptionalU64(_) => c"L",
            Values::Category { .. } => c"i",
            _ => c"g",
        };
        let text = || Fields {
            format: c"u",
            name: CString::default(),
            metadata: Vec::new(),
            nullable: false,
            children: Vec::new(),
            dictionary: None,
        };
        let dictionary = matches!(column.values, Values::Category { .. }).then(|| Box::new(text()));
        let about = [("about", column.declared.about), ("unit", column.declared.unit)];
        Fields {
            format,
            name: named(&column.name),
            metadata: metadata(about.into_iter().filter(|(_, value)| !value.is_empty()).collect()),
            nullable: column.declared.optional || column.values.f64s().is_some(),
            children: Vec::new(),
            dictionary,
        }
    }

    /// Gives it away: it frees itself when released.
    fn schema(self) -> ArrowSchema {
        let children: Vec<*mut ArrowSchema> =
            self.children.into_iter().map(|child| Box::into_raw(Box::new(child.schema()))).collect();
        let dictionary =
            self.dictionary.map_or(null_mut(), |dictionary| Box::into_raw(Box::new(dictionary.schema())));
        let mut own = Box::new(OwnSchema { name: self.name, metadata: self.metadata, children });
        ArrowSchema {
            format: self.format.as_ptr(),
            name: own.name.as_ptr(),
            metadata: if own.metadata.is_empty() { null() } else { own.metadata.as_ptr().cast() },
            flags: if self.nullable { NULLABLE } else { 0 },
            n_children: own.children.len() as i64,
            children: own.children.as_mut_ptr(),
            dictionary,
            release: Some(release_schema),
            private_data: Box::into_raw(own).cast(),
        }
    }
}

/// A name for C, which ends at a zero byte.
fn named(name: &str) -> CString {
    CString::new(name.replace('\0', " ")).unwrap_or_default()
}

/// The number of pairs, then of each key and value its length and its bytes.
fn metadata(pairs: Vec<(&str, &str)>) -> Vec<u8> {
    if pairs.is_empty() {
        return Vec::new();
    }
    let mut bytes = (pairs.len() as i32).to_ne_bytes().to_vec();
    for text in pairs.into_iter().flat_map(|(key, value)| [key, value]) {
        bytes.extend_from_slice(&(text.len() as i32).to_ne_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// What a schema owns.
struct OwnSchema {
    name: CString,
    metadata: Vec<u8>,
    children: Vec<*mut ArrowSchema>,
}

unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    // SAFETY: as in `release_array`.
    unsafe {
        let own = Box::from_raw((*schema).private_data.cast::<OwnSchema>());
        for &child in
            own.children.iter().chain(&((!(*schema).dictionary.is_null()).then_some((*schema).dictionary)))
        {
            if let Some(release) = (*child).release {
                release(child);
            }
            drop(Box::from_raw(child));
        }
        (*schema).release = None;
        (*schema).private_data = null_mut();
    }
}

/// What a stream owns.
struct OwnStream {
    columns: Vec<TableColumn<'static>>,
    /// Whether its one batch was given.
    given: bool,
}

/// Returns a capsule with the stream of some columns, in one batch.
pub fn stream<'py>(py: Python<'py>, columns: &[TableColumn<'static>]) -> PyResult<Bound<'py, PyCapsule>> {
    let own = Box::new(OwnStream { columns: columns.to_vec(), given: false });
    let stream = ArrowArrayStream {
        get_schema: Some(get_schema),
        get_next: Some(get_next),
        get_last_error: Some(get_last_error),
        release: Some(release_stream),
        private_data: Box::into_raw(own).cast(),
    };
    PyCapsule::new_with_value(py, Stream(stream), c"arrow_array_stream")
}

unsafe extern "C" fn get_schema(stream: *mut ArrowArrayStream, into: *mut ArrowSchema) -> c_int {
    // SAFETY: the consumer gives a stream of `stream`, which is not released, and room for a schema, whose memory is not
    // initialised and so is written without being read.
    unsafe {
        let own = &*(*stream).private_data.cast::<OwnStream>();
        let root = Fields {
            format: c"+s",
            name: CString::default(),
            metadata: Vec::new(),
            nullable: false,
            children: own.columns.iter().map(Fields::column).collect(),
            dictionary: None,
        };
        into.write(root.schema());
    }
    0
}

unsafe extern "C" fn get_next(stream: *mut ArrowArrayStream, into: *mut ArrowArray) -> c_int {
    // SAFETY: as in `get_schema`.
    unsafe {
        let own = &mut *(*stream).private_data.cast::<OwnStream>();
        if own.given {
            // The end of the stream is an array that is released already.
            into.write(ArrowArray {
                length: 0,
                null_count: 0,
                offset: 0,
                n_buffers: 0,
                n_children: 0,
                buffers: null_mut(),
                children: null_mut(),
                dictionary: null_mut(),
                release: None,
                private_data: null_mut(),
            });
            return 0;
        }
        own.given = true;
        let length = own.columns.first().map_or(0, |column| column.values.len());
        let children = own.columns.iter().map(|column| Prepared::column(&column.values)).collect();
        let root =
            Prepared { length, null_count: 0, buffers: vec![Buffer::Absent], children, dictionary: None };
        into.write(root.array());
    }
    0
}

/// Nothing fails here.
unsafe extern "C" fn get_last_error(_: *mut ArrowArrayStream) -> *const c_char {
    null()
}

unsafe extern "C" fn release_stream(stream: *mut ArrowArrayStream) {
    // SAFETY: the consumer calls this once for a stream of `stream` that is not released.
    unsafe {
        drop(Box::from_raw((*stream).private_data.cast::<OwnStream>()));
        (*stream).release = None;
        (*stream).private_data = null_mut();
    }
}
