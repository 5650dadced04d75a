//go:build !unix

package core

import (
	"errors"
	"fmt"
	"runtime"
)

// Duplicate is not there: the library does not run on this system.
func Duplicate(uintptr) (int, error) {
	return -1, fmt.Errorf("semaphore: the library does not run on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
