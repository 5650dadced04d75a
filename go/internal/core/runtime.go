// Package core is the runtime that the packages of this module share: it waits for the library's events and hands them to
// whom they belong.
//
// One goroutine per runtime, the pump, waits in Go's own poller, so no thread is held. It never runs code of users and never
// blocks on one: whoever gets a frame puts it into a queue.
package core

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/native"
)

// Options of a runtime; the zero value is good.
type Options struct {
	// QueueBytes is how much output a log holds before the pipes of its programs are no longer read; 0 means 4 MiB.
	QueueBytes int
	// ChildOpenFiles is the soft limit of open files of programs; 0 means that of this process.
	ChildOpenFiles uint64
	// Grace is the time that programs have to end when the runtime is closed; 0 means 5 s.
	Grace time.Duration
	// Logger gets what the library says about itself; nil means slog.Default().
	Logger *slog.Logger
}

// Frame is one event of the library.
type Frame struct {
	Kind    uint16
	Flags   uint16
	Seq     uint64
	UnixNS  int64
	Payload string
	// Size is what the frame costs of a log's window.
	Size uint32
}

// Sink gets the frames of one handle, on the pump: it must not block.
type Sink interface {
	Deliver(Frame)
	// Detach says that no frame follows, because the runtime is down.
	Detach()
}

// Runtime is one thread of the library and its events. Close it.
type Runtime struct {
	*feed

	grace time.Duration
	alarm Alarm
}

// feed is what the pump knows of a Runtime: it does not keep one alive that its owner has dropped.
type feed struct {
	handle native.Handle
	events *os.File
	logger *slog.Logger
	down   chan struct{}

	mu     sync.Mutex
	sinks  map[native.Handle]Sink
	closed bool
	// isDown: the pump has ended, new sinks would wait for ever.
	isDown bool
}

// Open starts a runtime. A library of another version, or none, is an error.
func Open(options Options) (*Runtime, error) {
	if err := native.CheckVersion(); err != nil {
		return nil, Convert(err)
	}
	config := map[string]any{"version": 1}
	if options.QueueBytes != 0 {
		config["queue_bytes"] = options.QueueBytes
	}
	if options.ChildOpenFiles != 0 {
		config["child_nofile"] = options.ChildOpenFiles
	}
	document, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	handle, err := native.Open(document)
	if err != nil {
		return nil, Convert(err)
	}
	events, err := eventFile(handle)
	if err != nil {
		_ = native.Close(handle)
		return nil, Convert(err)
	}
	f := &feed{handle: handle, events: events, logger: options.Logger, down: make(chan struct{}), sinks: map[native.Handle]Sink{}}
	if f.logger == nil {
		f.logger = slog.Default()
	}
	r := &Runtime{feed: f, grace: options.Grace}
	if r.grace == 0 {
		r.grace = 5 * time.Second
	}
	go f.pump()
	r.alarm = NewAlarm(r, "runtime", f.logger, f.abandon)
	return r, nil
}

// eventFile duplicates the descriptor: closing the file must not close the library's.
func eventFile(handle native.Handle) (*os.File, error) {
	fd, err := native.EventFd(handle)
	if err != nil {
		return nil, err
	}
	duplicate, err := Duplicate(uintptr(fd))
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(duplicate), "semaphore-events"), nil
}

// Handle is the library's handle.
func (r *Runtime) Handle() native.Handle { return r.handle }

// Logger is where the library's own messages go.
func (r *Runtime) Logger() *slog.Logger { return r.logger }

// Start opens something whose frames go to a sink. The pump waits meanwhile, so no frame can come before its sink.
func (r *Runtime) Start(sink Sink, open func() (native.Handle, error)) (native.Handle, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.isDown {
		return 0, fmt.Errorf("semaphore: the runtime is closed: %w", os.ErrClosed)
	}
	handle, err := open()
	if err != nil {
		return 0, Convert(err)
	}
	r.sinks[handle] = sink
	return handle, nil
}

// StartAll is Start for several things at once: open fills the handles, one for each sink.
func (r *Runtime) StartAll(sinks []Sink, open func(handles []native.Handle) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.isDown {
		return fmt.Errorf("semaphore: the runtime is closed: %w", os.ErrClosed)
	}
	handles := make([]native.Handle, len(sinks))
	if err := open(handles); err != nil {
		return Convert(err)
	}
	for i, sink := range sinks {
		r.sinks[handles[i]] = sink
	}
	return nil
}

// Forget ends the delivery to the sink of a handle.
func (r *Runtime) Forget(handle native.Handle) {
	r.mu.Lock()
	delete(r.sinks, handle)
	r.mu.Unlock()
}

