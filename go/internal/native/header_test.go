package native

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The numbers of this package against those of the header: every one of ours is there with its value, and none is missing.
func TestNumbersAreThoseOfTheHeader(t *testing.T) {
	header, err := os.ReadFile("../../../include/semaphore_ffi.h")
	if err != nil {
		t.Fatal(err)
	}
	defined := map[string]int64{}
	for _, match := range regexp.MustCompile(`(?m)^#define SEMAPHORE_(\w+) (-?\d+)$`).FindAllStringSubmatch(string(header), -1) {
		value, err := strconv.ParseInt(match[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		defined[match[1]] = value
	}
	ours := map[string]int64{
		"OK": int64(OK), "E_ARG": int64(EArg), "E_HANDLE": int64(EHandle), "E_STATE": int64(EState), "E_CANCELLED": int64(ECancelled),
		"E_TIMEOUT": int64(ETimeout), "E_NOT_FOUND": int64(ENotFound), "E_EXISTS": int64(EExists), "E_PERM": int64(EPerm),
		"E_AUTH": int64(EAuth), "E_IO": int64(EIO), "E_NET": int64(ENet), "E_EXIT": int64(EExit), "E_SPAWN": int64(ESpawn),
		"E_PARSE": int64(EParse), "E_LIMIT": int64(ELimit), "E_UNSUPPORTED": int64(EUnsupported), "E_ABI": int64(EABI), "E_PANIC": int64(EPanic),
		"ERR_RETRYABLE": int64(ErrRetryable), "CANCEL_GRACEFUL": int64(CancelGraceful), "CANCEL_NOW": int64(CancelNow),
		"DRAIN_ALL": int64(DrainAll), "DRAIN_RUNNING": int64(DrainRunning), "DRAIN_STOP": int64(DrainStop), "FEATURE_POOL": 32,
		"FRAME_PROGRESS": int64(FrameProgress), "FRAME_READY": int64(FrameReady), "FRAME_DRAINED": int64(FrameDrained),
		"STREAM_STDOUT": int64(StreamStdout), "STREAM_STDERR": int64(StreamStderr), "STREAM_SYSTEM": int64(StreamSystem), "STREAM_WHOLE": int64(StreamWhole),
		"FLAVOUR_REFERENCE": int64(FlavourReference), "FLAVOUR_STRICT": int64(FlavourStrict), "FLAVOUR_NONE": int64(FlavourNone),
		"FRAME_LOG": int64(FrameLog), "FRAME_STATUS": int64(FrameStatus), "FRAME_OP_DONE": int64(FrameOpDone), "FRAME_COMMIT": int64(FrameCommit),
		"FRAME_CHILD_STARTED": int64(FrameChildStarted), "FRAME_PANIC": int64(FramePanic), "FRAME_LIB_LOG": int64(FrameLibLog),
		"FRAME_RT_CLOSED": int64(FrameRtClosed), "FRAME_FLUSHED": int64(FrameFlushed),
		"FLAG_STREAM": int64(FlagStream), "FLAG_CARRIAGE_RETURN": int64(FlagCarriageReturn), "FLAG_CONTINUED": int64(FlagContinued), "FLAG_HOST": int64(FlagHost),
		"LEVEL_ERROR": int64(LevelError), "LEVEL_WARN": int64(LevelWarn),
		"FRAME_HEAD": FrameHead, "FRAME_ALIGN": FrameAlign, "FRAME_MAX": FrameMax, "CREDIT_WINDOW": CreditWindow,
		"ABI_MAJOR": int64(ABIMajor), "ABI_MINOR": int64(ABIMinor), "FEATURE_LOG": 1, "FEATURE_EXEC": 2, "FEATURE_JOB": 4, "FEATURE_GIT": 8, "FEATURE_KEY": 16, "STREAM_TERMINAL": int64(StreamTerminal),
		"FRAME_PARTIAL": int64(FramePartial), "FRAME_PROBLEM": int64(FrameProblem), "FRAME_KNOWN_HOSTS": int64(FrameKnownHosts), "FRAME_STAGE": int64(FrameStage),
		"GIT_CLONE": int64(GitClone), "GIT_PULL": int64(GitPull), "GIT_CHECKOUT": int64(GitCheckout), "GIT_CAN_BE_PULLED": int64(GitCanBePulled),
		"GIT_LAST_COMMIT_HASH": int64(GitLastCommitHash), "GIT_LAST_COMMIT_MESSAGE": int64(GitLastCommitMessage),
		"GIT_REMOTE_HASH": int64(GitRemoteHash), "GIT_REMOTE_BRANCHES": int64(GitRemoteBranches),
	}
	for number, name := range TaskStatuses {
		ours["TASK_"+strings.ToUpper(name)] = int64(number)
	}
	for name, value := range ours {
		if found, is := defined[name]; !is || found != value {
			t.Errorf("SEMAPHORE_%s is %d here and %d in the header (there: %v)", name, value, found, is)
		}
	}
	for name := range defined {
		if _, is := ours[name]; !is {
			t.Errorf("SEMAPHORE_%s of the header is not known here", name)
		}
	}
}
