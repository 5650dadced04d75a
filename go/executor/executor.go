// Package executor runs programs: each in a session of its own, with its output in a task's log, and ended as a whole.
//
// Nothing is inherited from this process: a Command is complete. A stop reaches everything that the program has started.
package executor

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

// StopPlan is how a program is ended; every plan ends with SIGKILL to the whole session.
type StopPlan string

const (
	// StopShell sends SIGTERM to the session and waits Grace.
	StopShell StopPlan = "shell"
	// StopAnsible sends SIGINT to the leader, then SIGTERM to the session.
	StopAnsible StopPlan = "ansible"
	// StopTerraform sends SIGINT to the leader only, and waits StopTimeout.
	StopTerraform StopPlan = "terraform"
)

// Stdin is the kind of a program's input.
type Stdin string

const (
	// StdinNull is /dev/null.
	StdinNull Stdin = "null"
	// StdinBytes is a pipe that gives Command.Input and then the end.
	StdinBytes Stdin = "bytes"
	// StdinPipe is a pipe that gives Command.Input and then what Answer writes, until CloseStdin.
	StdinPipe Stdin = "pipe"
	// StdinPty is a terminal, which is the controlling terminal too; Command.Prompts are answered on it.
	StdinPty Stdin = "pty"
)

// Prompt is a question on the terminal, by its beginning, and its answer.
type Prompt struct {
	StartsWith string
	Answer     []byte
}

// Command is the complete description of a program.
type Command struct {
	// Path is the program: a path, or a name that is looked for in SearchPath and then in the PATH of Env.
	Path string
	// SearchPath is a value of PATH, for programs that are found otherwise than the program itself finds others; may be empty.
	SearchPath string
	// Args are the arguments after the program's name.
	Args []string
	// Env is the whole environment, NAME=VALUE; of two entries the later wins.
	Env []string
	// Dir is the working directory.
	Dir string
	// Process is as whom and below which root it runs; the zero value means as this process.
	Process core.Process
	// Stdin is the kind of input; empty means StdinNull.
	Stdin Stdin
	// Input is written first to StdinBytes and StdinPipe.
	Input []byte
	// Prompts are answered on StdinPty. The answers are wiped in the library when they were typed.
	Prompts []Prompt
	// StopPlan is how it is ended; empty means StopShell.
	StopPlan StopPlan
	// Grace is how long each polite signal of the plan has; 0 means 1.5 s.
	Grace time.Duration
	// StopTimeout is the time of an orderly end for StopTerraform; 0 means two minutes.
	StopTimeout time.Duration
	// Deadline ends the program after this time; 0 means never.
	Deadline time.Duration
}

type document struct {
	Version       int          `json:"version"`
	Argv          []string     `json:"argv"`
	Env           [][2]string  `json:"env"`
	SearchPath    string       `json:"search_path,omitempty"`
	Dir           string       `json:"dir"`
	Process       core.Process `json:"process"`
	Stdin         Stdin        `json:"stdin"`
	Prompts       []string     `json:"prompts,omitempty"`
	Stop          StopPlan     `json:"stop"`
	GraceMS       int64        `json:"grace_ms,omitempty"`
	StopTimeoutMS int64        `json:"stop_timeout_ms,omitempty"`
	DeadlineMS    int64        `json:"deadline_ms,omitempty"`
}

