package main

import (
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/native"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

// emptyCall is the way into the library and back.
func (b *bench) emptyCall() error {
	figures, err := b.many(1_000_000, func() error {
		native.Nothing()
		return nil
	})
	if err != nil {
		return err
	}
	b.row("empty call", figures)
	return nil
}

// logger is a log from its opening to its close: alone, and as tasklogger with its goroutine and its last flush.
func (b *bench) logger() error {
	figures, err := b.many(10_000, func() error {
		log, err := native.LogOpen(b.runtime.Handle(), nil)
		if err != nil {
			return err
		}
		return native.Close(log)
	})
	if err != nil {
		return err
	}
	b.row("open and close of a log (two calls)", figures)
	figures, err = b.many(1_000, func() error {
		log, err := tasklogger.New(b.runtime, tasklogger.Options{})
		if err != nil {
			return err
		}
		return log.Close()
	})
	if err != nil {
		return err
	}
	b.row("open and close of a tasklogger", figures)
	return nil
}

const lineCount = 1_000_000

// counter is a listener that keeps the last line, so that no line is optimised away.
type counter struct {
	lines, bytes int
	last         string
	enough       chan struct{}
	once         sync.Once
}

func newCounter() *counter { return &counter{enough: make(chan struct{})} }

func (c *counter) listen(_ time.Time, line string) {
	c.lines++
	c.bytes += len(line)
	c.last = line
	if c.lines == lineCount {
		c.once.Do(func() { close(c.enough) })
	}
}

// lines is the way of lines that are in the library's memory to strings of Go: 1 000 000 of 100 bytes, written in pieces of 64 KiB.
// The clock runs from the first write to the last line at the listener.
func (b *bench) lines() error {
	piece := strings.Repeat(strings.Repeat("x", 99)+"\n", 625)
	var figures, consumed []time.Duration
	for range b.rounds {
		runtime.GC()
		log, err := tasklogger.New(b.runtime, tasklogger.Options{})
		if err != nil {
			return err
		}
		c := newCounter()
		log.AddLogListener(c.listen)
		spent, begin := processorTime(), time.Now()
		for range lineCount / 625 {
			if err := native.LogWrite(log.Handle(), native.StreamStdout, 0, piece); err != nil {
				return err
			}
		}
		<-c.enough
		figures, consumed = append(figures, time.Since(begin)), append(consumed, processorTime()-spent)
		if err := log.Close(); err != nil {
			return err
		}
	}
	b.row("1 000 000 lines of 100 bytes from the library to a listener in Go", figures)
	b.row("its processor time", consumed)
	return nil
}
