//! The buffers that the kernel takes from when something has arrived: who waits needs none.

use std::alloc::{self, Layout};
use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::rc::Rc;
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering::Release};

use io_uring::types::BufRingEntry;

/// A ring of entries that tell the kernel of free buffers, and the buffers, in one piece of memory.
pub(super) struct Buffers {
    memory: NonNull<u8>,
    layout: Layout,
    count: u16,
    bytes_each: usize,
    /// Entries written so far, as the kernel counts them.
    tail: Cell<u16>,
}

/// A buffer with bytes that have arrived. Dropping it gives it back to the kernel.
pub(in super::super) struct Buffer {
    buffers: Rc<Buffers>,
    number: u16,
    len: usize,
}

impl Buffers {
    /// All of them are the kernel's, once it is told where they are.
    ///
    /// # Panics
    /// When `count` is no power of two, or there is no byte in each.
    pub(super) fn new(count: u16, bytes_each: usize) -> Rc<Buffers> {
        assert!(count.is_power_of_two() && bytes_each > 0);
        let bytes = usize::from(count) * (size_of::<BufRingEntry>() + bytes_each);
        let layout = Layout::from_size_align(bytes, LARGEST_PAGE).expect("it fits into memory");
        // SAFETY: the size is not zero.
        let memory = NonNull::new(unsafe { alloc::alloc_zeroed(layout) });
        let memory = memory.unwrap_or_else(|| alloc::handle_alloc_error(layout));
        let buffers = Rc::new(Buffers { memory, layout, count, bytes_each, tail: Cell::new(0) });
        (0..count).for_each(|number| buffers.give(number));
        buffers
    }

    /// Where the kernel finds the entries, page-aligned.
    pub(super) fn address(&self) -> u64 {
        self.memory.as_ptr() as u64
    }

    pub(super) fn count(&self) -> u16 {
        self.count
    }

    /// A buffer that a completion names, with so many bytes in it.
    ///
    /// # Safety
    /// The completion was the last that was taken from the ring of these buffers, and this is called once for it: so the
    /// kernel has given the buffer away, and nobody else has it.
    pub(super) unsafe fn taken(self: &Rc<Buffers>, number: u16, len: usize) -> Buffer {
        assert!(number < self.count && len <= self.bytes_each);
        Buffer { buffers: Rc::clone(self), number, len }
    }

    /// Tells the kernel that a buffer is free.
    fn give(&self, number: u16) {
        let tail = self.tail.get();
        let entries = self.memory.cast::<BufRingEntry>();
        // SAFETY: the memory begins with `count` entries, which are valid as zeros, and only this thread writes to them.
        // The kernel reads those below the tail. It has at most `count` buffers, so this entry is not among them.
        let entry = unsafe { entries.add(usize::from(tail % self.count)).as_mut() };
        entry.set_addr(self.start_of(number).as_ptr() as u64);
        entry.set_len(self.bytes_each as u32);
        entry.set_bid(number);
        self.tail.set(tail.wrapping_add(1));
        // SAFETY: the tail lies in the first entry, in a field that nothing else of the entry touches. It is aligned,
        // and the kernel reads it as one.
        let shared = unsafe { &*BufRingEntry::tail(entries.as_ptr()).cast::<AtomicU16>() };
        shared.store(self.tail.get(), Release);
    }

    fn start_of(&self, number: u16) -> NonNull<u8> {
        let offset =
            usize::from(self.count) * size_of::<BufRingEntry>() + usize::from(number) * self.bytes_each;
        // SAFETY: numbers are below `count`, so this is within the memory.
        unsafe { self.memory.add(offset) }
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout. Whoever has a buffer holds us, and the ring, which holds us too,
        // does not let go while the kernel may write.
        unsafe { alloc::dealloc(self.memory.as_ptr(), self.layout) }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the buffer is ours until it is dropped (see `taken`), and its bytes are written: by the kernel, or as
        // the zeros they began as.
        unsafe { slice::from_raw_parts(self.buffers.start_of(self.number).as_ptr(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and there is one `Buffer` for each buffer.
        unsafe { slice::from_raw_parts_mut(self.buffers.start_of(self.number).as_ptr(), self.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.buffers.give(self.number);
    }
}

/// The kernel wants the entries to begin with a page; pages of 64 KiB are the largest that systems are built with.
const LARGEST_PAGE: usize = 64 * 1024;
