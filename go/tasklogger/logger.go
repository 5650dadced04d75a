// Package tasklogger is the log and the status of one task, with the interface that the Go server's own logger has.
//
// The order of a log is one: lines of pipes, of programs of package executor and of Log arrive at the listeners in the order of
// their sequence numbers. Listeners run on one goroutine per Logger, so a slow one slows down its own task only; status
// listeners run on the goroutine that calls SetStatus, as the Go server's do. A final status waits for the output first.
package tasklogger

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
	"github.com/semaphore-rs/semaphore/go/tasklog"
)

// StatusListener is told about a new status.
type StatusListener = tasklog.StatusListener

// LogListener is told about a line. It may take its time, and may wait for other operations of the runtime, but not for
// WaitLog of its own logger.
type LogListener = tasklog.LogListener

// TaskLogger is the interface of the Go server's logger.
type TaskLogger = tasklog.Logger

var _ TaskLogger = (*Logger)(nil)

const (
	// straggler is how long pipes that somebody else still holds may be silent before WaitLog goes on.
	straggler = 500 * time.Millisecond
	// stuckListener is how long a final status waits for a log listener that does not return.
	stuckListener = time.Second
)

// Options of a logger; the zero value is good.
type Options struct {
	// Flavour is the rule of statuses.
	Flavour Flavour
	// Status is that of the task at the start; empty means waiting.
	Status TaskStatus
	// OnCommit is told about the commit, in the order of the log.
	OnCommit func(hash, message string)
	// OnPartial is told about what there is of a line that is not complete, for live viewers; the whole line follows as one of the log.
	OnPartial func(text string)
	// OnProblem is told why a job cannot do well; the sentence is in the log as well.
	OnProblem func(problem Problem)
	// OnKnownHosts is told about lines that a job added to the known hosts.
	OnKnownHosts func(lines string)
	// OnStage is told that a stage of a job begins: workspace, keys, checkout, inventory, requirements, run.
	OnStage func(stage string, begin time.Time)
}

// Problem is a reason that people can act on.
type Problem struct {
	// Code is for programs: tool_missing, key_passphrase, host_key, ...
	Code string `json:"code"`
	// Message says what, why, and what to do.
	Message string `json:"message"`
}

// Logger is the log of one task. Close it when the task is over.
type Logger struct {
	*delivery

	closed atomic.Bool
	alarm  core.Alarm
	rest   rest
}

// delivery is what the pump and the listeners' goroutine know of a Logger: they do not keep one alive that its owner has dropped.
type delivery struct {
	runtime *core.Runtime
	handle  native.Handle
	options Options

	listeners       sync.Mutex
	logListeners    []LogListener
	statusListeners []StatusListener

	queue   sync.Mutex
	frames  []core.Frame
	waiters []chan struct{}
	ended   bool
	arrived chan struct{}

	listening atomic.Bool
	delivered atomic.Uint64
}

// New opens a log on a runtime.
func New(runtime *core.Runtime, options Options) (*Logger, error) {
	if options.Status == "" {
		options.Status = TaskWaitingStatus
	}
	status, known := numberOf(options.Status)
	if !known {
		return nil, fmt.Errorf("semaphore: %q is not a task status", string(options.Status))
	}
	document, err := json.Marshal(map[string]any{"flavour": int32(options.Flavour), "status": status})
	if err != nil {
		return nil, err
	}
	d := &delivery{
		runtime: runtime, options: options,
		arrived: make(chan struct{}, 1),
	}
	d.handle, err = runtime.Start(d, func() (native.Handle, error) { return native.LogOpen(runtime.Handle(), document) })
	if err != nil {
		return nil, err
	}
	go d.run()
	l := &Logger{delivery: d}
	l.alarm = core.NewAlarm(l, "logger", runtime.Logger(), func() { _ = native.Close(d.handle); d.end() })
	return l, nil
}

// Handle is the library's handle, for the other packages of this module.
func (l *Logger) Handle() native.Handle { return l.handle }

// Log writes a line with the present time.
func (l *Logger) Log(msg string) { l.LogWithTime(time.Now().UTC(), msg) }

// Logf writes a formatted line with the present time.
func (l *Logger) Logf(format string, a ...any) { l.LogfWithTime(time.Now().UTC(), format, a...) }

// LogWithTime writes a line. The text is one record, line feeds in it are kept.
func (l *Logger) LogWithTime(now time.Time, msg string) {
	err := native.LogWrite(l.handle, native.StreamSystem|native.StreamWhole, now.UnixNano(), msg)
	if err != nil {
		l.failed("a line was not written", err)
	}
}

