package core

import (
	"errors"
	"testing"
)

func TestADocumentIsNeverChangedOnItsWay(t *testing.T) {
	for _, text := range []string{"", "žluť", "\ufffd", `\ufffd`, `\\ufffd`, "a\\", "\u2028<>&"} {
		if _, err := Document(map[string]string{text: text}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"\xff", `\` + "\xff", "a\xc3", "\xed\xa0\x80"} {
		for _, document := range []any{text, map[string]string{text: ""}, Config{Env: [][2]string{{"A", text}}}} {
			if _, err := Document(document); !errors.Is(err, ErrNotUTF8) {
				t.Errorf("%q in %T: %v", text, document, err)
			}
		}
	}
}
