//! A file of the notation, read as a conversation.
