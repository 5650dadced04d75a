package strangler

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// host is a checkout of the mini host in a git repository of its own, as somebody has one who owns a Go server.
type host struct {
	t                    *testing.T
	directory, checkout  string
	tool                 string
	module, home, report string
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{t: t, directory: temporary(t)}
	h.checkout, h.tool, h.home = filepath.Join(h.directory, "checkout"), filepath.Join(h.directory, "strangle"), filepath.Join(h.directory, "home")
	must(t, os.Mkdir(h.home, 0o755))
	must(t, os.CopyFS(h.checkout, os.DirFS("host")))
	h.git("init", "-q")
	h.commit("the mini host")
	module := filepath.Join(root(t), "go")
	h.module = strings.Fields(regexp.MustCompile(`(?m)^module .*$`).FindString(h.read(filepath.Join(module, "go.mod"))))[1]
	run(t, module, nil, "go", "build", "-o", h.tool, "./cmd/strangle")
	return h
}

func (h *host) read(path string) string {
	h.t.Helper()
	content, err := os.ReadFile(path)
	must(h.t, err)
	return string(content)
}

func (h *host) git(words ...string) string {
	h.t.Helper()
	return run(h.t, h.checkout, gitAs(h.home), append([]string{"git"}, words...)...)
}

func (h *host) commit(message string) {
	h.t.Helper()
	h.git("add", ".")
	h.git("commit", "-q", "-m", message)
}

// head is the tree of the checkout, whatever commits led to it.
func (h *host) head() string {
	h.t.Helper()
	return h.git("rev-parse", "HEAD^{tree}")
}

func (h *host) environment() []string {
	return []string{
		"SEMAPHORE_FFI_DIR=" + library(h.t), "GIT_AUTHOR_NAME=n", "GIT_AUTHOR_EMAIL=n@example.org", "GIT_COMMITTER_NAME=n", "GIT_COMMITTER_EMAIL=n@example.org",
	}
}

// strangle is a call of the tool that has to succeed, refused one that must not.
func (h *host) strangle(words ...string) string {
	h.t.Helper()
	said := run(h.t, h.checkout, h.environment(), h.words(words)...)
	if dirt := h.git("status", "--porcelain"); dirt != "" {
		h.t.Fatalf("strangle %v left the tree dirty: %s", words, dirt)
	}
	return said
}

func (h *host) words(words []string) []string {
	return append([]string{h.tool}, append(words, "--dir", h.checkout, "--module", filepath.Join(root(h.t), "go"))...)
}

// refused gives what the tool says, which must not have changed anything.
func (h *host) refused(reason string, words ...string) {
	h.t.Helper()
	before, commits := h.git("status", "--porcelain"), h.git("rev-parse", "HEAD")
	said, err := try(h.checkout, h.environment(), h.words(words)...)
	if err == nil || !strings.Contains(said, reason) {
		h.t.Errorf("strangle %v: %v, without %q: %s", words, err, reason, said)
	}
	if after := h.git("status", "--porcelain"); after != before || h.git("rev-parse", "HEAD") != commits {
		h.t.Errorf("strangle %v was refused and changed something: %s", words, after)
	}
}

// step is a call that makes exactly one commit.
func (h *host) step(words ...string) {
	h.t.Helper()
	before := h.git("rev-parse", "HEAD")
	h.strangle(words...)
	if parent := h.git("rev-parse", "HEAD^"); parent != before {
		h.t.Errorf("strangle %v did not make one commit: %s", words, h.git("log", "--oneline", "-3"))
	}
}

// build builds the mini host without the library.
func (h *host) build(name string) string {
	h.t.Helper()
	binary := filepath.Join(h.directory, name)
	run(h.t, h.checkout, []string{"CGO_ENABLED=0"}, "go", "build", "-o", binary, "./cmd/minihost")
	return binary
}

// teller is a file that the tests lay over the checkout: at its end the mini host tells what the library did.
const teller = `package main

import (
	"encoding/json"

	semaphore "MODULE"
)

func init() {
	atEnd = func(v *voice) {
		runtime, err := semaphore.Shared()
		if err != nil {
			v.say("failed", err)
			return
		}
		statistics, err := runtime.Statistics()
		if err != nil {
			v.say("failed", err)
			return
		}
		text, _ := json.Marshal(statistics.Performed)
		v.say("performed", string(text))
	}
}
`

// buildWith builds the mini host with the library of a directory.
func (h *host) buildWith(name, library string, tags ...string) string {
	h.t.Helper()
	binary := filepath.Join(h.directory, name)
	told := filepath.Join(h.directory, "teller.go")
	write(h.t, told, strings.ReplaceAll(teller, "MODULE", h.module))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(h.checkout, "cmd/minihost/teller.go"): told}})
	must(h.t, err)
	write(h.t, filepath.Join(h.directory, "overlay.json"), string(overlay))
	exports := run(h.t, h.checkout, append(h.environment(), "SEMAPHORE_FFI_DIR="+library), h.words([]string{"env"})...)
	run(h.t, h.checkout, nil, "sh", "-c", exports+"\nexec go build -overlay '"+filepath.Join(h.directory, "overlay.json")+"' -tags '"+strings.Join(tags, ",")+"' -o '"+binary+"' ./cmd/minihost")
	return binary
}
