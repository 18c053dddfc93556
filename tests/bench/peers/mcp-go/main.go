// SPDX-License-Identifier: MIT

// Peer of tests/bench/run: mcp-go, which hands a string to "sh -c".
package main

import (
	"context"
	"log"
	"os"
	"os/exec"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

func run(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	command, err := request.RequireString("command")
	if err != nil {
		return mcp.NewToolResultError(err.Error()), nil
	}
	output, err := exec.CommandContext(ctx, "sh", "-c", command).CombinedOutput()
	if err != nil {
		return mcp.NewToolResultError(string(output)), nil
	}
	return mcp.NewToolResultText(string(output)), nil
}

func main() {
	s := server.NewMCPServer("bench", "1.0.0")
	s.AddTool(mcp.NewTool("exec_cmd", mcp.WithString("command", mcp.Required())), run)
	address := "127.0.0.1:" + os.Args[2]
	if os.Args[1] == "sse" {
		log.Fatal(server.NewSSEServer(s).Start(address))
	}
	log.Fatal(server.NewStreamableHTTPServer(s).Start(address))
}