// encode gives the library's document and the secret bytes beside it.
func (c Command) encode() ([]byte, []byte, error) {
	d := document{
		Version: 1, Argv: append([]string{c.Path}, c.Args...), Env: [][2]string{}, SearchPath: c.SearchPath, Dir: c.Dir, Process: c.Process, Stdin: c.Stdin, Stop: c.StopPlan,
		GraceMS: core.Milliseconds(c.Grace), StopTimeoutMS: core.Milliseconds(c.StopTimeout), DeadlineMS: core.Milliseconds(c.Deadline),
	}
	// JSON would replace such bytes, and another program or file would be meant.
	for i, text := range slices.Concat([]string{c.Path, c.SearchPath, c.Dir}, c.Args, c.Env) {
		if !utf8.ValidString(text) {
			return nil, nil, fmt.Errorf("semaphore: text %d of the command (path, search path, directory, arguments, environment) is not UTF-8", i+1)
		}
	}
	if d.Stdin == "" {
		d.Stdin = StdinNull
	}
	if d.Stop == "" {
		d.Stop = StopShell
	}
	for _, entry := range c.Env {
		name, value, found := strings.Cut(entry, "=")
		if !found {
			return nil, nil, fmt.Errorf("semaphore: the entry %q of the environment has no =", name)
		}
		d.Env = append(d.Env, [2]string{name, value})
	}
	secret := c.Input
	if len(c.Prompts) > 0 {
		if len(c.Input) > 0 {
			return nil, nil, errors.New("semaphore: a command has Prompts or Input, not both")
		}
		// Not behind an empty Input: that may have room, which is the caller's memory.
		secret = nil
		for _, prompt := range c.Prompts {
			d.Prompts = append(d.Prompts, prompt.StartsWith)
			secret = binary.LittleEndian.AppendUint32(secret, uint32(len(prompt.Answer)))
			secret = append(secret, prompt.Answer...)
		}
	}
	encoded, err := json.Marshal(d)
	return encoded, secret, err
}

// Result says how a program ended.
type Result struct {
	// Pid was its process id; 0 if it never ran.
	Pid int `json:"pid"`
	// Text is "exit status 2", "signal: killed" and the like.
	Text string `json:"text"`
	// Stragglers: processes it left behind held its output, which was closed after a silence.
	Stragglers bool `json:"stragglers"`
}

// Process is a program that was started.
type Process struct {
	operation *core.Operation
	pid       atomic.Int64
	started   chan struct{}
}

// Start starts a program with its output in a log. When the context ends, the program is stopped by its plan. A program that
// cannot be started is told by Wait; Start fails only if the command is not understood or something is closed.
func Start(ctx context.Context, runtime *core.Runtime, log *tasklogger.Logger, command Command) (*Process, error) {
	spec, secret, err := command.encode()
	if err != nil {
		return nil, err
	}
	p := &Process{started: make(chan struct{})}
	frames := func(frame core.Frame) {
		if frame.Kind == native.FrameChildStarted && p.pid.Swap(int64(core.Int32(frame.Payload, 0))) == 0 {
			close(p.started)
		}
	}
	p.operation, err = core.StartOperation(ctx, runtime, frames, func() (native.Handle, error) {
		return native.ExecStart(runtime.Handle(), spec, secret, log.Handle())
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Run starts a program and waits for its end.
func Run(ctx context.Context, runtime *core.Runtime, log *tasklogger.Logger, command Command) (Result, error) {
	p, err := Start(ctx, runtime, log, command)
	if err != nil {
		return Result{}, err
	}
	return p.Wait()
}

// Started is closed when the program runs and Pid is known; never if it cannot be started.
func (p *Process) Started() <-chan struct{} { return p.started }

// Pid is the process id, 0 before the program runs.
func (p *Process) Pid() int { return int(p.pid.Load()) }

// Wait returns when the program has ended and was reaped; its output is in the log, for which Logger.WaitLog waits. An exit
// code other than 0 is a *semaphore.ExitError; an end by the context is its cause joined with the library's error.
func (p *Process) Wait() (Result, error) {
	var result Result
	document, err := p.operation.Wait()
	if parsed := json.Unmarshal(document, &result); parsed != nil && err == nil {
		err = fmt.Errorf("semaphore: the result of a program is not understood: %w", parsed)
	}
	return result, err
}

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.operation.Done() }

// Stop asks for the end: by the plan, or (force) by killing at once. Repeating it changes nothing.
func (p *Process) Stop(force bool) error { return p.operation.Stop(force) }

// Signal sends a signal to the program's process group, never to a stranger.
func (p *Process) Signal(signal syscall.Signal) error {
	return core.Convert(native.ExecSignal(p.operation.Handle(), int(signal)))
}

// Answer writes to the program's input, behind what was written before.
func (p *Process) Answer(text []byte) error {
	return core.Convert(native.ExecAnswer(p.operation.Handle(), text))
}

// CloseStdin ends the program's input.
func (p *Process) CloseStdin() error {
	return core.Convert(native.ExecCloseStdin(p.operation.Handle()))
}
