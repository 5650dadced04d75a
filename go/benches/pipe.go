package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

// pipe is the output of `cat` of 100 MB in lines of 100 bytes, through the library and as the Go server reads it, in turns. The
// clock runs from the start of the program to the last line at the listener; the processor time is that of this process, without cat's.
func (b *bench) pipe() error {
	file := filepath.Join(b.dir, "lines")
	if err := os.WriteFile(file, []byte(strings.Repeat(strings.Repeat("y", 99)+"\n", lineCount)), 0o644); err != nil {
		return err
	}
	ways := []struct {
		name           string
		read           func(*exec.Cmd, *counter) error
		wall, consumed []time.Duration
	}{
		{name: "attach_fd", read: b.readByLibrary},
		{name: "the Go server's way", read: readByScanner},
	}
	// The first round warms up and is not counted.
	for round := range b.rounds + 1 {
		for i := range ways {
			way := &ways[i]
			runtime.GC()
			c := newCounter()
			consumed, begin := processorTime(), time.Now()
			if err := way.read(exec.Command("cat", file), c); err != nil {
				return err
			}
			wall, spent := time.Since(begin), processorTime()-consumed
			if c.lines != lineCount || c.bytes != 99*lineCount {
				return fmt.Errorf("%s brought %d lines of %d bytes", way.name, c.lines, c.bytes)
			}
			if round > 0 {
				way.wall, way.consumed = append(way.wall, wall), append(way.consumed, spent)
			}
		}
	}
	for _, way := range ways {
		b.row("`cat` of 100 MB through "+way.name, way.wall)
		b.row("its processor time", way.consumed)
	}
	b.ratioRow("ratio of the times of `cat`", ways[0].wall, ways[1].wall)
	b.ratioRow("ratio of the processor times", ways[0].consumed, ways[1].consumed)
	return os.Remove(file)
}

// readByLibrary is what a host does with this module.
func (b *bench) readByLibrary(command *exec.Cmd, c *counter) error {
	log, err := tasklogger.New(b.runtime, tasklogger.Options{})
	if err != nil {
		return err
	}
	log.AddLogListener(c.listen)
	log.LogCmd(command)
	if err := command.Run(); err != nil {
		return err
	}
	log.WaitLog()
	return log.Close()
}

// readByScanner is the method of the Go server: for each pipe a scanner with 10 MB of memory, and behind it a channel for 100 000
// lines and a goroutine that takes them to the listeners.
func readByScanner(command *exec.Cmd, c *counter) error {
	stderr, err := command.StderrPipe()
	if err != nil {
		return err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	var readers sync.WaitGroup
	for _, pipe := range []io.Reader{stderr, stdout} {
		waiting := make(chan string, 100_000)
		readers.Add(2)
		go func() {
			defer readers.Done()
			for line := range waiting {
				c.listen(time.Now().UTC(), line)
			}
		}()
		go func() {
			defer readers.Done()
			defer close(waiting)
			lines := bufio.NewScanner(pipe)
			lines.Buffer(make([]byte, 10<<20), 10<<20)
			for lines.Scan() {
				waiting <- lines.Text()
			}
		}()
	}
	if err := command.Start(); err != nil {
		return err
	}
	// The Go server waits for the program first and may lose what is in the pipe then; this is its best case.
	readers.Wait()
	return command.Wait()
}
