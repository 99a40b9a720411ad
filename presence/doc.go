// Package presence makes agents' statuses in Zendesk and their phones agree, both
// ways: who talks on the phone, or is paused in its queues, gets a status there,
// and who takes a status there is paused here. What it did is taken back when its
// reason is over, and only if nobody changed it meanwhile.
//
// It looks at what is, never at what just happened: decide is a pure function of
// what the phones say, what Zendesk says and what is remembered of our own doing.
// What we did ourselves is no reason to do anything, so that nothing goes in
// circles. What is remembered is durable before anything is done.
//
// It reads the journal and writes nothing to it but to its cache; it knows no
// tickets, and nothing of calls depends on it.
package presence
