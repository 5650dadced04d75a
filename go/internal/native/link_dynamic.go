//go:build cgo && rust_dynamic

package native

// pkg-config knows where `make install` put the library (PKG_CONFIG_PATH for other prefixes than the system's own); at run time the
// loader looks for libsemaphore_ffi.so.1.

// #cgo pkg-config: semaphore_ffi
import "C"
