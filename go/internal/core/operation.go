package core

import (
	"context"
	"errors"

	"github.com/semaphore-rs/semaphore/go/internal/native"
)

// Operation is something of the library that runs and ends: a program, a job, a piece of git's work.
//
// Whoever started it need not wait: its result is taken on the pump, so nothing is left.
type Operation struct {
	ctx     context.Context
	runtime *Runtime
	handle  native.Handle
	frames  func(Frame)
	release func() bool

	done   chan struct{}
	result []byte
	err    error
}

// StartOperation opens an operation, which is stopped when the context ends. frames gets its frames but the last, on the pump;
// it may be nil.
func StartOperation(ctx context.Context, runtime *Runtime, frames func(Frame), open func() (native.Handle, error)) (*Operation, error) {
	operations, err := StartOperations(ctx, runtime, []func(Frame){frames}, func(handles []native.Handle) (err error) {
		handles[0], err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	return operations[0], nil
}

// StartOperations opens several operations at once, one for each entry of frames.
func StartOperations(ctx context.Context, runtime *Runtime, frames []func(Frame), open func(handles []native.Handle) error) ([]*Operation, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	started := make(chan struct{})
	operations, sinks := make([]*Operation, len(frames)), make([]Sink, len(frames))
	for i := range frames {
		o := &Operation{ctx: ctx, runtime: runtime, frames: frames[i], done: make(chan struct{})}
		o.release = context.AfterFunc(ctx, func() {
			<-started
			_ = o.Stop(false)
		})
		operations[i], sinks[i] = o, o
	}
	// The handles are set while the pump waits, so that Deliver finds them.
	err := runtime.StartAll(sinks, func(handles []native.Handle) error {
		err := open(handles)
		for i, handle := range handles {
			operations[i].handle = handle
		}
		return err
	})
	if err != nil {
		for _, o := range operations {
			o.release()
		}
		close(started)
		return nil, err
	}
	close(started)
	return operations, nil
}

// Handle is the library's handle.
func (o *Operation) Handle() native.Handle { return o.handle }

// Done is closed when it has ended.
func (o *Operation) Done() <-chan struct{} { return o.done }

// Wait returns the result's document and why it failed; an end by the context is its cause joined with the library's error.
func (o *Operation) Wait() ([]byte, error) {
	<-o.done
	if o.err != nil && o.ctx.Err() != nil && errors.Is(o.err, context.Canceled) {
		return o.result, errors.Join(context.Cause(o.ctx), o.err)
	}
	return o.result, o.err
}

// Stop asks for the end: by the plan, or (force) by killing at once. Repeating it changes nothing.
func (o *Operation) Stop(force bool) error {
	mode := native.CancelGraceful
	if force {
		mode = native.CancelNow
	}
	return Convert(native.OpCancel(o.handle, mode))
}

// Deliver takes a frame from the pump.
func (o *Operation) Deliver(frame Frame) {
	switch {
	case frame.Kind == native.FrameOpDone:
		o.finish()
	case o.frames != nil:
		o.frames(frame)
	}
}

// Detach says that no frame follows: the runtime is down, and every operation of it has ended.
func (o *Operation) Detach() { o.finish() }

func (o *Operation) finish() {
	o.release()
	o.runtime.Forget(o.handle)
	var err error
	o.result, err = native.OpResult(o.handle)
	o.err = Convert(err)
	close(o.done)
}
