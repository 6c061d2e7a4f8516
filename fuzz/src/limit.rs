//! No input of some kilobytes may ask for memory without bound.

use std::alloc::{GlobalAlloc, Layout, System};

/// Most bytes of one allocation.
const MOST: usize = 1 << 30;

/// Memory of the system, but no more than [`MOST`] bytes at once: who asks for more gets none, as on a full machine.
struct Limited;

#[global_allocator]
static LIMITED: Limited = Limited;

// SAFETY: every call is handed on to `System` as it came, or answered with a null pointer, which says that there is no memory.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > MOST {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() > MOST {
            return std::ptr::null_mut();
        }
        // SAFETY: as above, of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > MOST {
            return std::ptr::null_mut();
        }
        // SAFETY: as above, of `realloc`; `place` came from `System`, as all places do.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above, of `dealloc`.
        unsafe { System.dealloc(place, layout) }
    }
}
