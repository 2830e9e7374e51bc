//! What everybody may rely on, whatever happens to those who speak, to those who hear, and to the server: tried at random.
//!
//! The server lives many times on one folder. Most lives end by `kill -9`, some in order, some are over before the last
//! one's rows were taken up. Meanwhile some publish events and others hear them, in every way that there is; some post
//! messages and others work on them, or walk away from them; some upload what is cut again and again. All go and come
//! again. Afterwards all that was said and heard is held against the rules. These are the promises, and they stand in
//! `model/topic_rules.rs` for topics, in `model/queue_rules.rs` for queues and in `model/upload_rules.rs` for uploads.
//!
//! What each of them chooses to do follows from a seed, which is printed; when the server dies meanwhile does not, as
//! threads are as they are. A few short runs are made, or what is asked for:
//!
//! ```text
//! SEED=7 LIVES=300 cargo test --test model -- --nocapture
//! ```

#[allow(dead_code, reason = "other test programs need more of them")]
#[path = "system/client.rs"]
mod client;
#[path = "support/port.rs"]
mod port;
#[allow(dead_code, reason = "other test programs need more of it")]
#[path = "system/process.rs"]
mod process;
#[allow(dead_code, reason = "other test programs need more of it")]
#[path = "system/websocket.rs"]
mod websocket;

#[path = "model/complaints.rs"]
mod complaints;
#[path = "model/observer.rs"]
mod observer;
#[path = "model/plan.rs"]
mod plan;
#[path = "model/poll.rs"]
mod poll;
#[path = "model/producer.rs"]
mod producer;
#[path = "model/publisher.rs"]
mod publisher;
#[path = "model/queue_rules.rs"]
mod queue_rules;
#[path = "model/queues.rs"]
mod queues;
#[path = "model/request.rs"]
mod request;
#[path = "model/socket.rs"]
mod socket;
#[path = "model/sources.rs"]
mod sources;
#[path = "model/stream.rs"]
mod stream;
#[path = "model/subscriber.rs"]
mod subscriber;
#[path = "model/topic_rules.rs"]
mod topic_rules;
#[path = "model/topics.rs"]
mod topics;
#[path = "model/upload_rules.rs"]
mod upload_rules;
#[path = "model/uploader.rs"]
mod uploader;
#[path = "model/uploads.rs"]
mod uploads;
#[path = "model/worker.rs"]
mod worker;
#[path = "model/world.rs"]
mod world;
