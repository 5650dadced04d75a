//! Gives the shared library its SONAME; Rust sets none.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libsemaphore_ffi.so.1");
}
