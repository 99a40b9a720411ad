// Package bridge makes Zendesk agree with what happened on the phone. It reads
// the journal, folds the events of each call and the outcomes of what it did
// about them, plans what is owed next, does it, and appends the outcome. That is
// the whole loop; state in memory is only ever a reading of the journal.
//
// Two walls keep its promise, one call one ticket. An intent with the frozen
// request is durable before every write to a ticket; and where a write's fate
// is unknown, the ticket is looked up by its external_id until the write
// cannot commit any more, before it is repeated. See plan and Record.
//
// The package does not speak with any phone system: drivers append events
// through Sink. It does not decide who sees a page (package screenpop does)
// nor touch audio (package voicemail does).
package bridge
