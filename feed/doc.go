// Package feed tells what happens on the phone, as it happens: a WebSocket that
// carries the entries of the journal as CloudEvents in JSON, behind a snapshot
// of the live calls. Each message has a cursor, and a reader that was cut off
// resumes by it without a gap and without a repeat.
//
// One goroutine reads the journal (Hub.Run), folds the calls, encodes each entry
// once and hands it to every reader whose filter and scope it fits. A reader has
// a bounded queue and a writer of its own; one that does not keep up is closed
// and may resume, and holds nobody up. A Gate says who may read: bearer tokens,
// cookies made of them, and tickets that work once. Reader is the other end: it
// follows a feed and resumes by itself.
//
// The package does not know Zendesk, nor what an outcome means: outcomes pass
// through as data. It takes nothing from its readers but their filters, keeps
// nothing on disk, and shows neither the raw facts of the phone system nor paths
// of its files. ExampleReader_Run shows the whole of it.
package feed
