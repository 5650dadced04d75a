package runners

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/services/tasks"
)

// runningJob is a job that runs, and its Logger. Unlike a TaskRunner it has no rule about which status follows which.
type runningJob struct {
	status     task_logger.TaskStatus
	logRecords []LogRecord
	job        *tasks.LocalJob
	commit     *CommitInfo

	statusListeners []task_logger.StatusListener
	logListeners    []task_logger.LogListener
	logWG           sync.WaitGroup
	// writing is held while a line is added: two outputs are read at once.
	writing sync.Mutex
}

// AddStatusListener adds one.
func (p *runningJob) AddStatusListener(l task_logger.StatusListener) {
	p.statusListeners = append(p.statusListeners, l)
}

// AddLogListener adds one.
func (p *runningJob) AddLogListener(l task_logger.LogListener) {
	p.logListeners = append(p.logListeners, l)
}

// Log writes a line.
func (p *runningJob) Log(msg string) { p.LogWithTime(time.Now().UTC(), msg) }

// Logf writes a line.
func (p *runningJob) Logf(format string, a ...any) {
	p.LogfWithTime(time.Now().UTC(), format, a...)
}

// LogWithTime keeps a line until the next report.
func (p *runningJob) LogWithTime(now time.Time, msg string) {
	p.writing.Lock()
	p.logRecords = append(p.logRecords, LogRecord{Time: now, Message: msg})
	p.writing.Unlock()
	for _, listener := range p.logListeners {
		listener(now, msg)
	}
}

// LogfWithTime writes a line.
func (p *runningJob) LogfWithTime(now time.Time, format string, a ...any) {
	p.LogWithTime(now, fmt.Sprintf(format, a...))
}

// LogCmd takes both outputs of a program that has not been started yet.
func (p *runningJob) LogCmd(cmd *exec.Cmd) {
	p.logWG.Add(2)
	go p.logPipe(tasks.KeepOpen(cmd.StdoutPipe()))
	go p.logPipe(tasks.KeepOpen(cmd.StderrPipe()))
}

// WaitLog waits until every output was read to its end.
func (p *runningJob) WaitLog() { p.logWG.Wait() }

// SetCommit keeps the commit until the next report.
func (p *runningJob) SetCommit(hash, message string) {
	p.commit = &CommitInfo{Hash: hash, Message: message}
}

// SetStatus changes the status and tells the job and everybody who wants to know.
func (p *runningJob) SetStatus(status task_logger.TaskStatus) {
	if status == p.status {
		return
	}
	p.status = status
	p.job.SetStatus(status)
	for _, listener := range p.statusListeners {
		listener(status)
	}
}

// logPipe writes one output, line by line, and closes it. An output that cannot be read ends the job.
func (p *runningJob) logPipe(reader io.ReadCloser, err error) {
	defer p.logWG.Done()
	if err == nil {
		defer reader.Close()
		err = p.logLines(reader)
	}
	if err != nil {
		p.job.Kill()
		p.Log("Fatal error: the output of the program cannot be read: " + err.Error())
	}
}

// logLines is for programs that print long lines too.
func (p *runningJob) logLines(reader io.Reader) error {
	lines := bufio.NewScanner(reader)
	lines.Buffer(nil, 10<<20)
	for lines.Scan() {
		p.Log(lines.Text())
	}
	return lines.Err()
}
