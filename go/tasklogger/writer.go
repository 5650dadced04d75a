package tasklogger

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
)

var _ io.Writer = (*Logger)(nil)

// longestRest is how much of a line without an end Write keeps; a longer line is cut.
const longestRest = 1 << 20

// rest is the beginning of a line that Write has not seen the end of.
type rest struct {
	mu   sync.Mutex
	text []byte
}

// Write makes a Logger an io.Writer: every line becomes a line of the log, of the host's own stream. A line without an end waits for
// the next Write; WaitLog, a final status and Close end it. It fails when the log is closed.
func (l *Logger) Write(p []byte) (int, error) {
	l.rest.mu.Lock()
	defer l.rest.mu.Unlock()
	end := bytes.LastIndexByte(p, '\n') + 1
	if end == 0 && len(l.rest.text)+len(p) < longestRest {
		if l.closed.Load() {
			return 0, core.Convert(native.LogWrite(l.handle, native.StreamSystem, 0, ""))
		}
		l.rest.text = append(l.rest.text, p...)
		return len(p), nil
	}
	if end == 0 {
		end = len(p)
	}
	if err := l.writeLines(append(l.rest.text, p[:end]...)); err != nil {
		return 0, err
	}
	l.rest.text = append(l.rest.text[:0], p[end:]...)
	return len(p), nil
}

func (l *Logger) writeLines(text []byte) error {
	return core.Convert(native.LogWrite(l.handle, native.StreamSystem, time.Now().UnixNano(), string(text)))
}

// end ends the line that waits.
func (r *rest) end(l *Logger) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.text) == 0 {
		return
	}
	if err := l.writeLines(r.text); err != nil {
		l.failed("a line was not written", err)
	}
	r.text = nil
}

// Handler makes the log the place of a slog.Logger: every record is one line of text (level, message, attributes) with the record's
// time. Options may be nil, as for slog.NewTextHandler. Do not use it for the runtime's own Options.Logger.
func (l *Logger) Handler(options *slog.HandlerOptions) slog.Handler {
	line := &line{logger: l}
	return &handler{line, slog.NewTextHandler(&line.text, options)}
}

// handler is a text handler whose lines go to a log.
type handler struct {
	line *line
	text slog.Handler
}

// line is where the text handlers of one Handler write, one after the other.
type line struct {
	logger *Logger
	mu     sync.Mutex
	text   strings.Builder
}

// Enabled says whether records of a level are wanted.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.text.Enabled(ctx, level)
}

// Handle writes a record.
func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	now := record.Time
	if now.IsZero() {
		now = time.Now()
	}
	// The line of the log has the time.
	record.Time = time.Time{}
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	h.line.text.Reset()
	if err := h.text.Handle(ctx, record); err != nil {
		return err
	}
	text := strings.TrimSuffix(h.line.text.String(), "\n")
	return core.Convert(native.LogWrite(h.line.logger.handle, native.StreamSystem|native.StreamWhole, now.UnixNano(), text))
}

// WithAttrs adds attributes.
func (h *handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return &handler{h.line, h.text.WithAttrs(attributes)}
}

// WithGroup opens a group of attributes.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.line, h.text.WithGroup(name)}
}
