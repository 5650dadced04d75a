package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Library is where the static library lies that the host is linked with.
type Library struct {
	// Directory holds libsemaphore_ffi.a; absolute.
	Directory string
	// Hash of the file: Go's build cache does not look into libraries, so it goes into the compiler's flags.
	Hash string
}

const archive = "libsemaphore_ffi.a"

// FindLibrary looks where SEMAPHORE_FFI_DIR says, else asks pkg-config.
func FindLibrary() (Library, error) {
	directory, from := os.Getenv("SEMAPHORE_FFI_DIR"), "SEMAPHORE_FFI_DIR"
	if directory == "" {
		answer, err := exec.Command("pkg-config", "--variable=libdir", "semaphore_ffi").Output()
		if err != nil {
			return Library{}, errors.New("the library is not found: set SEMAPHORE_FFI_DIR to the directory of " + archive +
				", or install it (make install PREFIX=...) and set PKG_CONFIG_PATH to PREFIX/lib/pkgconfig")
		}
		directory, from = strings.TrimSpace(string(answer)), "pkg-config"
	}
	absolute, err := filepath.Abs(directory)
	if err != nil {
		return Library{}, err
	}
	file, err := os.Open(filepath.Join(absolute, archive))
	if err != nil {
		return Library{}, fmt.Errorf("the library is not where %s says: %w", from, err)
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return Library{}, err
	}
	return Library{absolute, hex.EncodeToString(hash.Sum(nil)[:8])}, nil
}

// variables are those that link the library.
func (l Library) variables() [][2]string {
	flags := os.Getenv("CGO_CFLAGS")
	if flags == "" {
		flags = "-O2 -g"
	}
	return [][2]string{
		{"CGO_ENABLED", "1"},
		{"CGO_LDFLAGS", strings.TrimSpace(os.Getenv("CGO_LDFLAGS") + " -L" + l.Directory)},
		{"CGO_CFLAGS", flags + " -DSEMAPHORE_FFI_LIBRARY=" + l.Hash},
	}
}

func (l Library) environment() []string {
	var environment []string
	for _, variable := range l.variables() {
		environment = append(environment, variable[0]+"="+variable[1])
	}
	return environment
}

// Exports are the variables for a shell.
func (l Library) Exports() string {
	var text strings.Builder
	for _, variable := range l.variables() {
		fmt.Fprintf(&text, "export %s='%s'\n", variable[0], strings.ReplaceAll(variable[1], "'", `'\''`))
	}
	return text.String()
}
