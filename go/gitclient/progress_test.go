//go:build rust && cgo

package gitclient_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/semaphore-rs/semaphore/go/gitclient"
)

func TestACloneTellsHowFarItIs(t *testing.T) {
	w := newWorld(t)
	w.must(w.client.Clone(context.Background(), w.repo))
	w.log.WaitLog()
	plain := w.log.Lines()
	w.must(os.RemoveAll(w.Path("tmp", "clone")))

	var told []gitclient.Progress
	w.repo.OnProgress = func(progress gitclient.Progress) { told = append(told, progress) }
	w.must(w.client.Clone(context.Background(), w.repo))
	// No lock: the listener's goroutine has ended with the call.
	if len(told) == 0 {
		t.Error("nothing was told")
	}
	for _, progress := range told {
		if progress.Phase == "" || progress.Total != 0 && progress.Done > progress.Total {
			t.Errorf("%+v", progress)
		}
	}
	w.log.WaitLog()
	if watched := w.log.Lines()[len(plain):]; !slices.Equal(plain, watched) {
		t.Errorf("%q and %q", plain, watched)
	}
}

func TestALargeCloneTellsTenStatesInASecondAtMost(t *testing.T) {
	w := newWorld(t)
	w.Sh("origin", "for i in $(seq 1 4000); do echo $i $RANDOM > f$i; done; git add . && git commit -qm many")
	w.repo.Logger = nil
	var times []time.Time
	var phases []string
	w.repo.OnProgress = func(progress gitclient.Progress) {
		times = append(times, time.Now())
		phases = append(phases, fmt.Sprint(progress.Phase, " ", progress.Done, "/", progress.Total))
	}
	before := time.Now()
	w.must(w.client.Clone(context.Background(), w.repo))
	if most := int(time.Since(before)/(100*time.Millisecond)) + 1; len(times) == 0 || len(times) > most {
		t.Errorf("%d states, %d at most:\n%s", len(times), most, strings.Join(phases, "\n"))
	}
}
