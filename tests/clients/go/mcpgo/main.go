// SPDX-License-Identifier: MIT

// The library mcp-go.
package main

import (
	"context"
	"fmt"
	"strings"

	"clients/lines"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

type library struct {
	c *client.Client
}

// The transport of 2024-11-05 has a path of its own.
func open(url string, headers map[string]string) (*client.Client, error) {
	if strings.HasSuffix(url, "/sse") {
		return client.NewSSEMCPClient(url, client.WithHeaders(headers))
	}
	return client.NewStreamableHttpClient(url,
		transport.WithHTTPHeaders(headers))
}

func (l *library) Connect(ctx context.Context, url, token string) error {
	c, err := open(url, map[string]string{"Authorization": "Bearer " + token})
	if err != nil {
		return err
	}
	l.c = c
	c.OnNotification(func(n mcp.JSONRPCNotification) {
		if n.Method == "notifications/progress" {
			lines.Progress(fmt.Sprint(
				n.Params.AdditionalFields["message"]))
		}
	})
	if err = c.Start(ctx); err != nil {
		return err
	}
	r := mcp.InitializeRequest{}
	r.Params.ProtocolVersion = mcp.LATEST_PROTOCOL_VERSION
	r.Params.ClientInfo = mcp.Implementation{Name: "clients", Version: "1"}
	_, err = c.Initialize(ctx, r)
	return err
}

func (l *library) List(ctx context.Context) ([]string, error) {
	r, err := l.c.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		return nil, err
	}
	return lines.NamesOf(r)
}

func (l *library) Call(ctx context.Context, id int, name string,
	arguments map[string]any) (lines.Result, error) {
	q := mcp.CallToolRequest{}
	q.Params.Name, q.Params.Arguments = name, arguments
	q.Params.Meta = &mcp.Meta{ProgressToken: id}
	r, err := l.c.CallTool(ctx, q)
	if err != nil {
		return lines.Result{}, err
	}
	return lines.ResultOf(r)
}

func main() {
	lines.Serve(&library{})
}
