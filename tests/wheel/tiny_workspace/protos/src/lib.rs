//! Nothing: only its protobuf files are used.
