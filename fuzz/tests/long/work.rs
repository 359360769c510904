//! Work that was done, as a number: a clock would tell of the machine, too.
//!
//! In: something to do. Out: how often any region of our code and its libraries was entered meanwhile, and a part of the
//! bytes that were allocated, since copying them is work that no region shows. Source: LLVM's source-based code coverage,
//! whose counters lie side by side in a section of their own. Odd: the standard library has no counters; tests must not
//! run side by side (`--test-threads=1`).

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicU64, Ordering},
};

/// Bytes that are copied while a region is entered.
const BYTES_A_REGION: u64 = 32;

static ALLOCATED: AtomicU64 = AtomicU64::new(0);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: all is left to the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATED.fetch_add(size as u64, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// The work of `what`; `None` where the compiler was not told to count.
pub(crate) fn done_by(what: impl FnOnce()) -> Option<u64> {
    let before = (regions(), ALLOCATED.load(Ordering::Relaxed));
    what();
    let after = (regions(), ALLOCATED.load(Ordering::Relaxed));
    let entered = after.0?.wrapping_sub(before.0?);
    Some(entered + (after.1 - before.1) / BYTES_A_REGION)
}

#[cfg(work_counted)]
fn regions() -> Option<u64> {
    unsafe extern "C" {
        #[link_name = "__start___llvm_prf_cnts"]
        static FIRST: u64;
        #[link_name = "__stop___llvm_prf_cnts"]
        static END: u64;
    }
    let (mut here, end) = (&raw const FIRST, &raw const END);
    let mut sum = 0_u64;
    while here < end {
        // SAFETY: the linker puts these names at both ends of the counters' section; other threads may count meanwhile,
        // which a volatile read of an aligned number survives.
        unsafe {
            sum = sum.wrapping_add(here.read_volatile());
            here = here.add(1);
        }
    }
    Some(sum)
}

#[cfg(not(work_counted))]
fn regions() -> Option<u64> {
    None
}
