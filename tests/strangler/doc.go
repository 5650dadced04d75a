// Package strangler moves the mini host in host/ onto the library with the tool `strangle`, component by component, and back; and
// compares at every step what jobs do: their statuses, their lines, and the programs that they start.
//
// It holds tests only. They are in a module of their own because they use the tool and the host as programs, as somebody does who
// owns a Go server; see README.md.
package strangler
