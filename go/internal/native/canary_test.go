//go:build rust && cgo

package native

import (
	"os"
	"testing"
)

// With SEMAPHORE_LEAK=1 a buffer of the library is lost; scripts/test-deep wants the leak sanitizer to say so.
func TestCanary(t *testing.T) {
	if os.Getenv("SEMAPHORE_LEAK") == "" {
		t.Skip("only for scripts/test-deep")
	}
	for range 10 {
		leakBuffer()
	}
}