// LogfWithTime writes a formatted line.
func (l *Logger) LogfWithTime(now time.Time, format string, a ...any) {
	l.LogWithTime(now, fmt.Sprintf(format, a...))
}

// LogCmd makes the output of a command, which is not started yet, part of the log. Not a byte of it is lost, however short the
// command lives and whenever cmd.Wait is called.
func (l *Logger) LogCmd(cmd *exec.Cmd) {
	if err := l.attachCommand(cmd); err != nil {
		l.failed("the output of a command is not logged", err)
	}
}

func (l *Logger) attachCommand(cmd *exec.Cmd) error {
	var failed [2]error
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = l.attachOrDiscard(stderr, native.StreamStderr)
	}
	failed[0] = err
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = l.attachOrDiscard(stdout, native.StreamStdout)
	}
	failed[1] = err
	return errors.Join(failed[:]...)
}

// attachOrDiscard reads a pipe that cannot be logged to its end: a command whose output nobody reads would hang.
func (l *Logger) attachOrDiscard(pipe io.ReadCloser, stream int32) error {
	err := l.attach(pipe, stream)
	if err != nil {
		go func() { _, _ = io.Copy(io.Discard, pipe) }()
	}
	return err
}

// attach gives the library a duplicate of the read end: cmd.Wait closes only Go's. File.Fd would make both blocking.
func (l *Logger) attach(pipe io.ReadCloser, stream int32) error {
	file, isFile := pipe.(syscall.Conn)
	if !isFile {
		return fmt.Errorf("semaphore: %T has no descriptor", pipe)
	}
	connection, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var duplicate int
	var failed error
	if err := connection.Control(func(fd uintptr) { duplicate, failed = core.Duplicate(fd) }); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	if err := native.LogAttachFd(l.handle, duplicate, stream); err != nil {
		_ = os.NewFile(uintptr(duplicate), "duplicate").Close()
		return core.Convert(err)
	}
	return nil
}

// SetStatus changes the status if the rule allows it, and then runs the status listeners before it returns. A final status
// waits until the log listeners have seen all output, or for a second if one of them does not return.
func (l *Logger) SetStatus(status TaskStatus) {
	number, known := numberOf(status)
	if !known {
		l.failed("a status was not set", fmt.Errorf("%q is not a task status", string(status)))
		return
	}
	if status.IsFinished() {
		l.waitForListeners()
	}
	changed, err := native.LogSetStatus(l.handle, number)
	if err != nil {
		l.failed("a status was not set", err)
		return
	}
	if changed {
		l.tellStatus(status)
	}
}

func (l *delivery) tellStatus(status TaskStatus) {
	l.listeners.Lock()
	listeners := l.statusListeners
	l.listeners.Unlock()
	for _, listener := range listeners {
		listener(status)
	}
}

// Status is the status of the task; empty when the logger is closed.
func (l *Logger) Status() TaskStatus {
	number, err := native.LogStatus(l.handle)
	if err != nil {
		return ""
	}
	status, _ := statusOf(number)
	return status
}

// AddStatusListener adds a listener.
func (l *Logger) AddStatusListener(listener StatusListener) {
	l.listeners.Lock()
	l.statusListeners = append(slices.Clip(l.statusListeners), listener)
	l.listeners.Unlock()
}

// AddLogListener adds a listener; it hears the lines that are delivered from now on.
func (l *Logger) AddLogListener(listener LogListener) {
	l.listeners.Lock()
	l.logListeners = append(slices.Clip(l.logListeners), listener)
	l.listeners.Unlock()
}

// SetCommit notes the commit that was checked out.
func (l *Logger) SetCommit(hash, message string) {
	if err := native.LogSetCommit(l.handle, hash, message); err != nil {
		l.failed("a commit was not noted", err)
	}
}

// WaitLog returns when the log listeners have seen all output of commands and programs that have ended. Processes that a
// command left behind are waited for until they have been silent for half a second.
func (l *Logger) WaitLog() {
	if flushed := l.flush(); flushed != nil {
		<-flushed
	}
}

// flush asks for a barrier; the channel is closed when the listeners have reached it. nil if the log is closed.
func (l *Logger) flush() <-chan struct{} {
	l.rest.end(l)
	flushed := make(chan struct{})
	l.queue.Lock()
	defer l.queue.Unlock()
	if l.ended {
		return nil
	}
	// Under the lock, so that the barriers come in the order of the waiters.
	if err := native.LogFlush(l.handle, uint32(straggler.Milliseconds())); err != nil {
		return nil
	}
	l.waiters = append(l.waiters, flushed)
	return flushed
}

