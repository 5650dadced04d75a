package host

import (
	"errors"
	"sync"

	"github.com/semaphore-rs/semaphore/go/internal/core"
)

// Running finds what can be stopped by what the server knows of it: a job of its own, an *os.Process. The zero value is ready.
type Running struct {
	entries sync.Map
}

// Add makes something findable until `remove` is called. Stop is told whether to kill at once.
func (r *Running) Add(owner any, stop func(force bool) error) (remove func()) {
	r.entries.Store(owner, stop)
	return func() { r.entries.Delete(owner) }
}

// Stop asks for the end of what belongs to an owner; false if nothing does. What ends at this very moment is no error.
func (r *Running) Stop(owner any, force bool) (found bool, err error) {
	entry, found := r.entries.Load(owner)
	if !found {
		return false, nil
	}
	err = entry.(func(bool) error)(force)
	var failure *core.Error
	if errors.As(err, &failure) && (failure.Code == core.CodeHandle || failure.Code == core.CodeState) {
		err = nil
	}
	return true, err
}
