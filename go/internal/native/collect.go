//go:build !semaphoredebug

package native

// collect runs the garbage collector in programs built with the tag semaphoredebug.
func collect() {}
