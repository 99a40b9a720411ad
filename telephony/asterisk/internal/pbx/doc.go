// Package pbx holds what is true of Asterisk whichever of its interfaces tells:
// how it names channels, whose they are, in which order its facts follow each
// other, what of a snapshot is an event, and how events are packed into entries
// of the journal. It speaks to nobody.
package pbx
