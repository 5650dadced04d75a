//! Memory that crosses the boundary: borrowed bytes in, owned buffers out, errors in the caller's own memory.
//!
//! Invariants: borrowed bytes are not kept after the call; a buffer is freed by [`SemaphoreBuf::free`] only, which wipes it
//! and is harmless the second time; an error is written only if the caller's structure is large enough.
#![expect(unsafe_code, reason = "this is where pointers of the host become Rust values")]

use crate::{code::SEMAPHORE_ERR_RETRYABLE, failure::Failure};

/// Bytes owned by the library: give them back with `semaphore_buf_free`.
#[repr(C)]
#[derive(Debug)]
pub struct SemaphoreBuf {
    /// First byte; NULL if empty.
    pub ptr: *mut u8,
    /// Bytes in use.
    pub len: usize,
    /// Bytes allocated; not for the host.
    pub cap: usize,
}

/// What went wrong. The caller sets `size` to `sizeof(semaphore_err)` and everything else to zero; a library that is older
/// than the header leaves the fields it does not know alone. `json` is owned by the library: give it back with
/// `semaphore_buf_free` before the structure is used again.
#[repr(C)]
#[derive(Debug)]
pub struct SemaphoreErr {
    /// Bytes of this structure, set by the caller.
    pub size: u32,
    /// One of `SEMAPHORE_E_*`.
    pub code: i32,
    /// `errno`, 0 = none.
    pub os_errno: i32,
    /// Bit 0: the same call may succeed later.
    pub flags: i32,
    /// `{"msg","op","chain":[..],"exit_code","signal","stderr_tail"}`.
    pub json: SemaphoreBuf,
}

const _: () = {
    assert!(size_of::<SemaphoreBuf>() == 24 || size_of::<usize>() != 8);
    assert!(size_of::<SemaphoreErr>() == 40 || size_of::<usize>() != 8);
    assert!(std::mem::offset_of!(SemaphoreErr, json) == 16);
};

impl SemaphoreBuf {
    /// A buffer without memory.
    pub const EMPTY: Self = Self { ptr: std::ptr::null_mut(), len: 0, cap: 0 };

    /// Hands a vector over to the host.
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        if bytes.capacity() == 0 {
            return Self::EMPTY;
        }
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        Self { ptr: bytes.as_mut_ptr(), len: bytes.len(), cap: bytes.capacity() }
    }

    /// Wipes and frees the memory and empties the structure.
    ///
    /// # Safety
    /// The structure was filled by [`Self::from_vec`], or is zeroed, and was not changed or copied since.
    pub unsafe fn free(&mut self) {
        let taken = std::mem::replace(self, Self::EMPTY);
        if !taken.ptr.is_null() {
            // SAFETY: by the contract above the three fields are those of one vector that nobody else owns.
            let mut bytes = unsafe { Vec::from_raw_parts(taken.ptr, taken.len, taken.cap) };
            zeroize::Zeroize::zeroize(&mut bytes);
        }
    }
}

/// Bytes of the host for the time of one call. NULL is allowed with length 0.
///
/// # Safety
/// `pointer` is NULL or the start of `length` readable bytes that do not change while the call runs.
pub unsafe fn borrow<'call>(pointer: *const u8, length: usize) -> Result<&'call [u8], Failure> {
    if length == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Failure::argument(format!("a NULL pointer was given for {length} bytes")));
    }
    if isize::try_from(length).is_err() {
        return Err(Failure::argument("the length is larger than any memory"));
    }
    // SAFETY: not NULL, within the size of any object, and readable by the contract above.
    Ok(unsafe { std::slice::from_raw_parts(pointer, length) })
}

/// Memory of the host that the library fills.
///
/// # Safety
/// `pointer` is NULL or the start of `length` writable bytes that nobody else uses while the call runs.
pub unsafe fn borrow_mut<'call>(pointer: *mut u8, length: usize) -> Result<&'call mut [u8], Failure> {
    if pointer.is_null() || length == 0 || isize::try_from(length).is_err() {
        return Err(Failure::argument("no memory was given for the answer"));
    }
    // SAFETY: not NULL, within the size of any object, writable and unshared by the contract above.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer, length) })
}

/// Memory of the host for several handles.
///
/// # Safety
/// `pointer` is NULL or the start of `length` writable handles that nobody else uses while the call runs.
pub unsafe fn borrow_handles<'call>(pointer: *mut u64, length: usize) -> Result<&'call mut [u64], Failure> {
    if length == 0 {
        return Ok(&mut []);
    }
    if pointer.is_null() || !pointer.is_aligned() || length > isize::MAX as usize / size_of::<u64>() {
        return Err(Failure::argument("no memory was given for the handles"));
    }
    // SAFETY: not NULL, aligned, within the size of any object, writable and unshared by the contract above.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer, length) })
}

/// A place of the host for one value.
pub struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Refuses NULL and writes `initial`, so that the place is never left undefined.
    ///
    /// # Safety
    /// `pointer` is NULL or aligned and writable until the call returns.
    pub unsafe fn new(pointer: *mut T, initial: T) -> Result<Self, Failure> {
        if pointer.is_null() {
            return Err(Failure::argument("no place was given for the answer"));
        }
        let place = Self(pointer);
        place.set(initial);
        Ok(place)
    }

    /// Writes the value; what was there is not dropped (the host's memory may be undefined).
    pub fn set(&self, value: T) {
        // SAFETY: `new` checked the pointer, and its contract covers this call.
        unsafe { self.0.write(value) }
    }
}

