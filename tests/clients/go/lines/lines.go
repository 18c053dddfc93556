// SPDX-License-Identifier: MIT

// Package lines is what children.py says to a library, a line of JSON a
// message.
package lines

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"sync"
)

// Result is what a model is given.
type Result struct {
	Text     string `json:"text"`
	Pictures int    `json:"pictures"`
	Error    bool   `json:"error"`
}

// Library is one of clients.
type Library interface {
	Connect(ctx context.Context, url, token string) error
	List(ctx context.Context) ([]string, error)
	Call(ctx context.Context, id int, name string,
		arguments map[string]any) (Result, error)
}

// read goes by what the protocol says, whatever a library's types are.
func read(got, into any) error {
	raw, err := json.Marshal(got)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// ResultOf is what a model is given of a library's result of a call.
func ResultOf(got any) (out Result, err error) {
	var r struct {
		Content []struct{ Type, Text string }
		IsError bool
	}
	err = read(got, &r)
	out.Error = r.IsError
	for _, c := range r.Content {
		out.Text += c.Text
		if c.Type == "image" {
			out.Pictures++
		}
	}
	return out, err
}

// NamesOf are those of a library's list of tools.
func NamesOf(got any) (names []string, err error) {
	var r struct{ Tools []struct{ Name string } }
	err = read(got, &r)
	for _, t := range r.Tools {
		names = append(names, t.Name)
	}
	return names, err
}

type message struct {
	ID, Cancel           int
	Do, URL, Token, Name string
	Arguments            map[string]any
}

var out sync.Mutex

func say(m any) {
	out.Lock()
	defer out.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(m)
}

// Progress passes live output on.
func Progress(text string) {
	say(map[string]string{"progress": text})
}

func do(ctx context.Context, l Library, m message) {
	answer := map[string]any{"id": m.ID}
	var err error

	switch m.Do {
	case "connect":
		// for longer than this one message
		err = l.Connect(context.Background(), m.URL, m.Token)
	case "list":
		answer["tools"], err = l.List(ctx)
	case "call":
		var r Result
		r, err = l.Call(ctx, m.ID, m.Name, m.Arguments)
		answer["text"], answer["pictures"], answer["error"] =
			r.Text, r.Pictures, r.Error
	}
	if err != nil {
		answer = map[string]any{"id": m.ID, "failed": err.Error()}
	}
	say(answer)
}

// Serve answers until standard input ends.
func Serve(l Library) {
	in := bufio.NewReader(os.Stdin)
	going := map[int]context.CancelFunc{}

	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(line, &m) != nil {
			continue
		}
		if m.Cancel != 0 {
			going[m.Cancel]()
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		going[m.ID] = cancel
		go do(ctx, l, m)
	}
}
