//go:build rust && cgo

package taskrunner_test

import (
	"testing"

	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/taskrunner"
)

// Programs that no package of the tests' machine has are stand-ins; what is tested is how they are called.

func (w *world) standIn(name, script string) {
	w.Write("bin/"+name, "#!/bin/sh\necho \"stand-in "+name+": $*\"\n"+script+"\n")
}

func TestPowerShellStandIn(t *testing.T) {
	w := newWorld(t)
	w.standIn("powershell", `cat "$2"`)
	options := w.local("powershell", "x.ps1", "Write-Host hello\n")
	options.Config.Path = w.Path("bin") + ":" + options.Config.Path
	options.Spec.TaskArguments = []string{"one two"}
	w.succeeds(options)
	w.hasLine("stand-in powershell: -File x.ps1 one two", "Write-Host hello")
}

// Terragrunt passes its arguments on to OpenTofu, except its own; so does the stand-in.
func TestTerragruntStandIn(t *testing.T) {
	tofu := testkit.Need(t, "tofu")
	w := newWorld(t)
	w.standIn("terragrunt", `[ "$1" != run ] || shift 2; for a; do shift; case $a in --tf-path=*) ;; *) set -- "$@" "$a" ;; esac; done; exec `+tofu+` "$@"`)
	options := w.tofu()
	options.Config.Path = w.Path("bin") + ":" + options.Config.Path
	options.Spec.App, options.Spec.Inventory.Kind = "terragrunt", taskrunner.InventoryTerragruntWorkspace
	options.Spec.Terraform.AutoApprove = true
	w.succeeds(options)
	w.hasLine("stand-in terragrunt: init -lock=false", "--tf-path=terraform", "stand-in terragrunt: plan", "stand-in terragrunt: apply", "Apply complete")
}
