//go:build rust && cgo && sabotaged

package native

import (
	"os"
	"strconv"
	"testing"
)

// TestSabotagedCanary makes the mistake that SEMAPHORE_CANARY names: 1 loses memory, 2 uses memory after it was freed. The
// sanitizers must tell (scripts/test-deep).
func TestSabotagedCanary(t *testing.T) {
	kind, err := strconv.Atoi(os.Getenv("SEMAPHORE_CANARY"))
	if err != nil {
		t.Skip("run by scripts/test-deep")
	}
	canary(int32(kind))
}
