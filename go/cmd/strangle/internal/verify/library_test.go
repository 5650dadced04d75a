package verify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheLibraryIsFoundAndRecognised(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "it's here")
	if err := os.Mkdir(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SEMAPHORE_FFI_DIR", directory)
	t.Setenv("CGO_CFLAGS", "")
	t.Setenv("CGO_LDFLAGS", "-Wl,--as-needed")
	if _, err := FindLibrary(); err == nil || !strings.Contains(err.Error(), "not where SEMAPHORE_FFI_DIR says") {
		t.Errorf("without a library: %v", err)
	}
	store := func(text string) Library {
		t.Helper()
		if err := os.WriteFile(filepath.Join(directory, archive), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		library, err := FindLibrary()
		if err != nil {
			t.Fatal(err)
		}
		return library
	}
	old := store("code without a number")
	if old.Build != "" || strings.Contains(old.Exports(), "SEMAPHORE_FFI_BUILD") {
		t.Errorf("a library without a number has %q", old.Build)
	}
	library := store("code \x00semaphore-build-id:00ff00ff00ff00ff code")
	if library.Build != "00ff00ff00ff00ff" || library.Hash == old.Hash {
		t.Errorf("it is %+v, and was %+v", library, old)
	}
	for _, wanted := range []string{
		"export CGO_ENABLED='1'\n",
		`export CGO_LDFLAGS='-Wl,--as-needed "-L` + strings.ReplaceAll(directory, "'", `'\''`) + `"'` + "\n",
		" -DSEMAPHORE_FFI_BUILD=00ff00ff00ff00ff'\n",
		" -DSEMAPHORE_FFI_LIBRARY=" + library.Hash,
	} {
		if !strings.Contains(library.Exports(), wanted) {
			t.Errorf("%q is not in %s", wanted, library.Exports())
		}
	}
}