// Close stops what runs, waits for its end, and frees the runtime. A second Close is os.ErrClosed.
func (r *Runtime) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return os.ErrClosed
	}
	r.closed = true
	r.mu.Unlock()
	r.alarm.Disarm()
	err := native.RtClose(r.handle, uint32(r.grace.Milliseconds()))
	if err == nil {
		<-r.down
	}
	if closing := native.Close(r.handle); err == nil {
		err = closing
	}
	if closing := r.events.Close(); err == nil {
		err = closing
	}
	return Convert(err)
}

// Statistics are figures of a runtime, for tests and health pages.
type Statistics struct {
	Handles struct {
		Log       int `json:"log"`
		Operation int `json:"operation"`
		Key       int `json:"key"`
		Pool      int `json:"pool"`
	} `json:"handles"`
	// Performed counts what was ever started on the runtime.
	Performed struct {
		Pumps    int `json:"pumps"`
		Programs int `json:"programs"`
		Jobs     int `json:"jobs"`
		Git      int `json:"git"`
		Keys     int `json:"keys"`
	} `json:"performed"`
	Children    int `json:"children"`
	AttachedFds int `json:"attached_fds"`
	Threads     int `json:"threads"`
	Queue       struct {
		Sources       int `json:"sources"`
		Frames        int `json:"frames"`
		Bytes         int `json:"bytes"`
		Full          int `json:"full"`
		WithoutCredit int `json:"without_credit"`
		Dropped       int `json:"dropped"`
	} `json:"queue"`
}

// Statistics gives the figures.
func (r *Runtime) Statistics() (Statistics, error) {
	var statistics Statistics
	document, err := native.Stats(r.handle)
	if err != nil {
		return statistics, Convert(err)
	}
	return statistics, json.Unmarshal(document, &statistics)
}

// abandon ends a runtime that nobody has any more, without waiting for it.
func (r *feed) abandon() {
	_ = native.RtClose(r.handle, 0)
	go func() {
		<-r.down
		_ = native.Close(r.handle)
		_ = r.events.Close()
	}()
}

func (r *feed) pump() {
	defer close(r.down)
	defer r.detachAll()
	buffer := make([]byte, native.FrameMax)
	var counter [8]byte
	for {
		used, err := native.Poll(r.handle, buffer)
		if err != nil {
			r.logger.Error("semaphore: events can no longer be read", "error", err)
			return
		}
		if used > 0 {
			if r.dispatch(buffer[:used]) {
				return
			}
			continue
		}
		if _, err := r.events.Read(counter[:]); err != nil {
			r.logger.Error("semaphore: the event descriptor failed", "error", err)
			return
		}
	}
}

func (r *feed) detachAll() {
	r.mu.Lock()
	sinks := r.sinks
	r.sinks = map[native.Handle]Sink{}
	r.isDown = true
	r.mu.Unlock()
	for _, sink := range sinks {
		sink.Detach()
	}
}

// dispatch hands out the frames of a buffer; true after the last frame of all.
func (r *feed) dispatch(buffer []byte) bool {
	for len(buffer) >= native.FrameHead {
		length := binary.LittleEndian.Uint32(buffer)
		size := (length + native.FrameAlign - 1) / native.FrameAlign * native.FrameAlign
		frame := Frame{
			Kind:    binary.LittleEndian.Uint16(buffer[4:]),
			Flags:   binary.LittleEndian.Uint16(buffer[6:]),
			Seq:     binary.LittleEndian.Uint64(buffer[16:]),
			UnixNS:  int64(binary.LittleEndian.Uint64(buffer[24:])),
			Payload: string(buffer[native.FrameHead:length]),
			Size:    size,
		}
		source := native.Handle(binary.LittleEndian.Uint64(buffer[8:]))
		buffer = buffer[size:]
		switch frame.Kind {
		case native.FrameRtClosed:
			return true
		case native.FramePanic:
			r.logger.Error("semaphore: the library met a defect of its own", "panic", frame.Payload)
		case native.FrameLibLog:
			level := slog.LevelWarn
			if frame.Flags == native.LevelError {
				level = slog.LevelError
			}
			r.logger.Log(context.Background(), level, "semaphore: "+frame.Payload)
		default:
			r.mu.Lock()
			sink := r.sinks[source]
			r.mu.Unlock()
			if sink != nil {
				sink.Deliver(frame)
			}
		}
	}
	return false
}

// EachRecord cuts the payload of a LOG or COMMIT frame into its texts, without copying.
func EachRecord(payload string, each func(text string)) {
	for len(payload) >= 4 {
		length := int(payload[0]) | int(payload[1])<<8 | int(payload[2])<<16 | int(payload[3])<<24
		if length > len(payload)-4 {
			return
		}
		each(payload[4 : 4+length])
		payload = payload[4+length:]
	}
}

// Int32 reads a number of a payload; 0 behind its end.
func Int32(payload string, at int) int32 {
	if len(payload) < at+4 {
		return 0
	}
	return int32(payload[at]) | int32(payload[at+1])<<8 | int32(payload[at+2])<<16 | int32(payload[at+3])<<24
}
