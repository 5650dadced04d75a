//go:build cgo && !rust_dynamic

package native

// The directory of the library comes from CGO_LDFLAGS=-L<directory>.

// #cgo LDFLAGS: -l:libsemaphore_ffi.a -lgcc_s -lutil -lrt -lpthread -lm -ldl
import "C"
