//go:build rust && cgo

package taskrunner_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
	"github.com/semaphore-rs/semaphore/go/taskrunner"
)

// A resource without a provider to download.
const plan = `
variable "greeting" { default = "none" }
resource "terraform_data" "told" { input = var.greeting }
output "told" { value = terraform_data.told.output }
`

func (w *world) tofu() taskrunner.Options {
	w.Write("repository/infra/main.tf", plan)
	options := w.local("tofu", "infra/keep.txt", "")
	options.Spec.Playbook = "infra"
	options.Spec.Inventory = &taskrunner.Inventory{ID: 7, Name: "default", Kind: taskrunner.InventoryTofuWorkspace, Content: "default"}
	options.Spec.Environment.ExtraVars = map[string]any{"greeting": "hello"}
	return options
}

func (w *world) has(status tasklogger.TaskStatus) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.statuses, status)
}

func TestTofuWaitsForAConfirmation(t *testing.T) {
	testkit.Need(t, "tofu")
	for _, accept := range []bool{true, false} {
		w := newWorld(t)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		job, err := taskrunner.Start(ctx, w.runtime, w.log.Logger, w.tofu())
		if err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "the question", func() bool { return w.has(tasklogger.TaskWaitingConfirmation) || isClosed(job.Done()) })
		if err := job.Confirm(accept); err != nil {
			t.Error(err)
		}
		outcome, err := job.Wait()
		w.log.WaitLog()
		// A plan that was refused is a task that failed, as in the Go server.
		if accept != (err == nil) || !accept && (outcome.Kind != "failed" || outcome.Status != tasklogger.TaskFailStatus) {
			t.Errorf("%+v %v\n%q", outcome, err, w.log.Lines())
		}
		_, stateless := os.Stat(w.Path("repository", "infra", "terraform.tfstate"))
		if accept != (stateless == nil) {
			t.Errorf("accepted %v, but the state: %v", accept, stateless)
		}
		if accept && !(w.has(tasklogger.TaskConfirmed) && w.log.Has("Apply complete")) || !accept && !w.has(tasklogger.TaskRejected) {
			t.Error(accept, w.statuses, w.log.Lines())
		}
	}
}

func TestTofuAppliesByItselfIfItMay(t *testing.T) {
	testkit.Need(t, "tofu")
	w := newWorld(t)
	options := w.tofu()
	options.Spec.Terraform.AutoApprove = true
	w.succeeds(options)
	w.hasLine("Apply complete", "hello")
	if w.has(tasklogger.TaskWaitingConfirmation) {
		t.Error(w.statuses)
	}
}

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
