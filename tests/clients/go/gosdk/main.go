// SPDX-License-Identifier: MIT

// The official SDK.
package main

import (
	"context"
	"net/http"

	"clients/lines"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

type library struct {
	session *mcp.ClientSession
}

func (l *library) Connect(ctx context.Context, url, token string) error {
	c := mcp.NewClient(&mcp.Implementation{Name: "clients", Version: "1"},
		&mcp.ClientOptions{ProgressNotificationHandler: func(
			_ context.Context, r *mcp.ProgressNotificationClientRequest) {
			lines.Progress(r.Params.Message)
		}})
	var err error
	l.session, err = c.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint:   url,
		HTTPClient: &http.Client{Transport: bearer(token)},
	}, nil)
	return err
}

func (l *library) List(ctx context.Context) ([]string, error) {
	r, err := l.session.ListTools(ctx, nil)
	if err != nil {
		return nil, err
	}
	return lines.NamesOf(r)
}

func (l *library) Call(ctx context.Context, id int, name string,
	arguments map[string]any) (lines.Result, error) {
	p := &mcp.CallToolParams{Meta: mcp.Meta{}, Name: name,
		Arguments: arguments}
	p.SetProgressToken(id)
	r, err := l.session.CallTool(ctx, p)
	if err != nil {
		return lines.Result{}, err
	}
	return lines.ResultOf(r)
}

func main() {
	lines.Serve(&library{})
}
