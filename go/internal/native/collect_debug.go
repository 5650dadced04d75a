//go:build semaphoredebug

package native

import "runtime"

// collect runs the garbage collector with every use of a handle, so that what is used after it was dropped is found.
func collect() { runtime.GC() }
