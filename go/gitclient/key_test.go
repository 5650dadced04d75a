//go:build rust && cgo

package gitclient_test

import "github.com/semaphore-rs/semaphore/go/internal/native"

type staleKey struct{}

func (staleKey) Handle() native.Handle { return 12345 }
