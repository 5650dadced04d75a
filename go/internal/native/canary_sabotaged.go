//go:build rust && cgo && sabotaged

package native

/*
#include <stdint.h>

// Only the library of the tests has it (feature sabotage); no header names it.
int32_t semaphore_sabotage_canary(int32_t kind);
*/
import "C"

// canary makes a mistake in the memory of the library, for tests of the sanitizers.
func canary(kind int32) { C.semaphore_sabotage_canary(C.int32_t(kind)) }
