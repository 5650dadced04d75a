package keyinstaller

import (
	"slices"
	"testing"
)

func TestWhatGitIsTold(t *testing.T) {
	const ssh = "GIT_SSH_COMMAND=ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
	for _, one := range []struct {
		socket, config string
		env            []string
	}{
		{"", "/etc/ssh/config", []string{"GIT_TERMINAL_PROMPT=0"}},
		{"/tmp/a.sock", "", []string{"GIT_TERMINAL_PROMPT=0", "SSH_AUTH_SOCK=/tmp/a.sock", ssh}},
		{"/tmp/a.sock", "/etc/ssh/config", []string{"GIT_TERMINAL_PROMPT=0", "SSH_AUTH_SOCK=/tmp/a.sock", ssh + " -F /etc/ssh/config"}},
		{"/tmp/a.sock", "/tmp/it's mine", []string{"GIT_TERMINAL_PROMPT=0", "SSH_AUTH_SOCK=/tmp/a.sock", ssh + ` -F '/tmp/it'\''s mine'`}},
	} {
		if is := GitEnv(one.socket, one.config); !slices.Equal(is, one.env) {
			t.Errorf("socket %q, file %q: %q", one.socket, one.config, is)
		}
	}
}
