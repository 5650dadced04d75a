// Command cron-reference answers what the reference's cron library (robfig/cron 3) makes of an expression.
//
// Each line of its input is {"expression", "zone", "from"}; each line of its output {"next": [six moments]}, or {"error": why not}.
// Only tests use it, side by side with the expressions of rust/task.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

// How long an answer may take: a hundred thousand times what it takes.
const patience = 5 * time.Second

type question struct {
	Expression string    `json:"expression"`
	Zone       string    `json:"zone"`
	From       time.Time `json:"from"`
}

type answer struct {
	Next  []string `json:"next"`
	Error string   `json:"error,omitempty"`
}

func (q question) answer() (told answer) {
	// Some expressions make the library panic.
	defer func() {
		if reason := recover(); reason != nil {
			told = answer{Error: fmt.Sprint("panic: ", reason)}
		}
	}()
	zone, err := time.LoadLocation(q.Zone)
	if err != nil {
		return answer{Error: err.Error()}
	}
	schedule, err := cron.ParseStandard(q.Expression)
	if err != nil {
		return answer{Error: err.Error()}
	}
	told.Next = []string{}
	at := q.From.In(zone)
	for len(told.Next) < 6 {
		at = schedule.Next(at)
		if at.IsZero() {
			break
		}
		told.Next = append(told.Next, at.UTC().Format(time.RFC3339))
	}
	return told
}

func main() {
	answers := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		told := make(chan answer, 1)
		go func() { told <- asked.answer() }()
		var reply answer
		select {
		case reply = <-told:
		case <-time.After(patience):
			// In zones whose clocks change at midnight the library looks for some moments for ever.
			reply = answer{Error: "endless"}
		}
		if err := answers.Encode(reply); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
