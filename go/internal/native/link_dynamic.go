//go:build rust && cgo && rust_dynamic

package native

// The directory of the library comes from CGO_LDFLAGS=-L<directory>; at run time the loader looks for libsemaphore_ffi.so.1.

// #cgo LDFLAGS: -lsemaphore_ffi
import "C"
