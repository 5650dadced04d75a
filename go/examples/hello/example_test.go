//go:build rust && cgo

package main

import (
	"context"
	"fmt"
)

func Example() {
	if err := hello(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// hello from a child
	// exit code 3
}
