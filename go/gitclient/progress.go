package gitclient

import (
	"encoding/binary"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
)

// watch gives the taker of an operation's frames that tells a listener, and the function that ends it.
func watch(listener func(Progress)) (frames func(core.Frame), end func()) {
	if listener == nil {
		return nil, func() {}
	}
	// The newest state only: the pump waits for nobody.
	newest, over := make(chan Progress, 1), make(chan struct{})
	go func() {
		defer close(over)
		for progress := range newest {
			listener(progress)
		}
	}()
	frames = func(frame core.Frame) {
		if frame.Kind != native.FrameProgress || len(frame.Payload) < 16 {
			return
		}
		numbers := []byte(frame.Payload[:16])
		progress := Progress{frame.Payload[16:], binary.LittleEndian.Uint64(numbers), binary.LittleEndian.Uint64(numbers[8:])}
		select {
		case <-newest:
		default:
		}
		newest <- progress
	}
	return frames, func() {
		close(newest)
		<-over
	}
}
