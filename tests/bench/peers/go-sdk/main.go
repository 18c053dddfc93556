// SPDX-License-Identifier: MIT

// Peer of tests/bench/run: the official Go SDK, which hands a string to "sh -c".
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/exec"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type arguments struct {
	Command string `json:"command"`
}

func run(ctx context.Context, _ *mcp.CallToolRequest, a arguments) (*mcp.CallToolResult, any, error) {
	output, err := exec.CommandContext(ctx, "sh", "-c", a.Command).CombinedOutput()
	return &mcp.CallToolResult{
		Content: []mcp.Content{&mcp.TextContent{Text: string(output)}},
		IsError: err != nil,
	}, nil, nil
}

func main() {
	s := mcp.NewServer(&mcp.Implementation{Name: "bench", Version: "1.0.0"}, nil)
	mcp.AddTool(s, &mcp.Tool{Name: "exec_cmd"}, run)
	give := func(*http.Request) *mcp.Server { return s }
	var handler http.Handler = mcp.NewStreamableHTTPHandler(give, nil)
	if os.Args[1] == "sse" {
		handler = mcp.NewSSEHandler(give, nil)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[2], handler))
}
