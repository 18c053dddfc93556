// SPDX-License-Identifier: MIT

import io.modelcontextprotocol.client.McpAsyncClient;
import io.modelcontextprotocol.client.McpClient;
import io.modelcontextprotocol.client.transport.HttpClientStreamableHttpTransport;
import io.modelcontextprotocol.json.McpJsonDefaults;
import io.modelcontextprotocol.json.McpJsonMapper;
import io.modelcontextprotocol.spec.McpSchema;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/** What children.py says to the official SDK, a line of JSON a message. */
public class Client {
	private static final McpJsonMapper json = McpJsonDefaults.getMapper();
	private static McpAsyncClient client;

	private static synchronized void say(Map<String, Object> m) {
		try {
			System.out.println(json.writeValueAsString(m));
			System.out.flush();
		} catch (Exception e) {
			throw new RuntimeException(e);
		}
	}

	private static Mono<Map<String, Object>> connect(Map<String, Object> m) {
		URI url = URI.create((String)m.get("url"));
		String base = url.getScheme() + "://" + url.getAuthority();

		client = McpClient.async(HttpClientStreamableHttpTransport
				.builder(base).endpoint(url.getPath())
				.requestBuilder(HttpRequest.newBuilder().header(
					"Authorization", "Bearer " + m.get("token")))
				.build())
			.requestTimeout(Duration.ofSeconds(60))
			.progressConsumer(p -> {
				say(Map.of("progress", String.valueOf(p.message())));
				return Mono.empty();
			}).build();
		return client.initialize().thenReturn(Map.of());
	}

	private static Map<String, Object> shown(McpSchema.CallToolResult r) {
		StringBuilder text = new StringBuilder();
		int pictures = 0;

		for (McpSchema.Content c : r.content())
			if (c instanceof McpSchema.TextContent t)
				text.append(t.text());
			else if (c instanceof McpSchema.ImageContent)
				pictures++;
		return Map.of("text", text.toString(), "pictures", pictures,
			"error", Boolean.TRUE.equals(r.isError()));
	}

	@SuppressWarnings("unchecked")
	private static Mono<Map<String, Object>> run(Map<String, Object> m) {
		if (m.get("do").equals("connect"))
			return connect(m);
		if (m.get("do").equals("list"))
			return client.listTools().map(r -> {
				List<String> names = new ArrayList<>();
				r.tools().forEach(t -> names.add(t.name()));
				return Map.of("tools", names);
			});
		return client.callTool(new McpSchema.CallToolRequest.Builder()
			.name((String)m.get("name"))
			.arguments((Map<String, Object>)m.get("arguments"))
			.progressToken(m.get("id")).build()).map(Client::shown);
	}

	/** An error with its causes. */
	private static String words(Throwable e) {
		StringBuilder text = new StringBuilder();

		for (; e != null; e = e.getCause())
			text.append(e.getMessage()).append("; ");
		return text.toString();
	}

	@SuppressWarnings("unchecked")
	public static void main(String[] argv) throws Exception {
		BufferedReader in = new BufferedReader(
			new InputStreamReader(System.in, "UTF-8"));
		Map<Object, Disposable> going = new HashMap<>();

		for (String line; (line = in.readLine()) != null;) {
			Map<String, Object> m = json.readValue(line, Map.class);
			Object id = m.get("id");

			if (m.containsKey("cancel")) {
				going.get(m.get("cancel")).dispose();
				continue;
			}
			going.put(id, run(m).subscribe(r -> {
				Map<String, Object> answer = new HashMap<>(r);
				answer.put("id", id);
				say(answer);
			}, e -> say(Map.of("id", id, "failed", words(e)))));
		}
		System.exit(0);
	}
}
