// Package shadow compares what the Go implementation of a server does with what the library does, in builds in which both are
// compiled (tags rust and rust_shadow), and tells the differences in one place.
//
// The library's result is the one that counts: a comparison changes nothing of what a task does. Values that may be secret are never
// told, only that they differ. Not for programs that have no Go implementation any more.
package shadow

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ReportVariable names the file that holds the report: it is written anew after each comparison. %p in it becomes the number of the
// process, for machines on which several compare. Without the variable differences go to slog's
// default logger, and the counts are Counts'.
const ReportVariable = "SEMAPHORE_SHADOW_REPORT"

// keptDifferences is how many differences the report shows; all are counted.
const keptDifferences = 200

// Count is how often a component was compared.
type Count struct {
	// Compared are all comparisons, Different those with a difference.
	Compared, Different int
	// LeftOut are comparisons that could not be made.
	LeftOut int
}

// report is what the process has compared.
type report struct {
	mu          sync.Mutex
	file        string
	logger      *slog.Logger
	counts      map[string]Count
	differences []string
	badFile     bool
}

var all = &report{file: strings.ReplaceAll(os.Getenv(ReportVariable), "%p", strconv.Itoa(os.Getpid())), logger: slog.Default(), counts: map[string]Count{}}

// Counts are the comparisons until now, by component.
func Counts() map[string]Count {
	all.mu.Lock()
	defer all.mu.Unlock()
	return maps.Clone(all.counts)
}

// Equal compares two results that may be told.
func Equal[T comparable](component, what string, goes, library T) {
	difference := ""
	if goes != library {
		difference = fmt.Sprintf("Go %#v, library %#v", goes, library)
	}
	all.add(component, what, difference)
}

// Secret compares two values that are not told.
func Secret(component, what, goes, library string) {
	difference := ""
	if goes != library {
		difference = "the values differ; they are not told, because they may be secret"
	}
	all.add(component, what, difference)
}

// credentials are user and password of an address.
var credentials = regexp.MustCompile(`://[^/@\s]+@`)

// Errors compares whether both sides failed; how they say it may differ. It is true if both succeeded, so that there are results.
func Errors(component, what string, goes, library error) (bothSucceeded bool) {
	difference := ""
	if (goes == nil) != (library == nil) {
		say := func(err error) string {
			if err == nil {
				return "succeeded"
			}
			return "failed: " + credentials.ReplaceAllString(err.Error(), "://***@")
		}
		difference = "Go " + say(goes) + ", library " + say(library)
	}
	all.add(component, what, difference)
	return goes == nil && library == nil
}

// LeaveOut notes that something could not be compared.
func LeaveOut(component, what string, reason error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	count := all.counts[component]
	count.LeftOut++
	all.counts[component] = count
	all.tell(component, what, "was not compared: "+reason.Error())
}

func (r *report) add(component, what, difference string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	count := r.counts[component]
	count.Compared++
	if difference != "" {
		count.Different++
	}
	r.counts[component] = count
	if difference != "" {
		r.tell(component, what, difference)
	} else if r.file != "" {
		r.store()
	}
}

// tell puts a difference where people find it. The caller holds the lock.
func (r *report) tell(component, what, difference string) {
	if r.file == "" {
		r.logger.Warn("shadow: "+what, "component", component, "difference", difference)
		return
	}
	r.differences = append(r.differences, fmt.Sprintf("%s %s: %s: %s", time.Now().UTC().Format(time.RFC3339), component, what, difference))
	if len(r.differences) > keptDifferences {
		r.differences = slices.Delete(r.differences, 0, len(r.differences)-keptDifferences)
	}
	r.store()
}

// store writes the report. The caller holds the lock.
func (r *report) store() {
	temporary := filepath.Join(filepath.Dir(r.file), "."+filepath.Base(r.file)+".new")
	err := os.WriteFile(temporary, []byte(r.text()), 0o600)
	if err == nil {
		err = os.Rename(temporary, r.file)
	}
	if err != nil && !r.badFile {
		r.badFile = true
		r.logger.Error("shadow: the report cannot be written: what "+ReportVariable+" names must be a file in a directory that exists", "error", err)
	}
}

func (r *report) text() string {
	var text strings.Builder
	var total Count
	for _, count := range r.counts {
		total.Compared, total.Different, total.LeftOut = total.Compared+count.Compared, total.Different+count.Different, total.LeftOut+count.LeftOut
	}
	fmt.Fprintf(&text, "compared %d, different %d, left out %d\n", total.Compared, total.Different, total.LeftOut)
	for _, component := range slices.Sorted(maps.Keys(r.counts)) {
		count := r.counts[component]
		fmt.Fprintf(&text, "%s: compared %d, different %d, left out %d\n", component, count.Compared, count.Different, count.LeftOut)
	}
	for _, difference := range r.differences {
		text.WriteString(difference + "\n")
	}
	return text.String()
}
