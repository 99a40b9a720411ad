// Package journal is the durable log of talkbridge: an ordered, append-only stream of small records, two kinds
// per call, kept by an embedded NATS JetStream engine that is reached in-process.
//
// A record that Append reported is on the disk (the engine syncs every write, and no option changes that). It
// survives the death of the process and a power cut on a disk that honours fsync. One process at a time may hold a
// folder: Open takes a lock that dies with the process. Open looks at what it finds before anything may write to
// it, and refuses a folder that has lost records, rather than start with less than there was.
//
// It does NOT know phone systems, calls or Zendesk: data is bytes to it. It does not age records away (the owner
// purges what it no longer needs), it never falls back to memory, it opens no network port, and it does not repair
// a damaged folder. A single engine writes at most one message per fsync, until 32 appends wait: then they share
// one. FsyncTime says how long that takes here.
//
// ExampleJournal_Tail shows the whole of it: append, then read in order from any sequence on.
package journal
