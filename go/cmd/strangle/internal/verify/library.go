package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Library is where the static library lies that the host is linked with.
type Library struct {
	// Directory holds libsemaphore_ffi.a; absolute.
	Directory string
	// Hash of the file: Go's build cache does not look into libraries, so it goes into the compiler's flags.
	Hash string
	// Build is the number of the library's build, which is compared with the linked one when the program opens it; empty in a library
	// without one.
	Build string
}

var buildNumber = regexp.MustCompile(`semaphore-build-id:([0-9a-f]{16})`)

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
	text, err := os.ReadFile(filepath.Join(absolute, archive))
	if err != nil {
		return Library{}, fmt.Errorf("the library is not where %s says: %w", from, err)
	}
	hash := sha256.Sum256(text)
	library := Library{Directory: absolute, Hash: hex.EncodeToString(hash[:8])}
	if found := buildNumber.FindSubmatch(text); found != nil {
		library.Build = string(found[1])
	}
	return library, nil
}

// variables are those that link the library.
func (l Library) variables() [][2]string {
	flags := os.Getenv("CGO_CFLAGS")
	if flags == "" {
		flags = "-O2 -g"
	}
	flags += " -DSEMAPHORE_FFI_LIBRARY=" + l.Hash
	if l.Build != "" {
		flags += " -DSEMAPHORE_FFI_BUILD=" + l.Build
	}
	return [][2]string{
		{"CGO_ENABLED", "1"},
		{"CGO_LDFLAGS", strings.TrimSpace(os.Getenv("CGO_LDFLAGS") + " " + word("-L"+l.Directory))},
		{"CGO_CFLAGS", flags},
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

// word writes a flag so that the Go tool takes it as one.
func word(flag string) string {
	switch {
	case !strings.ContainsAny(flag, " \t\n'\""):
		return flag
	case !strings.Contains(flag, "'"):
		return "'" + flag + "'"
	}
	return `"` + flag + `"`
}
