package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/move"
)

// findModule finds our module: where the person says, else where the source of this tool lies.
func findModule(given, checkout string) (move.Module, error) {
	directory := given
	if directory == "" {
		_, file, _, known := runtime.Caller(0)
		if !known || !filepath.IsAbs(file) {
			return move.Module{}, errors.New("this tool was built without the places of its source: say with --module where our Go module lies")
		}
		directory = filepath.Dir(filepath.Dir(filepath.Dir(file)))
	}
	absolute, err := filepath.Abs(directory)
	if err != nil {
		return move.Module{}, err
	}
	path, err := modulePath(filepath.Join(absolute, "go.mod"))
	if err != nil {
		return move.Module{}, fmt.Errorf("our Go module is not in %s: say with --module where it lies: %w", absolute, err)
	}
	module := move.Module{Path: path, Directory: absolute}
	if given != "" && !filepath.IsAbs(given) {
		// So that the host's go.mod is good on other machines, too.
		module.Directory, err = filepath.Rel(checkout, absolute)
	}
	return module, err
}

func modulePath(file string) (string, error) {
	text, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = text.Close() }()
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		if path, found := strings.CutPrefix(lines.Text(), "module "); found {
			return strings.TrimSpace(path), nil
		}
	}
	return "", fmt.Errorf("%s has no module line", file)
}
