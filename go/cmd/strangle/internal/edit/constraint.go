package edit

import (
	"fmt"
	"go/build/constraint"
	"strings"
)

// Constrain adds a condition, "!rust", to the build constraint of a file, or gives it one.
func Constrain(path string, text []byte, condition string) ([]byte, error) {
	lines := strings.SplitAfter(string(text), "\n")
	at := constraintLine(lines)
	if at < 0 {
		return Format(path, []byte("//go:build "+condition+"\n\n"+string(text)))
	}
	old, err := constraint.Parse(strings.TrimSpace(lines[at]))
	if err != nil {
		return nil, fmt.Errorf("%s: the build constraint is not understood: %w", path, err)
	}
	added, err := constraint.Parse("//go:build " + condition)
	if err != nil {
		return nil, err
	}
	lines[at] = "//go:build " + (&constraint.AndExpr{X: old, Y: added}).String() + "\n"
	return Format(path, []byte(strings.Join(lines, "")))
}

// Unconstrain takes the constraint off a file that has exactly this one.
func Unconstrain(path string, text []byte, condition string) ([]byte, error) {
	rest, found := strings.CutPrefix(string(text), "//go:build "+condition+"\n")
	if !found {
		return nil, fmt.Errorf("%s does not begin with //go:build %s: it was changed by hand; put the line back or delete the file's Go counterpart by hand", path, condition)
	}
	return Format(path, []byte(strings.TrimLeft(rest, "\n")))
}

// constraintLine finds the line of the constraint, which stands before the package clause; -1 if there is none.
func constraintLine(lines []string) int {
	inComment := false
	for at, line := range lines {
		line = strings.TrimSpace(line)
		switch {
		case inComment:
			inComment = !strings.Contains(line, "*/")
		case constraint.IsGoBuild(line):
			return at
		case line == "" || strings.HasPrefix(line, "//"):
		case strings.HasPrefix(line, "/*"):
			inComment = !strings.Contains(line, "*/")
		default:
			return -1
		}
	}
	return -1
}
