# SPDX-License-Identifier: MIT
"""fakemodel: what a client sends to its model, by the four usual interfaces.

A server on 127.0.0.1 asks for one command by exec_cmd, is given the tool's
result, and ends the talk; `given` is that result as the client passed it on.
"""
import http.server
import json
import threading


def as_text(value):
    """Text of a result, whatever blocks a client wraps it in."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(as_text(v.get("text", "")) if isinstance(v, dict)
                       else as_text(v) for v in value)
    return as_text(value.get("output", value.get("error", "")))


def pick(names):
    """The shell tool of ours, however a client prefixed its name."""
    return next((n for n in names if n.endswith("exec_cmd")), None)


class Messages:
    """Anthropic's."""
    @staticmethod
    def given(body):
        last = body["messages"][-1]["content"]
        return next((p["content"] for p in last if isinstance(p, dict) and
                     p.get("type") == "tool_result"), None)

    @staticmethod
    def tool(body):
        return pick(t["name"] for t in body.get("tools", []))

    @staticmethod
    def events(tool, arguments):
        def event(kind, **more):
            return kind, {"type": kind, **more}
        yield event("message_start", message={
            "id": "m", "type": "message", "role": "assistant",
            "model": "fake", "content": [], "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1}})
        block, delta = ({"type": "text", "text": ""},
                        {"type": "text_delta", "text": "done"})
        if tool:
            block = {"type": "tool_use", "id": "t1", "name": tool, "input": {}}
            delta = {"type": "input_json_delta",
                     "partial_json": json.dumps(arguments)}
        yield event("content_block_start", index=0, content_block=block)
        yield event("content_block_delta", index=0, delta=delta)
        yield event("content_block_stop", index=0)
        yield event("message_delta", usage={"output_tokens": 1}, delta={
            "stop_reason": "tool_use" if tool else "end_turn",
            "stop_sequence": None})
        yield event("message_stop")


class Responses:
    """OpenAI's newer; a tool may be in a namespace."""
    @staticmethod
    def given(body):
        return next((i["output"] for i in body["input"]
                     if i.get("type") == "function_call_output"), None)

    @staticmethod
    def tool(body):
        for t in body.get("tools", []):
            inner = pick(x["name"] for x in t.get("tools", []))
            if inner:
                return t["name"], inner
        name = pick(t.get("name", "") for t in body.get("tools", []))
        return (None, name) if name else None

    @staticmethod
    def events(tool, arguments):
        item = {"type": "message", "id": "m", "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "done",
                             "annotations": []}]}
        if tool:
            space, name = tool
            item = {"type": "function_call", "id": "f", "call_id": "c1",
                    "name": name, "arguments": json.dumps(arguments),
                    **({"namespace": space} if space else {})}
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        for kind, more in (
                ("response.created", {"response": {"id": "r"}}),
                ("response.output_item.done",
                 {"output_index": 0, "item": item}),
                ("response.completed", {"response": {
                    "id": "r", "output": [item], "usage": usage}})):
            yield kind, {"type": kind, **more}


class Chat:
    """OpenAI's older, which many speak."""
    @staticmethod
    def given(body):
        return next((m["content"] for m in body["messages"]
                     if m["role"] == "tool"), None)

    @staticmethod
    def tool(body):
        return pick(t["function"]["name"] for t in body.get("tools", []))

    @staticmethod
    def events(tool, arguments):
        delta = {"role": "assistant", "content": "done"}
        if tool:
            delta = {"role": "assistant", "tool_calls": [{
                "index": 0, "id": "c1", "type": "function", "function": {
                    "name": tool, "arguments": json.dumps(arguments)}}]}
        for d, reason in ((delta, None),
                          ({}, "tool_calls" if tool else "stop")):
            yield None, {"id": "x", "object": "chat.completion.chunk",
                         "created": 1, "model": "fake", "choices": [{
                             "index": 0, "delta": d,
                             "finish_reason": reason}]}
        yield None, "[DONE]"


class Generate:
    """Google's."""
    @staticmethod
    def given(body):
        return next((p["functionResponse"]["response"]
                     for c in body["contents"] for p in c["parts"]
                     if "functionResponse" in p), None)

    @staticmethod
    def tool(body):
        return pick(f["name"] for t in body.get("tools", [])
                    for f in t.get("functionDeclarations", []))

    @staticmethod
    def events(tool, arguments):
        part = {"text": "done"}
        if tool:
            part = {"functionCall": {"name": tool, "args": arguments}}
        yield None, {"candidates": [{
            "index": 0, "finishReason": "STOP",
            "content": {"role": "model", "parts": [part]}}],
            "usageMetadata": {"promptTokenCount": 1,
                              "candidatesTokenCount": 1,
                              "totalTokenCount": 2}}


PATHS = {"/messages": Messages, "/responses": Responses,
         "/chat/completions": Chat, ":streamGenerateContent": Generate}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer("application/json", b'{"data": [], "models": []}')

    do_HEAD = do_GET

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        out = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            out += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return out

    def do_POST(self):
        body, path = self.body(), self.path.partition("?")[0]
        api = next((PATHS[p] for p in PATHS if path.endswith(p)), None)
        if api is None:
            return self.answer("application/json", b"{}")
        events = self.server.model.turn(api, json.loads(body))
        out = "".join(
            (f"event: {kind}\n" if kind else "") + "data: "
            + (data if isinstance(data, str) else json.dumps(data)) + "\n\n"
            for kind, data in events)
        self.answer("text/event-stream", out.encode())

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Model:
    def __init__(self, command):
        self.command, self.given, self.tool = command, None, None
        self.prompt = ""        # all that it was told in one turn
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads, self.server.model = True, self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def turn(self, api, body):
        given, tool = api.given(body), api.tool(body)
        if tool:
            self.tool, self.prompt = tool, json.dumps(body)
        if given is not None:
            self.given, tool = as_text(given), None
        return api.events(tool, {"command": self.command})

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
