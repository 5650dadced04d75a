package semaphore_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
)

// codes are the constants of this package, by the name that the header has for them.
var codes = map[string]semaphore.Code{
	"ARG": semaphore.CodeArg, "HANDLE": semaphore.CodeHandle, "STATE": semaphore.CodeState, "CANCELLED": semaphore.CodeCancelled,
	"TIMEOUT": semaphore.CodeTimeout, "NOT_FOUND": semaphore.CodeNotFound, "EXISTS": semaphore.CodeExists, "PERM": semaphore.CodePerm,
	"AUTH": semaphore.CodeAuth, "IO": semaphore.CodeIO, "NET": semaphore.CodeNet, "EXIT": semaphore.CodeExit, "SPAWN": semaphore.CodeSpawn,
	"PARSE": semaphore.CodeParse, "LIMIT": semaphore.CodeLimit, "UNSUPPORTED": semaphore.CodeUnsupported, "ABI": semaphore.CodeABI,
	"PANIC": semaphore.CodePanic,
}

func TestEveryErrorNumberOfTheHeaderIsACode(t *testing.T) {
	header, err := os.ReadFile("../include/semaphore_ffi.h")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^#define SEMAPHORE_E_(\w+) (-\d+)$`).FindAllStringSubmatch(string(header), -1)
	if len(found) != len(codes) {
		t.Errorf("the header has %d numbers, this package %d", len(found), len(codes))
	}
	for _, match := range found {
		code, known := codes[match[1]]
		if !known || strconv.Itoa(int(code)) != match[2] {
			t.Errorf("SEMAPHORE_E_%s is %s in the header and %d here (known: %v)", match[1], match[2], code, known)
		}
		if name := code.String(); strings.HasPrefix(name, "status ") {
			t.Errorf("SEMAPHORE_E_%s has no name", match[1])
		}
	}
	if semaphore.Code(-50).String() != "status -50" {
		t.Error("an unknown number has a name")
	}
}

func TestEveryCodeIsFoundAndMeansWhatTheStandardLibrarySays(t *testing.T) {
	meanings := map[semaphore.Code]error{
		semaphore.CodeArg: fs.ErrInvalid, semaphore.CodeParse: fs.ErrInvalid, semaphore.CodeHandle: os.ErrClosed, semaphore.CodeCancelled: context.Canceled,
		semaphore.CodeTimeout: context.DeadlineExceeded, semaphore.CodeNotFound: fs.ErrNotExist, semaphore.CodeExists: fs.ErrExist,
		semaphore.CodePerm: fs.ErrPermission, semaphore.CodeUnsupported: errors.ErrUnsupported,
	}
	all := []error{
		fs.ErrInvalid, os.ErrClosed, context.Canceled, context.DeadlineExceeded, fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, errors.ErrUnsupported,
		syscall.ENOENT, nil,
	}
	for name, code := range codes {
		failed := core.Convert(&native.Failure{Code: int32(code), Op: "x", Msg: "y"})
		for other, otherCode := range codes {
			if errors.Is(failed, otherCode) != (name == other) {
				t.Errorf("%s is %s", name, other)
			}
		}
		for _, target := range all {
			if want := target != nil && target == meanings[code]; errors.Is(failed, target) != want {
				t.Errorf("%s is %v: %v", name, target, !want)
			}
		}
		var e *semaphore.Error
		if !errors.As(failed, &e) || e.Code != code || e.Msg != "y" {
			t.Errorf("%s: %v", name, failed)
		}
		var exit *semaphore.ExitError
		if errors.As(failed, &exit) != (code == semaphore.CodeExit) {
			t.Errorf("%s is an end of a program", name)
		}
	}
	missing := core.Convert(&native.Failure{Code: native.ESpawn, OSErrno: int32(syscall.ENOENT)})
	if !errors.Is(missing, fs.ErrNotExist) || !errors.Is(missing, syscall.ENOENT) || errors.Is(missing, fs.ErrPermission) {
		t.Error("the errno behind an error is not found")
	}
	if other := errors.New("z"); core.Convert(other) != other || core.Convert(nil) != nil {
		t.Error("an error of others was changed")
	}
}