/// The caller's place for an error, which may be absent.
#[derive(Clone, Copy)]
pub struct ErrorOut(*mut SemaphoreErr);

impl ErrorOut {
    /// For calls without an error parameter.
    pub const NONE: Self = Self(std::ptr::null_mut());

    /// Wraps the parameter.
    ///
    /// # Safety
    /// `pointer` is NULL, or points to a structure whose `size` is set and of which that many bytes are writable until the
    /// call returns.
    pub unsafe fn new(pointer: *mut SemaphoreErr) -> Self {
        Self(pointer)
    }

    /// Fills the structure, if there is one of at least the first version's size.
    pub fn set(self, operation: &str, failure: &Failure) {
        if self.0.is_null() {
            return;
        }
        // SAFETY: not NULL, and `size` is readable by the contract of `new`.
        let size = unsafe { (*self.0).size };
        if (size as usize) < size_of::<SemaphoreErr>() {
            return;
        }
        let filled = SemaphoreErr {
            size,
            code: failure.code,
            os_errno: failure.os_errno,
            flags: if failure.retryable { SEMAPHORE_ERR_RETRYABLE } else { 0 },
            json: SemaphoreBuf::from_vec(failure.to_json(operation)),
        };
        // SAFETY: the structure has room for all fields, as just checked.
        unsafe { self.0.write(filled) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::code::{SEMAPHORE_E_ARG, SEMAPHORE_E_IO};

    #[test]
    fn a_buffer_is_freed_once_and_emptied() {
        let mut buffer = SemaphoreBuf::from_vec(b"secret".to_vec());
        assert_eq!(buffer.len, 6);
        for _ in 0..3 {
            // SAFETY: filled by `from_vec` and not copied.
            unsafe { buffer.free() };
            assert!(buffer.ptr.is_null() && buffer.len == 0 && buffer.cap == 0);
        }
        assert!(SemaphoreBuf::from_vec(Vec::new()).ptr.is_null());
    }

    #[test]
    fn null_is_accepted_for_nothing_only() {
        // SAFETY: NULL is allowed by all three contracts.
        unsafe {
            assert_eq!(borrow(std::ptr::null(), 0).unwrap(), b"");
            assert_eq!(borrow(std::ptr::null(), 1).unwrap_err().code, SEMAPHORE_E_ARG);
            assert_eq!(borrow_mut(std::ptr::null_mut(), 8).unwrap_err().code, SEMAPHORE_E_ARG);
            assert!(Out::new(std::ptr::null_mut(), 0_u64).is_err());
            ErrorOut::new(std::ptr::null_mut()).set("x", &Failure::argument("y"));
        }
        let byte = 1_u8;
        // SAFETY: refused before it is read.
        assert_eq!(unsafe { borrow(&raw const byte, usize::MAX) }.unwrap_err().code, SEMAPHORE_E_ARG);
    }

    /// The C side of the same list is checked by `xtask c-smoke`.
    #[test]
    fn structures_have_the_layout_that_is_written_down() {
        use std::mem::offset_of;
        let ours = [
            ("semaphore_buf", size_of::<SemaphoreBuf>()),
            ("semaphore_buf.ptr", offset_of!(SemaphoreBuf, ptr)),
            ("semaphore_buf.len", offset_of!(SemaphoreBuf, len)),
            ("semaphore_buf.cap", offset_of!(SemaphoreBuf, cap)),
            ("semaphore_err", size_of::<SemaphoreErr>()),
            ("semaphore_err.size", offset_of!(SemaphoreErr, size)),
            ("semaphore_err.code", offset_of!(SemaphoreErr, code)),
            ("semaphore_err.os_errno", offset_of!(SemaphoreErr, os_errno)),
            ("semaphore_err.flags", offset_of!(SemaphoreErr, flags)),
            ("semaphore_err.json", offset_of!(SemaphoreErr, json)),
        ];
        let list = include_str!("../../tests/ffi/layout.txt");
        let written: Vec<_> = list.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(ours.map(|(name, bytes)| format!("{name} {bytes}")).as_slice(), written);
    }

    #[test]
    fn an_error_is_written_only_where_there_is_room() {
        let mut error = SemaphoreErr { size: 16, code: 1, os_errno: 2, flags: 3, json: SemaphoreBuf::EMPTY };
        let failure = Failure::io("open", &std::io::Error::from_raw_os_error(libc::EMFILE));
        // SAFETY: the structure lives on this stack.
        unsafe { ErrorOut::new(&raw mut error) }.set("exec_start", &failure);
        assert_eq!((error.code, error.os_errno, error.flags), (1, 2, 3), "an older structure is left alone");
        error.size = size_of::<SemaphoreErr>() as u32;
        // SAFETY: as above.
        unsafe { ErrorOut::new(&raw mut error) }.set("exec_start", &failure);
        assert_eq!((error.code, error.os_errno, error.flags), (SEMAPHORE_E_IO, libc::EMFILE, SEMAPHORE_ERR_RETRYABLE));
        // SAFETY: filled just above.
        let json: serde_json::Value =
            serde_json::from_slice(unsafe { borrow(error.json.ptr, error.json.len) }.unwrap()).unwrap();
        assert_eq!(json["op"], "exec_start");
        assert!(json["msg"].as_str().unwrap().starts_with("open: "));
        // SAFETY: filled by `from_vec` and not copied.
        unsafe { error.json.free() };
    }
}
