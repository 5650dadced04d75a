package checkout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// NoteName is the file at the top of the checkout in which the tool notes what it did. It is part of each of its commits, so undoing
// one brings the note back, too.
const NoteName = ".strangle.json"

// Note is what was done.
type Note struct {
	// Base is the commit before the first step.
	Base string `json:"base"`
	// Module is the path of our module.
	Module string `json:"module"`
	// Applied are the components that have glue, in their order.
	Applied []string `json:"applied"`
	// Deleted are those of them whose Go implementation is gone.
	Deleted []string `json:"deleted,omitempty"`
	// MovedTests tells where the tests of a package went that is gone, by import paths.
	MovedTests map[string]string `json:"moved_tests,omitempty"`
}

// IsApplied says whether a component has glue.
func (n Note) IsApplied(name string) bool { return slices.Contains(n.Applied, name) }

// IsDeleted says whether the Go implementation of a component is gone.
func (n Note) IsDeleted(name string) bool { return slices.Contains(n.Deleted, name) }

// Note reads the file; without one nothing was done.
func (c *Checkout) Note() (Note, error) {
	var note Note
	text, err := os.ReadFile(filepath.Join(c.Directory, NoteName))
	if errors.Is(err, fs.ErrNotExist) {
		return note, nil
	}
	if err != nil {
		return note, err
	}
	if err := json.Unmarshal(text, &note); err != nil {
		return note, fmt.Errorf("%s, where the tool notes what it did, is not understood: %w", NoteName, err)
	}
	return note, nil
}

// Text is the file's text.
func (n Note) Text() ([]byte, error) {
	text, err := json.MarshalIndent(n, "", "  ")
	return append(text, '\n'), err
}
