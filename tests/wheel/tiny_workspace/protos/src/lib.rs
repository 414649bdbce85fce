//! Empty: only the protobuf files of this crate are used.
