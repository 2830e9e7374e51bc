//! The servers as people run them: real processes, real sockets, and peers that do not behave.

#[path = "system/client.rs"]
mod client;
#[path = "system/listener.rs"]
mod listener;
#[path = "system/process.rs"]
mod process;
#[path = "system/topics.rs"]
mod topics;
#[path = "system/uploads.rs"]
mod uploads;
#[path = "system/websocket.rs"]
mod websocket;

#[path = "system/blocking.rs"]
mod blocking;
#[path = "system/bulk.rs"]
mod bulk;
#[path = "system/crowd.rs"]
mod crowd;
#[path = "system/data.rs"]
mod data;
#[path = "system/deadlines.rs"]
mod deadlines;
#[path = "system/departures.rs"]
mod departures;
#[path = "system/full.rs"]
mod full;
#[path = "system/hostile.rs"]
mod hostile;
#[path = "system/images.rs"]
mod images;
#[path = "system/images_large.rs"]
mod images_large;
#[path = "system/jobs.rs"]
mod jobs;
#[path = "system/limits.rs"]
mod limits;
#[path = "system/live.rs"]
mod live;
#[path = "system/live_firehose.rs"]
mod live_firehose;
#[path = "system/live_wire.rs"]
mod live_wire;
#[path = "system/logging.rs"]
mod logging;
#[path = "system/pipeline.rs"]
mod pipeline;
#[path = "system/pipelining.rs"]
mod pipelining;
#[path = "system/queues.rs"]
mod queues;
#[path = "system/starting.rs"]
mod starting;
#[path = "system/stopping.rs"]
mod stopping;
#[path = "system/tools.rs"]
mod tools;
#[path = "system/topics_crowd.rs"]
mod topics_crowd;
#[path = "system/topics_ends.rs"]
mod topics_ends;
#[path = "system/topics_pressure.rs"]
mod topics_pressure;
#[path = "system/topics_resume.rs"]
mod topics_resume;
#[path = "system/topics_ways.rs"]
mod topics_ways;
#[path = "system/tracing.rs"]
mod tracing;
#[path = "system/uploads_full.rs"]
mod uploads_full;
#[path = "system/uploads_parts.rs"]
mod uploads_parts;
#[path = "system/websocket_chat.rs"]
mod websocket_chat;
#[path = "system/websocket_closing.rs"]
mod websocket_closing;
#[path = "system/websocket_crowd.rs"]
mod websocket_crowd;
#[path = "system/websocket_handshake.rs"]
mod websocket_handshake;
#[path = "system/websocket_heartbeat.rs"]
mod websocket_heartbeat;
#[path = "system/websocket_pressure.rs"]
mod websocket_pressure;
#[path = "system/websocket_rules.rs"]
mod websocket_rules;
