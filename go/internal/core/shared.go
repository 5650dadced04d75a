package core

import "sync"

// shared is the runtime of hosts that have no place for one.
var shared struct {
	once    sync.Once
	runtime *Runtime
	err     error
}

// Shared is one runtime for the whole process, opened by the first call and never closed: whoever takes it does not own it. When
// it could not be opened, every call gives the same error.
func Shared() (*Runtime, error) {
	shared.once.Do(func() { shared.runtime, shared.err = Open(Options{}) })
	return shared.runtime, shared.err
}
