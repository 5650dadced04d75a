package native

import (
	"strings"
	"testing"
)

func TestAnotherBuildIsAnError(t *testing.T) {
	if err := checkBuild(0x00ab, 0x00ab); err != nil {
		t.Errorf("the same build: %v", err)
	}
	err := checkBuild(0x00ab, 0x00cd)
	if err == nil || !strings.Contains(err.Error(), "build 00000000000000ab") || !strings.Contains(err.Error(), "build 00000000000000cd") {
		t.Errorf("another build: %v", err)
	}
}
