// Package edit changes Go source by its syntax: it cuts declarations out of a file, moves imports, sets build constraints. Comments
// stay where they belong, and what comes out is formatted as gofmt does.
//
// It works on the text of one file at a time and knows nothing of directories.
package edit

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"sort"
	"strings"
)

// Source is a parsed file with changes that are not made yet.
type Source struct {
	// Path is how the file is called in messages.
	Path string

	text    []byte
	set     *token.FileSet
	file    *ast.File
	changes []change
}

// change replaces the bytes from one offset to another.
type change struct {
	from, to int
	text     string
}

// Parse reads a file.
func Parse(path string, text []byte) (*Source, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("%s is not Go source: %w", path, err)
	}
	return &Source{Path: path, text: text, set: set, file: file}, nil
}

// PackageName is the name in the package clause.
func (s *Source) PackageName() string { return s.file.Name.Name }

func (s *Source) offset(position token.Pos) int { return s.set.Position(position).Offset }

func (s *Source) line(position token.Pos) int { return s.set.Position(position).Line }

func (s *Source) between(from, to token.Pos) string {
	return string(s.text[s.offset(from):s.offset(to)])
}

func (s *Source) replace(from, to token.Pos, text string) {
	s.changes = append(s.changes, change{s.offset(from), s.offset(to), text})
}

// Text makes the changes and formats the file.
func (s *Source) Text() ([]byte, error) {
	return s.changed()
}

func (s *Source) changed() ([]byte, error) {
	if len(s.changes) == 0 {
		return s.text, nil
	}
	sort.Slice(s.changes, func(a, b int) bool { return s.changes[a].from < s.changes[b].from })
	var text strings.Builder
	at := 0
	for _, c := range s.changes {
		if c.from < at {
			return nil, fmt.Errorf("%s: two changes at the same place (a defect of the tool)", s.Path)
		}
		text.Write(s.text[at:c.from])
		text.WriteString(c.text)
		at = c.to
	}
	text.Write(s.text[at:])
	return Format(s.Path, []byte(text.String()))
}

// Format formats a file as gofmt does.
func Format(path string, text []byte) ([]byte, error) {
	formatted, err := format.Source(text)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be formatted: %w", path, err)
	}
	return formatted, nil
}

// whole gives the range of a declaration with its comment before and a comment behind it on its last line.
func (s *Source) whole(node ast.Node, comment *ast.CommentGroup) (token.Pos, token.Pos) {
	from, to := node.Pos(), node.End()
	if comment != nil && comment.Pos() < from {
		from = comment.Pos()
	}
	last := s.line(to)
	for _, group := range s.file.Comments {
		if group.Pos() >= to && s.line(group.Pos()) == last && s.line(group.End()) == last {
			to = group.End()
		}
	}
	return from, to
}
