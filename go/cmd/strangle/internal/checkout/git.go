package checkout

import (
	"fmt"
	"path/filepath"
	"strings"
)

// subject begins the subject of the tool's commits.
const subject = "strangle: "

// RequireClean is an error when git sees changes that are not committed.
func (c *Checkout) RequireClean() error {
	if _, err := c.run("git", "rev-parse", "--verify", "--quiet", "HEAD"); err != nil {
		return fmt.Errorf("%s is not a git repository with a commit; the tool makes one commit for each step, so that it can be undone: git init, git add -A, git commit", c.Directory)
	}
	changes, err := c.run("git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if changes != "" {
		return fmt.Errorf("the working tree has changes, and the tool changes nothing beside them: commit or stash them first\n%s", strings.TrimRight(changes, "\n"))
	}
	return nil
}

// Head is the commit that is checked out.
func (c *Checkout) Head() (string, error) {
	head, err := c.run("git", "rev-parse", "HEAD")
	return strings.TrimSpace(head), err
}

// Commit makes one commit of everything that changed.
func (c *Checkout) Commit(what, body string) error {
	if _, err := c.run("git", "add", "--all", "."); err != nil {
		return err
	}
	_, err := c.git("commit", "--quiet", "-m", subject+what, "-m", body)
	return err
}

// git runs a command that makes commits. Without a name of the user's own the tool signs.
func (c *Checkout) git(arguments ...string) (string, error) {
	if name, _ := c.run("git", "config", "user.email"); strings.TrimSpace(name) == "" {
		arguments = append([]string{"-c", "user.name=strangle", "-c", "user.email=strangle@localhost"}, arguments...)
	}
	return c.run("git", arguments...)
}

// Discard puts the working tree back to the last commit; only for a tree that was clean before.
func (c *Checkout) Discard() error {
	if _, err := c.run("git", "reset", "--hard", "--quiet"); err != nil {
		return err
	}
	_, err := c.run("git", "clean", "-fdq", ".")
	return err
}

// Step is one of the tool's commits.
type Step struct{ Commit, What string }

// Steps lists the tool's commits that are not undone, oldest first.
func (c *Checkout) Steps() ([]Step, error) {
	log, err := c.run("git", "log", "--reverse", "--format=%H %s", "--", NoteName)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, line := range strings.Split(strings.TrimSpace(log), "\n") {
		commit, text, _ := strings.Cut(line, " ")
		if what, isStep := strings.CutPrefix(text, subject); isStep {
			steps = append(steps, Step{commit, what})
		} else if len(steps) > 0 && text == `Revert "`+subject+steps[len(steps)-1].What+`"` {
			steps = steps[:len(steps)-1]
		}
	}
	return steps, nil
}

// Revert undoes a commit by another one.
func (c *Checkout) Revert(step Step) error {
	if _, err := c.git("revert", "--no-edit", step.Commit); err != nil {
		_, _ = c.run("git", "revert", "--abort")
		return fmt.Errorf("%q cannot be undone, because what it changed was changed again later; nothing was changed: undo the later commits first: %w", step.What, err)
	}
	return nil
}

// Private is a directory for what the tool notes for itself, inside git's.
func (c *Checkout) Private() (string, error) {
	directory, err := c.run("git", "rev-parse", "--absolute-git-dir")
	return filepath.Join(strings.TrimSpace(directory), "strangle"), err
}

// AddTree checks a commit out into another directory.
func (c *Checkout) AddTree(directory, commit string) error {
	_, err := c.run("git", "worktree", "add", "--quiet", "--detach", directory, commit)
	return err
}

// RemoveTree removes such a directory.
func (c *Checkout) RemoveTree(directory string) error {
	_, err := c.run("git", "worktree", "remove", "--force", directory)
	return err
}

// Prefix is where the checkout lies inside its repository; empty at the top.
func (c *Checkout) Prefix() (string, error) {
	prefix, err := c.run("git", "rev-parse", "--show-prefix")
	return strings.TrimSpace(prefix), err
}
