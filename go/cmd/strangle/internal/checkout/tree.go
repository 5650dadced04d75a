package checkout

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Tree is a checkout with changes that are not made yet. Paths are relative to the checkout, with slashes.
type Tree struct {
	Checkout *Checkout
	// changes holds new texts; nil for a file that goes.
	changes map[string][]byte
}

// NewTree has no changes.
func NewTree(checkout *Checkout) *Tree {
	return &Tree{Checkout: checkout, changes: map[string][]byte{}}
}

// Read gives the text of a file; fs.ErrNotExist if it is not there.
func (t *Tree) Read(path string) ([]byte, error) {
	if text, isChanged := t.changes[path]; isChanged {
		if text == nil {
			return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
		}
		return text, nil
	}
	return os.ReadFile(t.place(path))
}

// Exists says whether there is such a file.
func (t *Tree) Exists(path string) bool {
	_, err := t.Read(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Write gives a file a text.
func (t *Tree) Write(path string, text []byte) {
	if stored, err := os.ReadFile(t.place(path)); err == nil && bytes.Equal(stored, text) {
		delete(t.changes, path)
		return
	}
	if text == nil {
		text = []byte{}
	}
	t.changes[path] = text
}

func (t *Tree) place(path string) string {
	return filepath.Join(t.Checkout.Directory, filepath.FromSlash(path))
}

// Remove takes a file away.
func (t *Tree) Remove(path string) { t.changes[path] = nil }

// GoFiles lists the Go files, with the changes.
func (t *Tree) GoFiles() ([]string, error) {
	files, err := t.Checkout.GoFiles()
	if err != nil {
		return nil, err
	}
	for path := range t.changes {
		if strings.HasSuffix(path, ".go") && !slices.Contains(files, path) {
			files = append(files, path)
		}
	}
	files = slices.DeleteFunc(files, func(path string) bool { return !t.Exists(path) })
	slices.Sort(files)
	return files, nil
}

// FilesBelow lists all files of a directory, without the changes.
func (t *Tree) FilesBelow(directory string) ([]string, error) {
	var files []string
	top := filepath.Join(t.Checkout.Directory, filepath.FromSlash(directory))
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(t.Checkout.Directory, path)
		files = append(files, filepath.ToSlash(relative))
		return err
	})
	return files, err
}

// Changed lists the changed files, sorted.
func (t *Tree) Changed() []string {
	var paths []string
	for path := range t.changes {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// Store makes the changes. Directories that become empty are removed.
func (t *Tree) Store() error { return t.storeIn(t.Checkout.Directory) }

func (t *Tree) storeIn(top string) error {
	for _, path := range t.Changed() {
		target := filepath.Join(top, filepath.FromSlash(path))
		text := t.changes[path]
		if text == nil {
			if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			removeEmpty(top, filepath.Dir(target))
			continue
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if information, err := os.Stat(target); err == nil {
			mode = information.Mode().Perm()
		}
		if err := os.WriteFile(target, text, mode); err != nil {
			return err
		}
	}
	return nil
}

func removeEmpty(top, directory string) {
	for directory != top && os.Remove(directory) == nil {
		directory = filepath.Dir(directory)
	}
}

// Diff shows the changes as `git diff` does.
func (t *Tree) Diff() (string, error) {
	directory, err := os.MkdirTemp("", "strangle-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	before, after := NewTree(t.Checkout), NewTree(t.Checkout)
	for _, path := range t.Changed() {
		if text, err := before.Read(path); err == nil {
			before.changes[path] = text
		}
		if t.changes[path] != nil {
			after.Write(path, t.changes[path])
		}
	}
	for name, tree := range map[string]*Tree{"a": before, "b": after} {
		if err := os.Mkdir(filepath.Join(directory, name), 0o755); err != nil {
			return "", err
		}
		if err := tree.storeIn(filepath.Join(directory, name)); err != nil {
			return "", err
		}
	}
	command := exec.Command("git", "diff", "--no-index", "--no-prefix", "a", "b")
	command.Dir = directory
	text, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil
	}
	return string(text), err
}
