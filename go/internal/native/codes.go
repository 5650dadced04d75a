// Package native is the only one that speaks C: one Go function for each function of semaphore_ffi.h, no logic.
//
// It compiles without the library too (CGO_ENABLED=0); every function then says so. Invariant: no pointer of
// either side is kept by the other.
package native

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Handle names an object of the library; 0 is none.
type Handle uint64

// ErrNotBuilt is returned by Open when the program was built without the library.
var ErrNotBuilt = errors.New("semaphore: built without the library: build with cgo (CGO_ENABLED=1 and a C compiler)")

// Statuses of calls. The numbers are those of the header, which a test compares.
const (
	OK             int32 = 0
	EArg           int32 = -1
	EHandle        int32 = -2
	EState         int32 = -3
	ECancelled     int32 = -4
	ETimeout       int32 = -5
	ENotFound      int32 = -6
	EExists        int32 = -7
	EPerm          int32 = -8
	EAuth          int32 = -9
	EIO            int32 = -10
	ENet           int32 = -11
	EExit          int32 = -12
	ESpawn         int32 = -13
	EParse         int32 = -14
	ELimit         int32 = -15
	EUnsupported   int32 = -16
	EABI           int32 = -17
	EPanic         int32 = -99
	ErrRetryable   int32 = 1
	CancelGraceful int32 = 0
	CancelNow      int32 = 1
	DrainAll       int32 = 0
	DrainRunning   int32 = 1
	DrainStop      int32 = 2
)

// Streams of records.
const (
	StreamStdout   int32 = 0
	StreamStderr   int32 = 1
	StreamSystem   int32 = 2
	StreamTerminal int32 = 3
	StreamWhole    int32 = 256
)

// Rules of statuses.
const (
	FlavourReference int32 = 0
	FlavourStrict    int32 = 1
	FlavourNone      int32 = 2
)

// Kinds, flags and sizes of frames.
const (
	FrameLog           uint16 = 1
	FrameStatus        uint16 = 2
	FrameProgress      uint16 = 3
	FrameOpDone        uint16 = 4
	FrameCommit        uint16 = 5
	FrameChildStarted  uint16 = 6
	FramePanic         uint16 = 7
	FrameLibLog        uint16 = 8
	FrameRtClosed      uint16 = 9
	FrameFlushed       uint16 = 10
	FramePartial       uint16 = 11
	FrameProblem       uint16 = 12
	FrameKnownHosts    uint16 = 13
	FrameStage         uint16 = 14
	FrameReady         uint16 = 15
	FrameDrained       uint16 = 16
	FlagStream         uint16 = 3
	FlagCarriageReturn uint16 = 4
	FlagContinued      uint16 = 8
	FlagHost           uint16 = 1
	LevelError         uint16 = 1
	LevelWarn          uint16 = 2
	FrameHead                 = 32
	FrameAlign                = 8
	FrameMax                  = 1114112
	CreditWindow              = 262144
	ABIMajor           uint32 = 1
	ABIMinor           uint32 = 2
)

// Kinds of git's work.
const (
	GitClone             int32 = 1
	GitPull              int32 = 2
	GitCheckout          int32 = 3
	GitCanBePulled       int32 = 4
	GitLastCommitHash    int32 = 5
	GitLastCommitMessage int32 = 6
	GitRemoteHash        int32 = 7
	GitRemoteBranches    int32 = 8
)

// TaskStatuses are the names of the header's task statuses, in the order of their numbers.
var TaskStatuses = [...]string{
	"waiting", "starting", "waiting_confirmation", "confirmed", "rejected",
	"running", "stopping", "stopped", "success", "error",
}

// Failure is what the library says about a call that failed.
type Failure struct {
	Code      int32
	OSErrno   int32
	Retryable bool
	Op        string   `json:"op"`
	Msg       string   `json:"msg"`
	Chain     []string `json:"chain"`
	ExitCode  *int     `json:"exit_code"`
	Signal    *int     `json:"signal"`
	Stderr    string   `json:"stderr_tail"`
}

func (f *Failure) Error() string { return f.Msg }

var messages = map[int32]string{
	EArg: "an argument is missing or out of range", EHandle: "the handle is closed or of another kind",
	EState: "the object is closed, or not ready for this", EParse: "a document is not understood",
	EUnsupported: "this cannot be done here", EPanic: "the library met a defect of its own",
	ENotFound: "there is no such thing", ELimit: "a bound was reached", EPerm: "access is refused", EIO: "the operating system failed",
}

// failure makes an error of a status; nil for OK. For calls that give no details.
func failure(op string, status int32) error {
	if status >= 0 {
		return nil
	}
	return &Failure{Code: status, Op: op, Msg: messages[status]}
}

// details fills a failure from the library's document.
func details(f *Failure, document []byte) *Failure {
	if len(document) > 0 {
		if err := json.Unmarshal(document, f); err != nil {
			f.Msg = "the library gave a reason that is not understood: " + err.Error()
		}
	}
	return f
}

// checkBuild compares the library that is linked with the one that was meant.
func checkBuild(expected, linked uint64) error {
	if expected == linked {
		return nil
	}
	return &Failure{Code: EABI, Op: "open", Msg: fmt.Sprintf(
		"the program was built for build %016x of the library and is linked with build %016x: build it again in the environment that belongs to the library's file",
		expected, linked)}
}
