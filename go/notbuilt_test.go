//go:build !cgo

package semaphore_test

import (
	"errors"
	"strings"
	"testing"

	semaphore "github.com/semaphore-rs/semaphore/go"
)

func TestOpenSaysThatTheLibraryIsMissingAndWhatToDo(t *testing.T) {
	runtime, err := semaphore.Open(semaphore.Options{})
	if runtime != nil || !errors.Is(err, semaphore.ErrNotBuilt) {
		t.Fatalf("%v %v", runtime, err)
	}
	for _, word := range []string{"without the library", "build with cgo"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not name %q", err, word)
		}
	}
}
