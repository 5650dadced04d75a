package util

import (
	"strings"
	"unicode"
)

// ShellQuote makes one word of a shell command line of any text.
func ShellQuote(s string) string {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_@%+=:,./-", r))
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.Join(strings.Split(s, "'"), `'"'"'`) + "'"
}

// ShellStripUnsafe leaves out what a terminal would obey instead of showing.
func ShellStripUnsafe(s string) string {
	var safe strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			safe.WriteRune(r)
		}
	}
	return safe.String()
}
