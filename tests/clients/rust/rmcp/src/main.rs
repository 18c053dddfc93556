// SPDX-License-Identifier: MIT

//! What children.py says to rmcp, a line of JSON a message.

use std::collections::HashMap;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest,
    ProgressNotificationParam, ServerResult,
};
use rmcp::service::{
    NotificationContext, PeerRequestOptions, RoleClient, RunningService,
};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::{ClientHandler, ServiceExt};
use serde_json::{json, Value};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::oneshot;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Service = Arc<RunningService<RoleClient, Handler>>;

#[derive(Clone, Default)]
struct Handler;

impl ClientHandler for Handler {
    async fn on_progress(
        &self,
        p: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        println!("{}", json!({"progress": p.message.unwrap_or_default()}));
    }
}

async fn connect(m: &Value) -> Result<Service, Error> {
    let config = StreamableHttpClientTransportConfig::with_uri(
        m["url"].as_str().unwrap_or_default(),
    )
    .auth_header(m["token"].as_str().unwrap_or_default());
    Ok(Arc::new(
        Handler
            .serve(StreamableHttpClientTransport::from_config(config))
            .await?,
    ))
}

/// Of content blocks, as the protocol writes them.
fn shown(result: &Value) -> Value {
    let none = vec![];
    let blocks = result["content"].as_array().unwrap_or(&none);
    let text: String =
        blocks.iter().filter_map(|b| b["text"].as_str()).collect();
    let pictures = blocks.iter().filter(|b| b["type"] == "image").count();
    json!({"text": text, "pictures": pictures,
           "error": result["isError"].as_bool().unwrap_or(false)})
}

async fn call(
    service: Service,
    m: Value,
    cancelled: oneshot::Receiver<()>,
) -> Result<Value, Error> {
    let mut params = CallToolRequestParams::new(
        m["name"].as_str().unwrap_or_default().to_owned(),
    );
    params.arguments = m["arguments"].as_object().cloned();
    let mut handle = service
        .send_cancellable_request(
            ClientRequest::CallToolRequest(CallToolRequest::new(params)),
            PeerRequestOptions::no_options(),
        )
        .await?;
    let answered = tokio::select! {
        r = &mut handle.rx => Some(r),
        _ = cancelled => None,
    };
    match answered {
        Some(r) => match r?? {
            ServerResult::CallToolResult(r) => {
                Ok(shown(&serde_json::to_value(r)?))
            }
            other => Err(format!("unexpected: {other:?}").into()),
        },
        None => {
            handle.cancel(None).await?;
            Err("cancelled".into())
        }
    }
}

async fn list(service: Service) -> Result<Value, Error> {
    let tools = service.list_all_tools().await?;
    let names: Vec<_> = tools.iter().map(|t| t.name.to_string()).collect();
    Ok(json!({"tools": names}))
}

/// An error with its causes.
fn say(id: &Value, result: Result<Value, Error>) {
    let mut m = result.unwrap_or_else(|e| {
        let mut text = e.to_string();
        let mut cause = e.source();
        while let Some(c) = cause {
            text += &format!("; {c}");
            cause = c.source();
        }
        json!({"failed": text})
    });
    m["id"] = id.clone();
    println!("{m}");
}

#[tokio::main]
async fn main() {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut going: HashMap<u64, oneshot::Sender<()>> = HashMap::new();
    let mut service = None;

    while let Ok(Some(line)) = lines.next_line().await {
        let m: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(id) = m["cancel"].as_u64() {
            if let Some(cancel) = going.remove(&id) {
                let _ = cancel.send(());
            }
            continue;
        }
        let id = m["id"].clone();
        if m["do"] == "connect" {
            let done = connect(&m).await;
            say(&id, done.map(|s| service = Some(s)).map(|()| json!({})));
            continue;
        }
        let Some(s) = service.clone() else { continue };
        let (cancel, cancelled) = oneshot::channel();
        going.insert(id.as_u64().unwrap_or_default(), cancel);
        tokio::spawn(async move {
            let result = if m["do"] == "list" {
                list(s).await
            } else {
                call(s, m, cancelled).await
            };
            say(&id, result);
        });
    }
}
