//! The memory of this process itself: giving back what the allocator keeps for later.

/// Gives free memory of the heap back to the system; answers whether there was any. Walks over the whole heap: not for a
/// thread that serves requests.
///
/// Only the allocator of glibc keeps memory in a way that can be told to give it back; elsewhere this does nothing.
pub fn give_memory_back() -> bool {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "malloc_trim is only to be had from libc")]
    // SAFETY: malloc_trim takes the allocator's own locks, touches free memory only, and may be called from any thread.
    let given = unsafe { libc::malloc_trim(0) } == 1;
    #[cfg(not(target_env = "gnu"))]
    let given = false;
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resident_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn memory_that_is_free_goes_back_to_the_system() {
        // Small pieces come from the heap. One of many stays, so that the heap cannot shrink at its end by itself.
        let mut pieces: Vec<Vec<u8>> = (0..40_000_u32).map(|_| vec![1; 2000]).collect();
        let kept: Vec<_> = pieces.drain(..).enumerate().filter(|(at, _)| at % 1000 == 999).collect();
        let before = resident_kib();
        give_memory_back();
        let after = resident_kib();
        assert!(after + 40_000 < before, "{before} KiB before, {after} KiB after, {} pieces kept", kept.len());
    }
}