func (l *Logger) waitForListeners() {
	flushed := l.flush()
	if flushed == nil {
		return
	}
	before := l.delivered.Load()
	ticker := time.NewTicker(stuckListener)
	defer ticker.Stop()
	for {
		select {
		case <-flushed:
			return
		case <-ticker.C:
			now := l.delivered.Load()
			if now == before && l.listening.Load() {
				l.runtime.Logger().Warn("semaphore: a log listener does not return, a final status does not wait for it")
				return
			}
			before = now
		}
	}
}

// Close ends the log: what was written, by commands and programs that have ended too, is still delivered, then the listeners are
// let go. It waits for them as a final status does. A second Close is os.ErrClosed.
func (l *Logger) Close() error {
	if l.closed.Swap(true) {
		return os.ErrClosed
	}
	l.alarm.Disarm()
	l.waitForListeners()
	if flushed := l.flush(); flushed != nil {
		go func() {
			<-flushed
			l.end()
		}()
	} else {
		l.end()
	}
	return core.Convert(native.Close(l.handle))
}

func (l *delivery) end() {
	l.runtime.Forget(l.handle)
	l.Detach()
}

// Deliver takes a frame from the pump.
func (l *delivery) Deliver(frame core.Frame) {
	l.queue.Lock()
	l.frames = append(l.frames, frame)
	l.queue.Unlock()
	l.wake()
}

// Detach says that no frame follows.
func (l *delivery) Detach() {
	l.queue.Lock()
	l.ended = true
	l.queue.Unlock()
	l.wake()
}

func (l *delivery) wake() {
	select {
	case l.arrived <- struct{}{}:
	default:
	}
}

// run delivers to the listeners, gives credit for what they have dealt with, and ends with the log.
func (l *delivery) run() {
	for range l.arrived {
		for {
			l.queue.Lock()
			frames, ended := l.frames, l.ended
			l.frames = nil
			l.queue.Unlock()
			if len(frames) == 0 {
				if ended {
					l.release()
					return
				}
				break
			}
			for _, frame := range frames {
				l.deliver(frame)
				// Refused when the log was closed meanwhile, and then not needed.
				_ = native.LogCredit(l.handle, frame.Size)
			}
		}
	}
}

func (l *delivery) deliver(frame core.Frame) {
	switch frame.Kind {
	case native.FrameLog:
		l.tellLines(frame)
	case native.FrameStatus:
		if frame.Flags&native.FlagHost == 0 {
			if status, known := statusOf(core.Int32(frame.Payload, 0)); known {
				l.tellStatus(status)
			}
		}
	case native.FrameCommit:
		if hash, message := pair(frame.Payload); l.options.OnCommit != nil {
			l.options.OnCommit(hash, message)
		}
	case native.FrameProblem:
		if code, message := pair(frame.Payload); l.options.OnProblem != nil {
			l.options.OnProblem(Problem{code, message})
		}
	case native.FramePartial:
		if l.options.OnPartial != nil {
			l.options.OnPartial(frame.Payload)
		}
	case native.FrameKnownHosts:
		if l.options.OnKnownHosts != nil {
			l.options.OnKnownHosts(frame.Payload)
		}
	case native.FrameStage:
		if len(frame.Payload) >= 8 && l.options.OnStage != nil {
			begin := int64(binary.LittleEndian.Uint64([]byte(frame.Payload[:8])))
			l.options.OnStage(frame.Payload[8:], time.Unix(0, begin).UTC())
		}
	case native.FrameFlushed:
		l.queue.Lock()
		if len(l.waiters) > 0 {
			close(l.waiters[0])
			l.waiters = l.waiters[1:]
		}
		l.queue.Unlock()
	}
}

// pair reads a payload of two texts.
func pair(payload string) (string, string) {
	texts := make([]string, 0, 2)
	core.EachRecord(payload, func(text string) { texts = append(texts, text) })
	if len(texts) != 2 {
		return "", ""
	}
	return texts[0], texts[1]
}

func (l *delivery) tellLines(frame core.Frame) {
	l.listeners.Lock()
	listeners := l.logListeners
	l.listeners.Unlock()
	now := time.Unix(0, frame.UnixNS).UTC()
	l.listening.Store(true)
	core.EachRecord(frame.Payload, func(text string) {
		for _, listener := range listeners {
			listener(now, text)
		}
		l.delivered.Add(1)
	})
	l.listening.Store(false)
}

// release lets go of everybody who waits for a barrier that will not come.
func (l *delivery) release() {
	l.queue.Lock()
	waiters := l.waiters
	l.waiters = nil
	l.queue.Unlock()
	for _, waiter := range waiters {
		close(waiter)
	}
}

func (l *delivery) failed(what string, err error) {
	l.runtime.Logger().Error("semaphore: "+what, "error", core.Convert(err))
}
